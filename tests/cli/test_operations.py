"""`berth operations`, which calls a running Berth."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from app.api.machine_examples import OPERATION
from app.cli.remote import Remote
from app.cli.words import RemoteFailed
from app.emulator import running
from app.operations.machine_answers import OpenOperation
from tests.api.conftest import Rig
from tests.api.machine_twin import STUCK
from tests.cli.said import Said, berth


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Rig, str]]:
    """A Berth over its in-memory desk, on loopback."""
    rig = Rig()
    with running(rig.app()) as url:  # type: ignore[arg-type]
        yield rig, url


@pytest.fixture
def rig(served: tuple[Rig, str]) -> Rig:
    """Its parts, with one operation that is stuck."""
    rig = served[0]
    rig.machines.reset()
    rig.machines.operations[STUCK.id] = STUCK
    return rig


@pytest.fixture
def url(served: tuple[Rig, str], rig: Rig) -> str:
    """Where it is."""
    return served[1]


def operations(url: str, *arguments: str, owner: str = "operator") -> Said:
    """Run the command as an operator, or as another owner."""
    return berth("operations", *arguments, BERTH_URL=url, BERTH_TOKEN=f"secret-of-{owner}")


def test_operations_are_listed_with_what_stands_in_the_way(rig: Rig, url: str) -> None:
    """With and without the word."""
    rig.machines.operations["a1"] = replace(STUCK, id="a1", state="working", step="addresses", reason="")
    said = operations(url)
    assert said == Said(
        0,
        f"{STUCK.id}  stuck-01  other  register  stuck  since 2026-11-23T21:30:00Z\n"
        "    after interfaces: somebody added eth9\n"
        "a1  stuck-01  other  register  working  since 2026-11-23T21:30:00Z\n"
        "    after addresses: it is being worked on\n",
        "",
    )
    assert operations(url, "list") == said


def test_the_docs_show_what_is_printed(rig: Rig, url: str) -> None:
    """Of the operation that the API's document has as its example, too."""
    rig.machines.operations.clear()
    rig.machines.operations["x"] = OpenOperation(**OPERATION)
    page = (Path(__file__).parents[2] / "docs/reference/cli.md").read_text()
    assert indent(f"$ berth operations\n{operations(url).out}", "    ") in page


def test_a_long_list_is_read_to_its_end(rig: Rig, url: str) -> None:
    """However many pages it has."""
    rig.machines.operations.update({f"a{n:03}": replace(STUCK, id=f"a{n:03}") for n in range(120)})
    lines = operations(url).out.splitlines()
    assert len(lines) == 2 * 121


def test_where_nothing_is_open_that_is_said(rig: Rig, url: str) -> None:
    """An empty answer would leave people wondering."""
    rig.machines.operations.clear()
    assert operations(url) == Said(0, "every operation is over\n", "")


def test_a_retry_tells_what_came_of_it(rig: Rig, url: str) -> None:
    """Exit code 1 as long as it is stuck."""
    rig.machines.foreign.add("stuck-01")
    said = [operations(url, "retry", STUCK.id)]
    rig.machines.foreign.clear()
    said.append(operations(url, "retry", STUCK.id))
    assert said == [
        Said(1, "stuck-01: still stuck. somebody added eth9\n", ""),
        Said(0, "stuck-01: undone. The key is free.\n", ""),
    ]


def test_an_operation_is_abandoned(rig: Rig, url: str) -> None:
    """Then there is none, which is said as Berth says it."""
    assert operations(url, "abandon", STUCK.id) == Said(
        0, "stuck-01: abandoned. What is in NetBox stays there.\n", ""
    )
    assert operations(url, "abandon", STUCK.id) == Said(2, "", "not_found: There is no such object.\n")


def test_an_id_that_makes_no_sense_is_refused_by_berth(url: str) -> None:
    """And cannot lead to another route."""
    said = operations(url, "retry", "../allocations")
    assert said.code == 2
    assert "not_found" in said.err or "invalid_request" in said.err


