"""Nothing is written to a NetBox that cannot carry the claims that make it exactly once."""

from collections.abc import Callable
from dataclasses import dataclass, field

from app.domain.errors import NetBoxUnprepared
from app.operations.ports import Fields

_BELIEVED_SECONDS = 300.0


@dataclass(slots=True)
class Prepared:
    """Checks the custom fields before the first write and every five minutes. `clock` gives seconds."""

    fields: Fields
    clock: Callable[[], float]
    for_machines: bool = False
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
        problems = state.problems
        if self.for_machines and not problems and not state.on_machines:
            problems = ("The claim fields are not defined for virtual machines and their interfaces.",)
        if problems:
            raise NetBoxUnprepared(f"{' '.join(problems)} Nothing is written; run `berth bootstrap`.")
        self._checked_at = now
