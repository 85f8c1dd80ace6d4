"""The routes that are no resource: root, status, the check of a token, and pages of HTML."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from app.emulator.errors import denied
from app.emulator.records import insert, show, validate
from app.emulator.wire import Response

if TYPE_CHECKING:
    from app.emulator.release import Release
    from app.emulator.resource import Resource
    from app.emulator.session import Session
    from app.emulator.wire import Request

CHECK = "/api/authentication-check/"
PROVISION = "/api/users/tokens/provision/"
_APPS = ("circuits", "core", "dcim", "extras", "ipam", "plugins", "status", "tenancy", "users")
_MORE = ("virtualization", "vpn", "wireless")
_INSTALLED = {
    "django_filters": "26.2",
    "django_prometheus": "2.4.0",
    "django_rq": "4.2.0",
    "django_tables2": "3.0.1",
    "rest_framework": "3.18.0",
    "taggit": "6.1.0",
}


def root(session: Session, _request: Request) -> Response:
    """List the parts of the API."""
    return Response(200, {name: f"{session.base}/api/{name}/" for name in (*_APPS, *_MORE)})


def status(session: Session, _request: Request) -> Response:
    """Say which NetBox this is."""
    release = session.release
    named = (
        {"hostname": "emulator", "installed_apps": _INSTALLED}
        if release.modern
        else {"installed-apps": _INSTALLED}
    )
    versions = {"netbox-version": release.full, "netbox-full-version": release.full}
    rest = {"plugins": {}, "python-version": release.python, "rq-workers-running": 0}
    return Response(200, {"django-version": release.django, **named, **versions, **rest})


def check(session: Session, _request: Request) -> Response:
    """Show the user of the token."""
    user = session.resource("users.user")
    return Response(200, show(session, user, session.account.user))


def options(resource: Resource, session: Session, _request: Request) -> Response:
    """Describe a route."""
    del session
    return Response(
        200,
        {
            "name": resource.verbose,
            "description": "",
            "renders": ["application/json", "text/html"],
            "parses": ["application/json", "multipart/form-data"],
        },
    )


def no_number(_session: Session, _request: Request) -> Response:
    """Answer for an id that is no number."""
    return Response(404, {"detail": "Not found."})


def hashed(password: str) -> str:
    """Return what is kept of a password."""
    return hashlib.sha256(password.encode()).hexdigest()


def provision(session: Session, request: Request) -> Response:
    """Make a token for a user who shows a password."""
    data = request.data()
    row = session.database.one("SELECT * FROM users_user WHERE username = ?", [str(data.get("username"))])
    if row is None or row["password"] != hashed(str(data.get("password"))):
        raise denied("Invalid username/password")
    tokens = session.resource("users.token")
    allowed = ("description", "expires", "write_enabled", "allowed_ips", "version", "enabled")
    body = {key: data[key] for key in allowed if key in data}
    with session.database.transaction():
        made = insert(session, tokens, validate(session, tokens, {**body, "user": row["id"]}))
    return Response(201, show(session, tokens, made))


SIMPLE = {"/api/": root, "/api/status/": status, CHECK: check}
"""Routes by path."""


def missing(request: Request, release: Release, *, known: bool) -> Response:
    """Answer a path that does not exist, or one that lacks its last slash.

    4.3 redirects the latter whatever the method (and a client that follows turns a POST into a GET); 4.7 does
    so for reads only.
    """
    reads = request.method in ("GET", "HEAD")
    if known and not request.path.endswith("/") and (reads or not release.modern):
        query = f"?{request.query_string}" if request.query_string else ""
        return Response(301, "", {"Location": f"{request.path}/{query}"})
    page = (
        "<!DOCTYPE html>\n"
        f'<html lang="en" data-netbox-version="{release.full}">\n'
        "<head><title>Page Not Found | NetBox</title></head>\n"
        "<body><h1>Page Not Found</h1></body>\n"
        "</html>\n"
    )
    return Response(404, page)


def bad_request() -> Response:
    """Answer a request line that is too long, as gunicorn does."""
    title = "<html>\n  <head>\n    <title>Bad Request</title>\n  </head>\n"
    page = "  <body>\n    <h1><p>Bad Request</p></h1>\n    Request Line is too large\n  </body>\n</html>\n"
    return Response(400, title + page)
