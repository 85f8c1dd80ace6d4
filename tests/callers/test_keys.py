"""API keys from the first request to the last."""

from __future__ import annotations

import base64
import io
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.admission import note_uses
from app.domain.errors import LedgerUnavailable
from tests.callers.conftest import At
from tests.whole import ALLOCATIONS, LAB, NetBox, Whole, whole

KEYS = "/api/v1/keys"


async def make(desk: Whole, **words: Any) -> dict[str, Any]:  # noqa: ANN401
    """A new key for `ci`."""
    made = await desk.client.post(KEYS, json={"client": "ci", **words})
    assert made.status_code == 201, made.text
    body: dict[str, Any] = made.json()
    assert made.headers["Location"] == f"{KEYS}/{body['id']}"
    return body


async def test_a_key_is_its_clients_until_it_is_revoked(desk: Whole, at: At) -> None:
    """As a bearer token, and as the password of Basic; from the next request on it is nobody's."""
    made = await make(desk, label="runner")
    client = at(made["token"])
    allocated = await client.post(ALLOCATIONS, json={"key": "of-ci", "prefix": LAB})
    assert (allocated.status_code, allocated.json()["owner"]) == (200, "ci")
    basic = base64.b64encode(f"whoever:{made['token']}".encode()).decode()
    answer = await client.get(f"{ALLOCATIONS}/of-ci", headers={"Authorization": f"Basic {basic}"})
    assert answer.json() == allocated.json()
    assert (await desk.client.delete(f"{KEYS}/{made['id']}")).status_code == 204
    refused = await client.delete(f"{ALLOCATIONS}/of-ci")
    assert refused.status_code == 401
    challenges = refused.headers.get_list("www-authenticate")
    assert challenges == ['Bearer realm="berth"', 'Basic realm="berth"']
    assert (await desk.client.delete(f"{KEYS}/{made['id']}")).status_code == 204
    assert (await desk.client.delete(f"{KEYS}/unknown")).status_code == 404


async def test_the_record_says_which_key_was_used(desk: Whole, at: At) -> None:
    """And which was made and revoked, by whom and for whom; the log shows none of them."""
    made = await make(desk)
    await at(made["token"]).post(ALLOCATIONS, json={"key": "recorded", "prefix": LAB})
    await desk.client.delete(f"{KEYS}/{made['id']}")
    used = await desk.records(key="recorded")
    assert {(r["owner"], r["method"], r["credential"]) for r in used} == {("ci", "key", made["id"])}
    of_key = await desk.records(key=f"~key~{made['id']}")
    told = [(r["action"], r["event"], r["owner"], r["name"]) for r in of_key]
    assert told == [
        ("create_key", "intent", "team", "ci"),
        ("create_key", "outcome", "team", "ci"),
        ("revoke_key", "intent", "team", "ci"),
        ("revoke_key", "outcome", "team", "ci"),
    ]
    secret = made["token"].split("_")[2]
    assert secret not in desk.log.getvalue() + desk.audit.getvalue() + repr(desk.berth)


async def test_a_client_has_several_keys_at_once(desk: Whole, at: At) -> None:
    """So that one is replaced while the other still counts; the list shows all, page by page, by client."""
    first, second = await make(desk, label="old"), await make(desk, label="new", expires_in_seconds=3600)
    await make(desk, client="other")
    for made in (first, second):
        assert (await at(made["token"]).get(ALLOCATIONS)).status_code == 200
    page = (await desk.client.get(KEYS, params={"client": "ci", "limit": 1})).json()
    rest = (await desk.client.get(KEYS, params={"client": "ci", "cursor": page["next"]})).json()
    listed = {item["id"]: item for item in page["items"] + rest["items"]}
    assert set(listed) == {first["id"], second["id"]}
    assert rest["next"] is None
    assert "token" not in listed[first["id"]]
    assert (listed[first["id"]]["expires_at"], listed[first["id"]]["created_by"]) == (None, "team")
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", listed[second["id"]]["expires_at"])


async def test_a_key_counts_from_its_networks_alone(desk: Whole, at: At) -> None:
    """Whatever a forwarded header says."""
    made = await make(desk, source_networks=["10.9.0.0/16", "2001:db8::7"])
    assert (await at(made["token"], "10.9.1.1").get(ALLOCATIONS)).status_code == 200
    assert (await at(made["token"], "2001:db8::7").get(ALLOCATIONS)).status_code == 200
    forged = {"X-Forwarded-For": "10.9.1.1", "Forwarded": "for=10.9.1.1", "X-Real-IP": "10.9.1.1"}
    assert (await at(made["token"]).get(ALLOCATIONS, headers=forged)).status_code == 401


async def test_the_last_use_is_written_down_later(desk: Whole, at: At) -> None:
    """Not by the request itself; what cannot be written is lost, and stops nobody."""
    made = await make(desk)
    await at(made["token"]).get(ALLOCATIONS)
    admission, ledger = desk.berth.admission, desk.berth.operations.ledger
    [before] = (await desk.client.get(KEYS)).json()["items"]
    await note_uses(admission.uses, ledger, desk.berth.log)
    [after] = (await desk.client.get(KEYS)).json()["items"]
    assert (before["last_used_at"], after["last_used_at"] is not None) == (None, True)
    await at(made["token"]).get(ALLOCATIONS)

    class Broken:
        """A store that cannot be written."""

        async def write(self, _work: object) -> None:
            """Fail."""
            raise LedgerUnavailable

    class Lost:
        """A ledger on it."""

        store = Broken()

    await note_uses(admission.uses, Lost(), desk.berth.log)  # type: ignore[arg-type]
    assert desk.lines()[-1]["event"] == "last uses of API keys not written"


