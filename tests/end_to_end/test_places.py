"""Where an address may come from, and what is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.conftest import TOKENS
from tests.end_to_end.program import Desk, refusal
from tests.end_to_end.spaces import OPEN, PLAIN_V6, ROUTED, UNRECORDED, Spaces, hosts, key

if TYPE_CHECKING:
    from tests.end_to_end.program import Program


def test_the_same_prefix_in_two_vrfs_is_refused_with_the_candidates(alice: Desk, spaces: Spaces) -> None:
    """And allocated from once the VRF is named, in whatever way."""
    first, second = spaces.netbox.vrf(), spaces.netbox.vrf()
    prefix = spaces.prefix(vrf=first["id"])
    other = spaces.netbox.made("ipam/prefixes", {"prefix": prefix, "vrf": second["id"]})
    answer = alice.post({"key": key(), "prefix": prefix})
    assert refusal(answer) == (422, "prefix_ambiguous")
    details = " ".join(error["detail"] for error in answer.json()["errors"])
    assert {str(first["name"]) in details, str(second["name"]) in details} == {True}
    shown = [
        alice.made({"key": key(), "prefix": prefix, "vrf": form})
        for form in (second["name"], second["rd"], second["id"], str(second["id"]))
    ]
    by_id = alice.made({"key": key(), "prefix": other["id"]})
    assert [answer["ip"] for answer in [*shown, by_id]] == hosts(prefix)[:5]
    assert {row["vrf"]["id"] for row in spaces.inside(prefix)} == {second["id"]}
    assert by_id["vrf"] == second["name"]


def test_null_is_the_global_table(alice: Desk, spaces: Spaces) -> None:
    """It tells a prefix there from one with the same CIDR in a VRF."""
    prefix = spaces.prefix()
    spaces.netbox.made("ipam/prefixes", {"prefix": prefix, "vrf": spaces.netbox.vrf()["id"]})
    shown = alice.made({"key": key(), "prefix": prefix, "vrf": None})
    assert spaces.read(shown["netbox_id"])["vrf"] is None


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"status": "container"}, "container"),
        ({"status": "deprecated"}, "deprecated"),
        ({"mark_utilized": True}, "utilized"),
    ],
)
def test_a_closed_prefix_is_refused_with_the_line_that_opens_it(
    alice: Desk, spaces: Spaces, fields: dict[str, Any], word: str
) -> None:
    """NetBox itself would hand out its addresses."""
    prefix = spaces.prefix(**fields)
    answer = alice.post({"key": key(), "prefix": prefix})
    assert refusal(answer) == (409, "prefix_closed")
    assert f"prefixes: [{{prefix: {prefix}, allow: [{word}]}}]" in answer.json()["detail"]
    assert spaces.inside(prefix) == []


def test_a_prefix_with_children_is_refused_unless_the_policy_opens_it(alice: Desk, spaces: Spaces) -> None:
    """Its addresses may be the children's."""
    closed, opened = spaces.prefix(), spaces.prefix(OPEN)
    for prefix in (closed, opened):
        spaces.netbox.made("ipam/prefixes", {"prefix": f"{hosts(prefix)[7]}/29"})
    answer = alice.post({"key": key(), "prefix": closed})
    assert refusal(answer) == (409, "prefix_closed")
    assert "allow: [children]" in answer.json()["detail"]
    assert alice.made({"key": key(), "prefix": opened})["ip"] == hosts(opened)[0]


def test_an_explicit_address_is_taken_or_refused(alice: Desk, spaces: Spaces) -> None:
    """Never replaced by another one."""
    prefix = spaces.prefix()
    wanted = hosts(prefix)[6]
    assert alice.made({"key": key(), "prefix": prefix, "address": wanted})["ip"] == wanted
    answer = alice.post({"key": key(), "prefix": prefix, "address": f"{wanted}/28"})
    assert refusal(answer) == (409, "address_taken")
    assert len(spaces.inside(prefix)) == 1


def test_an_explicit_address_needs_no_prefix(alice: Desk, spaces: Spaces) -> None:
    """It lies in the most specific one."""
    prefix = spaces.prefix()
    shown = alice.made({"key": key(), "address": hosts(prefix)[2]})
    assert (shown["prefix"], shown["prefix_length"]) == (prefix, 28)


def test_an_address_that_no_host_can_have_is_refused(alice: Desk, spaces: Spaces) -> None:
    """Outside of the prefix, its network address, its broadcast address."""
    prefix = spaces.prefix()
    network = prefix.partition("/")[0]
    for address in ("198.51.100.1", network):
        answer = alice.post({"key": key(), "prefix": prefix, "address": address})
        assert refusal(answer) == (422, "address_outside_prefix")
    assert spaces.inside(prefix) == []


