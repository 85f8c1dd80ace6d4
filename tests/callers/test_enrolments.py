"""A token for one machine: one address, one name, once."""

from __future__ import annotations

import asyncio
from typing import Any

from app.emulator.faults import Fault
from tests.callers.conftest import At
from tests.whole import ALLOCATIONS, LAB, NetBox, Whole

ENROLMENTS = "/api/v1/enrolments"


async def issue(desk: Whole, name: str, **words: Any) -> dict[str, Any]:  # noqa: ANN401
    """A token for a machine of this name."""
    body = {"prefix": LAB, "dns_name": f"{name}.example.com", **words}
    issued = await desk.client.post(ENROLMENTS, json=body)
    assert issued.status_code == 201, issued.text
    told: dict[str, Any] = issued.json()
    return told


async def change(desk: Whole, enrolment_id: str, **values: object) -> None:
    """Change what is kept of an enrolment."""
    from sqlalchemy import update  # noqa: PLC0415 - only here

    from app.store.tables import enrolments  # noqa: PLC0415 - only here

    def work(tx: Any) -> None:  # noqa: ANN401 - the store's own transaction
        tx._connection.execute(update(enrolments).where(enrolments.c.id == enrolment_id).values(values))

    await desk.berth.database.write(work)


async def test_a_machine_takes_its_address_with_an_empty_body(desk: Whole, at: At) -> None:
    """It belongs to whoever issued the token; a repeat gets the same bytes, also from the new address."""
    issued = await issue(desk, "first")
    machine = at(issued["token"])
    taken = await machine.post(ALLOCATIONS)
    assert taken.status_code == 200, taken.text
    body = taken.json()
    assert (body["owner"], body["dns_name"], body["key"], body["prefix"]) == (
        "team",
        "first.example.com",
        "first.example.com",
        LAB,
    )
    again = await machine.post(ALLOCATIONS)
    assert (again.status_code, again.content) == (200, taken.content)
    moved = await at(issued["token"], body["ip"]).post(ALLOCATIONS, json={"prefix": LAB})
    assert (moved.status_code, moved.json()["ip"]) == (200, body["ip"])
    assert (await at(issued["token"], "198.51.100.9").post(ALLOCATIONS)).status_code == 401
    records = await desk.records(key="first.example.com")
    assert [(r["action"], r["event"]) for r in records][:4] == [
        ("enrol", "intent"),
        ("enrol", "outcome"),
        ("allocate", "intent"),
        ("allocate", "outcome"),
    ]
    assert {(r["method"], r["credential"]) for r in records[2:]} == {("enrolment", issued["id"])}
    secret = issued["token"].split("_")[2]
    assert secret not in desk.log.getvalue() + desk.audit.getvalue()


async def test_fifty_machines_race_with_one_token(desk: Whole, at: At) -> None:
    """One of them has it; NetBox holds one address."""
    issued = await issue(desk, "raced")
    clients = [at(issued["token"], f"198.51.100.{number}") for number in range(50)]
    answers = await asyncio.gather(*(client.post(ALLOCATIONS) for client in clients))
    assert sorted(answer.status_code for answer in answers) == [200, *[401] * 49]
    listed = (await desk.client.get(ALLOCATIONS, params={"dns_name": "raced.example.com"})).json()
    assert len(listed["items"]) == 1


