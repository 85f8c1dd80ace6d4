"""Virtual machines, interfaces, MAC and primary addresses, and what a deletion takes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.client import ADDRESSES, INTERFACES, MACHINES, at_once, unique

if TYPE_CHECKING:
    from tests.contract.client import NetBox, Row

NAME_TAKEN = {"__all__": ["Virtual machine name must be unique per cluster and tenant."]}
INTERFACE_TAKEN = {"__all__": ["Interface with this Virtual machine and Name already exists."]}
PRIMARY_STAYS = "Cannot reassign IP address while it is designated as the primary IP for the parent object"
MACS = "dcim/mac-addresses"


def assigned(netbox: NetBox, interface: Row, family: int = 4, **fields: object) -> Row:
    """Return a new address on an interface."""
    prefix = netbox.prefix(64 if family == 6 else 29, family)
    body = {"assigned_object_type": "virtualization.vminterface", "assigned_object_id": interface["id"]}
    response = netbox.allocate(prefix, {**body, **fields})
    assert response.status_code == 201, response.text
    row: Row = response.json()
    return row


# -- names and values --------------------------------------------------------------------------


def test_a_machine_needs_a_place(netbox: NetBox) -> None:
    """A name alone is not enough."""
    response = netbox.post(MACHINES, {"name": unique()})
    text = "A virtual machine must be assigned to a site, cluster, or device."
    assert (response.status_code, response.json()) == (400, {"__all__": [text]})


def test_a_machine_takes_its_site_from_the_cluster(netbox: NetBox) -> None:
    """And another site is refused."""
    site, other = netbox.site(), netbox.site()
    cluster = netbox.cluster(scope_type="dcim.site", scope_id=site["id"])
    assert netbox.machine(cluster=cluster["id"])["site"]["id"] == site["id"]
    response = netbox.post(MACHINES, {"name": unique(), "cluster": cluster["id"], "site": other["id"]})
    text = f"The selected cluster ({cluster['name']}) is not assigned to this site ({other['name']})."
    assert (response.status_code, response.json()) == (400, {"cluster": [text]})


def test_a_name_exists_once_in_a_cluster_and_tenant(netbox: NetBox) -> None:
    """In any case of its letters; elsewhere it is free."""
    machine = netbox.machine()
    name, cluster = machine["name"], machine["cluster"]["id"]
    for taken in (name, name.upper()):
        response = netbox.post(MACHINES, {"name": taken, "cluster": cluster})
        assert (response.status_code, response.json()) == (400, NAME_TAKEN)
    tenant = netbox.tenant()["id"]
    netbox.made(MACHINES, {"name": name, "cluster": cluster, "tenant": tenant})
    netbox.made(MACHINES, {"name": name, "cluster": netbox.cluster()["id"]})
    response = netbox.post(MACHINES, {"name": name, "cluster": cluster, "tenant": tenant})
    assert (response.status_code, response.json()) == (400, NAME_TAKEN)


def test_names_without_a_cluster_are_not_unique(netbox: NetBox) -> None:
    """On a site any number of machines may have one."""
    body = {"name": unique(), "site": netbox.site()["id"]}
    assert netbox.made(MACHINES, body)["id"] != netbox.made(MACHINES, body)["id"]


def test_of_twelve_creations_of_one_name_one_succeeds(netbox: NetBox) -> None:
    """There is no lock: the losers get a 400, or a 500 from the database."""
    body = {"name": unique(), "cluster": netbox.cluster()["id"]}
    answers = at_once(12, lambda _: netbox.post(MACHINES, body))
    codes = [answer.status_code for answer in answers]
    assert codes.count(201) == 1
    assert set(codes) <= {201, 400, 500}
    assert len(netbox.found(MACHINES, name=body["name"])) == 1
    crashed = [answer.json() for answer in answers if answer.status_code == 500]
    assert all(body["exception"] == "IntegrityError" for body in crashed)


def test_a_machine_is_created_with_what_it_has(netbox: NetBox) -> None:
    """Memory and disk in MB, CPUs as a decimal, status with a label; unknown keys are ignored."""
    machine = netbox.machine(
        vcpus=2, memory=4096, disk=100_000, status="staged", interfaces=[{"name": "eth0"}], description="d"
    )
    assert (machine["vcpus"], machine["memory"], machine["disk"]) == (2.0, 4096, 100_000)
    assert machine["status"] == {"value": "staged", "label": "Staged"}
    assert (machine["interface_count"], machine["primary_ip"]) == (0, None)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"status": "up"}, {"status": ["up is not a valid choice."]}),
        ({"name": "n" * 65}, {"name": ["Ensure this field has no more than 64 characters."]}),
        ({"name": ""}, {"name": ["This field may not be blank."]}),
        ({"memory": -1}, {"memory": ["Ensure this value is greater than or equal to 0."]}),
        ({"memory": 4.5}, {"memory": ["A valid integer is required."]}),
        (
            {"cluster": 999_999_999},
            {"cluster": ["Related object not found using the provided numeric ID: 999999999"]},
        ),
    ],
)
def test_values_that_are_none_are_refused(netbox: NetBox, body: Row, error: Row) -> None:
    """400, under the field."""
    response = netbox.post(MACHINES, {"name": unique(), "cluster": netbox.cluster()["id"], **body})
    assert (response.status_code, response.json()) == (400, error)


def test_a_list_of_machines_is_all_or_nothing(netbox: NetBox) -> None:
    """The wrong one is named by index, also when it repeats one of the list."""
    cluster = netbox.cluster()["id"]
    one, two = ({"name": unique(), "cluster": cluster} for _ in range(2))
    response = netbox.post(MACHINES, [one, two, one])
    assert response.status_code == 400
    assert response.json() == {
        "detail": "1 of 3 objects could not be created.",
        "errors": [{"index": 2, "errors": NAME_TAKEN}],
    }
    assert netbox.found(MACHINES, cluster_id=cluster) == []
    assert [row["name"] for row in netbox.post(MACHINES, [one, two]).json()] == [one["name"], two["name"]]


# -- interfaces and MAC addresses --------------------------------------------------------------


def test_an_interface_belongs_to_a_machine_and_has_a_name_of_its_own_there(netbox: NetBox) -> None:
    """Shown with the machine in brief; type is ignored."""
    machine = netbox.machine()
    interface = netbox.interface(machine, type="virtual")
    assert interface["virtual_machine"]["name"] == machine["name"]
    response = netbox.post(INTERFACES, {"virtual_machine": machine["id"], "name": "eth0"})
    assert (response.status_code, response.json()) == (400, INTERFACE_TAKEN)
    response = netbox.post(INTERFACES, {"name": "eth0"})
    assert (response.status_code, response.json()) == (400, {"virtual_machine": ["This field is required."]})
    assert [row["id"] for row in netbox.found(INTERFACES, virtual_machine_id=machine["id"])] == [
        interface["id"]
    ]
    assert netbox.found(INTERFACES, virtual_machine_id=machine["id"], name="ETH0") == []


def test_of_twelve_creations_of_one_interface_one_succeeds(netbox: NetBox) -> None:
    """There is no lock: the losers get a 400, or a 500 from the database."""
    body = {"virtual_machine": netbox.machine()["id"], "name": "eth0"}
    codes = [answer.status_code for answer in at_once(12, lambda _: netbox.post(INTERFACES, body))]
    assert codes.count(201) == 1
    assert set(codes) <= {201, 400, 500}


def test_a_mac_address_on_an_interface_is_an_object(netbox: NetBox) -> None:
    """Writing the text makes the object and the primary one of it."""
    interface = netbox.interface(mac_address="00:11:22:33:44:aa")
    assert interface["mac_address"] == "00:11:22:33:44:AA"
    mac = interface["primary_mac_address"]
    assert [row["id"] for row in interface["mac_addresses"]] == [mac["id"]]
    shown = netbox.get(f"{MACS}/{mac['id']}").json()
    assert (shown["assigned_object_id"], shown["is_primary"]) == (interface["id"], True)


def test_an_interface_is_found_by_its_mac_address(netbox: NetBox) -> None:
    """In any case of its letters."""
    interface = netbox.interface(mac_address="00:11:22:33:44:cc")
    machine = interface["virtual_machine"]["id"]
    rows = netbox.found(INTERFACES, mac_address="00:11:22:33:44:cc", virtual_machine_id=machine)
    assert [row["id"] for row in rows] == [interface["id"]]


def test_a_mac_address_can_be_made_and_then_designated(netbox: NetBox) -> None:
    """It need not be unique; written with dashes it is shown with colons."""
    interface = netbox.interface()
    body = {"assigned_object_type": "virtualization.vminterface", "assigned_object_id": interface["id"]}
    mac = netbox.made(MACS, {"mac_address": "00-11-22-33-44-66", **body})
    assert mac["mac_address"] == "00:11:22:33:44:66"
    netbox.made(MACS, {"mac_address": "00:11:22:33:44:66"})
    path = f"{INTERFACES}/{interface['id']}"
    assert netbox.get(path).json()["mac_address"] is None
    changed = netbox.patch(path, {"primary_mac_address": mac["id"]}).json()
    assert changed["mac_address"] == "00:11:22:33:44:66"
    assert netbox.delete(f"{MACS}/{mac['id']}").status_code == 204
    assert netbox.get(path).json()["primary_mac_address"] is None


def test_a_mac_address_that_is_none_is_refused(netbox: NetBox) -> None:
    """400, under the field."""
    response = netbox.post(MACS, {"mac_address": "zz"})
    assert (response.status_code, response.json()) == (
        400,
        {"mac_address": ["Invalid MAC address format: zz"]},
    )


# -- primary addresses -------------------------------------------------------------------------


def test_a_primary_address_is_one_of_the_machine_s_own(netbox: NetBox) -> None:
    """Shown by family; IPv6 is the primary one of both."""
    interface = netbox.interface()
    four, six = assigned(netbox, interface), assigned(netbox, interface, 6)
    path = f"{MACHINES}/{interface['virtual_machine']['id']}"
    body = {"primary_ip4": four["id"], "primary_ip6": six["id"], "status": "active"}
    machine = netbox.patch(path, body).json()
    assert machine["primary_ip4"]["address"] == four["address"]
    assert machine["primary_ip"]["address"] == machine["primary_ip6"]["address"] == six["address"]


def test_a_primary_address_of_another_machine_or_family_is_refused(netbox: NetBox) -> None:
    """So is one that is assigned to nothing, and one that does not exist."""
    interface = netbox.interface()
    path = f"{MACHINES}/{interface['virtual_machine']['id']}"
    foreign, loose = assigned(netbox, netbox.interface()), netbox.address()
    six = assigned(netbox, interface, 6)
    for row in (foreign, loose):
        response = netbox.patch(path, {"primary_ip4": row["id"]})
        text = f"The specified IP address ({row['address']}) is not assigned to this VM."
        assert (response.status_code, response.json()) == (400, {"primary_ip4": [text]})
    response = netbox.patch(path, {"primary_ip4": six["id"]})
    text = f"Must be an IPv4 address. ({six['address']} is an IPv6 address.)"
    assert (response.status_code, response.json()) == (400, {"primary_ip4": [text]})
    response = netbox.patch(path, {"primary_ip4": 999_999_999})
    text = "Related object not found using the provided numeric ID: 999999999"
    assert (response.status_code, response.json()) == (400, {"primary_ip4": [text]})


def test_a_primary_address_stays_where_it_is(netbox: NetBox) -> None:
    """It can be neither assigned elsewhere nor to nothing."""
    interface = netbox.interface()
    row = assigned(netbox, interface)
    path = f"{MACHINES}/{interface['virtual_machine']['id']}"
    assert netbox.patch(path, {"primary_ip4": row["id"]}).status_code == 200
    elsewhere = {"assigned_object_id": netbox.interface()["id"]}
    for body in (elsewhere, {"assigned_object_type": None, "assigned_object_id": None}):
        response = netbox.patch(f"{ADDRESSES}/{row['id']}", body)
        assert (response.status_code, response.json()) == (400, {"__all__": [PRIMARY_STAYS]})


def test_deleting_a_primary_address_empties_the_field(netbox: NetBox) -> None:
    """The machine counts as changed."""
    interface = netbox.interface()
    row = assigned(netbox, interface)
    path = f"{MACHINES}/{interface['virtual_machine']['id']}"
    before = netbox.patch(path, {"primary_ip4": row["id"]}).headers["ETag"]
    assert netbox.delete(f"{ADDRESSES}/{row['id']}").status_code == 204
    after = netbox.get(path)
    assert after.json()["primary_ip4"] is None
    assert after.headers["ETag"] != before


def test_an_interface_or_address_more_leaves_the_entity_tag_of_the_machine(netbox: NetBox) -> None:
    """It does not say that nothing was added."""
    machine = netbox.machine()
    path = f"{MACHINES}/{machine['id']}"
    before = netbox.get(path).headers["ETag"]
    assigned(netbox, netbox.interface(machine))
    assert netbox.get(path).headers["ETag"] == before


# -- deletion ----------------------------------------------------------------------------------


def test_an_interface_takes_its_addresses_with_it(netbox: NetBox) -> None:
    """They are deleted, and the machine loses its primary one."""
    interface = netbox.interface(mac_address="00:11:22:33:44:bb")
    row = assigned(netbox, interface)
    path = f"{MACHINES}/{interface['virtual_machine']['id']}"
    netbox.patch(path, {"primary_ip4": row["id"]})
    assert netbox.delete(f"{INTERFACES}/{interface['id']}").status_code == 204
    assert netbox.get(f"{ADDRESSES}/{row['id']}").status_code == 404
    assert netbox.get(path).json()["primary_ip4"] is None
    assert netbox.get(f"{MACS}/{interface['primary_mac_address']['id']}").status_code == 404


def test_a_machine_takes_its_interfaces_and_addresses_with_it(netbox: NetBox) -> None:
    """All of them are gone."""
    interface = netbox.interface()
    row = assigned(netbox, interface)
    path = f"{MACHINES}/{interface['virtual_machine']['id']}"
    netbox.patch(path, {"primary_ip4": row["id"]})
    assert netbox.delete(path).status_code == 204
    for gone in (path, f"{INTERFACES}/{interface['id']}", f"{ADDRESSES}/{row['id']}"):
        assert netbox.get(gone).status_code == 404


def test_a_machine_is_not_deleted_with_a_stale_entity_tag(netbox: NetBox) -> None:
    """412, and it is still there."""
    path = f"{MACHINES}/{netbox.machine()['id']}"
    stale = {"If-Match": 'W/"2000-01-01T00:00:00.000000+00:00"'}
    assert netbox.delete(path, headers=stale).status_code == 412
    assert netbox.get(path).status_code == 200


def test_a_cluster_with_machines_is_not_deleted(netbox: NetBox) -> None:
    """409, naming what is in the way."""
    machine = netbox.machine()
    response = netbox.delete(f"virtualization/clusters/{machine['cluster']['id']}")
    text = f"Unable to delete object. 1 dependent objects were found: {machine['name']} ({machine['id']})"
    assert (response.status_code, response.json()) == (409, {"detail": text})


def test_a_device_has_primary_addresses_too(netbox: NetBox) -> None:
    """By the same rules."""
    interface = netbox.device_interface()
    body = {"assigned_object_type": "dcim.interface", "assigned_object_id": interface["id"]}
    row = netbox.allocate(netbox.prefix(), body).json()
    path = f"dcim/devices/{interface['device']['id']}"
    assert netbox.patch(path, {"primary_ip4": row["id"]}).json()["primary_ip"]["id"] == row["id"]
    loose = netbox.address()
    response = netbox.patch(path, {"primary_ip4": loose["id"]})
    text = f"The specified IP address ({loose['address']}) is not assigned to this device."
    assert (response.status_code, response.json()) == (400, {"primary_ip4": [text]})