def test_concurrent_requests_for_one_address_have_one_winner(alice: Desk, spaces: Spaces) -> None:
    """The rest is told that it is taken."""
    prefix = spaces.prefix()
    body = {"prefix": prefix, "address": hosts(prefix)[3]}
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _number: alice.post({**body, "key": key()}), range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"address_taken"}
    assert len(spaces.inside(prefix)) == 1


def test_the_gateway_is_recorded_and_never_handed_out(alice: Desk, spaces: Spaces) -> None:
    """Status reserved, no role, no claim; the first caller gets the address after it."""
    prefix = spaces.prefix(ROUTED)
    shown = alice.made({"key": key(), "prefix": prefix})
    gateway = hosts(prefix)[0]
    [row] = [row for row in spaces.inside(prefix) if row["address"] == f"{gateway}/28"]
    assert (shown["ip"], row["status"]["value"], row["role"]) == (hosts(prefix)[1], "reserved", None)
    assert row["custom_fields"]["berth_key"] is None
    answer = alice.post({"key": key(), "prefix": prefix, "address": gateway})
    assert refusal(answer) == (409, "address_is_gateway")


def test_a_gateway_that_may_not_be_recorded_is_refused(alice: Desk, spaces: Spaces) -> None:
    """Until somebody records it."""
    prefix = spaces.prefix(UNRECORDED)
    body = {"key": key(), "prefix": prefix}
    answer = alice.post(body)
    assert refusal(answer) == (409, "gateway_unrecorded")
    assert (hosts(prefix)[0] in answer.json()["detail"], spaces.inside(prefix)) == (True, [])
    spaces.address(f"{hosts(prefix)[0]}/28")
    assert alice.made(body)["ip"] == hosts(prefix)[1]


def test_a_whole_prefix_is_handed_out_without_its_gateway(alice: Desk, spaces: Spaces) -> None:
    """Fourteen hosts less the gateway, whoever asks for them at once."""
    prefix = spaces.prefix(ROUTED)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _number: alice.post({"key": key(), "prefix": prefix}), range(16)))
    served = {answer.json()["ip"] for answer in answers if answer.status_code == 200}
    assert served == set(hosts(prefix)[1:])


@pytest.mark.parametrize(("length", "room"), [(29, 6), (30, 2), (31, 2), (32, 1)])
def test_a_prefix_that_runs_out_serves_as_many_as_there_is_room_for(
    alice: Desk, spaces: Spaces, length: int, room: int
) -> None:
    """The rest gets 409; what is released can be had again."""
    prefix, keys = spaces.prefix(length=length), [key() for _ in range(10)]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda each: alice.post({"key": each, "prefix": prefix}), keys))
    served = [answer.json() for answer in answers if answer.status_code == 200]
    refused = [refusal(answer) for answer in answers if answer.status_code != 200]
    assert refused == [(409, "prefix_exhausted")] * (10 - room)
    assert len({answer["address"] for answer in served}) == room == len(spaces.inside(prefix))
    alice.delete(served[0]["key"])
    assert alice.made({"key": key(), "prefix": prefix})["address"] == served[0]["address"]


def test_an_ip_range_hands_out_its_addresses_only(alice: Desk, spaces: Spaces) -> None:
    """By its bounds or by its id."""
    prefix = spaces.prefix()
    first, last = hosts(prefix)[4], hosts(prefix)[5]
    row = spaces.netbox.made("ipam/ip-ranges", {"start_address": f"{first}/28", "end_address": f"{last}/28"})
    written = f"{first}-{last}"
    shown = [alice.made({"key": key(), "ip_range": form}) for form in (written, row["id"])]
    assert [(answer["ip"], answer["ip_range"]) for answer in shown] == [(first, written), (last, row["id"])]
    assert refusal(alice.post({"key": key(), "ip_range": written})) == (409, "prefix_exhausted")


def test_ipv6_has_a_gateway_less_prefix_of_its_own(alice: Desk, spaces: Spaces) -> None:
    """A /64 hands out ::1 first."""
    prefix = spaces.prefix(PLAIN_V6, 64)
    shown = alice.made({"key": key(), "prefix": prefix, "family": 6})
    assert (shown["ip"], shown["prefix_length"]) == (f"{prefix.partition('::')[0]}::1", 64)
    answer = alice.post({"key": key(), "prefix": prefix, "family": 4})
    assert refusal(answer) == (422, "invalid_request")


