"""The store, the same on SQLite and on PostgreSQL: durable in groups, and the audit log has one order."""

import asyncio
import json
from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy.exc import OperationalError

from app.domain.errors import LedgerUnavailable
from app.ledger.chain import GENESIS, Head, verify
from app.ledger.ports import Tx
from app.ledger.proof import Line, Proof
from app.ledger.records import Entry, Operation, State
from app.store import Database, open_database
from app.store.database import READERS
from tests.store.things import ENTRY, EVENT, Gate, keep, plain


async def test_an_entry_comes_back_as_it_was_written(database: Database) -> None:
    """New, changed and dropped; what was sent keeps its order."""
    await database.write(keep(ENTRY))
    assert await database.read(lambda tx: tx.entry("web")) == ENTRY
    changed = replace(ENTRY, state=State.DONE, sent={}, hold_until=None)
    await database.write(keep(changed))
    assert await database.read(lambda tx: tx.entry("web")) == changed
    await database.write(lambda tx: tx.drop("web"))
    assert await database.read(lambda tx: tx.entry("web")) is None


async def test_entries_are_found_by_what_they_hold(database: Database) -> None:
    """By name and object while they are live; pages by key and by time."""

    def fill(tx: Tx) -> None:
        tx.put(plain("a", name_claim="n", dns_name="w", netbox_id=1, changed_at=3.0))
        tx.put(plain("b", hold_until=50.0, owner="bob", dns_name="w", changed_at=2.0))
        tx.put(plain("c", hold_until=40.0, changed_at=2.0))
        tx.put(plain("d", State.RELEASED, netbox_id=2, dns_name="w", hold_until=1.0, changed_at=1.0))

    await database.write(fill)

    def keys(found: list[Entry]) -> str:
        return "".join(entry.key for entry in found)

    def look(tx: Tx) -> dict[str, object]:
        name, held, gone = tx.holder_of_name("n"), tx.holder_of_object(1), tx.holder_of_object(2)
        return {
            "holders": (name and name.key, held and held.key, gone),
            "named": keys(tx.named("w", "10.0.0.0/24")),
            "all": keys(tx.entries({}, "", 9)),
            "after": keys(tx.entries({}, "a", 1)),
            "held": keys(tx.entries({"state": "held"}, "", 9)),
            "active": keys(tx.entries({"state": "active", "owner": "alice"}, "", 9)),
            "bob's w": keys(tx.entries({"owner": "bob", "dns_name": "w"}, "", 9)),
            "done": keys(tx.in_state(State.DONE, (0.0, ""), 9)),
            "done after b": keys(tx.in_state(State.DONE, (2.0, "b"), 9)),
            "due": keys(tx.due(50.0, "", 9)),
            "due early": keys(tx.due(49.0, "", 9)),
            "due after b": keys(tx.due(50.0, "b", 9)),
        }

    assert await database.read(look) == {
        "holders": ("a", "a", None),
        "named": "ab",
        "all": "abc",
        "after": "b",
        "held": "bc",
        "active": "a",
        "bob's w": "b",
        "done": "bca",
        "done after b": "ca",
        "due": "bc",
        "due early": "c",
        "due after b": "c",
    }


async def test_operations_are_open_until_they_have_an_outcome(database: Database) -> None:
    """The oldest first."""
    new, old = (
        Operation(id=name, key="web", action="allocate", started_at=at)
        for name, at in (("new", 2.0), ("old", 1.0))
    )
    await database.write(keep(new, old))
    assert await database.read(lambda tx: tx.unfinished(9)) == [old, new]
    assert await database.read(lambda tx: [tx.overdue(at) for at in (0.5, 1.0, 2.5)]) == [0, 1, 2]
    await database.write(lambda tx: tx.finish("old", "allocated"))
    assert await database.read(lambda tx: tx.unfinished(9)) == [new]
    assert await database.read(lambda tx: tx.overdue(2.5)) == 1
    assert await database.read(lambda tx: (tx.is_open("new"), tx.is_open("old"), tx.is_open("none"))) == (
        True,
        False,
        False,
    )


async def test_the_audit_log_is_searched_and_chained(database: Database) -> None:
    """By any field that has a column; the chain is one across transactions."""
    for key in ("web", "db"):
        await database.write(keep(replace(EVENT, key=key)))
    lines = await database.read(lambda tx: tx.events({"key": "db"}, 0, 9))
    assert [(number, line["key"]) for number, line in lines] == [(2, "db")]  # type: ignore[call-overload, index]
    assert await database.read(lambda tx: tx.events({}, 2, 9)) == []
    stored = await database.read(lambda tx: tx.chains(0, 9))
    assert [(number, each.chain, each.sequence) for number, each in stored] == [
        (1, "chain-1", 0),
        (2, "chain-1", 1),
    ]
    assert list(verify(each for _, each in stored)) == []


