"""The ledger's verbs. Every mutation passes through `begin…` and ends in `settle`, `cancel` or a reconciler.

Two transactions frame a mutation: the first (T1) writes the entry and the audit intent before anything is
sent to NetBox, the second (T2) the outcome before anything is answered. What lies between them can be
killed at any point: the entry is found in its state of T1, and the claim in NetBox tells what became of it.

Several processes may share the database. T1 holds the key for some seconds, so that no other process takes
up what this one is at. One that was stopped for longer finds in T2 that its entry has moved on, and changes
nothing.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

from app.domain.errors import BerthError, QuotaExhausted, StillWorking
from app.domain.inventory import Address, Json
from app.domain.machines import machine_of
from app.domain.rights import Limit
from app.ledger.enrolments import use as use_enrolment
from app.ledger.ports import Store, Tx
from app.ledger.records import EVER, Candidate, Entry, Event, Operation, Span, State
from app.telemetry.events import stage

T = TypeVar("T")
Limits: TypeAlias = Sequence[Sequence[Limit]]


class Contended(StillWorking):
    """Somebody else changed the same thing at the same moment; send the same request again."""


class Elsewhere(Contended):
    """Another process of Berth is at this key at this moment; send the same request again."""


class NameHeld(Contended):
    """The name is taken by another request at this moment; send the same request again."""

    def __init__(self, holder: Entry) -> None:
        super().__init__()
        self.holder = holder


class ObjectHeld(Contended):
    """The address is taken by another request at this moment; send the same request again."""

    def __init__(self, holder: Entry) -> None:
        super().__init__()
        self.holder = holder


class Overtaken(Contended):
    """The key was changed by another request at this moment; send the same request again."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A mutation between its two transactions. `before` is the entry as it was, None if there was none."""

    event: Event
    entry: Entry
    before: Entry | None

    def outcome(
        self,
        now: float,
        decision: str,
        about: Entry | None = None,
        *,
        reason: str | None = None,
        netbox_request_id: str = "",
    ) -> Event:
        """The audit outcome that belongs to this intent; `about` is the entry that it speaks of."""
        return replace(
            self.event,
            event="outcome",
            time=now,
            decision=decision,
            duration=round(max(0.0, now - self.event.time), 6),
            reason=self.event.reason if reason is None else reason,
            netbox_request_id=netbox_request_id,
            **(_spoken(about) if about else {}),
        )

    @property
    def resumes(self) -> "Begun | None":
        """The operation of the same key that was in doubt when this one began with the same claim."""
        left = self.before
        if left is None or left.state is not State.PENDING or left.operation == self.event.operation:
            return None
        return resume(left, self.event)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Keys and the audit log. `clock` gives seconds since the epoch, `policy` the policy's fingerprint.

    `hold_seconds` is for how long a process holds a key that it is at: longer than its request may take.
    """

    store: Store
    clock: Callable[[], float]
    new_id: Callable[[], str]
    policy: Callable[[], str] = lambda: ""
    hold_seconds: float = 30.0

    # -- reading ---------------------------------------------------------------------------------

    async def find(self, key: str) -> Entry | None:
        """The entry of a key, in whatever state."""
        return await self.store.read(lambda tx: tx.entry(key))

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Any other question."""
        return await self.store.read(work)

    # -- allocating ------------------------------------------------------------------------------

    async def begin(  # noqa: PLR0913 - one parameter a condition
        self,
        event: Event,
        entry: Entry,
        *,
        expected: Entry | None,
        closing: tuple["Begun", str] | None = None,
        names: Sequence[Candidate] = (),
        limits: Limits = (),
    ) -> Begun:
        """T1 of an allocation, an update or a release: the entry as it will stand while NetBox is asked.

        `closing` is a mutation that this one follows without a state between them, and its decision; from
        this one there is no way back. Of `names`, the entry gets the first that no other live entry holds.
        Of each group of `limits`, one has to leave room for the entry.

        Raises:
            Elsewhere: another process is at the key.
            Overtaken: the entry is not `expected` any more.
            NameHeld: another live entry holds the name, or others hold all of `names`.
            ObjectHeld: another live entry holds the object.
            EnrolmentSpent: the enrolment that the caller showed is used up.
            QuotaExhausted: there are as many as there may be.
            LedgerUnavailable: nothing was written, so nothing may be sent.
        """
        now, operation = self.clock(), self.new_id()
        event = replace(event, event="intent", time=now, operation=operation, policy=self.policy())
        opened = replace(entry, operation=operation, changed_at=now)

        def work(tx: Tx) -> Begun:
            check_here(tx, entry.key)
            if tx.entry(entry.key) != expected:
                raise Overtaken
            use_enrolment(tx, event, entry.key, now)
            begun = _called(tx, Begun(event, opened, expected if closing is None else opened), names)
            _check_name(tx, begun.entry)
            _check_object(tx, opened)
            check_limits(tx, opened, limits)
            if closing is not None:
                ended, decision = closing
                _finish(tx, ended, decision, ended.outcome(now, decision, opened))
            tx.put(begun.entry)
            tx.begin(Operation(id=operation, key=entry.key, action=event.action, started_at=now))
            tx.keep(machine_of(entry.key), self.hold_seconds)
            tx.append(begun.event)
            return begun

        with stage("ledger_t1"):
            return await self.store.write(work)

    async def settle(
        self, begun: Begun, entry: Entry, decision: str, *, netbox_request_id: str = "", reason: str = ""
    ) -> Entry:
        """T2: the entry as it stands now, and the outcome.

        Raises:
            ObjectHeld: another live entry holds the entry's NetBox object.
            Overtaken: another process took the key up, because this one was at it for too long.
            LedgerUnavailable: the entry stays as it was after T1; a retry or the reconciler settles it.
        """
        now = self.clock()
        settled = replace(entry, changed_at=now)
        outcome = begun.outcome(now, decision, settled, netbox_request_id=netbox_request_id, reason=reason)

        def work(tx: Tx) -> None:
            if not _stands(tx, begun):
                raise Overtaken
            _check_object(tx, settled)
            tx.put(_with_free_name(tx, settled))
            _finish(tx, begun, decision, outcome)

        with stage("ledger_t2"):
            await self.store.write(work)
        return settled

    async def cancel(self, begun: Begun, error: BerthError) -> None:
        """T2 after a definite refusal: the entry goes back to what it was, and the refusal is recorded.

        What was in doubt before stays in doubt: an earlier operation of the key is not over by this. Where
        another process took the key up meanwhile, the entry is that one's.
        """
        outcome = begun.outcome(self.clock(), "refused", reason=error.code)

        def work(tx: Tx) -> None:
            if _stands(tx, begun):
                _put_back(tx, begun)
            if tx.is_open(begun.event.operation):
                _end(tx, begun, "refused", outcome)

        with stage("ledger_t2"):
            await self.store.write(work)
        error.recorded = True

    # -- everything else -------------------------------------------------------------------------

    async def deny(self, event: Event, error: BerthError) -> None:
        """Record a refusal that came before anything was begun."""
        now = self.clock()
        denied = replace(event, event="denied", time=now, policy=self.policy(), reason=error.code)
        await self.store.write(lambda tx: tx.append(denied))
        error.recorded = True

    async def record(self, event: Event, entry: Entry, *, expected: Entry, decision: str) -> Entry:
        """Change an entry where NetBox has no part in it: intent, change and outcome in one transaction."""
        now, operation = self.clock(), self.new_id()
        event = replace(event, event="intent", time=now, operation=operation, policy=self.policy())
        changed = replace(entry, changed_at=now)

        def work(tx: Tx) -> None:
            if tx.entry(entry.key) != expected:
                raise Overtaken
            tx.append(event)
            tx.put(_with_free_name(tx, changed))
            tx.append(replace(event, event="outcome", decision=decision, **_spoken(changed)))

        await self.store.write(work)
        return changed

    async def do(self, event: Event, decision: str, change: Callable[[Tx], None]) -> str:
        """Change what belongs to no key and to Berth alone: intent, change and outcome in one transaction.

        Returns the operation's id.
        """
        now, operation = self.clock(), self.new_id()
        event = replace(event, event="intent", time=now, operation=operation, policy=self.policy())

        def work(tx: Tx) -> None:
            tx.append(event)
            change(tx)
            tx.append(replace(event, event="outcome", decision=decision))

        await self.store.write(work)
        return operation

    async def begin_note(self, event: Event) -> Event:
        """T1 of a mutation that belongs to no key (a gateway's record)."""
        now, operation = self.clock(), self.new_id()
        event = replace(event, event="intent", time=now, operation=operation, policy=self.policy())

        def work(tx: Tx) -> None:
            tx.begin(Operation(id=operation, key="", action=event.action, started_at=now))
            tx.append(event)

        await self.store.write(work)
        return event

    async def end_note(
        self, begun: Event, decision: str, address: Address | None = None, netbox_request_id: str = ""
    ) -> None:
        """T2 of a mutation that belongs to no key."""
        outcome = replace(
            begun,
            event="outcome",
            time=self.clock(),
            decision=decision,
            netbox_id=address.id if address else None,
            address=str(address.address) if address else "",
            netbox_request_id=netbox_request_id,
        )

        def work(tx: Tx) -> None:
            tx.finish(begun.operation, decision)
            tx.append(outcome)

        await self.store.write(work)

    async def close(self, operation: Operation, event: Event, decision: str) -> None:
        """Give an operation that nobody waits for its outcome."""
        closing = replace(event, event="outcome", time=self.clock(), operation=operation.id)

        def work(tx: Tx) -> None:
            if not tx.is_open(operation.id):
                return
            tx.finish(operation.id, decision)
            tx.append(replace(closing, decision=decision))

        await self.store.write(work)

    async def events(
        self,
        conditions: Mapping[str, str | Collection[str]],
        after: int,
        limit: int,
        span: Span = EVER,
    ) -> list[tuple[int, Json]]:
        """Lines of the audit log, by number; a field has to have the value, or one of them."""
        return await self.store.read(lambda tx: tx.events(conditions, after, limit, span))


