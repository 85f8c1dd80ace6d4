"""adopt: an address that is in NetBox already, without a key, is put under one; a release lets go of it."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from app.domain.commands import Caller
from app.domain.errors import (
    AddressIsGateway,
    AddressTaken,
    BerthError,
    ClaimChanged,
    ClaimInvisible,
    Forbidden,
    InvalidRequest,
    KeyConflict,
    NameRefused,
    NetBoxDenied,
    NotFound,
    NotOwner,
    OutcomeUnknown,
    RefusedByNetBox,
    SharedRole,
    StillWorking,
)
from app.domain.inventory import Address, Changes
from app.domain.policy import Convention, Policy, PrefixSection
from app.domain.upstream import Missing, Stale
from app.emulator.faults import Fault
from app.ledger.records import State
from tests.operations.conftest import INSIDE, LAB, POLICY, Desk, Meddler, Opener, wish
from tests.operations.test_assign import FOXTROT, GOLF, device_interface
from tests.operations.test_gateways import loose_vrf
from tests.operations.test_holds import assign
from tests.operations.test_places import at

HERE = at("192.168.4.77")
ADOPT: dict[str, Any] = {**HERE, "adopt": True}
NAME = "old.example.com"


def human(desk: Desk, address: str = "192.168.4.77/24", **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    """An address as somebody made it by hand."""
    made: dict[str, Any] = desk.api("POST", "ipam/ip-addresses/", {"address": address, **fields})
    return made


def held(desk: Desk, row: dict[str, Any]) -> dict[str, Any]:
    """The object as NetBox has it now."""
    found: dict[str, Any] = desk.api("GET", f"ipam/ip-addresses/{row['id']}/")
    return found


def claim_of(desk: Desk, row: dict[str, Any]) -> tuple[str | None, str | None]:
    """Key and owner, as they stand on the object."""
    fields = held(desk, row)["custom_fields"]
    return fields["berth_key"], fields["berth_owner"]


def same(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether nothing but the claim is another."""
    own = {"custom_fields", "last_updated"}
    return {n: v for n, v in before.items() if n not in own} == {
        n: v for n, v in after.items() if n not in own
    }


# -- adopting ----------------------------------------------------------------------------------------


async def test_post_adopts_and_changes_nothing_else(desk: Desk, operator: Caller) -> None:
    """One PATCH of the claim; the answer is what NetBox has, and a repeat needs no `adopt`."""
    row = human(desk, dns_name=NAME, description="by hand", role="secondary", tags=[{"slug": "docker"}])
    words = {"dns_name": "new.example.com", "description": "mine", "assign_to": FOXTROT}
    result = await desk.operations.allocate(operator, wish("web", **ADOPT, **words))
    shown = result.allocation
    assert (result.created, result.replayed, shown.netbox_id) == (False, False, str(row["id"]))
    assert (shown.dns_name, shown.description, shown.role) == (NAME, "by hand", "secondary")
    assert (shown.tags, shown.assign_to, shown.owner) == (("docker",), None, "ops")
    assert (desk.calls("PATCH"), claim_of(desk, row)) == (1, ("web", "ops"))
    assert same(row, held(desk, row))
    assert await desk.post(operator, "web", **HERE, **words) == shown == await desk.get(operator, "web")
    assert await desk.post(operator, "web", **ADOPT, **words) == shown
    assert await desk.audit("web") == ["intent allocate", "outcome allocate adopted"]
    await desk.quiet()


async def test_put_adopts_and_converges_in_one_change(desk: Desk, operator: Caller) -> None:
    """What was sent is what NetBox has then; what was not sent is left alone."""
    row = human(desk, dns_name=NAME, description="by hand", status="dhcp")
    words: dict[str, Any] = {"description": "mine", "tags": ("docker",), "assign_to": FOXTROT}
    result = await desk.operations.upsert(operator, wish("web", **ADOPT, **words))
    shown = result.allocation
    assert (result.created, shown.netbox_id, shown.status) == (False, str(row["id"]), "dhcp")
    assert (shown.dns_name, shown.description, shown.tags) == (NAME, "mine", ("docker",))
    assert (shown.assign_to, desk.calls("PATCH")) == (FOXTROT, 1)
    again = await desk.operations.upsert(operator, wish("web", **HERE, **words))
    assert (again.replayed, again.allocation) == (True, shown)
    assert await desk.audit("web") == ["intent upsert", "outcome upsert adopted"]
    assert (await desk.put(operator, "web", description=None)).description is None


