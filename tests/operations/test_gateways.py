"""The gateway is never handed out, wherever the policy finds it and whoever deletes its record."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from app.domain.commands import Caller
from app.domain.errors import (
    AddressIsGateway,
    AddressTaken,
    GatewayUnrecorded,
    NetBoxUnavailable,
    OutcomeUnknown,
    PrefixExhausted,
    RefusedByNetBox,
    StillWorking,
)
from app.domain.policy import GatewayRule, Policy, PrefixSection
from app.domain.upstream import NotSent, Rejected, Unsure
from app.emulator.faults import Fault
from app.ledger.records import State
from tests.operations.conftest import LAB, SMALL, Desk, Meddler, Opener, wish
from tests.operations.test_places import at

NEW = "10.50.0.0/24"


def rule(kind: Any, value: str = "", *, record: bool = True) -> Policy:  # noqa: ANN401 - a literal
    """A policy that finds gateways so."""
    return Policy(sections=(PrefixSection(gateway=GatewayRule(kind, value), record_gateway=record),))


def furnish(desk: Desk) -> None:
    """A prefix without a recorded gateway, a marked address, a field that names one; a twin in a VRF."""
    field = {"object_types": ["ipam.prefix"], "name": "gw", "type": "text"}
    desk.api("POST", "extras/custom-fields/", field)
    prefix = {"prefix": NEW, "custom_fields": {"gw": "10.50.0.3/24"}}
    desk.api(
        "POST", "ipam/prefixes/", {**prefix, "vrf": {"rd": "65000:99"}, "custom_fields": {"gw": "10.50.0.8"}}
    )
    desk.api("POST", "ipam/prefixes/", prefix)
    desk.api("POST", "extras/tags/", {"name": "Gateway", "slug": "gateway"})
    marked = {"address": "10.50.0.4/24", "role": "vrrp", "tags": [{"slug": "gateway"}]}
    desk.api("POST", "ipam/ip-addresses/", marked)


@pytest.mark.parametrize(
    ("policy", "gateway", "first"),
    [
        (rule("first"), "10.50.0.1", "10.50.0.2"),
        (rule("literal", "10.50.0.2"), "10.50.0.2", "10.50.0.1"),
        (rule("literal", "10.51.0.2"), None, "10.50.0.1"),
        (rule("custom_field", "gw"), "10.50.0.3", "10.50.0.1"),
        (rule("custom_field", "other"), None, "10.50.0.1"),
        (rule("role", "vrrp"), "10.50.0.4", "10.50.0.1"),
        (rule("tag", "gateway"), "10.50.0.4", "10.50.0.1"),
        (rule("tag", "terraform"), None, "10.50.0.1"),
        (rule("none"), None, "10.50.0.1"),
        (Policy(), None, "10.50.0.1"),
    ],
    ids=["first", "literal", "elsewhere", "field", "no field", "role", "tag", "no tag", "none", "no policy"],
)
async def test_the_policy_says_where_it_is(
    desk: Desk, alice: Caller, policy: Policy, gateway: str | None, first: str
) -> None:
    """It is shown, recorded if it is missing, and neither handed out nor given by name."""
    furnish(desk)
    desk.policy.append(policy)
    made = [await desk.post(alice, f"k{n}", prefix=NEW, vrf=None) for n in range(4)]
    assert (made[0].ip, made[0].gateway) == (first, gateway)
    assert gateway not in [each.ip for each in made]
    dry = await desk.operations.allocate(alice, wish("dry", prefix=NEW, vrf=None), dry_run=True)
    assert dry.allocation.gateway == gateway
    if gateway is not None:
        [recorded] = await desk.netbox.addresses.find_host(ipaddress.ip_address(gateway), None)
        assert recorded.key is None
        with pytest.raises(AddressIsGateway):
            await desk.post(alice, "gateway", prefix=NEW, vrf=None, **at(gateway))
    assert await desk.get(alice, "k0") == made[0]


@pytest.mark.parametrize(
    ("field", "gateway"),
    [
        ({"type": "json", "value": {"address": "10.50.0.9/24"}}, "10.50.0.9"),
        ({"type": "text", "value": "fd00::1"}, None),
        ({"type": "text", "value": "the first one"}, None),
        ({"type": "integer", "value": 1}, None),
    ],
    ids=["an object's address", "another family", "no address", "no text"],
)
async def test_a_custom_field_may_hold_anything(
    desk: Desk, alice: Caller, field: dict[str, Any], gateway: str | None
) -> None:
    """What is no address of the prefix's family is no gateway."""
    definition = {"object_types": ["ipam.prefix"], "name": "gw", "type": field["type"]}
    desk.api("POST", "extras/custom-fields/", definition)
    desk.api("POST", "ipam/prefixes/", {"prefix": NEW, "custom_fields": {"gw": field["value"]}})
    desk.policy.append(rule("custom_field", "gw"))
    assert (await desk.post(alice, "web", prefix=NEW, vrf=None)).gateway == gateway


