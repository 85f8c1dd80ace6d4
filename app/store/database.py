"""A SQLite database: one writer thread that groups commits, and a few readers beside it.

Why a group: a durable transaction costs one fsync (several milliseconds), whatever it holds. The writer
takes all work that waits, runs each in a savepoint of its own, and commits once; a work that raises is
rolled back alone. Nothing is answered before the commit. The writer is the only one that writes, so a work
sees the database as the work before it left it, and the audit chain has one end.
"""

import asyncio
import fcntl
import queue
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import IO, Any, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError

from app.domain.errors import LedgerUnavailable
from app.ledger.chain import Head
from app.ledger.ports import Tx
from app.store.migrate import migrate
from app.store.transaction import Transaction

T = TypeVar("T")
GROUP = 256
"""Works in one commit at most."""


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[Tx], Any]
    future: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop


@dataclass(slots=True)
class _Verdict:
    job: _Job
    result: object = None
    error: BaseException | None = None

    def deliver(self) -> None:
        """Answer the waiting task, unless it has gone or its loop is closed."""
        if not self.job.loop.is_closed():
            self.job.loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        if self.job.future.done():
            return
        if self.error is not None:
            self.job.future.set_exception(self.error)
        else:
            self.job.future.set_result(self.result)


@dataclass(slots=True)
class Database:
    """The ledger's `Store`.

    `observe` is told the seconds and the number of works of every commit, in the writer thread.
    """

    engine: Engine
    head: Head
    lock: IO[str] | None = None
    observe: Callable[[float, int], None] = lambda _seconds, _works: None
    _jobs: "queue.SimpleQueue[_Job | None]" = field(default_factory=queue.SimpleQueue)
    _readers: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(2, thread_name_prefix="ledger-read")
    )
    _writer: threading.Thread | None = None

    def start(self) -> None:
        """Begin to take writes."""
        self._writer = threading.Thread(target=self._run, name="ledger-write", daemon=True)
        self._writer.start()

    def close(self) -> None:
        """Finish the writes that wait, then let go of the file."""
        self._jobs.put(None)
        if self._writer is not None:
            self._writer.join()
        self._readers.shutdown()
        self.engine.dispose()
        if self.lock is not None:
            self.lock.close()

    async def write(self, work: Callable[[Tx], T]) -> T:
        """See `app.ledger.ports.Store`."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(work, future, loop))
        return await future

    async def read(self, work: Callable[[Tx], T]) -> T:
        """See `app.ledger.ports.Store`."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    def _read(self, work: Callable[[Tx], T]) -> T:
        try:
            with self.engine.connect() as connection:
                return work(Transaction(connection, self.head))
        except DBAPIError as error:
            raise LedgerUnavailable from error

    def _run(self) -> None:
        while (group := self._next_group()) is not None:
            for verdict in self._commit(group):
                verdict.deliver()

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
        began = perf_counter()
        try:
            with self.engine.connect() as connection:
                verdicts, head = self._works(connection, group)
        except DBAPIError as error:
            return [_Verdict(job, error=_unavailable(error)) for job in group]
        self.head = head
        self.observe(perf_counter() - began, len(group))
        return verdicts

    def _works(self, connection: Connection, group: list[_Job]) -> tuple[list[_Verdict], Head]:
        """Run a group in one transaction.

        A database error ends the whole group, not just its work: after some errors (a full disk) SQLite
        has rolled back everything, and a savepoint would then quietly begin a new transaction.
        """
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            verdicts, head = [], self.head
            for job in group:
                verdict, head = self._work(connection, job, head)
                verdicts.append(verdict)
            connection.exec_driver_sql("COMMIT")
        except DBAPIError:
            connection.invalidate()
            raise
        return verdicts, head

    def _work(self, connection: Connection, job: _Job, head: Head) -> tuple[_Verdict, Head]:
        connection.exec_driver_sql("SAVEPOINT work")
        transaction = Transaction(connection, head)
        try:
            result = job.work(transaction)
        except DBAPIError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a work raises belongs to whoever asked for it
            connection.exec_driver_sql("ROLLBACK TO work")
            connection.exec_driver_sql("RELEASE work")
            return _Verdict(job, error=error), head
        connection.exec_driver_sql("RELEASE work")
        return _Verdict(job, result=result), transaction.head


def _unavailable(error: DBAPIError) -> LedgerUnavailable:
    unavailable = LedgerUnavailable()
    unavailable.__cause__ = error
    return unavailable


def open_database(url: str, chain: str, observe: Callable[[float, int], None] | None = None) -> Database:
    """Open the database, bring its tables up to date and take writes; `chain` names a new audit chain.

    Raises:
        LedgerUnavailable: the database cannot be opened, or another process has it.
    """
    path = make_url(url).database
    lock = _lock(Path(path)) if path and path != ":memory:" else None
    engine = create_engine(url, isolation_level="AUTOCOMMIT", connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _prepare)
    try:
        migrate(engine)
    except DBAPIError as error:
        raise LedgerUnavailable from error
    database = Database(engine, Head(chain), lock)
    if observe is not None:
        database.observe = observe
    database.start()
    return database


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
