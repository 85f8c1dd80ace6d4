"""What registering virtual machines rests on: lists of machines and interfaces, claims, MAC addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.client import ADDRESSES, CLAIM_TAKEN, INTERFACES, KEY, LOOSE, MACHINES, OWNER, unique

if TYPE_CHECKING:
    from tests.contract.client import NetBox, Row

NAME_TAKEN = "Virtual machine name must be unique per cluster and tenant."
INTERFACE_TAKEN = "Interface with this Virtual machine and Name already exists."
MACS = "dcim/mac-addresses"
ONE, TWO = "02:00:00:00:00:0A", "02:00:00:00:00:0B"
STALE = {"If-Match": 'W/"2000-01-01T00:00:00.000000+00:00"'}


def claimed(key: str, **fields: object) -> Row:
    """Return an item with a claim."""
    return {"custom_fields": {KEY: key, OWNER: "team"}, **fields}


def machines(netbox: NetBox, count: int) -> list[Row]:
    """Return new machines of one cluster, whose names are not in the order in which they were made."""
    cluster, word = netbox.cluster()["id"], unique("vm")
    body = [
        claimed(f"{word}-{n}", name=f"{word}-{9 - n}", cluster=cluster, status="staged") for n in range(count)
    ]
    response = netbox.post(MACHINES, body)
    assert response.status_code == 201, response.text
    rows: list[Row] = response.json()
    return rows


def address(netbox: NetBox, interface: Row) -> int:
    """Return the id of a new address on an interface."""
    body = {"assigned_object_type": "virtualization.vminterface", "assigned_object_id": interface["id"]}
    return int(netbox.address(**body)["id"])


def failed(count: int, total: int, what: str) -> str:
    """Return NetBox's summary of a list that failed."""
    return f"{count} of {total} objects could not be {what}."


# -- creation ----------------------------------------------------------------------------------


def test_a_list_of_machines_is_answered_in_its_own_order(netbox: NetBox) -> None:
    """Whatever their names."""
    rows = machines(netbox, 3)
    assert [row["custom_fields"][KEY][-1] for row in rows] == ["0", "1", "2"]
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)


def test_a_claim_and_a_name_that_are_taken_are_told_together(netbox: NetBox) -> None:
    """As when what was made is sent again; of interfaces the same."""
    (machine,) = machines(netbox, 1)
    key = machine["custom_fields"][KEY]
    body = claimed(key, name=machine["name"], cluster=machine["cluster"]["id"])
    response = netbox.post(MACHINES, body)
    assert (response.status_code, response.json()) == (400, {"__all__": [CLAIM_TAKEN, NAME_TAKEN]})
    netbox.interface(machine, **claimed(f"{key}~1"))
    response = netbox.post(INTERFACES, claimed(f"{key}~1", virtual_machine=machine["id"], name="eth0"))
    assert (response.status_code, response.json()) == (400, {"__all__": [CLAIM_TAKEN, INTERFACE_TAKEN]})


def test_interfaces_of_several_machines_share_a_list(netbox: NetBox) -> None:
    """Each with its claim, its owner and its MAC address."""
    rows = machines(netbox, 2)
    body = [
        claimed(f"{row['custom_fields'][KEY]}~1", virtual_machine=row["id"], name="eth0", mac_address=ONE)
        for row in rows
    ]
    response = netbox.post(INTERFACES, body)
    assert response.status_code == 201, response.text
    made = response.json()
    assert [row["virtual_machine"]["id"] for row in made] == [row["id"] for row in rows]
    assert [row["custom_fields"][KEY] for row in made] == [item["custom_fields"][KEY] for item in body]
    assert [row["primary_mac_address"]["mac_address"] for row in made] == [ONE, ONE]
    assert [[mac["mac_address"] for mac in row["mac_addresses"]] for row in made] == [[ONE], [ONE]]


