"""Look at virtual machines. Nothing is written, and every answer has a read of NetBox behind it."""

from dataclasses import dataclass

from app.access.rules import demand, is_allowed, owners_of
from app.domain.commands import Caller
from app.domain.machines import Machine
from app.domain.rights import Action
from app.ledger.machine_records import MachineEntry
from app.ledger.machines import MachineLedger
from app.operations.answers import Page
from app.operations.machine_answers import MachineFilters, MachineResult
from app.operations.machine_echo import ShowMachine
from app.operations.machine_standing import MachineStanding
from app.operations.machine_view import Viewer
from app.operations.sites import site_of_machine

_CHUNK = 100


@dataclass(frozen=True, slots=True)
class ReadMachine:
    """GET of one key."""

    standing: MachineStanding
    show: ShowMachine

    async def __call__(self, caller: Caller, key: str) -> MachineResult:
        """The machine under the key; one that the ledger has lost is found by its claim.

        Raises:
            NotFound: the key stands for nothing.
            NotOwner: it belongs to somebody else.
            OutcomeUnknown: it is being worked on.
            OperationStuck: an operator has to look at it.
        """
        stand = await self.standing.read(caller, key)
        assert stand.entry is not None  # noqa: S101 - what is not there was refused
        assert stand.view is not None  # noqa: S101 - as above
        demand(caller, site_of_machine(stand.view.machine, stand.entry.owner), Action.READ)
        return MachineResult(await self.show(stand.entry, stand.view, {}))


@dataclass(frozen=True, slots=True)
class ListMachines:
    """GET of many keys, in order of key. What a human deleted in NetBox is not shown."""

    ledger: MachineLedger
    viewer: Viewer
    show: ShowMachine

    async def __call__(
        self, caller: Caller, filters: MachineFilters, cursor: str | None, limit: int
    ) -> Page[MachineResult]:
        """A page of machines; those of other owners are shown to whom a rule gives them."""
        owners = owners_of(caller, filters.owner, Action.READ)
        conditions = {"owner": next(iter(owners))} if owners is not None and len(owners) == 1 else {}
        if owners == frozenset():
            return Page(())
        shown: list[MachineResult] = []
        after = cursor or ""
        while True:
            chunk = await self.ledger.read(
                lambda tx, after=after: tx.machines(conditions, after, _CHUNK)  # type: ignore[misc]
            )
            for entry, machine in await self._read(chunk):
                seen = owners is None or entry.owner in owners
                if not seen or not _matches(filters, machine) or not _may_read(caller, entry, machine):
                    continue
                if len(shown) == limit:
                    return Page(tuple(shown), shown[-1].machine.key)
                view = await self.viewer.around(machine)
                shown.append(MachineResult(await self.show(entry, view, {})))
            if len(chunk) < _CHUNK:
                return Page(tuple(shown))
            after = chunk[-1].key

    async def _read(self, entries: list[MachineEntry]) -> list[tuple[MachineEntry, Machine]]:
        ids = [entry.netbox_id for entry in entries if entry.netbox_id]
        rows = {row.id: row for row in await self.viewer.machines.read_many(ids)} if ids else {}
        found = [(entry, rows[entry.netbox_id or 0]) for entry in entries if entry.netbox_id in rows]
        return [(entry, machine) for entry, machine in found if machine.key == entry.key]


def _may_read(caller: Caller, entry: MachineEntry, machine: Machine) -> bool:
    return is_allowed(caller, site_of_machine(machine, entry.owner), Action.READ)


def _matches(filters: MachineFilters, machine: Machine) -> bool:
    """What NetBox says wins: a name that a human changed there counts as changed."""
    if filters.name is not None and filters.name.lower() != machine.name.lower():
        return False
    cluster = machine.cluster
    wanted = filters.cluster
    return wanted is None or (cluster is not None and wanted in (str(cluster.id), cluster.name))
