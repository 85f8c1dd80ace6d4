"""`berth audit verify` finds what was done to the log, wherever it was done."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from pathlib import Path

import pytest

from app.ledger.chain import GENESIS, Flaw, Head, canonical, digest, link
from app.ledger.proof import Line, Proof
from app.ledger.records import ChainedEvent, Event
from tests.audit.conftest import Copy, Said, against, verify
from tests.whole import NetBox, whole

RECORDS = 16
"""Lines that the operations of `work` and one later allocation write."""
POSITIONS = range(1, RECORDS + 1)
SEARCHED = (
    "key",
    "owner",
    "operation",
    "request_id",
    "netbox_request_id",
    "name",
    "address",
    "event",
    "action",
)


def test_the_operations_write_what_these_tests_count_on(written: Path) -> None:
    """Two chains that hold, and exit code 0."""
    assert verify(written) == Said(0, f"{RECORDS} records in 2 chains: intact\n", "")


@pytest.mark.parametrize("number", POSITIONS)
def test_a_record_that_was_changed_is_found(copy: Copy, number: int) -> None:
    """One letter of its text suffices."""
    copy.run(f"UPDATE audit SET body = replace(body, 'team', 'tean') WHERE number = {number}")  # noqa: S608
    said = verify(copy.folder)
    assert said.code == 1
    assert "tampered: chain " in said.err
    assert "its text does not fit its hash" in said.err


@pytest.mark.parametrize("number", POSITIONS)
@pytest.mark.parametrize("column", ["hash", "previous"])
def test_a_hash_that_was_changed_is_found(copy: Copy, number: int, column: str) -> None:
    """Its own, or the one that it follows."""
    copy.run(f"UPDATE audit SET {column} = '{'ab' * 32}' WHERE number = {number}")  # noqa: S608
    assert verify(copy.folder).code == 1


@pytest.mark.parametrize("column", SEARCHED)
def test_a_column_that_filters_look_at_is_compared_with_the_text(copy: Copy, column: str) -> None:
    """Else a record could be hidden from whoever searches for it."""
    copy.run(f"UPDATE audit SET {column} = 'elsewhere' WHERE number = 3")  # noqa: S608
    said = verify(copy.folder)
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "record 2: the columns that it is searched by do not fit its text" in said.err


@pytest.mark.parametrize("number", POSITIONS)
def test_a_record_that_was_dropped_is_found(copy: Copy, number: int) -> None:
    """Also the last one: the database counts its lines."""
    copy.run(f"DELETE FROM audit WHERE number = {number}")  # noqa: S608
    said = verify(copy.folder)
    assert said.code == 2
    assert f"lines {number} to {number} of the log are missing" in said.err
    assert said.out == f"{RECORDS - 1} records in 2 chains: incomplete\n"


@pytest.mark.parametrize("number", POSITIONS[:-1])
def test_records_that_changed_places_are_found(copy: Copy, number: int) -> None:
    """Two that stand beside each other."""
    swap = "UPDATE audit SET number = {} WHERE number = {}"
    after = number + 1
    copy.run(swap.format(-1, number), swap.format(number, after), swap.format(after, -1))
    said = verify(copy.folder)
    assert said.code == 1
    assert "tampered" in said.err


@pytest.fixture(scope="session")
def thrice(netbox: NetBox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with three chains of two records."""
    folder = tmp_path_factory.mktemp("thrice")

    async def run() -> None:
        for start in range(3):
            async with whole(netbox.url, folder) as desk:
                await desk.post(f"start-{start}")

    asyncio.run(run())
    return folder


ORDERS = [order for order in itertools.permutations(range(3)) if order != (0, 1, 2)]


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_whole_chains_that_changed_places_are_found(
    thrice: Path, tmp_path: Path, order: tuple[int, ...]
) -> None:
    """Wherever each of them is moved to; in their own order they are intact."""
    shutil.copytree(thrice, tmp_path / "copy")
    copy = Copy(tmp_path / "copy")
    assert verify(copy.folder) == Said(0, "6 records in 3 chains: intact\n", "")
    moves = [f"UPDATE audit SET number = -{number} WHERE number = {number}" for number in range(1, 7)]  # noqa: S608
    lines = [2 * chain + record for chain in order for record in (1, 2)]
    moves += [f"UPDATE audit SET number = {to} WHERE number = -{line}" for to, line in enumerate(lines, 1)]  # noqa: S608
    copy.run(*moves)
    said = verify(copy.folder)
    assert said.code == 1
    assert "its chain does not begin after the record that stands before it" in said.err


