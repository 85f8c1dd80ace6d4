"""Which interface of a request is which of the machine's, and which of its addresses is which.

Interfaces are known by their names. Addresses have none, so a wanted address is one that the interface has
where both name the same place; among several, one with the same DNS name is preferred, then the first. What
is left over is made anew, under numbers that nothing had before, or taken away.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.commands import Unset, given
from app.domain.errors import KeyConflict, Violation
from app.domain.inventory import Address
from app.domain.machines import VmInterface, address_key, interface_key
from app.domain.registrations import AddressWish, InterfaceWish
from app.ledger.ledger import Ledger
from app.ledger.machine_records import Form, Slot
from app.ledger.records import Entry
from app.operations.keep import from_claim
from app.operations.machine_view import View
from app.operations.places import Finder


@dataclass(frozen=True, slots=True)
class Ground:
    """What a key has already: what the ledger says of it, and what NetBox shows. `view` None: no machine."""

    key: str
    held: Form = field(default_factory=Form)
    view: View | None = None

    @property
    def interfaces(self) -> Mapping[int, VmInterface]:
        """The interfaces of the key, by number."""
        return self.view.numbered(self.key) if self.view else {}

    @property
    def addresses(self) -> Mapping[str, Address]:
        """The addresses of the key, by claim."""
        return self.view.claimed(self.key) if self.view else {}

    @property
    def numbers(self) -> dict[str, int]:
        """The interfaces' numbers by name, as NetBox has them; the ledger's of those that are gone there."""
        lost = {name: n for name, n in self.held.numbers.items() if n not in self.interfaces}
        return {**lost, **{each.name: number for number, each in self.interfaces.items()}}

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

    async def of(self, ground: Ground, wishes: Sequence[InterfaceWish]) -> tuple[LaidInterface, ...]:
        """Each wanted interface with what it is.

        Raises:
            BerthError: the place of an address that has to be made is none.
        """
        numbers = ground.numbers
        highest = max([0, *numbers.values()])
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
            laid.append(LaidInterface(wish, slot, ground.interfaces.get(slot.number), addresses, at))
        return tuple(laid)

    async def check_same(self, ground: Ground, wishes: Sequence[InterfaceWish]) -> None:
        """Refuse a repeat that wants addresses elsewhere than the machine has them.

        Raises:
            KeyConflict: says which.
        """
        numbers = {each.name: number for number, each in ground.interfaces.items()}
        errors = []
        for at, wish in enumerate(wishes):
            if wish.name not in numbers or isinstance(wish.addresses, Unset):
                continue
            matched, _ = await self._matched(ground, numbers[wish.name], wish.addresses)
            errors += [
                Violation(f"/interfaces/{at}/addresses/{n}", "differs", f"{wish.name} has no such address")
                for n, found in enumerate(matched)
                if found is None
            ]
        if errors:
            raise KeyConflict(
                "The key's virtual machine has other addresses; change it with PUT.", errors=errors
            )

    async def _interface(self, ground: Ground, number: int, wish: InterfaceWish, at: int) -> LaidInterface:
        existing = ground.interfaces.get(number)
        if isinstance(wish.addresses, Unset):
            parts = next((slot.addresses for slot in ground.held.slots if slot.number == number), ())
            return LaidInterface(wish, Slot(wish.name, number, parts), existing, None, at)
        matched, taken = await self._matched(ground, number, wish.addresses)
        addresses = []
        for place, (each, found) in enumerate(zip(wish.addresses, matched, strict=True)):
            part = found.key if found and found.key else await self._new_key(ground.key, number, each, taken)
            taken.add(part)
            addresses.append(LaidAddress(each, part, found, place))
        slot = Slot(wish.name, number, tuple(each.key for each in addresses))
        return LaidInterface(wish, slot, existing, tuple(addresses), at)

    async def _new_key(self, key: str, number: int, wish: AddressWish, taken: set[str]) -> str:
        family = (await self.finder.find(wish.place)).family
        count = 1
        while address_key(key, number, family, count) in taken:
            count += 1
        return address_key(key, number, family, count)

    async def _matched(
        self, ground: Ground, number: int, wishes: Sequence[AddressWish]
    ) -> tuple[list[Address | None], set[str]]:
        """For each wanted address the one that is there, and all keys of this interface that are not free."""
        mine = f"{interface_key(ground.key, number)}~"
        there = {part: address for part, address in ground.addresses.items() if part.startswith(mine)}
        order = [part for part in ground.held.parts if part.startswith(mine)]
        taken = {*order, *there}
        entries = await self._entries(there)
        free = [part for part in dict.fromkeys([*order, *sorted(there)]) if part in there]
        matched: list[Address | None] = []
        for wish in wishes:
            fitting = [part for part in free if await self._is_there(wish, entries[part], there[part])]
            name = given(wish.traits.dns_name, "").lower()
            fitting.sort(key=lambda part: there[part].dns_name.lower() != name)
            matched.append(there[fitting[0]] if fitting else None)
            free = [part for part in free if part not in fitting[:1]]
        return matched, taken

    async def _entries(self, there: Mapping[str, Address]) -> dict[str, Entry]:
        parts = list(there)
        rows = await self.ledger.read(lambda tx: [tx.entry(part) for part in parts])
        return {part: row or from_claim(there[part]) for part, row in zip(parts, rows, strict=True)}

    async def _is_there(self, wish: AddressWish, entry: Entry, address: Address) -> bool:
        try:
            await self.finder.check_same(wish.place, entry, address)
        except KeyConflict:
            return False
        return True
