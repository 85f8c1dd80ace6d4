"""An in-memory twin of the desk for virtual machines: the operations as the routes see them."""

# ruff: noqa: ARG002 - the arguments are those of the protocols

from dataclasses import dataclass, field, replace
from typing import Any

from app.api.desk import MachineDesk
from app.domain.commands import Caller, Wish, given
from app.domain.errors import (
    InUse,
    InvalidRequest,
    MachineNameTaken,
    NotFound,
    NotOwner,
    OperationStuck,
    Violation,
)
from app.domain.machines import address_key
from app.domain.registrations import AddressWish, InterfaceWish, MachineWish
from app.operations.answers import Page
from app.operations.machine_answers import (
    AddressShown,
    InterfaceShown,
    MachineFilters,
    MachineResult,
    OpenOperation,
    OperationOutcome,
    Registration,
)
from app.telemetry.events import note
from tests.api.twin import Twin

STUCK = OpenOperation(
    id="01932f0c-7a5e-7c3b-9f4e-2b1d6a8c0e55",
    key="stuck-01",
    owner="other",
    action="register",
    state="stuck",
    step="interfaces",
    reason="somebody added eth9",
    netbox_id="77",
    since="2026-11-23T21:30:00Z",
)
WORDS = ("cluster", "device", "tenant", "role", "platform", "vcpus", "memory_mb", "disk_gb", "description")


@dataclass
class MachineTwin:
    """Holds virtual machines; their addresses are allocations of the other twin."""

    twin: Twin
    held: dict[str, Registration] = field(default_factory=dict)
    wishes: list[MachineWish] = field(default_factory=list)
    operations: dict[str, OpenOperation] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)
    """Keys of machines on which somebody has put something."""

    def reset(self) -> None:
        """Forget everything."""
        for kept in (self.held, self.wishes, self.operations, self.foreign):
            kept.clear()

    def desk(self) -> MachineDesk:
        """The desk whose operations these are."""
        return MachineDesk(
            register=self.register,
            converge_machine=self.converge,
            read_machine=self.read,
            list_machines=self.list,
            retire=self.retire,
            open_operations=self.open_operations,
            retry_operation=self.retry,
            abandon_operation=self.abandon,
        )

    async def register(self, caller: Caller, wish: MachineWish, *, dry_run: bool = False) -> MachineResult:
        """Get or create."""
        known = self.known(caller, wish)
        if known is not None:
            return MachineResult(known, replayed=True)
        return self.create(caller, wish, dry_run=dry_run)

    async def converge(self, caller: Caller, wish: MachineWish, *, dry_run: bool = False) -> MachineResult:
        """Create, or change."""
        known = self.known(caller, wish)
        if known is None:
            return self.create(caller, wish, dry_run=dry_run)
        if "interfaces" in wish.sent and not dry_run:
            self.release(known)
        changed = replace(known, **self.words(caller, wish, dry_run=dry_run))
        if not dry_run:
            self.held[wish.key] = changed
        return MachineResult(changed)

    async def read(self, caller: Caller, key: str) -> MachineResult:
        """Read one."""
        self.twin.fail()
        known = self.held.get(key)
        if known is None:
            raise NotFound
        if known.owner != caller.owner:
            raise NotOwner
        return MachineResult(known, replayed=True)

    async def list(
        self, caller: Caller, filters: MachineFilters, cursor: str | None, limit: int
    ) -> Page[MachineResult]:
        """List."""
        self.twin.fail()
        wanted = {"owner": filters.owner, "name": filters.name, "cluster": filters.cluster}
        found = [
            MachineResult(self.held[key])
            for key in sorted(self.held)
            if key > (cursor or "")
            and all(value in (None, getattr(self.held[key], name)) for name, value in wanted.items())
        ]
        more = len(found) > limit
        return Page(tuple(found[:limit]), found[limit - 1].machine.key if more else None)

    async def retire(self, caller: Caller, key: str, *, force: bool = False, dry_run: bool = False) -> None:
        """Retire."""
        if key not in self.held:
            note(outcome="absent")
            return
        known = (await self.read(caller, key)).machine
        if key in self.foreign and not force:
            raise InUse("The machine has an interface that Berth did not make: eth9.")
        if not dry_run:
            self.release(known)
            del self.held[key]

    async def open_operations(self, caller: Caller, cursor: str | None, limit: int) -> Page[OpenOperation]:
        """List what is not over."""
        found = [each for key, each in sorted(self.operations.items()) if key > (cursor or "")]
        return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)

    async def retry(self, caller: Caller, operation_id: str) -> OperationOutcome:
        """Try it again: what is not in the way any more is undone."""
        operation = self.operation(operation_id)
        if operation.key in self.foreign:
            return OperationOutcome(operation_id, operation.key, "still stuck", operation.reason)
        del self.operations[operation_id]
        return OperationOutcome(operation_id, operation.key, "undone", "The key is free.")

    async def abandon(self, caller: Caller, operation_id: str) -> OperationOutcome:
        """Give it up."""
        operation = self.operation(operation_id)
        del self.operations[operation_id]
        return OperationOutcome(operation_id, operation.key, "abandoned", "What is in NetBox stays there.")

    def operation(self, operation_id: str) -> OpenOperation:
        """One that is not over."""
        self.twin.fail()
        if operation_id not in self.operations:
            raise NotFound
        return self.operations[operation_id]

    def known(self, caller: Caller, wish: MachineWish) -> Registration | None:
        """The machine of a key, if the caller may have it."""
        self.twin.fail()
        self.twin.callers.append(caller)
        self.wishes.append(wish)
        if any(each.key == wish.key for each in self.operations.values()):
            raise OperationStuck
        known = self.held.get(wish.key)
        if known is not None and known.owner != caller.owner:
            raise NotOwner
        return known

    def create(self, caller: Caller, wish: MachineWish, *, dry_run: bool) -> MachineResult:
        """Make one."""
        place = (given(wish.cluster, ""), given(wish.name, "").lower())
        if not all(place):
            raise InvalidRequest(errors=[Violation("/cluster", "required", "send `name` and `cluster`")])
        if any((each.cluster, each.name.lower()) == place for each in self.held.values()):
            raise MachineNameTaken
        number = None if dry_run else self.number()
        made = replace(
            _empty(caller, wish, number, "virtual-machines"), **self.words(caller, wish, dry_run=dry_run)
        )
        if not dry_run:
            self.held[wish.key] = made
        return MachineResult(made, created=True)

    def words(self, caller: Caller, wish: MachineWish, *, dry_run: bool) -> dict[str, Any]:
        """What a request says of a machine."""
        said: dict[str, Any] = {name: wish.sent[name] for name in WORDS if name in wish.sent}
        if wish.sent.get("status"):
            said["status"] = wish.sent["status"]
        if "disk_gb" in wish.sent or "disk_mb" in wish.sent:
            said["disk_mb"] = wish.disk_mb
        if "tags" in wish.sent:
            said["tags"] = given(wish.tags, ())
        if "interfaces" in wish.sent:
            made = tuple(
                self.interface(caller, wish.key, index, each, dry_run=dry_run)
                for index, each in enumerate(given(wish.interfaces, ()), 1)
            )
            said |= {"interfaces": made, **_primaries(made)}
        return said

    def interface(
        self, caller: Caller, key: str, index: int, wish: InterfaceWish, *, dry_run: bool
    ) -> InterfaceShown:
        """Make an interface and its addresses; the first of a family is primary."""
        wanted = given(wish.addresses, ())
        number = None if dry_run else self.number()
        return InterfaceShown(
            name=wish.name,
            mac_address=given(wish.mac_address, None),
            mtu=given(wish.mtu, None),
            enabled=given(wish.enabled, True),
            description=given(wish.description, ""),
            tags=given(wish.tags, ()),
            addresses=tuple(
                self.address(caller, (key, index, place), each, dry_run=dry_run)
                for place, each in enumerate(wanted, 1)
            ),
            netbox_id=number,
            netbox_url=_url("interfaces", number),
        )

    def address(
        self, caller: Caller, part: tuple[str, int, int], wish: AddressWish, *, dry_run: bool
    ) -> AddressShown:
        """Make an address; in a dry run it is free again afterwards."""
        key, index, place = part
        asked = Wish(key="", place=wish.place, traits=wish.traits, sent=wish.sent)
        taken = self.twin.take(asked)
        asked = replace(asked, key=address_key(key, index, taken.version, place))
        made = self.twin.create(caller, asked, dry_run=dry_run).allocation
        shown = replace(made, part_of=key)
        if not dry_run:
            self.twin.held[asked.key] = shown
        return AddressShown(allocation=shown, primary=wish.primary or (index, place) == (1, 1))

    def release(self, machine: Registration) -> None:
        """Free its addresses."""
        for interface in machine.interfaces:
            for address in interface.addresses:
                del self.twin.held[address.allocation.key]

    def number(self) -> str:
        """NetBox's next id."""
        self.twin.next_id += 1
        return str(self.twin.next_id)


