"""One at a time for each key: whoever asks second waits, and finds what the first one made."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from app.domain.machines import machine_of


@dataclass(slots=True)
class Turns:
    """A lock for each key, kept only while somebody holds it or waits for it."""

    _locks: dict[str, tuple[asyncio.Lock, int]] = field(default_factory=dict)

    @asynccontextmanager
    async def __call__(self, key: str) -> AsyncIterator[bool]:
        """Hold the key; tells whether somebody else held it when it was asked for.

        The key of a machine's part is the machine's.
        """
        key = machine_of(key)
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield users > 0
        finally:
            lock, left = self._locks[key]
            if left == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, left - 1)

    def busy(self, key: str) -> bool:
        """Whether somebody holds the key now."""
        return machine_of(key) in self._locks