async def test_a_range_takes_its_prefixs_gateway(desk: Desk, alice: Caller) -> None:
    """Whose field, mark or bounds the range itself does not have; inside the range it is recorded."""
    furnish(desk)
    for first, last in (("10.50.0.1", "10.50.0.9"), ("10.50.0.50", "10.50.0.59")):
        body = {"start_address": f"{first}/24", "end_address": f"{last}/24"}
        desk.api("POST", "ipam/ip-ranges/", body)
    desk.policy.append(rule("custom_field", "gw"))
    inside = [await desk.post(alice, f"k{n}", ip_range="10.50.0.1-10.50.0.9") for n in range(3)]
    outside = await desk.post(alice, "far", ip_range="10.50.0.50-10.50.0.59")
    assert [each.ip for each in inside] == ["10.50.0.1", "10.50.0.2", "10.50.0.5"]
    assert {each.gateway for each in (*inside, outside)} == {"10.50.0.3"}


async def test_a_prefix_that_is_gone_has_no_gateway_to_show(desk: Desk, alice: Caller) -> None:
    """The allocation is still answered."""
    furnish(desk)
    desk.policy.append(rule("custom_field", "gw"))
    made = await desk.post(alice, "web", prefix=NEW, vrf=None)
    [prefix] = desk.api("GET", f"ipam/prefixes/?prefix={NEW}&vrf_id=null")["results"]
    desk.api("DELETE", f"ipam/prefixes/{prefix['id']}/")
    desk.clock.ahead += 60.0
    assert await desk.post(alice, "web", prefix=NEW, vrf=None) == replace(made, gateway=None)


async def test_a_gateway_that_cannot_be_looked_up_is_not_left_out(desk: Desk, alice: Caller) -> None:
    """An answer without it would be false, and a machine would boot with it."""
    furnish(desk)
    desk.policy.append(rule("custom_field", "gw"))
    made = await desk.post(alice, "web", prefix=NEW, vrf=None)
    desk.clock.ahead += 60.0
    desk.fault(Fault("error", path="/api/ipam/prefixes/*"))
    with pytest.raises(NetBoxUnavailable):
        await desk.post(alice, "web", prefix=NEW, vrf=None)
    desk.fault()
    assert await desk.post(alice, "web", prefix=NEW, vrf=None) == made


async def test_where_berth_may_not_record_it_the_request_is_refused(desk: Desk, alice: Caller) -> None:
    """On the record, and in a dry run too; once somebody has recorded it, nothing stands in the way."""
    furnish(desk)
    desk.policy.append(rule("first", record=False))
    for dry_run in (True, False):
        with pytest.raises(GatewayUnrecorded, match=r"record_gateway: true"):
            await desk.operations.allocate(alice, wish("web", prefix=NEW, vrf=None), dry_run=dry_run)
    assert await desk.audit() == ["denied allocate gateway_unrecorded"]
    desk.policy.append(rule("first"))
    await desk.operations.allocate(alice, wish("web", prefix=NEW, vrf=None), dry_run=True)
    assert await desk.netbox.addresses.find_host(ipaddress.ip_address("10.50.0.1"), None) == []
    desk.policy.append(rule("first", record=False))
    desk.api("POST", "ipam/ip-addresses/", {"address": "10.50.0.1/24"})
    assert (await desk.post(alice, "web", prefix=NEW, vrf=None)).ip == "10.50.0.2"


async def test_fifty_first_requests_record_it_once(desk: Desk, alice: Caller) -> None:
    """And look once whether it is there."""
    furnish(desk)
    await asyncio.gather(*(desk.post(alice, f"k{n}", prefix=NEW, vrf=None) for n in range(50)))
    [recorded] = await desk.netbox.addresses.find_host(ipaddress.ip_address("10.50.0.1"), None)
    assert (recorded.status, recorded.role, recorded.key) == ("reserved", None, None)
    assert [line for line in await desk.audit() if "gateway" in line] == [
        "intent gateway",
        "outcome gateway recorded",
    ]


Create = Callable[..., Awaitable[object]]


