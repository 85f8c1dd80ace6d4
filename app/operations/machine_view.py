"""A virtual machine as NetBox holds it now, with all that hangs on it: what is ours, and what is not."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.commands import Caller
from app.domain.errors import ClaimChanged, ClaimDuplicated, InUse
from app.domain.inventory import Address
from app.domain.machines import Machine, VmInterface, interface_key, machine_of
from app.ledger.machine_records import Form, MachineEntry, MachineState, Slot
from app.operations.machine_ports import Machines
from app.operations.states import check_owner

_INTERFACE = re.compile(r"~([0-9]+)\Z")
_ADDRESS = re.compile(r"~([0-9]+)~v[46]~[0-9]+\Z")


@dataclass(frozen=True, slots=True)
class View:
    """A machine with its interfaces and their addresses, all read within the same moment."""

    machine: Machine
    interfaces: tuple[VmInterface, ...] = ()
    addresses: tuple[Address, ...] = ()

    def numbered(self, key: str) -> Mapping[int, VmInterface]:
        """The interfaces that carry the claim of this machine's key, by number; of several the oldest."""
        found = {_number(_INTERFACE, key, each.key): each for each in reversed(self.interfaces)}
        return {number: each for number, each in found.items() if number}

    def claimed(self, key: str) -> Mapping[str, Address]:
        """The addresses that carry the claim of this machine's key, by claim; of several the oldest."""
        found = {each.key: each for each in reversed(self.addresses) if _number(_ADDRESS, key, each.key)}
        return {claim: each for claim, each in found.items() if claim}

    def foreign(self, key: str, adopted: Sequence[str] = ()) -> tuple[str, ...]:
        """What is not the key's, and would go with what the key has made, in words.

        From a machine that was adopted only interfaces go, and from an interface that was adopted nothing.
        """
        ours, claims = self.numbered(key), self.claimed(key).values()
        stays = key in adopted
        going = {each.id for number, each in ours.items() if interface_key(key, number) not in adopted}
        interfaces = [f"interface {each.name}" for each in self.interfaces if each not in ours.values()]
        addresses = [
            _named(each)
            for each in self.addresses
            if each not in claims and not (stays and each.assigned and each.assigned.object_id not in going)
        ]
        return (*([] if stays else interfaces), *addresses)

    def on(self, interface: VmInterface) -> tuple[Address, ...]:
        """The addresses on one of the interfaces."""
        return tuple(
            each for each in self.addresses if each.assigned and each.assigned.object_id == interface.id
        )


def _number(shape: re.Pattern[str], key: str, claim: str | None) -> int:
    """The interface's number in a claim of this machine's key; 0 where it is none."""
    if not claim or machine_of(claim) != key:
        return 0
    found = shape.fullmatch(claim, len(key))
    return int(found[1]) if found else 0


def _named(address: Address) -> str:
    holder = f" of key {address.key}" if address.key else ""
    return f"address {address.address}{holder}"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Looks at machines. Nothing is answered from memory."""

    machines: Machines

    async def around(self, machine: Machine) -> View:
        """What hangs on a machine that was just read."""
        interfaces, addresses = await asyncio.gather(
            self.machines.interfaces(machine.id), self.machines.addresses(machine.id)
        )
        return View(machine, tuple(interfaces), tuple(addresses))

    async def of(self, caller: Caller, entry: MachineEntry) -> View | None:
        """The machine behind an entry, None if it is gone.

        Raises:
            NotOwner: it belongs to somebody else.
            ClaimChanged: a human took it away from the key.
        """
        rows = await self.machines.read_many([entry.netbox_id or 0])
        machine = rows[0] if rows else await self.machines.read(entry.netbox_id or 0)
        ours = machine is not None and machine.key == entry.key
        check_owner(caller, entry.owner, machine.owner if machine and ours else None)
        if machine is None:
            return None
        check_machine_claim(entry, machine)
        return await self.around(machine)

    async def claimed(self, key: str) -> Machine | None:
        """The machine that carries the claim.

        Raises:
            ClaimDuplicated: several do.
        """
        rows = await self.machines.find_claims([key])
        if len(rows) > 1:
            listed = ", ".join(f"{row.name} (id {row.id})" for row in rows)
            raise ClaimDuplicated(
                f"Several virtual machines in NetBox carry the key {key!r}: {listed}. "
                "Clear berth_key on all but one."
            )
        return rows[0] if rows else None


def check_machine_claim(entry: MachineEntry, machine: Machine) -> None:
    """Whether the machine still is what the key stands for.

    Raises:
        ClaimChanged: a human cleared or changed the claim.
    """
    if machine.key != entry.key:
        holds = f"berth_key is {machine.key!r}" if machine.key else "berth_key is empty"
        raise ClaimChanged(
            f"The virtual machine {machine.name} (id {machine.id}) is no longer marked as {entry.key!r} in "
            f"NetBox: {holds}. Put it back, or let an operator retire the key with force."
        )


def check_nothing_foreign(view: View, key: str, adopted: Sequence[str] = ()) -> None:
    """Whether nothing would go with the machine but what was made for its key; `adopted` as in `Form`.

    Raises:
        InUse: with everything that would.
    """
    if foreign := view.foreign(key, adopted):
        raise InUse(
            f"The virtual machine {view.machine.name} has in NetBox what this registration did not make: "
            f"{', '.join(foreign)}. Remove it there first, or let an operator retire it with force."
        )


def entry_of_claims(view: View, known: MachineEntry | None) -> MachineEntry:
    """An entry made from nothing but NetBox: for a key that the ledger has lost.

    What it still has of the same machine (a key that was let go) is that it was adopted.
    """
    machine = view.machine
    same = known is not None and known.netbox_id == machine.id
    key = machine.key or ""
    claims = view.claimed(key)
    slots = tuple(
        Slot(interface.name, number, tuple(sorted(c for c in claims if _number(_ADDRESS, key, c) == number)))
        for number, interface in sorted(view.numbered(key).items())
    )
    return MachineEntry(
        key=key,
        owner=machine.owner or "",
        state=MachineState.DONE,
        name=machine.name.lower(),
        cluster_id=machine.cluster.id if machine.cluster else None,
        netbox_id=machine.id,
        held=Form(slots=slots, adopted=known.held.adopted if known and same else ()),
    )