def _empty(caller: Caller, wish: MachineWish, number: str | None, kind: str) -> Registration:
    return Registration(
        key=wish.key,
        name=given(wish.name, ""),
        cluster=None,
        site="matrix",
        device=None,
        tenant=None,
        role=None,
        platform=None,
        status="active",
        vcpus=None,
        memory_mb=None,
        disk_gb=None,
        disk_mb=None,
        description="",
        comments=given(wish.comments, ""),
        tags=(),
        custom_fields=given(wish.custom_fields, {}),
        interfaces=(),
        primary_ip4=None,
        primary_ip6=None,
        gateway4=None,
        gateway6=None,
        dns_name=None,
        owner=caller.owner,
        requested_by=wish.requested_by,
        reference=wish.reference,
        netbox_id=number,
        netbox_url=_url(kind, number),
    )


def _url(kind: str, number: str | None) -> str | None:
    return number and f"https://netbox.example/virtualization/{kind}/{number}/"


def _primaries(interfaces: tuple[InterfaceShown, ...]) -> dict[str, str | None]:
    """The flat fields: the last address that is marked primary counts."""
    shown: dict[str, str | None] = {}
    for interface in interfaces:
        for address in interface.addresses:
            made = address.allocation
            if address.primary:
                shown[f"primary_ip{made.family}"] = made.ip
                shown[f"gateway{made.family}"] = made.gateway
                shown["dns_name"] = made.dns_name
    return shown