@pytest.mark.parametrize("method", ["allocate", "upsert"])
async def test_a_dry_run_shows_what_would_be_adopted(desk: Desk, operator: Caller, method: str) -> None:
    """The same checks, and no write."""
    row = human(desk, dns_name=NAME)
    ask = wish("web", **ADOPT, description="mine")
    result = await getattr(desk.operations, method)(operator, ask, dry_run=True)
    shown = result.allocation
    assert (shown.netbox_id, shown.dns_name, shown.owner) == (str(row["id"]), NAME, "ops")
    assert shown.description == ("mine" if method == "upsert" else "")
    assert (desk.calls("PATCH"), await desk.audit(), claim_of(desk, row)) == (0, [], (None, None))


async def test_a_key_can_be_drawn_from_the_name(desk: Desk, operator: Caller) -> None:
    """As for any other request."""
    human(desk, dns_name=NAME)
    assert (await desk.post(operator, **ADOPT, dns_name=NAME)).key == NAME


async def test_it_works_in_a_vrf_and_for_a_mask_of_its_own(desk: Desk, operator: Caller) -> None:
    """A prefix is found around the address, or named."""
    vrf = desk.api("GET", "ipam/vrfs/?rd=65000:99")["results"][0]["id"]
    inside = human(desk, "10.99.0.7/24", vrf=vrf)
    shown = await desk.post(operator, "inside", prefix=INSIDE, **at("10.99.0.7"), adopt=True)
    assert (shown.netbox_id, shown.vrf) == (str(inside["id"]), "management")
    six = human(desk, "fd00:3::77/128")
    for words in (at("fd00:3::77"), at("fd00:3::77/128")):
        shown = await desk.post(operator, "six", **words, adopt=True)
        assert (shown.netbox_id, shown.prefix_length) == (str(six["id"]), 128)
    human(desk)
    with pytest.raises(InvalidRequest) as refusal:
        await desk.post(operator, "other", **at("192.168.4.77/32"), adopt=True)
    assert [error.code for error in refusal.value.errors] == ["mask"]


async def test_nothing_to_adopt_is_an_allocation_like_any_other(desk: Desk, operator: Caller) -> None:
    """The address is free, or carries the key already."""
    first = await desk.operations.allocate(operator, wish("web", **ADOPT))
    assert (first.created, first.allocation.ip) == (True, "192.168.4.77")
    await desk.lose("web")
    again = await desk.operations.upsert(operator, wish("web", **ADOPT, description="mine"))
    assert (again.created, again.allocation.netbox_id) == (False, first.allocation.netbox_id)
    for key in ("db", "nas"):
        dry = await desk.operations.allocate(
            operator, wish(key, **at("192.168.4.78"), adopt=True), dry_run=True
        )
        assert (dry.created, dry.allocation.netbox_id) == (True, None)


async def test_a_name_that_another_key_has_as_well_is_what_netbox_has(
    desk: Desk, alice: Caller, operator: Caller
) -> None:
    """It is not claimed in the ledger, and stands in nobody's way."""
    await desk.post(alice, "first", prefix=LAB, dns_name=NAME)
    row = human(desk, dns_name=NAME)
    assert (await desk.post(operator, "web", **ADOPT)).netbox_id == str(row["id"])
    claims = [entry.name_claim for key in ("first", "web") if (entry := await desk.entry(key))]
    assert claims == ["0/4/old.example.com", None]


async def test_the_convention_is_held_against_a_new_name_only(desk: Desk, operator: Caller) -> None:
    """What is there keeps its name; a refusal leaves it without a key."""
    desk.policy.append(replace(POLICY, dns_names=(Convention(name="all", pattern="[a-z]+-[0-9]+"),)))
    row = human(desk, dns_name="OLD")
    with pytest.raises(NameRefused):
        await desk.put(operator, "web", **ADOPT, dns_name="new")
    assert claim_of(desk, row) == (None, None)
    assert (await desk.put(operator, "web", **ADOPT, dns_name="OLD")).dns_name == "OLD"
    await desk.operations.release(operator, "web")
    assert (await desk.post(operator, "web", **ADOPT)).dns_name == "old"
    assert (await desk.put(operator, "web", dns_name="web-1")).dns_name == "web-1"


