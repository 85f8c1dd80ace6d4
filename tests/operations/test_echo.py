"""As sent, and true: what NetBox normalises comes back as it was sent, what a human changed shows."""

import ipaddress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.domain.inventory import Address, Assignment, Reference
from app.ledger.records import Entry, State
from app.operations.echo import Route, show

BLUE, RED = Reference(1, "Blue Ones", "blue-ones"), Reference(2, "red", "red")
ADDRESS = Address(
    id=7,
    address=ipaddress.ip_interface("10.0.0.5/24"),
    vrf=Reference(3, "blue"),
    dns_name="web.example.com",
    description="text",
    status="active",
    role=None,
    tenant=Reference(9, "Platform Team", "platform"),
    tags=(BLUE, RED),
    custom_fields={"colour": "blue", "shade": None, "berth_key": "web"},
    key="web",
    owner="alice",
    assigned=None,
    url="https://netbox/7",
)
ENTRY = Entry(key="web", owner="alice", state=State.DONE, operation="op", family=4)


def field(name: str, sent: dict[str, Any], *, route: Route = Route(), **actual: Any) -> object:  # noqa: B008, ANN401 - frozen; fields of Address
    """One field of the answer to a request that sent this."""
    return getattr(show(ENTRY, replace(ADDRESS, **actual), sent, route), name)


@pytest.mark.parametrize(
    ("name", "sent", "shown"),
    [
        ("dns_name", "WEB.example.com", "WEB.example.com"),
        ("dns_name", "db.example.com", "web.example.com"),
        ("dns_name", None, "web.example.com"),
        ("description", " text ", " text "),
        ("description", "", "text"),
        ("tenant", "platform", "platform"),
        ("tenant", "Platform Team", "Platform Team"),
        ("tenant", 9, 9),
        ("tenant", "9", "9"),
        ("tenant", "research", "platform"),
        ("tenant", None, "platform"),
        ("tags", ["red", "blue-ones"], ("red", "blue-ones")),
        ("tags", ["Blue Ones", "red", "red"], ("Blue Ones", "red", "red")),
        ("tags", ["red"], ("blue-ones", "red")),
        ("tags", ["red", "blue-ones", "green"], ("blue-ones", "red")),
        ("tags", None, ("blue-ones", "red")),
        ("custom_fields", {"colour": "blue"}, {"colour": "blue"}),
        ("custom_fields", {"shade": None}, {"shade": None}),
        ("custom_fields", {"colour": "red"}, {"colour": "blue"}),
        ("custom_fields", None, {"colour": "blue"}),
        ("custom_fields", {}, {}),
        ("status", None, None),
        ("status", "active", "active"),
        ("status", "reserved", "active"),
        ("address", "10.0.0.5", "10.0.0.5"),
        ("address", "10.0.0.5/24", "10.0.0.5/24"),
        ("address", "10.0.0.5/25", "10.0.0.5/24"),
        ("address", "nonsense", "10.0.0.5/24"),
        ("address", None, "10.0.0.5/24"),
        ("prefix", 12, 12),
        ("prefix", None, "10.0.0.0/24"),
        ("ip_range", "10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"),
        ("vrf", "65000:3", "65000:3"),
        ("vrf", None, "blue"),
    ],
    ids=str,
)
def test_a_field_is_shown_as_sent_while_it_is_true(name: str, sent: object, shown: object) -> None:
    """Letter case, order, name or slug or id; else what NetBox holds."""
    assert field(name, {name: sent}) == shown


@pytest.mark.parametrize("empty", [None, ""])
@pytest.mark.parametrize(
    ("name", "actual"), [("dns_name", ""), ("description", ""), ("role", None), ("tenant", None)]
)
def test_null_and_empty_come_back_as_they_were_sent(name: str, actual: object, empty: str | None) -> None:
    """NetBox knows only one of the two."""
    changed: dict[str, Any] = {name: actual}
    shown = field(name, {name: empty}, **changed)
    assert shown == (None if name == "tenant" else empty)


