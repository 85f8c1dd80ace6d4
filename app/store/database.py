"""The database: one writer thread that groups commits, and a few readers beside it.

Why a group: a durable transaction costs one fsync (several milliseconds), whatever it holds. The writer
takes all work that waits, runs each in a savepoint of its own, and commits once; a work that raises is
rolled back alone. Nothing is answered before the commit. Of all processes one writes at a time, so a work
sees the database as the work before it left it, and the audit log has one end.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeVar

from sqlalchemy import Connection

from app.domain.errors import LedgerUnavailable
from app.ledger.chain import Head
from app.ledger.ports import Tx
from app.ledger.records import ChainedEvent
from app.store.backend import Backend, cursor_of, unavailable
from app.store.locator import database_url
from app.store.position import Position, keep_count, position_of
from app.store.sqlite import open_sqlite
from app.store.transaction import Transaction

T = TypeVar("T")
GROUP = 256
"""Works in one commit at most."""
READERS = 2


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[Tx], Any]
    future: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop


@dataclass(slots=True)
class _Verdict:
    job: _Job
    result: object = None
    events: Sequence[ChainedEvent] = ()
    error: BaseException | None = None

    def settle(self) -> None:
        """Answer the waiting task, unless it has gone. Runs in the task's loop."""
        if self.job.future.done():
            return
        if self.error is not None:
            self.job.future.set_exception(self.error)
        else:
            self.job.future.set_result(self.result)


@dataclass(slots=True)
class Database:
    """The ledger's `Store`.

    `observe` is told the seconds and the number of works of every commit, `committed` the audit records that
    a commit has made durable, in their order and after those who wait were answered; both in the writer
    thread.
    """

    backend: Backend
    head: Head
    observe: Callable[[float, int], None]
    committed: Callable[[Sequence[ChainedEvent]], None] = lambda _events: None
    _jobs: "queue.SimpleQueue[_Job | None]" = field(default_factory=queue.SimpleQueue)
    _questions: "queue.SimpleQueue[_Job | None]" = field(default_factory=queue.SimpleQueue)
    _threads: Sequence[threading.Thread] = field(init=False)
    _closed: bool = False
    _doubtful: bool = False

    def __post_init__(self) -> None:
        writer = threading.Thread(target=self._run, name="ledger-write", daemon=True)
        readers = [_Reader(self.backend, self.backend.engine.connect()) for _ in range(READERS)]
        self._threads = (writer, *(self._thread_of(reader) for reader in readers))
        for thread in self._threads:
            thread.start()

    def _thread_of(self, reader: "_Reader") -> threading.Thread:
        return threading.Thread(target=self._answer, args=(reader,), name="ledger-read", daemon=True)

    @property
    def alone(self) -> bool:
        """Whether no other process can be at this database."""
        return self.backend.alone

    def clock(self) -> float:
        """Seconds since the epoch, by the clock that all processes at this database share."""
        return self.backend.clock()

    def close(self) -> None:
        """Finish the writes that wait, then let go of the database. What comes later is refused."""
        self._closed = True
        self._jobs.put(None)
        for _ in range(READERS):
            self._questions.put(None)
        for thread in self._threads:
            thread.join()
        self.backend.close()

    async def write(self, work: Callable[[Tx], T]) -> T:
        """See `app.ledger.ports.Store`."""
        return await self._ask(self._jobs, work)

    async def read(self, work: Callable[[Tx], T]) -> T:
        """See `app.ledger.ports.Store`."""
        return await self._ask(self._questions, work)

    async def _ask(self, waiting: "queue.SimpleQueue[_Job | None]", work: Callable[[Tx], T]) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        if self._closed:
            raise LedgerUnavailable
        waiting.put(_Job(work, future, loop))
        return await future

    def _answer(self, reader: "_Reader") -> None:
        while (job := self._questions.get()) is not None:
            _deliver([reader.answer(job, self.head)])
        reader.let_go()

    def _run(self) -> None:
        while (group := self._next_group()) is not None:
            verdicts = self._commit(group)
            _deliver(verdicts)
            events = [event for verdict in verdicts for event in verdict.events]
            if events:
                with suppress(Exception):  # whoever listens must not stop the ledger
                    self.committed(events)

    def _next_group(self) -> list[_Job] | None:
        first = self._jobs.get()
        if first is None:
            return None
        group = [first]
        while len(group) < GROUP and not self._jobs.empty():
            job = self._jobs.get()
            if job is None:
                self._jobs.put(None)
                break
            group.append(job)
        return group

    def _commit(self, group: list[_Job]) -> list[_Verdict]:
        """Run a group and commit it. Whatever goes wrong, the thread lives on and nobody waits for ever."""
        began = perf_counter()
        try:
            with self._begun() as connection:
                verdicts = self._works(connection, group)
            self.observe(perf_counter() - began, len(group))
        except Exception as error:  # noqa: BLE001 - handed to those who wait
            self._doubtful = True
            return [_Verdict(job, error=unavailable(error)) for job in group]
        return verdicts

    def _begun(self) -> Connection:
        """A connection in a transaction; another one where the first has gone, which harms nothing yet."""
        try:
            return self._begin()
        except self.backend.failures.broken:
            if self.backend.alone:
                raise
            return self._begin()

    def _begin(self) -> Connection:
        connection = self.backend.engine.connect()
        try:
            self.backend.begin(connection)
        except BaseException:
            connection.invalidate()
            connection.close()
            raise
        return connection

    def _works(self, connection: Connection, group: list[_Job]) -> list[_Verdict]:
        """Run a group in one transaction, and commit it.

        A database error ends the whole group, not just its work, but for those that the database keeps to
        their statement. After an error nobody knows whether a commit was carried out, so the end of the
        chain is read again.
        """
        backend = self.backend
        try:
            cursor = cursor_of(connection)
            position = before = position_of(
                cursor, self.head, counting=backend.counting, doubtful=self._doubtful
            )
            verdicts = []
            for job in group:
                verdict, position = _work(backend, connection, job, position)
                verdicts.append(verdict)
            keep_count(cursor, before, position)
            cursor.execute("COMMIT")
        except backend.failures.broken:
            connection.invalidate()
            raise
        self.head, self._doubtful = position.head, False
        return verdicts


