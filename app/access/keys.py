"""API keys: whose is this one, and does it count now, and from here?"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from app.access.secrets import KEY, NOBODY, Pepper, id_of
from app.domain.credentials import ApiKey


class FindKey(Protocol):
    """Finds what is kept of a key."""

    async def __call__(self, key_id: str) -> ApiKey | None:
        """The key with this id, whether it counts or not.

        Raises:
            LedgerUnavailable: nobody can say.
        """
        ...


@dataclass(slots=True)
class LastUses:
    """When keys were used last; collected, so that a request does not cost a write."""

    _uses: dict[str, float] = field(default_factory=dict)

    def note(self, key_id: str, now: float) -> None:
        """A key was used."""
        self._uses[key_id] = now

    def take(self) -> dict[str, float]:
        """What was noted since this was asked last."""
        uses, self._uses = self._uses, {}
        return uses


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Knows the API keys. `clock` gives seconds since the epoch."""

    find: FindKey
    pepper: Pepper
    clock: Callable[[], float]
    uses: LastUses = field(default_factory=LastUses)

    async def __call__(self, text: str, client_address: str) -> ApiKey | None:
        """The key that this is; None if it is none that counts now and here.

        What is offered is hashed and compared also where there is nothing to compare with, and only then
        looked at further: the time tells nothing about which ids there are, nor which keys are revoked.
        """
        key_id = id_of(text, KEY)
        key = None if key_id is None else await self.find(key_id)
        fits = self.pepper.fits(text, NOBODY if key is None else key.digest)
        if key is None or not fits:
            return None
        now = self.clock()
        if not key.holds(now) or not key.bounds.admits(client_address):
            return None
        self.uses.note(key.id, now)
        return key