ASK = "Ask an administrator of Berth for a role that has it.\n"


def test_operations_are_for_operators(url: str) -> None:
    """In Berth's words."""
    said = operations(url, owner="team")
    assert said == Said(2, "", "forbidden: No rule that holds for team allows `operate`. " + ASK)


def test_every_violation_has_a_line(url: str) -> None:
    """With its place in the request, if it has one."""
    said = operations(url, "retry", "no~id")
    assert said.code == 2
    assert said.err.splitlines()[0].startswith("invalid_request: The request is not well formed: ")
    assert said.err.splitlines()[1].startswith("  path parameter `id`: ")


def test_the_token_may_come_from_a_file(url: str, tmp_path: Path) -> None:
    """As it does for the process that serves."""
    (tmp_path / "token").write_text("secret-of-operator\n")
    assert berth("operations", BERTH_URL=url, BERTH_TOKEN_FILE=str(tmp_path / "token")).code == 0
    said = berth("operations", BERTH_URL=url, BERTH_TOKEN_FILE=str(tmp_path / "none"))
    assert (said.code, said.err.startswith(f"the file {tmp_path}/none cannot be read")) == (2, True)


WRONG = [
    ({}, "BERTH_TOKEN is not set: a token of the Berth at http://127.0.0.1:8000"),
    ({"BERTH_URL": "berth"}, "BERTH_URL: this is no address such as https://berth.example.com"),
    ({"BERTH_URL": "ftp://berth"}, "BERTH_URL: this is no address such as https://berth.example.com"),
    ({"BERTH_URL": "http://b/?q=1"}, "BERTH_URL: this is no address such as https://berth.example.com"),
    ({"BERTH_URL": "https://u:p@berth"}, "BERTH_URL: leave user and password out of the address"),
]


@pytest.mark.parametrize(("environ", "line"), WRONG)
def test_what_is_wrong_with_the_environment_is_said(environ: dict[str, str], line: str) -> None:
    """Before anything is sent."""
    assert berth("operations", **environ) == Said(2, "", f"{line}\n")


async def another(_request: object) -> Response:
    """What a web server says that is no Berth."""
    return PlainTextResponse("hello", 200)


async def elsewhere(_request: object) -> Response:
    """A redirect, which would take the token along."""
    return RedirectResponse("https://elsewhere.example/")


async def strange(_request: object) -> Response:
    """JSON that is none of Berth's."""
    return Response(json.dumps({"error": "no"}), 404)


@pytest.mark.parametrize(
    ("endpoint", "line"),
    [
        (another, "what answers at {url} is no Berth (HTTP 200)"),
        (strange, "what answers at {url} is no Berth (HTTP 404)"),
        (elsewhere, "{url} redirects to https://elsewhere.example/: set BERTH_URL to it"),
    ],
)
def test_what_is_no_berth_is_told_from_one(endpoint: Any, line: str) -> None:  # noqa: ANN401
    """No redirect is followed: the token would go with it."""
    with running(Starlette(routes=[Route("/{path:path}", endpoint)])) as url:  # type: ignore[arg-type]
        assert operations(url) == Said(2, "", line.format(url=url) + "\n")


def test_a_berth_that_is_not_there_is_told_in_plain_words() -> None:
    """With the variable that says where it is."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        said = operations(url)
    assert said == Said(
        2,
        "",
        f"Berth cannot be reached at {url}: ConnectionError. Is it running? BERTH_URL says where it is.\n",
    )


def test_a_server_without_tls_is_told_in_plain_words(url: str) -> None:
    """Somebody wrote https where there is none."""
    secure = url.replace("http:", "https:")
    said = operations(secure)
    assert (said.code, said.err.startswith(f"no TLS with {secure}: ")) == (2, True)


def test_a_berth_that_does_not_answer_is_not_waited_for_for_ever() -> None:
    """It may be busy, or stopped."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(RemoteFailed, match="Berth does not answer in time at"):
            Remote(url, "token", seconds=0.05).get("/api/v1/operations")
