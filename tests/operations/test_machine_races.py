"""What happens to a machine between two steps: another process, a human, a late call, and each is noticed."""

import contextlib
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from app.domain.commands import Caller
from app.domain.errors import (
    BerthError,
    InUse,
    KeyConflict,
    Later,
    NetBoxUnprepared,
    NotFound,
    OperationStuck,
    OutcomeUnknown,
    StillWorking,
)
from app.domain.upstream import Missing, Unsure
from app.emulator.faults import Fault
from app.ledger.machine_records import MachineEntry, MachineState
from app.ledger.ports import Tx
from app.operations.machine_answers import MachineFilters
from tests.operations.conftest import LAB, SMALL, Desk, Meddler, Opener, machine_wish
from tests.operations.test_converge import ips, machine_of, nic_of
from tests.operations.test_machine_crashes import ETH0, ETH1
from tests.operations.test_machine_ends import add_address, add_nic, claim_of, patch
from tests.operations.test_machine_faults import (
    MACHINES,
    REFUSED,
    SMALLER,
    WHOLE,
    WORDS,
    meddle,
    raising,
    unmeddle,
)

MACS = "/api/dcim/mac-addresses/"


def erase_machine(desk: Desk, name: str = "web") -> None:
    """A human deletes it."""
    desk.api("DELETE", f"virtualization/virtual-machines/{machine_of(desk, name)['id']}/")


# -- other processes -----------------------------------------------------------------------------


async def test_a_key_that_others_keep_changing_is_told_to_come_again(desk: Desk, alice: Caller) -> None:
    """Three looks are enough for one request; nothing is begun."""
    await desk.register(alice, "web", **SMALLER)

    async def faster(method: Any, *args: object) -> object:  # noqa: ANN401 - a method
        entry = await desk.registered("web")
        assert entry is not None
        await desk.database.write(lambda tx: tx.put_machine(replace(entry, changed_at=entry.changed_at + 1)))
        return await method(*args)

    meddle(desk, interfaces=faster)
    for asked in (
        desk.converge(alice, "web", description="x"),
        desk.converge(alice, "web", reference="T-1"),
        desk.operations.machines.retire(alice, "web"),
    ):
        with pytest.raises(StillWorking):
            await asked
    unmeddle(desk)
    assert desk.hanging("web") == WHOLE[:3]
    await desk.accounted()


async def test_a_failure_in_an_operation_that_somebody_else_finished_undoes_nothing(
    desk: Desk, alice: Caller
) -> None:
    """The slower process looks again, and answers what is there."""

    async def overtaken(_method: object, *_args: object) -> object:
        unmeddle(desk)
        await desk.operations.machines.reconcile()
        raise REFUSED

    meddle(desk, finish=overtaken)
    slow = desk.operations.machines.register
    assert (await slow(alice, machine_wish("web", **SMALLER))).replayed
    assert desk.hanging("web") == WHOLE[:3]
    await desk.quiet()


async def test_an_entry_that_changed_since_the_pass_began_is_left_to_the_next(
    desk: Desk, alice: Caller
) -> None:
    """Somebody was at it meanwhile."""
    meddle(desk, create=raising(Unsure("lost")))
    for key in ("k0", "k1"):
        with pytest.raises(OutcomeUnknown):
            await desk.register(alice, key, name=key, cluster="matrix")

    async def meanwhile(method: Any, *args: object) -> object:  # noqa: ANN401 - a method
        entry = await desk.registered("k1")
        assert entry is not None
        await desk.database.write(lambda tx: tx.put_machine(replace(entry, step="machine")))
        return await method(*args)

    meddle(desk, find_claims=meanwhile)
    assert (await desk.operations.machines.reconcile()).settled == 1
    unmeddle(desk)
    assert (await desk.operations.machines.reconcile()).settled == 1
    await desk.quiet()


async def test_a_machine_that_a_human_gave_another_key_is_that_keys(desk: Desk, alice: Caller) -> None:
    """The former key is over; one that is being worked on is waited for."""
    await desk.register(alice, "web", name="web", cluster="matrix")
    number = machine_of(desk)["id"]
    for key, words in (("noted", {}), ("changed", {"description": "x"})):
        patch(desk, "virtualization/virtual-machines", number, **claim_of(key))
        assert (await desk.converge(alice, key, **words)).netbox_id == str(number)
    assert "note close superseded" in await desk.audit("web")
    assert "note close superseded" in await desk.audit("noted")
    meddle(desk, change=raising(Unsure("lost")))
    with pytest.raises(OutcomeUnknown):
        await desk.converge(alice, "changed", description="y")
    unmeddle(desk)
    patch(desk, "virtualization/virtual-machines", number, **claim_of("third"))
    with pytest.raises(StillWorking):
        await desk.converge(alice, "third")
    await desk.quiet()
    with pytest.raises(BerthError):
        await desk.machine(alice, "changed")
    assert (await desk.converge(alice, "third")).netbox_id == str(number)


