"""What turns up in NetBox after its operation was given up: nobody is told of it before it is settled."""

import pytest

from app.domain.commands import Caller
from app.domain.errors import NotFound, OutcomeUnknown
from app.emulator.faults import Fault
from tests.operations.conftest import LAB, Desk


async def given_up(desk: Desk, alice: Caller) -> None:
    """A request without an outcome, given up; and then its object comes."""
    desk.fault(Fault("down", method="POST", path="*/available-ips/"))
    with pytest.raises(OutcomeUnknown):
        await desk.post(alice, "web", prefix=LAB)
    desk.fault()
    desk.clock.ahead += 200.0
    assert (await desk.operations.reconcile()).failed == 1
    come_late(desk)


def come_late(desk: Desk) -> None:
    """A call that nobody waits for any more comes to its end."""
    claim = {"berth_key": "web", "berth_owner": "alice"}
    [prefix] = desk.api("GET", f"ipam/prefixes/?prefix={LAB}")["results"]
    desk.api("POST", f"ipam/prefixes/{prefix['id']}/available-ips/", {"custom_fields": claim})


async def test_a_late_object_is_not_shown_before_it_is_taken_back(desk: Desk, alice: Caller) -> None:
    """Whoever read it would believe to hold an address that the next pass gives to somebody else."""
    await given_up(desk, alice)
    with pytest.raises(OutcomeUnknown):
        await desk.get(alice, "web")
    with pytest.raises(OutcomeUnknown):
        await desk.operations.confirm(alice, "web")
    assert (await desk.operations.reconcile()).freed == 1
    with pytest.raises(NotFound):
        await desk.get(alice, "web")
    await desk.quiet()


async def test_a_request_for_the_key_takes_the_late_object_over(desk: Desk, alice: Caller) -> None:
    """Then it is an allocation like any other, and stays."""
    await given_up(desk, alice)
    shown = await desk.post(alice, "web", prefix=LAB)
    assert (await desk.operations.reconcile()).freed == 0
    assert await desk.get(alice, "web") == shown
    await desk.quiet()


async def test_several_late_objects_are_taken_back_one_after_the_other(desk: Desk, alice: Caller) -> None:
    """Each was waiting for the claim to be free; what is released stays released."""
    await given_up(desk, alice)
    assert (await desk.operations.reconcile()).freed == 1
    come_late(desk)
    with pytest.raises(OutcomeUnknown):
        await desk.get(alice, "web")
    assert (await desk.operations.reconcile()).freed == 1
    assert await desk.netbox.addresses.find_claims(["web"]) == []
    await desk.quiet()


async def test_an_object_that_comes_after_a_release_is_taken_back(desk: Desk, alice: Caller) -> None:
    """Its call was made before, and stuck in NetBox; the key stands for nothing."""
    await desk.post(alice, "web", prefix=LAB)
    await desk.operations.release(alice, "web")
    come_late(desk)
    assert (await desk.operations.reconcile()).freed == 1
    with pytest.raises(NotFound):
        await desk.get(alice, "web")


async def test_an_object_that_comes_long_after_a_release_is_left_alone(desk: Desk, alice: Caller) -> None:
    """No call lasts that long: somebody made it on purpose."""
    await desk.post(alice, "web", prefix=LAB)
    await desk.operations.release(alice, "web")
    come_late(desk)
    desk.clock.ahead += 700.0
    assert (await desk.operations.reconcile()).freed == 0
    assert (await desk.get(alice, "web")).key == "web"


async def test_a_claim_that_was_given_back_is_left_alone(desk: Desk, alice: Caller, operator: Caller) -> None:
    """A human cleared it, an operator let go of the key, and the human put it back: it is no late object."""
    await desk.post(alice, "web", prefix=LAB)
    row = await desk.claimed("web")
    path = f"ipam/ip-addresses/{row.id}/"
    desk.api("PATCH", path, {"custom_fields": {"berth_key": None}})
    await desk.operations.release(operator, "web", force=True)
    desk.api("PATCH", path, {"custom_fields": {"berth_key": "web"}})
    assert (await desk.operations.reconcile()).freed == 0
    assert (await desk.get(alice, "web")).netbox_id == str(row.id)
