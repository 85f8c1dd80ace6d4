"""Virtual machines over HTTP: a whole life, one name for many, a process killed in the middle."""

from __future__ import annotations

import contextlib
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.contract.client import ADDRESSES, INTERFACES, MACHINES, unique
from tests.end_to_end.conftest import TOKENS
from tests.end_to_end.program import Desk, Program, berth, refusal, wait_until
from tests.end_to_end.spaces import PLAIN_V6, Spaces, key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.client import NetBox, Row

pytestmark = pytest.mark.thorough

ROUTE = "/api/v1/virtual-machines"
BERTHS = 4
KEYS = 12
KILLS = (0.02, 0.12, 0.3)
"""Seconds after which a process is killed: during the first steps, in the middle, near the end."""


@pytest.fixture
def words(netbox: NetBox, spaces: Spaces) -> dict[str, Any]:
    """A machine with two interfaces and both families, in a cluster of its own."""
    four, six = spaces.prefix(length=26), spaces.prefix(PLAIN_V6, 64)
    return {
        "name": unique("vm"),
        "cluster": netbox.cluster()["name"],
        "interfaces": [
            {
                "name": "eth0",
                "mac_address": "52:54:00:ab:cd:ef",
                "addresses": [{"prefix": four}, {"prefix": six}],
            },
            {"name": "eth1", "mtu": 9000, "addresses": [{"prefix": four}]},
        ],
    }


def parts_of(netbox: NetBox, machine_key: str) -> list[str]:
    """The claims of a machine and all its parts, from NetBox's lists."""
    rows: list[Row] = []
    for path in (MACHINES, INTERFACES, ADDRESSES):
        rows += netbox.found(path, limit=1000, cf_berth_key__isw=machine_key)
    claims = [str(row["custom_fields"]["berth_key"]) for row in rows]
    return sorted(claim for claim in claims if claim.partition("~")[0] == machine_key)


def whole(name: str) -> list[str]:
    """The claims of the machine of `words`."""
    return [name, f"{name}~1", f"{name}~1~v4~1", f"{name}~1~v6~1", f"{name}~2", f"{name}~2~v4~1"]


def test_a_machine_lives_and_leaves_nothing(
    alice: Desk, bob: Desk, netbox: NetBox, words: dict[str, Any]
) -> None:
    """Made in one call, changed in another, kept while somebody else uses it, and then gone."""
    name = key()
    made = alice.call("PUT", f"{ROUTE}/{name}", json=words)
    assert (made.status_code, parts_of(netbox, name)) == (201, whole(name)), made.text
    assert made.json()["status"] == "active"
    assert made.json()["interfaces"][0]["mac_address"] == "52:54:00:ab:cd:ef"
    again = alice.call("PUT", f"{ROUTE}/{name}", json=words)
    assert (again.status_code, again.content) == (200, made.content)
    assert alice.call("GET", f"{ROUTE}/{name}").content == made.content
    assert refusal(bob.call("DELETE", f"{ROUTE}/{name}")) == (403, "not_owner")
    less = {
        "status": "planned",
        "interfaces": [{"name": "eth0", "addresses": words["interfaces"][0]["addresses"][1:]}],
    }
    changed = alice.call("PUT", f"{ROUTE}/{name}", json=less)
    assert (changed.status_code, changed.json()["primary_ip4"]) == (200, None), changed.text
    assert changed.json()["primary_ip6"] == made.json()["primary_ip6"]
    assert parts_of(netbox, name) == [name, f"{name}~1", f"{name}~1~v6~1"]
    foreign = netbox.made(INTERFACES, {"virtual_machine": int(made.json()["netbox_id"]), "name": "eth9"})
    refused = alice.call("DELETE", f"{ROUTE}/{name}")
    assert (refusal(refused), "eth9" in refused.text) == ((409, "in_use"), True)
    assert netbox.delete(f"{INTERFACES}/{foreign['id']}").status_code == 204
    assert [alice.call("DELETE", f"{ROUTE}/{name}").status_code for _ in range(2)] == [204, 204]
    assert parts_of(netbox, name) == []


