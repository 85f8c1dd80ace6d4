"""DELETE: afterwards the key stands for nothing, whatever it took, and nothing foreign is deleted."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.domain.commands import Caller
from app.domain.errors import (
    ClaimChanged,
    ClaimDuplicated,
    Forbidden,
    InUse,
    NetBoxDenied,
    NetBoxUnavailable,
    NotFound,
    NotOwner,
    OutcomeUnknown,
    PartOfMachine,
)
from app.domain.inventory import Address
from app.domain.upstream import Missing, Stale, Unsure
from app.emulator.faults import Fault
from app.ledger.records import State
from tests.operations.conftest import LAB, Desk, Meddler
from tests.operations.test_holds import assign


async def test_what_is_released_is_gone_and_its_key_gets_the_same_address_again(
    desk: Desk, alice: Caller
) -> None:
    """404 at once; Terraform's destroy and create find the same place, if nobody has it meanwhile."""
    first = await desk.post(alice, "web", prefix=LAB)
    await desk.post(alice, "next", prefix=LAB)
    await desk.operations.release(alice, "web")
    with pytest.raises(NotFound):
        await desk.get(alice, "web")
    again = await desk.post(alice, "web", prefix=LAB)
    assert (again.ip, again.netbox_id != first.netbox_id) == (first.ip, True)
    await desk.operations.release(alice, "web")
    assert (await desk.post(alice, "other", prefix=LAB)).ip == first.ip
    assert (await desk.post(alice, "web", prefix=LAB)).ip == "192.168.4.4"
    assert (await desk.audit("web")).count("outcome release released") == 2


async def test_a_key_that_stands_for_nothing_is_left_in_peace(desk: Desk, alice: Caller) -> None:
    """Never heard of, released twice, deleted in NetBox: all the same answer, none."""
    await desk.operations.release(alice, "web")
    await desk.post(alice, "web", prefix=LAB)
    await desk.erase("web")
    for _ in range(2):
        await desk.operations.release(alice, "web")
    assert (await desk.audit("web"))[-2:] == ["intent release", "outcome release gone"]
    assert desk.calls("DELETE") == 1


async def test_a_dry_run_releases_nothing(desk: Desk, alice: Caller) -> None:
    """All checks, no write."""
    await desk.post(alice, "web", prefix=LAB)
    await desk.operations.release(alice, "web", dry_run=True)
    assert (await desk.get(alice, "web")).state == "active"


async def test_only_its_owner_releases_it(desk: Desk, alice: Caller, bob: Caller, operator: Caller) -> None:
    """Also where the ledger has lost it; an operator may force it, nobody else."""
    await desk.post(alice, "web", prefix=LAB)
    for who in (bob, operator):
        with pytest.raises(NotOwner):
            await desk.operations.release(who, "web")
    with pytest.raises(Forbidden):
        await desk.operations.release(alice, "web", force=True)
    await desk.lose("web")
    with pytest.raises(NotOwner):
        await desk.operations.release(bob, "web")
    await desk.operations.release(operator, "web", force=True)
    assert await desk.netbox.addresses.find_claims(["web"]) == []
    assert (await desk.audit("web"))[-2:] == ["intent release", "outcome release released"]


async def test_part_of_a_machine_is_not_released(desk: Desk, alice: Caller) -> None:
    """The machine is."""
    with pytest.raises(PartOfMachine):
        await desk.operations.release(alice, "vm~0~v4~0")


async def test_what_somebody_uses_is_not_released(desk: Desk, alice: Caller, operator: Caller) -> None:
    """The answer says where it is; an operator may force it. Also where the ledger has lost it."""
    await desk.post(alice, "web", prefix=LAB)
    assign(desk, (await desk.claimed("web")).id)
    for _ in range(2):
        with pytest.raises(InUse, match="interface eth0 of vm"):
            await desk.operations.release(alice, "web")
        await desk.lose("web")
    vm = desk.api("GET", "virtualization/virtual-machines/?name=vm")["results"][0]["id"]
    primary = {"primary_ip4": (await desk.claimed("web")).id}
    desk.api("PATCH", f"virtualization/virtual-machines/{vm}/", primary)
    with pytest.raises(InUse, match="as its primary address"):
        await desk.operations.release(alice, "web")
    await desk.operations.release(operator, "web", force=True)
    assert await desk.netbox.addresses.find_claims(["web"]) == []


