"""Reading one key and many: every answer has a look at NetBox behind it."""

import asyncio
from typing import Any

import pytest

from app.domain.commands import Caller
from app.domain.errors import InvalidRequest, NotFound, NotOwner, OutcomeUnknown
from app.emulator.faults import Fault
from app.operations.answers import Filters
from app.operations.look import ShowAudit
from tests.operations.conftest import LAB, SMALL, Desk


async def test_reading_what_is_there(desk: Desk, alice: Caller, bob: Caller) -> None:
    """The owner's, as it was answered; nothing to anybody else."""
    made = await desk.post(alice, "web", prefix=LAB)
    assert await desk.get(alice, "web") == made
    with pytest.raises(NotOwner):
        await desk.get(bob, "web")
    with pytest.raises(NotFound):
        await desk.get(alice, "none")
    await desk.erase("web")
    with pytest.raises(NotFound, match="deleted in NetBox"):
        await desk.get(alice, "web")


async def test_reading_what_the_ledger_lost(desk: Desk, alice: Caller, bob: Caller) -> None:
    """The claim tells whose it is."""
    made = await desk.post(alice, "web", prefix=LAB)
    await desk.lose("web")
    assert (await desk.get(alice, "web")).netbox_id == made.netbox_id
    with pytest.raises(NotOwner):
        await desk.get(bob, "web")


async def test_the_owner_in_netbox_wins(desk: Desk, alice: Caller, bob: Caller) -> None:
    """Whoever stands there may read, change and release it."""
    await desk.post(alice, "web", prefix=LAB)
    await desk.edit("web", claim=("web", "bob"))
    assert (await desk.get(bob, "web")).owner == "bob"
    with pytest.raises(NotOwner):
        await desk.get(alice, "web")
    assert await keys(desk, alice) == []
    await desk.operations.release(bob, "web")


async def test_reading_what_is_in_doubt(desk: Desk, alice: Caller, bob: Caller) -> None:
    """503, and 403 to others; a hold and its end are not known before the first answer."""
    desk.fault(Fault("error", method="POST"))
    with pytest.raises(OutcomeUnknown):
        await desk.post(alice, "web", prefix=LAB)
    desk.fault()
    with pytest.raises(OutcomeUnknown, match="being made"):
        await desk.get(alice, "web")
    with pytest.raises(NotOwner):
        await desk.get(bob, "web")


async def keys(desk: Desk, caller: Caller, limit: int = 100, **filters: Any) -> list[str]:  # noqa: ANN401 - of Filters
    """The keys of every page, one after the other, with a slash after each page."""
    found: list[str] = []
    cursor = None
    while True:
        page = await desk.operations.list_allocations(caller, Filters(**filters), cursor, limit)
        found += [result.allocation.key for result in page.items]
        cursor = page.next
        if cursor is None:
            return found
        found.append("/")


async def test_a_list_goes_by_key_in_pages(desk: Desk, alice: Caller, bob: Caller, operator: Caller) -> None:
    """An owner sees its own, an operator everybody's; what is deleted or taken away is not shown."""
    await asyncio.gather(
        *(desk.post(alice, f"a{n}", prefix=LAB) for n in range(5)), desk.post(bob, "b", prefix=LAB)
    )
    assert await keys(desk, alice, 2) == ["a0", "a1", "/", "a2", "a3", "/", "a4"]
    assert await keys(desk, alice, 5) == ["a0", "a1", "a2", "a3", "a4"]
    assert await keys(desk, operator) == ["a0", "a1", "a2", "a3", "a4", "b"]
    assert await keys(desk, operator, owner="bob") == await keys(desk, bob) == ["b"]
    assert await keys(desk, alice, owner="bob") == []
    await desk.erase("a1")
    await desk.edit("a2", claim=("", ""))
    await desk.operations.release(alice, "a3")
    assert await keys(desk, alice, 1) == ["a0", "/", "a4"]
    assert await keys(desk, Caller(owner="nobody")) == []


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"prefix": LAB}, ["lab"]),
        ({"prefix": SMALL}, ["small"]),
        ({"dns_name": "Lab.example.com"}, ["lab"]),
        ({"dns_name": "none.example.com"}, []),
        ({"address": "192.168.4.2"}, ["lab"]),
        ({"address": "192.168.4.2/24"}, ["lab"]),
        ({"address": "192.168.4.3"}, []),
        ({"state": "held"}, ["small"]),
        ({"state": "active", "prefix": LAB}, ["lab"]),
    ],
    ids=str,
)
async def test_filters_are_exact_and_all_hold(
    desk: Desk, alice: Caller, filters: dict[str, Any], expected: list[str]
) -> None:
    """The prefix by its CIDR, also of what was asked for by address."""
    await desk.post(alice, "lab", prefix=LAB, dns_name="lab.example.com")
    await desk.post(alice, "small", prefix=SMALL, hold_seconds=600)
    assert await keys(desk, alice, **filters) == expected


