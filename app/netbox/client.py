"""pynetbox, its session, and the threads: the one place where a call blocks.

pynetbox is used for what it knows (paths, the token's two schemes, JSON), by ids and plain dicts; what it
would do behind our back is switched off here: redirects (a redirected POST becomes a GET, and the list of
*free* addresses looks like created ones), `~/.netrc` (it overwrites the token), waiting without end,
following `next` links, and errors that carry the request with its token.
"""

import asyncio
import http.cookiejar
import io
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Protocol, cast

import pynetbox
import requests
from pynetbox.core.query import AllocationError, ContentError, Request, RequestError
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ClosedPoolError, ConnectTimeoutError, HTTPError, NewConnectionError

from app.domain.inventory import Json
from app.domain.upstream import Rejected, TokenRefused
from app.netbox.allowance import allowance_of
from app.netbox.classify import Outage, Unreachable, clean
from app.netbox.settings import NetBoxSettings
from app.netbox.wire import Question, Reply

_CHUNK: Final = 64 * 1024
_HTTP_ANSWERED: Final = (RequestError, AllocationError, ContentError)
_NEVER_CONNECTED: Final = (
    requests.ConnectTimeout,
    NewConnectionError,
    ConnectTimeoutError,
    ssl.SSLCertVerificationError,
    ClosedPoolError,  # the idle connections were let go of in this very moment
)
_NO_HANDSHAKE: Final = (
    "WRONG_VERSION_NUMBER",  # an http port
    "UNSUPPORTED_PROTOCOL",
    "TLSV1_ALERT_PROTOCOL_VERSION",
    "SSLV3_ALERT_HANDSHAKE_FAILURE",
)
_NONSENSE: Final = (
    AttributeError,
    IndexError,
    KeyError,
    TypeError,
    RecursionError,
    UnicodeError,
    requests.exceptions.InvalidJSONError,
)
"""What requests and pynetbox stumble over: a question that JSON cannot say (NaN, a lone surrogate), or an
answer that is nothing NetBox would say."""


class TokenSource(Protocol):
    """Where NetBox's token comes from."""

    def current(self) -> str:
        """The token to use now: 40 hex digits (v1), or `nbt_…` (v2, since NetBox 4.5)."""
        ...

    async def refresh(self) -> bool:
        """Fetch the token again because NetBox refused it; whether it changed."""
        ...


