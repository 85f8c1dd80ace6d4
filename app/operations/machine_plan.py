"""Everything about a machine that is checked before anything of it is written."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from app.domain.commands import UNSET, Caller, Unset, Wish, given
from app.domain.errors import (
    Forbidden,
    InvalidRequest,
    KeyConflict,
    MachineNameTaken,
    NameRefused,
    NameTaken,
    Refusal,
    UnknownReference,
    Violation,
)
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
from app.domain.policy import NamePlace
from app.domain.registrations import InterfaceWish, MachineWish
from app.ledger.machine_records import Form, MachineEntry, Slot
from app.naming.names import Names
from app.operations.machine_differences import interface_changes, machine_changes
from app.operations.machine_layout import Ground, LaidAddress, LaidInterface, Layout
from app.operations.machine_ports import Machines
from app.operations.machine_references import MachineNames, MachineResolver
from app.operations.machine_view import View
from app.operations.plan import Plan, Planner, change_message
from app.operations.upsert import Convergence

_FAMILIES: Final = (4, 6)


@dataclass(frozen=True, slots=True)
class AddressPlan:
    """One address: made by its own plan, or there already; `changes` says whether it differs."""

    key: str
    wish: Wish
    existing: Address | None
    plan: Plan | None
    changes: bool = False

    @property
    def family(self) -> int:
        """4 or 6."""
        return self.plan.spot.family if self.plan else self.existing.address.version if self.existing else 0


@dataclass(frozen=True, slots=True)
class InterfacePlan:
    """One interface: drafted, or there already with what changes of it. The machine's id comes later."""

    number: int
    draft: InterfaceDraft
    existing: VmInterface | None
    changes: InterfaceChanges | None
    addresses: tuple[AddressPlan, ...]


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A machine that may be made or changed.

    `changes` is None where nothing of a machine that exists changes; `final` is what ends the making of one:
    its status. `gone_numbers` are those of interfaces to be removed. `primaries` are the keys of the primary
    addresses by family; a family that is not in it is left alone. `gone` are keys of addresses to be freed.
    """

    draft: MachineDraft
    existing: Machine | None
    changes: MachineChanges | None
    interfaces: tuple[InterfacePlan, ...]
    final: MachineChanges
    gone_numbers: tuple[int, ...]
    gone: tuple[str, ...]
    primaries: Mapping[int, str | None]
    form: Form
    made: tuple[str, ...]
    named: MachineNames
    adopt: bool = False

    @property
    def changes_anything(self) -> bool:
        """Whether something has to be done in NetBox, or may have to be."""
        parts = any(part.existing is None or part.changes for part in self.addresses)
        interfaces = any(each.existing is None or each.changes for each in self.interfaces)
        moved = self.existing is not None and self._moves_primary(self.existing)
        return (
            bool(self.changes or self.made or self.adopt or self.gone or self.gone_numbers)
            or parts
            or interfaces
            or moved
        )

    def _moves_primary(self, machine: Machine) -> bool:
        ids = {part.key: part.existing.id for part in self.addresses if part.existing}
        return any(
            (ids.get(key) if key else None) != getattr(machine, f"primary_ip{family}")
            for family, key in self.primaries.items()
        )

    @property
    def addresses(self) -> tuple[AddressPlan, ...]:
        """All addresses, in order."""
        return tuple(address for interface in self.interfaces for address in interface.addresses)


@dataclass(slots=True)
class _Troubles:
    """Refusals of the parts of a request, told together."""

    errors: list[Refusal] = field(default_factory=list)

    @contextmanager
    def at(self, pointer: str) -> Iterator[None]:
        """Whatever is refused inside is a part's; its pointers are told from the top of the request."""
        try:
            yield
        except Refusal as error:
            told = error.errors or (Violation("", error.code, error.detail),)
            self.errors.append(
                type(error)(
                    error.detail, errors=[replace(each, pointer=pointer + each.pointer) for each in told]
                )
            )

    def tell(self) -> None:
        """Refuse if anything was refused: the first one's kind, with everybody's violations."""
        if self.errors:
            first = self.errors[0]
            every = [each for error in self.errors for each in error.errors]
            raise type(first)(first.detail, errors=every)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, what the ledger has of its key (None: nothing that stands), and what NetBox has."""

    caller: Caller
    wish: MachineWish
    entry: MachineEntry | None = None
    view: View | None = None

    @property
    def ground(self) -> Ground:
        """What the key has already."""
        return Ground(self.wish.key, self.entry.held if self.entry else Form(), self.view)

    @property
    def machine(self) -> Machine | None:
        """The key's machine."""
        return self.view.machine if self.view else None

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
class MachinePlanner:
    """Plans registrations and changes."""

    machines: Machines
    resolver: MachineResolver
    names: Names
    layout: Layout
    addresses: Planner
    convergence: Convergence

    async def plan(self, asked: Asked) -> Blueprint:
        """The plan for a request.

        Raises:
            Refusal: whatever stands against it, all at once where it can be told together.
        """
        troubles = _Troubles()
        named = await self.resolver.resolve(asked.wish)
        adopted: Machine | None = None
        primaries: Mapping[int, str | None] = {}
        with troubles.at(""):
            self._check_words(asked, named)
        with troubles.at(""):
            adopted = await self._adopted(asked, named)
        laid = await self._laid(asked, troubles)
        interfaces = [await self._interface(asked, each, named, troubles) for each in laid]
        with troubles.at(""):
            _check_names_differ(interfaces)
            primaries = _primaries(interfaces, laid)
        troubles.tell()
        slots = tuple(each.slot for each in laid)
        machine = asked.machine or adopted
        return _blueprint(asked, named, machine, slots, (tuple(interfaces), primaries))

    def _check_words(self, asked: Asked, named: MachineNames) -> None:
        missing = _missing(asked.wish, asked.machine)
        breaches = self._breaches(asked, named)
        if named.unknown:
            raise UnknownReference(errors=[*named.unknown, *missing, *breaches])
        if missing:
            raise InvalidRequest(errors=[*missing, *breaches])
        if breaches:
            raise NameRefused(errors=breaches)
        if asked.machine is not None:
            check_cluster(asked.machine, named.cluster)

    def _breaches(self, asked: Asked, named: MachineNames) -> list[Violation]:
        """A name keeps the conventions if it is new."""
        wish, machine = asked.wish, asked.machine
        name = given(wish.name, "")
        if not name or (machine is not None and machine.name == name):
            return []
        tenant = machine.tenant if machine and wish.tenant is UNSET else named.tenant
        role = machine.role if machine and wish.role is UNSET else named.role
        place = NamePlace(tenant=tenant.slug if tenant else "", role=role.slug if role else "")
        return list(self.names.machine_verdict(name, place).violations)

    async def _adopted(self, asked: Asked, named: MachineNames) -> Machine | None:
        """The machine that the request may take over, None if there is no other of its name."""
        wish = asked.wish
        name = given(wish.name, "")
        if not name or named.cluster is None or (asked.machine and asked.machine.name == name):
            return None
        tenant = named.tenant.id if named.tenant else None
        rows = await self.machines.find_name(name, named.cluster.id)
        taken = [r for r in rows if r.key != wish.key and (r.tenant.id if r.tenant else None) == tenant]
        if not taken:
            return None
        if not wish.adopt or len(taken) > 1 or taken[0].key or asked.machine:
            raise MachineNameTaken(errors=[_holder(row) for row in taken])
        if not asked.caller.operator:
            raise Forbidden("Only an operator may adopt a virtual machine that is in NetBox already.")
        return await self.machines.read(taken[0].id)

    async def _laid(self, asked: Asked, troubles: _Troubles) -> Sequence[LaidInterface]:
        if asked.entry is not None and asked.entry.wanted is not None:
            return self.layout.fixed(asked.ground, asked.interfaces, asked.entry.wanted.form)
        with troubles.at("/interfaces"):
            return await self.layout.of(asked.ground, asked.interfaces)
        return ()  # type: ignore[unreachable] # a refusal was kept for later

    async def _interface(
        self, asked: Asked, laid: LaidInterface, named: MachineNames, troubles: _Troubles
    ) -> InterfacePlan:
        addresses: list[AddressPlan] = []
        for each in laid.addresses or ():
            with troubles.at(f"/interfaces/{laid.at}/addresses/{each.at}"):
                addresses.append(await self._address(asked, each))
        tags = named.tag_ids(laid.wish.tags)
        changes = interface_changes(laid.wish, laid.existing, tags, asked.message) if laid.existing else None
        draft = _interface_draft(asked, laid, tags)
        return InterfacePlan(laid.slot.number, draft, laid.existing, changes, tuple(addresses))

    async def _address(self, asked: Asked, laid: LaidAddress) -> AddressPlan:
        part = Wish(
            key=laid.key,
            place=laid.wish.place,
            traits=laid.wish.traits,
            sent=laid.wish.sent,
            requested_by=asked.wish.requested_by,
            reference=asked.wish.reference,
        )
        if laid.existing is not None:
            changes = await self.convergence.differs(asked.caller, part, laid.existing)
            return AddressPlan(laid.key, part, laid.existing, None, changes=changes)
        return AddressPlan(laid.key, part, None, await self.addresses.plan(asked.caller, part, laid.key))


