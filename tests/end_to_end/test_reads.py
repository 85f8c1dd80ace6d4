"""What can be read: lists with their cursors, NetBox's inventory, names, the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.program import refusal
from tests.end_to_end.spaces import PLAIN_V6, Spaces, hosts, key

if TYPE_CHECKING:
    from tests.end_to_end.program import Desk


def pages(desk: Desk, path: str, **query: str) -> list[dict[str, Any]]:
    """Read a list to its end."""
    items: list[dict[str, Any]] = []
    while True:
        answer = desk.list(path, **query)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        if answer.json()["next"] is None:
            return items
        query["cursor"] = answer.json()["next"]


def test_a_list_is_read_page_by_page_in_order_of_key(alice: Desk, spaces: Spaces) -> None:
    """Every item is what GET shows, each once."""
    prefix = spaces.prefix()
    made = {each: alice.made({"key": each, "prefix": prefix}) for each in (key() for _ in range(5))}
    listed = pages(alice, "allocations", prefix=prefix, limit="2")
    assert listed == [made[each] for each in sorted(made)]


def test_the_filters_of_a_list_are_exact_and_hold_together(alice: Desk, spaces: Spaces) -> None:
    """By name in whatever case, by address with and without its mask."""
    prefix, name = spaces.prefix(), spaces.name()
    wanted = alice.made({"key": key(), "prefix": prefix, "dns_name": name})
    alice.made({"key": key(), "prefix": prefix, "dns_name": spaces.name()})
    for query in (
        {"dns_name": name.upper()},
        {"address": wanted["ip"], "prefix": prefix},
        {"address": wanted["address"], "owner": "alice", "state": "active"},
    ):
        assert pages(alice, "allocations", **query) == [wanted], query
    assert pages(alice, "allocations", dns_name=name, prefix="10.0.0.0/8") == []


def test_only_an_operator_sees_what_others_own(
    alice: Desk, bob: Desk, operator: Desk, spaces: Spaces
) -> None:
    """In lists and in the audit log."""
    prefix, name = spaces.prefix(), key()
    alice.made({"key": name, "prefix": prefix})
    seen = [
        [item["key"] for item in pages(desk, "allocations", prefix=prefix)] for desk in (alice, bob, operator)
    ]
    assert seen == [[name], [], [name]]
    assert pages(bob, "allocations", owner="alice") == []
    assert [len(pages(desk, "audit", key=name)) for desk in (alice, bob, operator)] == [2, 0, 2]


def test_a_cursor_from_elsewhere_is_refused(alice: Desk) -> None:
    """Instead of starting over."""
    for path in ("allocations", "prefixes", "audit"):
        assert refusal(alice.list(path, cursor="bm90aGluZw!")) == (422, "invalid_request")


def test_a_prefix_tells_how_full_it_is(alice: Desk, spaces: Spaces) -> None:
    """As a form shows it to choose from."""
    site, vrf = spaces.netbox.site(), spaces.netbox.vrf()
    row = spaces.made(
        scope_type="dcim.site", scope_id=site["id"], vrf=vrf["id"], tags=[spaces.netbox.tag()["id"]]
    )
    for _ in range(7):
        alice.made({"key": key(), "prefix": row["id"]})
    shown = alice.list(f"prefixes/{row['id']}").json()
    assert (shown["id"], shown["prefix"], shown["vrf"]) == (str(row["id"]), row["prefix"], vrf["name"])
    assert (shown["size"], shown["used"], shown["free"], shown["utilization"]) == (14, 7, 7, 50.0)
    tag = row["tags"][0]["slug"]
    for query in ({"site": site["slug"]}, {"tag": tag}, {"vrf": vrf["name"]}, {"q": row["prefix"]}):
        assert [item["id"] for item in pages(alice, "prefixes", **query)] == [str(row["id"])], query
    assert pages(alice, "prefixes", site=site["slug"], vrf="null") == []


def test_a_huge_prefix_has_no_exact_size(alice: Desk, spaces: Spaces) -> None:
    """Beyond 2^53 a JSON number would lie."""
    row = spaces.made(PLAIN_V6, 64)
    shown = alice.list(f"prefixes/{row['id']}").json()
    assert (shown["size"], shown["free"], shown["used"], shown["family"]) == (None, None, 0, 6)


def test_a_preview_shows_the_next_addresses_and_takes_none(alice: Desk, spaces: Spaces) -> None:
    """The same list twice."""
    row = spaces.made()
    answers = [alice.list(f"prefixes/{row['id']}/available-ips", limit="3") for _ in range(2)]
    expected = [f"{host}/28" for host in hosts(str(row["prefix"]))[:3]]
    assert [answer.json()["items"] for answer in answers] == [expected, expected]
    assert refusal(alice.list("prefixes/999999999")) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "maker"),
    [
        ("vrfs", "vrf"),
        ("sites", "site"),
        ("tenants", "tenant"),
        ("clusters", "cluster"),
        ("tags", "tag"),
        ("platforms", "dcim/platforms"),
        ("roles", "ipam/roles"),
    ],
)
def test_a_form_finds_what_it_offers(alice: Desk, spaces: Spaces, path: str, maker: str) -> None:
    """By a part of its name; the id is a string."""
    if "/" in maker:
        name = key()
        row = spaces.netbox.made(maker, {"name": name, "slug": name})
    else:
        row = getattr(spaces.netbox, maker)()
    [offer] = pages(alice, path, q=str(row["name"]))
    assert (offer["id"], offer["name"]) == (str(row["id"]), row["name"])
    assert len(alice.list(path, limit="1").json()["items"]) == 1


def test_a_name_is_checked_without_a_write(alice: Desk, spaces: Spaces) -> None:
    """Every violation at once; 200 whatever it comes to."""
    good = alice.call("POST", "/api/v1/names/check", json={"dns_name": "docker-01-nexus.ships.test"})
    bad = alice.call(
        "POST", "/api/v1/names/check", json={"dns_name": "Docker_1.ships.test", "prefix": spaces.prefix()}
    )
    nothing = {"valid": True, "violations": [], "warnings": [], "suggestion": None}
    assert (good.status_code, good.json()) == (200, nothing)
    assert (bad.status_code, bad.json()["valid"]) == (200, False)
    assert {violation["pointer"] for violation in bad.json()["violations"]} == {"/dns_name"}


def test_the_audit_log_holds_intent_outcome_and_refusal(alice: Desk, spaces: Spaces) -> None:
    """Who, what, where, decided how; chained to the record before."""
    prefix, name = spaces.prefix(), key()
    made = alice.made({"key": name, "prefix": prefix, "requested_by": "Ann", "reference": "T-1"})
    alice.post({"key": name, "prefix": "198.51.100.0/24"})
    alice.delete(name)
    events = pages(alice, "audit", key=name)
    assert [(event["event"], event["action"]) for event in events] == [
        *(("intent", "allocate"), ("outcome", "allocate"), ("denied", "allocate")),
        *(("intent", "release"), ("outcome", "release")),
    ]
    intent, outcome, denied = events[:3]
    assert (intent["requested_by"], intent["reference"], intent["prefix"]) == ("Ann", "T-1", prefix)
    assert (outcome["decision"], outcome["address"]) == ("allocated", made["address"])
    assert (denied["reason"], denied["owner"]) == ("key_conflict", "alice")
    assert outcome["operation"] == intent["operation"]


def test_the_change_in_netbox_s_own_log_names_the_request(alice: Desk, spaces: Spaces) -> None:
    """From NetBox's change log into Berth's audit log and back."""
    name = key()
    asked = {"key": name, "prefix": spaces.prefix(), "requested_by": "Ann", "reference": "T-1"}
    made = alice.made(asked)
    changes = spaces.netbox.found("core/object-changes", changed_object_id=made["netbox_id"], action="create")
    [change] = [each for each in changes if each["changed_object_type"] == "ipam.ipaddress"]
    [outcome] = [event for event in pages(alice, "audit", key=name) if event["event"] == "outcome"]
    assert outcome["netbox_request_id"] == change["request_id"]
    assert f"allocate {name} for alice, requested by Ann, reference T-1" in change["message"]