class _Adapter(HTTPAdapter):
    """Gives every call its time and its size: requests itself waits without end for the next byte."""

    def __init__(self, settings: NetBoxSettings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        size = settings.lock_slots + settings.write_slots + settings.read_slots
        super().__init__(pool_connections=1, pool_maxsize=size, max_retries=0)

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:  # noqa: ANN401 - requests' own signature
        """Send, and read the whole body within the time of the call."""
        until = self._clock() + self._settings.call_timeout
        options["timeout"] = (self._settings.connect_timeout, self._settings.call_timeout)
        options["stream"] = True
        response = super().send(request, *args, **options)
        response.raw = io.BytesIO(b"".join(self._body(response, until)))
        return response

    def _body(self, response: requests.Response, until: float) -> Iterator[bytes]:
        """What has arrived, piece by piece: `read1` does not wait for a whole chunk that comes slowly."""
        length = 0
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            length += len(chunk)
            if self._clock() > until or length > self._settings.max_answer:
                response.close()
                raise requests.ReadTimeout("the answer takes too long, or is too long")
            yield chunk


_ALONE: Final = {"Connection": "close"}
"""For what NetBox may refuse before it has read the body, as it does with 412: one request in twenty that
follows on such a connection is reset, or gets no answer (4.7.3 with gunicorn 26.2, measured)."""
_UNREAD: Final = frozenset({401, 403, 404})
"""What comes before the body is read as well (no token, no right, no such object), and can't be foreseen."""


class _Exchange:
    """Stands in for pynetbox's session during one call: adds headers, refuses redirects, keeps the answer."""

    def __init__(self, session: requests.Session, etag: str | None) -> None:
        self._session = session
        self._etag = etag
        self.response: requests.Response | None = None

    def get(self, url: str, **options: Any) -> requests.Response:  # noqa: ANN401 - as pynetbox passes them
        """Ask."""
        return self._keep("GET", url, options)

    def post(self, url: str, **options: Any) -> requests.Response:  # noqa: ANN401 - as above
        """Create."""
        return self._keep("POST", url, options)

    def patch(self, url: str, **options: Any) -> requests.Response:  # noqa: ANN401 - as above
        """Change."""
        return self._keep("PATCH", url, options)

    def delete(self, url: str, **options: Any) -> requests.Response:  # noqa: ANN401 - as above
        """Delete."""
        return self._keep("DELETE", url, options)

    def _keep(self, method: str, url: str, options: dict[str, Any]) -> requests.Response:
        if self._etag is not None:
            options["headers"] = {**options["headers"], "If-Match": self._etag, **_ALONE}
        try:
            self.response = self._session.request(method, url, allow_redirects=False, **options)
        except requests.TooManyRedirects as error:  # the first one is, with max_redirects 0
            self.response = cast("requests.Response", error.response)
        if self.response.status_code in _UNREAD and method in {"POST", "PATCH"}:
            self._session.close()  # its idle connections, this one among them; calls under way go on
        return self.response


class Client:
    """Asks NetBox one question at a time per thread; judges nothing and tries nothing twice."""

    def __init__(self, settings: NetBoxSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = pynetbox.api(settings.base)
        self._api.http_session = self._session = _session(settings, clock)
        threads = settings.lock_slots + settings.write_slots + settings.read_slots
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="netbox")

    async def call(self, question: Question, token: str) -> Reply:
        """Send the question, in a thread.

        Raises:
            Unreachable: there was no connection, so nothing was sent.
            Outage: it was sent, and no whole answer came.
            Rejected: it holds something that JSON cannot say, so nothing was sent.
            TokenRefused: the token cannot stand in a header, so nothing was sent.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._send, question, token)

    def close(self) -> None:
        """Take no more calls; those that are under way end by themselves, at the latest by their timeout."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._session.close()

    def _send(self, question: Question, token: str) -> Reply:
        if not (token.isascii() and token.isprintable() and token.strip() == token != ""):
            raise TokenRefused("there is no token, or it holds characters that no header can carry")
        exchange = _Exchange(self._session, question.etag)
        data: Json = None
        try:
            data, decoded = self._ask(question, exchange, token), True
        except _HTTP_ANSWERED:
            data, decoded = _json_of(exchange.response)
        except _NONSENSE:
            decoded = False
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _broken(error) from None
        if exchange.response is None:
            raise Rejected("this cannot be sent to NetBox: it is not JSON")
        return _reply(exchange.response, data, decoded=decoded)

    def _ask(self, question: Question, exchange: _Exchange, token: str) -> Json:
        """Let pynetbox do it. `offset=0` keeps it from following the `next` links of a list."""
        request = Request(
            base=f"{self._api.base_url}/{question.path}",
            http_session=exchange,
            token=token,
            filters=dict(question.params),
            limit=question.limit,
            offset=0,
        )
        if question.counts:
            return cast("Json", request.get_count())
        if question.method == "GET":
            rows = list(request.get())
            return rows if question.limit is not None else cast("Json", rows[0])
        return cast("Json", getattr(request, question.method.lower())(question.body))


def _session(settings: NetBoxSettings, clock: Callable[[], float]) -> requests.Session:
    if settings.ca_file and not Path(settings.ca_file).is_file():
        raise ValueError(f"there is no file of certificates at {settings.ca_file}")
    session = requests.Session()
    session.trust_env = False
    session.max_redirects = 0
    session.verify = settings.ca_file or settings.verify
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update({"Accept-Language": "en", "User-Agent": f"berth/{_version()}"})
    if settings.proxy:
        session.proxies = {"http": settings.proxy, "https": settings.proxy}
    adapter = _Adapter(settings, clock)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _version(package: str = "berth-ipam") -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unpackaged"


def _broken(error: Exception) -> Unreachable | Outage:
    """Tell whether a call without an answer can have reached NetBox. No text of the error is passed on."""
    causes = list(_causes(error))
    name = type(causes[-1]).__name__
    if any(isinstance(cause, _NEVER_CONNECTED) or _handshake(cause) for cause in causes):
        return Unreachable(f"NetBox cannot be reached ({name})")
    return Outage(f"the call to NetBox was cut off ({name})")


def _handshake(cause: BaseException) -> bool:
    """Whether the two sides never agreed on TLS (a certificate's fault is a class of its own)."""
    return isinstance(cause, ssl.SSLError) and cause.reason in _NO_HANDSHAKE


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was made from: requests and urllib3 wrap each other's in several ways."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or cause in seen:
            continue
        seen.append(cause)
        yield cause
        waiting += [getattr(cause, "reason", None), getattr(cause, "original_error", None), *cause.args]


def _json_of(response: requests.Response | None) -> tuple[Json, bool]:
    try:
        return (None, False) if response is None else (response.json(), True)
    except (ValueError, RecursionError):
        return None, False


def _reply(response: requests.Response, data: Json, *, decoded: bool) -> Reply:
    head: Mapping[str, str] = response.headers
    request_id = head.get("X-Request-ID")
    return Reply(
        status=response.status_code,
        data=data,
        decoded=decoded,
        etag=head.get("ETag"),
        request_id=clean(request_id) if request_id else None,
        retry_after=head.get("Retry-After"),
        location=head.get("Location"),
        date=head.get("Date"),
        series=head.get("API-Version"),
        emulator="X-Berth-Emulator" in head,
        allowance=allowance_of(head, time.time()),
    )
