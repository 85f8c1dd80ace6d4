"""What runs beside the requests: the reconciler, and the counting of what was done."""

import asyncio
import ipaddress
import math
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from prometheus_client import start_http_server
from structlog.typing import FilteringBoundLogger

from app.allocation.batcher import Batcher, BatchSent
from app.api.inventory import size_of
from app.assembly import Operations
from app.domain.errors import BerthError, LedgerUnavailable
from app.domain.inventory import Network, space_of
from app.domain.policy import Policy
from app.domain.upstream import UpstreamError
from app.ledger.ledger import Ledger
from app.ledger.ports import Store
from app.netbox import Attempt, CallFinished, NetBox
from app.netbox.resilience import Line
from app.netbox.wire import Lane
from app.operations.turns import Others
from app.settings import SettingsWrong, variable
from app.telemetry.metrics import MAX_PREFIXES, Metrics

_LATEST = 2000
"""Allocations among which the prefixes are looked for."""


@dataclass(slots=True)
class Meters:
    """Turns what the rooms report into metrics."""

    metrics: Metrics

    def call(self, call: CallFinished) -> None:
        """A call to NetBox is over, with all its attempts."""
        self.metrics.queue_wait(_queue(call.lane), call.queued_seconds)
        for reason in call.retried:
            self.metrics.netbox_retry(reason)

    def attempt(self, attempt: Attempt) -> None:
        """A call to NetBox was sent once, or was kept from being sent."""
        self.metrics.netbox_call(
            endpoint=attempt.endpoint,
            method=attempt.method,
            outcome=attempt.outcome,
            seconds=attempt.seconds,
        )

    def batch(self, sent: BatchSent) -> None:
        """A batch is over."""
        self.metrics.batch(sent.size)
        self.metrics.queue_wait("batch", sent.waited)

    def watch(self, line: Line, batcher: Batcher) -> None:
        """Look at the queues and at the circuit breaker whenever somebody looks at the metrics."""
        self.metrics.watch_breaker(lambda: line.breaker.value)
        self.metrics.watch_allowance(
            lambda: line.allowance.remaining if line.allowance else math.nan,
            lambda: line.allowance.limit if line.allowance else math.nan,
        )
        self.metrics.watch_queue("batch", lambda: batcher.waiting)
        for lane in Lane:
            self.metrics.watch_queue(_queue(lane), partial(_waiting, line, lane))

    def commit(self, seconds: float, _works: int) -> None:
        """The ledger committed; told in the ledger's thread."""
        self.metrics.ledger_commit(seconds)


def _queue(lane: Lane) -> str:
    """What the metrics call the queue for a kind of slot: one name for its length and for its wait."""
    return f"netbox {lane.value}"


def _waiting(line: Line, lane: Lane) -> int:
    return line.waiting[lane]


@dataclass(frozen=True, slots=True)
class Writable:
    """Ready means: the ledger can be written. NetBox is not asked, lest its outage take out every replica."""

    store: Store

    async def __call__(self) -> Sequence[str]:
        """What stands in the way."""
        try:
            await self.store.write(lambda tx: tx.touch())
        except LedgerUnavailable as error:
            return (error.detail,)
        return ()