def test_a_machine_that_is_there_is_adopted_and_let_go(
    alice: Desk, operator: Desk, netbox: NetBox, words: dict[str, Any]
) -> None:
    """Its claims come and go, with If-Match where NetBox has it; what was there stays."""
    name = key()
    [cluster] = netbox.found("virtualization/clusters", name=words["cluster"])
    there = netbox.machine(name=words["name"], cluster=cluster["id"])
    nic = netbox.made(INTERFACES, {"virtual_machine": there["id"], "name": "eth0"})
    assert refusal(alice.call("PUT", f"{ROUTE}/{name}", json=words)) == (409, "name_taken")
    assert refusal(alice.call("PUT", f"{ROUTE}/{name}", json={**words, "adopt": True})) == (403, "forbidden")
    adopted = operator.call("PUT", f"{ROUTE}/{name}", json={**words, "adopt": True})
    assert (adopted.status_code, adopted.json()["netbox_id"]) == (200, str(there["id"])), adopted.text
    assert parts_of(netbox, name) == whole(name)
    assert operator.call("DELETE", f"{ROUTE}/{name}").status_code == 204
    assert parts_of(netbox, name) == []
    left = netbox.found(INTERFACES, virtual_machine_id=there["id"])
    assert [row["id"] for row in left] == [nic["id"]]


@pytest.fixture
def berths(
    upstream: tuple[str, str], netbox: NetBox, policy_file: Path, tmp_path: Path
) -> Iterator[list[Program]]:
    """Several Berths, each with a ledger of its own: only NetBox stands between them."""
    programs = [
        berth(tmp_path / str(n), *upstream, policy_file=str(policy_file), reconcile_seconds="0.5")
        for n in range(BERTHS)
    ]
    with ThreadPoolExecutor(BERTHS) as pool:
        list(pool.map(Program.start, programs))
    yield programs
    for program in programs:
        program.stop_if_running()


def test_of_twelve_keys_for_one_name_one_gets_the_machine(
    berths: list[Program], netbox: NetBox, words: dict[str, Any]
) -> None:
    """NetBox refuses the others, in whatever way, and they leave nothing."""
    keys = [key() for _ in range(KEYS)]

    def ask(number: int) -> requests.Response:
        desk = Desk(berths[number % BERTHS].url, TOKENS["alice"])
        return desk.call("PUT", f"{ROUTE}/{keys[number]}", json=words)

    with ThreadPoolExecutor(KEYS) as pool:
        answers = list(pool.map(ask, range(KEYS)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * (KEYS - 1)]
    assert {refusal(answer)[1] for answer in answers if answer.status_code == 409} == {"name_taken"}
    assert len(netbox.found(MACHINES, name=words["name"])) == 1
    for each, answer in zip(keys, answers, strict=True):
        assert parts_of(netbox, each) == (whole(each) if answer.status_code == 201 else [])


def test_one_key_over_several_berths_is_one_machine(
    berths: list[Program], netbox: NetBox, words: dict[str, Any]
) -> None:
    """What one has begun the others finish with it, by its claims."""
    name = key()

    def ask(number: int) -> dict[str, Any]:
        desk = Desk(berths[number % BERTHS].url, TOKENS["alice"])
        for _ in range(50):
            answer = desk.call("POST", ROUTE, json={"key": name, **words})
            if answer.status_code == 200:
                shown: dict[str, Any] = answer.json()
                return shown
            assert answer.status_code in (409, 503), answer.text
            time.sleep(0.2)
        raise AssertionError(answer.text)

    with ThreadPoolExecutor(KEYS) as pool:
        answers = list(pool.map(ask, range(KEYS)))
    assert parts_of(netbox, name) == whole(name)
    assert {answer["netbox_id"] for answer in answers} == {answers[0]["netbox_id"]}
    assert {answer["primary_ip4"] for answer in answers} == {answers[0]["primary_ip4"]}


def test_a_process_that_is_killed_in_the_middle_is_followed_by_one_that_finishes(
    own: Program, netbox: NetBox, words: dict[str, Any]
) -> None:
    """Whenever it was killed, without anybody asking again: complete, or never begun."""
    for delay in KILLS:
        own.start()
        name, desk = key(), Desk(own.url, TOKENS["alice"])
        mine = {**words, "name": unique("vm")}

        def ask(name: str = name, desk: Desk = desk, mine: dict[str, Any] = mine) -> None:
            with contextlib.suppress(requests.RequestException):
                desk.call("PUT", f"{ROUTE}/{name}", json=mine)

        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(ask)
            time.sleep(delay)
            own.stop(signal.SIGKILL)
            asked.result()
        own.start()
        desk = Desk(own.url, TOKENS["alice"])
        wait_until(
            lambda d=desk, n=name: d.call("GET", f"{ROUTE}/{n}").status_code in (200, 404),  # type: ignore[misc]
            "nothing is in doubt",
        )
        there = parts_of(netbox, name)
        assert there in ([], whole(name))
        again = desk.call("PUT", f"{ROUTE}/{name}", json=mine)
        assert again.status_code == (200 if there else 201)
        assert again.json()["status"] == "active"
        assert parts_of(netbox, name) == whole(name)
        own.stop()
