"""Who asks: a token, as a bearer token or as the password of HTTP Basic, becomes a Caller.

This happens before the body is read, so that a stranger cannot make the process parse anything.
"""

import base64
import binascii
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Final, Protocol
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.domain.commands import Caller
from app.domain.errors import Unauthenticated
from app.edge.errors import CrossSite, HttpsRequired
from app.edge.failures import FailedLogins
from app.edge.requests import current_request
from app.telemetry.events import note

CALLER: Final = "berth.caller"
MAX_CREDENTIALS: Final = 8192
"""Characters; the signed tokens of some issuers list all the groups of a person."""
ENROLLED: Final = frozenset({("POST", "/api/v1/allocations")})
"""The routes at which an enrolment token counts."""
SAME_ORIGIN: Final = frozenset({"same-origin", "none"})


class Authenticator(Protocol):
    """Knows the tokens."""

    async def authenticate(self, token: str, client_address: str) -> Caller | None:
        """The caller whose token this is, or None. Takes the same time whether the token is known.

        Args:
            token: what was sent.
            client_address: from which IP address; some tokens count from some networks only.

        Raises:
            Later: nobody can say at the moment.
        """
        ...


@dataclass(frozen=True, slots=True)
class Authentication:
    """Lets only known callers through to the paths below `below`.

    Without `allow_http`, a token that comes over plain HTTP from beyond this machine is not even looked at.
    """

    app: ASGIApp
    authenticator: Authenticator
    below: str = "/api/"
    failures: FailedLogins = field(default_factory=FailedLogins)
    allow_http: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the caller into the scope.

        Raises:
            Unauthenticated, CrossSite, HttpsRequired: there is none.
            TooManyFailures: there were too many wrong ones from there.
        """
        if scope["type"] == "http" and scope["path"].startswith(self.below):
            if not self.allow_http and is_readable_on_the_way(scope):
                raise HttpsRequired
            caller = await self._caller(Headers(scope=scope))
            check_enrolled(caller, scope["method"], scope["path"])
            scope[CALLER] = caller
        await self.app(scope, receive, send)

    async def _caller(self, headers: Headers) -> Caller:
        scheme, token = _credentials(headers)
        if scheme == "basic":
            check_same_origin(headers)
        request = current_request()
        self.failures.check(request.client_address)
        caller = await self.authenticator.authenticate(token, request.client_address)
        if caller is None:
            self.failures.count(request.client_address)
            raise Unauthenticated("This token is not known, or no longer valid. " + _SEND)
        note(owner=caller.owner, method_of_authentication=caller.method)
        return replace(caller, client_address=request.client_address, request_id=request.request_id)


def is_readable_on_the_way(scope: Scope) -> bool:
    """Whether a request came over plain HTTP from another machine. A Unix socket has no address."""
    client = scope.get("client")
    if scope.get("scheme", "http") != "http" or not client or not client[0]:
        return False
    try:
        return not ip_address(client[0]).is_loopback
    except ValueError:
        return True


_SEND = "Send a valid token as `Authorization: Bearer <token>`."


def check_enrolled(caller: Caller, method: str, path: str) -> None:
    """Refuse an enrolment token everywhere but where a machine takes what it is for.

    Raises:
        Unauthenticated: it was sent to another route.
    """
    if caller.method == "enrolment" and (method, path) not in ENROLLED:
        raise Unauthenticated("An enrolment token is good for `POST /api/v1/allocations` alone.")


async def caller_of(request: Request) -> Caller:
    """The caller whom the middleware let through. FastAPI would run it in a thread if it were not async."""
    caller = request.scope.get(CALLER)
    if not isinstance(caller, Caller):
        raise Unauthenticated
    return caller


def _credentials(headers: Headers) -> tuple[str, str]:
    sent = headers.getlist("authorization")
    if len(sent) != 1 or len(sent[0]) > MAX_CREDENTIALS:
        raise Unauthenticated
    scheme, _, value = sent[0].strip().partition(" ")
    match scheme.lower():
        case "bearer":
            token = value.strip()
        case "basic":
            token = _password(value.strip())
        case _:
            token = ""
    if not token or not token.isprintable():
        raise Unauthenticated
    return scheme.lower(), token


def _password(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""


def check_same_origin(headers: Headers) -> None:
    """Refuse Basic credentials that a browser attached to another site's request by itself.

    Raises:
        CrossSite: it did.
    """
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    if site is not None and site not in SAME_ORIGIN:
        raise CrossSite
    if origin is not None and urlsplit(origin).netloc != headers.get("host"):
        raise CrossSite
