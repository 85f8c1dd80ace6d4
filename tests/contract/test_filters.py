"""Filters of lists: what they compare, and what they silently ignore."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.contract.client import ADDRESSES, KEY, LOOSE, MACHINES, PREFIXES, host, unique

if TYPE_CHECKING:
    from tests.contract.client import NetBox, Row


@pytest.fixture(scope="module")
def named(netbox: NetBox) -> Row:
    """An address with everything that can be asked for."""
    name = unique("Find")
    return netbox.address(
        dns_name=f"{name}.example.com",
        description=f"About {name}",
        tags=[netbox.tag()["id"], netbox.tag()["id"]],
        tenant=netbox.tenant()["id"],
        custom_fields={KEY: f"Key-{name}", LOOSE: f"Some {name} note"},
    )


def ids(rows: list[Row]) -> list[int]:
    """Return the ids of a list."""
    return [row["id"] for row in rows]


def test_a_name_is_compared_with_its_case(netbox: NetBox, named: Row) -> None:
    """Names are stored in lower case, so a query in capitals finds nothing."""
    assert ids(netbox.found(ADDRESSES, dns_name=named["dns_name"])) == [named["id"]]
    assert netbox.found(ADDRESSES, dns_name=named["dns_name"].upper()) == []


@pytest.mark.parametrize("lookup", ["ie", "ic", "isw", "iew", "iregex"])
def test_lookups_that_ignore_the_case(netbox: NetBox, named: Row, lookup: str) -> None:
    """Equal, contains, starts with, ends with, regular expression."""
    query = {f"dns_name__{lookup}": named["dns_name"].upper()}
    assert ids(netbox.found(ADDRESSES, **query)) == [named["id"]]


def test_a_lookup_can_be_negated(netbox: NetBox, named: Row) -> None:
    """``__n`` excludes."""
    query = {"parent": named["address"], "dns_name__n": named["dns_name"]}
    assert netbox.found(ADDRESSES, **query) == []


@pytest.mark.parametrize(
    "name", ["bogus_filter", "cf_unknown", "tenant__isnull", "dns_names", "mask_length__foo"]
)
def test_an_unknown_filter_is_ignored(netbox: NetBox, named: Row, name: str) -> None:
    """Everything comes back, whatever its value."""
    assert ids(netbox.found(ADDRESSES, id=named["id"], **{name: "no such thing"})) == [named["id"]]


@pytest.mark.parametrize("name", ["dns_name", "cf_berth_key", "description", "id", "parent", "address", "q"])
def test_an_empty_value_is_ignored(netbox: NetBox, named: Row, name: str) -> None:
    """Everything comes back."""
    other = {"mask_length": 29} if name in {"id", "parent", "address"} else {"id": named["id"]}
    found = netbox.found(ADDRESSES, **other, **{name: ""}, ordering="-id", limit=1000)
    assert named["id"] in ids(found)


@pytest.mark.parametrize("name", ["tag", "status", "role", "vrf", "tenant"])
def test_an_empty_choice_is_refused(netbox: NetBox, name: str) -> None:
    """Where a filter offers a choice, nothing is not one of them."""
    response = netbox.get(ADDRESSES, **{name: ""})
    text = "Select a valid choice.  is not one of the available choices."
    assert (response.status_code, response.json()) == (400, {name: [text]})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("vrf_id", "", "“” is not a valid value."),
        ("vrf_id", "abc", "“abc” is not a valid value."),
        ("id", "abc", "Enter a whole number."),
        ("created_by_request", "abc", "Enter a valid UUID."),
        ("created__gte", "abc", "Enter a valid date/time."),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(netbox: NetBox, name: str, value: str, message: str) -> None:
    """An id is a number, a request a UUID, a moment a date."""
    response = netbox.get(ADDRESSES, **{name: value})
    assert (response.status_code, response.json()) == (400, {name: [message]})


@pytest.mark.parametrize(
    ("name", "value"),
    [("tag", "no-such-tag"), ("status", "bogus"), ("vrf", "no-such-rd"), ("vrf_id", "999999999")],
)
def test_a_value_that_is_no_choice_is_refused(netbox: NetBox, name: str, value: str) -> None:
    """Unlike an unknown filter."""
    response = netbox.get(ADDRESSES, **{name: value})
    text = f"Select a valid choice. {value} is not one of the available choices."
    assert (response.status_code, response.json()) == (400, {name: [text]})


def test_a_vrf_is_asked_for_by_id_or_route_distinguisher(netbox: NetBox) -> None:
    """``null`` is the global table; the name is refused."""
    vrf = netbox.vrf()
    prefix = netbox.prefix(vrf=vrf["id"])
    row = netbox.allocate(prefix, {}).json()
    assert ids(netbox.found(ADDRESSES, vrf_id=vrf["id"])) == [row["id"]]
    assert ids(netbox.found(ADDRESSES, vrf=vrf["rd"])) == [row["id"]]
    assert netbox.found(ADDRESSES, vrf_id="null", parent=prefix["prefix"]) == []
    assert netbox.get(ADDRESSES, vrf=vrf["name"]).status_code == 400


def test_addresses_are_asked_for_with_or_without_a_mask(netbox: NetBox) -> None:
    """Another mask finds nothing, and neither does garbage."""
    row = netbox.address()
    ip, _, mask = row["address"].partition("/")
    assert ids(netbox.found(ADDRESSES, address=ip)) == [row["id"]]
    assert ids(netbox.found(ADDRESSES, address=f"{ip}/{mask}")) == [row["id"]]
    assert netbox.found(ADDRESSES, address=f"{ip}/32") == []
    assert netbox.found(ADDRESSES, address="garbage") == []


def test_a_parent_holds_what_lies_inside_it(netbox: NetBox) -> None:
    """Several are alternatives; host bits are overlooked; garbage finds nothing."""
    one, two = netbox.prefix(), netbox.prefix()
    rows = [netbox.allocate(prefix, {}).json() for prefix in (one, two)]
    both = netbox.found(ADDRESSES, parent=[one["prefix"], two["prefix"]])
    assert sorted(ids(both)) == sorted(ids(rows))
    assert ids(netbox.found(ADDRESSES, parent=f"{host(one, 77)}/24")) == [rows[0]["id"]]
    assert netbox.found(ADDRESSES, parent="garbage") == []


def test_a_search_looks_into_name_and_description(netbox: NetBox, named: Row) -> None:
    """In any case, any part."""
    word = named["dns_name"].split(".")[0]
    assert ids(netbox.found(ADDRESSES, q=word.upper())) == [named["id"]]
    assert ids(netbox.found(ADDRESSES, description=named["description"])) == [named["id"]]
    assert netbox.found(ADDRESSES, description=named["description"].upper()) == []


def test_a_search_finds_an_address_by_its_beginning(netbox: NetBox, named: Row) -> None:
    """And a prefix by its text, or by an address that it contains."""
    address = named["address"].split("/")[0]
    assert named["id"] in ids(netbox.found(ADDRESSES, q=address))
    assert named["id"] not in ids(netbox.found(ADDRESSES, q=address[1:], limit=0))
    prefix = netbox.prefix(26)
    for text in (prefix["prefix"], host(prefix, 9)):
        assert prefix["id"] in ids(netbox.found(PREFIXES, q=text))


def test_addresses_are_found_by_the_machine_they_are_assigned_to(netbox: NetBox) -> None:
    """By VM or by interface."""
    interface = netbox.interface()
    body = {"assigned_object_type": "virtualization.vminterface", "assigned_object_id": interface["id"]}
    row = netbox.allocate(netbox.prefix(), body).json()
    machine = interface["virtual_machine"]["id"]
    assert ids(netbox.found(ADDRESSES, virtual_machine_id=machine)) == [row["id"]]
    assert ids(netbox.found(ADDRESSES, vminterface_id=interface["id"])) == [row["id"]]


def test_a_prefix_is_found_as_it_is_written(netbox: NetBox) -> None:
    """With host bits or without a mask it is not; ``contains`` takes an address."""
    prefix = netbox.prefix()
    network = prefix["prefix"]
    assert ids(netbox.found(PREFIXES, prefix=network)) == [prefix["id"]]
    for wrong in (f"{host(prefix, 1)}/24", host(prefix, 0), "garbage"):
        assert netbox.found(PREFIXES, prefix=wrong) == []
    assert prefix["id"] in ids(netbox.found(PREFIXES, contains=host(prefix, 7)))


def test_prefixes_lie_within_others(netbox: NetBox) -> None:
    """``within`` leaves out the outer one, ``within_include`` does not; depth and children are counted."""
    outer = netbox.prefix()
    inner = netbox.made(PREFIXES, {"prefix": outer["prefix"].replace("/24", "/26")})
    assert ids(netbox.found(PREFIXES, within=outer["prefix"])) == [inner["id"]]
    found = netbox.found(PREFIXES, within_include=outer["prefix"])
    assert ids(found) == [outer["id"], inner["id"]]
    assert (found[0]["children"], found[1]["_depth"] - found[0]["_depth"]) == (1, 1)


def test_prefixes_are_found_by_their_place(netbox: NetBox) -> None:
    """Site, VRF, tag, role, status."""
    site, vrf, tag = netbox.site(), netbox.vrf(), netbox.tag()
    name = unique("role")
    role = netbox.made("ipam/roles", {"name": name, "slug": name})
    fields = {"scope_type": "dcim.site", "scope_id": site["id"], "vrf": vrf["id"], "tags": [tag["id"]]}
    prefix = netbox.prefix(role=role["id"], status="container", **fields)
    for query in (
        {"site": site["slug"]},
        {"site_id": site["id"]},
        {"vrf_id": vrf["id"]},
        {"tag": tag["slug"]},
        {"role": name},
        {"role_id": role["id"], "status": "container", "mask_length": 24, "family": 4},
    ):
        assert ids(netbox.found(PREFIXES, **query)) == [prefix["id"]]
    assert prefix["scope"]["slug"] == site["slug"]


def test_the_name_of_a_machine_is_found_in_any_case(netbox: NetBox) -> None:
    """Unlike the name of an address."""
    machine = netbox.machine(name=unique("VM"))
    assert ids(netbox.found(MACHINES, name=machine["name"].swapcase())) == [machine["id"]]


def test_machines_are_found_by_cluster_and_claim(netbox: NetBox) -> None:
    """The cluster by id or name."""
    key = unique("key")
    machine = netbox.machine(custom_fields={KEY: key})
    assert ids(netbox.found(MACHINES, cf_berth_key=key)) == [machine["id"]]
    assert ids(netbox.found(MACHINES, cluster_id=machine["cluster"]["id"])) == [machine["id"]]
    assert ids(netbox.found(MACHINES, cluster=machine["cluster"]["name"])) == [machine["id"]]