async def test_a_copy_of_the_database_holds_no_key(netbox: NetBox, tmp_path: Path) -> None:
    """Neither as it is, nor as what is kept of it; and without the pepper nothing can be tried out."""
    async with whole(netbox.url, tmp_path) as desk:
        made = await make(desk)
        secret = made["token"].split("_")[2]
        with closing(sqlite3.connect(tmp_path / "berth.db")) as copy:
            dump = "\n".join(copy.iterdump())
            [(digest,)] = copy.execute("SELECT digest FROM api_keys").fetchall()
        assert secret not in dump
        for offered in (digest, f"berth_{made['id']}_{digest[:38]}"):
            answer = await desk.client.get(ALLOCATIONS, headers={"Authorization": f"Bearer {offered}"})
            assert answer.status_code == 401
    pepper = tmp_path / "pepper"
    assert (pepper.stat().st_mode & 0o777, len(pepper.read_text().strip())) == (0o600, 64)
    async with whole(netbox.url, tmp_path) as again:  # a restart finds the pepper
        bearer = {"Authorization": f"Bearer {made['token']}"}
        assert (await again.client.get(ALLOCATIONS, headers=bearer)).status_code == 200
    async with whole(netbox.url, tmp_path, pepper="another pepper, of 32 characters..") as other:
        assert (await other.client.get(ALLOCATIONS, headers=bearer)).status_code == 401


async def test_a_last_use_is_written_at_the_end(netbox: NetBox, tmp_path: Path) -> None:
    """A process that stops writes down what it has noted."""
    async with whole(netbox.url, tmp_path) as desk:
        made = await make(desk)
        await desk.client.get(ALLOCATIONS, headers={"Authorization": f"Bearer {made['token']}"})
    async with whole(netbox.url, tmp_path, audit=io.StringIO()) as desk:
        [listed] = (await desk.client.get(KEYS)).json()["items"]
        assert listed["last_used_at"] is not None


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/client"),
        ({"client": "with space"}, "/client"),
        ({"client": "ci", "expires_in_seconds": 5}, "/expires_in_seconds"),
        ({"client": "ci", "source_networks": ["10.9.0.1/16"]}, "/source_networks/0"),
        ({"client": "ci", "colour": "red"}, "/colour"),
    ],
)
async def test_what_is_wrong_with_a_request_is_told(desk: Whole, body: dict[str, Any], pointer: str) -> None:
    """By its place."""
    answer = await desk.client.post(KEYS, json=body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_keys_are_for_administrators(desk: Whole, at: At) -> None:
    """A client's key makes no keys, and shows none."""
    client = at((await make(desk))["token"])
    for answer in (
        await client.post(KEYS, json={"client": "team"}),
        await client.get(KEYS),
        await client.delete(f"{KEYS}/x"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_an_image_may_carry_a_narrowed_key(desk: Whole, at: At) -> None:
    """It takes addresses where it may, under the names it may, as many as it may, and does nothing else."""
    bounds = {
        "actions": ["allocate"],
        "prefixes": ["192.168.4.0/25"],
        "names": ["runner-[0-9]+[.]example[.]com"],
        "quota": 2,
        "expires_in_seconds": 3600,
        "source_networks": ["192.0.2.0/24"],
    }
    image = at((await make(desk, **bounds))["token"])
    wide = await image.post(ALLOCATIONS, json={"prefix": LAB, "dns_name": "runner-1.example.com"})
    assert (wide.status_code, wide.json()["code"]) == (403, "forbidden")  # the /24 is not inside the /25
    await desk.client.delete(f"{KEYS}/x")
    bounds["prefixes"] = ["192.168.4.0/24"]
    image = at((await make(desk, **bounds))["token"])
    answers = [
        (await image.post(ALLOCATIONS, json={"prefix": LAB, "dns_name": f"{name}.example.com"}))
        for name in ("runner-1", "runner-1", "runner-2", "web", "runner-3")
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 403, 403]
    assert [answer.json()["code"] for answer in answers[3:]] == ["forbidden", "quota_exhausted"]
    for method, path in (
        ("DELETE", f"{ALLOCATIONS}/runner-1.example.com"),
        ("GET", ALLOCATIONS),
        ("GET", "/api/v1/audit"),
        ("POST", KEYS),
    ):
        assert (await image.request(method, path)).status_code == 403, path
    other = await image.post(
        ALLOCATIONS, json={"prefix": "192.168.3.0/24", "dns_name": "runner-4.example.com"}
    )
    assert other.status_code == 403
    issued = await image.post("/api/v1/enrolments", json={"prefix": LAB, "dns_name": "runner-5.example.com"})
    assert (issued.status_code, issued.json()["code"]) == (403, "forbidden")
