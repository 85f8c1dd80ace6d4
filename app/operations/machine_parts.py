"""The addresses of a machine: allocations of their own, made on its interfaces and freed with it."""

from dataclasses import dataclass, replace

from app.domain.commands import Caller
from app.domain.errors import InUse
from app.domain.inventory import Address
from app.domain.machines import VmInterface
from app.ledger.ledger import Ledger, resume
from app.ledger.records import Entry, State
from app.operations.allocate import Creation
from app.operations.events import event_of
from app.operations.freeing import Freeing
from app.operations.keep import Keep, from_claim
from app.operations.machine_plan import AddressPlan
from app.operations.ports import Addresses
from app.operations.states import States, the_one

VM_INTERFACE = "virtualization.vminterface"


@dataclass(frozen=True, slots=True)
class Parts:
    """Makes and frees the addresses of machines. The caller holds the machine's turn."""

    ledger: Ledger
    addresses: Addresses
    states: States
    keep: Keep
    creation: Creation
    freeing: Freeing

    async def ensure(self, caller: Caller, part: AddressPlan, interface: VmInterface) -> int:
        """See to it that the address is there, on the interface; returns its NetBox id.

        Raises:
            BerthError: as an allocation does.
            InUse: somebody assigned it elsewhere.
        """
        entry = await self.states.current(caller, part.key)
        if entry is not None and entry.state is State.DONE:
            address = await self.keep.held(caller, entry)
            if address is not None:
                _check_place(address, interface)
                return address.id
        result = await self.creation(
            caller,
            part.wish,
            entry,
            event_of(caller, "allocate", part.key, part.wish),
            first=part.plan,
            assigned=(VM_INTERFACE, interface.id),
        )
        return int(result.allocation.netbox_id or 0)

    async def free(self, caller: Caller, key: str, machine_id: int | None) -> None:
        """See to it that the address is gone.

        Raises:
            InUse: it is assigned to something else than the machine's interfaces.
            ClaimChanged: a human gave it another key.
            OutcomeUnknown: NetBox did not say whether it deleted it.
        """
        entry = await self._settled(caller, key)
        if entry is None or entry.state is not State.DONE:
            return
        address = await self.addresses.read(entry.netbox_id or 0)
        if address is not None and address.key == key:
            _check_free(address, machine_id)
        known = await self.ledger.find(key)
        begun = await self.freeing.begin(event_of(caller, "release", key), entry, expected=known)
        await self.freeing.finish(caller, begun, force=True)

    async def _settled(self, caller: Caller, key: str) -> Entry | None:
        """What stands under the key; what is in doubt is given up, and freed should it turn up."""
        entry = await self.states.current(caller, key)
        if entry is not None and entry.state is State.PENDING:
            begun = resume(entry, event_of(caller, "allocate", key))
            given_up = replace(entry, state=State.FAILED, name_claim=None)
            return await self.ledger.settle(begun, given_up, "failed")
        if entry is not None and entry.state is State.DONE:
            return entry
        address = the_one(key, await self.addresses.find_claims([key]))
        return None if address is None else from_claim(address)


def _check_place(address: Address, interface: VmInterface) -> None:
    assigned = address.assigned
    if assigned is None or (assigned.object_type, assigned.object_id) != (VM_INTERFACE, interface.id):
        raise InUse(
            f"{address.address} is not on the interface {interface.name} of its virtual machine any more: "
            "somebody moved it in NetBox. Put it back there, or take it out of the request."
        )


def _check_free(address: Address, machine_id: int | None) -> None:
    assigned = address.assigned
    if assigned is None or (assigned.object_type == VM_INTERFACE and assigned.parent_id == machine_id):
        return
    raise InUse(
        f"{address.address} is assigned to {assigned.interface or assigned.object_id} of "
        f"{assigned.parent or assigned.object_type} by now. Put it back, or clear its berth_key."
    )