@pytest.mark.parametrize(
    ("answer", "error", "line"),
    [
        (Rejected("no", {}), RefusedByNetBox, "outcome gateway refused"),
        (NotSent("refused"), NetBoxUnavailable, "outcome gateway refused"),
        (Unsure("reset"), OutcomeUnknown, "outcome gateway unknown"),
    ],
)
async def test_a_gateway_that_cannot_be_recorded_stops_the_request(
    desk: Desk, alice: Caller, answer: Exception, error: type[Exception], line: str
) -> None:
    """Nothing was begun for the key, and the record is accounted for."""
    furnish(desk)

    async def fail(_create: Create, *_args: object) -> object:
        raise answer

    desk.restart(addresses=Meddler(desk.netbox.addresses, create=fail))
    with pytest.raises(error):
        await desk.post(alice, "web", prefix=NEW, vrf=None)
    assert await desk.entry("web") is None
    assert (await desk.audit())[:2] == ["intent gateway", line]
    await desk.accounted()


async def test_whoever_records_it_first_is_right(desk: Desk, alice: Caller) -> None:
    """Another Berth was faster: the address is there, and that is all that matters."""
    furnish(desk)

    async def slower(create: Create, *args: object) -> object:
        desk.api("POST", "ipam/ip-addresses/", {"address": "10.50.0.1/24"})
        return await create(*args)

    desk.restart(addresses=Meddler(desk.netbox.addresses, create=slower))
    assert (await desk.post(alice, "web", prefix=NEW, vrf=None)).ip == "10.50.0.2"
    assert "outcome gateway present" in await desk.audit()


async def unrecord(desk: Desk) -> None:
    """Somebody deletes the gateway's record."""
    for row in await desk.netbox.addresses.find_host(ipaddress.ip_address("192.168.4.1"), None):
        await desk.netbox.addresses.delete(row, "")


async def test_a_gateway_that_was_handed_out_never_becomes_the_keys(desk: Desk, alice: Caller) -> None:
    """Given back in one step, also when the deletion is in doubt; the reconciler finishes it."""
    await desk.post(alice, "a", prefix=LAB)
    await unrecord(desk)
    desk.fault(Fault("error", method="DELETE"))
    with pytest.raises(OutcomeUnknown):
        await desk.post(alice, "web", prefix=LAB)
    entry = await desk.entry("web")
    assert entry is not None
    assert (entry.state, entry.address) == (State.RELEASING, "192.168.4.1/24")
    assert (await desk.audit("web")) == [
        "intent allocate",
        "outcome allocate gateway",
        "intent release gateway",
    ]
    desk.fault()
    assert (await desk.operations.reconcile()).released == 1
    assert (await desk.post(alice, "web", prefix=LAB)).ip == "192.168.4.3"
    await desk.accounted()


async def test_a_gateway_that_cannot_be_given_back_stays_in_doubt(desk: Desk, alice: Caller) -> None:
    """Refused by NetBox, it is tried again; at no time does the key stand for it."""
    await desk.post(alice, "a", prefix=LAB)
    await unrecord(desk)
    desk.fault(Fault("token_expired", method="DELETE"))
    for _ in range(2):
        with pytest.raises(Exception, match="NetBox says: Token expired"):
            await desk.post(alice, "web", prefix=LAB)
    await desk.quiet()
    assert await desk.netbox.addresses.find_claims(["web"]) == []


async def test_a_gateway_found_after_a_crash_is_given_back(desk: Desk, alice: Caller) -> None:
    """What the reconciler recovers is looked at like everything else."""
    await desk.post(alice, "a", prefix=LAB)
    await unrecord(desk)
    reads = "/api/ipam/ip-addresses/"
    desk.fault(Fault("error_after", method="POST", times=1), Fault("error", method="GET", path=reads))
    with pytest.raises(OutcomeUnknown):
        await desk.post(alice, "web", prefix=LAB)
    desk.fault()
    assert (await desk.operations.reconcile()).settled == 1
    assert await desk.netbox.addresses.find_claims(["web"]) == []
    await desk.accounted()


async def test_a_gateway_that_somebody_keeps_deleting_ends_in_a_503(desk: Desk, alice: Caller) -> None:
    """Three rounds, and nothing is left behind."""
    await desk.post(alice, "a", prefix=LAB)

    async def vanish(allocate: Create, *args: object) -> object:
        await unrecord(desk)
        return await allocate(*args)

    desk.restart(allocator=Meddler(desk.netbox.allocator, allocate=vanish))
    with pytest.raises(StillWorking):
        await desk.post(alice, "web", prefix=LAB)
    assert await desk.netbox.addresses.find_claims(["web"]) == []
    await desk.quiet()