# -- refusals ----------------------------------------------------------------------------------------


async def test_only_an_operator_adopts(desk: Desk, alice: Caller) -> None:
    """Also where the key is there already; without `adopt`, the refusal says who may."""
    row = human(desk)
    for verb in (desk.post, desk.put):
        with pytest.raises(Forbidden, match="Only an operator may adopt"):
            await verb(alice, "web", **ADOPT)
        with pytest.raises(AddressTaken, match="operator can put it under this one with `adopt: true`"):
            await verb(alice, "web", **HERE)
    await desk.post(alice, "web", prefix=LAB)
    with pytest.raises(Forbidden):
        await desk.post(alice, "web", prefix=LAB, **HERE, adopt=True)
    assert claim_of(desk, row) == (None, None)
    assert "denied allocate forbidden" in await desk.audit("web")


async def test_only_an_address_is_adopted(desk: Desk, operator: Caller) -> None:
    """Not whatever comes next in a prefix."""
    for verb in (desk.post, desk.put):
        with pytest.raises(InvalidRequest) as refusal:
            await verb(operator, "web", prefix=LAB, adopt=True)
        assert [error.pointer for error in refusal.value.errors] == ["/address"]


async def test_what_carries_another_key_is_refused_as_ever(
    desk: Desk, alice: Caller, operator: Caller
) -> None:
    """It is not anybody's to take, and `adopt` is not offered."""
    await desk.post(alice, "web", **HERE)
    with pytest.raises(AddressTaken) as refusal:
        await desk.post(operator, "other", **ADOPT)
    assert "adopt" not in refusal.value.detail
    assert (await desk.claimed("web")).owner == "alice"


async def test_of_several_objects_none_is_chosen(open_desk: Opener, operator: Caller) -> None:
    """They are named."""
    desk = await open_desk()
    desk.policy.append(Policy())
    vrf = await loose_vrf(desk)
    rows = [
        human(desk, "10.50.0.7/24", vrf={"rd": vrf}, **fields)
        for fields in ({"dns_name": NAME}, {"custom_fields": {"berth_key": "other"}})
    ]
    with pytest.raises(AddressTaken) as refusal:
        await desk.post(operator, "web", vrf=vrf, **at("10.50.0.7"), adopt=True)
    assert [error.detail for error in refusal.value.errors] == [
        f"id {rows[0]['id']}: 10.50.0.7/24, no key, {NAME}",
        f"id {rows[1]['id']}: 10.50.0.7/24, key other",
    ]


@pytest.mark.parametrize("prefix", [{}, {"prefix": "10.60.0.0/16"}], ids=["its own", "one around it"])
async def test_a_gateway_is_never_adopted(desk: Desk, operator: Caller, prefix: dict[str, str]) -> None:
    """Whichever of its prefixes the request names."""
    for network in ("10.60.0.0/16", "10.60.5.0/24"):
        desk.api("POST", "ipam/prefixes/", {"prefix": network})
    row = human(desk, "10.60.5.1/24")
    with pytest.raises(AddressIsGateway):
        await desk.post(operator, "web", **prefix, **at("10.60.5.1"), adopt=True)
    assert claim_of(desk, row) == (None, None)


async def test_a_role_that_several_may_have_needs_the_policy(desk: Desk, operator: Caller) -> None:
    """On what is adopted, and on what it is to become."""
    row = human(desk, role="vip")
    for verb in (desk.post, desk.put):
        with pytest.raises(SharedRole):
            await verb(operator, "web", **ADOPT)
    other = human(desk, "192.168.4.78/24")
    with pytest.raises(SharedRole):
        await desk.put(operator, "db", **at("192.168.4.78"), adopt=True, role="vip")
    assert claim_of(desk, other) == (None, None)
    desk.policy.append(replace(POLICY, sections=(*POLICY.sections, PrefixSection(shared_roles=True))))
    assert (await desk.post(operator, "web", **ADOPT)).netbox_id == str(row["id"])


async def test_what_netbox_refuses_is_not_adopted(desk: Desk, operator: Caller) -> None:
    """The claim and the change are one."""
    row = human(desk)
    with pytest.raises(RefusedByNetBox):
        await desk.put(operator, "web", **ADOPT, status="sleepy")
    assert (claim_of(desk, row), await desk.entry("web")) == ((None, None), None)


