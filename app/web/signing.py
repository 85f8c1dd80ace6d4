"""Signing in with a token, and out again."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from app.domain.errors import BerthError
from app.edge.caller import check_same_origin
from app.telemetry.events import note
from app.web.door import Door, Visit, check_link, status_of
from app.web.forms import read_form
from app.web.sessions import LONGEST_TOKEN
from app.web.views import go_to, render

START = "/request"


@dataclass(frozen=True, slots=True)
class Signing:
    """The pages `/sign-in` and `/sign-out`."""

    door: Door

    async def show(self, request: Request) -> Response:
        """The form."""
        return _form(safe(request.query_params.get("next", "")))

    async def sign_in(self, request: Request) -> Response:
        """Start a session, if the token is somebody's."""
        onward = ""
        try:
            check_link(request)
            check_same_origin(request.headers)
            fields = await read_form(request)
            onward, token = safe(fields.get("next", "")), fields.get("token", "")
            if len(token) > LONGEST_TOKEN:
                return _form(onward, "This token is too long for a browser's cookie. Take an API key.", 413)
            caller = await self.door.caller(token, request.scope) if token.isprintable() and token else None
        except BerthError as error:
            note(outcome=error.code)
            return _form(onward, error.detail, status_of(error))
        if caller is None:
            note(outcome="unauthenticated")
            return _form(onward, "This token is not known, or no longer valid.", 401)
        response = go_to(onward or START)
        self.door.sessions.start(response, token)
        note(outcome="signed_in")
        return response

    async def sign_out(self, visit: Visit) -> Response:  # noqa: ARG002 - a page
        """End the session in this browser."""
        response = go_to("/sign-in")
        self.door.sessions.end(response)
        note(outcome="signed_out")
        return response


def _form(onward: str, problem: str = "", status: int = 200) -> Response:
    return render("sign_in.html", status, visit=None, onward=onward, problem=problem)


def safe(path: str) -> str:
    """A path of this site, or nothing: no link may lead from the sign-in to somewhere else."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_ours and "\\" not in path.partition("?")[0] else ""
