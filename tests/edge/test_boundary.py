"""Where errors end."""

import io
import json

import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.domain.errors import KeyConflict
from app.edge.boundary import Boundary, answer, framework_error
from app.telemetry.logs import make_logger
from tests.edge.conftest import Client


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """As the application does it."""
    return answer(framework_error(request, error))


def failing(error: Exception, *, started: bool = False) -> Boundary:
    """An app that fails, before or after its answer has begun."""

    async def fail(_scope: Scope, _receive: Receive, send: Send) -> None:
        if started:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise error

    return Boundary(fail, make_logger(io.StringIO()))


async def test_an_error_becomes_a_problem_document(client_of: Client) -> None:
    """Whoever raised it."""
    response = await client_of(failing(KeyConflict())).get("/x")
    assert (response.status_code, response.headers["content-type"]) == (409, "application/problem+json")


async def test_an_unknown_error_is_logged_and_not_told() -> None:
    """The stack trace stays here."""
    stream = io.StringIO()
    sent = []

    async def fail(_scope: Scope, _receive: Receive, _send: Send) -> None:
        msg = "inner secret"
        raise RuntimeError(msg)

    async def send(message: object) -> None:
        sent.append(str(message))

    async def receive() -> dict[str, str]:
        return {}

    await Boundary(fail, make_logger(stream))({"type": "http", "method": "GET"}, receive, send)
    assert "inner secret" not in "".join(sent)
    line = json.loads(stream.getvalue())
    assert (line["event"], line["error"]) == ("request failed", "RuntimeError")
    assert "inner secret" in line["exception"]


async def test_an_answer_that_has_begun_is_not_taken_back(client_of: Client) -> None:
    """The server breaks the connection instead."""
    with pytest.raises(RuntimeError):
        await client_of(failing(RuntimeError("late"), started=True)).get("/x")


@pytest.mark.parametrize(
    ("status", "code", "shown"),
    [
        (404, "not_found", 404),
        (400, "malformed_body", 400),
        (413, "body_too_large", 413),
        (415, "unsupported_media_type", 415),
        (418, "invalid_request", 422),
        (503, "internal_error", 500),
    ],
)
async def test_what_the_framework_raises_is_a_problem_too(
    client_of: Client, status: int, code: str, shown: int
) -> None:
    """With a code of ours."""
    app = FastAPI(
        exception_handlers={HTTPException: answer_http_exception},
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )

    @app.get("/x")
    async def fail() -> None:
        raise HTTPException(status)

    response = await client_of(app).get("/x")
    assert (response.status_code, response.json()["code"]) == (shown, code)


async def test_a_refused_method_names_every_method_of_the_path(client_of: Client) -> None:
    """Also those of other routes."""
    app = FastAPI(
        exception_handlers={HTTPException: answer_http_exception},
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )

    async def ok() -> None:
        return

    app.add_api_route("/x/{key}", ok, methods=["GET"])
    app.add_api_route("/x/{name}", ok, methods=["PUT"])
    response = await client_of(app).post("/x/1")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, PUT")