def test_every_wrong_interface_of_a_list_is_named_and_none_is_made(netbox: NetBox) -> None:
    """A taken claim, one claim twice, a taken name, a machine that is gone, a MAC address that is none."""
    (machine,) = machines(netbox, 1)
    key = machine["custom_fields"][KEY]
    netbox.interface(machine, **claimed(f"{key}~1"))
    here = {"virtual_machine": machine["id"]}
    body = [
        claimed(f"{key}~2", name="eth2", **here),
        claimed(f"{key}~1", name="eth3", **here),
        claimed(f"{key}~2", name="eth4", **here),
        claimed(f"{key}~5", name="eth0", **here),
        claimed(f"{key}~6", name="eth0", virtual_machine=999_999_999),
        claimed(f"{key}~7", name="eth7", mac_address="zz", **here),
    ]
    response = netbox.post(INTERFACES, body)
    gone = "Related object not found using the provided numeric ID: 999999999"
    assert (response.status_code, response.json()) == (
        400,
        {
            "detail": failed(5, 6, "created"),
            "errors": [
                {"index": 1, "errors": {"__all__": [CLAIM_TAKEN]}},
                {"index": 2, "errors": {"__all__": [CLAIM_TAKEN]}},
                {"index": 3, "errors": {"__all__": [INTERFACE_TAKEN]}},
                {"index": 4, "errors": {"virtual_machine": [gone]}},
                {
                    "index": 5,
                    "errors": {"mac_address": ["Enter a valid MAC address (e.g. 00:11:22:33:44:55)."]},
                },
            ],
        },
    )
    assert len(netbox.found(INTERFACES, virtual_machine_id=machine["id"])) == 1


def test_a_claim_is_unique_for_each_kind_of_object(netbox: NetBox) -> None:
    """A machine, its interface and its address may carry the same one."""
    (machine,) = machines(netbox, 1)
    key = machine["custom_fields"][KEY]
    assert netbox.interface(machine, **claimed(key))["custom_fields"][KEY] == key
    assert netbox.address(**claimed(key))["custom_fields"][KEY] == key


def test_a_machine_s_config_context_can_be_left_out(netbox: NetBox) -> None:
    """By `omit`, in reads and writes, of one and of many; `exclude`, which 4.3 knows, is ignored."""
    (machine,) = machines(netbox, 1)
    path = f"{MACHINES}/{machine['id']}"
    slim = "?exclude=config_context&omit=config_context"
    one = {"name": unique("vm"), "cluster": machine["cluster"]["id"]}
    many = [{"name": unique("vm"), "cluster": machine["cluster"]["id"]}]
    answers = [
        netbox.call("GET", f"{path}/{slim}"),
        netbox.call("POST", f"{MACHINES}/{slim}", json=one),
        netbox.call("POST", f"{MACHINES}/{slim}", json=many),
        netbox.call("PATCH", f"{path}/{slim}", json={"comments": "c"}),
        netbox.call("PATCH", f"{MACHINES}/{slim}", json=[{"id": machine["id"], "comments": "d"}]),
        netbox.call("GET", f"{MACHINES}/{slim}&id={machine['id']}"),
    ]
    assert [answer.status_code for answer in answers] == [200, 201, 201, 200, 200, 200]
    assert not any(
        "config_context" in answer.text.replace("exclude=config_context", "") for answer in answers
    )
    assert "config_context" in netbox.call("GET", f"{path}/?exclude=config_context").json()
    assert netbox.get(path).json()["comments"] == "d"


# -- lists of changes --------------------------------------------------------------------------


def test_a_list_of_changes_is_answered_in_the_order_of_names(netbox: NetBox) -> None:
    """Not in its own; each with its own primary address and message."""
    rows = machines(netbox, 3)
    own = {row["id"]: address(netbox, netbox.interface(row)) for row in rows}
    body = [
        {"id": number, "primary_ip4": ip, "status": "active", "changelog_message": f"of {number}"}
        for number, ip in own.items()
    ]
    response = netbox.patch(MACHINES, body)
    assert response.status_code == 200, response.text
    shown = response.json()
    assert [row["name"] for row in shown] == sorted(row["name"] for row in rows)
    assert {row["id"]: row["primary_ip4"]["id"] for row in shown} == own
    log = netbox.found("core/object-changes", request_id=response.headers["X-Request-ID"])
    assert {row["message"] for row in log} == {f"of {number}" for number in own}


def test_a_wrong_change_of_a_list_is_named_by_id_and_nothing_is_changed(netbox: NetBox) -> None:
    """A foreign primary address, and a claim that is taken."""
    one, two, three = machines(netbox, 3)
    foreign = netbox.address()
    body = [
        {"id": one["id"], "status": "active"},
        {"id": two["id"], "primary_ip4": foreign["id"]},
        {"id": three["id"], "custom_fields": {KEY: one["custom_fields"][KEY]}},
    ]
    response = netbox.patch(MACHINES, body)
    text = f"The specified IP address ({foreign['address']}) is not assigned to this VM."
    assert (response.status_code, response.json()["detail"]) == (400, failed(2, 3, "updated"))
    assert sorted(response.json()["errors"], key=lambda error: error["id"]) == [
        {"id": two["id"], "errors": {"primary_ip4": [text]}},
        {"id": three["id"], "errors": {"__all__": [CLAIM_TAKEN]}},
    ]
    assert netbox.get(f"{MACHINES}/{one['id']}").json()["status"]["value"] == "staged"