# -- humans --------------------------------------------------------------------------------------


async def test_a_machine_that_is_deleted_as_soon_as_it_is_made_is_told_to_be_asked_for_again(
    desk: Desk, alice: Caller
) -> None:
    """There is nothing to show."""

    async def deleted(method: Any, *args: object) -> object:  # noqa: ANN401 - a method
        done = await method(*args)
        erase_machine(desk)
        return done

    meddle(desk, finish=deleted)
    with pytest.raises(StillWorking):
        await desk.register(alice, "web", **SMALLER)
    unmeddle(desk)
    with pytest.raises(NotFound):
        await desk.machine(alice, "web")
    await desk.quiet()


async def test_what_is_gone_before_it_is_removed_is_removed(desk: Desk, alice: Caller) -> None:
    """An interface that a human was faster with, and a machine."""
    await desk.register(alice, "web", **WORDS)

    async def faster(method: Any, nic: Any, *args: object) -> object:  # noqa: ANN401 - a method
        desk.api("DELETE", f"virtualization/interfaces/{nic.id}/")
        return await method(nic, *args)

    meddle(desk, delete_interface=faster)
    await desk.converge(alice, "web", interfaces=[ETH0])
    assert desk.hanging("web") == WHOLE[:3]

    async def all_of_it(_method: object, *_args: object) -> object:
        erase_machine(desk)
        raise Missing("gone")

    meddle(desk, delete_interface=all_of_it)
    await desk.operations.machines.retire(alice, "web")
    unmeddle(desk)
    assert desk.hanging("web") == []
    await desk.quiet()


async def test_a_machine_that_goes_while_its_interfaces_are_removed_needs_no_more(
    desk: Desk, alice: Caller
) -> None:
    """One look is enough to see it."""
    await desk.register(alice, "web", **WORDS)

    async def gone(_method: object, *_args: object) -> None:
        return None

    meddle(desk, read=gone)
    await desk.converge(alice, "web", interfaces=[ETH0])
    unmeddle(desk)
    await desk.accounted()


async def test_an_address_that_comes_onto_an_interface_that_is_to_go_stops_it(
    desk: Desk, alice: Caller, operator: Caller
) -> None:
    """Looked at right before the deletion; the human removes it, and a retry goes on."""
    await desk.register(alice, "web", **WORDS)
    nic = nic_of(desk, "eth1")["id"]

    async def meanwhile(method: Any, *args: object) -> object:  # noqa: ANN401 - a method
        if not desk.api("GET", "ipam/ip-addresses/?address=10.77.0.9/24")["count"]:
            add_address(desk, nic)
        return await method(*args)

    meddle(desk, read=meanwhile)
    with pytest.raises(OperationStuck, match=r"10\.77\.0\.9/24 is on the interface eth1 of web"):
        await desk.converge(alice, "web", interfaces=[ETH0])
    unmeddle(desk)
    assert nic_of(desk, "eth1")["id"] == nic
    [row] = desk.api("GET", "ipam/ip-addresses/?address=10.77.0.9/24")["results"]
    desk.api("DELETE", f"ipam/ip-addresses/{row['id']}/")
    [shown] = (await desk.operations.machines.open_operations(operator, None, 9)).items
    assert (await desk.operations.machines.mend.retry(operator, shown.id)).result == "finished"
    assert desk.hanging("web") == WHOLE[:3]
    await desk.quiet()


async def test_an_undo_that_the_reconciler_cannot_end_is_stuck(desk: Desk, alice: Caller) -> None:
    """Counted once as settled, and from then on as stuck."""
    desk.fault(Fault("error", method="PATCH", path=MACHINES, status=400), Fault("down", method="DELETE"))
    with pytest.raises(OutcomeUnknown):
        await desk.register(alice, "web", **SMALLER)
    desk.fault()
    add_nic(desk, "eth9")
    done = await desk.operations.machines.reconcile()
    assert (done.settled, done.errors, done.stuck) == (1, 0, 1)
    assert (await desk.operations.machines.reconcile()).settled == 0


async def test_a_silent_interface_may_have_lost_an_address(desk: Desk, alice: Caller) -> None:
    """Another one of the family becomes primary, also where the request speaks of none; also when resumed."""
    pair = {"name": "eth0", "addresses": [{"prefix": LAB}, {"prefix": LAB}]}
    made = await desk.register(alice, "web", name="web", cluster="matrix", interfaces=[pair])
    await desk.erase("web~1~v4~1")
    meddle(desk, change=raising(Unsure("lost")))
    with pytest.raises(OutcomeUnknown):
        await desk.converge(alice, "web", interfaces=[{"name": "eth0", "mtu": 1400}])
    unmeddle(desk)
    await desk.quiet()
    shown = await desk.machine(alice, "web")
    assert (shown.primary_ip4, shown.interfaces[0].mtu) == (ips(made)[1], 1400)


