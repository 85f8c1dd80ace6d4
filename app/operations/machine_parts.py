"""The addresses of a machine: allocations of their own, made on its interfaces and freed with it."""

from dataclasses import dataclass, replace

from app.domain.commands import Caller
from app.domain.errors import StillWorking
from app.domain.machines import VmInterface
from app.ledger.ledger import Ledger, resume
from app.ledger.records import Entry, State
from app.operations.adopt import Adoption
from app.operations.allocate import Creation
from app.operations.answers import Result
from app.operations.events import event_of
from app.operations.freeing import Freeing, released
from app.operations.keep import Keep, from_claim
from app.operations.machine_blueprint import AddressPlan
from app.operations.machine_layout import VM_INTERFACE, check_free, is_on, moved
from app.operations.ports import Addresses
from app.operations.states import States, the_one


@dataclass(frozen=True, slots=True)
class Parts:
    """Makes and frees the addresses of machines. The caller holds the machine's turn."""

    ledger: Ledger
    addresses: Addresses
    states: States
    keep: Keep
    creation: Creation
    adoption: Adoption
    freeing: Freeing

    async def ensure(self, caller: Caller, part: AddressPlan, interface: VmInterface) -> int:
        """See to it that the address is there, on the interface; returns its NetBox id.

        Raises:
            BerthError: as an allocation does.
            InUse: it is somewhere else.
        """
        entry = await self._current(caller, part.key)
        if entry is not None and entry.state is State.DONE:
            address = await self.keep.held(caller, entry)
            if address is not None:
                if not is_on(address, interface):
                    raise moved(address, interface.name)
                return address.id
        result = await self._made(caller, part, entry, interface)
        number = int(result.allocation.netbox_id or 0)
        if result.replayed:  # it carried the claim already: somewhere else it is not ours to take
            address = await self.addresses.read(number)
            if address is None or not is_on(address, interface):
                await self.let_go(caller, part.key)
                raise StillWorking if address is None else moved(address, interface.name)
        return number

    async def _made(
        self, caller: Caller, part: AddressPlan, entry: Entry | None, interface: VmInterface
    ) -> Result:
        event = event_of(caller, "allocate", part.key, part.wish)
        if part.wish.adopt:
            adopted = await self.adoption(caller, part.wish, entry, event, converge=True, dry_run=False)
            if adopted is not None:
                return replace(adopted, replayed=True)
        on = (VM_INTERFACE, interface.id)
        return await self.creation(caller, part.wish, entry, event, first=part.plan, assigned=on)

    async def free(
        self, caller: Caller, key: str, machine_id: int | None, *, force: bool = False, known: bool = False
    ) -> None:
        """See to it that the address is gone; one that a human gave another key, or none, is let go.

        With `known` only one that the ledger has: what an operation makes is written down before.

        Raises:
            InUse: it is assigned to something else than the machine's interfaces, and not forced.
            OutcomeUnknown: NetBox did not say whether it deleted it.
        """
        entry = await self._settled(caller, key, known=known)
        if entry is None or entry.state is not State.DONE:
            return
        address = await self.addresses.read(entry.netbox_id or 0)
        if address is not None and address.key != key:
            await self.let_go(caller, key)
            return
        if address is not None and not force:
            check_free(address, key, machine_id)
        expected = await self.ledger.find(key)
        begun = await self.freeing.begin(event_of(caller, "release", key), entry, expected=expected)
        await self.freeing.finish(caller, begun, force=True)

    async def let_go(self, caller: Caller, key: str) -> None:
        """Let the key stand for nothing, and leave alone what is in NetBox."""
        entry = await self.ledger.find(key)
        if entry is not None and entry.state is State.DONE:
            event = event_of(caller, "release", key)
            await self.ledger.record(event, released(entry), expected=entry, decision="let go")

    async def _current(self, caller: Caller, key: str) -> Entry | None:
        """The entry; a release that was left in the middle ends, though the address is on an interface."""
        return await self.states.current(replace(caller, forced=True), key)

    async def _settled(self, caller: Caller, key: str, *, known: bool) -> Entry | None:
        """What stands under the key; what is in doubt is given up, and freed should it turn up."""
        entry = await self._current(caller, key)
        if entry is not None and entry.state is State.PENDING:
            begun = resume(entry, event_of(caller, "allocate", key))
            given_up = replace(entry, state=State.FAILED, name_claim=None)
            return await self.ledger.settle(begun, given_up, "failed")
        if known or (entry is not None and entry.state is State.DONE):
            return entry
        address = the_one(key, await self.addresses.find_claims([key]))
        return None if address is None else from_claim(address)