def test_an_object_that_is_not_there_fails_a_list_of_changes(netbox: NetBox) -> None:
    """So does one that is named twice, and an item without an id."""
    (machine,) = machines(netbox, 1)
    here, gone = {"id": machine["id"], "status": "active"}, {"id": 999_999_999, "status": "active"}
    cases = [
        ([here, gone], failed(1, 2, "found"), {"id": 999_999_999, "errors": {"id": [
            "Object with ID 999999999 does not exist"]}}),
        ([here, here], "1 of 2 objects are listed more than once.", {"id": machine["id"], "errors": {"id": [
            f"Each object may be specified only once; ID {machine['id']} is listed 2 times"]}}),
        ([here, {"status": "active"}], "1 of 2 objects failed validation.", {"index": 1, "errors": {"id": [
            "This field is required."]}}),
    ]  # fmt: skip
    for body, detail, error in cases:
        response = netbox.patch(MACHINES, body)
        assert (response.status_code, response.json()) == (400, {"detail": detail, "errors": [error]})
    assert netbox.get(f"{MACHINES}/{machine['id']}").json()["status"]["value"] == "staged"


# -- MAC addresses -----------------------------------------------------------------------------


def test_another_mac_address_leaves_the_former_one_on_the_interface(netbox: NetBox) -> None:
    """As one of its others; the one that it has already is not made again."""
    interface = netbox.interface(mac_address=ONE)
    path = f"{INTERFACES}/{interface['id']}"
    changed = netbox.patch(path, {"mac_address": TWO}).json()
    assert changed["mac_address"] == TWO
    assert [mac["mac_address"] for mac in changed["mac_addresses"]] == [ONE, TWO]
    back = netbox.patch(path, {"mac_address": ONE.lower()}).json()
    assert back["primary_mac_address"]["id"] == interface["primary_mac_address"]["id"]
    assert len(back["mac_addresses"]) == 2


@pytest.mark.parametrize("field", ["mac_address", "primary_mac_address"])
def test_no_primary_mac_address_leaves_the_former_one_on_the_interface(netbox: NetBox, field: str) -> None:
    """Either field can be null."""
    interface = netbox.interface(mac_address=ONE)
    changed = netbox.patch(f"{INTERFACES}/{interface['id']}", {field: None}).json()
    assert (changed["mac_address"], changed["primary_mac_address"]) == (None, None)
    assert [mac["mac_address"] for mac in changed["mac_addresses"]] == [ONE]


def test_deleting_a_mac_address_leaves_the_entity_tag_of_the_interface(netbox: NetBox) -> None:
    """Also of the primary one."""
    interface = netbox.interface(mac_address=ONE)
    path = f"{INTERFACES}/{interface['id']}"
    before = netbox.get(path).headers["ETag"]
    assert netbox.delete(f"{MACS}/{interface['primary_mac_address']['id']}").status_code == 204
    after = netbox.get(path)
    assert (after.headers["ETag"], after.json()["mac_address"]) == (before, None)


def test_mac_addresses_are_designated_in_a_list(netbox: NetBox) -> None:
    """Only one that is the interface's own."""
    rows = [netbox.interface() for _ in range(2)]
    on = {"assigned_object_type": "virtualization.vminterface"}
    body = [{"mac_address": ONE, "assigned_object_id": row["id"], **on} for row in rows]
    response = netbox.post(MACS, body)
    assert response.status_code == 201, response.text
    macs = [mac["id"] for mac in response.json()]
    right = [{"id": row["id"], "primary_mac_address": mac} for row, mac in zip(rows, macs, strict=True)]
    done = netbox.patch(INTERFACES, right)
    assert done.status_code == 200, done.text
    assert [row["mac_address"] for row in done.json()] == [ONE, ONE]
    wrong = netbox.patch(INTERFACES, [{"id": rows[0]["id"], "primary_mac_address": macs[1]}])
    assert (wrong.status_code, wrong.json()["errors"][0]["id"]) == (400, rows[0]["id"])
    assert [row["id"] for row in netbox.found(MACS, vminterface_id=[row["id"] for row in rows])] == macs


# -- finding -----------------------------------------------------------------------------------


