"""Berth as a process: stopped, killed, robbed of its state, started before its NetBox."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import requests

from app.emulator import SEED_TOKEN
from tests.contract.client import NetBox
from tests.end_to_end.conftest import TOKENS, prepare
from tests.end_to_end.program import PATIENCE, Desk, Program, berth, emulator, forget, refusal, wait_until
from tests.end_to_end.spaces import PLAIN, ROUTED, Spaces, key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_a_restart_changes_no_byte(own: Program, spaces: Spaces) -> None:
    """Holds, words as sent and addresses survive; SIGTERM is a clean end, SIGKILL too."""
    desk, name = Desk(own.url, TOKENS["alice"]), key()
    own.start()
    prefix = spaces.prefix(ROUTED)
    made = desk.put(name, {"prefix": prefix, "dns_name": spaces.name().upper(), "hold_seconds": 600})
    for how, code in ((signal.SIGTERM, 0), (signal.SIGKILL, -9)):
        assert own.stop(how) == code
        own.start()
        assert desk.get(name).content == made.content


def test_a_lost_ledger_is_found_again_in_netbox(own: Program, spaces: Spaces) -> None:
    """The same keys get the same addresses, and nobody gets somebody else's."""
    alice, bob = (Desk(own.url, TOKENS[name]) for name in ("alice", "bob"))
    own.start()
    prefix = spaces.prefix()
    keys = [key() for _ in range(6)]
    before = {each: alice.made({"key": each, "prefix": prefix})["address"] for each in keys}
    assert own.stop(signal.SIGKILL) == -9
    forget(own)
    own.start()
    assert alice.get(keys[0]).json()["address"] == before[keys[0]]
    assert refusal(bob.post({"key": keys[1], "prefix": prefix})) == (403, "not_owner")
    assert alice.delete(keys[5]).status_code == 204
    after = {each: alice.made({"key": each, "prefix": prefix})["address"] for each in keys[:5]}
    assert after == {each: before[each] for each in keys[:5]}
    assert {row["custom_fields"]["berth_key"] for row in spaces.inside(prefix)} == set(keys[:5])


def test_a_ledger_lost_under_load_doubles_nothing(own: Program, spaces: Spaces) -> None:
    """Some were made, some were under way; afterwards every key has one address."""
    desk = Desk(own.url, TOKENS["alice"])
    own.start()
    prefix, keys = spaces.prefix(length=26), [key() for _ in range(24)]
    answered: dict[str, str] = {}

    def ask(each: str) -> None:
        try:
            answer = desk.post({"key": each, "prefix": prefix})
        except requests.ConnectionError:
            return
        if answer.status_code == 200:
            answered[each] = answer.json()["address"]

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(ask, each) for each in keys]
        wait_until(lambda: len(answered) > 5, "some are answered")
        own.stop(signal.SIGKILL)
        for future in futures:
            future.result()
    forget(own)
    own.start()
    after = {each: desk.made({"key": each, "prefix": prefix})["address"] for each in keys}
    assert {each: after[each] for each in answered} == answered
    assert len(set(after.values())) == 24 == len(spaces.inside(prefix))


@pytest.fixture
def absent(tmp_path: Path, real: bool) -> Iterator[Program]:
    """An emulator of the test's own that is not running yet."""
    if real:
        pytest.skip("a real NetBox is not switched off")
    program = emulator(tmp_path / "emulator")
    yield program
    program.stop_if_running()


def test_sigterm_answers_what_is_in_flight(absent: Program, own: Program) -> None:
    """Twelve requests wait for a slow NetBox when it comes; each gets its answer, and the exit code is 0."""
    own.variables |= {"NETBOX_URL": absent.url, "NETBOX_API_TOKEN": SEED_TOKEN}
    absent.start("/api/status/")
    prepare(absent.url, SEED_TOKEN)
    own.start()
    desk, prefix = Desk(own.url, TOKENS["alice"]), PLAIN.replace("/14", "/24")
    with NetBox(absent.url, SEED_TOKEN) as netbox:
        netbox.made("ipam/prefixes", {"prefix": prefix})
    slow = {"kind": "hold", "path": "*/available-ips/", "method": "POST", "delay": 1.0}
    requests.put(f"{absent.url}/_emulator/faults", json=slow, timeout=PATIENCE)
    with ThreadPoolExecutor(12) as pool:
        futures = [pool.submit(desk.post, {"key": key(), "prefix": prefix}) for _ in range(12)]
        wait_until(lambda: "works_in_flight 12.0" in _metrics(own), "all requests are in flight")
        assert own.stop(signal.SIGTERM) == 0
    assert {future.result().status_code for future in futures} == {200}


def _metrics(program: Program) -> str:
    return requests.get(f"{program.url}/metrics", timeout=PATIENCE).text


def test_two_processes_do_not_share_a_ledger(service: Program, upstream: tuple[str, str]) -> None:
    """The second one refuses to start and says why."""
    second = berth(service.folder, *upstream, token="x" * 16)
    with pytest.raises(AssertionError, match="Another process has the ledger"):
        second.start()


def test_a_wrong_environment_is_told_in_plain_words(own: Program) -> None:
    """And the process ends."""
    own.variables |= {"BERTH_DOUBT_SECONDS": "soon"}
    with pytest.raises(AssertionError, match="BERTH_DOUBT_SECONDS: write a number"):
        own.start()


def test_berth_starts_without_its_netbox_and_works_once_it_comes(absent: Program, own: Program) -> None:
    """503 with Retry-After until then; nothing is lost when NetBox goes away again."""
    own.variables |= {
        "NETBOX_URL": absent.url,
        "NETBOX_API_TOKEN": SEED_TOKEN,
        "BERTH_NETBOX_BREAKER_SECONDS": "0.5",
    }
    own.start()
    desk, name = Desk(own.url, TOKENS["alice"]), key()
    body = {"key": name, "prefix": PLAIN.replace("/14", "/24")}
    for answer in (desk.get(name), desk.post(body), desk.list("prefixes")):
        assert refusal(answer) == (503, "netbox_unavailable")
        assert int(answer.headers["Retry-After"]) >= 1
    assert desk.call("GET", "/readyz").status_code == 200
    absent.start("/api/status/")
    prepare(absent.url, SEED_TOKEN)
    with NetBox(absent.url, SEED_TOKEN) as netbox:
        netbox.made("ipam/prefixes", {"prefix": body["prefix"]})
    wait_until(lambda: desk.post(body).status_code == 200, "Berth works once NetBox is there")
    made = desk.post(body)
    absent.stop()
    assert refusal(desk.get(name)) == (503, "netbox_unavailable")
    absent.start("/api/status/")
    wait_until(lambda: desk.get(name).status_code == 200, "Berth works again")
    assert desk.get(name).content == made.content


def test_an_unprepared_netbox_gets_no_write(absent: Program, own: Program) -> None:
    """Without the unique field nothing would be exactly once; reads work."""
    own.variables |= {"NETBOX_URL": absent.url, "NETBOX_API_TOKEN": SEED_TOKEN}
    absent.start("/api/status/")
    with NetBox(absent.url, SEED_TOKEN) as netbox:
        row = netbox.made("ipam/prefixes", {"prefix": PLAIN.replace("/14", "/24")})
    own.start()
    desk = Desk(own.url, TOKENS["alice"])
    answer = desk.post({"key": key(), "prefix": row["prefix"]})
    assert refusal(answer) == (409, "netbox_unprepared")
    assert "berth bootstrap" in answer.json()["detail"]
    assert len(desk.list(f"prefixes/{row['id']}/available-ips", limit="2").json()["items"]) == 2
