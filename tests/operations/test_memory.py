"""What is remembered of NetBox, and what drops it."""

import ipaddress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from app.domain.commands import Caller
from app.domain.errors import (
    BerthError,
    KeyConflict,
    NameTaken,
    NetBoxNonsense,
    NetBoxUnprepared,
    OutcomeUnknown,
    PrefixExhausted,
    PrefixNotFound,
    RefusedByNetBox,
    UnknownReference,
    Violation,
)
from app.domain.inventory import Kind, Pool, PoolKind
from app.operations.memory import Memory
from tests.operations.conftest import LAB, SMALL, Desk, Meddler

POOL = Pool(PoolKind.PREFIX, 1, ipaddress.ip_network(LAB))


@dataclass
class Noted:
    """An inventory and a guard that note what they are to forget."""

    forgotten: list[str] = field(default_factory=list)

    async def __call__(self) -> None:
        """Prepared."""

    def forget(self, pool: Pool | None = None) -> None:
        """A pool, or that NetBox is prepared."""
        self.forgotten.append("prepared" if pool is None else "pool")

    def forget_kind(self, kind: Kind) -> None:
        """All of a kind."""
        self.forgotten.append(kind.value)


def refused(*pointers: str, detail: str = "NetBox refused it") -> RefusedByNetBox:
    """NetBox's refusal of an item."""
    return RefusedByNetBox(detail, errors=[Violation(pointer, "netbox", "?") for pointer in pointers])


@pytest.mark.parametrize(
    ("error", "forgotten"),
    [
        (OutcomeUnknown(), ["pool"]),
        (KeyConflict(), ["pool"]),
        (NetBoxNonsense(), ["pool"]),
        (PrefixExhausted(), ["pool"]),
        (PrefixNotFound(), ["pool"]),
        (NameTaken(), []),
        (refused("/status"), []),
        (refused("/tenant"), ["tenants"]),
        (refused("/tags", "/tenant"), ["tags", "tenants"]),
        (refused("/tags/0"), ["tags"]),
        (refused("/vrf"), ["pool", "vrfs"]),
        (refused("", detail="Unknown field name 'zzz' in custom field data."), []),
        (refused("", detail="Unknown field name 'berth_key' in custom field data."), ["prepared"]),
        (
            refused("/custom_fields.berth_owner", detail="Custom field 'berth_owner' does not exist"),
            ["prepared"],
        ),
    ],
    ids=str,
)
def test_an_error_throws_doubt_on_what_it_is_about(error: BerthError, forgotten: list[str]) -> None:
    """And on nothing else: a look costs NetBox as much as an allocation."""
    noted = Noted()
    Memory(noted, noted).doubt(error, POOL)  # type: ignore[arg-type]
    assert sorted(noted.forgotten) == forgotten


@pytest.mark.parametrize(
    ("kind", "words"), [("tenancy/tenants", {"tenant": "passing"}), ("extras/tags", {"tags": ("passing",)})]
)
@pytest.mark.parametrize("change", [False, True])
async def test_a_tenant_or_tag_that_is_deleted_is_forgotten_with_the_first_refusal(
    desk: Desk, alice: Caller, kind: str, words: dict[str, Any], change: bool
) -> None:
    """The next request is told that there is none, and what is like it."""
    made = desk.api("POST", f"{kind}/", {"name": "passing", "slug": "passing"})
    await desk.post(alice, "a", prefix=LAB, **words)
    await desk.operations.release(alice, "a")
    await desk.post(alice, "b", prefix=LAB)
    desk.api("DELETE", f"{kind}/{made['id']}/")
    for error in (RefusedByNetBox, UnknownReference):
        with pytest.raises(error):
            await (desk.put(alice, "b", **words) if change else desk.post(alice, "c", prefix=LAB, **words))


async def test_a_prefix_that_moved_to_another_vrf_is_forgotten_with_the_first_doubt(
    desk: Desk, alice: Caller
) -> None:
    """Its address came from elsewhere than it was asked; the next request finds the prefix where it is."""
    await desk.post(alice, "web", prefix=SMALL)
    [prefix] = desk.api("GET", f"ipam/prefixes/?prefix={SMALL}")["results"]
    vrf = desk.api("POST", "ipam/vrfs/", {"name": "elsewhere"})
    desk.api("PATCH", f"ipam/prefixes/{prefix['id']}/", {"vrf": vrf["id"]})
    with pytest.raises(OutcomeUnknown):
        await desk.post(alice, "db", prefix=SMALL)
    made = await desk.post(alice, "cache", prefix=SMALL)
    assert (await desk.claimed("cache")).vrf_id == vrf["id"]
    assert made.ip.startswith("192.168.5.")


async def test_free_addresses_that_lie_outside_are_a_sign(desk: Desk, alice: Caller) -> None:
    """Also where they are only shown."""
    [pool] = await desk.netbox.inventory.prefixes_at(ipaddress.ip_network(LAB))
    seen = desk.calls("GET")
    stale = replace(pool, network=ipaddress.ip_network("192.168.4.128/25"))
    with pytest.raises(NetBoxNonsense):
        await desk.netbox.inventory.preview(stale, 5)
    await desk.netbox.inventory.prefixes_at(pool.network)
    assert desk.calls("GET") == seen + 2


async def test_room_that_is_counted_outside_the_prefix_is_a_sign(desk: Desk, alice: Caller) -> None:
    """A list that did not fit is counted by a prefix that may have other bounds by now."""

    async def nonsense(_count: object, *_args: object) -> object:
        raise NetBoxNonsense

    desk.restart(allocator=Meddler(desk.netbox.allocator, count_available=nonsense))
    for number in range(5):
        await desk.post(alice, f"k{number}", prefix=SMALL)
    looked = desk.emulator.faults.counts["GET /api/ipam/prefixes/"]
    with pytest.raises(NetBoxNonsense):
        await desk.post(alice, "k5", prefix=SMALL)
    with pytest.raises(NetBoxNonsense):
        await desk.post(alice, "k6", prefix=SMALL)
    assert desk.emulator.faults.counts["GET /api/ipam/prefixes/"] == looked + 1


async def test_a_claim_field_that_is_deleted_stops_the_writes_with_the_first_refusal(
    desk: Desk, alice: Caller
) -> None:
    """Five minutes are not waited for."""
    await desk.post(alice, "web", prefix=LAB)
    [found] = desk.api("GET", "extras/custom-fields/?name=berth_owner")["results"]
    desk.api("DELETE", f"extras/custom-fields/{found['id']}/")
    for error in (RefusedByNetBox, NetBoxUnprepared):
        with pytest.raises(error):
            await desk.post(alice, "db", prefix=LAB)
