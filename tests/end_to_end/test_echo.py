"""What was sent comes back as it was sent, and what NetBox holds is shown truthfully."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.spaces import DEFAULT_TAG, PLAIN_V6, ROUTED, Spaces, hosts, key, mask

if TYPE_CHECKING:
    from tests.contract.client import Row
    from tests.end_to_end.program import Desk

MEMBERS = (
    *("key", "state", "address", "ip", "prefix_length", "family", "prefix", "ip_range", "vrf", "gateway"),
    *("netmask", "dns_name", "name_pattern", "dns_servers", "description", "status", "role", "tenant"),
    *("tags", "custom_fields", "mac_address", "assigned_to", "assign_to", "part_of"),
    *("hold_seconds", "hold_until"),
    *("owner", "requested_by", "reference", "netbox_id", "netbox_url"),
)


def both(desk: Desk, body: dict[str, Any]) -> dict[str, Any]:
    """PUT a body and return the answer, which GET has to give too."""
    name = key()
    written = desk.put(name, body)
    assert written.status_code == 201, written.text
    assert desk.get(name).content == written.content
    allocation: dict[str, Any] = written.json()
    return allocation


def test_the_answer_is_flat_and_has_every_member(alice: Desk, spaces: Spaces) -> None:
    """`try(jsondecode(...).address, null)` is how people read it."""
    prefix = spaces.prefix()
    shown = alice.made({"key": key(), "prefix": prefix})
    assert tuple(shown) == MEMBERS
    assert (shown["ip"], shown["prefix_length"], shown["family"]) == (hosts(prefix)[0], 28, 4)
    assert (shown["netmask"], shown["state"], shown["owner"]) == ("255.255.255.240", "active", "alice")


def test_ids_are_strings(alice: Desk, spaces: Spaces) -> None:
    """A provider prints 1234567 as 1.234567e+06."""
    shown = alice.made({"key": key(), "prefix": spaces.prefix()})
    assert shown["netbox_id"].isdigit()
    assert shown["netbox_url"].endswith(f"/ipam/ip-addresses/{shown['netbox_id']}/")


def test_the_case_of_a_name_comes_back(alice: Desk, spaces: Spaces) -> None:
    """NetBox holds it in lower case: a drift that plagues its providers."""
    name = spaces.name().upper()
    shown = both(alice, {"prefix": spaces.prefix(), "dns_name": name})
    assert shown["dns_name"] == name
    assert spaces.read(shown["netbox_id"])["dns_name"] == name.lower()


def test_the_order_of_tags_comes_back(alice: Desk, spaces: Spaces) -> None:
    """NetBox sorts them; a list that comes back in another order is a diff."""
    tags = sorted((spaces.netbox.tag() for _ in range(3)), key=lambda tag: str(tag["name"]), reverse=True)
    sent = [tags[0]["slug"], tags[1]["name"], tags[2]["slug"]]
    shown = both(alice, {"prefix": spaces.prefix(), "tags": sent})
    assert shown["tags"] == sent
    assert {tag["slug"] for tag in spaces.read(shown["netbox_id"])["tags"]} == {tag["slug"] for tag in tags}


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ({}, {"description": "", "tags": [], "tenant": None, "role": None, "mac_address": None}),
        ({"description": None, "tags": None}, {"description": None, "tags": None}),
        ({"status": None, "custom_fields": None}, {"status": None, "custom_fields": None}),
        ({"description": "", "tags": []}, {"description": "", "tags": []}),
        ({"dns_name": None, "role": None}, {"dns_name": None, "role": None}),
        ({"description": "  spaces  "}, {"description": "  spaces  "}),
        ({"mac_address": "52-54-00-AB-CD-EF"}, {"mac_address": "52-54-00-AB-CD-EF"}),
        ({"requested_by": "Ann", "reference": "T-1"}, {"requested_by": "Ann", "reference": "T-1"}),
        ({"status": "reserved", "role": "loopback"}, {"status": "reserved", "role": "loopback"}),
    ],
)
def test_null_empty_and_absent_are_told_apart(
    alice: Desk, spaces: Spaces, sent: dict[str, Any], shown: dict[str, Any]
) -> None:
    """What was sent as null comes back as null, what was sent empty comes back empty."""
    answer = both(alice, {"prefix": spaces.prefix(), **sent})
    assert {name: answer[name] for name in shown} == shown


def test_a_prefix_comes_back_as_it_was_written(alice: Desk, spaces: Spaces) -> None:
    """As CIDR, as an id in digits, as a number."""
    prefix = spaces.made()
    forms = (prefix["prefix"], str(prefix["id"]), prefix["id"])
    assert [both(alice, {"prefix": form})["prefix"] for form in forms] == list(forms)


def test_an_address_without_a_mask_comes_back_without_one(alice: Desk, spaces: Spaces) -> None:
    """`ip` and `prefix_length` say the rest."""
    prefix = spaces.prefix()
    wanted = hosts(prefix)[4]
    shown = both(alice, {"prefix": prefix, "address": wanted})
    assert (shown["address"], shown["ip"], shown["prefix_length"]) == (wanted, wanted, 28)
    assert spaces.read(shown["netbox_id"])["address"] == f"{wanted}/28"


def test_an_ipv6_prefix_comes_back_as_it_was_written(alice: Desk, spaces: Spaces) -> None:
    """In capitals, with its zeros."""
    prefix = spaces.prefix(PLAIN_V6, 120)
    written = prefix.upper()
    shown = both(alice, {"prefix": written})
    assert (shown["prefix"], shown["family"], shown["ip"]) == (written, 6, hosts(prefix)[0])
    assert shown["netmask"].startswith("ffff:")


def test_a_tenant_comes_back_by_the_word_that_was_sent(alice: Desk, spaces: Spaces) -> None:
    """Name, slug or id."""
    tenant = spaces.netbox.tenant()
    prefix = spaces.prefix()
    forms = (tenant["name"], tenant["slug"], str(tenant["id"]))
    shown = [both(alice, {"prefix": prefix, "tenant": form}) for form in forms]
    assert [answer["tenant"] for answer in shown] == list(forms)
    assert spaces.read(shown[0]["netbox_id"])["tenant"]["id"] == tenant["id"]


@pytest.fixture
def note(spaces: Spaces) -> Row:
    """A custom field of text, on addresses."""
    path, name = "extras/custom-fields", "end_to_end_note"
    found = spaces.netbox.found(path, name=name)
    fields = {"name": name, "type": "text", "object_types": ["ipam.ipaddress"]}
    return found[0] if found else spaces.netbox.made(path, fields)


def test_custom_fields_come_back(alice: Desk, spaces: Spaces, note: Row) -> None:
    """Those that were sent; Berth's own are not among them."""
    sent = {note["name"]: "Rack 7, left"}
    shown = both(alice, {"prefix": spaces.prefix(), "custom_fields": sent})
    assert shown["custom_fields"] == sent
    assert spaces.read(shown["netbox_id"])["custom_fields"][note["name"]] == "Rack 7, left"


def test_default_tags_are_given_unasked_and_do_not_disturb_the_echo(alice: Desk, spaces: Spaces) -> None:
    """The policy adds them by domain; what was sent still comes back as it was sent."""
    tag = spaces.netbox.tag()["slug"]
    shown = both(alice, {"prefix": spaces.prefix(), "dns_name": spaces.name("tagged.test"), "tags": [tag]})
    assert shown["tags"] == [tag]
    held = {each["slug"] for each in spaces.read(shown["netbox_id"])["tags"]}
    assert held == {tag, DEFAULT_TAG}


def test_gateway_and_name_servers_come_from_the_policy(alice: Desk, spaces: Spaces) -> None:
    """NetBox has no field for them."""
    prefix = spaces.prefix(ROUTED)
    shown = both(alice, {"prefix": prefix})
    assert (shown["gateway"], shown["ip"]) == (hosts(prefix)[0], hosts(prefix)[1])
    assert shown["dns_servers"] == ["172.20.0.53", "172.20.0.54"]
    assert mask(shown["address"]) == "28"
