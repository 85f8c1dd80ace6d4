"""Which interface of a request is which of the machine's, and which of its addresses is which.

Interfaces are known by their names. Addresses have none, so a wanted address is one that the interface has
where both name the same place; among several, one with the same DNS name is preferred, then the first. What
is left over is made anew, under numbers that nothing has, or taken away.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from app.domain.commands import Unset, given
from app.domain.errors import InUse, KeyConflict, Refusal, Violation
from app.domain.inventory import Address
from app.domain.machines import VmInterface, address_key, interface_key
from app.domain.registrations import AddressWish, InterfaceWish
from app.ledger.ledger import Ledger
from app.ledger.machine_records import Form, Slot
from app.ledger.records import Entry, State
from app.operations.freeing import check_claim
from app.operations.keep import from_claim
from app.operations.machine_view import View
from app.operations.places import Finder
from app.operations.ports import Addresses

VM_INTERFACE: Final = "virtualization.vminterface"


@dataclass(frozen=True, slots=True)
class Ground:
    """What a key has already: what the ledger says of it, and what NetBox shows. `view` None: no machine."""

    key: str
    held: Form = field(default_factory=Form)
    view: View | None = None

    @property
    def others(self) -> Mapping[str, VmInterface]:
        """The interfaces of the machine that are not the key's, by name."""
        ours = self.interfaces.values()
        return {each.name: each for each in (self.view.interfaces if self.view else ()) if each not in ours}

    @property
    def interfaces(self) -> Mapping[int, VmInterface]:
        """The interfaces of the key, by number."""
        return self.view.numbered(self.key) if self.view else {}

    @property
    def addresses(self) -> Mapping[str, Address]:
        """The addresses of the key, by claim."""
        return self.view.claimed(self.key) if self.view else {}

    def numbers(self, names: Sequence[str]) -> dict[str, int]:
        """The numbers of those of the interfaces that are there, or were: by the name that NetBox has.

        One that was renamed there is still known by its former name, unless its new one is asked for.
        """
        shown = {each.name: number for number, each in self.interfaces.items()}
        asked = {shown[name] for name in names if name in shown}
        former = {name: number for name, number in self.held.numbers.items() if number not in asked}
        return {name: number for name, number in {**former, **shown}.items() if name in names}

    def gone(self, form: Form) -> tuple[str, ...]:
        """The keys of addresses that are or were there, and that the form does not have any more."""
        return tuple(sorted({*self.addresses, *self.held.parts} - set(form.parts)))


@dataclass(frozen=True, slots=True)
class LaidAddress:
    """A wanted address with its key, and the one that is there. `at` is its place in the request."""

    wish: AddressWish
    key: str
    existing: Address | None
    at: int = 0


