"""What an address is assigned to: how an interface is found by its name, and how an address is moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.client import ADDRESSES, INTERFACES, KEY, MACHINES, OWNER, unique

if TYPE_CHECKING:
    from tests.contract.client import NetBox, Row

DEVICE_INTERFACES = "dcim/interfaces"
DEVICES = "dcim/devices"
NO_CHOICE = "Select a valid choice. {} is not one of the available choices."
PRIMARY_STAYS = "Cannot reassign IP address while it is designated as the primary IP for the parent object"


def on(interface: Row) -> Row:
    """Return what assigns an address to a device's interface."""
    return {"assigned_object_type": "dcim.interface", "assigned_object_id": interface["id"]}


def ids(rows: list[Row]) -> list[int]:
    """Return their ids."""
    return [row["id"] for row in rows]


# -- finding an interface ----------------------------------------------------------------------


def test_an_interface_of_a_device_is_found_by_both_names(netbox: NetBox) -> None:
    """By the device's name or id, and by its own name, exactly as it is written."""
    interface = netbox.device_interface()
    device = interface["device"]
    for query in ({"device": device["name"]}, {"device_id": device["id"]}):
        assert ids(netbox.found(DEVICE_INTERFACES, name="eth0", **query)) == [interface["id"]]
        assert netbox.found(DEVICE_INTERFACES, name="ETH0", **query) == []
    [row] = netbox.found(DEVICE_INTERFACES, device_id=device["id"])
    assert (row["device"]["name"], row["device"]["id"]) == (device["name"], device["id"])


def test_an_interface_of_a_machine_is_found_by_both_names(netbox: NetBox) -> None:
    """Of machines of one name in several clusters, each one's."""
    name = unique("vm")
    interfaces = [netbox.interface(netbox.machine(name=name)) for _ in range(2)]
    found = netbox.found(INTERFACES, name="eth0", virtual_machine=name)
    assert sorted(ids(found)) == sorted(ids(interfaces))
    machine = interfaces[1]["virtual_machine"]["id"]
    assert ids(netbox.found(INTERFACES, name="eth0", virtual_machine_id=machine)) == [interfaces[1]["id"]]


@pytest.mark.parametrize(
    ("path", "kind"), [(DEVICE_INTERFACES, "device"), (INTERFACES, "virtual_machine")], ids=["device", "VM"]
)
def test_a_parent_that_does_not_exist_is_no_choice(netbox: NetBox, path: str, kind: str) -> None:
    """Unlike a name that nothing has, which finds nothing: 400, under the name of the filter."""
    for query in ({kind: unique()}, {f"{kind}_id": "999999999"}):
        [(field, value)] = query.items()
        response = netbox.get(path, name="eth0", **query)
        assert (response.status_code, response.json()) == (400, {field: [NO_CHOICE.format(value)]})
    assert netbox.found(path, name=unique()) == []


def test_devices_and_machines_are_found_by_name(netbox: NetBox) -> None:
    """With the cluster or the site that tells those of one name apart."""
    device = netbox.device_interface()["device"]["name"]
    [row] = netbox.found(DEVICES, name=device)
    assert (row["name"], row["cluster"]) == (device, None)
    assert row["site"]["name"]
    machine = netbox.machine()
    [row] = netbox.found(MACHINES, name=machine["name"])
    assert row["cluster"]["name"] == machine["cluster"]["name"]
    for path in (DEVICES, MACHINES):
        assert netbox.found(path, name=unique()) == []
        assert netbox.found(path, id=999_999_999) == []


# -- moving an address -------------------------------------------------------------------------


