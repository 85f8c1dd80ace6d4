"""The way into every page: session, rights, stamp of the form; and the way out of every error."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias
from urllib.parse import quote, unquote_plus

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from app.access.rates import Rates
from app.access.rules import allows, begin
from app.domain.commands import Caller
from app.domain.errors import BerthError, Forbidden, InvalidRequest, Refusal, Unauthenticated, Violation
from app.domain.rights import Action
from app.domain.upstream import UpstreamError
from app.edge.caller import Authenticator, check_same_origin, is_readable_on_the_way
from app.edge.errors import CrossSite, HttpsRequired
from app.edge.failures import FailedLogins
from app.edge.problems import row_of, to_berth_error
from app.edge.requests import current_request
from app.edge.strictness import FORBIDDEN
from app.edge.works import Works
from app.telemetry.events import note
from app.web.forms import Fields, link, read_form, read_query
from app.web.ports import WebDesk
from app.web.sessions import Sessions
from app.web.views import go_to, render

LONGEST_LINK: Final = 6000
"""Characters of a path with its query; servers and proxies take 8000."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A page that a signed-in caller asks for, or a form that it sends."""

    request: Request
    caller: Caller
    fields: Fields
    stamp: str

    @property
    def is_live(self) -> bool:
        """Whether htmx asks for a part of the page."""
        return self.request.headers.get("hx-request") == "true"

    def may(self, *actions: Action) -> bool:
        """Whether the caller may do one of these, somewhere."""
        return allows(self.caller, *actions)

    def show(self, template: str, status: int = 200, **values: Any) -> Response:  # noqa: ANN401
        """A page for this caller."""
        return render(template, status, visit=self, **values)


Page: TypeAlias = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True)
class Door:
    """Lets callers in. `rates` and `failures` are those of the API, whichever door is taken."""

    desk: WebDesk
    works: Works
    authenticator: Authenticator
    sessions: Sessions
    rates: Rates = field(default_factory=Rates)
    allow_http: bool = False
    failures: FailedLogins = field(default_factory=FailedLogins)

    def page(
        self, page: Page, *actions: Action, writes: str = ""
    ) -> Callable[[Request], Awaitable[Response]]:
        """The endpoint of a page that is about one of these actions; `writes` is the audit's word for it."""

        async def serve(request: Request) -> Response:
            visit: Visit | None = None
            try:
                visit = await self._visit(request)
                return await page(self._begun(visit, actions))
            except HttpsRequired as error:
                return _sorry(None, error)
            except Unauthenticated:
                return await self._sign_in_first(request)
            except (BerthError, UpstreamError) as error:
                told = await self.told(visit, error, writes if request.method == "POST" else "")
                return _sorry(visit, told)

        return serve

    async def told(
        self, visit: Visit | None, error: Exception, action: str = "", key: str = ""
    ) -> BerthError:
        """What is said of an error; a refused write is in the audit log before."""
        berth_error = to_berth_error(error, read=not action)
        note(outcome=berth_error.code)
        if visit is not None and action and isinstance(berth_error, Refusal):
            try:
                await self.desk.record(visit.caller, action, key[:300], berth_error)
            except BerthError as unavailable:
                return unavailable
        return berth_error

    async def caller(self, token: str, scope: Scope) -> Caller | None:
        """The caller that a token stands for, now.

        Raises:
            HttpsRequired: it came so that others could read it on the way.
            TooManyFailures: too many wrong ones came from there.
        """
        if not self.allow_http and is_readable_on_the_way(scope):
            raise HttpsRequired
        request = current_request()
        self.failures.check(request.client_address)
        caller = await self.authenticator.authenticate(token, request.client_address)
        if caller is None:
            self.failures.count(request.client_address)
            return None
        note(owner=caller.owner, method_of_authentication=caller.method)
        return replace(caller, client_address=request.client_address, request_id=request.request_id)

    async def _visit(self, request: Request) -> Visit:
        sealed, token = self.sessions.open(request)
        caller = await self.caller(token, request.scope) if token else None
        if caller is None:
            raise Unauthenticated
        check_link(request)
        if request.method == "GET":
            return Visit(request, caller, read_query(request), self.sessions.stamp(sealed))
        check_same_origin(request.headers)
        fields = await read_form(request)
        if not self.sessions.is_stamped(sealed, fields.get("stamp", "")):
            raise CrossSite("This form is not of your session. Go back, reload the page, and send it again.")
        return Visit(request, caller, fields, self.sessions.stamp(sealed))

    def _begun(self, visit: Visit, actions: tuple[Action, ...]) -> Visit:
        if not actions:
            return visit
        caller = begin(visit.caller, *actions)
        self.rates.take(caller)
        return replace(visit, caller=caller)

    async def _sign_in_first(self, request: Request) -> Response:
        """Lead to the sign-in, and from there back: to the form as it was typed, if one was being sent."""
        fields = read_query(request)
        if request.method == "POST":
            fields = await read_form(request)
        back = link(request.url.path, fields)
        response = go_to(f"/sign-in?next={quote(back if len(back) < LONGEST_LINK else request.url.path)}")
        if request.headers.get("hx-request") == "true":
            response.headers["HX-Redirect"] = "/sign-in"
            response.status_code = 200
        return response


def check_link(request: Request) -> None:
    """Refuse control characters in a link, which would reach NetBox and the log like any text.

    Raises:
        InvalidRequest: there are some.
    """
    query = unquote_plus(request.scope.get("query_string", b"").decode("latin-1"))
    if FORBIDDEN.search(request.scope["path"]) or FORBIDDEN.search(query.replace("\r\n", "")):
        detail = "the link holds control or formatting characters, which are refused"
        raise InvalidRequest(errors=[Violation("", "control_character", detail)])


def status_of(error: BerthError) -> int:
    """The status of a page that shows an error."""
    return row_of(type(error)).status


def _sorry(visit: Visit | None, error: BerthError) -> Response:
    title = "Not allowed" if isinstance(error, Forbidden) else row_of(type(error)).title
    return render("sorry.html", status_of(error), visit=visit, title=title, error=error)
