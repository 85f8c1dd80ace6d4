"""What a process uses while it works: memory, file descriptors, threads, and the size of its ledger."""

from __future__ import annotations

import os
import statistics
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. Memory is what is resident, in bytes; the write-ahead log is a part of the ledger."""

    at: float
    memory: int
    files: int
    threads: int
    ledger: int
    log: int


@dataclass
class Watch:
    """Looks at a process every so many seconds until it is told to stop."""

    pid: int
    ledger: Path
    seconds: float
    samples: list[Sample] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """Look once more, and no more after that."""
        self._over.set()
        self._thread.join()

    def quarter(self, number: int, of: Callable[[Sample], int]) -> float:
        """Return the median of a figure in a quarter of the time, counted from 1."""
        size = len(self.samples) / 4
        return statistics.median(map(of, self.samples[int(size * (number - 1)) : int(size * number)]))

    def _run(self) -> None:
        while True:
            self.samples.append(self._look())
            if self._over.wait(self.seconds):
                return

    def _look(self) -> Sample:
        process = Path(f"/proc/{self.pid}")
        return Sample(
            at=time.monotonic(),
            memory=int((process / "statm").read_text().split()[1]) * PAGE,
            files=len(list((process / "fd").iterdir())),
            threads=len(list((process / "task").iterdir())),
            ledger=_size(self.ledger),
            log=_size(self.ledger.with_name(f"{self.ledger.name}-wal")),
        )


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