@pytest.mark.parametrize("dropped", range(3))
def test_a_chain_that_was_dropped_without_a_gap_is_found(thrice: Path, tmp_path: Path, dropped: int) -> None:
    """Whoever numbers the rest anew, and puts the count back, leaves an anchor that holds nothing.

    Only the last chain can go like that: nothing stands behind it that would tell.
    """
    shutil.copytree(thrice, tmp_path / "copy")
    copy = Copy(tmp_path / "copy")
    first, last = 2 * dropped + 1, 2 * dropped + 2
    copy.run(
        f"DELETE FROM audit WHERE number BETWEEN {first} AND {last}",  # noqa: S608
        *(f"UPDATE audit SET number = {n - 2} WHERE number = {n}" for n in range(last + 1, 7)),  # noqa: S608
        "UPDATE sqlite_sequence SET seq = 4 WHERE name = 'audit'",
    )
    assert verify(copy.folder).code == (0 if dropped == 2 else 1)


def test_records_of_the_first_version_have_no_anchor_and_are_intact() -> None:
    """A log that an earlier release began goes on: its chains may stand in any order, the later ones not."""
    old = [_first("old-1", 1), _first("old-2", 1)]
    new = _first("new", 2, after=old[1].hash)
    for log, flaws in (([*old, new], []), ([old[1], old[0], new], ["tampered"]), ([new, *old], ["tampered"])):
        lines = [Line(number, stored, {}) for number, stored in enumerate(log, 1)]
        assert [flaw.kind for flaw in Proof().flaws(lines, 3)] == flaws


def _first(chain: str, version: int, **fields: str) -> ChainedEvent:
    body = canonical({"version": version, "chain": chain, "sequence": 0, "event": "note", **fields})
    return ChainedEvent(chain, 0, body, GENESIS, digest(GENESIS, body))


def test_a_whole_chain_that_was_dropped_is_found(copy: Copy) -> None:
    """The others hold, but the lines are counted through."""
    copy.run("DELETE FROM audit WHERE chain = (SELECT chain FROM audit WHERE number = 1)")
    said = verify(copy.folder)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert f"lines 1 to {RECORDS - 2} of the log are missing" in said.err


def test_an_end_that_was_cut_off_is_found(copy: Copy) -> None:
    """What is left holds in itself."""
    copy.run(f"DELETE FROM audit WHERE number > {RECORDS - 5}")  # noqa: S608
    said = verify(copy.folder)
    assert said.code == 2
    assert said.err == (
        f"incomplete: the end of the log: lines {RECORDS - 4} to {RECORDS} of the log are missing\n"
    )


def test_tampered_outweighs_incomplete(copy: Copy) -> None:
    """In the exit code; both are said."""
    copy.run("DELETE FROM audit WHERE number = 2", "UPDATE audit SET body = '{}' WHERE number = 5")
    said = verify(copy.folder)
    assert said.code == 1
    assert said.out.endswith(": tampered and incomplete\n")


@pytest.mark.parametrize("body", ["no JSON", "[]", '"text"'])
def test_a_forged_record_that_is_no_record_is_found(body: str) -> None:
    """Its hash fits, its place does not."""
    stored, _ = link(Head("c"), Event(event="intent", action="allocate", time=1.0))
    forged = _rehashed(stored, body)
    flaws = list(Proof().flaws([Line(1, forged, {"event": "intent"})], 1))
    assert [(flaw.kind, flaw.detail) for flaw in flaws] == [
        ("tampered", "its text belongs to another place"),
        ("tampered", "the columns that it is searched by do not fit its text"),
    ]


def _rehashed(stored: ChainedEvent, body: str) -> ChainedEvent:
    return ChainedEvent(stored.chain, stored.sequence, body, stored.previous, digest(stored.previous, body))