async def test_a_primary_address_is_adopted_where_it_is(desk: Desk, operator: Caller) -> None:
    """Brownfield is in use; only a move is refused."""
    node = desk.api("GET", "dcim/devices/?name=foxtrot")["results"][0]["id"]
    used = desk.api("GET", "ipam/ip-addresses/?address=192.168.3.5")["results"][0]
    desk.api("PATCH", f"dcim/devices/{node}/", {"primary_ip4": used["id"]})
    words = {**at("192.168.3.5"), "adopt": True}
    with pytest.raises(BerthError, match="primary address of foxtrot"):
        await desk.put(operator, "web", **words, assign_to=GOLF)
    assert (await desk.put(operator, "web", **words, assign_to=FOXTROT)).assign_to == FOXTROT


async def test_a_key_that_stands_for_another_address_is_refused(
    desk: Desk, alice: Caller, operator: Caller
) -> None:
    """By the ledger or by NetBox; another owner's is not shown."""
    human(desk)
    await desk.post(operator, "mine", prefix=LAB)
    for lost in (False, True):
        if lost:
            await desk.lose("mine")
        with pytest.raises(KeyConflict):
            await desk.post(operator, "mine", **ADOPT)
    await desk.post(alice, "hers", prefix=LAB)
    await desk.lose("hers")
    with pytest.raises(NotOwner):
        await desk.post(operator, "hers", **ADOPT)


@pytest.mark.parametrize(("hidden", "error"), [(False, KeyConflict), (True, ClaimInvisible)])
async def test_a_claim_that_is_taken_meanwhile_or_hidden_is_netbox_s_to_refuse(
    desk: Desk, operator: Caller, hidden: bool, error: type[BerthError]
) -> None:
    """Nothing is changed, and the key stands for nothing in the ledger."""
    row = human(desk)
    taken = human(desk, "192.168.4.78/24", custom_fields={"berth_key": "web", "berth_owner": "ops"})
    looks: list[Sequence[str]] = []

    async def find(method: Callable[..., Awaitable[Any]], keys: Sequence[str]) -> Any:  # noqa: ANN401 - any answer
        looks.append(keys)
        return [] if hidden or len(looks) == 1 else await method(keys)

    desk.restart(addresses=Meddler(desk.netbox.addresses, find_claims=find))
    with pytest.raises(error):
        await desk.post(operator, "web", **ADOPT)
    assert (claim_of(desk, row)[0], claim_of(desk, taken)[0]) == (None, "web")
    assert await desk.entry("web") is None
    await desk.accounted()


async def test_an_object_that_the_ledger_has_under_another_key_is_not_taken(
    desk: Desk, alice: Caller, operator: Caller
) -> None:
    """A human cleared its claim; who wants to give it away releases the key first."""
    await desk.post(alice, "web", **HERE)
    await desk.edit("web", claim=("", ""))
    with pytest.raises(AddressTaken, match="belongs to the key 'web' in Berth's ledger"):
        await desk.post(operator, "other", **ADOPT)
    assert (await desk.audit("other"))[-1] == "denied allocate address_taken"
    await desk.operations.release(operator, "web", force=True)
    assert (await desk.post(operator, "other", **ADOPT)).ip == "192.168.4.77"


async def test_of_many_who_adopt_at_once_one_gets_it(desk: Desk, operator: Caller) -> None:
    """The ledger arbitrates before anything is sent."""
    row = human(desk)
    asked = (desk.post(operator, f"k{n}", **ADOPT) for n in range(6))
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert sorted(type(each).__name__ for each in outcomes) == ["AddressTaken"] * 5 + ["Allocation"]
    assert desk.calls("PATCH") == 1
    assert (claim_of(desk, row)[0] or "").startswith("k")
    await desk.quiet()


# -- what changes meanwhile --------------------------------------------------------------------------

Change = Callable[[Address, Changes], Awaitable[Address]]


@pytest.mark.parametrize("version", ["4.3", "4.7"])
async def test_an_edit_between_our_look_and_our_claim_stays(
    open_desk: Opener, operator: Caller, version: str
) -> None:
    """If-Match where NetBox has it; the claim touches nothing else anyway."""
    desk = await open_desk(version=version)
    row = human(desk)
    edits = ["edited"]

    async def change(method: Change, address: Address, changes: Changes) -> Address:
        if edits:
            desk.api("PATCH", f"ipam/ip-addresses/{row['id']}/", {"description": edits.pop()})
        return await method(address, changes)

    desk.restart(addresses=Meddler(desk.netbox.addresses, change=change))
    assert (await desk.post(operator, "web", **ADOPT)).description == "edited"
    await desk.quiet()


