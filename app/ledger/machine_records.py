"""What the ledger writes down of virtual machines."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from app.domain.inventory import Json


class MachineState(StrEnum):
    """Where a machine's key stands.

    working → done → retiring → retired: what a transient failure stops is rolled forward. A definite one
    leads from working to undoing, and from there to failed, or back to done where the machine was there
    before. What can neither be undone nor be retired is stuck, until an operator has it tried again or
    abandons it.
    """

    WORKING = "working"
    DONE = "done"
    UNDOING = "undoing"
    FAILED = "failed"
    RETIRING = "retiring"
    RETIRED = "retired"
    STUCK = "stuck"


ABANDONED = "abandoned"
"""The reason of a key that an operator let go: what carries its claims in NetBox is left alone."""

MACHINE_OPEN = frozenset(
    {MachineState.WORKING, MachineState.UNDOING, MachineState.RETIRING, MachineState.STUCK}
)
"""States of a key whose operation is not over."""

MACHINE_LIVE = MACHINE_OPEN | {MachineState.DONE}
"""States in which a key and its machine are spoken for."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One interface of a registration: its name, its number, and the keys of its addresses, in order."""

    name: str
    number: int
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a registration consists of. `sent` holds the words of all its writes, the last one's first.

    `adopted` are the claims on what was in NetBox before Berth: the machine's key, keys of interfaces.
    """

    sent: Mapping[str, Json] = field(default_factory=dict)
    slots: tuple[Slot, ...] = ()
    adopted: tuple[str, ...] = ()

    @property
    def numbers(self) -> dict[str, int]:
        """The interfaces' numbers, by name."""
        return {slot.name: slot.number for slot in self.slots}

    @property
    def parts(self) -> tuple[str, ...]:
        """The keys of all addresses."""
        return tuple(key for slot in self.slots for key in slot.addresses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the operation under way shall lead to.

    `request` is what was sent with it, `form` what will be there. `made` are the claims that it makes: what
    it has to take back if it fails. `adopt`: it may take over what is there.
    """

    request: Mapping[str, Json]
    form: Form
    made: tuple[str, ...] = ()
    adopt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineEntry:
    """One machine's key. `held` is what stands, `wanted` what is under way. Times as in `Entry`.

    `step` is the last step that was taken, `reason` why it is undone or stuck. A stuck one remembers in
    `stuck_in` what it was at. `name` is in lower case.
    """

    key: str
    owner: str
    state: MachineState
    operation: str = ""
    action: str = ""
    name: str = ""
    cluster_id: int | None = None
    netbox_id: int | None = None
    step: str = ""
    reason: str = ""
    stuck_in: str = ""
    held: Form = field(default_factory=Form)
    wanted: Wanted | None = None
    requested_by: str | None = None
    reference: str | None = None
    opened_at: float = 0.0
    changed_at: float = 0.0

    @property
    def is_open(self) -> bool:
        """Whether an operation is under way."""
        return self.state in MACHINE_OPEN

    @property
    def fresh(self) -> bool:
        """Whether the operation under way makes the machine."""
        return self.wanted is not None and self.key in self.wanted.made

    @property
    def taking(self) -> tuple[str, ...]:
        """The claims that the operation under way gives to what is there."""
        wanted = self.wanted.form.adopted if self.wanted else ()
        return tuple(claim for claim in wanted if claim not in self.held.adopted)

    @property
    def begins(self) -> bool:
        """Whether the operation under way is the key's first: before it there was nothing."""
        return self.fresh or self.key in self.taking

    def settled(self) -> "MachineEntry":
        """The entry once what was wanted is there."""
        assert self.wanted is not None  # noqa: S101 - only what is wanted comes to stand
        said = {word: str(value) for word, value in self.wanted.request.items() if value}
        return replace(
            self,
            state=MachineState.DONE,
            held=self.wanted.form,
            wanted=None,
            step="",
            reason="",
            stuck_in="",
            name=said.get("name", self.name).lower(),
            requested_by=said.get("requested_by", self.requested_by),
            reference=said.get("reference", self.reference),
        )

    def restored(self) -> "MachineEntry":
        """The entry once what was wanted is taken back: as before, or with nothing. The reason stays."""
        state = MachineState.FAILED if self.begins else MachineState.DONE
        return replace(self, state=state, wanted=None, step="", stuck_in="")

    def over(self) -> "MachineEntry":
        """The entry once the machine is gone."""
        return replace(
            self, state=MachineState.RETIRED, held=Form(), wanted=None, step="", reason="", stuck_in=""
        )
