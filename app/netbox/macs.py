"""MAC addresses: objects of their own since NetBox 4.2, of which an interface may have several.

One of them is its primary one. Since 4.7 an interface takes `mac_address` and does the rest by itself;
before, it takes no notice of it (4.3.7, measured), and the object is made and designated by the calls in this
file. NetBox does not delete a MAC address that stops being the primary one (4.7.3, measured); it deletes them
all together with their interface. Nothing here takes NetBox's advisory lock, and MAC addresses need not be
unique.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from app.allocation.lists import Lists
from app.domain.inventory import Json
from app.domain.upstream import Missing, Unsure, UpstreamError
from app.netbox import deadline, translate_machines
from app.netbox.machine_lookups import INTERFACES
from app.netbox.resilience import Line
from app.netbox.translate_machines import Mac, Nic, changelog, mac_payload, same_mac
from app.netbox.wire import Lane, Question
from app.netbox.writes import changed_many, made, remove

PATH: Final = "dcim/mac-addresses/"


@dataclass(frozen=True, slots=True)
class _NewMac:
    """A MAC address to be made on an interface."""

    interface_id: int
    address: str
    message: str


@dataclass(frozen=True, slots=True)
class _Designation:
    """A MAC address of an interface that shall be its primary one."""

    interface_id: int
    mac_id: int
    message: str


class MacAddresses:
    """Gives interfaces their MAC addresses, and removes those that they had before."""

    def __init__(self, line: Line, links: str) -> None:
        self._line = line
        self._links = links
        self._new: Lists[_NewMac, Mac] = Lists(self._make, line.clock)
        self._primary: Lists[_Designation, Nic] = Lists(
            self._designate, line.clock, lambda each: (each.interface_id,)
        )

    async def give(self, nic: Nic, address: str, message: str) -> Nic:
        """Make the address the interface's primary one; one that it has already is not made again.

        Raises:
            Unsure: whatever goes wrong, the interface is there.
        """
        mac = next((each for each in nic.macs if same_mac(each.address, address)), None)
        until = deadline.current()
        try:
            if mac is None:
                mac = await self._new.add(_NewMac(nic.id, address, message), until)
            return await self._primary.add(_Designation(nic.id, mac.id, message), until)
        except UpstreamError as error:
            raise Unsure(f"interface {nic.id} is there without its MAC address: {error}") from error

    async def discard(self, nic: Nic, address: str | None, message: str) -> None:
        """Remove the address that was the primary one before, if it is still one of the interface's.

        Where that fails, it stays as one of the interface's other addresses, and goes with the interface. If
        the interface has it several times, nobody knows which one it was, and all of them stay.
        """
        former = [
            each
            for each in nic.macs
            if same_mac(each.address, address) and not same_mac(each.address, nic.interface.mac_address)
        ]
        if len(former) == 1:
            with suppress(UpstreamError):
                await remove(self._line, PATH, former[0], message, Lane.WRITE)

    async def _make(self, members: Sequence[_NewMac]) -> list[Mac]:
        keeps = self._line.takes_messages
        bodies: list[Json] = [
            mac_payload(each.address, each.interface_id, each.message, message=keeps) for each in members
        ]
        reply = await self._line.ask(
            Question(method="POST", path=PATH, endpoint=PATH, body=bodies, expect=201, lane=Lane.WRITE)
        )
        return [
            *made(
                reply, members, translate_machines.mac, lambda mac, each: same_mac(mac.address, each.address)
            )
        ]

    async def _designate(self, members: Sequence[_Designation]) -> list[Nic | Missing]:
        keeps = self._line.takes_messages
        bodies: list[Json] = [
            {
                "id": each.interface_id,
                "primary_mac_address": each.mac_id,
                **changelog(each.message, message=keeps),
            }
            for each in members
        ]
        reply = await self._line.ask(
            Question(method="PATCH", path=INTERFACES, endpoint=INTERFACES, body=bodies, lane=Lane.WRITE)
        )
        return changed_many(
            reply,
            [each.interface_id for each in members],
            lambda row: translate_machines.nic(row, self._links),
        )
