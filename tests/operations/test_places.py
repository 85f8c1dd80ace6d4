"""Where an address comes from: the words of a request, and what stands against them."""

import ipaddress
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.domain import errors
from app.domain.commands import Caller
from app.domain.errors import BerthError, KeyConflict, PrefixAmbiguous, PrefixClosed, UnknownReference
from app.domain.policy import PrefixSection
from app.emulator import Emulator, create_app
from tests.operations.conftest import (
    INSIDE,
    LAB,
    POLICY,
    SIX,
    SMALL,
    Desk,
    Stage,
    ask,
    close_desk,
    copied,
    make_desk,
    wish,
)


def at(text: str) -> dict[str, Any]:
    """An address as it is sent, with or without a mask."""
    return {"address": ipaddress.ip_interface(text), "address_has_mask": "/" in text}


def furnish(url: str) -> dict[str, int]:
    """Places beyond the demonstration's; their ids by name."""
    made = {
        "point": ("ipam/prefixes/", {"prefix": "10.1.0.0/31"}),
        "host": ("ipam/prefixes/", {"prefix": "10.1.1.1/32"}),
        "pool": ("ipam/prefixes/", {"prefix": "10.1.2.0/29", "is_pool": True}),
        "old": ("ipam/prefixes/", {"prefix": "10.1.3.0/24", "status": "deprecated"}),
        "used": ("ipam/prefixes/", {"prefix": "10.1.4.0/24", "mark_utilized": True}),
        "parent": ("ipam/prefixes/", {"prefix": "10.2.0.0/16"}),
        "child": ("ipam/prefixes/", {"prefix": "10.2.3.0/24"}),
        "range": ("ipam/ip-ranges/", {"start_address": "192.168.4.50/24", "end_address": "192.168.4.59/24"}),
        "twin": ("ipam/vrfs/", {"name": "management", "rd": "65000:98"}),
    }
    return {name: ask(url, "POST", path, body)["id"] for name, (path, body) in made.items()}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"prefix": LAB}, "192.168.4.2/24"),
        ({"prefix": SIX}, "fd00:3::2/64"),
        ({"prefix": INSIDE}, "10.99.0.2/24"),
        ({"prefix": INSIDE, "vrf": "65000:99"}, "10.99.0.2/24"),
        ({"prefix": LAB, "vrf": None}, "192.168.4.2/24"),
        ({"prefix": LAB, "family": 4}, "192.168.4.2/24"),
        (at("192.168.4.9"), "192.168.4.9"),
        (at("192.168.4.9/24"), "192.168.4.9/24"),
        ({"prefix": SIX, **at("fd00:3::9")}, "fd00:3::9"),
        ({"vrf": "65000:99", **at("10.99.0.9")}, "10.99.0.9"),
        ({"prefix": "10.1.0.0/31"}, "10.1.0.1/31"),
        ({"prefix": "10.1.0.0/31", **at("10.1.0.1")}, "10.1.0.1"),
        ({"prefix": "10.1.1.1/32"}, "10.1.1.1/32"),
        ({"prefix": "10.1.2.0/29", **at("10.1.2.7")}, "10.1.2.7"),
        ({"ip_range": "192.168.4.50-192.168.4.59"}, "192.168.4.50/24"),
        ({"ip_range": "192.168.4.50 - 192.168.4.59", **at("192.168.4.55")}, "192.168.4.55"),
        ({"prefix": "10.2.3.0/24"}, "10.2.3.2/24"),
        ({"prefix": "10.2.0.0/16", **at("10.2.9.9")}, "10.2.9.9"),
        ({"prefix": "10.1.2.3/24"}, "invalid_request /prefix"),
        ({"prefix": "somewhere"}, "invalid_request /prefix"),
        ({"prefix": LAB, "ip_range": "1"}, "invalid_request /ip_range"),
        ({"ip_range": "192.168.4.50"}, "invalid_request /ip_range"),
        ({}, "invalid_request /prefix"),
        ({"prefix": LAB, "family": 6}, "invalid_request /family"),
        ({"prefix": LAB, **at("192.168.4.9/32")}, "invalid_request /address"),
        ({"prefix": "10.77.0.0/24"}, "prefix_not_found /prefix"),
        ({"prefix": LAB, "vrf": "65000:99"}, "prefix_not_found /prefix"),
        ({"prefix": INSIDE, "vrf": None}, "prefix_not_found /prefix"),
        ({"prefix": 99999}, "prefix_not_found /prefix"),
        ({"ip_range": 99999}, "prefix_not_found /ip_range"),
        ({"ip_range": "192.168.4.50-192.168.4.58"}, "prefix_not_found /ip_range"),
        (at("10.99.0.9"), "10.99.0.9"),
        ({"vrf": None, **at("10.99.0.9")}, "prefix_not_found /address"),
        (at("10.98.0.9"), "prefix_not_found /address"),
        ({"prefix": LAB, **at("192.168.3.99")}, "address_outside_prefix /address"),
        ({"prefix": LAB, **at("fd00:3::9")}, "address_outside_prefix /address"),
        ({"prefix": LAB, **at("192.168.4.0")}, "address_outside_prefix /address"),
        ({"prefix": LAB, **at("192.168.4.255")}, "address_outside_prefix /address"),
        ({"prefix": SIX, **at("fd00:3::")}, "address_outside_prefix /address"),
        ({"ip_range": "192.168.4.50-192.168.4.59", **at("192.168.4.60")}, "address_outside_prefix /address"),
        ({"prefix": LAB, **at("192.168.4.1")}, "address_is_gateway /address"),
        ({"prefix": "192.168.3.0/24", **at("192.168.3.5")}, "address_taken /address"),
        ({"prefix": "192.168.0.0/16"}, "prefix_closed /prefix"),
        ({"prefix": "10.2.0.0/16"}, "prefix_closed /prefix"),
        ({"prefix": "10.2.0.0/16", **at("10.2.3.9")}, "prefix_closed /address"),
        ({"prefix": "10.1.3.0/24"}, "prefix_closed /prefix"),
        ({"prefix": "10.1.4.0/24"}, "prefix_closed /prefix"),
        ({"prefix": "10.1.3.0/24", **at("10.1.3.9")}, "prefix_closed /prefix"),
        ({"prefix": "10.1.4.0/24", **at("10.1.4.9")}, "prefix_closed /prefix"),
        ({"prefix": "192.168.0.0/16", **at("192.168.200.9")}, "prefix_closed /prefix"),
        (at("192.168.200.9"), "prefix_closed /address"),
        ({"prefix": LAB, "vrf": "65000:1"}, "unknown_reference /vrf"),
        ({"prefix": INSIDE, "vrf": "management"}, "unknown_reference /vrf /vrf"),
        ({"prefix": LAB, "role": "vip"}, "shared_role /role"),
        (
            {"prefix": LAB, "tenant": "nobody", "tags": ("terraform", "nothing")},
            "unknown_reference /tenant /tags/1",
        ),
        (
            {"prefix": LAB, "tenant": "nobody", "role": "vip", "dns_name": "bad_name"},
            "unknown_reference /tenant /role /dns_name",
        ),
    ],
    ids=str,
)
async def test_a_place_is_found_or_refused(
    looking: Desk, alice: Caller, words: dict[str, Any], expected: str
) -> None:
    """In a dry run, which makes all checks: the address, or the refusal and what it points to."""
    try:
        told = (await looking.operations.allocate(alice, wish("k", **words), dry_run=True)).allocation.address
    except BerthError as refusal:
        told = " ".join([refusal.code, *(error.pointer for error in refusal.errors)])
    assert told == expected