async def test_a_claim_that_somebody_else_sets_meanwhile_stands(desk: Desk, operator: Caller) -> None:
    """It is read again, and is another key's now."""
    row = human(desk)

    async def change(method: Change, address: Address, changes: Changes) -> Address:
        theirs = {"custom_fields": {"berth_key": "theirs", "berth_owner": "bob"}}
        desk.api("PATCH", f"ipam/ip-addresses/{row['id']}/", theirs)
        return await method(address, changes)

    desk.restart(addresses=Meddler(desk.netbox.addresses, change=change))
    with pytest.raises(AddressTaken):
        await desk.post(operator, "web", **ADOPT)
    assert claim_of(desk, row) == ("theirs", "bob")
    await desk.quiet()


async def test_a_claim_that_is_changed_right_after_ours_is_told(open_desk: Opener, operator: Caller) -> None:
    """NetBox before 4.6 says nothing of it: the object is read again after every change."""
    desk = await open_desk(version="4.3")
    row = human(desk)

    async def change(method: Change, address: Address, changes: Changes) -> Address:
        await method(address, changes)
        await desk.edit("web", claim=("theirs", "bob"))
        after = await desk.netbox.addresses.read(row["id"])
        assert after is not None
        return after

    desk.restart(addresses=Meddler(desk.netbox.addresses, change=change))
    with pytest.raises(ClaimChanged):
        await desk.post(operator, "web", **ADOPT)
    assert await desk.entry("web") is None
    await desk.accounted()


@pytest.mark.parametrize(
    ("meanwhile", "error"), [(Stale("changed"), StillWorking), (Missing("hidden"), NetBoxDenied)]
)
async def test_what_never_lets_itself_be_claimed_is_given_up(
    desk: Desk, operator: Caller, meanwhile: Exception, error: type[BerthError]
) -> None:
    """After three rounds: it keeps changing, or NetBox shows it and lets nobody change it."""
    row = human(desk)

    async def change(_method: Change, _address: Address, _changes: Changes) -> Address:
        raise meanwhile

    desk.restart(addresses=Meddler(desk.netbox.addresses, change=change))
    with pytest.raises(error):
        await desk.post(operator, "web", **ADOPT)
    assert (claim_of(desk, row), await desk.entry("web")) == ((None, None), None)
    await desk.accounted()


@pytest.mark.parametrize("when", ["read", "change"])
async def test_what_vanishes_meanwhile_is_allocated(desk: Desk, operator: Caller, when: str) -> None:
    """The address is free then, and the key asks for it."""
    row = human(desk)
    gone: list[object] = []

    async def vanish(method: Callable[..., Awaitable[Any]], *args: object) -> Any:  # noqa: ANN401 - any answer
        if not gone:
            gone.append(desk.api("DELETE", f"ipam/ip-addresses/{row['id']}/"))
        return await method(*args)

    desk.restart(addresses=Meddler(desk.netbox.addresses, **{when: vanish}))
    made = await desk.operations.allocate(operator, wish("web", **ADOPT))
    assert (made.created, made.allocation.ip) == (True, "192.168.4.77")
    await desk.quiet()


async def test_a_key_that_another_process_takes_meanwhile_is_looked_at_again(
    desk: Desk, operator: Caller
) -> None:
    """Whoever asks again gets what stands there then."""
    human(desk)

    async def take(method: Callable[..., Awaitable[Any]], *args: object) -> Any:  # noqa: ANN401 - any answer
        found = await method(*args)
        entry = await desk.entry("web")
        if entry is None:
            await desk.operations.upsert(operator, wish("web", prefix=LAB))
        return found

    operations = desk.operations
    desk.restart(addresses=Meddler(desk.netbox.addresses, find_host=take))
    desk.operations, other = operations, desk.operations
    with pytest.raises(KeyConflict):
        await other.allocate(operator, wish("web", **ADOPT))