def resume(entry: Entry, event: Event) -> Begun:
    """Take up an entry that was left between its two transactions, under its own operation."""
    return Begun(replace(event, operation=entry.operation, time=entry.changed_at), entry, entry)


def landed(entry: Entry, address: Address) -> Entry:
    """The entry once NetBox holds the address under its claim: name, place and interface are NetBox's.

    Of the interfaces that Berth has bound it to, that one is remembered on which it is. What was there before
    Berth was one certain object.
    """
    bound = str(address.assigned) if address.assigned else ""
    name = address.dns_name.lower()
    same_name = name == entry.dns_name
    return replace(
        entry,
        state=State.DONE,
        netbox_id=address.id,
        address=str(address.address),
        vrf_id=address.vrf_id,
        family=address.address.version,
        dns_name=name,
        name_claim=entry.name_claim if same_name else None,
        assigned=bound if bound in (entry.assigned or "").split() else None,
        adopted=entry.adopted and entry.netbox_id == address.id,
        space=entry.space or str(address.address.network),
    )


def first_free(tx: Tx, key: str, names: Sequence[Candidate]) -> Candidate | None:
    """The first of the names that no other key's live entry holds."""
    for name in names:
        holder = tx.holder_of_name(name.claim)
        if holder is None or holder.key == key:
            return name
    return None


