"""Register a virtual machine: POST gets it or makes it, PUT makes it what was sent.

find the key → (known, POST) read it in NetBox and answer
             → (new, or PUT) plan → T1 → step by step → T2 → answer
"""

from dataclasses import dataclass, replace

from app.access.rules import check_credential
from app.domain.commands import UNSET, Caller, given
from app.domain.errors import StillWorking
from app.domain.machines import STAGED
from app.domain.registrations import MachineWish
from app.ledger.ledger import Elsewhere, Overtaken
from app.ledger.machine_records import MachineEntry, MachineState, Wanted
from app.ledger.machines import MachineLedger
from app.ledger.records import Event
from app.operations.adopt import Adoption
from app.operations.allocate import Creation
from app.operations.answers import Allocation
from app.operations.events import denials_recorded, event_of, only_reading
from app.operations.machine_answers import AddressShown, MachineResult
from app.operations.machine_blueprint import AddressPlan, Asked, Blueprint
from app.operations.machine_echo import ShowMachine, interface_shown, interface_words, registration
from app.operations.machine_forward import Forward, machine_event
from app.operations.machine_imagining import imagined_interface, imagined_machine
from app.operations.machine_plan import MachinePlanner, check_cluster
from app.operations.machine_standing import MachineStanding, Standing
from app.operations.memory import Guard
from app.operations.sites import check_may_assert, site_of_machine
from app.operations.turns import Turns
from app.telemetry.events import note, stage

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class RegisterMachine:
    """Makes machines, or changes them. `converges`: a PUT, which changes what exists."""

    ledger: MachineLedger
    turns: Turns
    standing: MachineStanding
    planner: MachinePlanner
    forward: Forward
    show: ShowMachine
    preview: "Preview"
    prepared: Guard
    converges: bool = False

    async def __call__(self, caller: Caller, wish: MachineWish, *, dry_run: bool = False) -> MachineResult:
        """The machine under the wish's key.

        Raises:
            BerthError: see `app.domain.errors`; a Refusal has left nothing behind.
        """
        event = machine_event(caller, "converge" if self.converges else "register", wish.key, wish)
        note(key=wish.key)
        async with self.turns(wish.key):
            for _ in range(_ATTEMPTS):
                try:
                    return await self._in_turn(caller, wish, event, dry_run=dry_run)
                except (Elsewhere, Overtaken):  # another process was faster: look again
                    await self.turns.others.wait(wish.key)
        raise StillWorking

    async def _in_turn(
        self, caller: Caller, wish: MachineWish, event: Event, *, dry_run: bool
    ) -> MachineResult:
        async with denials_recorded(self.ledger.ledger, event, dry_run=dry_run):
            check_may_assert(caller, wish)
            stand = await self.standing.settled(caller, wish.key)
            if _is_unfinished(wish, stand):
                wish = replace(wish, status=given(wish.status, "active"))
            elif stand.view is not None and not self.converges:
                return await self._repeat(caller, wish, stand, event, dry_run=dry_run)
            await self.prepared()
            asked = Asked(caller, wish, stand.known, stand.entry, stand.view)
            with stage("plan"):
                plan = await self.planner.plan(asked)
        if dry_run:
            return await self.preview(asked, plan)
        if not plan.changes_anything:
            return await self._noted(asked, plan, event)
        return await self._build(asked, plan, event)

    async def _repeat(
        self, caller: Caller, wish: MachineWish, stand: Standing, event: Event, *, dry_run: bool
    ) -> MachineResult:
        """What is there. A key that the ledger has lost is written down again."""
        assert stand.entry is not None  # noqa: S101 - something stands
        assert stand.view is not None  # noqa: S101 - as above
        check_credential(caller, site_of_machine(stand.view.machine, stand.entry.owner))
        asked = Asked(caller, wish, stand.known, stand.entry, stand.view)
        named = await self.planner.resolver.cluster(wish)
        check_cluster(stand.view.machine, named)
        await self.planner.layout.check_same(asked.ground, asked.interfaces)
        if stand.known != stand.entry and not dry_run:
            await self.ledger.note(event, stand.entry, expected=stand.known, decision="adopted")
        shown = await self.show(stand.entry, stand.view, wish.sent)
        return MachineResult(shown, replayed=True)

    async def _noted(self, asked: Asked, plan: Blueprint, event: Event) -> MachineResult:
        """Nothing changes in NetBox; at most the words that were sent."""
        assert asked.entry is not None  # noqa: S101 - nothing changes, so it stands
        assert asked.view is not None  # noqa: S101 - as above
        changed = wanting(asked.entry, asked.wish, plan).settled()
        if changed != asked.known:
            await self.ledger.note(event, changed, expected=asked.known, decision="noted")
        await self.forward.building.change_addresses(asked.caller, plan)
        return MachineResult(await self.show(changed, asked.view, asked.wish.sent), replayed=True)

    async def _build(self, asked: Asked, plan: Blueprint, event: Event) -> MachineResult:
        caller, wish = asked.caller, asked.wish
        fresh = plan.existing is None
        opened = wanting(asked.entry or _new(caller, wish, self.ledger.ledger.clock()), wish, plan)
        work = await self.ledger.begin(event, opened, expected=asked.known)
        decision = "registered" if fresh else "adopted" if plan.adopts else "changed"
        entry = await self.forward.build(caller, work, plan, decision)
        async with only_reading():
            view = await self.forward.view(entry)
            if view is None:  # somebody deleted it at once
                raise StillWorking
            return MachineResult(await self.show(entry, view, wish.sent), created=fresh)