async def test_a_claim_that_a_human_changed_is_not_deleted(
    desk: Desk, alice: Caller, operator: Caller
) -> None:
    """409 for everything on that key, no second allocation; an operator lets the key go, not the object."""
    await desk.post(alice, "web", prefix=LAB)
    row = await desk.claimed("web")
    for claim in (("other", "bob"), ("", "")):
        now = await desk.netbox.addresses.read(row.id)
        assert now is not None
        await desk.edit("web" if now.key == "web" else "other", claim=claim)
        for refused in (
            desk.operations.release(alice, "web"),
            desk.get(alice, "web"),
            desk.post(alice, "web", prefix=LAB),
            desk.put(alice, "web", prefix=LAB),
            desk.operations.confirm(alice, "web"),
        ):
            with pytest.raises(ClaimChanged):
                await refused
    await desk.operations.release(operator, "web", force=True)
    assert (await desk.audit("web"))[-1] == "outcome release let go"
    assert await desk.netbox.addresses.read(row.id) is not None
    assert (await desk.post(alice, "web", prefix=LAB)).netbox_id != str(row.id)


async def test_several_objects_with_one_key_need_a_human(desk: Desk, alice: Caller) -> None:
    """Made beside Berth; nothing is guessed, nothing deleted."""
    await desk.post(alice, "web", prefix=LAB)
    await desk.lose("web")
    double(desk, "web")
    for refused in (
        desk.operations.release(alice, "web"),
        desk.get(alice, "web"),
        desk.post(alice, "web", prefix=LAB),
    ):
        with pytest.raises(ClaimDuplicated):
            await refused
    assert len(await desk.netbox.addresses.find_claims(["web"])) == 2


def double(desk: Desk, key: str) -> None:
    """The same claim on a second object, as a list that somebody sends makes it."""
    for row in desk.api("GET", f"ipam/ip-addresses/?cf_berth_key={key}")["results"]:
        desk.api("DELETE", f"ipam/ip-addresses/{row['id']}/")
    prefix = desk.api("GET", f"ipam/prefixes/?prefix={LAB}")["results"][0]["id"]
    body = {"custom_fields": {"berth_key": key, "berth_owner": "alice"}}
    desk.api("POST", f"ipam/prefixes/{prefix}/available-ips/", [body, body])


# -- doubts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["answer_lost", "error_after", "error"])
async def test_a_deletion_without_an_answer_is_looked_after_at_once(
    desk: Desk, alice: Caller, fault: str
) -> None:
    """What is gone is gone; what is not is deleted again."""
    await desk.post(alice, "web", prefix=LAB)
    desk.fault(Fault(fault, method="DELETE", times=1))
    await desk.operations.release(alice, "web")
    assert await desk.netbox.addresses.find_claims(["web"]) == []
    await desk.accounted()


async def test_a_release_in_doubt_leads_to_released_only(desk: Desk, alice: Caller, bob: Caller) -> None:
    """Every other request for the key waits for it, or takes it up; the reconciler too."""
    await desk.post(alice, "web", prefix=LAB)
    desk.fault(Fault("error", method="DELETE"))
    for write in (
        desk.operations.release(alice, "web"),
        desk.get(alice, "web"),
        desk.post(alice, "web", prefix=LAB),
        desk.put(alice, "web", prefix=LAB),
        desk.operations.confirm(alice, "web"),
    ):
        with pytest.raises(OutcomeUnknown):
            await write
    entry = await desk.entry("web")
    assert entry is not None
    assert entry.state is State.RELEASING
    assert (await desk.operations.reconcile()).errors == 1
    desk.fault()
    assert (await desk.operations.reconcile()).released == 1
    await desk.accounted()


async def test_a_release_that_netbox_refuses_did_not_happen(desk: Desk, alice: Caller) -> None:
    """The one way back: it certainly did not happen."""
    before = await desk.post(alice, "web", prefix=LAB)
    for fault, error in (("token_expired", NetBoxDenied), ("throttled", NetBoxUnavailable)):
        desk.fault(Fault(fault, method="DELETE", retry_after=99))
        with pytest.raises(error):
            await desk.operations.release(alice, "web")
        desk.fault()
        desk.clock.ahead += 120.0
        assert await desk.get(alice, "web") == before
    await desk.accounted()


Delete = Callable[[Address, str], Awaitable[object]]


