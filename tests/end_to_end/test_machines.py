"""Virtual machines, registered, changed and retired by one request each."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.contract.client import INTERFACES, MACHINES, Row, unique
from tests.end_to_end.program import Desk, refusal
from tests.end_to_end.spaces import PLAIN_V6, ROUTED, Spaces, hosts

PATH = "/api/v1/virtual-machines"


def put(desk: Desk, key: str, body: dict[str, Any], query: str = "") -> requests.Response:
    """PUT a machine."""
    return desk.call("PUT", f"{PATH}/{key}{query}", json=body)


def get(desk: Desk, key: str) -> requests.Response:
    """GET a machine."""
    return desk.call("GET", f"{PATH}/{key}")


def retire(desk: Desk, key: str, query: str = "") -> requests.Response:
    """DELETE a machine."""
    return desk.call("DELETE", f"{PATH}/{key}{query}")


@pytest.fixture
def cluster(spaces: Spaces) -> Row:
    """A cluster with nothing in it."""
    return spaces.netbox.cluster()


def wanted(cluster: Row, prefix: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    """A machine with one interface and one address."""
    nic = {"name": "eth0", "mac_address": "52:54:00:ab:cd:ef", "addresses": [{"prefix": prefix}]}
    return {"name": unique("vm"), "cluster": cluster["name"], "interfaces": [nic], **fields}


def left(spaces: Spaces, cluster: Row, *prefixes: str) -> tuple[int, int, int]:
    """How many machines and interfaces the cluster has, and how many addresses the prefixes have."""
    machines = spaces.netbox.found(MACHINES, cluster_id=cluster["id"])
    of = [row["id"] for row in machines]
    interfaces = spaces.netbox.found(INTERFACES, virtual_machine_id=of) if of else []
    return len(machines), len(interfaces), sum(len(spaces.inside(prefix)) for prefix in prefixes)


def test_a_machine_is_registered_whole(alice: Desk, spaces: Spaces, cluster: Row) -> None:
    """Two interfaces, both families, primary addresses, sizes; a repeat gets the same bytes."""
    key, four, six = unique("key"), spaces.prefix(ROUTED), spaces.prefix(PLAIN_V6, 64)
    body = wanted(cluster, four, vcpus=2.5, memory_mb=2048, disk_gb=20, comments="for the lab")
    body["interfaces"][0]["addresses"].append({"prefix": six})
    body["interfaces"].append({"name": "eth1", "mtu": 9000, "enabled": False, "description": "spare"})
    made = put(alice, key, body)
    assert made.status_code == 201, made.text
    shown = made.json()
    assert shown["primary_ip4"] == hosts(four)[1]  # the first one is the gateway's
    assert shown["gateway4"] == hosts(four)[0]
    assert (shown["vcpus"], shown["memory_mb"], shown["disk_gb"], shown["disk_mb"]) == (2.5, 2048, 20, 20000)
    for answer in (
        put(alice, key, body),
        alice.call("POST", PATH, json={"key": key, **body}),
        get(alice, key),
    ):
        assert (answer.status_code, answer.content) == (200, made.content)
    row = spaces.netbox.get(f"{MACHINES}/{shown['netbox_id']}").json()
    assert (row["status"]["value"], row["custom_fields"]["berth_key"]) == ("active", key)
    assert row["primary_ip6"]["address"] == shown["interfaces"][0]["addresses"][1]["address"]
    first, second = spaces.netbox.found(INTERFACES, virtual_machine_id=row["id"], ordering="id")
    assert (first["mac_address"], second["mtu"], second["enabled"]) == ("52:54:00:AB:CD:EF", 9000, False)
    assert [each["custom_fields"]["berth_key"] for each in (first, second)] == [f"{key}~1", f"{key}~2"]
    part = alice.get(f"{key}~1~v4~1").json()
    assert (part["part_of"], part["ip"]) == (key, shown["primary_ip4"])
    assert refusal(alice.delete(f"{key}~1~v4~1")) == (409, "part_of_machine")


def test_a_machine_is_made_what_is_sent(alice: Desk, spaces: Spaces, cluster: Row) -> None:
    """Added, removed, changed, and kept; what is not sent is left alone."""
    key, first, second = unique("key"), spaces.prefix(), spaces.prefix()
    body = wanted(cluster, first, description="old", vcpus=1)
    before = put(alice, key, body).json()
    kept = body["interfaces"][0]
    more = {"name": "eth1", "addresses": [{"prefix": second, "primary": True}]}
    answer = put(alice, key, {"interfaces": [kept, more], "description": "new"})
    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert after["interfaces"][0]["addresses"][0]["ip"] == before["primary_ip4"]
    assert (after["primary_ip4"], after["description"], after["vcpus"]) == (hosts(second)[0], "new", 1)
    less = put(alice, key, {"interfaces": [more]}).json()
    assert [each["name"] for each in less["interfaces"]] == ["eth1"]
    assert left(spaces, cluster, first, second) == (1, 1, 1)
    elsewhere = {"cluster": spaces.netbox.cluster()["name"]}
    assert refusal(put(alice, key, elsewhere)) == (409, "key_conflict")


def test_a_retired_machine_leaves_nothing(alice: Desk, bob: Desk, spaces: Spaces, cluster: Row) -> None:
    """Not to another owner, not under a person's interface; then at once, and as often as it is asked."""
    key, prefix = unique("key"), spaces.prefix()
    made = put(alice, key, wanted(cluster, prefix)).json()
    assert refusal(retire(bob, key)) == (403, "not_owner")
    nic = spaces.netbox.made(INTERFACES, {"virtual_machine": int(made["netbox_id"]), "name": "by-hand"})
    answer = retire(alice, key)
    assert refusal(answer) == (409, "in_use")
    assert "by-hand" in answer.json()["detail"]
    assert left(spaces, cluster, prefix) == (1, 2, 1)
    assert spaces.netbox.delete(f"{INTERFACES}/{nic['id']}").status_code == 204
    assert [retire(alice, key).status_code for _ in range(2)] == [204, 204]
    assert refusal(get(alice, key)) == (404, "not_found")
    assert left(spaces, cluster, prefix) == (0, 0, 0)


