"""What a caller asks for, checked for form, before anything is looked up."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal, TypeAlias, TypeVar

from app.domain.inventory import INTERFACE_TYPES, Assignment, Interface, Json, ParentKind
from app.domain.rights import Action, Rule


class Unset(Enum):
    """A field that was not sent (`null` is something else: it clears)."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET
T = TypeVar("T")
Maybe: TypeAlias = T | Literal[Unset.UNSET] | None


_arrivals = itertools.count(1)


def arrived() -> int:
    """A number that is larger than that of everything that came to this process before."""
    return next(_arrivals)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the owner that what is made will belong to, and how that was established.

    `client_address` is the peer's IP address. An `operator` may force what others may not, and does so in
    a request that is `forced`. `rules` say what it may do; None: everything with what is its own, and an
    operator everything. `narrowing` is what its credential may do at most, and `credential` that one's id.
    `doing` is what the request is about: one of these actions has to be allowed; nothing: nobody asked.
    """

    owner: str
    method: str = "token"
    client_address: str = ""
    operator: bool = False
    forced: bool = False
    request_id: str = ""
    rules: tuple[Rule, ...] | None = None
    narrowing: Rule | None = None
    credential: str = ""
    doing: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the address shall come from, as written. An `address` alone needs no prefix.

    `vrf` None is the global table; unset, any VRF will do as long as there is only one candidate.
    """

    prefix: str | int | None = None
    ip_range: str | int | None = None
    vrf: Maybe[str | int] = UNSET
    address: Interface | None = None
    address_has_mask: bool = False
    family: Literal[4, 6] | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """An interface that exists, as it is written: of which device or VM (name or id), and its name there."""

    kind: ParentKind
    parent: str | int
    interface: str

    def is_at(self, assigned: Assignment | None) -> bool:
        """Whether these words stand for the interface that an address is assigned to."""
        if assigned is None or assigned.object_type != INTERFACE_TYPES[self.kind]:
            return False
        parent = assigned.parent_id if isinstance(self.parent, int) else assigned.parent
        return parent == self.parent and assigned.interface == self.interface


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What may change while the address stays: unset is left alone, None clears.

    `name_pattern` stands for a name with the next free number (None says the same as unset).
    """

    dns_name: Maybe[str] = UNSET
    name_pattern: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    status: Maybe[str] = UNSET
    role: Maybe[str] = UNSET
    tenant: Maybe[str | int] = UNSET
    tags: Maybe[tuple[str, ...]] = UNSET
    custom_fields: Maybe[Mapping[str, Json]] = UNSET
    mac_address: Maybe[str] = UNSET
    assign_to: Maybe[Target] = UNSET
    hold_seconds: Maybe[int] = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A whole request for an allocation. `sent` holds the body's fields as they were written.

    `adopt` allows to take over an address that NetBox has already, without a claim; it is not part of `sent`.
    `arrival` is its place in the order in which requests came: what runs short goes to those who came first.
    """

    key: str
    place: Place = field(default_factory=Place)
    traits: Traits = field(default_factory=Traits)
    adopt: bool = False
    sent: Mapping[str, Json] = field(default_factory=dict)
    requested_by: str | None = None
    reference: str | None = None
    arrival: int = field(default_factory=arrived, compare=False)


def target_of(words: Mapping[str, Json]) -> Target:
    """An interface in the words of a request. A name in digits is an id.

    Raises:
        ValueError: there are not a device or a VM, one of both, and the interface's name.
    """
    named: list[tuple[ParentKind, str | int]] = [
        (kind, parent) for kind in INTERFACE_TYPES if isinstance(parent := words.get(kind), str | int)
    ]
    interface = words.get("interface")
    if len(named) != 1 or not isinstance(interface, str):
        raise ValueError("an interface is named with one device or virtual machine")
    [(kind, parent)] = named
    digits = isinstance(parent, str) and parent.isascii() and parent.isdigit()
    return Target(kind, int(parent) if digits else parent, interface)


def given(value: Maybe[T], default: T) -> T:
    """The value that was sent, or the default where nothing or null was."""
    return default if value is UNSET or value is None else value
