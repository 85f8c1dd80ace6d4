"""What is asked of a machine, and what shall become of it: values, which touch nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.domain.commands import Caller, Unset, Wish, given
from app.domain.inventory import Address, Json, Reference
from app.domain.machines import (
    InterfaceChanges,
    InterfaceDraft,
    Machine,
    MachineChanges,
    MachineDraft,
    VmInterface,
    interface_key,
)
from app.domain.registrations import InterfaceWish, MachineWish
from app.ledger.machine_records import Form, MachineEntry, Slot
from app.operations.machine_differences import machine_changes
from app.operations.machine_layout import Ground, LaidInterface
from app.operations.machine_references import MachineNames
from app.operations.machine_view import View
from app.operations.plan import Plan, change_message


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, and what there is under its key.

    `known` is what the ledger has of it, `entry` what the answer is made from (None: nothing that stands),
    `view` what NetBox has; where a machine may be adopted, `view` is of that one.
    """

    caller: Caller
    wish: MachineWish
    known: MachineEntry | None = None
    entry: MachineEntry | None = None
    view: View | None = None

    @property
    def ground(self) -> Ground:
        """What the key has already. Of a machine that somebody deleted its addresses may be left."""
        if self.entry is not None:
            held = self.entry.held
        else:
            held = replace(self.known.held, sent={}, adopted=()) if self.known else Form()
        return Ground(self.wish.key, held, self.view)

    @property
    def machine(self) -> Machine | None:
        """The machine that is there."""
        return self.view.machine if self.view else None

    @property
    def adopts(self) -> bool:
        """Whether the machine is not the key's yet."""
        return self.machine is not None and self.machine.key != self.wish.key

    @property
    def may_adopt(self) -> bool:
        """Whether what carries no claim may be taken over."""
        return self.wish.adopt and self.caller.operator

    @property
    def adopted(self) -> tuple[str, ...]:
        """The claims on what was there before Berth, also where the adoption is under way."""
        under_way = self.known.wanted if self.known else None
        return (*self.ground.held.adopted, *(under_way.form.adopted if under_way else ()))

    @property
    def is_silent(self) -> bool:
        """Whether the request does not speak of interfaces."""
        return isinstance(self.wish.interfaces, Unset)

    @property
    def interfaces(self) -> tuple[InterfaceWish, ...]:
        """The interfaces that are wanted; none where the request does not speak of them."""
        wanted = self.wish.interfaces
        return () if isinstance(wanted, Unset) else wanted

    @property
    def message(self) -> str:
        """What NetBox's change log is told."""
        return change_message(self.caller, "register", self.wish.key, self.wish)


@dataclass(frozen=True, slots=True)
class AddressPlan:
    """One address: made by its own plan, or there already.

    `changes` says whether it differs in NetBox, `notes` whether what the ledger has of it does. A wish that
    adopts is about an address that is on the interface, and has no claim yet.
    `name` is the DNS name that is asked for, with VRF and family, where it may be used only once.
    """

    key: str
    wish: Wish
    family: int
    existing: Address | None = None
    plan: Plan | None = None
    changes: bool = False
    notes: bool = False
    name: str | None = None


