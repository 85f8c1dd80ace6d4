"""The seam to the database: small enough to be read in one go, and all that the ledger knows of it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol, TypeVar

from app.domain.credentials import ApiKey, Enrolment
from app.domain.inventory import Json, Network
from app.ledger.machine_records import MachineEntry, MachineState
from app.ledger.records import EVER, ChainedEvent, Entry, Event, Operation, Span, State

T = TypeVar("T")


class Tx(Protocol):
    """One transaction. Its methods are called in the database's own thread, one transaction at a time."""

    def touch(self) -> None:
        """Write what is there already: whether it can be written shows by writing alone."""
        ...

    def entry(self, key: str) -> Entry | None:
        """The entry of a key, in whatever state."""
        ...

    def put(self, entry: Entry) -> None:
        """Write an entry, new or not."""
        ...

    def drop(self, key: str) -> None:
        """Remove an entry."""
        ...

    def held(self, owner: str, credential: str, but: str) -> Mapping[Network, int]:
        """How many live entries an owner has in each prefix, all but one key's, or one credential's."""
        ...

    def holder_of_name(self, name_claim: str) -> Entry | None:
        """The live entry that holds this name."""
        ...

    def holder_of_object(self, netbox_id: int) -> Entry | None:
        """The live entry of this NetBox object."""
        ...

    def named(self, dns_name: str, prefix: str) -> list[Entry]:
        """Live entries with this name (lower case) that were asked for from this prefix, as written."""
        ...

    def named_between(self, before: str, after: str, vrf_id: int | None) -> list[Entry]:
        """Live entries of this VRF whose name (lower case) begins and ends so."""
        ...

    def entries(self, conditions: Mapping[str, str], after: str, limit: int) -> list[Entry]:
        """Entries in state `done` in order of key, all greater than `after`."""
        ...

    def in_state(self, state: State, after: tuple[float, str], limit: int) -> list[Entry]:
        """Entries in a state, by the time of their last change and their key, all greater than `after`."""
        ...

    def due(self, now: float, after: str, limit: int) -> list[Entry]:
        """Entries in state `done` whose hold ends at or before `now`, by key, all greater than `after`."""
        ...

    def latest(self, limit: int) -> list[Entry]:
        """The entries in state `done` that were changed last, the newest first."""
        ...

    def machine(self, key: str) -> MachineEntry | None:
        """The entry of a machine's key, in whatever state."""
        ...

    def put_machine(self, entry: MachineEntry) -> None:
        """Write a machine's entry, new or not."""
        ...

    def holder_of_machine(self, netbox_id: int) -> MachineEntry | None:
        """The live entry of this virtual machine."""
        ...

    def machines(self, conditions: Mapping[str, str], after: str, limit: int) -> list[MachineEntry]:
        """Machines' entries in state `done` in order of key, all greater than `after`."""
        ...

    def machines_in(
        self, states: Collection[MachineState], after: tuple[float, str], limit: int
    ) -> list[MachineEntry]:
        """Machines' entries in these states, by the time of their last change and their key."""
        ...

    def api_key(self, key_id: str) -> ApiKey | None:
        """The API key with this id, whether it counts or not."""
        ...

    def add_api_key(self, key: ApiKey) -> None:
        """Write down a new API key."""
        ...

    def api_keys(self, client: str, after: str, limit: int) -> list[ApiKey]:
        """The API keys of a client (empty: of all) in order of id, all greater than `after`."""
        ...

    def revoke_api_key(self, key_id: str, now: float) -> None:
        """Have an API key count no longer."""
        ...

    def note_uses(self, uses: Mapping[str, float]) -> None:
        """Write down when API keys, by their ids, were used last."""
        ...

    def enrolment(self, enrolment_id: str) -> Enrolment | None:
        """The enrolment with this id, whether it counts or not."""
        ...

    def add_enrolment(self, enrolment: Enrolment) -> None:
        """Write down a new enrolment."""
        ...

    def use_enrolment(self, enrolment_id: str, now: float, used_from: str, operation: str) -> None:
        """Write down what an enrolment was used for, when, and from which address."""
        ...

    def begin(self, operation: Operation) -> None:
        """Write down an operation that has no outcome yet."""
        ...

    def finish(self, operation_id: str, outcome: str) -> None:
        """Give an operation its outcome."""
        ...

    def is_open(self, operation_id: str) -> bool:
        """Whether an operation has no outcome yet."""
        ...

    def outcome_of(self, operation_id: str) -> str | None:
        """The outcome of an operation; None if it has none yet."""
        ...

    def unfinished(self, limit: int) -> list[Operation]:
        """Operations without an outcome, the oldest first."""
        ...

    def overdue(self, before: float) -> int:
        """How many operations without an outcome were begun at or before a moment."""
        ...

    def first_seen(self, secret: str, fingerprint: str, now: float) -> float:
        """When the secret of this name and fingerprint was first seen: now, if it never was."""
        ...

    # -- several processes on one database; where there can be only one, nobody else is ever at anything ----

    def held_elsewhere(self, turn: str) -> bool:
        """Whether another process is at this key or a part of it: has begun what is not over, and in time."""
        ...

    def left_behind(self, turn: str) -> bool:
        """Whether another process has begun something at this key that is not over, in time or not."""
        ...

    def keep(self, turn: str, seconds: float) -> None:
        """Hold, from now on for so long, whatever is not over at this key."""
        ...

    def let_go(self, turn: str) -> None:
        """Hold nothing more of what is not over at this key."""
        ...

    def lease(self, name: str, seconds: float) -> bool:
        """Take a job that one process does for all, from now on for so long; False: another one has it."""
        ...

    def give_up(self, name: str) -> None:
        """Leave a job to the others."""
        ...

    def append(self, event: Event) -> None:
        """Add a line to the audit log, chained to the one before it."""
        ...

    def events(
        self,
        conditions: Mapping[str, str | Collection[str]],
        after: int,
        limit: int,
        span: Span = EVER,
    ) -> list[tuple[int, Json]]:
        """Lines of a span of the audit log with their numbers, in order, beyond `after` (0: all).

        Each has the fields of its text, its own hash and the `previous` one, by which it can be checked.
        """
        ...

    def chains(self, after: int, limit: int) -> Sequence[tuple[int, ChainedEvent]]:
        """Lines of the audit log as stored, with their numbers, for the verifier."""
        ...


class Store(Protocol):
    """Runs work in transactions. What a work raises rolls its own transaction back, and is raised here."""

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run the work and return its result once it is durable.

        Raises:
            LedgerUnavailable: the database cannot be written.
        """
        ...

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run work that writes nothing.

        Raises:
            LedgerUnavailable: the database cannot be read.
        """
        ...
