"""NetBox's JSON as domain values and back. The objects were recorded from NetBox 4.3.7 and 4.7.3."""

from __future__ import annotations

import copy
import ipaddress
import json

import pytest

from app.domain.errors import NetBoxNonsense
from app.domain.inventory import Assignment, Changes, Draft, Json, Reference, Vrf
from app.netbox import translate

LINKS = "https://netbox.example.com"
VRF: dict[str, Json] = {"id": 1, "url": "http://x/1/", "display": "v (65000:1)", "name": "v", "rd": "65000:1"}
ADDRESS: dict[str, Json] = json.loads(
    """{"id": 93, "url": "http://127.0.0.1:8437/api/ipam/ip-addresses/93/",
    "display_url": "http://127.0.0.1:8437/ipam/ip-addresses/93/", "display": "10.13.0.6/24",
    "family": {"value": 4, "label": "IPv4"}, "address": "10.13.0.6/24", "vrf": null, "tenant": null,
    "status": {"value": "active", "label": "Active"}, "role": null, "assigned_object_type": null,
    "assigned_object_id": null, "assigned_object": null, "nat_inside": null, "nat_outside": [],
    "dns_name": "er.x", "description": "", "comments": "", "tags": [],
    "custom_fields": {"berth_key": "k1", "berth_owner": "o1", "note": 5},
    "created": "2026-11-23T17:35:55.663725Z", "last_updated": "2026-11-23T17:35:55.663742Z"}"""
)
PREFIX: dict[str, Json] = json.loads(
    """{"id": 1, "url": "http://127.0.0.1:8437/api/ipam/prefixes/1/", "display": "10.1.0.0/24",
    "family": {"value": 4, "label": "IPv4"}, "prefix": "10.1.0.0/24", "vrf": null,
    "scope_type": "dcim.site", "scope_id": 1, "scope": {"id": 1, "name": "Site A", "slug": "site-a"},
    "tenant": null, "vlan": null, "status": {"value": "active", "label": "Active"}, "role": null,
    "is_pool": false, "mark_utilized": false, "description": "", "comments": "", "tags": [],
    "custom_fields": {}, "created": "2026-11-23T17:32:17.986346Z", "children": 2, "_depth": 0}"""
)
RANGE: dict[str, Json] = json.loads(
    """{"id": 1, "display": "10.9.0.1-10/24", "start_address": "10.9.0.1/24", "end_address": "10.9.0.10/24",
    "size": 10, "vrf": null, "tenant": null, "status": {"value": "active", "label": "Active"}, "role": null,
    "description": "", "comments": "", "tags": [], "custom_fields": {}, "mark_populated": true,
    "mark_utilized": false}"""
)


def with_(row: dict[str, Json], **changes: Json) -> dict[str, Json]:
    """A copy with other fields."""
    return {**copy.deepcopy(row), **changes}


def test_an_address_is_read_with_its_claim_apart() -> None:
    """Key and owner are fields of their own, other custom fields stay together."""
    row = translate.address(ADDRESS, LINKS, 'W/"1"')
    assert (row.id, str(row.address), row.key, row.owner) == (93, "10.13.0.6/24", "k1", "o1")
    assert (row.custom_fields, row.etag, row.status, row.role) == ({"note": 5}, 'W/"1"', "active", None)
    assert row.url == "https://netbox.example.com/ipam/ip-addresses/93/"
    assert row.created is not None
    assert row.created.year == 2026


@pytest.mark.parametrize("claim", [{}, {"berth_key": None, "berth_owner": None}, {"berth_key": ""}])
def test_no_claim_is_none_however_netbox_says_it(claim: Json) -> None:
    """Without the fields, with null, with an empty text."""
    assert translate.address(with_(ADDRESS, custom_fields=claim), LINKS).key is None


def test_what_an_address_belongs_to_is_read() -> None:
    """VRF, tenant, role and tags come nested."""
    row = translate.address(
        with_(
            ADDRESS,
            vrf=VRF,
            tenant={"id": 3, "name": "T", "slug": "t"},
            role={"value": "vip", "label": "VIP"},
            tags=[{"id": 4, "name": "A b", "slug": "a-b"}],
        ),
        LINKS,
    )
    assert (row.vrf_id, row.tenant, row.role) == (1, Reference(3, "T", "t"), "vip")
    assert row.tags == (Reference(4, "A b", "a-b"),)