def test_what_is_refused_leaves_nothing(alice: Desk, spaces: Spaces, cluster: Row) -> None:
    """Everything that is wrong at once, or what NetBox alone can say, at whatever step."""
    prefix, full = spaces.prefix(), spaces.prefix(length=31)
    alice.made({"key": unique("key"), "prefix": full})
    alice.made({"key": unique("key"), "prefix": full})
    body = wanted(cluster, prefix, name="no_label", platform="nothing-like-this")
    body["interfaces"][0]["addresses"][0]["dns_name"] = "-bad-"
    answer = put(alice, unique("key"), body)
    assert refusal(answer) == (422, "unknown_reference")
    told = {error["pointer"] for error in answer.json()["errors"]}
    assert {"/platform", "/name", "/interfaces/0/addresses/0/dns_name"} <= told
    for fields in ({"status": "no-such-status"}, {"custom_fields": {"nothing_like_this": 1}}):
        answer = put(alice, unique("key"), wanted(cluster, prefix, **fields))
        assert refusal(answer) == (422, "refused_by_netbox"), answer.text
    body = wanted(cluster, prefix)
    body["interfaces"][0]["addresses"].append({"prefix": full})
    answer = put(alice, unique("key"), body)
    assert refusal(answer) == (409, "prefix_exhausted")
    assert left(spaces, cluster, prefix) == (0, 0, 0)


def test_a_batch_registers_many_and_refuses_what_is_wrong(alice: Desk, spaces: Spaces, cluster: Row) -> None:
    """Each with its own result, in the order of the items."""
    prefix = spaces.prefix(length=26)
    items = [{"key": unique("key"), **wanted(cluster, prefix)} for _ in range(20)]
    items[7]["name"] = items[6]["name"]
    answer = alice.call("POST", f"{PATH}/batch", json={"items": items})
    assert answer.status_code == 200, answer.text
    results = answer.json()["items"]
    codes = [each.get("problem", {}).get("code", "") for each in results]
    assert codes.count("") == 19
    assert codes[6:8] in (["", "name_taken"], ["name_taken", ""])
    assert left(spaces, cluster, prefix) == (19, 19, 19)
    shown = [each["virtual_machine"]["key"] for each in results if "problem" not in each]
    assert shown == [item["key"] for item, code in zip(items, codes, strict=True) if not code]