def test_a_change_moves_an_address_and_leaves_the_rest(netbox: NetBox) -> None:
    """From nothing to an interface, from there to another one, and back to nothing."""
    one, two = netbox.device_interface(), netbox.interface()
    row = netbox.address(description="mine", custom_fields={KEY: unique("key"), OWNER: "alice"})
    path = f"{ADDRESSES}/{row['id']}"
    machine = {"assigned_object_type": "virtualization.vminterface", "assigned_object_id": two["id"]}
    for body in (on(one), machine, {"assigned_object_type": None, "assigned_object_id": None}):
        moved = netbox.patch(path, body)
        assert moved.status_code == 200, moved.text
        shown = moved.json()
        assert {name: shown[name] for name in body} == body
        assert (shown["description"], shown["custom_fields"]) == ("mine", row["custom_fields"])
    assert shown["assigned_object"] is None


def test_a_change_that_does_not_speak_of_it_leaves_an_address_where_it_is(netbox: NetBox) -> None:
    """Also one that clears the claim."""
    interface = netbox.device_interface()
    row = netbox.address(**on(interface), custom_fields={KEY: unique("key"), OWNER: "alice"})
    cleared = netbox.patch(f"{ADDRESSES}/{row['id']}", {"custom_fields": {KEY: None, OWNER: None}}).json()
    assert cleared["assigned_object_id"] == interface["id"]
    assert (cleared["custom_fields"][KEY], cleared["custom_fields"][OWNER]) == (None, None)


def test_the_primary_address_of_a_device_stays_where_it_is(netbox: NetBox) -> None:
    """As a machine's does; what else is changed with it is not changed either."""
    interface, other = netbox.device_interface(), netbox.device_interface()
    row = netbox.address(**on(interface))
    device = f"{DEVICES}/{interface['device']['id']}"
    assert netbox.patch(device, {"primary_ip4": row["id"]}).status_code == 200
    path = f"{ADDRESSES}/{row['id']}"
    for body in (on(other), {"assigned_object_type": None, "assigned_object_id": None}):
        response = netbox.patch(path, {"description": "moved", **body})
        assert (response.status_code, response.json()) == (400, {"__all__": [PRIMARY_STAYS]})
    assert netbox.get(path).json()["description"] == ""


def test_an_address_is_not_moved_with_a_stale_entity_tag(netbox: NetBox) -> None:
    """412, and it is where it was."""
    row = netbox.address()
    stale = {"If-Match": 'W/"2000-01-01T00:00:00.000000+00:00"'}
    path = f"{ADDRESSES}/{row['id']}"
    assert netbox.patch(path, on(netbox.device_interface()), headers=stale).status_code == 412
    assert netbox.get(path).json()["assigned_object"] is None


# -- claiming what is there already ------------------------------------------------------------


def test_a_claim_is_put_on_an_address_that_has_none(netbox: NetBox) -> None:
    """Nothing else changes, also not where it is assigned and what other custom fields it has."""
    key = unique("key")
    row = netbox.address(**on(netbox.device_interface()), dns_name="old.example.com", role="secondary")
    path = f"{ADDRESSES}/{row['id']}"
    read = netbox.get(path)
    claim = {"custom_fields": {KEY: key, OWNER: "alice"}}
    claimed = netbox.patch(path, claim, headers={"If-Match": read.headers["ETag"]}).json()
    same = ("address", "dns_name", "role", "status", "assigned_object_id", "tags", "description")
    assert {name: claimed[name] for name in same} == {name: row[name] for name in same}
    assert claimed["custom_fields"] == {**row["custom_fields"], KEY: key, OWNER: "alice"}
    again = netbox.patch(path, claim, headers={"If-Match": read.headers["ETag"]})
    assert again.status_code == 412


def test_a_claim_that_another_address_has_is_refused(netbox: NetBox) -> None:
    """By a change as by a creation."""
    taken = netbox.address(custom_fields={KEY: unique("key")})["custom_fields"][KEY]
    response = netbox.patch(f"{ADDRESSES}/{netbox.address()['id']}", {"custom_fields": {KEY: taken}})
    text = f"Custom field '{KEY}' must have a unique value."
    assert (response.status_code, response.json()) == (400, {"__all__": [text]})