@pytest.fixture(scope="module")
def furnished(stage: Stage) -> Iterator[Emulator]:
    """A NetBox with more places, which nobody changes."""
    stage.emulator = create_app(seed=True)
    furnish(stage.url)
    yield stage.emulator
    stage.emulator.close()


@pytest.fixture
async def looking(stage: Stage, furnished: Emulator, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk that only looks."""
    stage.emulator = furnished
    desk = make_desk(stage, copied(stage, tmp_path / "berth.db"))
    yield desk
    close_desk(desk, emulator=False)


async def test_ids_stand_for_what_they_name(desk: Desk, alice: Caller) -> None:
    """Prefix, range, VRF and tenant, as numbers or as digits."""
    ids = furnish(desk.url)
    platform = desk.api("GET", "tenancy/tenants/?slug=platform")["results"][0]["id"]
    made = await desk.post(alice, "a", prefix=str(ids["child"]), tenant=platform)
    assert (made.ip, made.prefix, made.tenant) == ("10.2.3.2", str(ids["child"]), platform)
    made = await desk.post(alice, "b", ip_range=ids["range"])
    assert (made.ip, made.ip_range, made.prefix, made.gateway) == (
        "192.168.4.50",
        ids["range"],
        LAB,
        "192.168.4.1",
    )
    assert await desk.post(alice, "b", ip_range=ids["range"]) == made
    vrf = desk.api("GET", "ipam/vrfs/?rd=65000:99")["results"][0]["id"]
    assert (await desk.post(alice, "c", prefix=INSIDE, vrf=vrf)).vrf == vrf
    for number in range(9):
        await desk.post(alice, f"more-{number}", ip_range="192.168.4.50-192.168.4.59")
    with pytest.raises(errors.PrefixExhausted):
        await desk.post(alice, "one too many", ip_range="192.168.4.50-192.168.4.59")


async def test_ambiguity_is_refused_with_the_candidates(desk: Desk, alice: Caller) -> None:
    """The same prefix in two VRFs, and two VRFs of one name."""
    furnish(desk.url)
    desk.api("POST", "ipam/prefixes/", {"prefix": INSIDE})
    with pytest.raises(PrefixAmbiguous) as prefixes:
        await desk.post(alice, "a", prefix=INSIDE)
    assert [error.detail.partition(": ")[2] for error in prefixes.value.errors] == [
        f"prefix {INSIDE} in VRF management",
        f"prefix {INSIDE}",
    ]
    with pytest.raises(UnknownReference, match="Several VRFs") as vrfs:
        await desk.post(alice, "a", prefix=INSIDE, vrf="management")
    assert [error.code for error in vrfs.value.errors] == ["candidate", "candidate"]
    with pytest.raises(UnknownReference) as unknown:
        await desk.post(alice, "a", prefix=INSIDE, vrf="managemnt")
    assert "did you mean management" in unknown.value.errors[0].detail
    with pytest.raises(PrefixAmbiguous) as around:
        await desk.post(alice, "a", **at("10.99.0.9"))
    assert sorted(error.detail.partition(": ")[2] for error in around.value.errors) == [
        f"prefix {INSIDE}",
        f"prefix {INSIDE} in VRF management",
    ]
    assert (await desk.post(alice, "by name", vrf=None, **at("10.99.0.9"))).vrf is None
    desk.api("POST", "ipam/ip-ranges/", _range("10.99.0.50", None))
    desk.api("POST", "ipam/ip-ranges/", _range("10.99.0.50", {"rd": "65000:99"}))
    with pytest.raises(PrefixAmbiguous) as ranges:
        await desk.post(alice, "a", ip_range="10.99.0.50-10.99.0.59")
    assert {error.pointer for error in ranges.value.errors} == {"/ip_range"}


def _range(first: str, vrf: dict[str, str] | None) -> dict[str, Any]:
    return {"start_address": f"{first}/24", "end_address": f"{first[:-1]}9/24", "vrf": vrf}


@pytest.mark.parametrize(
    ("word", "prefix"),
    [
        ("container", "192.168.0.0/16"),
        ("children", "10.2.0.0/16"),
        ("deprecated", "10.1.3.0/24"),
        ("utilized", "10.1.4.0/24"),
    ],
)
async def test_the_refusal_prints_the_line_that_lifts_it(
    desk: Desk, alice: Caller, word: str, prefix: str
) -> None:
    """And the line does."""
    furnish(desk.url)
    with pytest.raises(PrefixClosed) as refusal:
        await desk.post(alice, "a", prefix=prefix)
    assert f"{{prefix: {prefix}, allow: [{word}]}}" in refusal.value.detail
    network = ipaddress.ip_network(prefix)
    allow = frozenset({word, "children"})
    desk.policy.append(
        replace(POLICY, sections=(*POLICY.sections, PrefixSection(network=network, allow=allow)))
    )
    assert ipaddress.ip_address((await desk.post(alice, "a", prefix=prefix)).ip) in network


@pytest.mark.parametrize(
    ("word", "address", "network"),
    [
        ("container", "192.168.200.9", "192.168.0.0/16"),
        ("children", "10.2.3.9", "10.2.0.0/16"),
        ("deprecated", "10.1.3.9", "10.1.3.0/24"),
        ("utilized", "10.1.4.9", "10.1.4.0/24"),
    ],
)
async def test_a_closed_prefix_gives_no_address_by_name_either(
    desk: Desk, alice: Caller, word: str, address: str, network: str
) -> None:
    """The refusal prints the line that lifts it, and the line does."""
    furnish(desk.url)
    with pytest.raises(PrefixClosed) as refusal:
        await desk.post(alice, "a", prefix=network, **at(address))
    assert f"prefixes: [{{prefix: {network}, allow: [{word}]}}]" in refusal.value.detail
    section = PrefixSection(network=ipaddress.ip_network(network), allow=frozenset({word}))
    desk.policy.append(replace(POLICY, sections=(*POLICY.sections, section)))
    assert (await desk.post(alice, "a", prefix=network, **at(address))).ip == address


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ({"prefix": "10.77.0.0/24"}, "prefix 10.77.0.0/24, or"),
        ({"prefix": 99999, "vrf": None}, "prefix with the id 99999 in the global table, or"),
        ({"ip_range": "10.77.0.1-10.77.0.9"}, "IP range 10.77.0.1-10.77.0.9, or"),
        ({"vrf": "65000:99", **at("10.77.0.9/24")}, "prefix around 10.77.0.9 in VRF '65000:99', or"),
    ],
)
async def test_a_place_that_is_not_there_is_named(
    looking: Desk, alice: Caller, words: dict[str, Any], text: str
) -> None:
    """In the words of the request."""
    with pytest.raises(errors.PrefixNotFound) as refusal:
        await looking.post(alice, "a", **words)
    assert refusal.value.detail == f"NetBox has no {text} hides it from Berth."


async def test_a_key_keeps_its_place(desk: Desk, alice: Caller) -> None:
    """What differs is named; another word for the same place does not differ."""
    ids = furnish(desk.url)
    await desk.post(alice, "a", ip_range=ids["range"])
    for same in (
        {},
        {"prefix": LAB},
        {"ip_range": "192.168.4.50-192.168.4.59"},
        {"vrf": None},
        at("192.168.4.50"),
        at("192.168.4.50/24"),
    ):
        assert (await desk.post(alice, "a", **same)).ip == "192.168.4.50"
    for other, pointers in (
        ({"prefix": "192.168.3.0/24"}, ["/prefix"]),
        ({"prefix": "192.168.0.0/16"}, ["/prefix"]),
        ({"prefix": "nowhere"}, ["/prefix"]),
        ({"vrf": "65000:99"}, ["/vrf"]),
        (at("192.168.4.51"), ["/address"]),
        (at("192.168.4.50/25"), ["/address"]),
        ({"family": 6, "prefix": SIX}, ["/family", "/prefix"]),
    ):
        for write in (desk.post, desk.put):
            with pytest.raises(KeyConflict) as refusal:
                await write(alice, "a", **other)
            assert [error.pointer for error in refusal.value.errors] == pointers
    await desk.post(alice, "b", prefix=INSIDE, vrf="65000:99")
    with pytest.raises(KeyConflict, match="The key stands for"):
        await desk.post(alice, "b", prefix=INSIDE, vrf=None)


async def test_a_preview_shows_what_would_be_handed_out(desk: Desk) -> None:
    """Not the gateway, recorded or not; NetBox offers it as long as it is not."""
    [pool] = await desk.netbox.inventory.prefixes_at(ipaddress.ip_network(SMALL))
    [gateway] = desk.api("GET", "ipam/ip-addresses/?address=192.168.5.1")["results"]
    desk.api("DELETE", f"ipam/ip-addresses/{gateway['id']}/")
    assert (await desk.netbox.inventory.preview(pool, 1)) == ["192.168.5.1/29"]
    assert await desk.operations.look_into(pool, 2) == ["192.168.5.2/29", "192.168.5.3/29"]
    assert len(await desk.operations.look_into(pool, 100)) == 5


@pytest.mark.parametrize(
    ("prefix", "reason"),
    [
        (LAB, None),
        ("192.168.0.0/16", "is a container; has 3 child prefixes, whose addresses it would hand out"),
        ("10.1.3.0/24", "is deprecated"),
        ("10.1.4.0/24", "is marked as fully utilized"),
    ],
)
async def test_a_preview_of_a_closed_prefix_is_refused(
    looking: Desk, prefix: str, reason: str | None
) -> None:
    """As an allocation would be, with the same reason; a GET has no body to point into."""
    [pool] = await looking.netbox.inventory.prefixes_at(ipaddress.ip_network(prefix))
    assert looking.operations.look_into.closed_because(pool) == reason
    if reason is not None:
        with pytest.raises(PrefixClosed, match=reason.partition(";")[0]) as refusal:
            await looking.operations.look_into(pool, 1)
        assert [error.pointer for error in refusal.value.errors] == [""]