# -- doubts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["answer_lost", "error"])
@pytest.mark.parametrize("then", ["retry", "reconcile"])
async def test_an_adoption_in_doubt_is_settled_by_its_claim(
    desk: Desk, operator: Caller, fault: str, then: str
) -> None:
    """By the next request or the reconciler, whether NetBox carried it out or not; nobody else gets it."""
    row = human(desk, dns_name=NAME)
    desk.fault(Fault(fault, method="PATCH"))
    with pytest.raises(OutcomeUnknown):
        await desk.post(operator, "web", **ADOPT, hold_seconds=3600)
    desk.fault()
    with pytest.raises(AddressTaken):
        await desk.post(operator, "other", **ADOPT)
    if then == "reconcile":
        await desk.quiet()
    shown = await desk.post(operator, "web", **ADOPT, hold_seconds=3600)
    assert (shown.netbox_id, shown.dns_name, shown.state) == (str(row["id"]), NAME, "held")
    entry = await desk.entry("web")
    assert entry is not None
    assert entry.adopted
    await desk.quiet()


async def test_a_late_claim_after_the_adoption_was_given_up_is_not_taken_for_berth_s_own(
    desk: Desk, operator: Caller
) -> None:
    """The address was there before: it is neither freed as late nor deleted by a release."""
    rows = [human(desk, f"192.168.4.{n}/24") for n in (77, 78, 79)]
    for row, key in zip(rows, "abc", strict=True):
        desk.fault(Fault("error", method="PATCH"))
        with pytest.raises(OutcomeUnknown):
            await desk.post(operator, key, **at(row["address"]), adopt=True)
    desk.fault()
    desk.clock.ahead += 200.0
    assert (await desk.operations.reconcile()).failed == 3
    for row, key in zip(rows, "abc", strict=True):
        late = {"custom_fields": {"berth_key": key, "berth_owner": "ops"}}
        desk.api("PATCH", f"ipam/ip-addresses/{row['id']}/", late)
    assert (await desk.operations.reconcile()).freed == 0
    assert (await desk.get(operator, "a")).netbox_id == str(rows[0]["id"])
    await desk.operations.release(operator, "a")
    await desk.post(operator, "b", prefix=LAB, **at(rows[1]["address"]))
    await desk.put(operator, "c", prefix=LAB, **at(rows[2]["address"]), description="mine")
    for row, key in zip(rows[1:], "bc", strict=True):
        assert claim_of(desk, row) == (key, "ops")
        await desk.operations.release(operator, key)
    assert [claim_of(desk, row) for row in rows] == [(None, None)] * 3
    await desk.quiet()


async def test_what_carries_the_key_of_an_adoption_and_is_another_object_is_left_alone(
    desk: Desk, operator: Caller
) -> None:
    """A human gave the key in doubt to it: it is not what was asked for, nor made for this key."""
    human(desk)
    desk.fault(Fault("error", method="PATCH"))
    with pytest.raises(OutcomeUnknown):
        await desk.post(operator, "web", **ADOPT, hold_seconds=60)
    desk.fault()
    theirs = {"custom_fields": {"berth_key": "web", "berth_owner": "ops"}}
    other = human(desk, "192.168.4.78/24", **theirs)
    await desk.operations.reconcile()
    entry = await desk.entry("web")
    assert entry is not None
    assert entry.state is State.PENDING
    desk.clock.ahead += 200.0
    assert (await desk.operations.reconcile()).failed == 1
    assert (await desk.operations.reconcile()).freed == 0
    assert held(desk, other)["custom_fields"]["berth_key"] == "web"


# -- letting go --------------------------------------------------------------------------------------


async def test_a_release_takes_the_key_off_and_leaves_the_address(desk: Desk, operator: Caller) -> None:
    """Also where it is in use; it is not handed out, and can be adopted again."""
    row = human(desk, dns_name=NAME)
    await desk.post(operator, "web", **ADOPT)
    assign(desk, row["id"])
    before = held(desk, row)
    await desk.operations.release(operator, "web", dry_run=True)
    assert claim_of(desk, row) == ("web", "ops")
    await desk.operations.release(operator, "web")
    assert (claim_of(desk, row), desk.calls("DELETE")) == ((None, None), 0)
    assert same(before, held(desk, row))
    with pytest.raises(NotFound):
        await desk.get(operator, "web")
    await desk.operations.release(operator, "web")
    assert (await desk.audit("web"))[-2:] == ["intent release", "outcome release let go"]
    assert (await desk.post(operator, "web", prefix=LAB)).ip == "192.168.4.2"
    assert (await desk.post(operator, "again", **ADOPT)).netbox_id == str(row["id"])
    await desk.operations.release(operator, "again", force=True)
    assert claim_of(desk, row) == (None, None)
    await desk.quiet()


