"""The routes of virtual machines."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from app.api.denials import Recorder
from app.domain.commands import Caller
from app.domain.errors import BerthError, MachineNameTaken, NetBoxUnavailable
from tests.api.conftest import AsCaller, Rig

PATH = "/api/v1/virtual-machines"
ETH0: dict[str, Any] = {
    "name": "eth0",
    "mac_address": "52:54:00:12:34:56",
    "addresses": [
        {"prefix": "10.20.0.0/24", "dns_name": "Web-01.Example.ORG"},
        {"prefix": "2001:db8::/64", "primary": True},
    ],
}
WISH: dict[str, Any] = {"key": "vm", "name": "Web-01", "cluster": "matrix", "interfaces": [ETH0]}


def test_the_fields_stand_in_one_fixed_order(api: TestClient) -> None:
    """Bytes are stable because the order is."""
    made = api.post(PATH, json=WISH).json()
    assert list(made) == [
        *("key", "name", "cluster", "site", "device", "tenant", "role", "platform", "status", "vcpus"),
        *(
            "memory_mb",
            "disk_gb",
            "disk_mb",
            "description",
            "comments",
            "tags",
            "custom_fields",
            "interfaces",
        ),
        *("primary_ip4", "primary_ip6", "gateway4", "gateway6", "dns_name", "owner", "requested_by"),
        *("reference", "netbox_id", "netbox_url"),
    ]
    assert list(made["interfaces"][0]) == [
        *("name", "mac_address", "mtu", "enabled", "description", "tags", "addresses", "netbox_id"),
        "netbox_url",
    ]


def test_an_address_is_its_allocation_and_says_whether_it_is_primary(api: TestClient) -> None:
    """It can be read alone, under a key of its own, and is part of the machine."""
    shown = api.post(PATH, json=WISH).json()["interfaces"][0]["addresses"]
    alone = [api.get(f"/api/v1/allocations/{address['key']}").json() for address in shown]
    assert [list(address)[:2] for address in shown] == [["key", "primary"]] * 2
    assert [address.pop("primary") for address in shown] == [True, True]
    assert shown == alone
    assert [address["key"] for address in shown] == ["vm~1~v4~1", "vm~1~v6~2"]
    assert {address["part_of"] for address in shown} == {"vm"}


def test_what_matters_is_flat(api: TestClient) -> None:
    """Terraform reads top-level strings."""
    made = api.post(PATH, json=WISH).json()
    flat = {name: made[name] for name in ("primary_ip4", "primary_ip6", "gateway4", "netbox_id")}
    assert flat == {
        "primary_ip4": "10.20.0.1",
        "primary_ip6": "2001:db8::1",
        "gateway4": "10.20.0.254",
        "netbox_id": "1001",
    }


def test_a_repeat_has_the_same_bytes(api: TestClient) -> None:
    """And the header says that it is one."""
    first, second = (api.post(PATH, json=WISH) for _ in "12")
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    assert ("idempotent-replayed" in first.headers, second.headers["idempotent-replayed"]) == (False, "true")
    assert api.get(f"{PATH}/vm").content == first.content
    assert "idempotent-replayed" not in api.get(f"{PATH}/vm").headers


def test_a_put_makes_and_changes(api: TestClient) -> None:
    """201 with the place where it can be read, then 200."""
    body = {**WISH, "key": "vm"}
    made, changed = api.put(f"{PATH}/vm", json=body), api.put(f"{PATH}/vm", json={"description": "new"})
    assert (made.status_code, made.headers["location"]) == (201, f"{PATH}/vm")
    assert (changed.status_code, "location" in changed.headers) == (200, False)
    assert changed.json() == {**made.json(), "description": "new"}


def test_a_machine_and_its_addresses_are_retired(api: TestClient) -> None:
    """A repeat is answered alike, and then nothing is there."""
    api.post(PATH, json=WISH)
    statuses = [api.delete(f"{PATH}/vm").status_code for _ in "12"]
    assert statuses == [204, 204]
    assert api.get(f"{PATH}/vm").status_code == 404
    assert api.get("/api/v1/allocations/vm~1~v4~1").status_code == 404


def test_force_reaches_the_desk(api: TestClient, rig: Rig) -> None:
    """Which decides; without it, what others put there stays."""
    api.post(PATH, json=WISH)
    rig.machines.foreign.add("vm")
    refused = api.delete(f"{PATH}/vm")
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    assert api.delete(f"{PATH}/vm?force=true").status_code == 204


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_dry_run_changes_nothing(api: TestClient, rig: Rig, method: str) -> None:
    """It says so, and shows what there would be, without ids."""
    if method == "DELETE":
        api.post(PATH, json=WISH)
    before = dict(rig.machines.held)
    path = PATH if method == "POST" else f"{PATH}/vm"
    answer = api.request(method, f"{path}?dry_run=true", json=None if method == "DELETE" else WISH)
    assert answer.status_code == (204 if method == "DELETE" else 200)
    assert answer.headers["berth-dry-run"] == "true"
    assert rig.machines.held == before
    if method != "DELETE":
        shown = answer.json()
        ids = [shown["netbox_id"], shown["interfaces"][0]["netbox_id"]]
        assert (shown["primary_ip4"], ids) == ("10.20.0.1", [None, None])


KEYS = [
    ({"key": "body", "name": "Web-01"}, "header", "body"),
    ({"name": "Web-01"}, '"header"', "header"),
    ({"name": "Web-01.Example.ORG"}, None, "web-01.example.org"),
    ({"key": None, "name": "Web-01"}, None, "web-01"),
]


@pytest.mark.parametrize(("body", "header", "key"), KEYS)
def test_a_key_is_the_bodys_else_the_headers_else_the_name(
    api: TestClient, body: dict[str, Any], header: str | None, key: str
) -> None:
    """In lower case, which is how NetBox compares names."""
    headers = {"Idempotency-Key": header} if header else {}
    made = api.post(PATH, json={**body, "cluster": "matrix"}, headers=headers)
    assert made.json()["key"] == key


@pytest.mark.parametrize("name", [None, "null", "web 01", "web~01"])
def test_without_a_key_nothing_is_registered(api: TestClient, name: str | None) -> None:
    """Also where the name makes none."""
    body = {"cluster": "matrix"} | ({"name": name} if name else {})
    refused = api.post(PATH, json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "key_required")
    assert "`name`" in refused.json()["detail"]


@pytest.mark.parametrize("key", ["a~1", "null", "k" * 281, "a%20b"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_path_that_holds_no_key_of_a_machine_is_refused(api: TestClient, method: str, key: str) -> None:
    """A key with a `~` is that of a part."""
    refused = api.request(method, f"{PATH}/{key}", json=WISH if method == "PUT" else None)
    assert refused.status_code == 422
    assert "a virtual machine's key is 1 to 280 of" in refused.json()["errors"][0]["detail"]


def test_a_header_that_is_too_long_for_a_machine_is_refused(api: TestClient) -> None:
    """The keys of its parts would be too long for anybody to read them."""
    refused = api.post(PATH, json={"name": "a", "cluster": "b"}, headers={"Idempotency-Key": "k" * 281})
    assert refused.json()["errors"][0]["detail"].startswith("`Idempotency-Key`: a virtual machine's key")


def test_a_path_that_contradicts_the_body_is_refused(api: TestClient) -> None:
    """The same key twice is no contradiction."""
    refused = api.put(f"{PATH}/one", json={**WISH, "key": "two"})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/key")
    assert api.put(f"{PATH}/vm", json=WISH).status_code == 201


def test_what_is_wrong_is_pointed_at(api: TestClient) -> None:
    """In interfaces and addresses as well, all of a kind at once."""
    eth0 = {"name": "eth0", "addresses": [{"prefix": "x"}, {"prefix": 7, "colour": "red"}]}
    refused = api.post(PATH, json={**WISH, "interfaces": [eth0]}).json()
    assert [(each["pointer"], each["code"]) for each in refused["errors"]] == [
        ("/interfaces/0/addresses/0/prefix", "cidr"),
        ("/interfaces/0/addresses/1/colour", "unknown_field"),
    ]
    twice = api.post(PATH, json={**WISH, "interfaces": [ETH0, ETH0]}).json()
    assert twice["detail"].startswith(
        "The request is not well formed: interfaces.1.name: an earlier interface"
    )
    assert [each["pointer"] for each in twice["errors"]] == [
        "/interfaces/1/name",
        "/interfaces/1/mac_address",
    ]


def test_a_setting_says_how_many_mb_a_gb_of_a_disk_has() -> None:
    """1000 as NetBox counts, or 1024."""
    rig = Rig(mb_per_gb=1024)
    with TestClient(rig.app(), headers={"Authorization": "Bearer secret-of-team"}) as client:
        made = client.post(PATH, json={**WISH, "disk_gb": 60}).json()
        refused = client.put(f"{PATH}/vm", json={"disk_gb": 0.3})
    assert (made["disk_gb"], made["disk_mb"]) == (60, 61_440)
    assert refused.json()["errors"][0]["code"] == "no_whole_mb"


def test_another_owners_machine_is_not_shown(as_caller: AsCaller) -> None:
    """403, never 404: a provider would create it again."""
    as_caller("team").post(PATH, json=WISH)
    for method in ("GET", "PUT", "DELETE"):
        body = {"description": "mine"} if method == "PUT" else None
        refused = as_caller("other").request(method, f"{PATH}/vm", json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_owner")


def test_a_list_is_filtered_and_read_page_by_page(api: TestClient) -> None:
    """In order of key."""
    for number in range(3):
        api.put(f"{PATH}/vm-{number}", json={"name": f"web-{number}", "cluster": "matrix"})
    api.put(f"{PATH}/vm-3", json={"name": "web-3", "cluster": "other"})
    first = api.get(f"{PATH}?limit=2&cluster=matrix&owner=team").json()
    second = api.get(f"{PATH}?limit=2&cluster=matrix&owner=team&cursor={first['next']}").json()
    assert [item["key"] for item in first["items"] + second["items"]] == ["vm-0", "vm-1", "vm-2"]
    assert second["next"] is None
    assert [item["key"] for item in api.get(f"{PATH}?name=web-3").json()["items"]] == ["vm-3"]


@pytest.mark.parametrize("query", ["format=text", "dryrun=true", "prefix=10.20.0.0/24"])
def test_a_parameter_that_nobody_knows_is_refused(api: TestClient, query: str) -> None:
    """A machine has one form only."""
    refused = api.get(f"{PATH}?{query}")
    assert refused.json()["errors"][0]["code"] == "unknown_parameter"


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [(None, "created"), (MachineNameTaken(), "name_taken"), (NetBoxUnavailable(), "netbox_unavailable")],
)
def test_registrations_are_counted(failure: BerthError | None, outcome: str) -> None:
    """By what they came to; a malformed one is none."""
    rig = Rig()
    rig.twin.failure = failure
    with TestClient(rig.app(), headers={"Authorization": "Bearer secret-of-team"}) as client:
        client.post(PATH, json=WISH)
        client.post(PATH, json={"colour": "red"})
    assert rig.sample("berth_machines_total", outcome=outcome) == 1


def test_repeats_and_changes_are_counted_apart() -> None:
    """As for allocations."""
    rig = Rig()
    with TestClient(rig.app(), headers={"Authorization": "Bearer secret-of-team"}) as client:
        for _ in "12":
            client.post(PATH, json=WISH)
        client.put(f"{PATH}/vm", json={"description": "new"})
    counts = [rig.sample("berth_machines_total", outcome=each) for each in ("created", "replayed", "changed")]
    assert counts == [1, 1, 1]


def test_the_line_of_a_registration_says_key_and_outcome(api: TestClient, rig: Rig) -> None:
    """Of a retirement as well, also where there is nothing."""
    api.post(PATH, json=WISH)
    api.delete(f"{PATH}/nobody")
    told = [(line["route"], line["key"], line["outcome"]) for line in rig.lines()]
    assert told == [(PATH, "vm", "created"), (f"{PATH}/{{key}}", "nobody", "absent")]


def test_refusals_that_no_operation_sees_are_recorded() -> None:
    """Under the word that the audit log has for what was asked."""
    written: list[tuple[str, str, str]] = []

    async def record(caller: Caller, action: str, key: str, error: BerthError) -> None:
        written.append((action, key, error.code))

    recorder: Recorder = record
    with TestClient(Rig(record=recorder).app(), headers={"Authorization": "Bearer secret-of-team"}) as client:
        client.post(PATH, json={"colour": "red"})
        client.post(PATH, json={"cluster": "matrix"})
        client.put(f"{PATH}/vm", json={"disk_gb": 1, "disk_mb": 1})
        client.put(f"{PATH}/vm?dry_run=true", json={"site": "matrix"})
        client.delete(f"{PATH}/a~1")
    assert written == [
        ("register", "", "invalid_request"),
        ("register", "", "key_required"),
        ("converge", "vm", "invalid_request"),
        ("retire", "a~1", "invalid_request"),
    ]
