"""What nobody waits for any more: settle what is in doubt, finish what was begun, end unconfirmed holds.

Runs at start and every 30 seconds. Nothing is freed on suspicion: what NetBox holds under a key that the
ledger does not know is left alone. A late object (its request timed out, was given up after three minutes,
and then turned up) is freed only if the ledger says that this key's operation failed or was released, and
only if NetBox created it while that operation's calls could still be running.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

from app.domain.commands import Caller
from app.domain.errors import BerthError, ClaimChanged, InUse
from app.domain.machines import machine_of
from app.domain.upstream import UpstreamError
from app.ledger.ledger import Ledger, landed, resume
from app.ledger.ports import Tx
from app.ledger.records import Entry, Operation, State
from app.operations.events import SYSTEM, event_of
from app.operations.freeing import Freeing, check_claim, check_unused
from app.operations.keep import Keep
from app.operations.late import LATE_SECONDS, is_late_fruit
from app.operations.states import States
from app.operations.turns import Turns

_CHUNK = 200


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one pass did, for whoever counts."""

    settled: int = 0
    failed: int = 0
    released: int = 0
    expired: int = 0
    freed: int = 0
    closed: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True)
class Reconcile:
    """One pass over everything that is not finished. `patience` is in seconds."""

    ledger: Ledger
    turns: Turns
    states: States
    keep: Keep
    freeing: Freeing
    patience: float = 180.0

    async def __call__(self) -> Reconciled:
        """Do what can be done now; what cannot is tried again in the next pass."""
        done: dict[str, int] = {}
        now = self.ledger.clock()
        for state, since, act in (
            (State.RELEASING, 0.0, self._release),
            (State.PENDING, 0.0, self._settle),
            (State.FAILED, now - LATE_SECONDS, self._free_late),
        ):
            async for entry in self._in_state(state, since):
                await self._in_turn(entry, act, done)
        await self._free_returned(now - LATE_SECONDS, done)
        async for entry in self._due(now):
            await self._in_turn(entry, self._expire, done)
        for operation in await self.ledger.read(lambda tx: tx.unfinished(_CHUNK)):
            await self._close(operation, done)
        return Reconciled(**done)

    async def _in_state(self, state: State, since: float) -> AsyncIterator[Entry]:
        """All of them, however many are stuck: one that cannot be helped must not hide the others."""
        async for chunk in self._chunks(state, since):
            for entry in chunk:
                yield entry

    async def _chunks(self, state: State, since: float) -> AsyncIterator[list[Entry]]:
        after = (since, "")
        while chunk := await self.ledger.read(partial(_in_state, state, after)):
            yield chunk
            after = (chunk[-1].changed_at, chunk[-1].key)

    async def _free_returned(self, since: float, done: dict[str, int]) -> None:
        """Objects that turned up under keys that were just released; there are many, so they share calls."""
        async for chunk in self._chunks(State.RELEASED, since):
            try:
                found = await self.keep.addresses.find_claims([entry.key for entry in chunk])
            except (BerthError, UpstreamError):
                done["errors"] = done.get("errors", 0) + 1
                return
            claimed = {address.key for address in found}
            for entry in chunk:
                if entry.key in claimed:
                    await self._in_turn(entry, self._free_late, done)

    async def _due(self, now: float) -> AsyncIterator[Entry]:
        after = ""
        while chunk := await self.ledger.read(partial(_due, now, after)):
            for entry in chunk:
                yield entry
            after = chunk[-1].key

    async def _in_turn(
        self, entry: Entry, act: Callable[[Entry], Awaitable[str]], done: dict[str, int]
    ) -> None:
        """Act on an entry, unless somebody is at it right now or has been since it was read."""
        if await self.turns.busy(entry.key):
            return
        async with self.turns(entry.key):
            if await self.ledger.find(entry.key) != entry:
                return
            try:
                what = await act(entry)
            except (BerthError, UpstreamError):
                what = "errors"
        if what:
            done[what] = done.get(what, 0) + 1

    async def _release(self, entry: Entry) -> str:
        await self.freeing.resumed(replace(SYSTEM, forced=_is_part(entry)), entry)
        return "released"

    async def _settle(self, entry: Entry) -> str:
        """An allocation without an outcome: NetBox holds it, or does not after three minutes."""
        if (await self.states.pending(SYSTEM, entry)).state is not State.PENDING:
            return "settled"
        if self.ledger.clock() < entry.changed_at + self.patience:
            return ""
        begun = resume(entry, event_of(SYSTEM, "allocate", entry.key))
        await self.ledger.settle(begun, replace(entry, state=State.FAILED, name_claim=None), "failed")
        return "failed"

    async def _free_late(self, entry: Entry) -> str:
        """An object that turned up after its operation was given up, or its key released."""
        for address in await self.keep.addresses.find_claims([entry.key]):
            if not is_late_fruit(entry, address):
                continue
            event = event_of(Caller(owner=entry.owner, method="system"), "free late", entry.key)
            begun = await self.freeing.begin(event, landed(entry, address), expected=entry)
            await self.freeing.finish(SYSTEM, begun, force=_is_part(entry))
            return "freed"
        return ""

    async def _expire(self, entry: Entry) -> str:
        """A hold that nobody confirmed ends; an address that somebody began to use is kept."""
        event = event_of(Caller(owner=entry.owner, method="system"), "expire", entry.key)
        address = await self.keep.addresses.read(entry.netbox_id or 0)
        try:
            if address is not None:
                check_claim(entry, address)
                await check_unused(self.keep.addresses, entry, address)
        except (InUse, ClaimChanged) as reason:
            kept = replace(entry, hold_until=None)
            await self.ledger.record(
                replace(event, reason=reason.code), kept, expected=entry, decision="kept"
            )
            return ""
        begun = await self.freeing.begin(event, entry, expected=entry)
        await self.freeing.finish(SYSTEM, begun, force=False)
        return "expired"

    async def _close(self, operation: Operation, done: dict[str, int]) -> None:
        """An operation without an outcome on an entry that is settled: write down what NetBox holds."""
        if operation.started_at > self.ledger.clock() - self.patience or await self.turns.busy(operation.key):
            return
        async with self.turns(operation.key):
            if await self.ledger.read(partial(_is_machines, operation)):
                return  # see `app.operations.machine_reconcile`
            entry = await self.ledger.find(operation.key)
            doubtful = entry is not None and entry.state in (State.PENDING, State.RELEASING)
            if doubtful and entry is not None and entry.operation == operation.id:
                return
            try:
                await self._observe(operation, entry)
            except (BerthError, UpstreamError):
                done["errors"] = done.get("errors", 0) + 1
                return
        done["closed"] = done.get("closed", 0) + 1

    async def _observe(self, operation: Operation, entry: Entry | None) -> None:
        event = event_of(SYSTEM, operation.action, operation.key)
        if entry is None or entry.state is not State.DONE or entry.operation != operation.id:
            await self.ledger.close(operation, event, "abandoned")
            return
        address = await self.keep.addresses.read(entry.netbox_id or 0)
        if address is None or address.key != entry.key:
            await self.ledger.close(operation, event, "gone")
            return
        await self.states.settle(resume(entry, event), landed(entry, address), "observed")


def _is_part(entry: Entry) -> bool:
    """Whether it is a machine's address: that it is on the machine's interface is no use by others."""
    return machine_of(entry.key) != entry.key


def _is_machines(operation: Operation, tx: Tx) -> bool:
    """Whether a machine's key is being worked on by this operation."""
    machine = tx.machine(operation.key)
    return machine is not None and machine.is_open and machine.operation == operation.id


def _in_state(state: State, after: tuple[float, str], tx: Tx) -> list[Entry]:
    return tx.in_state(state, after, _CHUNK)


def _due(now: float, after: str, tx: Tx) -> list[Entry]:
    return tx.due(now, after, _CHUNK)