@dataclass(frozen=True, slots=True)
class InterfacePlan:
    """One interface: drafted, or there already with what changes of it. The machine's id comes later.

    `adopts`: it is there, and has no claim yet.
    """

    number: int
    draft: InterfaceDraft
    existing: VmInterface | None
    changes: InterfaceChanges | None
    addresses: tuple[AddressPlan, ...]

    @property
    def adopts(self) -> bool:
        """Whether it is there, and not the key's yet."""
        return self.existing is not None and self.existing.key != self.draft.key


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A machine that may be made or changed.

    `changes` is None where nothing of a machine that exists changes; `final` is what ends the making of one:
    its status. `gone_numbers` are those of interfaces to be removed. `primaries` are the keys of the primary
    addresses by family; a family that is not in it is left alone. `gone` are keys of addresses to be freed.
    `ids` are NetBox's of the addresses that are there, by key.
    """

    draft: MachineDraft
    existing: Machine | None
    changes: MachineChanges | None
    interfaces: tuple[InterfacePlan, ...]
    final: MachineChanges
    gone_numbers: tuple[int, ...]
    gone: tuple[str, ...]
    primaries: Mapping[int, str]
    ids: Mapping[str, int]
    form: Form
    made: tuple[str, ...]
    named: MachineNames
    adopts: bool = False

    @property
    def changes_anything(self) -> bool:
        """Whether something has to be done in NetBox, or may have to be."""
        machine = self.adopts or self.changes or self.gone or self.gone_numbers or self._moves_primary
        interfaces = any(each.adopts or each.changes for each in self.interfaces)
        return bool(self.made or machine or interfaces or any(part.changes for part in self.addresses))

    @property
    def primary_keys(self) -> frozenset[str]:
        """The keys of the addresses that will be primary ones."""
        held = {
            getattr(self.existing, f"primary_ip{family}", None) for family in {4, 6} - set(self.primaries)
        }
        staying = (key for key, number in self.ids.items() if number in held)
        return frozenset((*self.primaries.values(), *staying))

    @property
    def _moves_primary(self) -> bool:
        machine = self.existing
        return machine is not None and any(
            self.ids.get(key) != getattr(machine, f"primary_ip{family}")
            for family, key in self.primaries.items()
        )

    @property
    def addresses(self) -> tuple[AddressPlan, ...]:
        """All addresses, in order."""
        return tuple(address for interface in self.interfaces for address in interface.addresses)


def blueprint(
    asked: Asked,
    named: MachineNames,
    laid: Sequence[LaidInterface],
    interfaces: Sequence[InterfacePlan],
    primaries: Mapping[int, str],
) -> Blueprint:
    """The whole plan, of its parts."""
    ground, wish, machine = asked.ground, asked.wish, asked.machine
    slots = ground.held.slots if asked.is_silent else tuple(each.slot for each in laid)
    form = Form(
        sent=merged(ground.held.sent, wish.sent), slots=slots, adopted=_adopted(asked, slots, interfaces)
    )
    kept = {slot.number for slot in slots}
    return Blueprint(
        draft=_draft(asked, named),
        existing=machine,
        changes=machine_changes(wish, machine, named, asked.message) if machine else None,
        interfaces=tuple(interfaces),
        final=MachineChanges(status=given(wish.status, "active"), message=asked.message),
        gone_numbers=() if asked.is_silent else tuple(n for n in ground.interfaces if n not in kept),
        gone=() if asked.is_silent else ground.gone(form),
        primaries=primaries,
        ids={key: each.id for key, each in ground.addresses.items()},
        form=form,
        made=_made(wish.key, machine, interfaces),
        named=named,
        adopts=asked.adopts,
    )


def merged(held: Mapping[str, Json], sent: Mapping[str, Json]) -> dict[str, Json]:
    """The words of all writes, the last one's first; of interfaces those that were sent last, by name."""
    words = {**held, **sent}
    if {"disk_gb", "disk_mb"} & set(sent):
        words = {n: v for n, v in words.items() if n in sent or n not in ("disk_gb", "disk_mb")}
    before, after = held.get("interfaces"), sent.get("interfaces")
    if isinstance(before, list) and isinstance(after, list):
        named = {each["name"]: each for each in before if isinstance(each, dict)}
        words["interfaces"] = [
            {**named.get(each["name"], {}), **each} for each in after if isinstance(each, dict)
        ]
    return words


def interface_draft(asked: Asked, laid: LaidInterface, tags: tuple[int, ...]) -> InterfaceDraft:
    """An interface as it would be created."""
    wish = laid.wish
    return InterfaceDraft(
        key=interface_key(asked.wish.key, laid.slot.number),
        owner=asked.caller.owner,
        machine_id=0,
        name=wish.name,
        enabled=given(wish.enabled, True),  # noqa: FBT003 - the value
        mtu=given(wish.mtu, None),
        description=given(wish.description, ""),
        tag_ids=tags,
        mac_address=given(wish.mac_address, None),
        message=asked.message,
    )


def _adopted(asked: Asked, slots: Sequence[Slot], interfaces: Sequence[InterfacePlan]) -> tuple[str, ...]:
    """The claims on what was there before Berth, as far as it stays with the key."""
    key, held = asked.wish.key, asked.ground.held.adopted
    fresh = {each.draft.key for each in interfaces if each.adopts} | ({key} if asked.adopts else set())
    staying = [key, *(interface_key(key, slot.number) for slot in slots)]
    return tuple(claim for claim in staying if claim in fresh or claim in held)


def _made(key: str, machine: Machine | None, interfaces: Sequence[InterfacePlan]) -> tuple[str, ...]:
    """The claims that are new, in the order in which they are made."""
    fresh = [] if machine else [key]
    numbers = [each.draft.key for each in interfaces if each.existing is None]
    parts = [address.key for each in interfaces for address in each.addresses if address.existing is None]
    return (*fresh, *numbers, *parts)


def _draft(asked: Asked, named: MachineNames) -> MachineDraft:
    wish = asked.wish
    return MachineDraft(
        key=wish.key,
        owner=asked.caller.owner,
        name=given(wish.name, ""),
        cluster_id=named.cluster.id if named.cluster else 0,
        device_id=_id(named.device),
        tenant_id=_id(named.tenant),
        role_id=_id(named.role),
        platform_id=_id(named.platform),
        vcpus=given(wish.vcpus, None),
        memory_mb=given(wish.memory_mb, None),
        disk_mb=given(wish.disk_mb, None),
        description=given(wish.description, ""),
        comments=given(wish.comments, ""),
        tag_ids=named.tag_ids(wish.tags),
        custom_fields=given(wish.custom_fields, {}),
        message=asked.message,
    )


def _id(reference: Reference | None) -> int | None:
    return reference.id if reference else None
