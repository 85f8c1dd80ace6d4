"""Berth as a process: stopped, killed, robbed of its state, started before its NetBox."""

from __future__ import annotations

import json
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

pytestmark = pytest.mark.thorough


def test_neither_a_restart_nor_a_lost_ledger_changes_an_address(own: Program, spaces: Spaces) -> None:
    """After SIGTERM every byte is as it was; without its ledger Berth finds keys and owners in NetBox."""
    alice, bob = (Desk(own.url, TOKENS[name]) for name in ("alice", "bob"))
    own.start()
    prefix, keys = spaces.prefix(ROUTED), [key() for _ in range(6)]
    body = {"prefix": prefix, "dns_name": spaces.name().upper(), "hold_seconds": 600}
    held = alice.put(keys[0], body)
    before = {each: alice.made({"key": each, "prefix": prefix})["ip"] for each in keys}
    assert own.stop(signal.SIGTERM) == 0
    own.start()
    assert alice.get(keys[0]).content == held.content
    assert own.stop(signal.SIGKILL) == -signal.SIGKILL
    forget(own)
    own.start()
    assert alice.get(keys[0]).json()["ip"] == before[keys[0]]
    assert refusal(bob.post({"key": keys[1], "prefix": prefix})) == (403, "not_owner")
    assert alice.delete(keys[5]).status_code == 204
    after = {each: alice.made({"key": each, "prefix": prefix})["ip"] for each in keys[:5]}
    assert after == {each: before[each] for each in keys[:5]}
    claims = {row["custom_fields"]["berth_key"] for row in spaces.inside(prefix)}
    assert claims == {*keys[:5], None}  # the gateway's record has none


def test_a_ledger_lost_under_load_doubles_nothing(own: Program, spaces: Spaces) -> None:
    """Some were made, some were under way; afterwards every key has one address."""
    desk = Desk(own.url, TOKENS["alice"])
    own.start()
    prefix, keys = spaces.prefix(length=26), [key() for _ in range(24)]
    answered: dict[str, str] = {}

    def ask(each: str) -> None:
        try:
            answer = desk.post({"key": each, "prefix": prefix})
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            return  # not answered, or cut off in the middle of the answer
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
    held = sorted((row["custom_fields"]["berth_key"], row["address"]) for row in spaces.inside(prefix))
    assert held == sorted(after.items())


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


def test_who_hangs_up_finds_its_address_when_it_asks_again(absent: Program, own: Program) -> None:
    """The work goes on without its clients; a retry is answered with what was made, and nothing twice."""
    own.variables |= {"NETBOX_URL": absent.url, "NETBOX_API_TOKEN": SEED_TOKEN}
    absent.start("/api/status/")
    prepare(absent.url, SEED_TOKEN)
    own.start()
    desk, prefix = Desk(own.url, TOKENS["alice"]), PLAIN.replace("/14", "/24")
    with NetBox(absent.url, SEED_TOKEN) as netbox:
        netbox.made("ipam/prefixes", {"prefix": prefix})
        slow = {"kind": "hold", "path": "*/available-ips/", "method": "POST", "delay": 2.5, "times": 1}
        requests.put(f"{absent.url}/_emulator/faults", json=slow, timeout=PATIENCE)
        keys = [key() for _ in range(6)]
        with ThreadPoolExecutor(6) as pool:
            gone = list(pool.map(lambda each: _impatient(desk, {"key": each, "prefix": prefix}), keys))
        assert gone == [True] * 6
        wait_until(lambda: len(netbox.found("ipam/ip-addresses", parent=prefix)) == 6, "all are made")
        wait_until(lambda: "works_in_flight 0.0" in _metrics(own), "the work is done without its clients")
        rows = netbox.found("ipam/ip-addresses", parent=prefix)
    held = {row["custom_fields"]["berth_key"]: row["address"] for row in rows}
    assert set(held) == set(keys)
    again = [desk.post({"key": each, "prefix": prefix}) for each in keys]
    assert {answer.json()["key"]: answer.json()["address"] for answer in again} == held
    assert {answer.headers["Idempotent-Replayed"] for answer in again} == {"true"}


def _impatient(desk: Desk, body: dict[str, str]) -> bool:
    """Whether the client gave up before its answer came."""
    try:
        desk.call("POST", "/api/v1/allocations", json=body, timeout=1.0)
    except requests.ReadTimeout:
        return True
    return False


def _metrics(program: Program) -> str:
    return requests.get(f"{program.url}/metrics", timeout=PATIENCE).text


def test_two_processes_do_not_share_a_ledger(service: Program, upstream: tuple[str, str]) -> None:
    """The second one refuses to start and says why."""
    second = berth(service.folder, *upstream, token="x" * 16)
    with pytest.raises(AssertionError, match="Another process has the ledger"):
        second.start()


def test_the_log_says_at_the_start_that_no_convention_is_set(own: Program) -> None:
    """Where there is no policy file: otherwise nobody would miss it."""
    said = "no naming convention is set: names have to be RFC 1123 host names, and no more"
    own.start()
    assert own.stop() == 0
    assert said not in own.log()
    del own.variables["BERTH_POLICY_FILE"]
    own.variables["BERTH_TOKEN"] = "x" * 16
    own.start()
    lines = [json.loads(line) for line in own.log().splitlines()]
    assert [line["level"] for line in lines if line["event"] == said] == ["warning"]


def test_a_wrong_environment_is_told_in_plain_words(own: Program) -> None:
    """And the process ends."""
    own.variables |= {"BERTH_DOUBT_SECONDS": "soon"}
    with pytest.raises(AssertionError, match="BERTH_DOUBT_SECONDS: write a number"):
        own.start()


def test_berth_starts_without_its_netbox_and_works_once_it_comes(absent: Program, own: Program) -> None:
    """503 with Retry-After until then, no write before the claim fields exist, nothing lost in an outage."""
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
    with NetBox(absent.url, SEED_TOKEN) as netbox:
        row = netbox.made("ipam/prefixes", {"prefix": body["prefix"]})
    preview = f"prefixes/{row['id']}/available-ips"
    wait_until(lambda: desk.list(preview).status_code == 200, "Berth reads once NetBox is there")
    unprepared = desk.post(body)
    assert refusal(unprepared) == (409, "netbox_unprepared")
    assert "berth bootstrap" in unprepared.json()["detail"]
    prepare(absent.url, SEED_TOKEN)
    made = desk.post(body)
    assert made.status_code == 200
    absent.stop()
    assert refusal(desk.get(name)) == (503, "netbox_unavailable")
    absent.start("/api/status/")
    wait_until(lambda: desk.get(name).status_code == 200, "Berth works again")
    assert desk.get(name).content == made.content
