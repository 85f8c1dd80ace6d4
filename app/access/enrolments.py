"""Enrolment tokens: is this one, and does it count now? What it is good for, the operation asks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.access.secrets import ENROLMENT, NOBODY, Pepper, id_of
from app.domain.credentials import Enrolment


class FindEnrolment(Protocol):
    """Finds what is kept of an enrolment."""

    async def __call__(self, enrolment_id: str) -> Enrolment | None:
        """The enrolment with this id, whether it counts or not.

        Raises:
            LedgerUnavailable: nobody can say.
        """
        ...


@dataclass(frozen=True, slots=True)
class EnrolmentDesk:
    """Knows the enrolment tokens. `clock` gives seconds since the epoch."""

    find: FindEnrolment
    pepper: Pepper
    clock: Callable[[], float]

    async def __call__(self, text: str) -> Enrolment | None:
        """The enrolment that this is the token of; None if it is none's, or it has expired."""
        enrolment_id = id_of(text, ENROLMENT)
        found = None if enrolment_id is None else await self.find(enrolment_id)
        fits = self.pepper.fits(text, NOBODY if found is None else found.digest)
        return found if found is not None and fits and self.clock() < found.expires_at else None
