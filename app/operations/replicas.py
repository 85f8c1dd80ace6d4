"""The other processes of Berth that share the ledger: whose turn it is, and who does the common jobs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from app.ledger.ledger import Elsewhere
from app.ledger.ports import Store, Tx

_LOOKS: Final = (0.02, 0.05, 0.1, 0.2)
"""Seconds between two looks whether the other process is done; the last one again and again."""


@dataclass(frozen=True, slots=True)
class Replicas:
    """Waits for other processes; see `app.operations.turns.Others`.

    `patience` is how long a request waits for another process, `hold_seconds` for how long it holds what it
    takes up.
    """

    store: Store
    patience: float = 20.0
    hold_seconds: float = 30.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def busy(self, key: str) -> bool:
        """See `app.operations.turns.Others`."""
        return await self.store.read(lambda tx: tx.held_elsewhere(key))

    async def wait(self, key: str) -> None:
        """See `app.operations.turns.Others`."""
        for seconds in _steps(self.patience):
            if not await self.store.read(lambda tx: tx.left_behind(key)):
                return
            if await self.store.write(partial(_take_up, key, self.hold_seconds)):
                return
            await self.sleep(seconds)
        raise Elsewhere

    async def let_go(self, key: str) -> None:
        """See `app.operations.turns.Others`."""
        await self.store.write(lambda tx: tx.let_go(key))

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[bool]:
        """See `app.operations.turns.Others`. Until now, another process may have done it."""
        for seconds in _steps(self.patience):
            if await self.lease(name, self.hold_seconds):
                break
            await self.sleep(seconds)
        else:
            raise Elsewhere
        try:
            yield True
        finally:
            await self.give_up(name)

    async def give_up(self, name: str) -> None:
        """See `app.operations.turns.Others`."""
        await self.store.write(lambda tx: tx.give_up(name))

    async def lease(self, name: str, seconds: float) -> bool:
        """See `app.operations.turns.Others`."""
        return await self.store.write(lambda tx: tx.lease(name, seconds))


def _take_up(key: str, seconds: float, tx: Tx) -> bool:
    """Hold what nobody is at any more; False: somebody still is."""
    if tx.held_elsewhere(key):
        return False
    tx.keep(key, seconds)
    return True


def _steps(patience: float) -> list[float]:
    """The waits between looks that come to so many seconds."""
    last = _LOOKS[-1]
    return [*_LOOKS, *[last] * max(0, round((patience - sum(_LOOKS)) / last))]
