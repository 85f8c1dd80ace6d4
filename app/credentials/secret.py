"""A secret in use: its last good value, and how old that is.

Three may ask for a secret to be read again: the schedule, SIGHUP, and a call that NetBox has refused. They
share one reading: whoever comes while one is under way waits for it, and gets what came of it. A source
that cannot be read changes nothing, so an Infisical that is down does not take a good token away.
"""

import asyncio
import time
from collections.abc import Callable

from app.credentials.sources import SecretMissing, Source


class Secret:
    """One secret by the name of its variable.

    Raises:
        SecretMissing: its source has nothing to give at start.
    """

    def __init__(self, name: str, source: Source, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self.problem = ""
        self._source = source
        self._clock = clock
        self._value = source.read()
        self._read_at = clock()
        self._reading: asyncio.Task[bool] | None = None

    def __repr__(self) -> str:
        """The name alone."""
        return f"Secret({self.name!r})"

    def current(self) -> str:
        """The value as it was last read."""
        return self._value

    def seconds_since_read(self) -> float:
        """Seconds since the source was last read with success."""
        return self._clock() - self._read_at

    async def refresh(self) -> bool:
        """Read the source again; whether the value changed. `problem` says why it could not be read."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        return await asyncio.shield(self._reading)

    async def _read(self) -> bool:
        try:
            value = await asyncio.to_thread(self._source.read)
        except SecretMissing as missing:
            self.problem = str(missing)
            return False
        self._read_at, self.problem = self._clock(), ""
        changed, self._value = value != self._value, value
        return changed