async def test_an_address_that_is_gone_is_released_already(desk: Desk, operator: Caller) -> None:
    """Deleted before the release, or right before its change."""
    for key, number in (("a", 77), ("b", 78)):
        human(desk, f"192.168.4.{number}/24")
        await desk.post(operator, key, **at(f"192.168.4.{number}"), adopt=True)
    await desk.erase("a")
    await desk.operations.release(operator, "a")

    async def vanish(method: Change, address: Address, changes: Changes) -> Address:
        await desk.erase("b")
        return await method(address, changes)

    desk.restart(addresses=Meddler(desk.netbox.addresses, change=vanish))
    await desk.operations.release(operator, "b")
    assert [(await desk.audit(key))[-1] for key in "ab"] == ["outcome release gone"] * 2


@pytest.mark.parametrize("fault", ["answer_lost", "error"])
async def test_a_release_in_doubt_is_finished(desk: Desk, operator: Caller, fault: str) -> None:
    """At once or by the reconciler; until then no other key gets the address."""
    row = human(desk)
    await desk.post(operator, "web", **ADOPT)
    looks = f"/api/ipam/ip-addresses/{row['id']}/"
    desk.fault(Fault(fault, method="PATCH"), Fault("down", method="GET", path=looks, skip=1))
    with pytest.raises(OutcomeUnknown):
        await desk.operations.release(operator, "web")
    desk.fault()
    with pytest.raises(AddressTaken):
        await desk.post(operator, "other", **ADOPT)
    assert (await desk.operations.reconcile()).released == 1
    assert claim_of(desk, row) == (None, None)
    await desk.accounted()


async def test_another_key_s_claim_is_left_alone(desk: Desk, operator: Caller) -> None:
    """Set before the release it is a conflict; set after it began, there is nothing left to take off."""
    row = human(desk)
    await desk.post(operator, "web", **ADOPT)
    await desk.edit("web", claim=("theirs", "bob"))
    with pytest.raises(ClaimChanged):
        await desk.operations.release(operator, "web")
    await desk.edit("theirs", claim=("web", "ops"))
    desk.fault(Fault("error", method="PATCH"))
    with pytest.raises(OutcomeUnknown):
        await desk.operations.release(operator, "web")
    desk.fault()
    await desk.edit("web", claim=("theirs", "bob"))
    assert (await desk.operations.reconcile()).released == 1
    assert claim_of(desk, row) == ("theirs", "bob")


async def test_a_hold_that_ends_lets_go(desk: Desk, operator: Caller) -> None:
    """In use or not; a confirmed one stays."""
    rows = [human(desk, f"192.168.4.{n}/24") for n in (77, 78)]
    for row, key in zip(rows, "ab", strict=True):
        await desk.post(operator, key, **at(row["address"]), adopt=True, hold_seconds=60)
        desk.api(
            "PATCH",
            f"ipam/ip-addresses/{row['id']}/",
            {
                "assigned_object_type": "dcim.interface",
                "assigned_object_id": device_interface(desk, "golf")["id"],
            },
        )
    await desk.operations.confirm(operator, "b")
    desk.clock.ahead += 100.0
    assert (await desk.operations.reconcile()).expired == 1
    assert [claim_of(desk, row)[0] for row in rows] == [None, "b"]


async def test_what_the_ledger_lost_is_released_as_berth_s_own(desk: Desk, operator: Caller) -> None:
    """That it was adopted was in the ledger only: unused it is deleted, in use it is not."""
    rows = [human(desk, f"192.168.4.{n}/24") for n in (77, 78)]
    for row, key in zip(rows, "ab", strict=True):
        await desk.post(operator, key, **at(row["address"]), adopt=True)
        await desk.lose(key)
    assign(desk, rows[1]["id"])
    await desk.operations.release(operator, "a")
    with pytest.raises(BerthError, match="is assigned to interface eth0"):
        await desk.operations.release(operator, "b")
    assert await desk.netbox.addresses.read_many([row["id"] for row in rows]) != []
    assert await desk.netbox.addresses.find_host(ipaddress.ip_address("192.168.4.77"), None) == []