@contextmanager
def exposed(metrics: Metrics, host: str, port: int | None) -> Iterator[None]:
    """Show the metrics on a port of their own, if one is set.

    Raises:
        SettingsWrong: the port cannot be listened on.
    """
    if port is None:
        yield
        return
    try:
        server, thread = start_http_server(port, addr=host, registry=metrics.registry)
    except OSError as error:
        problem = f"port {port} of {host} cannot be listened on ({error.strerror})"
        raise SettingsWrong([f"{variable('metrics_port')}: {problem}"]) from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def hold_hangups() -> None:
    """Keep a SIGHUP that comes before `reloading` can take it: the system delivers it then."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})


async def _nothing() -> None:
    """What a desk without secrets reads again."""


@asynccontextmanager
async def reloading(
    reload: Callable[[], Sequence[str]],
    policy: Callable[[], Policy],
    log: FilteringBoundLogger,
    renew: Callable[[], Awaitable[None]] = _nothing,
) -> AsyncIterator[None]:
    """Read the policy and the secrets again on SIGHUP; a broken one keeps the old one, and the log says so.

    The event loop takes the signal: what Python itself calls on a signal may have interrupted a line of
    the log in the middle, and would wait for ever for the lock that this line holds.
    """
    asked, loop = asyncio.Event(), asyncio.get_running_loop()
    reloads = asyncio.create_task(_keep_reloading(asked, reload, policy, log, renew))
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        hold_hangups()
        loop.remove_signal_handler(signal.SIGHUP)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        await stop(reloads)


async def _keep_reloading(
    asked: asyncio.Event,
    reload: Callable[[], Sequence[str]],
    policy: Callable[[], Policy],
    log: FilteringBoundLogger,
    renew: Callable[[], Awaitable[None]],
) -> None:
    while await asked.wait():
        asked.clear()
        await _reload(reload, policy, log)
        try:
            await renew()
        except Exception:  # nor must this end the next one
            log.exception("reading the secrets again failed")


async def _reload(
    reload: Callable[[], Sequence[str]], policy: Callable[[], Policy], log: FilteringBoundLogger
) -> None:
    try:
        problems = await asyncio.to_thread(reload)
    except Exception:  # one bad file must not end all later ones
        log.exception("reading the policy failed, the old policy stays")
        return
    if problems:
        log.error("the policy file is wrong, the old policy stays", problems=list(problems))
    else:
        log.info("policy loaded", sha256=policy().sha256 or "none")


async def count_doubts(ledger: Ledger, metrics: Metrics, patience: float) -> None:
    """Count what has no outcome and is older than its request can be, which waits `patience` seconds."""
    late = ledger.clock() - patience
    metrics.in_doubt(await ledger.read(lambda tx: tx.overdue(late)))


@dataclass(frozen=True, slots=True)
class Common:
    """A job that one process does for all that share the ledger, every so many seconds.

    Whoever does it has it for two rounds; so another one goes on a round after its process has died.
    """

    others: Others
    name: str
    seconds: float

    async def mine(self) -> bool:
        """Whether this process does it in this round."""
        return await self.others.lease(self.name, 2 * self.seconds)

    async def give_up(self) -> None:
        """Let another process go on at once; one that cannot be told waits until the time is over."""
        with suppress(LedgerUnavailable):
            await self.others.give_up(self.name)


async def keep_reconciling(
    operations: Operations, metrics: Metrics, log: FilteringBoundLogger, job: Common, patience: float
) -> None:
    """Reconcile now and every so many seconds, until cancelled; `patience` as in `count_doubts`.

    Of several processes one does; each of them counts what is in doubt.
    """
    while True:
        try:
            if await job.mine():
                await _reconcile(operations, metrics, log)
            else:
                metrics.stuck(0)
            await count_doubts(operations.ledger, metrics, patience)
        except Exception:  # one bad pass must not end all others
            log.exception("reconciling failed")
        await asyncio.sleep(job.seconds)


async def _reconcile(operations: Operations, metrics: Metrics, log: FilteringBoundLogger) -> None:
    done = await operations.reconcile()
    machines = await operations.machines.reconcile()
    metrics.stuck(machines.stuck)
    results = {name: getattr(done, name) for name in done.__slots__}
    results["settled"] += machines.settled
    results["freed"] += machines.freed
    results["errors"] += machines.errors
    for result, times in results.items():
        metrics.reconciled(result, times)
    if any(times for result, times in results.items() if result != "errors"):
        log.info("reconciled", **results)


Space = tuple[Network, int | None]
"""A network and the id of its VRF."""


@dataclass(slots=True)
class Usage:
    """Looks up how full the prefixes are that were allocated from lately, one after the other.

    `shown` has their names in the metrics.
    """

    ledger: Ledger
    netbox: NetBox
    metrics: Metrics
    shown: dict[Space, str] = field(default_factory=dict)

    async def __call__(self) -> None:
        """Look at each once. What NetBox does not tell of is left as it was; what is gone is dropped."""
        latest = await self.ledger.read(lambda tx: tx.latest(_LATEST))
        spaces = dict.fromkeys(
            (ipaddress.ip_interface(entry.address).network, entry.vrf_id) for entry in latest if entry.address
        )
        shown: dict[Space, str] = {}
        for space in islice(spaces, MAX_PREFIXES):
            name = await self._look(space)
            if name is not None:
                shown[space] = name
        self.shown = shown
        self.metrics.keep_prefixes(shown.values())

    def forget(self) -> None:
        """Another process looks now, and shows it in its metrics."""
        self.shown = {}
        self.metrics.keep_prefixes(())

    async def _look(self, space: Space) -> str | None:
        """Look at one, and return its name; None if there is no such prefix."""
        network, vrf_id = space
        name = None
        try:
            for pool in await self.netbox.inventory.prefixes_at(network):
                if pool.vrf_id == vrf_id:
                    used, size = await self.netbox.shelf.used(pool), size_of(pool)
                    name = space_of(network, pool.vrf)
                    self.metrics.prefix_usage(name, free=max(0, size - used), ratio=min(1.0, used / size))
        except (UpstreamError, BerthError):
            return self.shown.get(space)
        return name


async def keep_looking(usage: Usage, log: FilteringBoundLogger, job: Common) -> None:
    """Look how full prefixes are, now and every so many seconds, until cancelled; of several, one does."""
    while True:
        try:
            if await job.mine():
                await usage()
            else:
                usage.forget()
        except Exception:  # one bad pass must not end all others
            log.exception("counting addresses failed")
        await asyncio.sleep(job.seconds)


async def stop(task: "asyncio.Task[None]") -> None:
    """Cancel a task and wait until it is gone."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