async def test_an_address_that_was_unassigned_makes_room_for_another_place(desk: Desk, alice: Caller) -> None:
    """It is not what is asked for, so it goes, and does not stand in the way."""
    await desk.register(alice, "web", **SMALLER)
    row = await desk.claimed("web~1~v4~1")
    patch(desk, "virtualization/virtual-machines", machine_of(desk)["id"], primary_ip4=None)
    patch(desk, "ipam/ip-addresses", row.id, assigned_object_type=None, assigned_object_id=None)
    shown = await desk.converge(alice, "web", interfaces=[{"name": "eth0", "addresses": [{"prefix": SMALL}]}])
    assert ips(shown) == ["192.168.5.2"]
    assert desk.hanging("web") == ["web", "web~1", "web~1~v4~2"]
    await desk.quiet()


async def test_an_address_that_carries_the_claim_elsewhere_is_not_taken(desk: Desk, alice: Caller) -> None:
    """The ledger was lost, and a human had moved it: refused, and left where it is."""
    await desk.register(alice, "web", **SMALLER)
    await desk.register(alice, "other", name="other", cluster="matrix", interfaces=[{"name": "eth7"}])
    row = await desk.claimed("web~1~v4~1")
    patch(desk, "virtualization/virtual-machines", machine_of(desk)["id"], primary_ip4=None)
    patch(desk, "ipam/ip-addresses", row.id, assigned_object_id=nic_of(desk, "eth7")["id"])
    erase_machine(desk)
    desk.forget("web")
    with pytest.raises(InUse, match="somebody moved it"):
        await desk.register(alice, "web", **SMALLER)
    assert desk.hanging("web") == ["web~1~v4~1"]
    assert (await desk.claimed("web~1~v4~1")).id == row.id
    await desk.accounted()


async def test_an_address_that_is_moved_while_the_machine_is_made_is_stuck(
    desk: Desk, alice: Caller, operator: Caller
) -> None:
    """It cannot be taken back where it is; cleared of its claim it is let go."""
    await desk.register(alice, "other", name="other", cluster="matrix", interfaces=[{"name": "eth7"}])

    async def meanwhile(_method: object, *_args: object) -> object:
        row = await desk.claimed("web~1~v4~1")
        patch(desk, "ipam/ip-addresses", row.id, assigned_object_id=nic_of(desk, "eth7")["id"])
        raise Unsure("lost")

    meddle(desk, finish=meanwhile)
    with pytest.raises(OutcomeUnknown):
        await desk.register(alice, "web", **SMALLER)
    unmeddle(desk)
    with pytest.raises(OperationStuck, match="eth7 of other"):
        await desk.register(alice, "web", **SMALLER)
    patch(desk, "ipam/ip-addresses", (await desk.claimed("web~1~v4~1")).id, **claim_of(None))
    [shown] = (await desk.operations.machines.open_operations(operator, None, 9)).items
    assert (await desk.operations.machines.mend.retry(operator, shown.id)).result == "undone"
    assert desk.hanging("web") == []
    await desk.quiet()


async def test_an_address_that_vanishes_before_it_is_looked_at_is_made_again(
    desk: Desk, alice: Caller
) -> None:
    """It carried the claim when NetBox was asked for one; the next request makes it."""
    await desk.register(alice, "web", **SMALLER)
    desk.forget("web")
    erased: list[int] = []

    async def vanish(method: Any, number: int) -> object:  # noqa: ANN401 - a method
        if not erased and await desk.entry("web~1~v4~1"):
            erased.append(number)
            desk.api("DELETE", f"ipam/ip-addresses/{number}/")
        return await method(number)

    desk.restart(addresses=Meddler(desk.netbox.addresses, read=vanish))
    with pytest.raises(Later):
        await desk.converge(alice, "web", **SMALLER, description="x")
    unmeddle(desk)
    await desk.quiet()
    assert desk.hanging("web") == WHOLE[:3]


# -- doubts --------------------------------------------------------------------------------------


async def test_an_address_in_doubt_is_given_up_when_the_rest_is_undone(desk: Desk, alice: Caller) -> None:
    """Should it turn up all the same, it is freed."""
    ids = {row["prefix"]: row["id"] for row in desk.listed("ipam/prefixes")}
    desk.fault(
        Fault("down", method="POST", path=f"*/prefixes/{ids[LAB]}/available-ips/"),
        Fault("error", method="POST", path=f"*/prefixes/{ids[SMALL]}/available-ips/", status=400),
    )
    both = {"name": "eth0", "addresses": [{"prefix": LAB}, {"prefix": SMALL}]}
    with pytest.raises(BerthError) as told:
        await desk.register(alice, "web", name="web", cluster="matrix", interfaces=[both])
    assert told.value.code == "refused_by_netbox"
    desk.fault()
    assert desk.hanging("web") == []
    desk.api("POST", f"ipam/prefixes/{ids[LAB]}/available-ips/", claim_of("web~1~v4~1"))
    await desk.quiet()
    assert desk.hanging("web") == []


