"""Everything about a machine that is checked before anything of it is written."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from app.access.rules import demand
from app.domain.commands import UNSET, Place, Wish, given
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
from app.domain.inventory import Address, Pool, PoolKind, Reference
from app.domain.machines import Machine, VmInterface
from app.domain.policy import NamePlace
from app.domain.registrations import MachineWish
from app.domain.rights import Site
from app.naming.names import Names
from app.operations.adopt import Adoption
from app.operations.events import event_of
from app.operations.machine_blueprint import (
    AddressPlan,
    Asked,
    Blueprint,
    InterfacePlan,
    blueprint,
    interface_draft,
)
from app.operations.machine_differences import interface_changes
from app.operations.machine_layout import LaidAddress, LaidInterface, Layout, check_going
from app.operations.machine_ports import Machines
from app.operations.machine_references import MachineNames, MachineResolver
from app.operations.machine_view import Viewer
from app.operations.plan import Planner
from app.operations.sites import CHANGES, MAKES, check_may_assert, demand_forced, site_of_machine
from app.operations.upsert import Convergence


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
            moved = [replace(each, pointer=pointer + each.pointer) for each in told]
            self.errors.append(type(error)(error.detail, errors=moved))

    def tell(self) -> None:
        """Refuse if anything was refused: the first one's kind, with everybody's violations."""
        if self.errors:
            first = self.errors[0]
            every = [each for error in self.errors for each in error.errors]
            raise type(first)(first.detail, errors=every)


@dataclass(frozen=True, slots=True)
class MachinePlanner:
    """Plans registrations and changes."""

    machines: Machines
    viewer: Viewer
    resolver: MachineResolver
    names: Names
    layout: Layout
    addresses: Planner
    convergence: Convergence
    adoption: Adoption

    async def plan(self, asked: Asked) -> Blueprint:
        """The plan for a request.

        Raises:
            Refusal: whatever stands against it, all at once where it can be told together.
        """
        troubles, taken = _Troubles(), _Troubles()
        named = await self.resolver.resolve(asked.wish)
        with taken.at(""):
            asked = await self._facing(asked, named)
        with troubles.at(""):
            self._check_words(asked, named)
        troubles.errors += taken.errors
        laid = await self._laid(asked, troubles)
        interfaces = [await self._interface(asked, each, named, troubles) for each in laid]
        with troubles.at(""):
            _check_names_differ(interfaces, laid)
        with troubles.at(""):
            wanted = _wanted_primaries(interfaces, laid)
        troubles.tell()
        primaries = _primaries(asked, interfaces, laid, wanted)
        plan = blueprint(asked, named, laid, interfaces, primaries)
        check_going(asked.ground, plan.gone_numbers, await self.layout.strays(asked.ground, plan.gone))
        return plan

    # -- the machine -----------------------------------------------------------------------------

    async def _facing(self, asked: Asked, named: MachineNames) -> Asked:
        """The request before what it is about: its key's machine, or one that it may take over.

        Raises:
            MachineNameTaken: another machine has the name.
            Forbidden: the caller may not take it over.
        """
        wish = asked.wish
        name = given(wish.name, "")
        if not name or named.cluster is None or (asked.machine and asked.machine.name == name):
            return asked
        tenant = named.tenant.id if named.tenant else None
        rows = await self.machines.find_name(name, named.cluster.id)
        taken = [r for r in rows if r.key != wish.key and (r.tenant.id if r.tenant else None) == tenant]
        if not taken:
            return asked
        if not wish.adopt or len(taken) > 1 or taken[0].key or asked.machine:
            raise MachineNameTaken(errors=[_holder(row) for row in taken])
        if not asked.caller.operator:
            raise Forbidden("Only an operator may adopt a virtual machine that is in NetBox already.")
        demand_forced(asked.caller, site_of_machine(taken[0]))
        machine = await self.machines.read(taken[0].id)
        return replace(asked, view=await self.viewer.around(machine)) if machine else asked

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
        self._check_rights(asked, named)

    def _check_rights(self, asked: Asked, named: MachineNames) -> None:
        """What stands there may be changed, and what is new may be made or called so."""
        caller, wish, tenant = asked.caller, asked.wish, named.tenant
        site, wanted = Site(owner=caller.owner), MAKES
        if asked.machine is not None:
            site, wanted = site_of_machine(asked.machine, asked.entry.owner if asked.entry else ""), CHANGES
            demand(caller, site, *wanted)
        slug = site.tenant if wish.tenant is UNSET else tenant.slug if tenant else ""
        site = replace(site, name=given(wish.name, "") or site.name, tenant=slug)
        demand(caller, site, *wanted)
        check_may_assert(caller, wish, site)

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

    # -- its parts -------------------------------------------------------------------------------

    async def _laid(self, asked: Asked, troubles: _Troubles) -> Sequence[LaidInterface]:
        known = asked.known
        if known is not None and known.is_open and known.wanted is not None:
            return self.layout.fixed(asked.ground, asked.interfaces, known.wanted.form)
        laid: list[LaidInterface] = []
        with troubles.at("/interfaces"):
            laid += await self.layout.of(asked.ground, asked.interfaces)
        return laid

    async def _interface(
        self, asked: Asked, laid: LaidInterface, named: MachineNames, troubles: _Troubles
    ) -> InterfacePlan:
        addresses: list[AddressPlan] = []
        for each in laid.addresses or ():
            with troubles.at(f"/interfaces/{laid.at}/addresses/{each.at}"):
                addresses.append(await self._address(asked, laid.existing, each))
        tags = named.tag_ids(laid.wish.tags)
        changes = interface_changes(laid.wish, laid.existing, tags, asked.message) if laid.existing else None
        draft = interface_draft(asked, laid, tags)
        plan = InterfacePlan(laid.slot.number, draft, laid.existing, changes, tuple(addresses))
        if laid.existing is not None and plan.adopts and (laid.existing.key or not asked.may_adopt):
            with troubles.at(f"/interfaces/{laid.at}"):
                raise KeyConflict(f"The machine has an interface {draft.name} that this key did not make.")
        return plan

    async def _address(self, asked: Asked, nic: VmInterface | None, laid: LaidAddress) -> AddressPlan:
        part = Wish(
            key=laid.key,
            place=laid.wish.place,
            traits=laid.wish.traits,
            sent=laid.wish.sent,
            requested_by=asked.wish.requested_by,
            reference=asked.wish.reference,
        )
        if laid.existing is None and (found := adoptable(asked, nic, laid.wish.place)):
            return await self._adopted(asked, replace(part, adopt=True), found)
        if laid.existing is None:
            plan = await self.addresses.plan(asked.caller, part, laid.key)
            return AddressPlan(laid.key, part, plan.spot.family, plan=plan, name=plan.entry.name_claim)
        changes, notes = await self.convergence.differs(asked.caller, part, laid.existing)
        held = laid.existing.address
        pool = Pool(PoolKind.PREFIX, 0, held.network, vrf=laid.existing.vrf)
        name = self.addresses.names.claim(given(part.traits.dns_name, ""), pool)
        return AddressPlan(laid.key, part, held.version, laid.existing, None, changes, notes, name)

    async def _adopted(self, asked: Asked, part: Wish, found: Address) -> AddressPlan:
        """An address that is on the interface already, and gets the claim."""
        event = event_of(asked.caller, "allocate", part.key, part)
        await self.adoption(asked.caller, part, None, event, converge=True, dry_run=True)
        pool = Pool(PoolKind.PREFIX, 0, found.address.network, vrf=found.vrf)
        name = self.addresses.names.claim(given(part.traits.dns_name, found.dns_name), pool)
        return AddressPlan(part.key, part, found.address.version, name=name)


def adoptable(asked: Asked, nic: VmInterface | None, place: Place) -> Address | None:
    """The address that the request names, where it is on the interface without a claim and may be adopted.

    Only on an interface that was there before Berth: with one that Berth made, the address would be deleted.
    """
    if not asked.may_adopt or nic is None or place.address is None or asked.view is None:
        return None
    if nic.key is not None and nic.key not in asked.adopted:
        return None
    host = place.address.ip
    return next((each for each in asked.view.on(nic) if each.address.ip == host and not each.key), None)


def check_cluster(machine: Machine, wanted: Reference | None) -> None:
    """Refuse to move a machine to another cluster.

    Raises:
        KeyConflict: it would.
    """
    held = machine.cluster
    if held is not None and wanted is not None and held.id != wanted.id:
        detail = f"the machine is in the cluster {held.name}; retire it first, or use another key"
        raise KeyConflict(errors=[Violation("/cluster", "differs", detail)])


def _missing(wish: MachineWish, machine: Machine | None) -> list[Violation]:
    """A machine that is to be made needs a name and a cluster; neither can be cleared."""
    errors = []
    for word in ("name", "cluster"):
        value = getattr(wish, word)
        if value is None or (value is UNSET and machine is None):
            errors.append(Violation(f"/{word}", "missing", f"send the {word} of the virtual machine"))
    return errors


def _holder(row: Machine) -> Violation:
    whose = f"key {row.key}" if row.key else "no key"
    return Violation("/name", "taken", f"id {row.id}: {row.name}, with {whose}")


def _check_names_differ(interfaces: Sequence[InterfacePlan], laid: Sequence[LaidInterface]) -> None:
    """Names that have to be unique are so within the request too."""
    seen: set[str] = set()
    errors = []
    for interface, place in zip(interfaces, laid, strict=True):
        at = {each.key: each.at for each in place.addresses or ()}
        for address in interface.addresses:
            if address.name in seen:
                pointer = f"/interfaces/{place.at}/addresses/{at[address.key]}/dns_name"
                errors.append(
                    Violation(pointer, "repeated", "an earlier address of this request has the name")
                )
            if address.name:
                seen.add(address.name)
    if errors:
        raise NameTaken("A DNS name stands in this request twice.", errors=errors)


def _wanted_primaries(
    interfaces: Sequence[InterfacePlan], laid: Sequence[LaidInterface]
) -> Mapping[int, str]:
    """The addresses that are asked for as primary ones, by family.

    Raises:
        InvalidRequest: several of a family are.
    """
    asked: dict[int, str] = {}
    errors = []
    for interface, place in zip(interfaces, laid, strict=True):
        wanted = {each.key: each for each in place.addresses or () if each.wish.primary}
        for address in interface.addresses:
            if address.key not in wanted:
                continue
            if address.family in asked:
                pointer = f"/interfaces/{place.at}/addresses/{wanted[address.key].at}/primary"
                detail = f"an earlier address is to be the primary IPv{address.family} address"
                errors.append(Violation(pointer, "contradiction", detail))
            asked.setdefault(address.family, address.key)
    if errors:
        raise InvalidRequest(errors=errors)
    return asked


def _primaries(
    asked: Asked,
    interfaces: Sequence[InterfacePlan],
    laid: Sequence[LaidInterface],
    wanted: Mapping[int, str],
) -> Mapping[int, str]:
    """The primary address of each family, where there has to be another one than there is.

    Asked for, or the first one. Where the machine has one that stays, and none is asked for, it is left as it
    is: somebody may have chosen it in NetBox.
    """
    first: dict[int, str] = {}
    for interface, place in zip(interfaces, laid, strict=True):
        for part in interface.addresses:
            first.setdefault(part.family, part.key)
        if place.addresses is None:
            there = asked.ground.addresses
            for key in place.slot.addresses:
                if key in there:
                    first.setdefault(there[key].address.version, key)
    form = {part for place in laid for part in place.slot.addresses}
    gone = {each.id for key, each in asked.ground.addresses.items() if key not in form}
    for family in (4, 6):
        held = getattr(asked.machine, f"primary_ip{family}", None)
        if held is not None and held not in gone:
            first.pop(family, None)
    return {**first, **wanted}
