"""Remembering answers for a short, stated time. What was not there is never remembered."""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")
_MOST: Final = 4096


class Cache:
    """Values by key, each for so many seconds after it was fetched; at most 4096, the oldest go first.

    Callers that want the same key while it is being fetched share the one call: without that, everybody who
    waits when an answer gets too old would ask NetBox for it anew. The call runs in a task of its own with
    an empty context, since it has the deadline of none of them.
    """

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._kept: dict[Hashable, tuple[float, Any]] = {}
        self._coming: dict[Hashable, asyncio.Task[Any]] = {}
        self._forgotten = 0

    async def get(self, key: Hashable, fetch: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The value, fetched unless it is remembered; None and empty answers are not kept."""
        kept = self._kept.get(key)
        if kept is not None and self._clock() < kept[0]:
            return cast("T", kept[1])
        coming = self._coming.get(key)
        if coming is None:
            coming = asyncio.create_task(self._fetch(key, fetch), context=contextvars.Context())
            self._coming[key] = coming
            coming.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen by somebody
        return cast("T", await asyncio.shield(coming))

    async def _fetch(self, key: Hashable, fetch: Callable[[], Coroutine[Any, Any, T]]) -> T:
        forgotten = self._forgotten
        try:
            value = await fetch()
        finally:
            del self._coming[key]
        self._kept.pop(key, None)
        if value and forgotten == self._forgotten:
            self._kept[key] = (self._clock() + self._seconds, value)
            if len(self._kept) > _MOST:
                del self._kept[next(iter(self._kept))]
        return value

    def forget(self, wanted: Callable[[Hashable, object], bool]) -> None:
        """Drop every entry for which the function says so, given key and value.

        What is being fetched at this moment may be just that, so it is not kept when it comes.
        """
        self._forgotten += 1
        for key in [key for key, (_, value) in self._kept.items() if wanted(key, value)]:
            del self._kept[key]