async def test_what_exists_is_not_broken_by_a_policy_that_came_later(desk: Desk, alice: Caller) -> None:
    """An older allocation of what is the gateway now is answered, and adopted where the ledger lost it."""
    desk.policy.append(Policy())
    made = await desk.post(alice, "web", prefix=LAB)
    desk.policy.append(rule("literal", made.ip))
    desk.clock.ahead += 200.0
    assert (await desk.post(alice, "web", prefix=LAB)).ip == made.ip
    await desk.lose("web")
    assert (await desk.post(alice, "web", prefix=LAB)).netbox_id == made.netbox_id


async def test_a_full_prefix_is_exhausted_in_a_dry_run_too(desk: Desk, alice: Caller) -> None:
    """Where all that is left is the gateway, nothing is."""
    for number in range(5):
        await desk.post(alice, f"k{number}", prefix=SMALL)
    for dry_run in (True, False):
        with pytest.raises(PrefixExhausted):
            await desk.operations.allocate(alice, wish("web", prefix=SMALL), dry_run=dry_run)
    assert (await desk.audit("web")) == ["intent allocate", "outcome allocate refused prefix_exhausted"]


# -- an address by name, where nothing keeps it from being created twice -----------------------------


async def loose_vrf(desk: Desk) -> str:
    """A VRF that does not enforce uniqueness."""
    desk.api("POST", "ipam/vrfs/", {"name": "loose", "rd": "65000:1", "enforce_unique": False})
    desk.api("POST", "ipam/prefixes/", {"prefix": NEW, "vrf": {"rd": "65000:1"}})
    return "65000:1"


@pytest.mark.parametrize("where", ["a VRF", "the global table"])
async def test_one_address_asked_for_by_many_is_given_to_one(
    open_desk: Opener, alice: Caller, bob: Caller, where: str
) -> None:
    """NetBox creates all of them; of those that look afterwards, the lowest id stays (I1)."""
    desk = await open_desk(global_unique=False)
    desk.policy.append(Policy())
    vrf = await loose_vrf(desk) if where == "a VRF" else None
    if vrf is None:
        desk.api("POST", "ipam/prefixes/", {"prefix": NEW})
    asked = [
        desk.post(who, f"{who.owner}-{n}", prefix=NEW, vrf=vrf, **at("10.50.0.7"))
        for n in range(3)
        for who in (alice, bob)
    ]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert sorted(type(each).__name__ for each in outcomes) == ["AddressTaken"] * 5 + ["Allocation"]
    vrf_id = None if vrf is None else (await desk.netbox.inventory.vrfs(vrf))[0].id
    assert len(await desk.netbox.addresses.find_host(ipaddress.ip_address("10.50.0.7"), vrf_id)) == 1
    await desk.accounted()


async def test_a_next_free_address_that_a_human_has_as_well_is_given_back(desk: Desk, alice: Caller) -> None:
    """Their page takes no lock. Their object is the older one, so Berth's moves on."""
    desk.policy.append(Policy())
    vrf = await loose_vrf(desk)
    theirs = desk.api("POST", "ipam/ip-addresses/", {"address": "10.50.0.200/24", "vrf": {"rd": vrf}})["id"]

    async def race(allocate: Create, *args: object) -> object:
        receipt = await allocate(*args)
        desk.api("PATCH", f"ipam/ip-addresses/{theirs}/", {"address": "10.50.0.1/24"})
        return receipt

    desk.restart(allocator=Meddler(desk.netbox.allocator, allocate=race))
    made = await desk.post(alice, "web", prefix=NEW, vrf=vrf)
    assert made.ip == "10.50.0.2"
    assert "outcome allocate doubled" in await desk.audit("web")


async def test_shared_roles_share_where_the_policy_lets_them(desk: Desk, alice: Caller, bob: Caller) -> None:
    """Four requests of one virtual address, four allocations; without the role on both sides, one."""
    section = PrefixSection(shared_roles=True)
    desk.policy.append(Policy(sections=(section,)))
    vip = {"prefix": LAB, **at("192.168.4.99"), "role": "vip"}
    made = await asyncio.gather(*(desk.post(alice, f"vip-{n}", **vip) for n in range(4)))
    assert {each.ip for each in made} == {"192.168.4.99"}
    with pytest.raises(AddressTaken):
        await desk.post(bob, "plain", prefix=LAB, **at("192.168.4.99"))
