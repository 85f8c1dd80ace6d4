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
