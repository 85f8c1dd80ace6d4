"""Several processes over one ledger, and what only they can see of each other."""

from collections.abc import Awaitable, Callable

import pytest

from app.assembly import assemble
from app.domain.commands import Caller
from app.domain.errors import KeyConflict, NameTaken, StillWorking
from app.operations.answers import Allocation
from tests.operations.conftest import LAB, SMALL, Desk, Meddler, wish


async def test_a_key_that_another_process_made_meanwhile_is_answered_to_the_retry(
    desk: Desk, alice: Caller
) -> None:
    """Between the plan and the first transaction: nothing is sent, and the retry gets what is there."""
    other = assemble(desk.parts)
    first: list[Allocation | None] = []

    async def meanwhile(find: Callable[..., Awaitable[object]], *args: object) -> object:
        if not first:
            first.append(None)
            first.append((await other.allocate(alice, wish("web", prefix=LAB))).allocation)
        return await find(*args)

    desk.restart(addresses=Meddler(desk.netbox.addresses, find_host=meanwhile))
    with pytest.raises(StillWorking):
        await desk.post(alice, "web", prefix=LAB)
    assert await desk.post(alice, "web", prefix=LAB) == first[1]
    await desk.accounted()


async def test_a_name_that_netbox_was_not_asked_about_is_the_ledgers(desk: Desk, alice: Caller) -> None:
    """The look in NetBox is best effort; the ledger's own claim on the name is not."""
    await desk.post(alice, "a", prefix=LAB, dns_name="web.example.com")

    async def nothing(_find: object, *_args: object) -> list[object]:
        return []

    desk.restart(addresses=Meddler(desk.netbox.addresses, find_name=nothing))
    with pytest.raises(NameTaken, match="held by another key"):
        await desk.post(alice, "b", prefix=LAB, dns_name="Web.example.com")
    await desk.accounted()


async def test_a_dry_run_that_is_refused_leaves_no_line(desk: Desk, alice: Caller) -> None:
    """It would have changed nothing."""
    await desk.post(alice, "web", prefix=LAB)
    lines = await desk.audit()
    with pytest.raises(KeyConflict):
        await desk.operations.allocate(alice, wish("web", prefix=SMALL), dry_run=True)
    assert await desk.audit() == lines


async def test_the_person_behind_a_request_is_on_every_record(desk: Desk, alice: Caller) -> None:
    """In the answer, in the audit log and in NetBox's change log; a later request may name another."""
    asked = wish("web", prefix=LAB, requested_by="Ada", reference="T-1")
    made = (await desk.operations.allocate(alice, asked)).allocation
    assert (made.requested_by, made.reference) == ("Ada", "T-1")
    changed = await desk.put(alice, "web", description="x", requested_by="Bo")
    assert (changed.requested_by, changed.reference) == ("Bo", "T-1")
    changes = desk.api("GET", f"core/object-changes/?changed_object_id={made.netbox_id}&ordering=id")[
        "results"
    ]
    said = [each["message"] for each in changes if each["changed_object_id"] == int(made.netbox_id or 0)]
    assert "requested by Ada, reference T-1, request request-1" in "\n".join(said)
