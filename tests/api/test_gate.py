"""The rights of every route: who is let through, and that no route was forgotten."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.api.export import document
from app.api.gate import OPEN, RIGHTS
from app.domain.rights import ROLES
from app.policyfile import load
from tests.whole import ALLOCATIONS, LAB, NetBox, Whole, emulated, whole

OWN_ROLES = ("nobody", "web", "few", "slow", "helper", "janitor", "portal", "mover")
TOKENS = {name: f"the-token-of-{name}-0123456789" for name in (*ROLES, *OWN_ROLES)}
POLICY = """\
clients:
{clients}
roles:
  nobody: [{{actions: [assert]}}]
  web:
    - {{actions: [read, allocate, update, release, register, retire], prefixes: [{lab}], names: ['web-.*']}}
  few: [{{actions: [read, allocate, release], quota: 3}}]
  slow: [{{actions: [read], rate: 2/hour}}]
  helper:
    - {{actions: [read, allocate, update, release]}}
    - {{actions: [read, update], owners: [team], prefixes: [{other}]}}
  janitor:
    - {{actions: [read, allocate, release, register, retire]}}
    - {{actions: [operate], prefixes: [{other}]}}
  portal:
    - {{actions: [read, allocate, update, release]}}
    - {{actions: [assert], prefixes: [{other}]}}
  mover:
    - {{actions: [register]}}
    - {{actions: [retire, read], prefixes: [{other}]}}
"""
OTHER = "192.168.3.0/24"
OPERATIONS = {
    operation["operationId"]: (method, path)
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
}
KEYS = {"createKey", "listKeys", "revokeKey"}
CLOSED = {
    "allocator": {"listOperations", "retryOperation", "abandonOperation", *KEYS},
    "operator": KEYS,
    "auditor": {
        *("allocate", "allocateBatch", "upsertAllocation", "confirmAllocation", "releaseAllocation"),
        *("registerMachine", "registerMachineBatch", "convergeMachine", "retireMachine"),
        *("listOperations", "retryOperation", "abandonOperation", "createEnrolment"),
        *KEYS,
    },
    "administrator": set(),
    "nobody": set(RIGHTS),
}
"""By role: the routes that are closed to it, in any place and under any name."""


@pytest.fixture(scope="module")
def netbox() -> Iterator[NetBox]:
    """The NetBox of all these tests."""
    with emulated() as made:
        yield made


@pytest.fixture
async def desk(netbox: NetBox, tmp_path: Path) -> AsyncIterator[Whole]:
    """A Berth with a client for each role."""
    lines = (
        f"  {name}: {{token_sha256: [{hashlib.sha256(token.encode()).hexdigest()}], roles: [{name}]}}"
        for name, token in TOKENS.items()
    )
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY.format(clients="\n".join(lines), lab=LAB, other=OTHER))
    async with whole(netbox.url, tmp_path, load(path, {})) as made:
        yield made


async def ask(desk: Whole, who: str, method: str, path: str, **options: Any) -> httpx2.Response:  # noqa: ANN401
    """Make a request with a client's token."""
    headers = {"Authorization": f"Bearer {TOKENS[who]}"}
    return await desk.client.request(method.upper(), path, headers=headers, **options)


def test_every_route_has_its_right() -> None:
    """A route that is new in the document is closed to everybody until it stands in the table."""
    assert set(OPERATIONS) == set(RIGHTS) | OPEN


@pytest.mark.parametrize("role", CLOSED)
async def test_each_role_gets_through_to_what_it_may_do_and_to_nothing_else(desk: Whole, role: str) -> None:
    """Every route of the document; what lies behind the door may still refuse the request as it stands."""
    closed = set()
    for operation, (method, path) in OPERATIONS.items():
        if operation in OPEN:
            continue
        url = path.format(key="no-such-key", id="0", prefix_id="1")
        body: dict[str, Any] = {"json": {}} if method in ("post", "put") else {}
        answer = await ask(desk, role, method, url, params={"dry_run": "true"}, **body)
        assert answer.status_code != 401, operation
        if answer.status_code == 403 and "No rule that holds for" in answer.json()["detail"]:
            closed.add(operation)
    assert closed == CLOSED[role]


