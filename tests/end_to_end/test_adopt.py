"""Addresses that were in NetBox before Berth: put under keys, changed, and let go of."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from tests.contract.client import ADDRESSES
from tests.end_to_end.program import refusal, wait_until
from tests.end_to_end.spaces import ROUTED, hosts, key

if TYPE_CHECKING:
    from tests.contract.client import Row
    from tests.end_to_end.program import Desk
    from tests.end_to_end.spaces import Spaces


def by_hand(spaces: Spaces, **fields: Any) -> Row:  # noqa: ANN401 - any field
    """Make an address in a prefix of its own, as a human would."""
    return spaces.address(f"{hosts(spaces.prefix())[4]}/28", **fields)


def ip(row: Row) -> str:
    """The address alone."""
    return str(row["address"]).partition("/")[0]


def untouched(row: Row, now: Row) -> bool:
    """Whether nothing but the claim and the time of the change is another."""
    return all(now[name] == row[name] for name in row if name not in ("custom_fields", "last_updated"))


def test_a_post_puts_an_address_under_a_key_and_changes_nothing_else(operator: Desk, spaces: Spaces) -> None:
    """Name, interface and values stay; equal requests get equal bytes, with `adopt` or without."""
    interface, name, old = spaces.netbox.device_interface(), key(), spaces.name()
    assigned = {"assigned_object_type": "dcim.interface", "assigned_object_id": interface["id"]}
    row = by_hand(spaces, dns_name=old, description="by hand", role="secondary", **assigned)
    body = {"key": name, "address": ip(row), "dns_name": spaces.name(), "description": "mine"}
    assert refusal(operator.post(body)) == (409, "address_taken")
    answer = operator.post({**body, "adopt": True})
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert (shown["netbox_id"], shown["dns_name"], shown["description"]) == (str(row["id"]), old, "by hand")
    assert (shown["owner"], shown["assigned_to"]["interface"]) == ("ops", "eth0")
    now = spaces.read(str(row["id"]))
    assert untouched(row, now)
    assert (now["custom_fields"]["berth_key"], now["custom_fields"]["berth_owner"]) == (name, "ops")
    for again in (operator.post(body), operator.post({**body, "adopt": True}), operator.get(name)):
        assert again.content == answer.content


def test_a_put_adopts_and_converges(operator: Desk, spaces: Spaces) -> None:
    """200, because it was there; what was sent is what NetBox has, the rest is left alone."""
    row, name, tag = by_hand(spaces, description="by hand", status="dhcp"), key(), spaces.netbox.tag()
    body = {"address": ip(row), "dns_name": spaces.name(), "tags": [tag["slug"]]}
    answer = operator.put(name, {**body, "adopt": True})
    assert answer.status_code == 200, answer.text
    now = spaces.read(str(row["id"]))
    assert (now["dns_name"], [each["slug"] for each in now["tags"]]) == (body["dns_name"], [tag["slug"]])
    assert (now["description"], now["status"]["value"]) == ("by hand", "dhcp")
    assert operator.put(name, body).content == operator.get(name).content == answer.content


def test_a_refused_put_leaves_the_address_without_a_key(operator: Desk, spaces: Spaces) -> None:
    """By the convention, or by NetBox."""
    row, name = by_hand(spaces), key()
    for words, code in (
        ({"dns_name": "web.ships.test"}, "name_refused"),
        ({"status": "x"}, "refused_by_netbox"),
    ):
        answer = operator.put(name, {"address": ip(row), "adopt": True, **words})
        assert refusal(answer) == (422, code)
    assert untouched(row, spaces.read(str(row["id"])))
    assert spaces.held(name) == []


def test_what_may_not_be_adopted_is_refused(alice: Desk, operator: Desk, spaces: Spaces) -> None:
    """By whom, what, and where: and nothing is changed."""
    row = by_hand(spaces)
    adopt = {"key": key(), "address": ip(row), "adopt": True}
    assert refusal(alice.post(adopt)) == (403, "forbidden")
    assert refusal(operator.post({"key": key(), "prefix": spaces.prefix(), "adopt": True})) == (
        422,
        "invalid_request",
    )
    answer = alice.post({"key": key(), "address": ip(row)})
    assert refusal(answer) == (409, "address_taken")
    assert "adopt" in answer.json()["detail"]
    shared = by_hand(spaces, role="vip")
    assert refusal(operator.post({**adopt, "address": ip(shared)})) == (422, "shared_role")
    taken = alice.made({"key": key(), "prefix": spaces.prefix()})
    assert refusal(operator.post({**adopt, "address": taken["ip"]})) == (409, "address_taken")
    routed = spaces.prefix(ROUTED)
    gateway = spaces.address(f"{hosts(routed)[0]}/28")
    assert refusal(operator.post({**adopt, "address": ip(gateway)})) == (409, "address_is_gateway")
    for each in (row, shared, gateway):
        assert untouched(each, spaces.read(str(each["id"])))


def test_of_several_objects_none_is_chosen(operator: Desk, spaces: Spaces) -> None:
    """In a VRF that lets an address stand twice; both are named."""
    vrf = spaces.netbox.vrf(enforce_unique=False)
    prefix = spaces.prefix(vrf=vrf["id"])
    rows = [spaces.address(f"{hosts(prefix)[3]}/28", vrf=vrf["id"]) for _ in range(2)]
    answer = operator.post({"key": key(), "vrf": vrf["name"], "address": ip(rows[0]), "adopt": True})
    assert refusal(answer) == (409, "address_taken")
    details = [error["detail"].partition(":")[0] for error in answer.json()["errors"]]
    assert details == [f"id {row['id']}" for row in rows]


def test_a_key_that_stands_for_another_address_is_refused(operator: Desk, spaces: Spaces) -> None:
    """Whether Berth knows it, or only NetBox does."""
    row, name, foreign = by_hand(spaces), key(), key()
    operator.made({"key": name, "prefix": spaces.prefix()})
    by_hand(spaces, custom_fields={"berth_key": foreign, "berth_owner": "ops"})
    for taken in (name, foreign):
        answer = operator.post({"key": taken, "address": ip(row), "adopt": True})
        assert refusal(answer) == (409, "key_conflict")
    assert untouched(row, spaces.read(str(row["id"])))


def test_of_many_at_once_one_adopts(operator: Desk, spaces: Spaces) -> None:
    """Each under a key of its own; the others are told that it is taken."""
    row = by_hand(spaces)
    bodies = [{"key": key(), "address": ip(row), "adopt": True} for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(operator.post, bodies))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200] + [409] * 7
    [winner] = [answer.json()["key"] for answer in answers if answer.status_code == 200]
    assert [found["id"] for found in spaces.held(winner)] == [row["id"]]


def test_a_release_lets_go_and_leaves_the_address(operator: Desk, spaces: Spaces) -> None:
    """Also where it is in use: Berth removes only what Berth made."""
    interface, name = spaces.netbox.interface(), key()
    row = by_hand(spaces)
    operator.made({"key": name, "address": ip(row), "adopt": True})
    assigned = {
        "assigned_object_type": "virtualization.vminterface",
        "assigned_object_id": interface["id"],
    }
    before = spaces.change(str(row["id"]), **assigned)
    assert operator.delete(name).status_code == 204
    now = spaces.read(str(row["id"]))
    assert untouched(before, now)
    assert (now["custom_fields"]["berth_key"], now["custom_fields"]["berth_owner"]) == (None, None)
    assert (operator.get(name).status_code, operator.delete(name).status_code) == (404, 204)
    again = operator.made({"key": key(), "address": ip(row), "adopt": True})
    assert again["netbox_id"] == str(row["id"])


def test_a_hold_on_an_adopted_address_lets_go(operator: Desk, spaces: Spaces) -> None:
    """The key is free then, and the address is still there."""
    row, name = by_hand(spaces), key()
    made = operator.made({"key": name, "address": ip(row), "adopt": True, "hold_seconds": 1})
    assert made["state"] == "held"
    wait_until(lambda: operator.get(name).status_code == 404, "the hold ends", 20)
    assert spaces.read(str(row["id"]))["custom_fields"]["berth_key"] is None


def test_a_batch_adopts_and_the_audit_says_so(operator: Desk, spaces: Spaces) -> None:
    """Each item for itself; one that is free is allocated."""
    rows = [by_hand(spaces) for _ in range(2)]
    free = hosts(spaces.prefix())[5]
    items: list[dict[str, Any]] = [
        {"key": key(), "address": where, "adopt": True} for where in (ip(rows[0]), free, ip(rows[1]))
    ]
    results = operator.call("POST", "/api/v1/allocations/batch", json={"items": items}).json()["items"]
    assert [result["status"] for result in results] == [200, 200, 200]
    assert [results[n]["allocation"]["netbox_id"] for n in (0, 2)] == [str(row["id"]) for row in rows]
    decisions = [operator.list("audit", key=item["key"]).json()["items"][-1]["decision"] for item in items]
    assert decisions == ["adopted", "allocated", "adopted"]
    assert spaces.netbox.found(ADDRESSES, cf_berth_key=items[1]["key"])[0]["address"] == f"{free}/28"
