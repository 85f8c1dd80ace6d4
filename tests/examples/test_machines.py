"""What the how-to about virtual machines tells people to type works, from the first line to the last."""

import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest

from app.domain.inventory import Pool, PoolKind
from app.emulator import running
from tests.api.conftest import Rig
from tests.api.twin import Twin
from tests.docs.pages import DOCS, blocks
from tests.examples.conftest import Shell, demonstration

PAGE = (DOCS / "how-to" / "register-a-vm.md").read_text()
PREFIXES = ("192.168.3.0/24", "192.168.4.0/24", "fd00:3::/64")


def typed(shell: Shell) -> list[Any]:
    """The answers to the page's commands, in order; those without a body are left out."""
    script = "\n".join(blocks(PAGE, "sh")).replace("https://berth.example.com", shell.url)
    told = shell.run("bash", "-ec", script.replace("curl -sS", "curl -sS -w '\\n'"))
    assert told.returncode == 0, told.stderr
    return [json.loads(line) for line in told.stdout.splitlines() if line]


def problems(answers: list[Any]) -> list[str]:
    """The codes of what was refused, in a batch as well."""
    items = [item.get("problem", {}) for answer in answers for item in answer.get("items", [])]
    return [each["code"] for each in [*answers, *items] if "code" in each]


def holds(answer: Any, shown: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether an answer has everything that the page shows of it."""
    if isinstance(shown, dict):
        return all(holds(answer[name], value) for name, value in shown.items())
    if isinstance(shown, list):
        return len(answer) == len(shown) and all(map(holds, answer, shown))
    return bool(answer == shown)


def test_the_routes_take_every_request_of_the_page(tmp_path: Path) -> None:
    """None of them is malformed, whatever stands behind the routes."""
    pools = [
        Pool(PoolKind.PREFIX, number, ipaddress.ip_network(prefix)) for number, prefix in enumerate(PREFIXES)
    ]
    rig = Rig(twin=Twin(pools=tuple(pools)))
    with running(rig.app()) as url:  # type: ignore[arg-type]
        answers = typed(Shell(url, tmp_path, "secret-of-team"))
    assert problems(answers) == []
    assert [answer.get("key") for answer in answers] == [
        *["docker-04-nexus"] * 4,
        *[None] * 2,
        "legacy-01",
    ]
    assert sorted(rig.machines.held) == ["build-01", "build-02", "legacy-01"]


def test_the_answers_are_those_of_the_page(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """On a fresh demonstration."""
    program = demonstration(tmp_path / "demo")
    request.addfinalizer(program.stop_if_running)
    program.start()
    answers = typed(Shell(program.url, tmp_path))
    assert problems(answers) == []
    assert holds(answers[0], json.loads(blocks(PAGE, "json")[0]))
    assert [len(answer["interfaces"]) for answer in answers[:4]] == [1, 1, 2, 2]
    assert answers[2]["primary_ip4"].startswith("192.168.4.")
