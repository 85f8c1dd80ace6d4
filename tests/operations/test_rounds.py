"""Several processes over one ledger, and what only they can see of each other."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from app.assembly import assemble
from app.domain.commands import Caller
from app.domain.errors import KeyConflict, NameTaken, NetBoxUnprepared, PrefixExhausted
from app.domain.inventory import ClaimFields
from app.operations.answers import Allocation
from app.operations.prepared import Prepared
from tests.operations.conftest import LAB, SMALL, Desk, Meddler, wish


async def test_a_key_that_another_process_made_meanwhile_is_answered(desk: Desk, alice: Caller) -> None:
    """Between the plan and the first transaction: nothing is sent, and what is there is answered."""
    other = assemble(desk.parts)
    first: list[Allocation | None] = []

    async def meanwhile(find: Callable[..., Awaitable[object]], *args: object) -> object:
        if not first:
            first.append(None)
            first.append((await other.allocate(alice, wish("web", prefix=LAB))).allocation)
        return await find(*args)

    desk.restart(addresses=Meddler(desk.netbox.addresses, find_host=meanwhile))
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


async def test_those_who_came_first_get_what_is_left(desk: Desk, alice: Caller) -> None:
    """Also when nothing is known yet of NetBox, and nine come at once for the five that a /29 has left.

    Whoever is checked first goes at once and alone, so among the five the first two may change places.
    """
    keys = [f"k{number}" for number in range(9)]
    asked = (desk.post(alice, key, prefix=SMALL, dns_name=f"{key}.example.com") for key in keys)
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(each) for each in outcomes] == [Allocation] * 5 + [PrefixExhausted] * 4
    await desk.accounted()


@dataclass
class SlowFields:
    """Says after a while that NetBox lacks a field."""

    asked: int = 0

    async def claim_fields(self) -> ClaimFields:
        """Wait a turn, then say so."""
        self.asked += 1
        await asyncio.sleep(0)
        return ClaimFields(problems=("There is no custom field berth_key.",))


async def test_whether_netbox_is_prepared_is_asked_once_for_all_who_wait() -> None:
    """And again by the next who comes, where the answer was no; each gets a refusal of its own."""
    fields = SlowFields()
    prepared = Prepared(fields, lambda: 0.0)
    for times in (1, 2):
        outcomes = await asyncio.gather(*(prepared() for _ in range(5)), return_exceptions=True)
        assert [type(each) for each in outcomes] == [NetBoxUnprepared] * 5
        assert len({id(each) for each in outcomes}) == 5
        assert fields.asked == times


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
