"""A hold ends by itself unless it is confirmed; repeats neither extend nor confirm it."""

from datetime import UTC, datetime

import pytest

from app.domain.commands import Caller
from app.domain.errors import NotFound, NotOwner, OutcomeUnknown, PartOfMachine
from app.domain.inventory import Changes
from app.emulator.faults import Fault
from tests.operations.conftest import LAB, Desk, Meddler


async def test_a_hold_that_nobody_confirms_ends(desk: Desk, alice: Caller) -> None:
    """At its time and not before; the address is free again, and the key as well."""
    held = await desk.post(alice, "web", prefix=LAB, hold_seconds=600)
    assert (held.state, held.hold_seconds) == ("held", 600)
    until = datetime.fromisoformat(held.hold_until or "")
    assert abs((until - datetime.now(UTC)).total_seconds() - 600) < 30
    desk.clock.ahead += 300.0
    assert await desk.post(alice, "web", prefix=LAB, hold_seconds=600) == held
    assert await desk.put(alice, "web", prefix=LAB, hold_seconds=600) == held
    assert (await desk.operations.reconcile()).expired == 0
    desk.clock.ahead += 400.0
    assert (await desk.operations.reconcile()).expired == 1
    with pytest.raises(NotFound):
        await desk.get(alice, "web")
    assert await desk.netbox.addresses.find_claims(["web"]) == []
    assert (await desk.audit("web"))[-2:] == ["intent expire", "outcome expire released"]
    assert (await desk.post(alice, "web", prefix=LAB)).state == "active"


async def test_a_confirmed_hold_stays(desk: Desk, alice: Caller) -> None:
    """Confirmed once or twice, for good; a repeat of the first request does not bring the hold back."""
    await desk.post(alice, "web", prefix=LAB, hold_seconds=600)
    dry = await desk.operations.confirm(alice, "web", dry_run=True)
    assert (dry.allocation.state, (await desk.get(alice, "web")).state) == ("active", "held")
    first, second = [await desk.operations.confirm(alice, "web") for _ in range(2)]
    assert (first.replayed, second.replayed) == (False, True)
    assert first.allocation == second.allocation
    assert (await desk.put(alice, "web", prefix=LAB, hold_seconds=600)).state == "active"
    desk.clock.ahead += 700.0
    assert (await desk.operations.reconcile()).expired == 0
    assert (await desk.get(alice, "web")).state == "active"


async def test_put_restarts_a_hold_or_ends_it(desk: Desk, alice: Caller) -> None:
    """Another time restarts it, null ends it, and a request that says nothing leaves it."""
    await desk.post(alice, "web", prefix=LAB, hold_seconds=600)
    desk.clock.ahead += 500.0
    longer = await desk.put(alice, "web", hold_seconds=900)
    assert (await desk.put(alice, "web", description="x")).hold_until == longer.hold_until
    desk.clock.ahead += 500.0
    assert (await desk.operations.reconcile()).expired == 0
    ended = await desk.put(alice, "web", hold_seconds=None)
    assert (ended.state, ended.hold_seconds, ended.hold_until) == ("active", None, None)
    desk.clock.ahead += 9000.0
    assert (await desk.operations.reconcile()).expired == 0


async def test_what_somebody_began_to_use_is_kept(desk: Desk, alice: Caller) -> None:
    """Assigned to an interface, or given another key: nothing is freed on suspicion."""
    for key in ("used", "stolen", "gone"):
        await desk.post(alice, key, prefix=LAB, hold_seconds=600)
    assign(desk, (await desk.claimed("used")).id)
    await desk.edit("stolen", claim=("other", "bob"))
    await desk.erase("gone")
    desk.clock.ahead += 700.0
    done = await desk.operations.reconcile()
    assert (done.expired, done.errors) == (1, 0)
    assert (await desk.get(alice, "used")).state == "active"
    assert (await desk.claimed("other")).owner == "bob"
    assert [(await desk.audit(key))[-1] for key in ("used", "stolen", "gone")] == [
        "outcome expire kept in_use",
        "outcome expire kept claim_changed",
        "outcome expire gone",
    ]


def assign(desk: Desk, netbox_id: int) -> None:
    """Somebody puts the address on an interface of a virtual machine."""
    cluster = desk.api("GET", "virtualization/clusters/")["results"][0]["id"]
    machine = desk.api("POST", "virtualization/virtual-machines/", {"name": "vm", "cluster": cluster})["id"]
    body = {"name": "eth0", "virtual_machine": machine}
    interface = desk.api("POST", "virtualization/interfaces/", body)["id"]
    assigned = {"assigned_object_type": "virtualization.vminterface", "assigned_object_id": interface}
    desk.api("PATCH", f"ipam/ip-addresses/{netbox_id}/", assigned)


