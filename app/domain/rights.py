"""Who may do what, as values: actions, rules with their scopes, and what a credential is narrowed to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from app.domain.inventory import Network, inside

OWN: Final = "own"
ALL: Final = "all"
"""Words for whose objects a rule is about, beside the names of owners."""


class Action(StrEnum):
    """What a caller wants to do.

    `read` looks at allocations and machines, `audit` at the audit log. `allocate` and `register` make them,
    `update` changes what exists, `release` and `retire` give it up. `assert` names on whose behalf something
    is asked for. `operate` forces, adopts and mends, `keys` makes and revokes API keys and enrolments.
    """

    READ = "read"
    ALLOCATE = "allocate"
    UPDATE = "update"
    RELEASE = "release"
    REGISTER = "register"
    RETIRE = "retire"
    ASSERT = "assert"
    AUDIT = "audit"
    OPERATE = "operate"
    KEYS = "keys"


PLACELESS: Final = frozenset({Action.AUDIT, Action.KEYS})
"""What is in no place: a rule that is narrowed to places or names cannot allow it."""


@dataclass(frozen=True, slots=True)
class NamePattern:
    """A pattern that a whole name has to match, and what tells whether one does."""

    text: str
    fits: Callable[[str], bool] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in so many seconds."""

    count: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a request is about, as far as it is known: `network` None is no prefix, `name` empty no name.

    `vrf` is its name (None: the global table), `tenant` a slug. `nameless` says that it needs no name: what
    has none passes for every pattern. `owner` is whose it is, None where it is nobody's.
    """

    network: Network | None = None
    vrf: str | None = None
    tenant: str = ""
    name: str = ""
    nameless: bool = False
    owner: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Allows some actions, in some places. An empty part narrows nothing.

    Attributes:
        actions: what it allows.
        networks: prefixes; each means every prefix inside it, too.
        vrfs: VRFs by name; None is the global table.
        tenants: tenants by slug.
        names: what the whole name has to match, one of them.
        owners: whose objects: `own`, `all`, or owners by name.
        quota: how many addresses may be held at once in `networks`; None: any number.
        rate: how fast requests may come; None: at any pace.
        origin: the role that it belongs to, and its number there, for people.
    """

    actions: frozenset[Action]
    networks: tuple[Network, ...] = ()
    vrfs: tuple[str | None, ...] = ()
    tenants: tuple[str, ...] = ()
    names: tuple[NamePattern, ...] = ()
    owners: frozenset[str] = frozenset({OWN})
    quota: int | None = None
    rate: Rate | None = None
    origin: str = ""

    def covers(self, site: Site) -> bool:
        """Whether the rule is about this place and this name."""
        return (
            self.reaches_into(site.network, site.vrf)
            and (not self.tenants or site.tenant in self.tenants)
            and (not self.names or self._has_name(site))
        )

    def reaches_into(self, network: Network | None, vrf: str | None) -> bool:
        """Whether the rule is about this prefix; None stands for what is in none."""
        if network is None:
            return True
        named = not self.networks or any(inside(network, each) for each in self.networks)
        return named and (not self.vrfs or vrf in self.vrfs)

    @property
    def everywhere(self) -> bool:
        """Whether it is narrowed to no place and no name."""
        return not (self.networks or self.vrfs or self.tenants or self.names)

    def _has_name(self, site: Site) -> bool:
        if not site.name:
            return site.nameless
        return any(pattern.fits(site.name.lower()) for pattern in self.names)

    @property
    def where(self) -> str:
        """Its scope in words, for a refusal."""
        parts = {
            "prefixes": ", ".join(map(str, self.networks)),
            "VRFs": ", ".join(vrf or "global" for vrf in self.vrfs),
            "tenants": ", ".join(self.tenants),
            "names": ", ".join(pattern.text for pattern in self.names),
        }
        told = [f"{word} {text}" for word, text in parts.items() if text]
        return "; ".join(told) or "everywhere"


@dataclass(frozen=True, slots=True)
class Limit:
    """So many addresses that may be held at once: of an owner in `networks`, or made with one credential."""

    count: int
    networks: tuple[Network, ...] = ()
    credential: str = ""

    def counts(self, network: Network) -> bool:
        """Whether an address of this prefix counts."""
        return not self.networks or any(inside(network, each) for each in self.networks)


_ALLOCATOR = frozenset(
    {
        Action.READ,
        Action.ALLOCATE,
        Action.UPDATE,
        Action.RELEASE,
        Action.REGISTER,
        Action.RETIRE,
        Action.AUDIT,
    }
)
_EVERYBODYS = frozenset({OWN, ALL})
ROLES: Final[dict[str, tuple[Rule, ...]]] = {
    "allocator": (Rule(actions=_ALLOCATOR, origin="allocator"),),
    "operator": (
        Rule(actions=_ALLOCATOR | {Action.ASSERT, Action.OPERATE}, origin="operator"),
        Rule(actions=frozenset({Action.READ, Action.AUDIT}), owners=_EVERYBODYS, origin="operator"),
    ),
    "auditor": (Rule(actions=frozenset({Action.READ, Action.AUDIT}), owners=_EVERYBODYS, origin="auditor"),),
    "administrator": (Rule(actions=frozenset(Action), owners=_EVERYBODYS, origin="administrator"),),
}
"""The roles that are there without being written into the policy."""
