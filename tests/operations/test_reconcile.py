"""What nobody waits for any more: settled, given up, freed; and nothing on suspicion."""

from dataclasses import replace

import pytest

from app.domain.commands import Caller
from app.domain.errors import NotFound, OutcomeUnknown
from app.domain.inventory import Address
from app.emulator.faults import Fault
from app.ledger.records import Entry, Event, Operation, State
from app.operations.reconcile import Reconciled
from tests.operations.conftest import LAB, Desk, Meddler


async def give_up(desk: Desk, caller: Caller, key: str) -> None:
    """A request that NetBox did not answer, given up after three minutes."""
    desk.fault(Fault("error", method="POST"))
    with pytest.raises(OutcomeUnknown):
        await desk.post(caller, key, prefix=LAB)
    desk.fault()
    desk.clock.ahead += 170.0
    assert await desk.operations.reconcile() == Reconciled()
    desk.clock.ahead += 20.0
    assert await desk.operations.reconcile() == Reconciled(failed=1)


def turn_up(desk: Desk, key: str, owner: str = "alice") -> int:
    """The object appears in NetBox after all."""
    [prefix] = desk.api("GET", f"ipam/prefixes/?prefix={LAB}")["results"]
    claim = {"custom_fields": {"berth_key": key, "berth_owner": owner}}
    return int(desk.api("POST", f"ipam/prefixes/{prefix['id']}/available-ips/", claim)["id"])


async def test_what_was_made_without_an_answer_is_settled(desk: Desk, alice: Caller) -> None:
    """Without anybody asking."""
    looks = "/api/ipam/ip-addresses/"
    desk.fault(Fault("error_after", method="POST"), Fault("down", method="GET", path=looks, skip=1))
    with pytest.raises(OutcomeUnknown):
        await desk.post(alice, "web", prefix=LAB)
    desk.fault()
    assert await desk.operations.reconcile() == Reconciled(settled=1)
    assert (await desk.audit("web"))[-1] == "outcome allocate recovered"
    assert (await desk.post(alice, "web", prefix=LAB)).state == "active"
    await desk.accounted()


async def test_what_turns_up_after_it_was_given_up_is_freed(desk: Desk, alice: Caller) -> None:
    """Only what that very operation can have made."""
    for key in ("late", "foreign"):
        await give_up(desk, alice, key)
    turn_up(desk, "late")
    turn_up(desk, "foreign", "bob")
    with pytest.raises(OutcomeUnknown, match="being undone"):
        await desk.get(alice, "late")
    assert await desk.operations.reconcile() == Reconciled(freed=1)
    assert (await desk.audit("late"))[-2:] == ["intent free late", "outcome free late released"]
    with pytest.raises(NotFound):
        await desk.get(alice, "late")
    assert (await desk.claimed("foreign")).owner == "bob"
    await desk.accounted()


async def test_a_late_object_that_is_not_the_operations_stays(desk: Desk, alice: Caller) -> None:
    """Made before it, long after it, in another VRF, or at a time that NetBox does not tell."""
    await give_up(desk, alice, "web")
    turn_up(desk, "web")
    entry = await desk.entry("web")
    assert entry is not None
    wrong: list[Entry] = [
        replace(entry, opened_at=entry.opened_at + 10_000.0),
        replace(entry, vrf_id=1),
    ]
    for other in wrong:
        await desk.database.write(lambda tx, other=other: tx.put(other))  # type: ignore[misc]
        await desk.operations.reconcile()
    assert (await desk.claimed("web")).owner == "alice"
    desk.clock.ahead += 700.0
    await desk.operations.reconcile()
    assert (await desk.claimed("web")).owner == "alice"
    await desk.accounted()


async def test_a_late_object_without_a_date_stays(desk: Desk, alice: Caller) -> None:
    """Nothing is freed on suspicion."""
    await give_up(desk, alice, "web")
    turn_up(desk, "web")

    async def undated(find: object, keys: object) -> list[Address]:
        found: list[Address] = await find(keys)  # type: ignore[operator]
        return [replace(row, created=None) for row in found]

    desk.restart(addresses=Meddler(desk.netbox.addresses, find_claims=undated))
    assert await desk.operations.reconcile() == Reconciled()
    assert (await desk.get(alice, "web")).key == "web"


async def test_a_late_object_is_the_retrys(desk: Desk, alice: Caller) -> None:
    """Whoever asks again before the sweep gets it, with its hold."""
    await give_up(desk, alice, "web")
    netbox_id = turn_up(desk, "web")
    made = await desk.post(alice, "web", prefix=LAB, hold_seconds=600)
    assert (made.netbox_id, made.state) == (str(netbox_id), "held")
    await desk.accounted()


