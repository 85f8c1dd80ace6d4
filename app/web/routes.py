"""The table of the pages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from app.domain.errors import NotFound
from app.domain.rights import Action
from app.web.door import Door
from app.web.holdings import Allocations, MachineList
from app.web.looking import Looking
from app.web.registering import Registering
from app.web.requesting import Requesting
from app.web.signing import START, Signing
from app.web.stock import Prefixes
from app.web.views import HEADERS, HERE, go_to

TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FILES: Final[Mapping[str, Path]] = {
    path.name: path for path in sorted((HERE / "static").iterdir()) if path.suffix in TYPES
}
LOOK: Final = (Action.READ, Action.ALLOCATE, Action.REGISTER, Action.UPDATE)


def web_routes(door: Door) -> APIRouter:
    """Every page, with what one has to be allowed to do to open it."""
    prefixes = Prefixes(door.desk, door.works)
    requesting, looking = Requesting(door, prefixes), Looking(door, prefixes)
    registering = Registering(door, requesting)
    allocations, machines, signing = Allocations(door), MachineList(door), Signing(door)
    one, machine, page = "/allocations/{key}", "/machines/{key}", door.page
    release = page(allocations.release, Action.RELEASE, Action.OPERATE, writes="release")
    retire = page(machines.retire, Action.RETIRE, Action.OPERATE, writes="retire")
    router = APIRouter()
    for path, method, endpoint in (
        ("/", "GET", start),
        ("/static/{name}", "GET", static),
        ("/sign-in", "GET", signing.show),
        ("/sign-in", "POST", signing.sign_in),
        ("/sign-out", "POST", page(signing.sign_out)),
        ("/request", "GET", page(requesting.show, Action.ALLOCATE)),
        ("/request", "POST", page(requesting.send, Action.ALLOCATE, writes="allocate")),
        ("/allocations", "GET", page(allocations.page, Action.READ)),
        (one, "GET", page(allocations.one, Action.READ)),
        (f"{one}/release", "GET", release),
        (f"{one}/release", "POST", release),
        ("/machines", "GET", page(machines.page, Action.READ)),
        ("/machines/new", "GET", page(registering.show, Action.REGISTER)),
        ("/machines/new", "POST", page(registering.send, Action.REGISTER, writes="register")),
        (machine, "GET", page(machines.one, Action.READ)),
        (f"{machine}/retire", "GET", retire),
        (f"{machine}/retire", "POST", retire),
        ("/prefixes", "GET", page(looking.all_prefixes, *LOOK)),
        ("/prefixes/{prefix_id}", "GET", page(looking.one_prefix, *LOOK)),
        ("/audit", "GET", page(looking.audit, Action.AUDIT)),
        ("/status", "GET", page(looking.status)),
    ):
        router.add_route(path, endpoint, methods=[method], include_in_schema=False)
    return router


async def start(request: Request) -> Response:  # noqa: ARG001 - an endpoint
    """The first page."""
    return go_to(START)


async def static(request: Request) -> Response:
    """A file of the pages. Its address carries Berth's version, so it may be kept.

    Raises:
        NotFound: there is none.
    """
    path = FILES.get(request.path_params["name"])
    if path is None:
        raise NotFound
    headers = {**HEADERS, "Cache-Control": "public, max-age=3600"}
    return Response(path.read_bytes(), media_type=TYPES[path.suffix], headers=headers)
