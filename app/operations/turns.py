"""One at a time for each key: whoever asks second waits, and finds what the first one made."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from app.domain.machines import machine_of


class Others(Protocol):
    """The other processes that share the ledger. Keys of machines' parts are the machines'."""

    async def busy(self, key: str) -> bool:
        """Whether one of them is at the key."""
        ...

    async def wait(self, key: str) -> None:
        """Wait until none of them is at the key, and take up what a dead one has left there.

        Raises:
            Elsewhere: one is at it for longer than a request waits.
        """
        ...

    async def let_go(self, key: str) -> None:
        """Hold nothing more of what this process leaves unfinished at the key."""
        ...

    async def lease(self, name: str, seconds: float) -> bool:
        """Take a job that one process does for all, for so long; False: another one has it."""
        ...

    async def give_up(self, name: str) -> None:
        """Leave a job to the others."""
        ...

    def alone(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Do something that is nobody's key while none of them does it; tells whether one may have done it.

        Raises:
            Elsewhere: as `wait`.
        """
        ...


class Nobody:
    """There is only one process."""

    async def busy(self, _key: str) -> bool:
        """Never."""
        return False

    async def wait(self, _key: str) -> None:
        """Return at once."""

    async def let_go(self, _key: str) -> None:
        """Do nothing."""

    async def lease(self, _name: str, _seconds: float) -> bool:
        """Always."""
        return True

    async def give_up(self, _name: str) -> None:
        """Do nothing."""

    @asynccontextmanager
    async def alone(self, _name: str) -> AsyncIterator[bool]:
        """Do it at once; nobody else has."""
        yield False


@dataclass(slots=True)
class Turns:
    """A lock for each key, kept only while somebody holds it or waits for it."""

    others: Others = field(default_factory=Nobody)
    _locks: dict[str, tuple[asyncio.Lock, int]] = field(default_factory=dict)

    @asynccontextmanager
    async def __call__(self, key: str) -> AsyncIterator[bool]:
        """Hold the key; tells whether somebody else in this process held it when it was asked for.

        The key of a machine's part is the machine's. Whatever ends the turn early may have left something
        in the middle: other processes may take it up at once.

        Raises:
            Elsewhere: another process holds the key, and for too long.
        """
        key = machine_of(key)
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                await self.others.wait(key)
                try:
                    yield users > 0
                except BaseException:
                    await self.others.let_go(key)
                    raise
        finally:
            lock, left = self._locks[key]
            if left == 1:
                del self._locks[key]
            else:
                self._locks[key] = (lock, left - 1)

    async def busy(self, key: str) -> bool:
        """Whether somebody holds the key now, here or in another process."""
        key = machine_of(key)
        return key in self._locks or await self.others.busy(key)