async def test_a_hold_that_netbox_does_not_let_end_is_tried_again(desk: Desk, alice: Caller) -> None:
    """In doubt it goes on from where it was; refused, it is due once more."""
    await desk.post(alice, "web", prefix=LAB, hold_seconds=600)
    desk.clock.ahead += 700.0
    desk.fault(Fault("token_expired", method="DELETE", times=2))
    assert (await desk.operations.reconcile()).errors == 1
    assert (await desk.get(alice, "web")).state == "held"
    desk.fault(Fault("answer_lost", method="DELETE", times=1), Fault("error", method="DELETE"))
    assert (await desk.operations.reconcile()).expired == 1
    await desk.quiet()


async def test_a_human_who_begins_to_use_it_meanwhile_wins(desk: Desk, alice: Caller) -> None:
    """Between the look and the deletion: the release is taken back, and the next pass keeps it."""
    await desk.post(alice, "web", prefix=LAB, hold_seconds=600)
    desk.clock.ahead += 700.0
    begin = desk.operations.reconcile.freeing.ledger.store

    class Use(Meddler):
        """The store, and somebody who uses the address right after the intent was written."""

    async def use(write: object, work: object) -> object:
        result = await write(work)  # type: ignore[operator]
        if not (await desk.claimed("web")).assigned:
            assign(desk, (await desk.claimed("web")).id)
        return result

    desk.restart(store=Use(begin, write=use))
    assert (await desk.operations.reconcile()).errors == 1
    assert (await desk.audit("web"))[-1] == "outcome expire refused in_use"
    assert (await desk.operations.reconcile()).errors == 0
    assert (await desk.audit("web"))[-1] == "outcome expire kept in_use"
    assert (await desk.get(alice, "web")).state == "active"


async def test_confirming_what_is_not_there_says_so(desk: Desk, alice: Caller, bob: Caller) -> None:
    """Nothing, another's, part of a machine, deleted by a human, still in doubt."""
    confirm = desk.operations.confirm
    with pytest.raises(NotFound):
        await confirm(alice, "web")
    with pytest.raises(PartOfMachine):
        await confirm(alice, "vm~0~v4~0")
    await desk.post(alice, "web", prefix=LAB, hold_seconds=600)
    with pytest.raises(NotOwner):
        await confirm(bob, "web")
    await desk.erase("web")
    with pytest.raises(NotFound, match="deleted in NetBox"):
        await confirm(alice, "web")
    desk.fault(Fault("error", method="POST"))
    with pytest.raises(OutcomeUnknown):
        await desk.post(alice, "doubt", prefix=LAB)
    desk.fault()
    with pytest.raises(OutcomeUnknown):
        await confirm(alice, "doubt")
    with pytest.raises(NotOwner):
        await confirm(bob, "doubt")


async def test_what_the_ledger_lost_has_no_hold(desk: Desk, alice: Caller, bob: Caller) -> None:
    """It is found by its claim and never expires, however young it is when it is adopted."""
    await desk.post(alice, "web", prefix=LAB, hold_seconds=600)
    await desk.lose("web")
    assert (await desk.operations.confirm(alice, "web")).allocation.state == "active"
    with pytest.raises(NotOwner):
        await desk.operations.confirm(bob, "web")
    desk.clock.ahead += 300.0
    adopted = await desk.post(alice, "web", prefix=LAB, hold_seconds=600)
    assert adopted.state == "active"
    await desk.netbox.addresses.change(await desk.claimed("web"), Changes(description="x"))
    desk.clock.ahead += 700.0
    assert (await desk.operations.reconcile()).expired == 0


async def test_a_hold_in_doubt_keeps_its_end(desk: Desk, alice: Caller) -> None:
    """The retry finds what the first call made, and its time runs from the first call."""
    desk.fault(
        Fault("error_after", method="POST", times=1),
        Fault("error", method="GET", path="/api/ipam/ip-addresses/", skip=1),
    )
    with pytest.raises(OutcomeUnknown):
        await desk.post(alice, "web", prefix=LAB, hold_seconds=600)
    desk.fault()
    desk.clock.ahead += 100.0
    held = await desk.post(alice, "web", prefix=LAB, hold_seconds=600)
    assert held.state == "held"
    desk.clock.ahead += 510.0
    assert (await desk.operations.reconcile()).expired == 1
