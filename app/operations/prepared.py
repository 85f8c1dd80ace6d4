"""Nothing is written to a NetBox that cannot carry the claims that make it exactly once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from app.domain.errors import NetBoxUnprepared
from app.operations.ports import Fields

_BELIEVED_SECONDS = 300.0


class Guard(Protocol):
    """Whether NetBox is prepared to carry claims."""

    async def __call__(self) -> None:
        """Return if it is.

        Raises:
            NetBoxUnprepared: it is not; nothing may be written.
        """
        ...


@dataclass(slots=True)
class Prepared:
    """Checks the custom fields before the first write and every five minutes. `clock` gives seconds."""

    fields: Fields
    clock: Callable[[], float]
    _checked_at: float | None = field(default=None)

    async def __call__(self) -> None:
        """Return if NetBox is prepared.

        Raises:
            NetBoxUnprepared: it is not; says what is missing.
        """
        now = self.clock()
        if self._checked_at is not None and now < self._checked_at + _BELIEVED_SECONDS:
            return
        state = await self.fields.claim_fields()
        if state.problems:
            raise NetBoxUnprepared(f"{' '.join(state.problems)} Nothing is written; run `berth bootstrap`.")
        self._checked_at = now
