"""What befalls the process, its clock and its disk: killed, stopped, shifted, full; and its clients."""

from __future__ import annotations

import contextlib
import itertools
import random
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from tests.end_to_end.program import wait_until
from tests.faults.history import Outcome
from tests.faults.load import Client, Load, subjects
from tests.faults.processes import SETTINGS, Zygote
from tests.faults.proxy import Fault
from tests.faults.stage import TOKENS
from tests.faults.test_wire import WRITES, begin, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.history import Call
    from tests.faults.load import Subject
    from tests.faults.stage import Stage, Theatre

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
BLOCK = 64 * 1024
HANGING = 30.0
DEADLINE = float(SETTINGS["BERTH_REQUEST_SECONDS"])
LENIENCE = 4.0
"""Seconds that five hundred clients and everything else may take on two cores."""
SLOTS = 7
"""Calls that Berth has under way at once by default: one with the lock, two other writes, four reads."""
AT_ONCE = 0.4
"""Seconds. What is sent at the very moment at which the process lets go of a connection is cut without having
waited for NetBox, which takes half a second then; on a busy machine it may take a while to be told."""


@contextlib.contextmanager
def under_load(stage: Stage, clients: int = 8) -> Iterator[Load]:
    """Let clients work on keys that they share, in two prefixes, one of which is too small."""
    wishes = [
        each for each in subjects({stage.prefix(25): 30, stage.prefix(29): 10}, stage.run) if not each.held
    ]
    load = Load([berth.url for berth in stage.berths], TOKENS, wishes, seed=random.randrange(10**6))  # noqa: S311
    load.start(clients)
    try:
        yield load
    finally:
        load.stop()
        stage.calls += load.calls


def done(load: Load) -> int:
    """Return how many requests have succeeded."""
    return sum(call.outcome is Outcome.OK for call in list(load.calls))


def wait_for_more(load: Load, count: int = 40) -> None:
    """Wait until so many more requests have succeeded."""
    goal = done(load) + count
    wait_until(lambda: done(load) >= goal, f"{count} more requests succeed")


def at_once(stage: Stage, wishes: list[Subject]) -> list[Call]:
    """Make requests from so many clients at once."""
    barrier = threading.Barrier(len(wishes))

    def one(number: int) -> Call:
        with requests.Session() as session:
            berth = stage.berths[number % len(stage.berths)]
            barrier.wait()
            wish = wishes[number]
            return Client(berth.url, TOKENS, session).ask("POST", wish, wish.wanted("POST"))

    with ThreadPoolExecutor(len(wishes)) as pool:
        calls = list(pool.map(one, range(len(wishes))))
    stage.calls += calls
    return calls


@pytest.mark.parametrize("write", WRITES)
def test_killed_between_the_commit_and_its_record_the_retry_is_told_the_same(
    stage: Stage, write: str
) -> None:
    """NetBox has it, the ledger does not know yet, and the process is gone."""
    action, method, path = WRITES[write]
    subject = begin(stage, write)
    stage.proxy.clear()
    stage.proxy.strike(Fault("slow_after", method, path, delay=1.5))
    asking = threading.Thread(target=stage.ask, args=(action, subject), kwargs=words(write))
    asking.start()
    wait_until(lambda: bool(stage.proxy.struck), "the write reaches NetBox")
    time.sleep(0.5)
    committed = [row["id"] for row in stage.rows(subject)]
    assert len(committed) == (0 if write == "release" else 1)
    assert stage.kill() == -signal.SIGKILL
    asking.join()
    stage.berth.serve()
    stage.insist(action, subject, **words(write))
    stage.verify()
    assert [row["id"] for row in stage.rows(subject)] == committed


def test_stopped_for_longer_than_its_calls_may_take_it_goes_on_without_harm(stage: Stage) -> None:
    """SIGSTOP in the middle of everything, as a paused container: what it believes is out of date."""
    with under_load(stage) as load:
        for _ in range(3):
            wait_for_more(load)
            stage.berth.send(signal.SIGSTOP)
            time.sleep(3)
            stage.berth.send(signal.SIGCONT)
        wait_for_more(load)
    stage.verify()


