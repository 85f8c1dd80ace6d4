"""Operations on machines that are not over: looked at, tried again, abandoned, by an operator."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from app.access.rules import allows_everywhere
from app.domain.commands import Caller
from app.domain.errors import BerthError, Forbidden, NotFound, OperationStuck
from app.domain.rights import Action
from app.ledger.machine_records import ABANDONED, MACHINE_OPEN, Form, MachineEntry, MachineState
from app.ledger.machines import MachineLedger
from app.operations.answers import Page
from app.operations.events import denials_recorded
from app.operations.machine_answers import OpenOperation, OperationOutcome
from app.operations.machine_forward import Forward, machine_event
from app.operations.turns import Turns

_MOST = 1000


@dataclass(frozen=True, slots=True)
class OpenOperations:
    """GET of what is not over, what was begun first first: ids of operations are in order of time."""

    ledger: MachineLedger

    async def __call__(self, caller: Caller, cursor: str | None, limit: int) -> Page[OpenOperation]:
        """A page of operations.

        Raises:
            Forbidden: the caller is no operator.
        """
        check_operator(caller)
        entries = [each for each in await open_entries(self.ledger) if each.operation > (cursor or "")]
        shown = entries[:limit]
        more = len(entries) > limit
        return Page(tuple(_shown(each) for each in shown), shown[-1].operation if more else None)


@dataclass(frozen=True, slots=True)
class MendOperation:
    """POST …/retry and …/abandon."""

    ledger: MachineLedger
    turns: Turns
    forward: Forward

    async def retry(self, caller: Caller, operation_id: str) -> OperationOutcome:
        """Try an operation again, stuck or not.

        Raises:
            NotFound: no such operation is open.
            Forbidden: the caller is no operator.
        """
        entry = await self._found(caller, operation_id, "retry")
        async with self.turns(entry.key):
            entry = await self._found(caller, operation_id, "retry")
            event = machine_event(caller, "retry", entry.key)
            state = MachineState(entry.stuck_in) if entry.state is MachineState.STUCK else entry.state
            again = replace(entry, state=state, stuck_in="")
            await self.ledger.note(event, again, expected=entry, decision="tried again")
            try:
                await self.forward.resume(caller, await self.ledger.find(entry.key) or entry)
            except OperationStuck as error:
                return OperationOutcome(operation_id, entry.key, "still stuck", error.detail)
            except BerthError as error:
                return OperationOutcome(operation_id, entry.key, "still open", error.detail)
        return await self._ended(operation_id, entry)

    async def abandon(self, caller: Caller, operation_id: str) -> OperationOutcome:
        """Let the key go, and leave in NetBox what is there.

        Raises:
            NotFound: no such operation is open.
            Forbidden: the caller is no operator.
        """
        entry = await self._found(caller, operation_id, "abandon")
        async with self.turns(entry.key):
            entry = await self._found(caller, operation_id, "abandon")
            event = machine_event(caller, "abandon", entry.key)
            await self.ledger.note(event, entry, expected=entry, decision="abandoned")
            entry = await self._found(caller, operation_id, "abandon")
            work = self.ledger.resume(entry, machine_event(caller, entry.action, entry.key))
            adopted = Form(adopted=entry.held.adopted or entry.taking)
            let_go = replace(entry.over(), reason=ABANDONED, held=adopted)
            await self.ledger.settle(work, let_go, "abandoned", reason=caller.owner)
        detail = "The key is let go. What carries its claims in NetBox stays, and is found again by them."
        return OperationOutcome(operation_id, entry.key, "abandoned", detail)

    async def _found(self, caller: Caller, operation: str, action: str) -> MachineEntry:
        async with denials_recorded(self.ledger.ledger, machine_event(caller, action, "")):
            check_operator(caller)
            for entry in await open_entries(self.ledger):
                if entry.operation == operation:
                    return entry
            raise NotFound(f"No operation {operation!r} is open.")

    async def _ended(self, operation: str, entry: MachineEntry) -> OperationOutcome:
        now = await self.ledger.find(entry.key)
        result = "undone" if now is not None and now.state is MachineState.FAILED else "finished"
        return OperationOutcome(operation, entry.key, result, "")


def check_operator(caller: Caller) -> None:
    """Refuse whoever is no operator everywhere: operations are of all owners, and of all places.

    Raises:
        Forbidden: the caller is none.
    """
    if not allows_everywhere(caller, Action.OPERATE):
        raise Forbidden(
            "Only an operator may look at operations and mend them: whoever a rule allows `operate` without "
            "prefixes, VRFs, tenants and names."
        )


async def open_entries(ledger: MachineLedger) -> list[MachineEntry]:
    """Machines whose operation is not over, at most a thousand, what was begun first first."""
    found = await ledger.read(lambda tx: tx.machines_in(MACHINE_OPEN, (0.0, ""), _MOST))
    return sorted(found, key=lambda entry: entry.operation)


def _shown(entry: MachineEntry) -> OpenOperation:
    return OpenOperation(
        id=entry.operation,
        key=entry.key,
        owner=entry.owner,
        action=entry.action,
        state=entry.state.value,
        step=entry.step,
        reason=entry.reason,
        netbox_id=str(entry.netbox_id) if entry.netbox_id else None,
        since=datetime.fromtimestamp(entry.changed_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
