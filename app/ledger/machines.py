"""The ledger's verbs for virtual machines: one operation from its intent to its outcome, step by step.

The addresses of a machine are allocations of their own, with entries, intents and outcomes of their own. What
is written here is the machine's: that it is being worked on, what it has come to, and how it ended.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from app.domain.machines import machine_of
from app.ledger.ledger import Ledger, Overtaken, check_here
from app.ledger.machine_records import MachineEntry, MachineState
from app.ledger.ports import Tx
from app.ledger.records import Event, Operation
from app.telemetry.events import stage

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MachineWork:
    """An operation on a machine between its intent and its outcome. `event` is what its lines begin with."""

    event: Event
    entry: MachineEntry


@dataclass(frozen=True, slots=True)
class MachineLedger:
    """Writes down what becomes of machines."""

    ledger: Ledger

    async def find(self, key: str) -> MachineEntry | None:
        """The entry of a machine's key, in whatever state."""
        return await self.ledger.store.read(lambda tx: tx.machine(key))

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Any other question."""
        return await self.ledger.store.read(work)

    async def begin(self, event: Event, entry: MachineEntry, *, expected: MachineEntry | None) -> MachineWork:
        """T1: what is about to be done, before anything of it is.

        Raises:
            Elsewhere: another process is at the machine.
            Overtaken: the entry is not `expected` any more.
            LedgerUnavailable: nothing was written, so nothing may be sent.
        """
        ledger = self.ledger
        now, operation = ledger.clock(), ledger.new_id()
        event = replace(event, event="intent", time=now, operation=operation, policy=ledger.policy())
        opened = replace(entry, operation=operation, action=event.action, changed_at=now)

        def work(tx: Tx) -> None:
            check_here(tx, entry.key)
            if tx.machine(entry.key) != expected:
                raise Overtaken
            _supersede(tx, opened, event)
            tx.put_machine(opened)
            tx.begin(Operation(id=operation, key=entry.key, action=event.action, started_at=now))
            tx.keep(machine_of(entry.key), ledger.hold_seconds)
            tx.append(event)

        with stage("ledger_t1"):
            await ledger.store.write(work)
        return MachineWork(event, opened)

    def resume(self, entry: MachineEntry, event: Event) -> MachineWork:
        """Take up an operation that was left in the middle."""
        return MachineWork(
            replace(event, operation=entry.operation, action=entry.action, time=entry.changed_at), entry
        )

    async def advance(
        self, work: MachineWork, entry: MachineEntry, decision: str, netbox_request_id: str = ""
    ) -> MachineWork:
        """A step is taken, or the direction changes: the entry as it is now, and a line that says so.

        Raises:
            Overtaken: somebody else has taken the operation up meanwhile.
        """
        line = self._line(work, entry, "note", decision)
        line = replace(line, reason=entry.reason.partition(":")[0], netbox_request_id=netbox_request_id)
        return await self._write(work, entry, line, over=False)

    async def settle(
        self,
        work: MachineWork,
        entry: MachineEntry,
        decision: str,
        *,
        reason: str = "",
        netbox_request_id: str = "",
    ) -> MachineEntry:
        """T2: how it ended.

        Raises:
            Overtaken: as `advance`.
            LedgerUnavailable: the entry stays as it was; a retry or the reconciler settles it.
        """
        line = self._line(work, entry, "outcome", decision)
        line = replace(line, reason=reason, netbox_request_id=netbox_request_id)
        return (await self._write(work, entry, line, over=True)).entry

    async def note(
        self, event: Event, entry: MachineEntry, *, expected: MachineEntry | None, decision: str
    ) -> None:
        """Change an entry where NetBox has no part in it: intent, change and outcome in one transaction.

        Raises:
            Overtaken: the entry is not `expected` any more.
        """
        ledger = self.ledger
        now, operation = ledger.clock(), ledger.new_id()
        event = replace(event, event="intent", time=now, operation=operation, policy=ledger.policy())
        outcome = replace(event, event="outcome", decision=decision, netbox_id=entry.netbox_id)

        def work(tx: Tx) -> None:
            if tx.machine(entry.key) != expected:
                raise Overtaken
            tx.append(event)
            _supersede(tx, entry, outcome)
            tx.put_machine(replace(entry, changed_at=now))
            tx.append(outcome)

        await ledger.store.write(work)

    def _line(self, work: MachineWork, entry: MachineEntry, kind: str, decision: str) -> Event:
        now = self.ledger.clock()
        return replace(
            work.event,
            event=kind,
            time=now,
            decision=decision,
            netbox_id=entry.netbox_id,
            duration=round(max(0.0, now - work.event.time), 6),
        )

    async def _write(self, work: MachineWork, entry: MachineEntry, line: Event, *, over: bool) -> MachineWork:
        written = replace(entry, changed_at=line.time)

        def write(tx: Tx) -> None:
            if _version(tx.machine(entry.key)) != _version(work.entry):
                raise Overtaken
            _supersede(tx, written, line)
            tx.put_machine(written)
            tx.append(line)
            if over:
                tx.finish(entry.operation, line.decision)
            else:
                tx.keep(machine_of(entry.key), self.ledger.hold_seconds)

        with stage("ledger_t2"):
            await self.ledger.store.write(write)
        return replace(work, entry=written)


def _version(entry: MachineEntry | None) -> tuple[str, str, float] | None:
    """What tells an entry from what anybody else has made of it meanwhile."""
    return (entry.operation, entry.state.value, entry.changed_at) if entry else None


def _supersede(tx: Tx, entry: MachineEntry, line: Event) -> None:
    """NetBox shows the machine under this key: another key that stood for it does not any more.

    Raises:
        Overtaken: that other key is being worked on.
    """
    if entry.netbox_id is None or entry.state in (MachineState.FAILED, MachineState.RETIRED):
        return
    holder = tx.holder_of_machine(entry.netbox_id)
    if holder is None or holder.key == entry.key:
        return
    if holder.is_open:
        raise Overtaken
    tx.put_machine(replace(holder.over(), netbox_id=None, changed_at=line.time))
    tx.append(
        replace(line, event="note", action="close", key=holder.key, owner=holder.owner, decision="superseded")
    )