async def test_what_is_used_while_a_release_is_in_doubt_waits_for_a_human(
    desk: Desk, alice: Caller, operator: Caller
) -> None:
    """It stays `releasing`: an earlier deletion may still come. An operator may force it."""
    await desk.post(alice, "web", prefix=LAB)
    desk.fault(Fault("error", method="DELETE"))
    with pytest.raises(OutcomeUnknown):
        await desk.operations.release(alice, "web")
    desk.fault()
    assign(desk, (await desk.claimed("web")).id)
    for _ in range(2):
        with pytest.raises(InUse):
            await desk.operations.release(alice, "web")
    assert (await desk.operations.reconcile()).errors == 1
    await desk.operations.release(operator, "web", force=True)
    assert await desk.netbox.addresses.find_claims(["web"]) == []
    await desk.accounted()


async def test_what_another_key_has_while_a_release_is_in_doubt_is_let_go(
    desk: Desk, alice: Caller, operator: Caller
) -> None:
    """By an operator, and the object stays."""
    await desk.post(alice, "web", prefix=LAB)
    desk.fault(Fault("error", method="DELETE"))
    with pytest.raises(OutcomeUnknown):
        await desk.operations.release(alice, "web")
    desk.fault()
    await desk.edit("web", claim=("other", "bob"))
    with pytest.raises(ClaimChanged):
        await desk.operations.release(alice, "web")
    await desk.operations.release(operator, "web", force=True)
    assert (await desk.claimed("other")).owner == "bob"
    await desk.accounted()


@pytest.mark.parametrize(
    ("answers", "error", "state"),
    [
        ([Stale("changed")], None, State.RELEASED),
        ([Stale("changed")] * 3, OutcomeUnknown, State.RELEASING),
        ([Missing("gone")], None, State.RELEASED),
        ([Unsure("reset"), Stale("changed"), Stale("changed")], OutcomeUnknown, State.RELEASING),
    ],
    ids=["changed once", "changes all the time", "gone in between", "in doubt before"],
)
async def test_what_changes_between_our_look_and_our_deletion_is_looked_at_again(
    desk: Desk,
    alice: Caller,
    answers: list[Exception],
    error: type[Exception] | None,
    state: State,
) -> None:
    """Three times; once an attempt is in doubt, nothing that a later one is told takes the doubt away."""
    await desk.post(alice, "web", prefix=LAB)
    left = list(answers)

    async def meddle(delete: Delete, address: Address, message: str) -> object:
        if left:
            raise left.pop(0)
        return await delete(address, message)

    desk.restart(addresses=Meddler(desk.netbox.addresses, delete=meddle))
    [outcome] = await asyncio.gather(desk.operations.release(alice, "web"), return_exceptions=True)
    assert (type(outcome) if outcome else None) is error
    entry = await desk.entry("web")
    assert entry is not None
    assert entry.state is state
    desk.restart(addresses=desk.netbox.addresses)
    await desk.quiet()


async def test_an_edit_before_the_deletion_does_not_hide_a_new_use(desk: Desk, alice: Caller) -> None:
    """Read again, and found in use: the release is taken back."""
    before = await desk.post(alice, "web", prefix=LAB)

    async def meddle(delete: Delete, address: Address, message: str) -> object:
        assign(desk, address.id)
        return await delete(address, message)

    desk.restart(addresses=Meddler(desk.netbox.addresses, delete=meddle))
    with pytest.raises(InUse):
        await desk.operations.release(alice, "web")
    assert (await desk.get(alice, "web")).netbox_id == before.netbox_id
    await desk.accounted()


async def test_the_release_of_a_lost_key_closes_a_stale_holder(
    desk: Desk, alice: Caller, bob: Caller
) -> None:
    """The ledger says that the object is another key's, NetBox says that it is this one's: NetBox wins."""
    await desk.post(alice, "web", prefix=LAB)
    await desk.edit("web", claim=("mine", "bob"))
    await desk.operations.release(bob, "mine")
    assert await desk.netbox.addresses.find_claims(["mine"]) == []
    assert (await desk.audit("web"))[-1] == "outcome close superseded"
    with pytest.raises(NotFound):
        await desk.get(alice, "web")


async def test_a_key_in_doubt_is_not_released(desk: Desk, alice: Caller, bob: Caller) -> None:
    """Until it is known what it stands for, or given up."""
    desk.fault(Fault("error", method="POST"))
    with pytest.raises(OutcomeUnknown):
        await desk.post(alice, "web", prefix=LAB)
    desk.fault()
    with pytest.raises(NotOwner):
        await desk.operations.release(bob, "web")
    with pytest.raises(OutcomeUnknown):
        await desk.operations.release(alice, "web")
    await desk.quiet()
    await desk.operations.release(alice, "web")