async def test_one_machine_asks_fifty_times_at_once(desk: Whole, at: At) -> None:
    """All of its tries get the same answer."""
    issued = await issue(desk, "eager")
    machine = at(issued["token"])
    answers = await asyncio.gather(*(machine.post(ALLOCATIONS) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1


async def test_it_is_good_for_nothing_else(desk: Whole, at: At) -> None:
    """Neither elsewhere, nor under another name or key, nor at any other route."""
    issued = await issue(desk, "bound")
    machine = at(issued["token"])
    for words in (
        {"prefix": "192.168.3.0/24"},
        {"dns_name": "other.example.com"},
        {"key": "other"},
        {"vrf": None},
        {"address": "192.168.4.77"},
        {"tags": ["production"]},
        {"adopt": True},
    ):
        refused = await machine.post(ALLOCATIONS, json=words)
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated"), words
    for method, path in (
        ("GET", ALLOCATIONS),
        ("GET", "/api/v1/audit"),
        ("GET", "/api/v1/prefixes"),
        ("PUT", f"{ALLOCATIONS}/bound.example.com"),
        ("DELETE", f"{ALLOCATIONS}/bound.example.com"),
        ("POST", f"{ALLOCATIONS}/batch"),
        ("POST", ENROLMENTS),
        ("POST", "/api/v1/keys"),
    ):
        assert (await machine.request(method, path)).status_code == 401, path
    sent = {"prefix": LAB, "dns_name": "BOUND.example.com", "description": "a machine"}
    taken = await machine.post(ALLOCATIONS, json=sent)
    assert (taken.status_code, taken.json()["description"]) == (200, "a machine")


async def test_once_released_it_is_used_up(desk: Whole, at: At) -> None:
    """Nobody gets another address with it, the machine itself neither."""
    issued = await issue(desk, "gone")
    assert (await at(issued["token"]).post(ALLOCATIONS)).status_code == 200
    assert (await desk.client.delete(f"{ALLOCATIONS}/gone.example.com")).status_code == 204
    assert (await at(issued["token"]).post(ALLOCATIONS)).status_code == 401
    assert (await at(issued["token"], "198.51.100.9").post(ALLOCATIONS)).status_code == 401


async def test_a_try_that_comes_to_nothing_does_not_use_it_up(desk: Whole, at: At, netbox: NetBox) -> None:
    """For the same machine; another one is not let in any more."""
    issued = await issue(desk, "tries")
    netbox.fault(Fault("token_expired", method="POST", path="*available-ips*"))
    refused = await at(issued["token"]).post(ALLOCATIONS)
    assert refused.status_code not in (200, 401), refused.text
    netbox.fault()
    assert (await at(issued["token"], "198.51.100.9").post(ALLOCATIONS)).status_code == 401
    assert (await at(issued["token"]).post(ALLOCATIONS)).status_code == 200


async def test_it_ends_soon(desk: Whole, at: At) -> None:
    """Also between the look at the token and the beginning of the allocation."""
    issued = await issue(desk, "late")
    await change(desk, issued["id"], expires_at=1.0)
    assert (await at(issued["token"]).post(ALLOCATIONS)).status_code == 401


async def test_what_the_owner_made_meanwhile_is_found_once(desk: Whole, at: At) -> None:
    """By one machine."""
    issued = await issue(desk, "meanwhile")
    made = await desk.post(dns_name="meanwhile.example.com")
    dry = await at(issued["token"]).post(f"{ALLOCATIONS}?dry_run=true")
    assert dry.json()["ip"] == made.json()["ip"]
    found = await at(issued["token"]).post(ALLOCATIONS)
    assert (found.status_code, found.json()["ip"]) == (200, made.json()["ip"])
    assert (await at(issued["token"], "198.51.100.9").post(ALLOCATIONS)).status_code == 401


async def test_a_token_is_issued_for_what_its_owner_could_have(desk: Whole) -> None:
    """Place, name and key are checked at once, not when the machine boots."""
    await desk.post("held")
    for words, status, code in (
        ({"prefix": "172.31.77.0/24", "dns_name": "a.example.com"}, 422, "prefix_not_found"),
        ({"prefix": LAB, "dns_name": "-a.example.com"}, 422, "name_refused"),
        ({"prefix": LAB, "dns_name": "a.example.com", "key": "held"}, 409, "key_conflict"),
        ({"prefix": LAB}, 422, "invalid_request"),
        ({"prefix": LAB, "dns_name": "a.example.com", "expires_in_seconds": 10**7}, 422, "invalid_request"),
    ):
        refused = await desk.client.post(ENROLMENTS, json=words)
        assert (refused.status_code, refused.json().get("code")) == (status, code), (words, refused.text)


async def test_a_vrf_is_part_of_what_is_issued(desk: Whole, at: At) -> None:
    """`null` is the global table; the machine may repeat it."""
    issued = await issue(desk, "global", vrf=None, key="chosen", expires_in_seconds=60)
    assert (issued["vrf"], issued["key"]) == (None, "chosen")
    taken = await at(issued["token"]).post(ALLOCATIONS, json={"vrf": None, "key": "chosen"})
    assert (taken.status_code, taken.json()["key"]) == (200, "chosen")