def test_a_clock_that_jumps_loses_nothing(theatre: Theatre, tmp_path: Path) -> None:
    """An hour ahead, and back again: what is counted in seconds is counted on another clock."""
    assert Path(FAKETIME).exists(), "libfaketime is missing: apt-get install faketime"
    offset = tmp_path / "offset"
    offset.write_text("+0\n")
    faked = {
        "LD_PRELOAD": FAKETIME,
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with Zygote(**faked) as zygote, replace(theatre, zygote=zygote).stage(tmp_path) as stage:
        with under_load(stage) as load:
            for jump in ("+1h", "-1h", "+0"):
                wait_for_more(load)
                offset.write_text(f"{jump}\n")
            wait_for_more(load)
        evidence = stage.verify()
    times = itertools.pairwise(event["time"] for event in evidence.events)
    assert any(later < earlier for earlier, later in times), "no clock jumped"


@pytest.mark.parametrize("how", ["full", "failing"])
def test_a_disk_that_takes_no_record_lets_nothing_happen(theatre: Theatre, tmp_path: Path, how: str) -> None:
    """503, NetBox is not asked to write; when the disk is well again, so is Berth."""
    with (
        small_disk(tmp_path / "small") as folder,
        theatre.stage(folder) as stage,
    ):
        kept, refused = stage.subject(), stage.subject()
        address = stage.insist("POST", kept).address
        _break(stage, folder, how)
        stage.proxy.clear()
        call = stage.ask("POST", refused)
        assert (call.status, call.code) == (503, "ledger_unavailable"), call
        assert not [line for line in stage.proxy.calls if not line.startswith("GET ")]
        read = stage.ask("GET", kept)
        assert read.address == address, f"{read} {stage.berth.log.read_text()[-1500:]}"
        assert requests.get(f"{stage.berth.url}/readyz", timeout=5).status_code == 503
        _mend(stage, folder, how)
        stage.insist("POST", refused)
        stage.verify()


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a file system of three megabytes."""
    folder.mkdir()
    _run("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _run("umount", "--lazy", str(folder))


def _break(stage: Stage, folder: Path, how: str) -> None:
    """Leave no byte, neither for the database nor for the log of its writes; or have every write fail."""
    if how == "failing":
        _run("prlimit", f"--pid={stage.berth.pid}", "--fsize=0:unlimited")
        return
    with (folder / "filler").open("wb", buffering=0) as filler:
        for size in (BLOCK, 4096, 1):
            with contextlib.suppress(OSError):
                while filler.write(b"x" * size):
                    pass


def _mend(stage: Stage, folder: Path, how: str) -> None:
    if how == "failing":
        _run("prlimit", f"--pid={stage.berth.pid}", "--fsize=unlimited:unlimited")
        return
    (folder / "filler").unlink()


def _run(*words: str) -> None:
    subprocess.run(words, check=True)  # noqa: S603 - words of this file


def test_told_to_stop_under_load_it_answers_what_it_has_accepted(stage: Stage) -> None:
    """SIGTERM: exit code 0, no connection cut in the middle of a request; its successor goes on."""
    with under_load(stage, 16) as load:
        for _ in range(3):
            wait_for_more(load)
            stage.proxy.strike(Fault("slow_after", "POST", "*/available-ips/", delay=0.5))
            began = time.monotonic()
            assert stage.berth.end(signal.SIGTERM) == 0
            assert time.monotonic() - began < 10
            unanswered = [
                call for call in list(load.calls) if call.outcome is Outcome.UNKNOWN and not call.status
            ]
            cut = [call for call in unanswered if call.ended - call.started > AT_ONCE]
            assert cut == [], "accepted, and never answered"
            stage.berth.serve()
        wait_for_more(load)
    stage.verify()


def test_clients_that_hang_up_find_what_they_asked_for(stage: Stage) -> None:
    """A storm of curls that wait for a twentieth of a second: the work goes on, the retry is a repeat."""
    prefix = stage.prefix(25)
    wishes = [stage.subject(prefix) for _ in range(40)]
    stage.proxy.strike(Fault("slow_after", "POST", "*/available-ips/", times=5, delay=0.3))
    storm = [subprocess.Popen(_curl(stage, wish), stdout=subprocess.DEVNULL) for wish in wishes]  # noqa: S603
    codes = [process.wait(30) for process in storm]
    assert codes.count(28) > len(wishes) / 2, f"few hung up: {codes}"
    wait_until(lambda: all(len(stage.rows(wish)) == 1 for wish in wishes), "the work is done all the same")
    for wish in wishes:
        assert stage.ask("POST", wish).outcome is Outcome.OK
    stage.verify()


def _curl(stage: Stage, wish: Subject) -> list[str]:
    url = f"{stage.berth.url}/api/v1/allocations/{wish.key}"
    header = f"Authorization: Bearer {TOKENS[wish.owner]}"
    data = f'{{"prefix": "{wish.prefix}"}}'
    words = ["--silent", "--max-time", "0.05", "--request", "PUT", "--header", header, "--data", data, url]
    return ["curl", *words]


def test_a_prefix_that_runs_out_serves_as_many_as_it_can(stage: Stage) -> None:
    """Thirty at once in a /29 with six addresses: six get one, the others are told why not."""
    prefix = stage.prefix(29)
    calls = at_once(stage, [stage.subject(prefix) for _ in range(30)])
    assert sum(call.outcome is Outcome.OK for call in calls) == 6
    assert {(call.status, call.code) for call in calls if call.outcome is not Outcome.OK} == {
        (409, "prefix_exhausted")
    }
    assert len(stage.verify().held) == 6


def test_fifty_at_once_with_one_key_get_one_address(stage: Stage) -> None:
    """One object, one answer."""
    calls = at_once(stage, [stage.subject()] * 50)
    assert {call.outcome for call in calls} == {Outcome.OK}
    assert len({(call.address, call.netbox_id) for call in calls}) == 1
    stage.verify()


def test_a_key_is_not_given_to_another_prefix(stage: Stage) -> None:
    """409 after one read, and nothing changed."""
    subject = stage.subject()
    stage.insist("POST", subject)
    stage.proxy.clear()
    call = stage.ask("POST", subject, {"prefix": stage.prefix()})
    assert (call.status, call.code) == (409, "key_conflict")
    assert not [line for line in stage.proxy.calls if not line.startswith("GET ")]
    stage.verify()


def test_a_netbox_in_trouble_is_not_asked_more_often_for_it(stage: Stage) -> None:
    """Every tenth read is answered 503: at most 1.2 times the calls of good days."""
    subject = stage.subject()
    stage.insist("POST", subject)
    counts = []
    for troubled in (False, True):
        stage.proxy.clear()
        if troubled:
            stage.proxy.strike(*(Fault("answer", "GET", skip=9 * nth) for nth in range(1, 30)))
        for _ in range(100):
            stage.ask("GET", subject)
        counts.append(sum(stage.proxy.calls.values()))
    assert sum(stage.proxy.struck.values()) >= 8
    good, bad = counts
    assert bad <= 1.2 * good, f"{bad} calls instead of {good}"
    stage.verify()


def test_five_hundred_clients_of_a_netbox_that_hangs_are_answered_in_time(
    stage: Stage, upstream: tuple[str, str]
) -> None:
    """NetBox takes half a minute for each answer: Berth's come by the deadline, its workers are spared."""
    prefix = stage.prefix(22)
    stage.insist("POST", stage.subject(prefix))
    stage.proxy.clear()
    stage.proxy.strike(Fault("slow_before", times=10**6, delay=HANGING))
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(at_once, stage, [stage.subject(prefix) for _ in range(500)])
        slowest = 0.0
        while not asking.done():
            began = time.monotonic()
            answer = requests.get(f"{upstream[0]}/api/status/", headers=_token(upstream[1]), timeout=30)
            assert answer.status_code == 200
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.2)
    calls = asking.result()
    assert {(call.status, call.outcome) for call in calls} == {(503, Outcome.UNKNOWN)}
    late = max(call.ended - call.started for call in calls)
    assert late < DEADLINE + LENIENCE, f"{late:.1f} s"
    assert stage.proxy.peak <= SLOTS, "NetBox's workers are held up"
    assert slowest < LENIENCE, f"NetBox itself took {slowest:.1f} s"


def _token(token: str) -> dict[str, str]:
    return {"Authorization": f"Token {token}"}


def test_netbox_is_left_alone_for_as_long_as_it_asks(stage: Stage) -> None:
    """429 with `Retry-After: 2`: no call in the two seconds after it."""
    subject = stage.subject()
    stage.insist("POST", subject)
    wait_until(lambda: time.monotonic() - stage.proxy.times[-1] > 0.7, "nobody asks")
    stage.proxy.clear()
    stage.proxy.strike(Fault("answer", "*", status=429, headers={"Retry-After": "2"}))
    stage.ask("GET", subject)
    stage.insist("GET", subject)
    first, *later = stage.proxy.times
    assert later
    assert min(later) - first >= 1.9
    stage.verify()


def test_whatever_the_ledger_knew_it_finds_again_in_netbox(stage: Stage, tmp_path: Path) -> None:
    """The database is lost under load: the same keys are the same addresses, and nothing is there twice."""
    with under_load(stage) as load:
        wait_for_more(load, 100)
        stage.kill()
        for file in tmp_path.glob("berth.db*"):
            file.unlink()
        stage.berth.serve()
        wait_for_more(load, 100)
    stage.verify(without=("I5", "I6"))  # the record of what went before is lost
