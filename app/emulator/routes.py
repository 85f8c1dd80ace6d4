"""Which path and method lead to what."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from app.emulator import allocation, bulk, endpoints, views
from app.emulator.resources import PATHS

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.emulator.endpoints import Steps
    from app.emulator.release import Release
    from app.emulator.resource import Resource
    from app.emulator.session import Session
    from app.emulator.wire import Request, Response

_PATH = re.compile(r"/api/(?P<resource>[a-z-]+/[a-z-]+)/(?:(?P<id>[^/.]+)/(?:(?P<action>[a-z-]+)/)?)?$")
LARGEST = 2**63 - 1
"""The highest id that SQLite takes."""

_READS = ("GET", "HEAD")


@dataclass(frozen=True)
class Route:
    """What a path and method lead to.

    Attributes:
        handle: makes the steps of the call; None when the method is not allowed.
        locked: the call waits for the lock of the addresses.
        open: the call needs no token.
        allow: what the header of that name says.
    """

    handle: Callable[[Session, Request], Steps] | None
    locked: bool = False
    open: bool = False
    allow: str = "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"


def find_route(request: Request, release: Release) -> Route | None:
    """Return where a call leads; None for a path that does not exist."""
    path = request.path if request.path.endswith("/") else request.path + "/"
    if path in views.SIMPLE and (release.modern or path != views.CHECK):
        allowed = request.method in (*_READS, "OPTIONS")
        return Route(_at_once(views.SIMPLE[path]) if allowed else None)
    if path == views.PROVISION:
        return Route(_at_once(views.provision) if request.method == "POST" else None, open=True)
    found = _PATH.match(path)
    resource = PATHS.get(found["resource"]) if found else None
    return _of_resource(request, resource, found) if found and resource else None


def _of_resource(request: Request, resource: Resource, found: re.Match[str]) -> Route | None:
    if found["id"] and not found["id"].isdigit():
        return None if found["action"] else Route(_at_once(views.no_number))
    number = min(int(found["id"] or 0), LARGEST)
    if found["action"]:
        return _action(request.method, resource, number, found["action"])
    if request.method == "OPTIONS":
        return Route(_at_once(partial(views.options, resource)))
    if found["id"]:
        return _single(request.method, resource, number)
    return _plural(request, resource)


def _single(method: str, resource: Resource, number: int) -> Route:
    if method in _READS:
        return Route(lambda session, request: endpoints.get_one(session, resource, request, number))
    if method in ("PUT", "PATCH") and resource.changes:
        return Route(
            lambda session, request: endpoints.change(session, resource, request, number), resource.locked
        )
    if method == "DELETE" and resource.deletes:
        return Route(
            lambda session, request: endpoints.remove(session, resource, request, number), resource.locked
        )
    return Route(None)


def _plural(request: Request, resource: Resource) -> Route:
    method = request.method
    if method in _READS:
        return Route(lambda session, request: endpoints.get_list(session, resource, request))
    if method == "POST" and resource.creates:
        listed = request.body.lstrip()[:1] == b"["
        handle = bulk.create_many if listed else endpoints.create
        return Route(lambda session, request: handle(session, resource, request), resource.locked)
    if method in ("PUT", "PATCH") and resource.changes:
        return Route(lambda session, request: bulk.change_many(session, resource, request))
    if method == "DELETE" and resource.deletes:
        return Route(lambda session, request: bulk.remove_many(session, resource, request))
    return Route(None)


def _action(method: str, resource: Resource, number: int, action: str) -> Route | None:
    if action != "available-ips" or resource.path not in ("ipam/prefixes", "ipam/ip-ranges"):
        return None
    allow = "GET, POST, HEAD, OPTIONS"
    if method in _READS:
        handle = _at_once(lambda s, request: allocation.preview(s, resource, number, request))
        return Route(handle, allow=allow)
    if method == "POST":
        handle = _at_once(lambda s, request: allocation.allocate(s, resource, number, request))
        return Route(handle, locked=True, allow=allow)
    return Route(_at_once(partial(views.options, resource)) if method == "OPTIONS" else None, allow=allow)


def _at_once(answer: Callable[[Session, Request], Response]) -> Callable[[Session, Request], Steps]:
    """Return a handler without a gap."""

    def handle(session: Session, request: Request) -> Steps:
        yield from ()
        return answer(session, request)

    return handle
