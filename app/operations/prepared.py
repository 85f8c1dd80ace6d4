"""Nothing is written to a NetBox that cannot carry the claims that make it exactly once."""

import asyncio
import contextvars
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.domain.errors import NetBoxUnprepared
from app.operations.ports import Fields

_BELIEVED_SECONDS = 300.0


@dataclass(slots=True)
class Prepared:
    """Checks the custom fields before the first write and every five minutes. `clock` gives seconds.

    Whoever comes while that goes on waits for it, so that a burst at the start makes one check and not one
    each. The check runs in a task with an empty context: it has the deadline of none of them.
    """

    fields: Fields
    clock: Callable[[], float]
    for_machines: bool = False
    _checked_at: float | None = field(default=None)
    _checking: "asyncio.Task[Sequence[str]] | None" = field(default=None)

    def forget(self) -> None:
        """Check again before the next write: NetBox said something about these fields."""
        self._checked_at = None

    async def __call__(self) -> None:
        """Return if NetBox is prepared.

        Raises:
            NetBoxUnprepared: it is not; says what is missing.
        """
        if self._checked_at is not None and self.clock() < self._checked_at + _BELIEVED_SECONDS:
            return
        if self._checking is None:
            self._checking = asyncio.create_task(self._check(), context=contextvars.Context())
            self._checking.add_done_callback(self._done)
        if problems := await asyncio.shield(self._checking):
            raise NetBoxUnprepared(f"{' '.join(problems)} Nothing is written; run `berth bootstrap`.")

    async def _check(self) -> Sequence[str]:
        now = self.clock()
        state = await self.fields.claim_fields()
        problems = state.problems
        if self.for_machines and not problems and not state.on_machines:
            problems = ("The claim fields are not defined for virtual machines and their interfaces.",)
        if not problems:
            self._checked_at = now
        return problems

    def _done(self, checking: "asyncio.Task[Sequence[str]]") -> None:
        self._checking = None
        _ = checking.cancelled() or checking.exception()  # seen by somebody