def test_a_role_that_lets_addresses_coexist_is_refused(alice: Desk, spaces: Spaces) -> None:
    """NetBox would give one address to several owners."""
    answer = alice.post({"key": key(), "prefix": spaces.prefix(), "role": "vip"})
    assert refusal(answer) == (422, "shared_role")


def test_an_unknown_name_is_refused_with_near_matches(own: Program, spaces: Spaces) -> None:
    """Tags, tenants and VRFs; nothing is left behind. A fresh Berth remembers no older list of names."""
    desk, prefix = Desk(own.url, TOKENS["alice"]), spaces.prefix()
    fields = {"tags": "tag", "tenant": "tenant", "vrf": "vrf"}
    real = {field: str(getattr(spaces.netbox, maker)()["name"]) for field, maker in fields.items()}
    own.start()
    for field, name in real.items():
        wrong = name[:-1] + ("0" if name[-1] != "0" else "1")
        answer = desk.post({"key": key(), "prefix": prefix, field: [wrong] if field == "tags" else wrong})
        assert refusal(answer) == (422, "unknown_reference")
        [error] = answer.json()["errors"]
        assert error["pointer"] == ("/tags/0" if field == "tags" else f"/{field}")
        assert f"{wrong!r}; did you mean " in error["detail"]
        assert name.lower() in error["detail"].partition("did you mean ")[2]
    assert spaces.inside(prefix) == []


def test_an_unknown_filter_is_refused_with_near_matches(own: Program, spaces: Spaces) -> None:
    """Of the list of prefixes: instead of an empty list, which would say that there are none."""
    desk = Desk(own.url, TOKENS["alice"])
    real = {word: str(getattr(spaces.netbox, word)()["name"]) for word in ("site", "tag", "vrf")}
    own.start()
    for word, name in real.items():
        answer = desk.list("prefixes", **{word: f"{name}x"})
        assert refusal(answer) == (422, "unknown_reference")
        assert name.lower() in answer.json()["errors"][0]["detail"].partition("did you mean ")[2]


def test_a_closed_prefix_gives_no_address_by_name_either(alice: Desk, spaces: Spaces) -> None:
    """NetBox would: it allocates from deprecated and fully used prefixes, and takes any address in them."""
    for fields in ({"status": "deprecated"}, {"mark_utilized": True}, {"status": "container"}):
        row = spaces.made(**fields)
        for body in ({}, {"address": hosts(str(row["prefix"]))[3]}):
            answer = alice.post({"key": key(), "prefix": row["prefix"], **body})
            assert refusal(answer) == (409, "prefix_closed")
        shown = alice.list(f"prefixes/{row['id']}").json()
        assert (shown["open"], bool(shown["closed_because"])) == (False, True)
        assert refusal(alice.list(f"prefixes/{row['id']}/available-ips")) == (409, "prefix_closed")


def test_those_who_came_first_get_what_is_left(own: Program, spaces: Spaces) -> None:
    """Nothing is known yet of NetBox, and a batch asks for more than a /29 has.

    Whose checks are done first goes at once, so that one of the first may still find itself behind another.
    """
    prefix = spaces.prefix(length=29)
    own.start()
    items = [{"key": key(), "prefix": prefix} for _ in range(9)]
    answer = Desk(own.url, TOKENS["alice"]).call("POST", "/api/v1/allocations/batch", json={"items": items})
    statuses = [item["status"] for item in answer.json()["items"]]
    assert sorted(statuses) == [200] * 6 + [409] * 3
    assert statuses[:6].count(200) >= 5


def test_a_prefix_that_is_made_later_is_found_at_once(alice: Desk, spaces: Spaces) -> None:
    """That there was none is not remembered."""
    prefix = spaces.made()
    spaces.netbox.delete(f"ipam/prefixes/{prefix['id']}")
    body = {"key": key(), "prefix": prefix["prefix"]}
    assert refusal(alice.post(body)) == (422, "prefix_not_found")
    spaces.netbox.made("ipam/prefixes", {"prefix": prefix["prefix"]})
    assert alice.made(body)["prefix"] == prefix["prefix"]


def test_a_repeat_is_answered_after_its_prefix_is_gone(alice: Desk, spaces: Spaces) -> None:
    """A deleted prefix must not break what exists."""
    prefix, name = spaces.made(), key()
    body = {"key": name, "prefix": prefix["prefix"]}
    made = alice.post(body)
    spaces.netbox.delete(f"ipam/prefixes/{prefix['id']}")
    answers = (alice.post(body), alice.put(name, {"prefix": prefix["prefix"]}), alice.get(name))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, made.content)}