VM: Json = {"id": 10, "name": "vmA"}
ASSIGNMENTS: list[tuple[str, Json, Assignment]] = [
    (
        "virtualization.vminterface",
        {"id": 7, "name": "eth0", "virtual_machine": VM},
        Assignment("virtualization.vminterface", 7, "eth0", "vmA", 10),
    ),
    (
        "dcim.interface",
        {"id": 7, "name": "Gi1", "device": {"id": 5, "name": None}},
        Assignment("dcim.interface", 7, "Gi1", "", 5),
    ),
    ("ipam.fhrpgroup", {"id": 7, "group_id": 1}, Assignment("ipam.fhrpgroup", 7)),
    ("x.y", None, Assignment("x.y", 7)),
]


@pytest.mark.parametrize(("kind", "inner", "expected"), ASSIGNMENTS)
def test_what_an_address_is_assigned_to_is_read(kind: str, inner: Json, expected: Assignment) -> None:
    """A VM's interface, a device's (devices may lack a name), an FHRP group, and what cannot be shown."""
    row = with_(ADDRESS, assigned_object_type=kind, assigned_object_id=7, assigned_object=inner)
    assert translate.address(row, LINKS).assigned == expected


def test_a_prefix_is_read_with_site_and_children() -> None:
    """`children` is in every full answer of both versions."""
    pool = translate.prefix(PREFIX, LINKS)
    assert (str(pool.network), pool.children, pool.site) == (
        "10.1.0.0/24",
        2,
        Reference(1, "Site A", "site-a"),
    )


def test_a_prefix_of_a_region_has_no_site() -> None:
    """A scope may be a region, a site group or a location too (NetBox >= 4.2)."""
    assert translate.prefix(with_(PREFIX, scope_type="dcim.region"), LINKS).site is None


def test_a_range_is_read_with_its_bounds() -> None:
    """Its network is the start address's."""
    pool = translate.ip_range(RANGE, LINKS)
    assert (str(pool.first), str(pool.last), str(pool.network)) == ("10.9.0.1", "10.9.0.10", "10.9.0.0/24")


def test_a_vrf_is_read_with_and_without_a_route_distinguisher() -> None:
    """It is optional in NetBox."""
    assert translate.vrf({**VRF, "enforce_unique": False}) == Vrf(1, "v", rd="65000:1", enforce_unique=False)
    assert translate.vrf({**VRF, "rd": None, "enforce_unique": True}).rd is None


def missing(row: dict[str, Json], *names: str) -> list[dict[str, Json]]:
    """The row without each of these fields."""
    return [{key: value for key, value in row.items() if key != name} for name in names]


MUTATED: list[Json] = [
    *missing(ADDRESS, "id", "address", "vrf", "dns_name", "description", "status", "role", "tags"),
    *missing(ADDRESS, "custom_fields", "tenant"),
    with_(ADDRESS, id="93"),
    with_(ADDRESS, id=True),
    with_(ADDRESS, address="10.13.0.6"),
    with_(ADDRESS, address="10.13.0.600/24"),
    with_(ADDRESS, address=None),
    with_(ADDRESS, vrf=5),
    with_(ADDRESS, vrf={"id": 1}),
    with_(ADDRESS, status="active"),
    with_(ADDRESS, status=None),
    with_(ADDRESS, role="vip"),
    with_(ADDRESS, tags={}),
    with_(ADDRESS, tags=["a"]),
    with_(ADDRESS, custom_fields=[]),
    with_(ADDRESS, custom_fields={"berth_key": 5}),
    with_(ADDRESS, assigned_object_type="dcim.interface", assigned_object_id=None),
    with_(ADDRESS, created="yesterday"),
    [],
    None,
]


@pytest.mark.parametrize("row", MUTATED)
def test_an_address_that_is_not_as_netbox_sends_it_is_refused(row: Json) -> None:
    """Guessing would hand out a wrong address."""
    with pytest.raises(NetBoxNonsense):
        translate.address(row, LINKS)