@dataclass(frozen=True, slots=True)
class Preview:
    """What would be made now: no write, and no promise."""

    creation: Creation
    adoption: Adoption
    show: ShowMachine

    async def __call__(self, asked: Asked, plan: Blueprint) -> MachineResult:
        """The machine as it would be."""
        async with only_reading():
            return await self._preview(asked, plan)

    async def _preview(self, asked: Asked, plan: Blueprint) -> MachineResult:
        words = plan.form.sent
        machine = imagined_machine(plan, plan.named)
        if asked.is_silent and asked.view is not None and asked.entry is not None:  # they stay as they are
            view = replace(asked.view, machine=machine)
            return MachineResult(await self.show(asked.entry, view, asked.wish.sent))
        now = wanting(_new(asked.caller, asked.wish, 0.0), asked.wish, plan).settled()
        interfaces = []
        for each, slot in zip(plan.interfaces, plan.form.slots, strict=True):
            nic, said = imagined_interface(each, plan.named), interface_words(words, slot.name)
            parts = {part.key: part for part in each.addresses}
            addresses = [
                await self._address(asked, plan, key, parts.get(key))
                for key in slot.addresses
                if key in parts or key in plan.ids
            ]
            interfaces.append(interface_shown(nic, said, addresses))
        return MachineResult(registration(now, machine, interfaces, words), created=plan.existing is None)

    async def _address(
        self, asked: Asked, plan: Blueprint, key: str, part: AddressPlan | None
    ) -> AddressShown:
        allocation = await self._allocation(asked, key, part)
        machine = plan.existing
        ids = (machine.primary_ip4, machine.primary_ip6) if machine else ()
        stays = allocation.family not in plan.primaries
        is_already = stays and allocation.netbox_id in {str(each) for each in ids}
        return AddressShown(allocation=allocation, primary=key in plan.primary_keys or is_already)

    async def _allocation(self, asked: Asked, key: str, part: AddressPlan | None) -> Allocation:
        if part is None or part.existing is not None:
            words = part.wish.sent if part else {}
            return await self.show.allocation(asked.ground.addresses[key], words)
        event = event_of(asked.caller, "allocate", key, part.wish)
        if part.wish.adopt:
            adopted = await self.adoption(asked.caller, part.wish, None, event, converge=True, dry_run=True)
            if adopted is not None:
                return adopted.allocation
        return (await self.creation.preview(asked.caller, part.wish, None, event)).allocation


def wanting(entry: MachineEntry, wish: MachineWish, plan: Blueprint) -> MachineEntry:
    """The entry of a key that is about to become what the plan says."""
    machine = plan.existing
    cluster = machine.cluster.id if machine and machine.cluster else plan.draft.cluster_id
    request = dict(wish.sent)
    if machine is None or wish.status is not UNSET:  # so that whoever goes on knows the last status
        request["status"] = given(wish.status, "active")
    return replace(
        entry,
        state=MachineState.WORKING,
        name=entry.name or plan.draft.name.lower(),
        cluster_id=cluster,
        netbox_id=machine.id if machine else None,
        step="",
        reason="",
        wanted=Wanted(request=request, form=plan.form, made=plan.made, adopt=wish.adopt),
    )


def _is_unfinished(wish: MachineWish, stand: Standing) -> bool:
    """Whether the machine was begun by somebody who did not write it down here, and is not done.

    Another ledger's process may be at it, or the ledger was lost in the middle: then it is brought to its
    end, as it would have been.
    """
    begun = stand.view is not None and stand.view.machine.status == STAGED
    return begun and stand.known != stand.entry and wish.status != STAGED


def _new(caller: Caller, wish: MachineWish, now: float) -> MachineEntry:
    return MachineEntry(key=wish.key, owner=caller.owner, state=MachineState.WORKING, opened_at=now)
