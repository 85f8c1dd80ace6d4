"""Templates become answers. Everything that is filled in is escaped; nothing on a page is inline."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import RedirectResponse, Response

HERE: Final = Path(__file__).parent
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    # no-referrer would have browsers send `Origin: null` with the pages' own forms
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@cache
def environment() -> Environment:
    """Where the templates are, with what all of them may use."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["version"] = version("berth-ipam")
    made.filters["moment"] = lambda seconds: datetime.fromtimestamp(seconds, UTC).strftime(
        "%Y-%m-%dT%H:%M:%S"
    )
    made.filters["path"] = lambda text: quote(str(text), safe="")
    return made


def render(template: str, status: int = 200, **values: Any) -> Response:  # noqa: ANN401 - what a template shows
    """A page, or a part of one."""
    text = environment().get_template(template).render(**values)
    return Response(text, status_code=status, media_type="text/html", headers=HEADERS)


def go_to(path: str) -> Response:
    """Lead on with a GET (303), so that a reload repeats no write."""
    return RedirectResponse(path, status_code=303, headers=HEADERS)