def check_here(tx: Tx, key: str) -> None:
    """Whether no other process is at a key.

    Raises:
        Elsewhere: one is.
    """
    if tx.held_elsewhere(machine_of(key)):
        raise Elsewhere


def _stands(tx: Tx, begun: Begun) -> bool:
    """Whether the entry is as this mutation left it in its first transaction."""
    found = tx.entry(begun.entry.key)
    return found is not None and _version(found) == _version(begun.entry)


def _version(entry: Entry) -> tuple[str, State, float]:
    return entry.operation, entry.state, entry.changed_at


def _put_back(tx: Tx, begun: Begun) -> None:
    if begun.before is None:
        tx.drop(begun.entry.key)
    else:
        tx.put(_without_object(tx, _with_free_name(tx, begun.before)))


def _called(tx: Tx, begun: Begun, names: Sequence[Candidate]) -> Begun:
    """The mutation with the first free name; with the last one where none is, which is refused then."""
    if not names:
        return begun
    name = first_free(tx, begun.entry.key, names) or names[-1]
    entry = replace(begun.entry, dns_name=name.dns_name, name_claim=name.claim)
    return replace(begun, entry=entry, event=replace(begun.event, name=name.dns_name))


def check_limits(tx: Tx, entry: Entry, limits: Limits) -> None:
    """Refuse an entry for which there is no room. It does not count against itself.

    Raises:
        QuotaExhausted: of one group every limit is reached.
    """
    for group in limits:
        if all(_held(tx, entry, limit) >= limit.count for limit in group):
            most = max(limit.count for limit in group)
            raise QuotaExhausted(
                f"The quota of {most} addresses is used up: release some, or ask an administrator for more."
            )


def _held(tx: Tx, entry: Entry, limit: Limit) -> int:
    held = tx.held(entry.owner, limit.credential, entry.key)
    return sum(count for space, count in held.items() if limit.counts(space))


def _check_name(tx: Tx, entry: Entry) -> None:
    if entry.name_claim is None or not entry.live:
        return
    holder = tx.holder_of_name(entry.name_claim)
    if holder is not None and holder.key != entry.key:
        raise NameHeld(holder)


def _with_free_name(tx: Tx, entry: Entry) -> Entry:
    """The entry without its claim on a name that another entry took meanwhile: NetBox is the truth."""
    try:
        _check_name(tx, entry)
    except NameHeld:
        return replace(entry, name_claim=None)
    return entry


def _check_object(tx: Tx, entry: Entry) -> None:
    if entry.netbox_id is None or not entry.live:
        return
    holder = tx.holder_of_object(entry.netbox_id)
    if holder is not None and holder.key != entry.key:
        raise ObjectHeld(holder)


def _without_object(tx: Tx, entry: Entry) -> Entry:
    """The entry, or what is left of it where its object went to another key meanwhile."""
    try:
        _check_object(tx, entry)
    except ObjectHeld:
        return replace(entry, state=State.RELEASED, netbox_id=None, name_claim=None, hold_until=None)
    return entry


def _finish(tx: Tx, begun: Begun, decision: str, outcome: Event) -> None:
    """The mutation is over, and with it the one in doubt that it took up: both had the same claim."""
    _end(tx, begun, decision, outcome)
    if begun.resumes is not None:
        _end(tx, begun.resumes, "resumed", begun.resumes.outcome(outcome.time, "resumed"))


def _end(tx: Tx, begun: Begun, decision: str, outcome: Event) -> None:
    tx.finish(begun.event.operation, decision)
    tx.append(outcome)


def _spoken(entry: Entry) -> dict[str, Any]:
    """What the audit tells of an entry."""
    return {"netbox_id": entry.netbox_id, "address": entry.address or ""}
