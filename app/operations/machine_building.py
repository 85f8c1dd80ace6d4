"""Make a machine what its plan says, step by step. Each step is *ensure*: what carries our claim is there.

machine → interfaces → addresses → changes → primary addresses and status, in one write → what goes

Whatever a step made is known by its claim, so a step that is repeated, by a retry or after a restart, makes
nothing twice. NetBox keeps (cluster, tenant, name) and (machine, interface name) unique in its database; a
unique claim on a machine is checked without a lock, and is not what this rests on (measured: of 12
concurrent creations with one claim 7 succeeded, of 12 with one name 1).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from app.domain.commands import Caller
from app.domain.errors import (
    BerthError,
    ClaimInvisible,
    KeyConflict,
    Later,
    MachineNameTaken,
    NotOwner,
    OutcomeUnknown,
    StillWorking,
)
from app.domain.machines import (
    InterfaceChanges,
    InterfaceDraft,
    Machine,
    MachineChanges,
    MachineDraft,
    VmInterface,
)
from app.domain.translation import to_error
from app.domain.upstream import FaultKind, Missing, Rejected, Unsure, UpstreamError
from app.ledger.machines import MachineLedger, MachineWork
from app.operations.events import event_of
from app.operations.machine_blueprint import AddressPlan, Blueprint, InterfacePlan
from app.operations.machine_parts import Parts
from app.operations.machine_ports import Machines
from app.operations.machine_removal import Removal, Target
from app.operations.machine_view import Viewer
from app.operations.upsert import Convergence
from app.telemetry.events import note_netbox_request, stage

REMOVALS = "removals"
"""The last step: what is new stands by now, and is not taken back any more."""

T = TypeVar("T")
_TRIES = 2


@dataclass(frozen=True, slots=True)
class Building:
    """Takes the steps. The caller holds the key's turn, and has the plan checked."""

    ledger: MachineLedger
    machines: Machines
    viewer: Viewer
    parts: Parts
    convergence: Convergence
    removal: Removal

    async def __call__(self, caller: Caller, work: MachineWork, plan: Blueprint) -> MachineWork:
        """Take all steps; returns the work with all of it done, still without its outcome.

        Raises:
            BerthError, UpstreamError: a step failed; what it may have made carries its claim.
        """
        with stage("machine"):
            machine = await self._machine(plan)
        work = await self._told(work, "machine", machine.id, machine.request_id)
        with stage("interfaces"):
            interfaces = await _all(self._interface(machine, each) for each in plan.interfaces)
        work = await self._told(work, "interfaces", machine.id, _request_of(interfaces))
        with stage("addresses"):
            ids = await self._addresses(caller, plan, interfaces)
        work = await self._told(work, "addresses", machine.id)
        await self._change_parts(caller, plan)
        with stage("finish"):
            machine = await self._finish(plan, machine, ids)
        note_netbox_request(machine.request_id)
        return await self._remove(caller, work, plan, machine)

    async def _told(self, work: MachineWork, step: str, machine_id: int, request_id: str = "") -> MachineWork:
        """Write down how far it has come."""
        note_netbox_request(request_id)
        entry = replace(work.entry, step=step, netbox_id=machine_id)
        return await self.ledger.advance(work, entry, step, request_id)

    # -- what is made ----------------------------------------------------------------------------

    async def _machine(self, plan: Blueprint) -> Machine:
        draft = plan.draft
        if plan.existing is not None:
            if plan.existing.key == draft.key:
                return plan.existing
            claim = MachineChanges(claim=(draft.key, draft.owner), message=draft.message)
            return await self.machines.change(plan.existing, claim)
        return await _ensured(
            lambda: self.machines.create(draft),
            lambda: self._own(draft),
            MachineNameTaken(f"The cluster has a virtual machine {draft.name} that does not have this key."),
            ClaimInvisible(),
        )

    async def _own(self, draft: MachineDraft) -> Machine | None:
        """The machine that an earlier call made under the claim."""
        machine = await self.viewer.claimed(draft.key)
        if machine is None:
            return None
        if machine.owner != draft.owner:
            raise NotOwner
        if machine.cluster is None or machine.cluster.id != draft.cluster_id:
            raise KeyConflict(f"The key stands for {machine.name} in another cluster.")
        return machine

    async def _interface(self, machine: Machine, plan: InterfacePlan) -> VmInterface:
        draft = replace(plan.draft, machine_id=machine.id)
        if plan.existing is not None:
            return await self._claimed(plan.existing, draft) if plan.adopts else plan.existing
        return await _ensured(
            lambda: self.machines.create_interface(draft),
            lambda: self._own_interface(draft),
            KeyConflict(f"{machine.name} has an interface {draft.name} that this registration did not make."),
            KeyConflict(
                f"An interface of another machine carries the claim {draft.key}; clear its berth_key."
            ),
        )

    async def _claimed(self, interface: VmInterface, draft: InterfaceDraft) -> VmInterface:
        """An interface that was there, under the claim. It is read for its ETag."""
        fresh = await self.machines.interface(interface.id)
        if fresh is None or fresh.key:
            raise StillWorking
        claim = InterfaceChanges(claim=(draft.key, draft.owner), message=draft.message)
        return await self.machines.change_interface(fresh, claim)

    async def _own_interface(self, draft: InterfaceDraft) -> VmInterface | None:
        for interface in await self.machines.interfaces(draft.machine_id):
            if interface.key != draft.key:
                continue
            if draft.mac_address and not interface.mac_address:  # made, and its MAC address not
                mac = InterfaceChanges(mac_address=draft.mac_address, message=draft.message)
                return await self.machines.change_interface(interface, mac)
            return interface
        return None

    async def _addresses(
        self, caller: Caller, plan: Blueprint, interfaces: Sequence[VmInterface]
    ) -> Mapping[str, int]:
        """The ids of the addresses, by key."""
        wanted = [
            (part, interface)
            for each, interface in zip(plan.interfaces, interfaces, strict=True)
            for part in each.addresses
        ]
        made = await _all(self.parts.ensure(caller, part, interface) for part, interface in wanted)
        return {part.key: number for (part, _), number in zip(wanted, made, strict=True)}

    # -- what changes ----------------------------------------------------------------------------

    async def _change_parts(self, caller: Caller, plan: Blueprint) -> None:
        for each in plan.interfaces:
            if each.existing is not None and each.changes is not None:
                fresh = await self.machines.interface(each.existing.id)
                await self.machines.change_interface(fresh or each.existing, each.changes)
        await self.change_addresses(caller, plan)

    async def change_addresses(self, caller: Caller, plan: Blueprint) -> None:
        """Make the addresses that are there what is wanted, and write down what was said of them."""
        for part in plan.addresses:
            if part.changes or part.notes:
                await self._converge(caller, part)

    async def _converge(self, caller: Caller, part: AddressPlan) -> None:
        entry = await self.parts.ledger.find(part.key)
        if entry is not None:  # `ensure` has written it down
            event = event_of(caller, "upsert", part.key, part.wish)
            await self.convergence(caller, part.wish, entry, event, dry_run=False)

    async def _finish(self, plan: Blueprint, machine: Machine, ids: Mapping[str, int]) -> Machine:
        """One write: primary addresses, and the final status or what else changes."""
        primaries: dict[str, Any] = {
            f"primary_ip{family}": {**plan.ids, **ids}[part] for family, part in plan.primaries.items()
        }
        differing = {name: value for name, value in primaries.items() if getattr(machine, name) != value}
        if plan.existing is None:
            return await self.machines.finish(machine, replace(plan.final, **differing))
        if plan.changes is None and not differing:
            return machine
        fresh = await self.machines.read(machine.id) or machine
        changes = plan.changes or MachineChanges(message=plan.draft.message)
        return await self.machines.change(fresh, replace(changes, **differing))

    # -- what goes -------------------------------------------------------------------------------

    async def _remove(
        self, caller: Caller, work: MachineWork, plan: Blueprint, machine: Machine
    ) -> MachineWork:
        if not plan.gone and not plan.gone_numbers:
            return work
        work = await self._told(work, REMOVALS, machine.id, machine.request_id)
        target = Target(plan.draft.key, machine.id, work.entry.held.adopted)
        for key in plan.gone:
            await self.parts.free(caller, key, machine.id)
        for number in plan.gone_numbers:
            await self.removal.interface(caller, target, number)
        return work


