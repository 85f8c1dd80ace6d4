"""The fault matrix: what NetBox does to an allocation, and what its key stands for in the end."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import event

from app.domain.commands import Caller
from app.domain.errors import (
    AddressTaken,
    BerthError,
    ClaimInvisible,
    KeyConflict,
    LedgerUnavailable,
    NetBoxNonsense,
    NetBoxUnavailable,
    NetBoxUnprepared,
    NotOwner,
    OutcomeUnknown,
    PrefixExhausted,
    PrefixNotFound,
    RefusedByNetBox,
)
from app.domain.upstream import NotSent, Unsure
from app.emulator.faults import Fault
from app.ledger.records import State
from app.operations.answers import Allocation
from tests.operations.conftest import LAB, SMALL, Desk, Meddler, wish
from tests.operations.test_places import at

POST: dict[str, Any] = {"method": "POST"}
LOOK: dict[str, Any] = {"method": "GET", "path": "/api/ipam/ip-addresses/"}


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        ([Fault("throttled", times=1, retry_after=0, **POST)], "made"),
        ([Fault("answer_lost", times=1, **POST)], "made"),
        ([Fault("down", times=1, **POST)], "made"),
        ([Fault("error", times=1, status=502, **POST)], "made"),
        ([Fault("error_after", times=1, status=504, **POST)], "made"),
        ([Fault("answer_lost", times=2, **POST)], "made"),
        ([Fault("down", **POST)], "outcome_unknown"),
        ([Fault("error", **POST)], "outcome_unknown"),
        ([Fault("answer_lost", **POST), Fault("down", skip=1, **LOOK)], "outcome_unknown"),
        ([Fault("token_expired", **POST)], "netbox_denied"),
        ([Fault("throttled", retry_after=99, **POST)], "netbox_unavailable"),
        ([Fault("down", method="GET")], "netbox_unavailable"),
        ([Fault("error", method="GET")], "netbox_unavailable"),
    ],
    ids=str,
)
async def test_an_allocation_under_a_fault(desk: Desk, alice: Caller, faults: list[Fault], told: str) -> None:
    """Made, or refused, or in doubt; the retry gets the same address, and there is one object (I3, I4)."""
    desk.fault(*faults)
    try:
        await desk.post(alice, "web", prefix=LAB)
        outcome = "made"
    except BerthError as error:
        outcome = error.code
    assert outcome == told
    entry = await desk.entry("web")
    assert {"made": State.DONE, "outcome_unknown": State.PENDING}.get(told) == (entry and entry.state)
    desk.fault()
    desk.clock.ahead += 120.0
    made = await desk.post(alice, "web", prefix=LAB)
    assert made.netbox_id == str((await desk.claimed("web")).id)
    await desk.quiet()
    assert await desk.get(alice, "web") == made


async def test_a_key_in_doubt_belongs_to_its_owner_and_its_place(
    desk: Desk, alice: Caller, bob: Caller
) -> None:
    """Another owner is refused; another place waits until it is known what stands there."""
    desk.fault(Fault("error", **POST))
    with pytest.raises(OutcomeUnknown):
        await desk.post(alice, "web", prefix=LAB)
    desk.fault()
    for dry_run in (True, False):
        with pytest.raises(NotOwner):
            await desk.operations.allocate(bob, wish("web", prefix=LAB), dry_run=dry_run)
        with pytest.raises(OutcomeUnknown):
            await desk.operations.allocate(alice, wish("web", prefix=SMALL), dry_run=dry_run)
    await desk.quiet()
    assert (await desk.post(bob, "web", prefix=SMALL)).owner == "bob"


async def test_a_refusal_leaves_an_earlier_doubt_as_it_was(desk: Desk, alice: Caller) -> None:
    """The first call may still be carried out; the key is given up only after three minutes."""
    desk.fault(Fault("error", **POST))
    with pytest.raises(OutcomeUnknown):
        await desk.post(alice, "web", prefix=LAB)
    desk.fault()
    with pytest.raises(RefusedByNetBox):
        await desk.post(alice, "web", prefix=LAB, status="sleepy")
    entry = await desk.entry("web")
    assert entry is not None
    assert entry.state is State.PENDING
    assert [line for line in await desk.audit("web") if "outcome" in line] == [
        "outcome allocate refused refused_by_netbox"
    ]
    desk.clock.ahead += 100.0
    assert (await desk.operations.reconcile()).failed == 0
    desk.clock.ahead += 100.0
    assert (await desk.operations.reconcile()).failed == 1
    await desk.accounted()


async def test_a_retry_ends_the_operation_it_takes_up(desk: Desk, alice: Caller) -> None:
    """One outcome for each of the two."""
    desk.fault(Fault("error", **POST))
    with pytest.raises(OutcomeUnknown):
        await desk.post(alice, "web", prefix=LAB)
    desk.fault()
    await desk.post(alice, "web", prefix=LAB)
    assert await desk.audit("web") == [
        "intent allocate",
        "intent allocate",
        "outcome allocate allocated",
        "outcome allocate resumed",
    ]
    await desk.accounted()


async def test_one_bad_item_in_a_batch_is_its_callers_alone(desk: Desk, alice: Caller) -> None:
    """Whatever its place in the list."""
    words: list[dict[str, Any]] = [{}, {}, {"status": "sleepy"}, {}]
    asked = [desk.post(alice, f"k{n}", prefix=LAB, **each) for n, each in enumerate(words)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(outcome).__name__ for outcome in outcomes] == [
        "Allocation",
        "Allocation",
        "RefusedByNetBox",
        "Allocation",
    ]
    assert await desk.entry("k2") is None
    await desk.accounted()


async def test_a_prefix_that_runs_out_serves_as_many_as_it_can(desk: Desk, alice: Caller) -> None:
    """And refuses the rest; a key that it holds already is not refused, though the ledger lost it."""
    outcomes = await asyncio.gather(
        *(desk.post(alice, f"k{n}", prefix=SMALL) for n in range(8)), return_exceptions=True
    )
    served = [outcome for outcome in outcomes if isinstance(outcome, Allocation)]
    assert sorted(each.ip for each in served) == [f"192.168.5.{host}" for host in range(2, 7)]
    assert sum(isinstance(outcome, PrefixExhausted) for outcome in outcomes) == 3
    await desk.lose(served[0].key)
    assert (await desk.post(alice, served[0].key, prefix=SMALL)).ip == served[0].ip
    await desk.accounted()


async def test_a_claim_that_is_hidden_from_our_token_is_told(desk: Desk, alice: Caller) -> None:
    """Never taken for gone, never allocated twice."""
    first = await desk.post(alice, "web", prefix=LAB)

    async def nothing(_find: object, *_args: object) -> list[object]:
        return []

    async def none(_read: object, *_args: object) -> None:
        return None

    hidden = Meddler(desk.netbox.addresses, find_claims=nothing, read_many=nothing, read=none)
    desk.restart(addresses=hidden, allocator=Meddler(desk.netbox.allocator, find_claims=nothing))
    with pytest.raises(ClaimInvisible):
        await desk.post(alice, "web", prefix=LAB)
    desk.restart(addresses=desk.netbox.addresses, allocator=desk.netbox.allocator)
    assert await desk.post(alice, "web", prefix=LAB) == first
    await desk.accounted()


async def test_an_object_elsewhere_under_a_lost_key_is_a_conflict(
    desk: Desk, alice: Caller, bob: Caller
) -> None:
    """Adopted only where it was asked for, and by its owner."""
    made = await desk.post(alice, "web", prefix=SMALL)
    await desk.lose("web")
    for words in ({"prefix": LAB}, {"prefix": SMALL, **at("192.168.5.5")}):
        with pytest.raises(KeyConflict):
            await desk.post(alice, "web", **words)
    with pytest.raises(NotOwner):
        await desk.post(bob, "web", prefix=SMALL)
    again = await desk.operations.allocate(alice, wish("web", prefix=SMALL, **at(made.ip)))
    assert (again.created, again.replayed, again.allocation.ip) == (False, True, made.ip)
    await desk.accounted()


async def test_an_unprepared_netbox_gets_no_write(desk: Desk, alice: Caller) -> None:
    """Reads, previews and names work; when the field is there, five minutes are not waited for."""
    [field] = desk.api("GET", "extras/custom-fields/?name=berth_key")["results"]
    desk.api("PATCH", f"extras/custom-fields/{field['id']}/", {"unique": False})
    for dry_run in (True, False):
        with pytest.raises(NetBoxUnprepared, match="berth bootstrap"):
            await desk.operations.allocate(alice, wish("web", prefix=LAB), dry_run=dry_run)
    assert desk.calls("POST") == 0
    desk.api("PATCH", f"extras/custom-fields/{field['id']}/", {"unique": True})
    await desk.post(alice, "web", prefix=LAB)
    desk.api("PATCH", f"extras/custom-fields/{field['id']}/", {"unique": False})
    await desk.post(alice, "believed", prefix=LAB)
    desk.clock.ahead += 301.0
    with pytest.raises(NetBoxUnprepared):
        await desk.post(alice, "not any more", prefix=LAB)


async def test_a_ledger_that_cannot_be_written_sends_nothing(desk: Desk, alice: Caller) -> None:
    """503 before the call: what cannot be recorded does not happen."""
    await desk.post(alice, "web", prefix=LAB, hold_seconds=60)
    event.listen(
        desk.database.backend.engine, "checkout", lambda raw, *_: raw.execute("PRAGMA query_only=ON")
    )
    sent = desk.calls("POST", "PATCH", "DELETE")
    for write in (
        desk.post(alice, "new", prefix=LAB),
        desk.put(alice, "web", description="x"),
        desk.operations.confirm(alice, "web"),
        desk.operations.release(alice, "web"),
    ):
        with pytest.raises(LedgerUnavailable):
            await write
    assert desk.calls("POST", "PATCH", "DELETE") == sent
    assert (await desk.get(alice, "web")).state == "held"


async def test_a_prefix_that_is_deleted_while_it_is_remembered_is_forgotten(
    desk: Desk, alice: Caller
) -> None:
    """Refused, and the next request looks again."""
    await desk.post(alice, "web", prefix=SMALL)
    [prefix] = desk.api("GET", f"ipam/prefixes/?prefix={SMALL}")["results"]
    desk.api("DELETE", f"ipam/prefixes/{prefix['id']}/")
    desk.api("POST", "ipam/prefixes/", {"prefix": SMALL})
    with pytest.raises(PrefixNotFound):
        await desk.post(alice, "db", prefix=SMALL)
    assert (await desk.post(alice, "db", prefix=SMALL)).ip == "192.168.5.3"


@pytest.mark.parametrize("answer", [Unsure("timeout"), NotSent("refused")])
async def test_a_former_address_that_cannot_be_looked_up_leaves_nothing_behind(
    desk: Desk, alice: Caller, answer: Exception
) -> None:
    """It is looked up before anything is begun."""
    made = await desk.post(alice, "web", prefix=LAB)
    await desk.operations.release(alice, "web")

    async def fail(find: Any, host: object, vrf_id: object) -> object:  # noqa: ANN401 - the method
        if str(host) == made.ip:
            raise answer
        return await find(host, vrf_id)

    desk.restart(addresses=Meddler(desk.netbox.addresses, find_host=fail))
    with pytest.raises(NetBoxUnavailable):
        await desk.post(alice, "web", prefix=LAB)
    entry = await desk.entry("web")
    assert entry is not None
    assert entry.state is State.RELEASED
    await desk.accounted()


async def test_a_former_address_that_is_taken_in_between_is_not_missed(desk: Desk, alice: Caller) -> None:
    """The next free one will do, and what has the claim already is adopted."""
    made = await desk.post(alice, "web", prefix=LAB)
    await desk.operations.release(alice, "web")

    async def race(create: Any, *args: object) -> object:  # noqa: ANN401 - the method
        desk.api("POST", "ipam/ip-addresses/", {"address": made.address})
        return await create(*args)

    desk.restart(allocator=Meddler(desk.netbox.allocator, create=race))
    assert (await desk.post(alice, "web", prefix=LAB)).ip == "192.168.4.3"
    await desk.operations.release(alice, "web")
    claim = {"custom_fields": {"berth_key": "web", "berth_owner": "alice"}}
    desk.api("POST", "ipam/ip-addresses/", {"address": "192.168.4.99/24", **claim})
    desk.restart(allocator=desk.netbox.allocator)
    assert (await desk.post(alice, "web", prefix=LAB)).ip == "192.168.4.99"
    with pytest.raises(AddressTaken):
        await desk.post(alice, "other", prefix=LAB, **at("192.168.4.99"))
    await desk.accounted()


async def test_nonsense_is_said_to_be_nonsense(desk: Desk, alice: Caller) -> None:
    """A read that makes no sense refuses; after T1 the outcome is unknown, and the retry finds it."""

    async def babble(_find: object, *_args: object) -> object:
        raise NetBoxNonsense

    desk.restart(addresses=Meddler(desk.netbox.addresses, find_claims=babble))
    with pytest.raises(NetBoxNonsense):
        await desk.get(alice, "web")
    desk.restart(inventory=Meddler(desk.netbox.inventory, prefixes_at=babble))
    with pytest.raises(NetBoxNonsense):
        await desk.post(alice, "web", prefix=LAB)
    assert await desk.entry("web") is None