@pytest.mark.parametrize(
    "row",
    [
        *missing(PREFIX, "children", "is_pool", "prefix"),
        with_(PREFIX, is_pool="no"),
        with_(PREFIX, prefix="10.1.0.5/24"),
    ],
)
def test_a_prefix_that_is_not_as_netbox_sends_it_is_refused(row: Json) -> None:
    """A wrong number of children or a wrong network matters."""
    with pytest.raises(NetBoxNonsense):
        translate.prefix(row, LINKS)


@pytest.mark.parametrize("text", ["10.2.0.1/24", "2001:db8::1/64"])
def test_a_free_address_outside_its_prefix_is_refused(text: str) -> None:
    """NetBox would never list it."""
    with pytest.raises(NetBoxNonsense):
        translate.available({"address": text}, ipaddress.ip_network("10.1.0.0/24"))


def test_a_draft_carries_its_claim_beside_other_custom_fields() -> None:
    """And leaves out what it does not have."""
    draft = Draft(key="k", owner="o", dns_name="A.x", custom_fields={"note": "n"}, tag_ids=(4,), message="m")
    assert translate.payload(draft, message=True) == {
        "dns_name": "A.x",
        "description": "",
        "status": "active",
        "tags": [4],
        "custom_fields": {"note": "n", "berth_key": "k", "berth_owner": "o"},
        "changelog_message": "m",
    }


def test_a_draft_without_a_key_makes_no_claim() -> None:
    """Not even by way of its custom fields."""
    draft = Draft(key="", owner="o", custom_fields={"berth_key": "stolen", "note": 1}, message="m")
    sent = translate.payload(draft, message=False)
    assert sent["custom_fields"] == {"note": 1}
    assert "changelog_message" not in sent


def test_a_whole_draft_is_sent_whole() -> None:
    """Address, role, tenant and interface."""
    draft = Draft(
        key="k",
        owner="o",
        address=ipaddress.ip_interface("10.0.0.9/24"),
        role="loopback",
        tenant_id=3,
        assigned_type="virtualization.vminterface",
        assigned_id=7,
    )
    sent = translate.payload(draft, message=True)
    assert sent["address"] == "10.0.0.9/24"
    assert (sent["role"], sent["tenant"]) == ("loopback", 3)
    assert (sent["assigned_object_type"], sent["assigned_object_id"]) == ("virtualization.vminterface", 7)


CHANGES: list[tuple[Changes, dict[str, Json]]] = [
    (Changes(), {}),
    (Changes(dns_name="", description="x"), {"dns_name": "", "description": "x"}),
    (Changes(role="", tenant_id=0, tag_ids=()), {"role": None, "tenant": None, "tags": []}),
    (Changes(role="vip", tenant_id=3, tag_ids=(1, 2)), {"role": "vip", "tenant": 3, "tags": [1, 2]}),
    (Changes(claim=("", "")), {"custom_fields": {"berth_key": None, "berth_owner": None}}),
    (
        Changes(claim=("k", "o"), custom_fields={"berth_key": "z", "n": None}),
        {"custom_fields": {"n": None, "berth_key": "k", "berth_owner": "o"}},
    ),
    (
        Changes(assigned=("dcim.interface", 3)),
        {"assigned_object_type": "dcim.interface", "assigned_object_id": 3},
    ),
    (Changes(assigned=("", 0)), {"assigned_object_type": None, "assigned_object_id": None}),
    (Changes(custom_fields={"berth_key": "z"}), {}),
    (Changes(status="deprecated", message="m"), {"status": "deprecated", "changelog_message": "m"}),
]


@pytest.mark.parametrize(("changes", "sent"), CHANGES)
def test_changes_send_only_what_changes(changes: Changes, sent: dict[str, Json]) -> None:
    """None is left alone, an empty value clears, and a claim is never changed by the way."""
    assert translate.patch(changes, message=True) == sent


def test_messages_are_left_out_where_netbox_keeps_none() -> None:
    """Before 4.4.0."""
    assert translate.patch(Changes(message="m"), message=False) == {}