@dataclass(frozen=True, slots=True)
class LaidInterface:
    """A wanted interface with its number, and the one that is there.

    `addresses` None: the request does not speak of them, so they stay.
    """

    wish: InterfaceWish
    slot: Slot
    existing: VmInterface | None
    addresses: tuple[LaidAddress, ...] | None
    at: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """Finds out what is which."""

    finder: Finder
    ledger: Ledger
    at: Addresses

    async def of(self, ground: Ground, wishes: Sequence[InterfaceWish]) -> tuple[LaidInterface, ...]:
        """Each wanted interface with what it is.

        Raises:
            BerthError: the place of an address that has to be made is none.
        """
        numbers = ground.numbers([wish.name for wish in wishes])
        highest = max([0, *ground.interfaces, *ground.held.numbers.values()])
        laid = []
        for at, wish in enumerate(wishes):
            if wish.name not in numbers:
                highest += 1
                numbers[wish.name] = highest
            laid.append(await self._interface(ground, numbers[wish.name], wish, at))
        return tuple(laid)

    def fixed(self, ground: Ground, wishes: Sequence[InterfaceWish], form: Form) -> tuple[LaidInterface, ...]:
        """The same for an operation that has begun: what is which was written down then."""
        slots = {slot.name: slot for slot in form.slots}
        claims = ground.addresses
        laid = []
        for at, wish in enumerate(wishes):
            slot = slots[wish.name]
            addresses = None
            if not isinstance(wish.addresses, Unset):
                pairs = enumerate(zip(wish.addresses, slot.addresses, strict=True))
                addresses = tuple(LaidAddress(each, part, claims.get(part), n) for n, (each, part) in pairs)
            laid.append(LaidInterface(wish, slot, _existing(ground, slot.number, wish), addresses, at))
        return tuple(laid)

    async def check_same(self, ground: Ground, wishes: Sequence[InterfaceWish]) -> None:
        """Refuse a repeat that wants addresses elsewhere than the machine has them.

        Raises:
            KeyConflict: says which.
        """
        numbers = ground.numbers([wish.name for wish in wishes])
        errors = []
        for at, wish in enumerate(wishes):
            number = numbers.get(wish.name, 0)
            if number not in ground.interfaces:
                errors.append(Violation(f"/interfaces/{at}", "differs", f"there is no interface {wish.name}"))
                continue
            matched = await self._matched(ground, number, given_addresses(wish))
            errors += [
                Violation(f"/interfaces/{at}/addresses/{n}", "differs", f"{wish.name} has no such address")
                for n, found in enumerate(matched)
                if found is None
            ]
        if errors:
            raise KeyConflict(
                "The key's virtual machine has other interfaces or addresses; change it with PUT.",
                errors=errors,
            )

    async def strays(self, ground: Ground, keys: Iterable[str]) -> Mapping[str, Address]:
        """Of these keys of the machine's addresses, those that NetBox has elsewhere than on the machine.

        One whose claim a human changed is among them.
        """
        away = [key for key in keys if key in ground.held.parts and key not in ground.addresses]
        if not away:
            return {}
        rows = await self.ledger.read(lambda tx: [tx.entry(key) for key in away])
        ids = {row.netbox_id: row.key for row in rows if row and row.state is State.DONE and row.netbox_id}
        return {ids[each.id]: each for each in await self.at.read_many(list(ids))}

    async def _interface(self, ground: Ground, number: int, wish: InterfaceWish, at: int) -> LaidInterface:
        existing = _existing(ground, number, wish)
        if isinstance(wish.addresses, Unset):
            parts = next((slot.addresses for slot in ground.held.slots if slot.number == number), ())
            return LaidInterface(wish, Slot(wish.name, number, parts), existing, None, at)
        laid = LaidInterface(wish, Slot(wish.name, number), existing, (), at)
        matched = await self._matched(ground, number, wish.addresses)
        mine = f"{interface_key(ground.key, number)}~"
        strays = await self.strays(ground, [key for key in ground.held.parts if key.startswith(mine)])
        await self._check_here(laid, matched, strays)
        taken = {*(key for key in ground.addresses if key.startswith(mine)), *strays}
        addresses = []
        for place, (each, found) in enumerate(zip(wish.addresses, matched, strict=True)):
            part = found.key if found and found.key else await self._new_key(ground.key, number, each, taken)
            taken.add(part)
            addresses.append(LaidAddress(each, part, found, place))
        slot = Slot(wish.name, number, tuple(each.key for each in addresses))
        return replace(laid, slot=slot, addresses=tuple(addresses))

    async def _check_here(
        self, laid: LaidInterface, matched: Sequence[Address | None], strays: Mapping[str, Address]
    ) -> None:
        """Refuse what a human moved away, or took from the key: no second one is made for it."""
        entries = await self._entries(strays)
        for place, (wish, found) in enumerate(zip(given_addresses(laid.wish), matched, strict=True)):
            pointer = f"/{laid.at}/addresses/{place}"
            if found is not None and laid.existing is not None and not is_on(found, laid.existing):
                raise moved(found, laid.wish.name, pointer)
            for key, stray in strays.items() if found is None else ():
                if await self._is_there(wish, entries[key], stray):
                    check_claim(entries[key], stray)
                    raise moved(stray, laid.wish.name, pointer)

    async def _new_key(self, key: str, number: int, wish: AddressWish, taken: set[str]) -> str:
        try:
            family = (await self.finder.find(wish.place)).family
        except Refusal:  # whoever plans the address is told so, at its place in the request
            family = 4
        count = 1
        while address_key(key, number, family, count) in taken:
            count += 1
        return address_key(key, number, family, count)

    async def _matched(
        self, ground: Ground, number: int, wishes: Sequence[AddressWish]
    ) -> list[Address | None]:
        """For each wanted address the one that is there."""
        mine = f"{interface_key(ground.key, number)}~"
        there = {part: address for part, address in ground.addresses.items() if part.startswith(mine)}
        parts = [part for part in dict.fromkeys([*ground.held.parts, *sorted(there)]) if part in there]
        entries = await self._entries(there)
        fitting = [
            [part for part in parts if await self._is_there(wish, entries[part], there[part])]
            for wish in wishes
        ]
        return [there[part] if part else None for part in _pairs(wishes, fitting, there)]

    async def _entries(self, there: Mapping[str, Address]) -> dict[str, Entry]:
        parts = list(there)
        rows = await self.ledger.read(lambda tx: [tx.entry(part) for part in parts])
        return {part: row or from_claim(there[part]) for part, row in zip(parts, rows, strict=True)}

    async def _is_there(self, wish: AddressWish, entry: Entry, address: Address) -> bool:
        try:
            await self.finder.check_same(wish.place, entry, address)
        except Refusal:
            return False
        return True


