"""SIGHUP: the policy is read again while Berth works, and nothing that it does can stop Berth."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from app.domain.policy import Policy
from app.emulator import SEED_TOKEN
from app.running import reloading
from app.telemetry.logs import make_logger
from tests.end_to_end.program import BERTH, Desk, Program, berth, wait_until
from tests.whole import LAB, TOKEN, emulated

BEFORE = "names: {dns: [{name: web, pattern: 'web-[0-9]+'}]}\n"
AFTER = "names: {dns: [{name: db, pattern: 'db-[0-9]+'}]}\n"
BROKEN = "names: [what is this\n"


class Interrupted(io.StringIO):
    """A stream that is interrupted by SIGHUP in the middle of every line, while its logger holds its lock."""

    def write(self, text: str) -> int:
        """Be interrupted."""
        os.kill(os.getpid(), signal.SIGHUP)
        return super().write(text)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - a thread does it
            await asyncio.sleep(0.01)


async def test_a_hangup_in_the_middle_of_a_line_of_the_log_stops_nothing() -> None:
    """Python's own signal handlers would write their line right there, and wait for the lock for ever."""
    stream, log = io.StringIO(), make_logger(Interrupted())
    async with reloading(tuple, Policy.default, make_logger(stream)):
        log.info("a line")
        await _until(lambda: "policy loaded" in stream.getvalue())


async def test_what_goes_wrong_in_a_reload_does_not_end_the_next_one() -> None:
    """A bug is told, and the next signal is heard."""
    stream, outcomes = io.StringIO(), iter((RuntimeError("oh"), ("line 1: no",), ()))

    def reload() -> tuple[str, ...]:
        outcome = next(outcomes)
        if isinstance(outcome, RuntimeError):
            raise outcome
        return outcome

    async with reloading(reload, Policy.default, make_logger(stream)):
        for lines in (1, 2, 3):
            os.kill(os.getpid(), signal.SIGHUP)
            await _until(lambda wanted=lines: stream.getvalue().count("\n") == wanted)  # type: ignore[misc]
    said = [(line["level"], line["event"]) for line in map(json.loads, stream.getvalue().splitlines())]
    assert said == [
        ("error", "reading the policy failed, the old policy stays"),
        ("error", "the policy file is wrong, the old policy stays"),
        ("info", "policy loaded"),
    ]


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A policy file that only lets `web-…` pass."""
    file = tmp_path / "policy.yaml"
    file.write_text(BEFORE)
    return file


@pytest.fixture
def program(tmp_path: Path, policy: Path) -> Iterator[Program]:
    """A Berth process with that policy."""
    with emulated() as netbox:
        program = berth(tmp_path, netbox.url, SEED_TOKEN, token=TOKEN, policy_file=str(policy))
        program.start()
        yield program
        program.stop_if_running()


def hang_up(program: Program, *, lines: int) -> dict[str, Any]:
    """Send SIGHUP and return what the log then says of the policy."""
    assert program.process is not None
    program.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(_told(program)) == lines, "the log tells of the policy")
    return _told(program)[-1]


def _told(program: Program) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in program.log().splitlines() if line.startswith("{")]
    return [line for line in lines if "policy" in line["event"]]


def test_a_good_policy_is_taken_and_a_broken_one_is_not(program: Program, policy: Path) -> None:
    """The log says which, with the SHA-256; the next audit record has the hash of the policy in force."""
    desk = Desk(program.url, TOKEN)
    assert desk.post({"key": "a", "prefix": LAB, "dns_name": "db-1"}).status_code == 422
    policy.write_text(AFTER)
    digest = hashlib.sha256(AFTER.encode()).hexdigest()
    good = hang_up(program, lines=1)
    assert (good["event"], good["level"], good["sha256"]) == ("policy loaded", "info", digest)
    desk.made({"key": "b", "prefix": LAB, "dns_name": "db-1"})
    policy.write_text(BROKEN)
    bad = hang_up(program, lines=2)
    assert (bad["event"], bad["level"]) == ("the policy file is wrong, the old policy stays", "error")
    assert bad["problems"][0].startswith(f"{policy}:")
    desk.made({"key": "c", "prefix": LAB, "dns_name": "db-2"})
    records = desk.list("audit", limit="100").json()["items"]
    assert [record["policy"] for record in records if record.get("key") in ("b", "c")] == [digest] * 4
    assert records[0]["policy"] == hashlib.sha256(BEFORE.encode()).hexdigest()


def test_many_hangups_under_load_leave_berth_as_it_was(program: Program) -> None:
    """Each request is answered, and the process ends in good order."""
    assert program.process is not None
    desk = Desk(program.url, TOKEN)
    for number in range(30):
        program.process.send_signal(signal.SIGHUP)
        assert desk.post({"key": "a", "prefix": LAB, "dns_name": f"web-{number % 2}"}).status_code == 200
        program.process.send_signal(signal.SIGHUP)
    assert program.stop() == 0


def test_the_demonstration_survives_a_hangup(tmp_path: Path) -> None:
    """It reads its policy again, like any Berth."""
    program = Program([BERTH, "demo", "--folder", str(tmp_path / "state")], {}, tmp_path)
    program.command += ["--port", str(program.port)]
    program.start()
    try:
        assert program.process is not None
        program.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "policy loaded" in program.log(), "the policy is read again")
        assert requests.get(f"{program.url}/healthz", timeout=10).status_code == 200
    finally:
        program.stop_if_running()
