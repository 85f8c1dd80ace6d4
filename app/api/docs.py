"""The pages under /docs: the API's reference (Swagger UI, served from here) and what every error code means.

Nothing is loaded from elsewhere and nothing is inline, so the content security policy can forbid both.
Swagger UI is the npm package swagger-ui-dist 5.35.0 (its licence lies beside it).
"""

import html
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from app.domain.errors import BerthError
from app.edge.problems import TABLE

STATIC: Final = Path(__file__).parent / "static"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REFERENCE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Berth API</title>
<link rel="stylesheet" href="/docs/static/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/static/swagger-ui-bundle.js"></script>
<script src="/docs/static/docs.js"></script>
</body>
</html>
"""


async def reference() -> Response:
    """The API's reference."""
    return HTMLResponse(REFERENCE, headers={"Content-Security-Policy": POLICY})


async def errors() -> Response:
    """What every code means and what to do, from the table that the answers are made of."""
    sections = "\n".join(_section(kind) for kind in TABLE)
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Berth: errors</title>\n'
        '<link rel="stylesheet" href="/docs/static/docs.css">\n</head>\n<body>\n<h1>Errors</h1>\n'
        "<p>Every error is a problem document (RFC 9457). Programs should look at <code>code</code>. "
        "Only 408 and 503 are worth a retry, after the time in <code>Retry-After</code>.</p>\n"
        f"{sections}\n</body>\n</html>\n"
    )
    return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})


def _section(kind: type[BerthError]) -> str:
    row = TABLE[kind]
    text = html.escape(" ".join((kind.__doc__ or "").split()))
    return (
        f'<section id="{kind.code}"><h2>{kind.code}</h2>'
        f"<p>{row.status} {html.escape(row.title)}. {text}</p></section>"
    )


def add_docs(app: FastAPI) -> None:
    """Add the pages; they are no part of the API's own document."""
    app.router.add_api_route("/docs", reference, include_in_schema=False, response_class=Response)
    app.router.add_api_route("/docs/errors", errors, include_in_schema=False, response_class=Response)
    app.router.mount("/docs/static", StaticFiles(directory=STATIC), name="docs-static")
