"""A SQLite database: one writer thread that groups commits, and a few readers beside it.

Why a group: a durable transaction costs one fsync (several milliseconds), whatever it holds. The writer
takes all work that waits, runs each in a savepoint of its own, and commits once; a work that raises is
rolled back alone. Nothing is answered before the commit. The writer is the only one that writes, so a work
sees the database as the work before it left it, and the audit chain has one end.
"""

import asyncio
import fcntl
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import IO, Any, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError

from app.domain.errors import LedgerUnavailable
from app.ledger.chain import Head
from app.ledger.ports import Tx
from app.ledger.records import ChainedEvent
from app.store.migrate import FromTheFuture, migrate
from app.store.transaction import Transaction, end_of_chain

T = TypeVar("T")
GROUP = 256
"""Works in one commit at most."""
READERS = 2
_BROKEN = (DBAPIError, sqlite3.Error)
"""What the database says when it cannot: through SQLAlchemy, and to a prepared statement."""
_INTEGRITY = (IntegrityError, sqlite3.IntegrityError)


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

    engine: Engine
    head: Head
    lock: IO[str]
    observe: Callable[[float, int], None]
    committed: Callable[[Sequence[ChainedEvent]], None] = lambda _events: None
    _jobs: "queue.SimpleQueue[_Job | None]" = field(default_factory=queue.SimpleQueue)
    _questions: "queue.SimpleQueue[_Job | None]" = field(default_factory=queue.SimpleQueue)
    _threads: Sequence[threading.Thread] = field(init=False)
    _closed: bool = False
    _doubtful: bool = False

    def __post_init__(self) -> None:
        writer = threading.Thread(target=self._run, name="ledger-write", daemon=True)
        readers = [_Reader(self.engine, self.engine.connect()) for _ in range(READERS)]
        self._threads = (writer, *(self._thread_of(reader) for reader in readers))
        for thread in self._threads:
            thread.start()

    def _thread_of(self, reader: "_Reader") -> threading.Thread:
        return threading.Thread(target=self._answer, args=(reader,), name="ledger-read", daemon=True)

    def close(self) -> None:
        """Finish the writes that wait, then let go of the file. What comes later is refused."""
        self._closed = True
        self._jobs.put(None)
        for _ in range(READERS):
            self._questions.put(None)
        for thread in self._threads:
            thread.join()
        self.engine.dispose()
        self.lock.close()

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
            with self.engine.connect() as connection:
                verdicts = self._works(connection, group)
            self.observe(perf_counter() - began, len(group))
        except Exception as error:  # noqa: BLE001 - handed to those who wait
            self._doubtful = True
            return [_Verdict(job, error=_unavailable(error)) for job in group]
        return verdicts

    def _works(self, connection: Connection, group: list[_Job]) -> list[_Verdict]:
        """Run a group in one transaction.

        A database error ends the whole group, not just its work: after some errors (a full disk) SQLite
        has rolled back everything, and a savepoint would then quietly begin a new transaction. A broken
        constraint is the one error that SQLite keeps to its statement. After an error nobody knows whether
        a commit was carried out, so the end of the chain is read again.
        """
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            verdicts, head = [], self.head
            if self._doubtful:
                head = end_of_chain(connection, self.head.chain)
            for job in group:
                verdict, head = _work(connection, job, head)
                verdicts.append(verdict)
            connection.exec_driver_sql("COMMIT")
        except _BROKEN:
            connection.invalidate()
            raise
        self.head, self._doubtful = head, False
        return verdicts


@dataclass(slots=True)
class _Reader:
    """Reads on one connection as long as it works: lending one takes SQLAlchemy longer than reading."""

    engine: Engine
    connection: Connection | None

    def answer(self, job: _Job, head: Head) -> _Verdict:
        """Run a work that writes nothing; what it raises is its own, unless the database is broken."""
        try:
            if self.connection is None:
                self.connection = self.engine.connect()
            return _Verdict(job, job.work(Transaction(self.connection, head)))
        except _BROKEN as error:
            self.let_go()
            return _Verdict(job, error=_unavailable(error))
        except Exception as error:  # noqa: BLE001 - whatever a work raises belongs to whoever asked for it
            return _Verdict(job, error=error)

    def let_go(self) -> None:
        """Close the connection; the next read opens another one."""
        if self.connection is not None:
            self.connection.invalidate()
            self.connection.close()
            self.connection = None


def _work(connection: Connection, job: _Job, head: Head) -> tuple[_Verdict, Head]:
    """Run one work in a savepoint; what it raises is its own, unless the database is broken."""
    cursor = connection.connection.cursor()
    cursor.execute("SAVEPOINT work")
    transaction = Transaction(connection, head)
    try:
        result = job.work(transaction)
        verdict, after = _Verdict(job, result, transaction.appended), transaction.head
    except _INTEGRITY as error:
        verdict, after = _Verdict(job, error=_unavailable(error)), head
    except _BROKEN:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a work raises belongs to whoever asked for it
        verdict, after = _Verdict(job, error=error), head
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


def _unavailable(error: Exception) -> LedgerUnavailable:
    unavailable = LedgerUnavailable()
    unavailable.__cause__ = error
    return unavailable


def open_database(
    url: str,
    chain: str,
    observe: Callable[[float, int], None] = lambda _seconds, _works: None,
    committed: Callable[[Sequence[ChainedEvent]], None] = lambda _events: None,
) -> Database:
    """Open the database, bring its tables up to date and take writes; `chain` names a new audit chain.

    `observe` and `committed` are the ones of `Database`.

    Raises:
        LedgerUnavailable: the database cannot be opened, or another process has it.
    """
    path = make_url(url).database
    if not path:
        raise LedgerUnavailable(f"The ledger needs a file, not {url!r}: what is in memory is lost at once.")
    lock = _lock(Path(path))
    engine = create_engine(url, isolation_level="AUTOCOMMIT", connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _prepare)
    try:
        migrate(engine)
    except (*_BROKEN, FromTheFuture) as error:
        engine.dispose()
        lock.close()
        raise LedgerUnavailable(f"The ledger {path} cannot be opened: {error}") from error
    return Database(engine, Head(chain), lock, observe, committed)


def _prepare(connection: object, _record: object) -> None:
    cursor = cast("Any", connection).cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _lock(path: Path) -> IO[str]:
    """Hold a lock beside the file as long as this process lives."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(path.name + ".lock").open("w")
    except OSError as error:
        raise LedgerUnavailable(f"The ledger's folder {path.parent} cannot be written: {error}.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        message = f"Another process has the ledger {path}; SQLite serves one process: stop the other one."
        raise LedgerUnavailable(message) from error
    return lock
