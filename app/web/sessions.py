"""Who is signed in: an encrypted cookie that holds the token, which every request is authenticated by again.

So nothing is kept between requests, a token that is revoked ends its sessions at once, and replicas that
share a secret share the sessions. The cookie counts for the pages only: the API takes no cookies.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from starlette.requests import Request
from starlette.responses import Response

LONGEST_TOKEN: Final = 2700
"""Characters. A browser keeps 4096 of a cookie, and encryption makes it longer by a third."""


@dataclass(frozen=True)
class Sessions:
    """Seals tokens into cookies. `seconds` is how long one counts; `secure` keeps it to https."""

    secret: str = field(repr=False)
    seconds: int = 8 * 3600
    secure: bool = False

    @property
    def cookie(self) -> str:
        """The cookie's name; `__Host-` has browsers refuse one that another host or path has set."""
        return "__Host-berth" if self.secure else "berth"

    def open(self, request: Request) -> tuple[str, str]:
        """The cookie, and the token in it; both empty if there is none that counts."""
        sealed = request.cookies.get(self.cookie, "")
        if not sealed:
            return "", ""
        try:
            return sealed, self._fernet.decrypt(sealed.encode(), ttl=self.seconds).decode()
        except (InvalidToken, UnicodeDecodeError):
            return "", ""

    def start(self, response: Response, token: str) -> None:
        """Put a token into the browser."""
        sealed = self._fernet.encrypt(token.encode()).decode()
        response.set_cookie(
            self.cookie,
            sealed,
            max_age=self.seconds,
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="lax",
        )

    def end(self, response: Response) -> None:
        """Take it out again."""
        response.delete_cookie(self.cookie, path="/", secure=self.secure, httponly=True, samesite="lax")

    def stamp(self, sealed: str) -> str:
        """What a form of this session has to bring back: nobody else's page can know it."""
        return hmac.new(self._key, b"form " + sealed.encode(), hashlib.sha256).hexdigest()

    def is_stamped(self, sealed: str, stamp: str) -> bool:
        """Whether a form is one of this session's."""
        return hmac.compare_digest(self.stamp(sealed).encode(), stamp.encode(errors="replace"))

    @property
    def _key(self) -> bytes:
        return hashlib.sha256(b"berth pages " + self.secret.encode()).digest()

    @property
    def _fernet(self) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self._key))
