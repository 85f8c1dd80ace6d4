"""What runs beside the requests: the reconciler, and the counting of what was done."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from prometheus_client import start_http_server
from structlog.typing import FilteringBoundLogger

from app.allocation.batcher import BatchSent
from app.assembly import Operations
from app.domain.errors import LedgerUnavailable
from app.ledger.ports import Store
from app.netbox import CallFinished
from app.netbox.resilience import Line
from app.telemetry.metrics import Breaker, Metrics

_DOUBT_COUNTED = 1000


@dataclass(slots=True)
class Meters:
    """Turns what the rooms report into metrics. `line` is known once NetBox is connected."""

    metrics: Metrics
    line: Line | None = None

    def call(self, call: CallFinished) -> None:
        """A call to NetBox is over."""
        self.metrics.netbox_call(
            endpoint=call.endpoint, method=call.method, outcome=call.status_or_outcome, seconds=call.seconds
        )
        self.metrics.queue_wait("netbox", call.queued_seconds)
        for reason in call.retried:
            self.metrics.netbox_retry(reason)
        if self.line is not None:
            self.metrics.breaker(Breaker(self.line.breaker.value))

    def batch(self, sent: BatchSent) -> None:
        """A batch is over."""
        self.metrics.batch(sent.size)
        self.metrics.queue_wait("batch", sent.waited)
        self.metrics.queue_length("batch", sent.left)

    def commit(self, seconds: float, _works: int) -> None:
        """The ledger committed; told in the ledger's thread."""
        self.metrics.ledger_commit(seconds)


@dataclass(frozen=True, slots=True)
class Writable:
    """Ready means: the ledger can be written. NetBox is not asked, lest its outage take out every replica."""

    store: Store

    async def __call__(self) -> Sequence[str]:
        """What stands in the way."""
        try:
            await self.store.write(lambda _tx: None)
        except LedgerUnavailable as error:
            return (error.detail,)
        return ()


@contextmanager
def exposed(metrics: Metrics, host: str, port: int | None) -> Iterator[None]:
    """Show the metrics on a port of their own, if one is set."""
    if port is None:
        yield
        return
    server, thread = start_http_server(port, addr=host, registry=metrics.registry)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def keep_reconciling(
    operations: Operations, metrics: Metrics, log: FilteringBoundLogger, seconds: float
) -> None:
    """Reconcile now and every so many seconds, until cancelled."""
    while True:
        try:
            done = await operations.reconcile()
            open_ones = await operations.ledger.read(lambda tx: tx.unfinished(_DOUBT_COUNTED))
            metrics.in_doubt(len(open_ones))
            results = {name: getattr(done, name) for name in done.__slots__}
            for result, times in results.items():
                metrics.reconciled(result, times)
            if any(times for result, times in results.items() if result != "errors"):
                log.info("reconciled", **results)
        except Exception:  # one bad pass must not end all others
            log.exception("reconciling failed")
        await asyncio.sleep(seconds)


async def stop(task: "asyncio.Task[None]") -> None:
    """Cancel a task and wait until it is gone."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
