"""What README and the tutorial show is what a fresh demonstration answers."""

import json
import signal
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, blocks
from tests.end_to_end.program import Desk, Program
from tests.examples.conftest import TOKEN, Shell, demonstration


@pytest.fixture
def fresh(tmp_path: Path) -> Shell:
    """Somebody who has just typed `make demo`."""
    return Shell("", tmp_path)


STOPPED = (0, 130)
"""How Ctrl-C ends it: make takes either for an end in good order."""


def _started(tmp_path: Path, request: pytest.FixtureRequest) -> Program:
    program = demonstration(tmp_path / "demo")
    request.addfinalizer(program.stop_if_running)
    program.start()
    return program


def test_the_first_request_of_the_readme_gets_the_answer_that_it_shows(
    fresh: Shell, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Byte for byte, but for the port of the embedded NetBox."""
    readme = (ROOT / "README.md").read_text()
    curl = next(block for block in blocks(readme, "sh") if block.startswith("curl"))
    shown = json.loads(blocks(readme, "json")[0])
    program = _started(tmp_path, request)
    told = fresh.run("sh", "-c", curl.replace("http://127.0.0.1:8000", program.url))
    answer = json.loads(told.stdout)
    assert answer.pop("netbox_url").endswith("/ipam/ip-addresses/14/")
    shown.pop("netbox_url")
    assert list(answer.items()) == list(shown.items())


def test_the_demonstration_remembers_what_it_handed_out(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """After a restart every answer has the same bytes, and nothing is handed out twice."""
    program = _started(tmp_path, request)
    desk = Desk(program.url, TOKEN)
    body = {"prefix": "192.168.3.0/24", "dns_name": "Docker-03-registry.spaceships.work"}
    made = desk.post(body)
    assert made.status_code == 200
    assert program.stop(signal.SIGINT) in STOPPED
    program.start()
    assert desk.post(body).content == desk.get(made.json()["key"]).content == made.content
    assert desk.made({"prefix": "192.168.3.0/24", "key": "another"})["ip"] != made.json()["ip"]


def test_the_tutorial_goes_from_the_first_line_to_the_last(
    fresh: Shell, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Every command works in the order in which it stands, and the first answer is the one shown."""
    page = (DOCS / "tutorial" / "first-allocation.md").read_text()
    script = "\n".join(block for block in blocks(page, "sh") if not block.startswith("make"))
    function = 'berth-curl() { curl -sS -H "Authorization: Bearer $BERTH_TOKEN" "$@"; }'
    lines = [function if line.startswith("alias") else line for line in script.splitlines()]
    program = _started(tmp_path, request)
    told = fresh.run("bash", "-ec", "\n".join(lines).replace("http://127.0.0.1:8000", program.url))
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith(blocks(page, "text")[0])
    assert '"code":"name_refused"' in told.stdout
    assert '"description":"Images for the lab"' in told.stdout
    assert "not_found" not in told.stdout
