"""Creating, changing and deleting interfaces of virtual machines. None of it takes NetBox's advisory lock.

`mac_address` is sent to every NetBox. Whether it took notice (since 4.7) is seen in its answer, where the
MAC address is or is not; see `app.netbox.macs`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.domain.commands import UNSET
from app.domain.inventory import Json
from app.domain.machines import InterfaceChanges, InterfaceDraft, VmInterface
from app.netbox import translate_machines
from app.netbox.machine_lookups import INTERFACES, MachineLookups
from app.netbox.macs import MacAddresses
from app.netbox.resilience import Line
from app.netbox.translate_machines import Nic, same_mac
from app.netbox.wire import Lane, Question, Reply
from app.netbox.writes import changed, made, read_again, remove


@dataclass(frozen=True)
class InterfaceWrites:
    """One call to NetBox each, and those that MAC addresses take."""

    line: Line
    lookups: MachineLookups
    macs: MacAddresses

    async def create(self, drafts: Sequence[InterfaceDraft]) -> list[Nic]:
        """Create interfaces, all or none, in the order of the drafts; on NetBox < 4.7 without MAC addresses.

        It is always a list that is sent, also of one: so errors come by position.
        """
        message = self.line.takes_messages
        bodies: list[Json] = [
            translate_machines.interface_payload(draft, message=message) for draft in drafts
        ]
        reply = await self.line.ask(
            Question(
                method="POST", path=INTERFACES, endpoint=INTERFACES, body=bodies, expect=201, lane=Lane.WRITE
            )
        )
        return [_noted(nic, reply) for nic in made(reply, drafts, self._read, _is_made_from)]

    async def complete(self, nic: Nic, draft: InterfaceDraft) -> VmInterface:
        """The interface that was just made, with its MAC address where NetBox has not given it one.

        Raises:
            Unsure: it is there without its MAC address.
        """
        if draft.mac_address is None or same_mac(draft.mac_address, nic.interface.mac_address):
            return nic.interface
        given = await self.macs.give(nic, draft.mac_address, draft.message)
        return replace(given.interface, request_id=nic.interface.request_id)

    async def change(self, interface: VmInterface, changes: InterfaceChanges) -> VmInterface:
        """Change it, with If-Match where it was read with an ETag; without one, read again afterwards.

        Raises:
            Unsure: also when it was changed but for its MAC address.
        """
        nic = await self._change(interface, changes)
        wanted = changes.mac_address
        if wanted is UNSET:
            return nic.interface
        if wanted is not None and not same_mac(wanted, nic.interface.mac_address):
            given = await self.macs.give(nic, wanted, changes.message)
            nic = replace(given, interface=replace(given.interface, request_id=nic.interface.request_id))
        await self.macs.discard(nic, interface.mac_address, changes.message)
        return nic.interface

    async def delete(self, interface: VmInterface, message: str) -> str:
        """Delete it, with If-Match where it was read with an ETag; returns NetBox's request id."""
        return await remove(self.line, INTERFACES, interface, message, Lane.WRITE)

    async def _change(self, interface: VmInterface, changes: InterfaceChanges) -> Nic:
        reply = await self.line.ask(
            Question(
                method="PATCH",
                path=f"{INTERFACES}{interface.id}/",
                endpoint=f"{INTERFACES}{{id}}/",
                body=translate_machines.interface_patch(changes, message=self.line.takes_messages),
                etag=interface.etag,
                lane=Lane.WRITE,
            )
        )
        if interface.etag is None:
            nic = await read_again(self.lookups.nic, interface.id, "interface")
        else:
            nic = changed(reply, interface.id, self._read_reply)
        return _noted(nic, reply)

    def _read(self, row: Json) -> Nic:
        return translate_machines.nic(row, self.lookups.links)

    def _read_reply(self, reply: Reply) -> Nic:
        return translate_machines.nic(reply.data, self.lookups.links, reply.etag)


def _noted(nic: Nic, reply: Reply) -> Nic:
    return replace(nic, interface=replace(nic.interface, request_id=reply.request_id or ""))


def _is_made_from(nic: Nic, draft: InterfaceDraft) -> bool:
    interface = nic.interface
    return (interface.machine_id, interface.name, interface.key or "") == (
        draft.machine_id,
        draft.name,
        draft.key,
    )