def _blueprint(
    asked: Asked,
    named: MachineNames,
    machine: Machine | None,
    slots: tuple[Slot, ...],
    parts: tuple[tuple[InterfacePlan, ...], Mapping[int, str | None]],
) -> Blueprint:
    ground, wish = asked.ground, asked.wish
    interfaces, primaries = parts
    silent = isinstance(wish.interfaces, Unset)
    form = Form(sent=merged(ground.held.sent, wish.sent), slots=ground.held.slots if silent else slots)
    kept = {each.number for each in interfaces}
    gone = [] if silent else [number for number in ground.interfaces if number not in kept]
    return Blueprint(
        draft=_draft(asked, named),
        existing=machine,
        changes=machine_changes(wish, machine, named, asked.message) if machine else None,
        interfaces=interfaces,
        final=MachineChanges(status=given(wish.status, "active"), message=asked.message),
        gone_numbers=tuple(gone),
        gone=() if silent else ground.gone(form),
        primaries={} if silent else primaries,
        form=form,
        made=_made(wish.key, machine, interfaces),
        named=named,
        adopt=asked.machine is None and machine is not None,
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


def _missing(wish: MachineWish, machine: Machine | None) -> list[Violation]:
    """A machine that is to be made needs a name and a cluster; neither can be cleared."""
    errors = []
    for word in ("name", "cluster"):
        value = getattr(wish, word)
        if value is None or (value is UNSET and machine is None):
            errors.append(Violation(f"/{word}", "missing", f"send the {word} of the virtual machine"))
    return errors


def check_cluster(machine: Machine, wanted: Reference | None) -> None:
    """Refuse to move a machine to another cluster.

    Raises:
        KeyConflict: it would.
    """
    held = machine.cluster
    if held is not None and wanted is not None and held.id != wanted.id:
        raise KeyConflict(
            errors=[
                Violation(
                    "/cluster",
                    "differs",
                    f"the machine is in the cluster {held.name}; retire it first, or use another key",
                )
            ]
        )


def _holder(row: Machine) -> Violation:
    whose = f"key {row.key}" if row.key else "no key"
    return Violation("/name", "taken", f"id {row.id}: {row.name}, with {whose}")


def _check_names_differ(interfaces: Sequence[InterfacePlan]) -> None:
    """Names that have to be unique are so within the request too."""
    seen: dict[str, str] = {}
    for plan in (address.plan for interface in interfaces for address in interface.addresses):
        claim = plan.entry.name_claim if plan else None
        if plan is None or claim is None:
            continue
        if claim in seen:
            raise NameTaken(f"The DNS name {plan.entry.dns_name} stands in this request twice.")
        seen[claim] = plan.entry.key


def _primaries(
    interfaces: Sequence[InterfacePlan], laid: Sequence[LaidInterface]
) -> Mapping[int, str | None]:
    """The primary address of each family: the one that is asked for, else the first.

    Raises:
        InvalidRequest: several of a family are asked for.
    """
    found: dict[int, str | None] = dict.fromkeys(_FAMILIES)
    asked: dict[int, str | None] = {}
    for interface, place in zip(interfaces, laid, strict=True):
        wanted = {each.key: each.wish.primary for each in place.addresses or ()}
        for address in interface.addresses:
            found[address.family] = found.get(address.family) or address.key
            if wanted.get(address.key):
                if address.family in asked:
                    detail = f"a machine has one primary IPv{address.family} address"
                    raise InvalidRequest(errors=[Violation("/interfaces", "contradiction", detail)])
                asked[address.family] = address.key
    silent = any(place.addresses is None for place in laid)
    return asked if silent else {**found, **asked}  # what is not spoken of may be primary, and stays so


def _made(key: str, machine: Machine | None, interfaces: Sequence[InterfacePlan]) -> tuple[str, ...]:
    """The claims that are new, in the order in which they are made."""
    fresh = [] if machine else [key]
    numbers = [interface_key(key, each.number) for each in interfaces if each.existing is None]
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


def _interface_draft(asked: Asked, laid: LaidInterface, tags: tuple[int, ...]) -> InterfaceDraft:
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


def _id(reference: Reference | None) -> int | None:
    return reference.id if reference else None