def test_interfaces_are_found_by_exact_claims(netbox: NetBox) -> None:
    """Not by a part, nor in another case; several at once."""
    (machine,) = machines(netbox, 1)
    key = machine["custom_fields"][KEY]
    made = [netbox.interface(machine, name=f"eth{n}", **claimed(f"{key}~{n}"))["id"] for n in (1, 2)]
    for wanted, found in (
        ([f"{key}~1"], made[:1]),
        ([f"{key}~1", f"{key}~2"], made),
        ([key], []),
        ([f"{key}~1".upper()], []),
    ):
        rows = netbox.found(INTERFACES, cf_berth_key=wanted, ordering="id")
        assert [row["id"] for row in rows] == found


def test_interfaces_and_addresses_are_found_by_several_machines(netbox: NetBox) -> None:
    """Of a machine that does not exist there are no addresses; interfaces and MAC addresses refuse its id."""
    rows = [netbox.interface() for _ in range(2)]
    ids = [row["virtual_machine"]["id"] for row in rows]
    ips = [address(netbox, row) for row in rows]
    assert [row["id"] for row in netbox.found(INTERFACES, virtual_machine_id=ids, ordering="id")] == [
        row["id"] for row in rows
    ]
    held = netbox.found(ADDRESSES, virtual_machine_id=ids, ordering="id")
    assert [row["id"] for row in held] == ips
    assert [row["assigned_object"]["virtual_machine"]["id"] for row in held] == ids
    assert netbox.found(ADDRESSES, virtual_machine_id=999_999_999) == []
    text = "Select a valid choice. 999999999 is not one of the available choices."
    for path, name in (
        (INTERFACES, "virtual_machine_id"),
        (MACS, "vminterface_id"),
        (MACHINES, "cluster_id"),
    ):
        response = netbox.get(path, **{name: 999_999_999})
        assert (response.status_code, response.json()) == (400, {name: [text]})


def test_several_names_are_found_in_any_case(netbox: NetBox) -> None:
    """Within a cluster."""
    rows = machines(netbox, 3)
    cluster = rows[0]["cluster"]["id"]
    names = [rows[0]["name"].upper(), rows[1]["name"], "no-such-name"]
    found = netbox.found(MACHINES, name=names, cluster_id=cluster, ordering="id")
    assert [row["id"] for row in found] == [row["id"] for row in rows[:2]]
    assert netbox.found(MACHINES, name=names, cluster_id=netbox.cluster()["id"]) == []


# -- entity tags and messages ------------------------------------------------------------------


def test_an_interface_is_neither_changed_nor_deleted_with_a_stale_entity_tag(netbox: NetBox) -> None:
    """412, and it is as it was; with its own, it is."""
    path = f"{INTERFACES}/{netbox.interface()['id']}"
    assert netbox.patch(path, {"mtu": 1500}, headers=STALE).status_code == 412
    assert netbox.delete(path, headers=STALE).status_code == 412
    read = netbox.get(path)
    assert read.json()["mtu"] is None
    changed = netbox.patch(path, {"mtu": 1500}, headers={"If-Match": read.headers["ETag"]})
    assert (changed.status_code, changed.json()["mtu"]) == (200, 1500)
    assert netbox.delete(path, headers={"If-Match": changed.headers["ETag"]}).status_code == 204


def test_interfaces_and_machines_keep_the_messages_of_a_list(netbox: NetBox) -> None:
    """Each its own."""
    (machine,) = machines(netbox, 1)
    body = [
        {"virtual_machine": machine["id"], "name": f"eth{n}", "changelog_message": f"the {n}th"}
        for n in (1, 2)
    ]
    response = netbox.post(INTERFACES, body)
    log = netbox.found("core/object-changes", request_id=response.headers["X-Request-ID"])
    assert {row["message"] for row in log if row["changed_object_type"].endswith("vminterface")} == {
        "the 1th",
        "the 2th",
    }
    gone = netbox.call("DELETE", f"{MACHINES}/{machine['id']}/", json={"changelog_message": "bye"})
    assert gone.status_code == 204
    log = netbox.found("core/object-changes", request_id=gone.headers["X-Request-ID"])
    assert "bye" in {row["message"] for row in log if row["changed_object_type"].endswith("virtualmachine")}


def test_a_change_of_custom_fields_of_an_interface_leaves_the_others(netbox: NetBox) -> None:
    """What is not sent stays."""
    interface = netbox.interface(**claimed(unique("key")))
    changed = netbox.patch(f"{INTERFACES}/{interface['id']}", {"custom_fields": {LOOSE: "x"}}).json()
    assert changed["custom_fields"] == {**interface["custom_fields"], LOOSE: "x"}