def test_an_empty_log_is_intact() -> None:
    """A desk that was never asked for anything."""
    flaws: list[Flaw] = list(Proof().flaws([], 0))
    assert flaws == []


async def test_a_running_berth_does_not_mind(netbox: NetBox, tmp_path: Path) -> None:
    """A reader takes no lock that a writer waits for, and sees what is committed."""
    async with whole(netbox.url, tmp_path) as desk:
        before = verify(tmp_path)
        await desk.post("beside-a-reader")
        after = verify(tmp_path)
    assert before == Said(0, "0 records in 0 chains: intact\n", "")
    assert after == Said(0, "2 records in 1 chains: intact\n", "")


def test_a_reader_writes_nothing(copy: Copy) -> None:
    """The file stays what it was, byte for byte."""
    database = copy.folder / "berth.db"
    before = database.read_bytes()
    verify(copy.folder)
    assert database.read_bytes() == before


def test_a_database_that_is_not_there_is_told(tmp_path: Path) -> None:
    """And is not made."""
    said = verify(tmp_path)
    assert said.code == 2
    assert said.err.startswith(f"The ledger {tmp_path}/berth.db cannot be read")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_ledger_is_told(tmp_path: Path) -> None:
    """In words, not with a stack trace."""
    (tmp_path / "berth.db").write_text("this is no database at all")
    said = verify(tmp_path)
    assert said.code == 2
    assert "cannot be read" in said.err


# -- against NetBox --------------------------------------------------------------------------------


async def test_a_log_that_netbox_agrees_with_is_intact(netbox: NetBox, tmp_path: Path) -> None:
    """Every allocation, and the change that made it what it is."""
    async with whole(netbox.url, tmp_path) as desk:
        await desk.post("agrees")
    assert await asyncio.to_thread(against, tmp_path, netbox.url) == Said(
        0, "2 records in 1 chains: intact\n", ""
    )


async def _allocated(netbox: NetBox, folder: Path, key: str) -> dict[str, object]:
    """An allocation by a Berth that has stopped."""
    async with whole(netbox.url, folder) as desk:
        body: dict[str, object] = (await desk.post(key)).json()
    return body


async def test_an_address_that_is_gone_from_netbox_is_told(netbox: NetBox, tmp_path: Path) -> None:
    """Somebody deleted it there."""
    made = await _allocated(netbox, tmp_path, "deleted-by-hand")
    netbox.api("DELETE", f"ipam/ip-addresses/{made['netbox_id']}/")
    said = await asyncio.to_thread(against, tmp_path, netbox.url)
    assert said.code == 2
    assert f"key 'deleted-by-hand': NetBox has no address {made['address']}" in said.err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"custom_fields": {"berth_key": "another"}}, "carries the key 'another'"),
        ({"address": "192.168.4.250/24"}, "NetBox 192.168.4.250/24"),
    ],
    ids=["claim", "address"],
)
async def test_an_address_that_is_another_now_is_told(
    netbox: NetBox, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    """Its claim or its address was changed by hand."""
    made = await _allocated(netbox, tmp_path, f"changed-{len(words)}")
    path = f"ipam/ip-addresses/{made['netbox_id']}/"
    netbox.api("PATCH", path, change)
    said = await asyncio.to_thread(against, tmp_path, netbox.url)
    netbox.api("DELETE", path)
    assert said.code == 1
    assert words in said.err


async def test_a_change_that_netbox_does_not_know_is_told(netbox: NetBox, tmp_path: Path) -> None:
    """The log names a request of which NetBox's change log, which reaches back further, has nothing."""
    made = await _allocated(netbox, tmp_path, "made-up")
    netbox.emulator.database.run(
        "DELETE FROM core_objectchange "
        "WHERE changed_object_type = 'ipam.ipaddress' AND changed_object_id = ?",
        [made["netbox_id"]],
    )
    netbox.emulator.database.run("UPDATE core_objectchange SET time = '2020-01-01T00:00:00.000000Z'", [])
    said = await asyncio.to_thread(against, tmp_path, netbox.url)
    assert said.code == 2
    assert f"no change of address {made['netbox_id']} by the request" in said.err