@pytest.mark.parametrize(
    ("name", "empty", "filled"),
    [
        ("tags", {"tags": ()}, {"tags": (RED,)}),
        ("custom_fields", {"custom_fields": {"shade": None, "berth_key": "web"}}, {}),
        ("status", {"status": "active"}, {"status": "reserved"}),
    ],
)
def test_null_is_shown_while_nothing_is_there(
    name: str, empty: dict[str, Any], filled: dict[str, Any]
) -> None:
    """NetBox says [], {} and `active` to it; what a human writes there shows."""
    assert field(name, {name: None}, **empty) is None
    assert field(name, {name: None}, **filled) == field(name, {}, **filled) is not None


def test_only_an_edit_of_a_named_custom_field_shows() -> None:
    """Others may have defaults in NetBox; once a named one was changed, all that have a value are shown."""
    sent = {"custom_fields": {"colour": "blue"}}
    beside = {"colour": "blue", "height": 2}
    assert field("custom_fields", sent, custom_fields=beside) == {"colour": "blue"}
    edited = {"colour": "red", "height": 2}
    assert field("custom_fields", sent, custom_fields=edited) == edited
    assert field("custom_fields", {}, custom_fields=beside) == beside


def test_what_was_not_sent_is_shown_as_netbox_holds_it() -> None:
    """Tags by slug and sorted, fields without those that are empty and Berth's own."""
    shown = show(ENTRY, ADDRESS, {}, Route())
    assert (shown.tags, shown.custom_fields, shown.tenant) == (
        ("blue-ones", "red"),
        {"colour": "blue"},
        "platform",
    )
    assert (shown.prefix, shown.vrf, shown.netmask, shown.ip_range) == (
        "10.0.0.0/24",
        "blue",
        "255.255.255.0",
        None,
    )
    assert (shown.netbox_id, shown.netbox_url, shown.gateway) == ("7", "https://netbox/7", None)


def test_default_tags_do_not_show_where_they_were_not_sent() -> None:
    """Else the list would differ from what was sent for ever."""
    assert field("tags", {"tags": ["red"]}, route=Route(default_tags=("blue-ones",))) == ("red",)
    assert field("tags", {"tags": []}, route=Route(default_tags=("blue-ones",))) == ("blue-ones", "red")
    assert field("tags", {"tags": None}, route=Route(default_tags=("blue-ones", "red"))) is None
    assert field("tags", {}, route=Route(default_tags=("blue-ones",))) == ("blue-ones", "red")


def test_this_requests_words_go_before_those_of_the_last_write() -> None:
    """A GET has none of its own."""
    entry = replace(ENTRY, sent={"dns_name": "Web.example.com", "prefix": 12})
    assert show(entry, ADDRESS, {}, Route()).dns_name == "Web.example.com"
    assert show(entry, ADDRESS, {"dns_name": "WEB.example.com"}, Route()).dns_name == "WEB.example.com"
    assert show(entry, ADDRESS, {"dns_name": "x"}, Route()).prefix == 12


@pytest.mark.parametrize(
    ("assigned", "shown"),
    [
        (None, None),
        (
            Assignment("virtualization.vminterface", 1, "eth0", "vm", 2),
            {"virtual_machine": "vm", "interface": "eth0"},
        ),
        (Assignment("dcim.interface", 1, "eth0", "node", 2), {"device": "node", "interface": "eth0"}),
    ],
)
def test_an_assignment_shows_where(assigned: Assignment | None, shown: object) -> None:
    """The interface, and the machine or device above it."""
    assert field("assigned_to", {}, assigned=assigned) == shown


def test_a_hold_a_part_and_an_owner_show() -> None:
    """The end of a hold in UTC, the machine of a part, NetBox's owner before the ledger's."""
    until = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp()
    entry = replace(
        ENTRY, key="vm~0~v4~1", hold_until=until, hold_seconds=60, mac_address="52:54:00:12:34:56"
    )
    shown = show(
        entry, replace(ADDRESS, owner="bob"), {}, Route(ipaddress.ip_address("10.0.0.1"), ("10.0.0.53",))
    )
    assert (shown.state, shown.hold_until, shown.hold_seconds) == ("held", "2030-01-02T03:04:05Z", 60)
    assert (shown.part_of, shown.owner, shown.mac_address) == ("vm", "bob", "52:54:00:12:34:56")
    assert (shown.gateway, shown.dns_servers) == ("10.0.0.1", ("10.0.0.53",))
    assert show(ENTRY, replace(ADDRESS, owner=None, vrf=None), {}, Route()).owner == "alice"
