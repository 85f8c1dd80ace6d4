"""A request's place in a batch, and what became of it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from app.domain.commands import arrived
from app.domain.errors import BerthError
from app.domain.inventory import Address, Draft, Pool
from app.telemetry.events import timer


@dataclass(frozen=True, slots=True)
class Line:
    """What a batch goes to: a pool's next free addresses, or (no pool) addresses named one by one.

    `place` is the pool that an address found under the claim must lie in, `vrf_id` its VRF.
    """

    place: Pool | None
    vrf_id: int | None
    explicit: bool = False

    @property
    def turn(self) -> tuple[object, ...]:
        """What takes turns with others: explicit addresses of a VRF share a list, whatever their prefix."""
        if self.explicit or self.place is None:
            return ("explicit", self.vrf_id)
        return (self.place.kind, self.place.id)


@dataclass(frozen=True, slots=True)
class Seated:
    """An address that NetBox holds under the claim. `adopted` says that it was there already."""

    address: Address
    adopted: bool
    netbox_request_id: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Seat:
    """One request. `queued_at` and `expires_at` are of the batcher's clock; `spend` counts time by stage.

    `arrival` grows from request to request (`app.domain.commands.arrived`): what was checked faster may be
    seated earlier than what came before it.
    """

    line: Line
    draft: Draft
    caller: str
    outcome: "asyncio.Future[Seated]"
    queued_at: float
    expires_at: float
    shared_roles: bool = False
    arrival: int = field(default_factory=arrived)
    spend: Callable[[str, float], None] = field(default_factory=timer)

    @property
    def took_room(self) -> bool:
        """Whether the request was answered with an address that was made for it."""
        outcome = self.outcome
        if not outcome.done() or outcome.cancelled() or outcome.exception() is not None:
            return False
        return not outcome.result().adopted

    def fill(self, seated: Seated) -> None:
        """Answer the request, unless nobody waits for it any more."""
        if not self.outcome.done():
            self.outcome.set_result(seated)

    def refuse(self, error: BerthError) -> None:
        """Refuse the request, unless nobody waits for it any more."""
        if not self.outcome.done():
            self.outcome.set_exception(error)


@dataclass(slots=True)
class Blame:
    """What single seats of one list were refused with, after NetBox did not say whose fault it was."""

    said: Counter[tuple[type[BerthError], str]] = field(default_factory=Counter)

    def lies_with(self, error: BerthError) -> None:
        """One seat, alone in a list, got this error."""
        self.said[type(error), str(error)] += 1

    def is_everybodys(self, error: BerthError) -> bool:
        """Whether two of them got it and nobody was served meanwhile: then it is hardly the fault of one."""
        return self.said[type(error), str(error)] > 1

    def lies_with_some(self) -> None:
        """NetBox took a list, so it is not everybody's."""
        self.said.clear()


@dataclass(frozen=True, slots=True)
class Batch:
    """Seats that go to NetBox in one list, in order of arrival.

    `unsure`: an earlier call with these claims may have been carried out. `recounted`: the list did not
    fit although NetBox said that there was room. `claim_seen`: NetBox said once that the claim is taken,
    and did not show by whom. `blame` is one for all that a list was divided into.
    """

    line: Line
    seats: tuple[Seat, ...]
    unsure: bool = False
    recounted: bool = False
    claim_seen: bool = False
    blame: Blame = field(default_factory=Blame)

    @property
    def drafts(self) -> list[Draft]:
        """What to create."""
        return [seat.draft for seat in self.seats]

    def only(self, seats: Sequence[Seat]) -> "Batch":
        """The batch with these seats only."""
        return replace(self, seats=tuple(seats))

    def halves(self) -> Iterable["Batch"]:
        """The batch as two."""
        middle = (len(self.seats) + 1) // 2
        return self.only(self.seats[:middle]), self.only(self.seats[middle:])

    def refuse(self, error: BerthError) -> None:
        """Refuse every seat."""
        for seat in self.seats:
            seat.refuse(error)
