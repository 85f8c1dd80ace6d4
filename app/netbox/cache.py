"""Remembering answers for a short, stated time. What was not there is never remembered."""

from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")
_MOST: Final = 4096


class Cache:
    """Values by key, each for so many seconds after it was fetched; at most 4096, the oldest go first."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._kept: dict[Hashable, tuple[float, Any]] = {}

    async def get(self, key: Hashable, fetch: Callable[[], Awaitable[T]]) -> T:
        """The value, fetched unless it is remembered; None and empty answers are not kept."""
        kept = self._kept.get(key)
        if kept is not None and self._clock() < kept[0]:
            return cast("T", kept[1])
        value = await fetch()
        self._kept.pop(key, None)
        if value:
            self._kept[key] = (self._clock() + self._seconds, value)
            if len(self._kept) > _MOST:
                del self._kept[next(iter(self._kept))]
        return value

    def forget(self, wanted: Callable[[Hashable, object], bool]) -> None:
        """Drop every entry for which the function says so, given key and value."""
        for key in [key for key, (_, value) in self._kept.items() if wanted(key, value)]:
            del self._kept[key]
