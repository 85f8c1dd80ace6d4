"""What the operator decided, as frozen values: gateways, what may be used, who calls, which names are good.

`app.policyfile` reads these from a file. Without one, `Policy.default()` holds.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from app.domain.commands import UNSET, Maybe
from app.domain.identity import Issuer
from app.domain.inventory import Network, inside
from app.domain.rights import Action, Rule

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GatewayRule:
    """Where a prefix's gateway is found. NetBox has no field for it.

    `value` is the address of a `literal`, the name of a `custom_field`, the `role` or the `tag` (slug) that
    marks the address; `first` (the first usable address) and `none` (there is no gateway) have no value.
    """

    kind: Literal["literal", "first", "custom_field", "role", "tag", "none"]
    value: str = ""

    def speaks_of(self, network: Network) -> bool:
        """Whether this rule means anything for a prefix: a literal address outside of it does not."""
        return self.kind != "literal" or ipaddress.ip_address(self.value) in network


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixRules:
    """What holds for one prefix, everything considered.

    Attributes:
        gateway: how to find the gateway, None where there is none or nobody says.
        record_gateway: whether Berth may write a gateway into NetBox that is missing there.
        dns_servers: the name servers that answers show.
        allow: of `children`, `container`, `deprecated` and `utilized`, what may be allocated from.
        shared_roles: whether addresses may have roles that NetBox lets coexist (vip, anycast, …).
        default_tags: tags that every address of the prefix gets.
    """

    gateway: GatewayRule | None = None
    record_gateway: bool = False
    dns_servers: tuple[str, ...] = ()
    allow: frozenset[str] = frozenset()
    shared_roles: bool = False
    default_tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixSection:
    """What the policy says of every prefix inside a network; a field that is None says nothing.

    `network` None stands for every prefix there is. `vrf` is a VRF's name, None for the global table, unset
    for whatever VRF.
    """

    network: Network | None = None
    vrf: Maybe[str] = UNSET
    gateway: GatewayRule | None = None
    record_gateway: bool | None = None
    dns_servers: tuple[str, ...] | None = None
    allow: frozenset[str] | None = None
    shared_roles: bool | None = None
    default_tags: tuple[str, ...] | None = None

    def covers(self, network: Network, vrf: str | None) -> bool:
        """Whether this section speaks of a prefix in a VRF (None: the global table)."""
        return self.vrf in (UNSET, vrf) and (self.network is None or inside(network, self.network))

    @property
    def weight(self) -> tuple[int, bool]:
        """Of two sections that cover a prefix, the one with the greater weight is asked first."""
        return (-1 if self.network is None else self.network.prefixlen, self.vrf is not UNSET)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamePlace:
    """Where a name shall be used. `network` None: nowhere in particular; `vrf` None: the global table.

    `tenant` and `role` are slugs, empty where there is none.
    """

    network: Network | None = None
    vrf: str | None = None
    tenant: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which names a convention is for. What is empty does not narrow it.

    `domains` are in lower case and mean the domain and everything below it.
    """

    domains: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    vrfs: tuple[str | None, ...] = ()
    tenants: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

    def covers(self, name: str, place: NamePlace) -> bool:
        """Whether a name (in lower case, no dot at its end) at a place falls under the convention."""
        return (
            (not self.domains or in_domain(name, self.domains))
            and (not self.networks or self._has_network(place.network))
            and (not self.vrfs or place.vrf in self.vrfs)
            and (not self.tenants or place.tenant in self.tenants)
            and (not self.roles or place.role in self.roles)
        )

    def _has_network(self, network: Network | None) -> bool:
        return network is not None and any(inside(network, around) for around in self.networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """Rules for names beyond RFC 1123. All of those whose scope fits a name hold together.

    Attributes:
        name: what the convention is called in messages.
        scope: which names it is for.
        pattern: an RE2 pattern that the whole name in lower case has to match; empty: any.
        domains: the only domains that names may lie in (in lower case); empty: any.
        reserved: names that nobody may take (in lower case): with a dot the whole name, else its first label.
        max_length: the longest name in characters; None: as RFC 1123 says.
        refuse: whether a breach refuses the name or only warns.
        unique: whether a name may be used once in a VRF and family; None: this convention does not say.
        messages: what to tell people, by rule: `pattern`, `domain`, `reserved`, `too_long`.
    """

    name: str
    scope: Scope = field(default_factory=Scope)
    pattern: str = ""
    domains: tuple[str, ...] = ()
    reserved: frozenset[str] = frozenset()
    max_length: int | None = None
    refuse: bool = True
    unique: bool | None = None
    messages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Somebody who may call: an owner of allocations, with the SHA-256 digests (hex) of its tokens.

    `rules` say what it may do; None: everything, as the token of the settings.
    """

    name: str
    digests: tuple[str, ...] = ()
    default_tags: tuple[str, ...] = ()
    rules: tuple[Rule, ...] | None = None

    @property
    def operator(self) -> bool:
        """Whether it may force, adopt and mend."""
        return self.rules is None or any(Action.OPERATE in rule.actions for rule in self.rules)


_REMEMBERED = 4096
"""Prefixes whose rules a policy remembers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The whole policy. `sha256` (hex) is that of the file, empty where there is none."""

    sha256: str = ""
    sections: tuple[PrefixSection, ...] = ()
    dns_names: tuple[Convention, ...] = ()
    machine_names: tuple[Convention, ...] = ()
    machines_in_domains: bool = False
    domain_tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    clients: tuple[Client, ...] = ()
    issuers: tuple[Issuer, ...] = ()
    _rules: dict[tuple[Network, str | None], PrefixRules] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def default(cls) -> "Policy":
        """What holds without a policy file: RFC 1123 names, used once, and no gateways."""
        return cls()

    def prefix_rules(self, network: Network, vrf: str | None) -> PrefixRules:
        """What holds for a prefix in a VRF (its name; None: the global table).

        Each field comes from the most specific section that says something about it. What was found is
        remembered: an allocation asks seven times, and a policy never changes.
        """
        known = self._rules.get((network, vrf))
        if known is None:
            if len(self._rules) >= _REMEMBERED:
                self._rules.clear()
            known = self._rules[network, vrf] = self._prefix_rules(network, vrf)
        return known

    def _prefix_rules(self, network: Network, vrf: str | None) -> PrefixRules:
        covering = [section for section in self.sections if section.covers(network, vrf)]
        found = sorted(covering, key=lambda section: section.weight, reverse=True)
        nothing = PrefixRules()
        rules = (section.gateway for section in found)
        gateway = _first((rule for rule in rules if rule and rule.speaks_of(network)), GatewayRule("none"))
        return PrefixRules(
            gateway=None if gateway.kind == "none" else gateway,
            record_gateway=_first((each.record_gateway for each in found), nothing.record_gateway),
            dns_servers=_first((each.dns_servers for each in found), nothing.dns_servers),
            allow=_first((each.allow for each in found), nothing.allow),
            shared_roles=_first((each.shared_roles for each in found), nothing.shared_roles),
            default_tags=_first((each.default_tags for each in found), nothing.default_tags),
        )

    def default_tags(self, network: Network, vrf: str | None, dns_name: str, owner: str) -> tuple[str, ...]:
        """The tags that an address gets unasked: the prefix's, its domain's and its owner's, each once."""
        wanted = list(self.prefix_rules(network, vrf).default_tags)
        for domain, tags in self.domain_tags.items():
            if in_domain(dns_name.lower(), (domain,)):
                wanted += tags
        for client in self.clients:
            if client.name == owner:
                wanted += client.default_tags
        return tuple(dict.fromkeys(wanted))

    def all_tags(self) -> tuple[str, ...]:
        """Every tag that the policy gives to anything, in order, for whoever has to create them."""
        groups = [section.default_tags or () for section in self.sections]
        groups += [*self.domain_tags.values(), *(client.default_tags for client in self.clients)]
        return tuple(sorted({tag for group in groups for tag in group}))


def in_domain(name: str, domains: Iterable[str]) -> bool:
    """Whether a name is one of the domains or lies below one (all in lower case)."""
    return any(name == domain or name.endswith(f".{domain}") for domain in domains)


def _first(values: Iterable[T | None], default: T) -> T:
    """The first that says something."""
    return next((value for value in values if value is not None), default)
