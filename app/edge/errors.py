"""What can be wrong with HTTP itself, before a request means anything.

BerthError
├── Refusal
│   ├── MalformedBody          malformed_body
│   ├── BodyTooLarge           body_too_large
│   ├── UnsupportedMediaType   unsupported_media_type
│   ├── MethodNotAllowed       method_not_allowed
│   ├── CrossSite              cross_site
│   └── HttpsRequired          https_required
├── Later
│   ├── SlowBody               slow_body
│   └── TooManyFailures        too_many_failures
└── InternalError              internal_error
"""

from collections.abc import Iterable

from app.domain.errors import BerthError, Later, Refusal


class MalformedBody(Refusal):
    """The body cannot be read. Send a JSON object in UTF-8."""

    code = "malformed_body"


class BodyTooLarge(Refusal):
    """The body is too large."""

    code = "body_too_large"


class UnsupportedMediaType(Refusal):
    """Send JSON, or a form encoded as `application/x-www-form-urlencoded`."""

    code = "unsupported_media_type"


class MethodNotAllowed(Refusal):
    """This route does not answer this method; the `Allow` header names those that it does."""

    code = "method_not_allowed"

    def __init__(self, allowed: Iterable[str]) -> None:
        super().__init__()
        self.allowed = tuple(sorted(allowed))


class CrossSite(Refusal):
    """A browser sent this from another site. Basic credentials count only on requests of the same origin."""

    code = "cross_site"


class HttpsRequired(Refusal):
    """This token came over plain HTTP, where it can be read on the way. Replace it, and send it by HTTPS."""

    code = "https_required"


class SlowBody(Later):
    """The body did not arrive in time; send the same request again."""

    code = "slow_body"


class TooManyFailures(Later):
    """Too many wrong tokens came from this address; send the right one after the time in `Retry-After`."""

    code = "too_many_failures"


class InternalError(BerthError):
    """Berth failed. Its log has the details under the id in the `X-Request-ID` header of this answer."""

    code = "internal_error"
