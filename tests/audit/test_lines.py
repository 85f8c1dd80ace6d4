"""Audit records on standard output: every one, in order, and never in the way of a request."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.api.documents import AuditRecord
from app.ledger.chain import GENESIS, canonical, digest
from app.telemetry.audit import AuditLines
from app.telemetry.logs import make_logger
from tests.audit.conftest import work
from tests.whole import NetBox, whole


@dataclass(frozen=True)
class Record:
    """A record, as far as a line shows it."""

    body: str
    hash: str = "ab"


class Stuck(io.StringIO):
    """A stream that nobody reads until the gate opens."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.reached = threading.Event()

    def write(self, text: str) -> int:
        """Wait, then write."""
        self.reached.set()
        self.gate.wait(30)
        return super().write(text)


class Broken(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, text: str) -> int:
        """Fail."""
        raise BrokenPipeError(text)


async def test_every_committed_record_is_a_line_in_the_same_order(netbox: NetBox, tmp_path: Path) -> None:
    """With the hash that the database has, so that what was collected proves the end of the chain."""
    async with whole(netbox.url, tmp_path) as desk:
        await work(desk)
        records = await desk.records()
        stored = await desk.berth.database.read(lambda tx: tx.chains(0, 100))
    lines = [json.loads(line) for line in desk.audit.getvalue().splitlines()]
    shown = [{**line["audit"], "hash": line["hash"]} for line in lines]
    assert shown == [{name: record[name] for name in record if name != "previous"} for record in records]
    assert [line["hash"] for line in lines] == [record.hash for _, record in stored]
    assert {line["event"] for line in lines} == {"audit"}
    assert desk.sample("berth_audit_lines_dropped_total") == 0


async def test_what_the_api_shows_of_a_record_proves_it(netbox: NetBox, tmp_path: Path) -> None:
    """Its hash is that of the collected line, and follows from the text and the hash before it."""
    async with whole(netbox.url, tmp_path) as desk:
        await work(desk)
        items = (await desk.client.get("/api/v1/audit?limit=100")).json()["items"]
    collected = [json.loads(line)["hash"] for line in desk.audit.getvalue().splitlines()]
    assert [item["hash"] for item in items] == collected
    assert [item["previous"] for item in items] == [GENESIS, *collected[:-1]]
    for item in items:
        AuditRecord.model_validate(item)
        body = canonical({name: value for name, value in item.items() if name not in ("previous", "hash")})
        assert digest(item["previous"], body) == item["hash"]


async def test_a_work_that_failed_leaves_no_line(netbox: NetBox, tmp_path: Path) -> None:
    """What was rolled back did not happen."""
    async with whole(netbox.url, tmp_path) as desk:
        await desk.berth.database.write(lambda tx: tx.drop("nothing"))
    assert desk.audit.getvalue() == ""


async def test_requests_go_on_while_nobody_reads_the_lines(netbox: NetBox, tmp_path: Path) -> None:
    """A pipe that is full stops whoever writes to it, and that is not the request."""
    stream = Stuck()
    async with whole(netbox.url, tmp_path, audit=stream) as desk:
        answers = [await desk.post(f"unread-{number}") for number in range(3)]
        assert await asyncio.to_thread(stream.reached.wait, 30)
        assert stream.getvalue() == ""
        stream.gate.set()
    assert {answer.status_code for answer in answers} == {200}
    assert stream.getvalue().count("\n") == 6


def test_what_finds_no_room_is_counted_and_told() -> None:
    """The log says how many as soon as somebody reads again; the lines that waited are all there."""
    stream, log, dropped = Stuck(), io.StringIO(), list[int]()
    lines = AuditLines(make_logger(log), stream, dropped.append, room=2)
    lines([Record("{}")])
    assert stream.reached.wait(30)
    lines([Record("{}") for _ in range(5)])
    assert dropped == [3]
    stream.gate.set()
    lines.close()
    assert stream.getvalue().count("\n") == 3
    assert [json.loads(line)["lines"] for line in log.getvalue().splitlines()] == [3]


def test_a_stream_that_breaks_is_counted_and_told() -> None:
    """The thread lives on: the stream may be mended."""
    log, dropped = io.StringIO(), list[int]()
    lines = AuditLines(make_logger(log), Broken(), dropped.append)
    lines([Record("{}"), Record("{}")])
    lines.close()
    assert sum(dropped) == 2
    assert sum(json.loads(line)["lines"] for line in log.getvalue().splitlines()) == 2


@pytest.mark.parametrize("evil", ["\u2028", "\x9b31m", "\u202e", "wéb"])
def test_a_line_is_one_line_of_ascii(evil: str) -> None:
    """Whatever a client has put into a name."""
    stream = io.StringIO()
    lines = AuditLines(make_logger(io.StringIO()), stream)
    lines([Record(json.dumps({"key": evil}, ensure_ascii=False))])
    lines.close()
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.isascii()
    assert json.loads(text)["audit"] == {"key": evil}