async def test_what_waits_together_is_committed_together(database: Database, groups: list[int]) -> None:
    """One durable write for many works; a work that raises is rolled back alone."""
    gate = Gate()

    def bad(tx: Tx) -> None:
        tx.put(plain("bad"))
        tx.append(EVENT)
        raise ValueError("bad")

    first = asyncio.ensure_future(database.write(gate))
    await asyncio.to_thread(gate.entered.wait, 10)
    many = [database.write(keep(plain(f"k{n}"))) for n in range(5)]
    waiting = asyncio.gather(database.write(bad), *many, return_exceptions=True)
    await asyncio.sleep(0)
    gate.opened.set()
    results = await waiting
    await first
    assert isinstance(results[0], ValueError)
    assert groups == [1, 6]
    assert [entry.key for entry in await database.read(lambda tx: tx.entries({}, "", 9))] == [
        f"k{n}" for n in range(5)
    ]
    assert await database.read(lambda tx: tx.events({}, 0, 9)) == []


async def test_a_broken_constraint_is_its_own_works(database: Database) -> None:
    """Two live entries with one object: the second is refused, its neighbours are not."""
    await database.write(keep(plain("a", netbox_id=1)))
    results = await asyncio.gather(
        database.write(keep(plain("b", netbox_id=1))),
        database.write(keep(plain("c", netbox_id=2))),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [LedgerUnavailable, type(None)]
    assert await database.read(lambda tx: tx.entry("c")) is not None


async def test_who_does_not_wait_any_more_is_not_answered(database: Database) -> None:
    """The work is done all the same."""
    task = asyncio.ensure_future(database.write(keep(ENTRY)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await database.read(lambda tx: tx.entry("none")) is None
    await database.write(keep(EVENT))
    assert await database.read(lambda tx: tx.entry("web")) == ENTRY


def test_a_loop_that_is_gone_is_not_answered(database: Database) -> None:
    """Its works are committed, and the writer goes on for others."""
    loop = asyncio.new_event_loop()
    gate = Gate()
    task = loop.create_task(database.write(gate))
    loop.run_until_complete(asyncio.sleep(0))
    gate.entered.wait(10)
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()
    gate.opened.set()
    asyncio.run(database.write(keep(ENTRY)))
    assert asyncio.run(database.read(lambda tx: tx.entry("web"))) == ENTRY


async def test_a_closed_database_refuses_at_once(url: str) -> None:
    """Nobody waits for a writer that has gone; what waited before is written."""
    database = open_database(url, "chain-1")
    gate = Gate()
    slow = asyncio.ensure_future(database.write(gate))
    await asyncio.to_thread(gate.entered.wait, 10)
    last = asyncio.ensure_future(database.write(keep(ENTRY)))
    closing_it = asyncio.ensure_future(asyncio.to_thread(database.close))
    while database._jobs.qsize() < 2:  # noqa: ASYNC110 - nothing tells that a thread waits for another
        await asyncio.sleep(0)
    gate.opened.set()
    await asyncio.gather(slow, last, closing_it)
    with pytest.raises(LedgerUnavailable):
        await database.write(keep(ENTRY))
    with pytest.raises(LedgerUnavailable):
        await database.read(lambda tx: tx.entry("web"))


async def test_what_is_written_is_there_after_a_restart(url: str) -> None:
    """A new process begins a chain of its own."""
    for chain in ("one", "two"):
        with closing(open_database(url, chain)) as database:
            await database.write(keep(ENTRY, EVENT))
            stored = await database.read(lambda tx: tx.chains(0, 9))
    assert [(each.chain, each.sequence) for _, each in stored] == [("one", 0), ("two", 0)]
    assert list(verify(each for _, each in stored)) == []


async def test_a_chain_is_anchored_in_the_log_as_its_transaction_sees_it(url: str) -> None:
    """Not as the process found it: another chain may have begun, and gone on, since then."""
    with closing(open_database(url, "one")) as one:
        two = Database(one.backend, Head("two"), lambda _seconds, _works: None)
        for database in (one, two, one, two):
            await database.write(keep(EVENT))
        stored = [each for _, each in await one.read(lambda tx: tx.chains(0, 9))]
        anchors = [json.loads(each.body).get("after") for each in stored]
        assert anchors == [GENESIS, *(each.hash for each in stored[:3])]
        lines = [Line(number, each, {}) for number, each in enumerate(stored, 1)]
        assert list(Proof().flaws(lines, 4)) == []
        for waiting in (two._jobs, *[two._questions] * READERS):
            waiting.put(None)
        for thread in two._threads:
            thread.join()


async def test_a_first_record_that_was_rolled_back_anchors_nothing(database: Database) -> None:
    """The next one is the chain's first, and stands where that one would have stood."""

    def fail(tx: Tx) -> None:
        tx.append(EVENT)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await database.write(fail)
    await database.write(keep(EVENT, EVENT))
    stored = [each for _, each in await database.read(lambda tx: tx.chains(0, 9))]
    assert [json.loads(each.body).get("after") for each in stored] == [GENESIS, None]


async def test_a_read_that_fails_is_its_own_and_the_next_one_works(database: Database) -> None:
    """Whether the question was wrong or the database broken, which asks for a new connection."""
    await database.write(keep(ENTRY))

    def broken(_tx: Tx) -> None:
        raise OperationalError("", {}, Exception("disk I/O error"))

    def wrong(_tx: Tx) -> None:
        raise ValueError("no such question")

    for _ in range(3):  # more often than there are readers
        with pytest.raises(LedgerUnavailable):
            await database.read(broken)
        with pytest.raises(ValueError, match="no such question"):
            await database.read(wrong)
        assert await database.read(lambda tx: tx.entry("web")) == ENTRY