@pytest.mark.parametrize("times", [1, None])
async def test_an_interface_without_its_mac_address_gets_it(
    open_desk: Opener, alice: Caller, times: int | None
) -> None:
    """Before NetBox 4.7 it takes calls of its own, and those may fail."""
    desk = await open_desk(version="4.3")
    desk.fault(Fault("error", method="POST", path=MACS, status=502, times=times))
    with contextlib.suppress(OutcomeUnknown):
        await desk.register(alice, "web", **WORDS)
    await desk.quiet()
    assert desk.hanging("web") == WHOLE
    assert nic_of(desk, "eth1")["mac_address"] == ETH1["mac_address"]


async def test_an_interface_elsewhere_with_the_claim_is_told(desk: Desk, alice: Caller) -> None:
    """And what was made is taken back."""
    await desk.register(alice, "other", name="other", cluster="matrix")
    add_nic(desk, "eth7", "other", **claim_of("web~1"))
    with pytest.raises(KeyConflict, match="clear its berth_key"):
        await desk.register(alice, "web", **SMALLER)
    assert desk.hanging("web") == ["web~1"]
    await desk.accounted()


# -- the rest ------------------------------------------------------------------------------------


async def test_a_post_of_the_key_alone_answers_what_it_stands_for(desk: Desk, alice: Caller) -> None:
    """And in a dry run the same, which writes nothing down."""
    made = await desk.register(alice, "web", **SMALLER)
    assert await desk.register(alice, "web") == made
    desk.forget("web")
    await desk.operations.machines.register(alice, machine_wish("web"), dry_run=True)
    assert await desk.registered("web") is None


async def test_custom_fields_change_and_null_clears_them(desk: Desk, alice: Caller) -> None:
    """Those that are named; a dry run shows what would be, tags and tenant as well."""
    field = {"object_types": ["virtualization.virtualmachine"], "name": "cost", "type": "text"}
    desk.api("POST", "extras/custom-fields/", field)
    desk.api("POST", "tenancy/tenants/", {"name": "Team X", "slug": "team-x"})
    desk.api("POST", "extras/tags/", {"name": "Edge", "slug": "edge"})
    await desk.register(alice, "web", **SMALLER)
    nics = [{**ETH0, "tags": ["edge"]}, {"name": "eth1", "tags": ["edge"]}]
    words: dict[str, Any] = {"custom_fields": {"cost": "7"}, "tags": ["edge"], "tenant": "team-x"}
    wish = machine_wish("web", **words, interfaces=nics)
    shown = (await desk.operations.machines.converge(alice, wish, dry_run=True)).machine
    assert (shown.custom_fields, shown.tags, shown.tenant) == ({"cost": "7"}, ("edge",), "team-x")
    assert [nic.tags for nic in shown.interfaces] == [("edge",), ("edge",)]
    assert (await desk.machine(alice, "web")).tags == ()
    changed = await desk.converge(alice, "web", **words)
    assert (changed.custom_fields, machine_of(desk)["custom_fields"]["cost"]) == ({"cost": "7"}, "7")
    cleared = await desk.converge(alice, "web", custom_fields=None)
    assert cleared.custom_fields is None
    assert machine_of(desk)["custom_fields"]["berth_key"] == "web"


async def test_a_netbox_without_claims_on_machines_gets_none(desk: Desk, alice: Caller) -> None:
    """Addresses can be allocated there all the same."""
    [field] = desk.api("GET", "extras/custom-fields/?name=berth_key")["results"]
    patch(desk, "extras/custom-fields", field["id"], object_types=["ipam.ipaddress"])
    await desk.post(alice, "plain", prefix=LAB)
    with pytest.raises(NetBoxUnprepared, match="not defined for virtual machines"):
        await desk.register(alice, "web", **SMALLER)


async def test_a_list_goes_on_behind_what_is_gone(desk: Desk, alice: Caller) -> None:
    """However many in a row were deleted in NetBox."""
    await desk.register(alice, "z", name="z", cluster="matrix")
    rows = [
        MachineEntry(key=f"k{n:03}", owner="alice", state=MachineState.DONE, netbox_id=10_000 + n)
        for n in range(100)
    ]
    for row in rows:
        await desk.database.write(partial(_put, row))
    page = await desk.operations.machines.list_machines(alice, MachineFilters(), None, 9)
    assert [each.machine.key for each in page.items] == ["z"]


def _put(row: MachineEntry, tx: Tx) -> None:
    tx.put_machine(row)
