"""The ledger's verbs. Every mutation passes through `begin…` and ends in `settle`, `cancel` or a reconciler.

Two transactions frame a mutation: the first (T1) writes the entry and the audit intent before anything is
sent to NetBox, the second (T2) the outcome before anything is answered. What lies between them can be
killed at any point: the entry is found in its state of T1, and the claim in NetBox tells what became of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from app.domain.errors import BerthError
from app.domain.inventory import Address, Json
from app.ledger.ports import Store, Tx
from app.ledger.records import Entry, Event, Operation, State

T = TypeVar("T")


class NameHeld(Exception):
    """Another live entry holds the name; the caller looks whether NetBox still agrees."""

    def __init__(self, holder: Entry) -> None:
        super().__init__(holder.key)
        self.holder = holder


class ObjectHeld(Exception):
    """Another live entry holds the NetBox object."""

    def __init__(self, holder: Entry) -> None:
        super().__init__(holder.key)
        self.holder = holder


class Overtaken(Exception):
    """The entry is no longer what the caller read; `now` is what it is."""

    def __init__(self, now: Entry | None) -> None:
        super().__init__(now.key if now else "")
        self.now = now


@dataclass(frozen=True, slots=True)
class Begun:
    """A mutation between its two transactions. `before` is the entry as it was, None if there was none."""

    event: Event
    entry: Entry
    before: Entry | None

    def outcome(self, now: float, decision: str) -> Event:
        """The audit outcome that belongs to this intent."""
        duration = round(max(0.0, now - self.event.time), 6)
        return replace(self.event, event="outcome", time=now, decision=decision, duration=duration)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Keys and the audit log. `clock` gives seconds since the epoch, `policy` the policy's fingerprint."""

    store: Store
    clock: Callable[[], float]
    new_id: Callable[[], str]
    policy: Callable[[], str] = lambda: ""

    # -- reading ---------------------------------------------------------------------------------

    async def find(self, key: str) -> Entry | None:
        """The entry of a key, in whatever state."""
        return await self.store.read(lambda tx: tx.entry(key))

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Any other question."""
        return await self.store.read(work)

    # -- allocating ------------------------------------------------------------------------------

    async def begin(self, event: Event, entry: Entry, *, expected: Entry | None) -> Begun:
        """T1 of an allocation, an update or a release: the entry as it will stand while NetBox is asked.

        Raises:
            Overtaken: the entry is not `expected` any more.
            NameHeld: another live entry holds the name.
            LedgerUnavailable: nothing was written, so nothing may be sent.
        """
        now, operation = self.clock(), self.new_id()
        event = replace(event, event="intent", time=now, operation=operation, policy=self.policy())
        opened = replace(entry, operation=operation, changed_at=now)

        def work(tx: Tx) -> None:
            if (current := tx.entry(entry.key)) != expected:
                raise Overtaken(current)
            _check_name(tx, opened)
            if expected is not None and expected.state is State.PENDING:
                _resumed(tx, event, expected)
            tx.put(opened)
            tx.begin(Operation(id=operation, key=entry.key, action=event.action, started_at=now))
            tx.append(event)

        await self.store.write(work)
        return Begun(event, opened, expected)

    async def settle(
        self, begun: Begun, entry: Entry, decision: str, *, netbox_request_id: str = "", reason: str = ""
    ) -> Entry:
        """T2: the entry as it stands now, and the outcome.

        Raises:
            ObjectHeld: another live entry holds the entry's NetBox object.
            LedgerUnavailable: the entry stays as it was after T1; a retry or the reconciler settles it.
        """
        now = self.clock()
        settled = replace(entry, changed_at=now)
        outcome = replace(
            _about(settled, begun.outcome(now, decision)), netbox_request_id=netbox_request_id, reason=reason
        )

        def work(tx: Tx) -> None:
            holder = tx.holder_of_object(settled.netbox_id) if settled.netbox_id and settled.live else None
            if holder is not None and holder.key != settled.key:
                raise ObjectHeld(holder)
            tx.put(_with_free_name(tx, settled))
            _finish(tx, begun, decision, outcome)

        await self.store.write(work)
        return settled

    async def cancel(self, begun: Begun, error: BerthError) -> None:
        """T2 after a definite refusal: the entry goes back to what it was, and the refusal is recorded."""
        outcome = replace(begun.outcome(self.clock(), "refused"), reason=error.code)

        def work(tx: Tx) -> None:
            if begun.before is None:
                tx.drop(begun.entry.key)
            else:
                tx.put(_with_free_name(tx, begun.before))
            _finish(tx, begun, "refused", outcome)

        await self.store.write(work)

    # -- everything else -------------------------------------------------------------------------

    async def deny(self, event: Event, error: BerthError) -> None:
        """Record a refusal that came before anything was begun."""
        now = self.clock()
        denied = replace(event, event="denied", time=now, policy=self.policy(), reason=error.code)
        await self.store.write(lambda tx: tx.append(denied))

    async def record(self, event: Event, entry: Entry, *, expected: Entry, decision: str) -> Entry:
        """Change an entry where NetBox has no part in it: intent, change and outcome in one transaction."""
        now, operation = self.clock(), self.new_id()
        event = replace(event, event="intent", time=now, operation=operation, policy=self.policy())
        changed = replace(entry, changed_at=now)

        def work(tx: Tx) -> None:
            if (current := tx.entry(entry.key)) != expected:
                raise Overtaken(current)
            tx.append(event)
            tx.put(changed)
            tx.append(_about(changed, replace(event, event="outcome", decision=decision)))

        await self.store.write(work)
        return changed

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
            tx.finish(operation.id, decision)
            tx.append(replace(closing, decision=decision))

        await self.store.write(work)

    async def events(self, conditions: Mapping[str, str], after: int, limit: int) -> list[tuple[int, Json]]:
        """Lines of the audit log, by number."""
        return await self.store.read(lambda tx: tx.events(conditions, after, limit))


def resume(entry: Entry, event: Event) -> Begun:
    """Take up an entry that was left between its two transactions, under its own operation."""
    return Begun(replace(event, operation=entry.operation, time=entry.changed_at), entry, entry)


def landed(entry: Entry, address: Address) -> Entry:
    """The entry once NetBox holds the address under its claim: name and place are NetBox's."""
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
    )


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


def _resumed(tx: Tx, event: Event, left: Entry) -> None:
    """The operation that was left in doubt ends here: the new one carries the same claim."""
    tx.finish(left.operation, "resumed")
    tx.append(replace(event, event="outcome", operation=left.operation, decision="resumed"))


def _finish(tx: Tx, begun: Begun, decision: str, outcome: Event) -> None:
    tx.finish(begun.event.operation, decision)
    tx.append(outcome)


def _about(entry: Entry, event: Event) -> Event:
    return replace(event, netbox_id=entry.netbox_id, address=entry.address or "")