def _pairs(
    wishes: Sequence[AddressWish], fitting: Sequence[Sequence[str]], there: Mapping[str, Address]
) -> list[str | None]:
    """Each wish with one that fits, none twice: who names the address first, then who has its name."""
    chosen: list[str | None] = [None] * len(wishes)
    for prefers in (_is_named_by, _has_its_name, lambda _wish, _address: True):
        for at, wish in enumerate(wishes):
            free = [part for part in fitting[at] if part not in chosen and prefers(wish, there[part])]
            chosen[at] = chosen[at] or next(iter(free), None)
    return chosen


def _is_named_by(wish: AddressWish, _address: Address) -> bool:
    return wish.place.address is not None


def _has_its_name(wish: AddressWish, address: Address) -> bool:
    return given(wish.traits.dns_name, "").lower() == address.dns_name.lower()


def is_on(address: Address, interface: VmInterface) -> bool:
    """Whether the address is assigned to the interface."""
    assigned = address.assigned
    return assigned is not None and (assigned.object_type, assigned.object_id) == (VM_INTERFACE, interface.id)


def moved(address: Address, interface: str, pointer: str = "") -> InUse:
    """The refusal of an address that is not where the key has it."""
    detail = (
        f"{address.address} is not on the interface {interface} of its virtual machine any more: somebody "
        "moved it in NetBox. Put it back there, or take it out of the request."
    )
    return InUse(detail, errors=[Violation(pointer, InUse.code, detail)])


def given_addresses(wish: InterfaceWish) -> tuple[AddressWish, ...]:
    """The addresses that are wanted; none where the request does not speak of them."""
    return () if isinstance(wish.addresses, Unset) else wish.addresses


def check_going(ground: Ground, gone_numbers: Sequence[int], strays: Mapping[str, Address]) -> None:
    """Refuse to remove what somebody else uses: an interface with a foreign address, an address elsewhere.

    Raises:
        InUse: names it.
    """
    for number in gone_numbers:
        interface = ground.interfaces[number]
        if interface_key(ground.key, number) in ground.held.adopted or ground.view is None:
            continue  # it stays, but for its claim
        foreign = [each for each in ground.view.on(interface) if each.key not in ground.addresses]
        if foreign:
            listed = ", ".join(str(each.address) for each in foreign)
            raise InUse(
                f"{listed} is on the interface {interface.name}, which is to go, and this registration did "
                "not put it there. Remove it there first, or keep the interface."
            )
    for key, stray in strays.items():
        check_free(stray, key, ground.view.machine.id if ground.view else None)


def check_free(address: Address, key: str, machine_id: int | None) -> None:
    """Refuse to free an address of a machine's that somebody uses elsewhere.

    Raises:
        InUse: it still has the claim, and is assigned to something else than the machine's interfaces.
    """
    assigned = address.assigned
    if address.key != key or assigned is None:
        return
    if assigned.object_type != VM_INTERFACE or assigned.parent_id != machine_id:
        raise InUse(
            f"{address.address} is assigned to {assigned.interface or assigned.object_id} of "
            f"{assigned.parent or assigned.object_type} by now. Put it back, or clear its berth_key."
        )


def _existing(ground: Ground, number: int, wish: InterfaceWish) -> VmInterface | None:
    """The interface of the number, else one that has its name and is not the key's (yet)."""
    return ground.interfaces.get(number) or ground.others.get(wish.name)