async def test_a_prefix_finds_what_was_asked_for_by_its_other_name(desk: Desk, alice: Caller) -> None:
    """By CIDR what was asked for by id, and the other way round, as long as there is such a prefix."""
    vrf = desk.api("GET", "ipam/vrfs/?rd=65000:99")["results"][0]["id"]
    ids = [
        desk.api("POST", "ipam/prefixes/", {"prefix": prefix, "vrf": where})["id"]
        for prefix, where in (("10.5.0.0/24", None), ("10.5.0.0/24", vrf))
    ]
    await desk.post(alice, "a", prefix="10.5.0.0/24", vrf=None)
    await desk.post(alice, "b", prefix=str(ids[0]))
    await desk.post(alice, "c", prefix=ids[1])
    await desk.post(alice, "d", prefix=LAB)
    assert await keys(desk, alice, prefix="10.5.0.0/24") == ["a", "b", "c"]
    assert await keys(desk, alice, prefix=str(ids[0])) == ["a", "b"]
    assert await keys(desk, alice, prefix=str(ids[1])) == ["c"]
    assert await keys(desk, alice, prefix="99999") == []


async def test_a_filter_that_is_no_prefix_is_refused(desk: Desk, alice: Caller) -> None:
    """Also where there is nothing to be filtered."""
    with pytest.raises(InvalidRequest) as refusal:
        await keys(desk, alice, prefix="everything")
    assert [error.pointer for error in refusal.value.errors] == ["/prefix"]


async def test_a_name_that_a_human_changed_is_not_found_under_the_old_one(desk: Desk, alice: Caller) -> None:
    """The list shows no name that NetBox does not hold."""
    await desk.post(alice, "web", prefix=LAB, dns_name="web.example.com")
    await desk.edit("web", dns_name="www.example.com")
    assert await keys(desk, alice, dns_name="web.example.com") == []


async def test_a_filter_that_is_no_address_is_refused(desk: Desk, alice: Caller) -> None:
    """Also where there is nothing to be filtered."""
    with pytest.raises(InvalidRequest) as refusal:
        await keys(desk, alice, address="everything")
    assert [error.pointer for error in refusal.value.errors] == ["/address"]


async def test_a_long_list_is_read_in_chunks(desk: Desk, alice: Caller) -> None:
    """More entries than one look takes."""
    await asyncio.gather(*(desk.post(alice, f"k{n:03}", prefix=LAB) for n in range(103)))
    assert await keys(desk, alice, 100) == [*(f"k{n:03}" for n in range(100)), "/", "k100", "k101", "k102"]
    assert await keys(desk, alice, address="192.168.4.200") == []


async def test_the_audit_log_is_shown_in_pages(
    desk: Desk, alice: Caller, bob: Caller, operator: Caller
) -> None:
    """To each its own lines, to an operator all of them; a cursor that is none of ours is refused."""
    show = ShowAudit(desk.operations.ledger)
    await desk.post(alice, "a", prefix=LAB)
    await desk.post(bob, "b", prefix=LAB)
    first = await show(alice, {}, None, 1)
    rest = await show(alice, {}, first.next, 9)
    lines = (*first.items, *rest.items)
    assert [(line["event"], line["key"]) for line in lines] == [("intent", "a"), ("outcome", "a")]
    assert len((await show(operator, {}, None, 99)).items) == 4
    assert len((await show(operator, {"owner": "bob"}, None, 99)).items) == 2
    assert (await show(alice, {"owner": "bob"}, None, 9)).items == ()
    with pytest.raises(InvalidRequest):
        await show(alice, {}, "somewhere", 9)