async def _ensured(
    make: Callable[[], Awaitable[T]],
    look: Callable[[], Awaitable[T | None]],
    taken: BerthError,
    claimed: BerthError,
) -> T:
    """What was made, now or by an earlier call; an unsure call is repeated once, after a look.

    Raises:
        OutcomeUnknown: NetBox may have made it, or may come to.
    """
    for _ in range(_TRIES):
        try:
            return await make()
        except Rejected as rejection:
            if (found := await look()) is not None:
                return found
            raise _refusal(rejection, taken, claimed) from rejection
        except Unsure:
            if (found := await look()) is not None:
                return found
    raise OutcomeUnknown


def _refusal(rejection: Rejected, taken: BerthError, claimed: BerthError) -> BerthError:
    kind = rejection.items[0].kind if 0 in rejection.items else FaultKind.OTHER
    if kind is FaultKind.DUPLICATE:
        return taken
    return claimed if kind is FaultKind.CLAIM else to_error(rejection)


async def _all(works: Iterable[Awaitable[T]]) -> list[T]:
    """What all of them came to. Nothing is left running when one fails: it would be taken back under way.

    Raises:
        BerthError, UpstreamError: a definite failure before one that a retry can mend.
    """
    done = await asyncio.gather(*works, return_exceptions=True)
    failed = [each for each in done if isinstance(each, BaseException)]
    if failed:
        raise min(failed, key=lambda error: not is_definite(error))
    return [each for each in done if not isinstance(each, BaseException)]


def is_definite(error: BaseException) -> bool:
    """Whether the same step would fail again until somebody changes something.

    What a human deleted under our hands is no such thing: another look tells what there is to do.
    """
    if isinstance(error, UpstreamError):
        return not isinstance(error, Missing) and not isinstance(to_error(error), Later)
    return isinstance(error, BerthError) and not isinstance(error, Later)


def _request_of(interfaces: Sequence[VmInterface]) -> str:
    return next((each.request_id for each in interfaces if each.request_id), "")
