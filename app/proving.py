"""The audit log put to the proof while Berth runs, by `berth audit verify` in a process of its own.

A log of a million records takes long to hash: done in a thread it would keep requests waiting.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from structlog.typing import FilteringBoundLogger

from app.telemetry.metrics import Metrics

COMMAND: Final = (sys.executable, "-m", "app", "audit", "verify")
_FIRST_SECONDS: Final = 300.0
"""So long after the start: a process that is started again and again should not spend its time on this."""


@dataclass(frozen=True, slots=True)
class Proving:
    """Verifies the audit log of a database once, and tells the metrics and the log what came of it.

    `database` is an SQLAlchemy URL; it may hold a password, so it is passed on in the environment.
    """

    database: str
    metrics: Metrics
    log: FilteringBoundLogger
    now: Callable[[], float] = time.time

    async def __call__(self) -> None:
        """Look once; a log that cannot be read counts neither as whole nor as verified."""
        code, said = await self._verify()
        flaws = [line for line in said.splitlines() if line.startswith(("tampered:", "incomplete:"))]
        if code and not flaws:
            self.log.error("the audit log could not be verified", said=said[-500:])
            return
        self.metrics.audit_verified(flawed=bool(flaws), at=self.now())
        if flaws:
            self.log.error("the audit log is not whole", flaws=flaws[:20], found=len(flaws))

    async def _verify(self) -> tuple[int, str]:
        environ = {**_for_the_database(os.environ), "BERTH_DATABASE_URL": self.database}
        process = await asyncio.create_subprocess_exec(
            *COMMAND, env=environ, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        try:
            _, said = await process.communicate()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        return process.returncode or 0, said.decode(errors="replace")


def _for_the_database(environ: Mapping[str, str]) -> dict[str, str]:
    """What a child needs to find its programs, and PostgreSQL's own variables (a password's file, say)."""
    return {
        name: value for name, value in environ.items() if name in ("PATH", "HOME") or name.startswith("PG")
    }


async def keep_proving(proving: Proving, log: FilteringBoundLogger, seconds: float) -> None:
    """Verify a while after the start and then every so many seconds, until cancelled."""
    await asyncio.sleep(min(seconds, _FIRST_SECONDS))
    while True:
        try:
            await proving()
        except Exception:  # one bad pass must not end all others
            log.exception("verifying the audit log failed")
        await asyncio.sleep(seconds)
