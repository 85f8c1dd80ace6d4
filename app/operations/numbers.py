"""The next free number of a pattern: which of its names nobody has, by NetBox, the ledger and the convention.

What is found here is an offer. That two callers do not get one name is decided in the ledger's first
transaction, which takes the first of the names that no other key holds by then.
"""

from dataclasses import dataclass, replace
from itertools import chain

from app.domain.commands import UNSET, Traits, Wish
from app.domain.errors import InvalidRequest, KeyConflict, Violation
from app.domain.policy import NamePlace
from app.ledger.ledger import Ledger
from app.naming.names import Names
from app.naming.numbers import Template, free_names
from app.operations.ports import Addresses

NAME_PATTERN = "/name_pattern"
_OFFERED = 100
"""As many as one batch can ask for at once: so many callers can be faster than this one."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where a name has to be free: the VRF (None: the global table), the family (None: both), the place."""

    vrf_id: int | None
    family: int | None
    place: NamePlace

    def covers(self, family: int) -> bool:
        """Whether a name of this family is in the way."""
        return self.family in (None, family)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Finds free names."""

    names: Names
    addresses: Addresses
    ledger: Ledger

    async def offer(self, template: Template, where: Where, key: str = "") -> list[str]:
        """Names that the key (empty: nobody's) may get, the lowest number first, before that what it has.

        Raises:
            NameRefused: the convention refuses all that are free.
            NameTaken: none is free.
        """
        own, taken = await self._holders(template, where, key)
        free = chain(own, free_names(template, [*taken, *own]))
        return self.names.first_good(template, free, where.place, _OFFERED, NAME_PATTERN)

    async def _holders(self, template: Template, where: Where, key: str) -> tuple[list[str], set[str]]:
        """The names that the key has, and those that others have, in lower case."""
        before, after = template.before.lower(), template.after.lower()
        rows = await self.addresses.find_names(before, after, where.vrf_id)
        entries = await self.ledger.read(lambda tx: tx.named_between(before, after, where.vrf_id))
        held = [(row.key, row.dns_name.lower()) for row in rows if where.covers(row.address.version)]
        held += [(entry.key, entry.dns_name) for entry in entries if where.covers(entry.family)]
        taken = {name for holder, name in held if holder != key or not key}
        own = {name: None for holder, name in held if holder == key and name not in taken}
        return [name for name in own if template.number_in(name) is not None], taken


def pattern_of(traits: Traits) -> Template | None:
    """The pattern that a request sends.

    Raises:
        InvalidRequest: it is malformed, or there is a name beside it.
    """
    if traits.name_pattern is UNSET or traits.name_pattern is None:
        return None
    if traits.dns_name is not UNSET and traits.dns_name is not None:
        detail = "send either a dns_name or a name_pattern, not both"
        raise InvalidRequest(errors=[Violation(NAME_PATTERN, "contradiction", detail)])
    return Template.parse(traits.name_pattern, NAME_PATTERN)


def as_held(wish: Wish, dns_name: str) -> Wish:
    """The wish for an address that exists: the name that its pattern was once given stays.

    Raises:
        KeyConflict: the pattern could not have made the name.
    """
    template = pattern_of(wish.traits)
    if template is None:
        return wish
    if template.number_in(dns_name) is None:
        held = f"the key holds {dns_name}" if dns_name else "the key holds an address without a name"
        raise KeyConflict(
            "A name_pattern chooses a name once, when the address is allocated; to rename it, send dns_name.",
            errors=[Violation(NAME_PATTERN, "differs", held)],
        )
    return replace(wish, traits=replace(wish.traits, dns_name=UNSET))
