"""The audit log as JSON lines beside the other logs, for whoever collects them off this machine.

Each line carries its record's hash, so that the collected lines also show a tail that was cut. A request
never waits for a line: what finds no room in the queue is left out, counted, and told in the log. The
database has it all the same.
"""

import json
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, Protocol, TextIO

import structlog

from app.telemetry.logs import for_people

ROOM: Final = 10_000
"""Lines that may wait to be written."""
_AT_ONCE: Final = 100
_GOODBYE_SECONDS: Final = 5.0
_FOR_PROGRAMS: Final = frozenset({"version", "chain", "sequence", "after", "fingerprint", "policy", "time"})
"""Fields that nobody reads at a terminal."""


class Record(Protocol):
    """What is told of a record."""

    @property
    def body(self) -> str:
        """Its canonical JSON."""
        ...

    @property
    def hash(self) -> str:
        """Its own hash."""
        ...


class AuditLines:
    """Writes records to a stream (standard output), in a thread of its own.

    `on_drop` is told how many were left out, in whatever thread; `form` makes a line of a record.
    """

    def __init__(
        self,
        log: structlog.typing.FilteringBoundLogger,
        stream: TextIO | None = None,
        on_drop: Callable[[int], None] = lambda _count: None,
        room: int = ROOM,
        form: Callable[[Record], str] | None = None,
    ) -> None:
        self._form = form or line_of
        self._log = log
        self._out = structlog.PrintLogger(stream)  # shares the lock of all who write to the stream
        self._on_drop = on_drop
        self._waiting: queue.Queue[Record | None] = queue.Queue(room)
        self._dropped = 0
        self._told = 0
        self._counting = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="audit-lines", daemon=True)
        self._thread.start()

    def __call__(self, records: Sequence[Record]) -> None:
        """Have them written soon, in this order. Returns at once and never fails; one thread may call it."""
        for number, record in enumerate(records):
            try:
                self._waiting.put_nowait(record)
            except queue.Full:
                self._drop(len(records) - number)
                return

    def close(self) -> None:
        """Write what waits, but do not wait for ever."""
        with suppress(queue.Full):
            self._waiting.put(None, timeout=_GOODBYE_SECONDS)
        self._thread.join(_GOODBYE_SECONDS)

    def _drop(self, count: int) -> None:
        with self._counting:
            self._dropped += count
        self._on_drop(count)

    def _run(self) -> None:
        more = True
        while more:
            records, more = self._take()
            self._write(records)
            self._tell()

    def _take(self) -> tuple[list[Record], bool]:
        """What waits, since a commit brings as many records as it holds works; and whether more may come."""
        taken = [self._waiting.get()]
        taken += [self._waiting.get() for _ in range(min(self._waiting.qsize(), _AT_ONCE))]
        records = [record for record in taken if record is not None]
        return records, len(records) == len(taken)

    def _write(self, records: Sequence[Record]) -> None:
        if not records:
            return
        try:
            self._out.msg("\n".join(map(self._form, records)))
        except (OSError, ValueError):  # the stream is closed, or its disk is full
            self._drop(len(records))

    def _tell(self) -> None:
        """Say in the log what was left out since it was said last."""
        count = self._dropped - self._told
        if count:
            self._told += count
            with suppress(OSError, ValueError):
                self._log.error("audit lines were left out; the database has them", lines=count)


def line_of(record: Record) -> str:
    """One line of ASCII, whatever the record holds. A body that is ASCII stands there as it is."""
    body = record.body if record.body.isascii() else json.dumps(json.loads(record.body))
    return f'{{"event": "audit", "audit": {body}, "hash": {json.dumps(record.hash)}}}'


def text_of(record: Record) -> str:
    """One line for people at a terminal, with the record's event as `record`."""
    fields = json.loads(record.body)
    shown = {name: value for name, value in fields.items() if name not in _FOR_PROGRAMS}
    moment = datetime.fromtimestamp(fields.get("time", 0), UTC).isoformat(timespec="microseconds")
    names = {"timestamp": moment, "level": "info", "event": "audit", "record": shown.pop("event", "")}
    return for_people({**names, **shown, "hash": record.hash})