@dataclass(slots=True)
class _Reader:
    """Reads on one connection as long as it works: lending one takes SQLAlchemy longer than reading."""

    backend: Backend
    connection: Connection | None

    def answer(self, job: _Job, head: Head) -> _Verdict:
        """Run a work that writes nothing; what it raises is its own, unless the database is broken.

        A connection to a server may have gone since it was last used: then another one is tried.
        """
        verdict = self._answer(job, head)
        again = isinstance(verdict.error, LedgerUnavailable) and not self.backend.alone
        return self._answer(job, head) if again else verdict

    def _answer(self, job: _Job, head: Head) -> _Verdict:
        try:
            if self.connection is None:
                self.connection = self.backend.engine.connect()
            work = Transaction(self.connection, Position(head), alone=self.backend.alone)
            return _Verdict(job, job.work(work))
        except self.backend.failures.broken as error:
            self.let_go()
            return _Verdict(job, error=unavailable(error))
        except Exception as error:  # noqa: BLE001 - whatever a work raises belongs to whoever asked for it
            return _Verdict(job, error=error)

    def let_go(self) -> None:
        """Close the connection; the next read opens another one."""
        if self.connection is not None:
            self.connection.invalidate()
            self.connection.close()
            self.connection = None


def _work(
    backend: Backend, connection: Connection, job: _Job, position: Position
) -> tuple[_Verdict, Position]:
    """Run one work in a savepoint; what it raises is its own, unless the database is broken."""
    cursor = cursor_of(connection)
    cursor.execute("SAVEPOINT work")
    transaction = Transaction(connection, position, alone=backend.alone)
    try:
        result = job.work(transaction)
        verdict, after = _Verdict(job, result, transaction.appended), transaction.position
    except backend.failures.own as error:
        verdict, after = _Verdict(job, error=unavailable(error)), position
    except backend.failures.broken:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a work raises belongs to whoever asked for it
        verdict, after = _Verdict(job, error=error), position
    if verdict.error is not None:
        cursor.execute("ROLLBACK TO work")
    cursor.execute("RELEASE work")
    return verdict, after


def _deliver(verdicts: Sequence[_Verdict]) -> None:
    """Answer the waiting tasks, with one call into each loop; a loop that is closed waits for nothing."""
    loops: dict[asyncio.AbstractEventLoop, list[_Verdict]] = {}
    for verdict in verdicts:
        loops.setdefault(verdict.job.loop, []).append(verdict)
    for loop, answers in loops.items():
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, answers)


def _settle(verdicts: Sequence[_Verdict]) -> None:
    for verdict in verdicts:
        verdict.settle()


def open_database(
    url: str,
    chain: str,
    observe: Callable[[float, int], None] = lambda _seconds, _works: None,
    committed: Callable[[Sequence[ChainedEvent]], None] = lambda _events: None,
) -> Database:
    """Open the database, bring its tables up to date and take writes; `chain` names a new audit chain.

    `observe` and `committed` are the ones of `Database`.

    Raises:
        LedgerUnavailable: the database cannot be opened, or is a file that another process has.
    """
    return Database(open_backend(url), Head(chain), observe, committed)


def open_backend(url: str) -> Backend:
    """Open the database and bring its tables up to date.

    Raises:
        LedgerUnavailable: as `open_database`.
    """
    made = database_url(url)
    if made.get_backend_name() == "sqlite":
        return open_sqlite(made)
    from app.store.postgres import open_postgres  # noqa: PLC0415 - its driver takes time to import

    return open_postgres(made)
