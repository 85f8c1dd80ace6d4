"""How the answer for a machine is put together: as sent, and true (see `app.operations.echo`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from app.domain.inventory import Address, Json, Reference
from app.domain.machines import Machine, VmInterface
from app.ledger.ledger import Ledger
from app.ledger.machine_records import Form, MachineEntry, Slot
from app.operations.answers import Allocation
from app.operations.echo import same_status, same_text, shown_fields, shown_tags, shown_text
from app.operations.keep import Keep, from_claim
from app.operations.machine_answers import AddressShown, InterfaceShown, Registration
from app.operations.machine_blueprint import merged
from app.operations.machine_differences import same_mac
from app.operations.machine_layout import is_on
from app.operations.machine_view import View

Words = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class ShowMachine:
    """Answers for a machine that was just read or written."""

    ledger: Ledger
    keep: Keep

    async def __call__(self, entry: MachineEntry, view: View, sent: Words) -> Registration:
        """The answer: what NetBox holds, in the words of all writes and of this request."""
        words = merged(entry.held.sent, sent)
        interfaces = await self._interfaces(entry.key, entry.held, view, words)
        return registration(entry, view.machine, interfaces, words)

    async def _interfaces(self, key: str, form: Form, view: View, words: Words) -> tuple[InterfaceShown, ...]:
        there, claims = view.numbered(key), view.claimed(key)
        primaries = (view.machine.primary_ip4, view.machine.primary_ip6)
        shown = []
        for slot in form.slots:
            if slot.number not in there:  # somebody deleted it in NetBox
                continue
            interface, said = there[slot.number], interface_words(words, slot.name)
            addresses = [
                AddressShown(allocation=await self.allocation(claims[part], spoken), primary=held)
                for part, spoken in zip(slot.addresses, address_words(said, slot), strict=True)
                if part in claims and is_on(claims[part], interface)
                for held in (claims[part].id in primaries,)
            ]
            shown.append(interface_shown(interface, said, addresses))
        return tuple(shown)

    async def allocation(self, address: Address, words: Words) -> Allocation:
        """One address of a machine, as its own allocation is shown."""
        part = address.key or ""
        entry = await self.ledger.read(lambda tx: tx.entry(part))
        return await self.keep.show(entry or from_claim(address), address, words)


def interface_words(words: Words, name: str) -> Words:
    """What was said of an interface."""
    said = words.get("interfaces")
    for each in said if isinstance(said, list) else ():
        if isinstance(each, dict) and each.get("name") == name:
            return each
    return {}


def address_words(words: Words, slot: Slot) -> Sequence[Words]:
    """What was said of each address of an interface; nothing where the request has others than it has."""
    said = words.get("addresses")
    if isinstance(said, list) and len(said) == len(slot.addresses):
        return [each if isinstance(each, dict) else {} for each in said]
    return [{} for _ in slot.addresses]


def interface_shown(
    interface: VmInterface, words: Words, addresses: Sequence[AddressShown]
) -> InterfaceShown:
    """One interface."""
    mac = words.get("mac_address")
    same = "mac_address" in words and same_mac(cast("str | None", mac), interface.mac_address)
    return InterfaceShown(
        name=interface.name,
        mac_address=cast("str | None", mac) if same else interface.mac_address,
        mtu=interface.mtu,
        enabled=None if interface.enabled and words.get("enabled", False) is None else interface.enabled,
        description=shown_text(words, "description", interface.description, same_text),
        tags=shown_tags(words, interface.tags, ()),
        addresses=tuple(addresses),
        netbox_id=str(interface.id) if interface.id else None,
        netbox_url=interface.url or None,
    )


def registration(
    entry: MachineEntry, machine: Machine, interfaces: Sequence[InterfaceShown], words: Words
) -> Registration:
    """The whole answer."""
    four, six = (_primary(interfaces, family) for family in (4, 6))
    first = four or six
    return Registration(
        key=entry.key,
        name=machine.name,
        cluster=_reference(words, "cluster", machine.cluster),
        site=machine.site.slug if machine.site else None,
        device=_reference(words, "device", machine.device),
        tenant=_reference(words, "tenant", machine.tenant),
        role=_reference(words, "role", machine.role),
        platform=_reference(words, "platform", machine.platform),
        status=shown_text(words, "status", machine.status, same_status),
        vcpus=_number(words, "vcpus", machine.vcpus),
        memory_mb=machine.memory_mb,
        disk_gb=_disk_gb(words, machine.disk_mb),
        disk_mb=machine.disk_mb,
        description=shown_text(words, "description", machine.description, same_text),
        comments=shown_text(words, "comments", machine.comments, same_text),
        tags=shown_tags(words, machine.tags, ()),
        custom_fields=shown_fields(words, machine.custom_fields),
        interfaces=tuple(interfaces),
        primary_ip4=four.ip if four else None,
        primary_ip6=six.ip if six else None,
        gateway4=four.gateway if four else None,
        gateway6=six.gateway if six else None,
        dns_name=first.dns_name if first else None,
        owner=machine.owner or entry.owner,
        requested_by=entry.requested_by,
        reference=entry.reference,
        netbox_id=str(machine.id) if machine.id else None,
        netbox_url=machine.url or None,
    )


def _primary(interfaces: Sequence[InterfaceShown], family: int) -> Allocation | None:
    """The primary address of a family."""
    every = (address for interface in interfaces for address in interface.addresses if address.primary)
    return next((each.allocation for each in every if each.allocation.family == family), None)


def _reference(words: Words, name: str, actual: Reference | None) -> str | int | None:
    """An object in the word that was sent for it, else by its slug, or its name where it has none."""
    if actual is None:
        return None
    word = words.get(name)
    if str(word) in {str(actual.id), actual.slug, actual.name} - {""}:
        return cast("str | int", word)
    return actual.slug or actual.name


def _number(words: Words, name: str, actual: float | None) -> float | int | None:
    word = words.get(name)
    if isinstance(word, int | float) and actual is not None and float(word) == float(actual):
        return word
    return int(actual) if actual is not None and float(actual).is_integer() else actual


def _disk_gb(words: Words, disk_mb: int | None) -> float | int | None:
    """The size that was sent in GB, as long as it is the one that NetBox holds, by either way of counting."""
    word = words.get("disk_gb")
    if not isinstance(word, int | float) or disk_mb is None:
        return None
    return word if disk_mb in (round(word * 1000), round(word * 1024)) else None