async def test_an_object_that_the_ledger_does_not_know_is_left_alone(desk: Desk, alice: Caller) -> None:
    """The ledger may be a restored one."""
    await desk.post(alice, "web", prefix=LAB)
    await desk.lose("web")
    desk.clock.ahead += 10_000.0
    assert await desk.operations.reconcile() == Reconciled()
    assert (await desk.claimed("web")).owner == "alice"


async def test_a_netbox_that_is_down_stops_nothing_but_itself(desk: Desk, alice: Caller) -> None:
    """Each entry is counted and tried again in the next pass."""
    await desk.post(alice, "hold", prefix=LAB, hold_seconds=60)
    await desk.put(alice, "web", prefix=LAB)
    await desk.post(alice, "gone", prefix=LAB)
    await desk.operations.release(alice, "gone")
    desk.fault(Fault("answer_lost", method="PATCH"), Fault("error", method="DELETE"))
    for write in (desk.put(alice, "web", description="x"), desk.operations.release(alice, "hold")):
        with pytest.raises(OutcomeUnknown):
            await write
    desk.clock.ahead += 200.0
    desk.fault(Fault("down"))
    assert await desk.operations.reconcile() == Reconciled(errors=3)
    desk.fault()
    assert await desk.operations.reconcile() == Reconciled(released=1, closed=1)
    await desk.accounted()


async def test_what_somebody_is_at_is_left_to_them(desk: Desk, alice: Caller) -> None:
    """A key that is busy, and an entry that changed since it was read."""
    await desk.post(alice, "busy", prefix=LAB, hold_seconds=60)
    await desk.post(alice, "moved", prefix=LAB, hold_seconds=60)
    desk.clock.ahead += 100.0
    reconcile = desk.operations.reconcile

    async def meanwhile(read: object, work: object) -> object:
        found = await read(work)  # type: ignore[operator]
        if isinstance(found, list) and found and isinstance(found[0], Entry):
            moved = next(entry for entry in found if entry.key == "moved")
            changed = replace(moved, hold_until=None)
            await desk.database.write(lambda tx: tx.put(changed))
        return found

    desk.restart(store=Meddler(desk.database, read=meanwhile))
    async with desk.operations.reconcile.turns("busy"):
        assert await desk.operations.reconcile() == Reconciled()
    desk.restart(store=desk.database)
    assert reconcile != desk.operations.reconcile
    assert await desk.operations.reconcile() == Reconciled(expired=1)


async def test_operations_that_nobody_finished_get_an_outcome(desk: Desk, alice: Caller) -> None:
    """After three minutes; not while somebody is at their key, and not before what they wait for."""
    await desk.post(alice, "web", prefix=LAB)
    now = desk.clock()
    left = [
        Operation(id=f"op-{key}", key=key, action="gateway", started_at=now) for key in ("", "web", "gone")
    ]
    for each in left:
        await desk.database.write(lambda tx, each=each: tx.begin(each))  # type: ignore[misc]
        event = Event(event="intent", action="gateway", time=now, key=each.key, operation=each.id)
        await desk.database.write(lambda tx, event=event: tx.append(event))  # type: ignore[misc]
    assert await desk.operations.reconcile() == Reconciled()
    desk.clock.ahead += 200.0
    async with desk.operations.reconcile.turns("gone"):
        assert await desk.operations.reconcile() == Reconciled(closed=2)
    assert await desk.operations.reconcile() == Reconciled(closed=1)
    assert (await desk.audit())[-1] == "outcome gateway abandoned"
    await desk.accounted()


async def test_many_that_are_stuck_hide_no_other(desk: Desk, alice: Caller) -> None:
    """Entries that failed long ago, holds and releases beyond one page."""
    await desk.post(alice, "web", prefix=LAB)
    web = await desk.entry("web")
    assert web is not None
    old = [
        replace(web, key=f"old-{n}", state=State.FAILED, netbox_id=None, changed_at=float(n))
        for n in range(205)
    ]
    holds = [replace(web, key=f"x-{n}", netbox_id=10_000 + n, hold_until=1.0) for n in range(205)]

    def fill(tx: object) -> None:
        for entry in (*old, *holds):
            tx.put(entry)  # type: ignore[attr-defined]

    await desk.database.write(fill)
    done = await desk.operations.reconcile()
    assert (done.expired, done.freed, done.errors) == (205, 0, 0)
    await give_up(desk, alice, "late")
    turn_up(desk, "late")
    assert (await desk.operations.reconcile()).freed == 1


async def test_a_release_that_is_under_way_is_not_closed_as_abandoned(desk: Desk, alice: Caller) -> None:
    """Its operation is its entry's."""
    await desk.post(alice, "web", prefix=LAB)
    desk.fault(Fault("error", method="DELETE"))
    with pytest.raises(OutcomeUnknown):
        await desk.operations.release(alice, "web")
    desk.clock.ahead += 200.0
    assert await desk.operations.reconcile() == Reconciled(errors=1)
    desk.fault()
    assert await desk.operations.reconcile() == Reconciled(released=1)
    await desk.accounted()