async def test_a_closed_route_leaves_a_record(desk: Whole) -> None:
    """What somebody wanted to change and may not is written down, before its body is looked at."""
    answer = await ask(desk, "auditor", "post", ALLOCATIONS, json={"colour": "red"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    [record] = await desk.records(request_id=answer.headers["X-Request-ID"])
    assert (record["event"], record["action"], record["owner"]) == ("denied", "allocate", "auditor")


async def test_a_scope_holds_on_every_way_to_an_address(desk: Whole) -> None:
    """New, in a batch, by PUT, as a dry run, as a machine's part; reads and releases of what is its own."""
    outside = {"prefix": "192.168.3.0/24", "dns_name": "web-1.example.com"}
    unnamed = {"prefix": LAB, "key": "w0"}
    wrong = {"prefix": LAB, "dns_name": "db-1.example.com"}
    for body in (outside, unnamed, wrong):
        for params in ({}, {"dry_run": "true"}):
            for method, path in (("post", ALLOCATIONS), ("put", f"{ALLOCATIONS}/w")):
                sent = {name: value for name, value in body.items() if method == "post" or name != "key"}
                answer = await ask(desk, "web", method, path, json=sent, params=params)
                assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (method, body)
    batch = await ask(desk, "web", "post", f"{ALLOCATIONS}/batch", json={"items": [outside, wrong]})
    assert [item["problem"]["code"] for item in batch.json()["items"]] == ["forbidden"] * 2
    eth0 = {"name": "eth0", "addresses": [{**outside}]}
    machine: dict[str, Any] = {"name": "web-1", "cluster": "matrix", "interfaces": [eth0]}
    for name, wanted in (("web-1", machine), ("db-1", {**machine, "name": "db-1", "interfaces": []})):
        answer = await ask(desk, "web", "put", f"/api/v1/virtual-machines/{name}", json=wanted)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), answer.text
    made = await ask(desk, "web", "post", ALLOCATIONS, json={"prefix": LAB, "dns_name": "web-1.example.com"})
    assert made.status_code == 200, made.text
    path = f"{ALLOCATIONS}/web-1.example.com"
    renamed = await ask(desk, "web", "put", path, json={"prefix": LAB, "dns_name": "db-1.example.com"})
    assert (renamed.status_code, renamed.json()["code"]) == (403, "forbidden")
    assert "db-1.example.com" in renamed.json()["detail"]
    assert (await ask(desk, "web", "get", path)).status_code == 200
    assert (await ask(desk, "web", "delete", path)).status_code == 204


async def test_a_template_gets_the_first_name_that_is_allowed(desk: Whole) -> None:
    """Names that the caller may not have are passed over; where there is none, it is told."""
    body = {"key": "n1", "prefix": LAB, "name_pattern": "web-{n}.example.com"}
    made = await ask(desk, "web", "post", ALLOCATIONS, json=body)
    assert made.json()["dns_name"] == "web-1.example.com"
    other = "db-{n}.example.com"
    refused = await ask(desk, "web", "post", ALLOCATIONS, json={**body, "key": "n2", "name_pattern": other})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    await ask(desk, "web", "delete", f"{ALLOCATIONS}/n1")


async def test_lists_and_prefixes_show_what_is_allowed(desk: Whole) -> None:
    """Others' allocations to whom a rule gives them, and the prefixes that a rule is about."""
    await desk.post("theirs")
    seen = {}
    for who in ("allocator", "auditor", "operator", "web"):
        items = (await ask(desk, who, "get", ALLOCATIONS)).json()["items"]
        prefixes = (await ask(desk, who, "get", "/api/v1/prefixes")).json()["items"]
        seen[who] = [item["key"] for item in items], len(prefixes) > 1
        one = (await ask(desk, who, "get", f"{ALLOCATIONS}/theirs")).status_code
        assert one == (200 if items else 403), who
    assert seen == {
        "allocator": ([], True),
        "auditor": (["theirs"], True),
        "operator": (["theirs"], True),
        "web": ([], False),
    }
    await desk.client.delete(f"{ALLOCATIONS}/theirs")


async def test_only_who_may_says_on_whose_behalf(desk: Whole) -> None:
    """`requested_by` and `reference`, on every kind of write."""
    words = {"requested_by": "ada", "reference": "T-1"}
    for who, status in (("allocator", 403), ("operator", 200)):
        for word, value in words.items():
            key = f"{who}-{word}"
            answer = await ask(desk, who, "post", ALLOCATIONS, json={"key": key, "prefix": LAB, word: value})
            assert answer.status_code == status, answer.text
            if status == 200:
                assert answer.json()[word] == value
                await ask(desk, who, "delete", f"{ALLOCATIONS}/{key}")
    machine = {"name": "vm", "cluster": "matrix", **words}
    refused = await ask(desk, "allocator", "put", "/api/v1/virtual-machines/vm", json=machine)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "assert" in refused.json()["detail"]


async def test_a_quota_holds_however_many_ask_at_once(desk: Whole) -> None:
    """It is counted where the allocation begins; what is released makes room again."""
    paths = [f"q{number}" for number in range(12)]
    answers = await asyncio.gather(
        *(ask(desk, "few", "post", ALLOCATIONS, json={"key": key, "prefix": LAB}) for key in paths)
    )
    done = [key for key, answer in zip(paths, answers, strict=True) if answer.status_code == 200]
    refused = [answer.json() for answer in answers if answer.status_code != 200]
    assert len(done) == 3
    assert {(each["status"], each["code"]) for each in refused} == {(403, "quota_exhausted")}
    assert "quota of 3 addresses" in refused[0]["detail"]
    dry = await ask(desk, "few", "post", f"{ALLOCATIONS}?dry_run=true", json={"key": "q", "prefix": LAB})
    assert dry.json()["code"] == "quota_exhausted"
    again = await ask(desk, "few", "post", ALLOCATIONS, json={"key": done[0], "prefix": LAB})
    assert again.headers["Idempotent-Replayed"] == "true"
    await ask(desk, "few", "delete", f"{ALLOCATIONS}/{done[0]}")
    more = await ask(desk, "few", "post", ALLOCATIONS, json={"key": "q-more", "prefix": LAB})
    assert more.status_code == 200
    for key in (*done[1:], "q-more"):
        await ask(desk, "few", "delete", f"{ALLOCATIONS}/{key}")


async def test_a_rate_is_answered_429_with_when_to_come_back(desk: Whole) -> None:
    """In a problem document, as everything."""
    for _ in range(2):
        assert (await ask(desk, "slow", "get", ALLOCATIONS)).status_code == 200
    refused = await ask(desk, "slow", "get", ALLOCATIONS)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert int(refused.headers["Retry-After"]) > 60


def told(answer: httpx2.Response) -> tuple[int, str]:
    """A refusal: its status and code."""
    return answer.status_code, answer.json()["code"]


NOT_ALLOWED = (403, "forbidden")
NOT_OWNER = (403, "not_owner")


async def test_whose_it_is_and_where_have_to_be_in_one_rule(desk: Whole) -> None:
    """Rights on another owner's things in one prefix, and on one's own everywhere, do not add up to more."""
    words = {"description": "helped"}
    await desk.post("far")
    await desk.post("near", prefix=OTHER)
    far, near = (f"{ALLOCATIONS}/{key}" for key in ("far", "near"))
    assert told(await ask(desk, "helper", "get", far)) == NOT_ALLOWED
    refused = await ask(desk, "helper", "put", far, json={"prefix": LAB, **words})
    assert told(refused) == NOT_ALLOWED
    assert "that another owner has" in refused.json()["detail"]
    assert (await ask(desk, "helper", "get", near)).status_code == 200
    changed = await ask(desk, "helper", "put", near, json={"prefix": OTHER, **words})
    assert (changed.status_code, changed.json()["owner"]) == (200, "team")
    assert told(await ask(desk, "helper", "delete", near)) == NOT_OWNER
    listed = await ask(desk, "helper", "get", ALLOCATIONS)
    assert [item["key"] for item in listed.json()["items"]] == ["near"]
    for key in ("far", "near"):
        await desk.client.delete(f"{ALLOCATIONS}/{key}")


async def test_force_reaches_as_far_as_its_own_rule(desk: Whole, netbox: NetBox) -> None:
    """Releasing one's own everywhere does not carry force over the border of the prefix that it is for."""
    await desk.post("far")
    await desk.post("near", prefix=OTHER)
    forced = {"params": {"force": "true"}}
    far, near = (f"{ALLOCATIONS}/{key}" for key in ("far", "near"))
    assert told(await ask(desk, "janitor", "delete", far, **forced)) == NOT_ALLOWED
    assert (await desk.client.get(far)).status_code == 200
    assert told(await ask(desk, "janitor", "delete", near)) == NOT_OWNER
    assert (await ask(desk, "janitor", "delete", near, **forced)).status_code == 204
    assert told(await ask(desk, "janitor", "get", "/api/v1/operations")) == NOT_ALLOWED
    adopting = {"key": "mine", "prefix": LAB, "address": "192.168.4.200", "adopt": True}
    there = netbox.api("POST", "ipam/ip-addresses/", {"address": "192.168.4.200/24"})
    assert told(await ask(desk, "janitor", "post", ALLOCATIONS, json=adopting)) == NOT_ALLOWED
    netbox.api("DELETE", f"ipam/ip-addresses/{there['id']}/")
    await desk.client.delete(far)


async def test_what_is_made_belongs_to_who_makes_it(desk: Whole) -> None:
    """Not even an administrator's POST gets another owner's address for an answer; a PUT may change it."""
    assert (await ask(desk, "allocator", "post", ALLOCATIONS, json={"key": "k", "prefix": LAB})).is_success
    path, body = f"{ALLOCATIONS}/k", {"key": "k", "prefix": LAB}
    assert told(await ask(desk, "administrator", "post", ALLOCATIONS, json=body)) == NOT_OWNER
    assert told(await desk.post("k")) == NOT_OWNER
    assert told(await desk.client.put(path, json={"description": "x"})) == NOT_OWNER
    assert told(await desk.client.delete(path)) == NOT_OWNER
    changed = await ask(desk, "administrator", "put", path, json={"description": "x"})
    assert (changed.json()["description"], changed.json()["owner"]) == ("x", "allocator")
    assert (await ask(desk, "administrator", "delete", path)).status_code == 204


async def test_only_where_its_rule_is_a_portal_speaks_for_people(desk: Whole) -> None:
    """Also by PUT, for what is there and for what is new."""
    words = {"requested_by": "ada", "reference": "T-1"}
    for prefix, status in ((LAB, 403), (OTHER, 200)):
        body = {"key": "p", "prefix": prefix, **words}
        answer = await ask(desk, "portal", "post", ALLOCATIONS, json=body)
        assert answer.status_code == status, answer.text
        await ask(desk, "portal", "delete", f"{ALLOCATIONS}/p")
        await ask(desk, "portal", "post", ALLOCATIONS, json={"key": "p", "prefix": prefix})
        again = await ask(desk, "portal", "put", f"{ALLOCATIONS}/p", json=words)
        assert again.status_code == status, again.text
        await ask(desk, "portal", "delete", f"{ALLOCATIONS}/p")
    refused = await ask(
        desk,
        "portal",
        "post",
        ALLOCATIONS,
        json={"prefix": LAB, "name_pattern": "p-{n}", "key": "p", **words},
    )
    assert "Leave `requested_by` and `reference` out" in refused.json()["detail"]


async def test_a_machine_is_retired_where_all_its_addresses_may_go(desk: Whole) -> None:
    """Its retirement releases them; who may only retire in one prefix leaves the others alone."""
    path = "/api/v1/virtual-machines/mv"
    eth0 = {"name": "eth0", "addresses": [{"prefix": LAB}]}
    machine = {"name": "mv", "cluster": "matrix", "interfaces": [eth0]}
    made = await ask(desk, "mover", "put", path, json=machine)
    assert made.status_code == 201, made.text
    assert told(await ask(desk, "mover", "delete", path)) == NOT_ALLOWED
    assert (await ask(desk, "mover", "get", path)).status_code == 200
    smaller = {**machine, "interfaces": []}
    assert (await ask(desk, "mover", "put", path, json=smaller)).status_code == 200
    assert (await ask(desk, "mover", "delete", path)).status_code == 204


async def test_a_name_is_checked_where_a_rule_is(desk: Whole) -> None:
    """What would be free in a prefix is told to whom some rule is about it."""
    for prefix, status in ((LAB, 200), (OTHER, 403)):
        body = {"dns_name": "web-1.example.com", "prefix": prefix, "suggest": True}
        assert (await ask(desk, "web", "post", "/api/v1/names/check", json=body)).status_code == status
