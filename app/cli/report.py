"""`berth doctor --report`: what a NetBox looks like to somebody who is going to allocate from it.

Pure functions: from what was read to findings, and from these to a page that can be shared.
"""

import ipaddress
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from app.api.inventory import size_of
from app.domain.inventory import SHARED_ROLES, Host, Network, Pool, space_of
from app.domain.policy import GatewayRule, NamePlace, Policy
from app.naming.names import Names
from app.netbox.survey import Held, Survey
from app.operations.gateways import first_usable

_Space: TypeAlias = tuple[int | None, int]
"""The id of a VRF, and the version of IP."""
_POINT_TO_POINT: Final = 1
"""Prefixes with so few bits for hosts have no gateway that anybody could be handed by mistake."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of thing that was looked for. `lines` has every instance, `why` says what it means."""

    title: str
    why: str
    lines: tuple[str, ...]
    looked_at: int


@dataclass(frozen=True, slots=True)
class Holdings:
    """Every address as a number, sorted, by VRF and version."""

    numbers: Mapping[_Space, Sequence[int]]

    @classmethod
    def of(cls, addresses: Iterable[Held]) -> "Holdings":
        """Sort them."""
        found: dict[_Space, set[int]] = defaultdict(set)
        for held in addresses:
            found[held.vrf_id, held.address.version].add(int(held.address.ip))
        return cls({space: sorted(numbers) for space, numbers in found.items()})

    def used(self, pool: Pool) -> int:
        """How many addresses are held inside a prefix."""
        numbers = self.numbers.get((pool.vrf_id, pool.network.version), ())
        first, last = int(pool.network.network_address), int(pool.network.broadcast_address)
        return bisect_right(numbers, last) - bisect_left(numbers, first)

    def has(self, pool: Pool, host: Host) -> bool:
        """Whether an address is held in a prefix's VRF."""
        numbers = self.numbers.get((pool.vrf_id, host.version), ())
        place = bisect_left(numbers, int(host))
        return place < len(numbers) and numbers[place] == int(host)


def findings(seen: Survey, policy: Policy) -> list[Finding]:
    """Everything that is looked for, in the order of how much it matters."""
    holdings = Holdings.of(seen.addresses)
    return [
        _doubled_addresses(seen),
        _doubled_prefixes(seen),
        _gateways(seen, holdings, policy),
        _children(seen),
        _names(seen, policy),
    ]


def _doubled_addresses(seen: Survey) -> Finding:
    """Addresses with one host in one VRF, whatever their masks; roles that share are left out."""
    own = [held for held in seen.addresses if held.role not in SHARED_ROLES]
    times = Counter((held.vrf or "", held.address.ip) for held in own)
    lines = tuple(
        f"{_in(str(host), vrf)}: {count} times"
        for (vrf, host), count in sorted(times.items(), key=lambda each: (each[0][0], int(each[0][1])))
        if count > 1
    )
    why = (
        "Two machines may be using each of these. NetBox's own pages take no lock, so this can happen there."
    )
    return Finding("Addresses that are there more than once", why, lines, len(own))


def _doubled_prefixes(seen: Survey) -> Finding:
    times = Counter(_name(pool) for pool in seen.prefixes)
    lines = tuple(f"{name}: {count} times" for name, count in times.items() if count > 1)
    why = "A request that names such a prefix by its network is refused as ambiguous; delete all but one."
    return Finding("Prefixes that are there more than once", why, lines, len(seen.prefixes))


def _gateways(seen: Survey, holdings: Holdings, policy: Policy) -> Finding:
    """By the policy; where it says nothing, the first usable address is taken for the gateway."""
    found: list[str] = []
    looked_at = 0
    for pool in seen.prefixes:
        gateway = _gateway(pool, policy)
        if gateway is None:
            continue
        looked_at += 1
        if not holdings.has(pool, gateway):
            found.append(f"{_name(pool)}: {gateway}")
    why = (
        "NetBox hands these out to the next who asks. They were taken from the policy, or are the first "
        "usable address where it says nothing; whether a router has it, you know."
    )
    return Finding("Gateways that are not recorded", why, tuple(found), looked_at)


def _gateway(pool: Pool, policy: Policy) -> Host | None:
    network = pool.network
    if pool.status == "container" or network.max_prefixlen - network.prefixlen <= _POINT_TO_POINT:
        return None
    vrf = pool.vrf.name if pool.vrf else None
    rule = policy.prefix_rules(network, vrf).gateway or GatewayRule("first")
    if rule.kind == "first":
        return first_usable(network)
    value = pool.custom_fields.get(rule.value) if rule.kind == "custom_field" else rule.value
    try:
        gateway = ipaddress.ip_address(str(value).partition("/")[0])
    except ValueError:  # a role or a tag marks an address that is there, or nothing is known
        return None
    return gateway if gateway in network else None


def _children(seen: Survey) -> Finding:
    lines = tuple(
        f"{_name(pool)} ({pool.status}): {pool.children} inside" for pool in seen.prefixes if pool.children
    )
    why = (
        "NetBox hands out addresses of the child when somebody asks the parent, containers included. Berth "
        "refuses such a parent unless the policy allows it."
    )
    return Finding("Prefixes that hand out their children's addresses", why, lines, len(seen.prefixes))


def _names(seen: Survey, policy: Policy) -> Finding:
    names = Names(lambda: policy)
    by_space = _networks(seen.prefixes)
    named = [held for held in seen.addresses if held.dns_name]
    found = [line for held in named for line in _breaches(held, names, by_space)]
    why = (
        "By RFC 1123 and the policy, if there is one. Berth refuses such names when they are asked for anew."
    )
    return Finding("Names that break the convention", why, tuple(found), len(named))


def _breaches(held: Held, names: Names, by_space: "_Networks") -> Iterator[str]:
    place = NamePlace(network=by_space.around(held), vrf=held.vrf, tenant=held.tenant, role=held.role)
    codes = [each.code for each in names.verdict(held.dns_name, place).violations]
    if codes:
        yield f"{held.dns_name} ({_in(str(held.address.ip), held.vrf)}): {', '.join(codes)}"


@dataclass(frozen=True, slots=True)
class _Networks:
    """Which networks there are, by VRF and length: to find the one that an address lies in."""

    found: Mapping[_Space, Mapping[int, frozenset[Network]]]

    def around(self, held: Held) -> Network | None:
        """The smallest one around an address."""
        lengths = self.found.get((held.vrf_id, held.address.version), {})
        for length in sorted(lengths, reverse=True):
            network: Network = ipaddress.ip_network((held.address.ip, length), strict=False)
            if network in lengths[length]:
                return network
        return None


def _networks(pools: Iterable[Pool]) -> _Networks:
    found: dict[_Space, dict[int, set[Network]]] = defaultdict(lambda: defaultdict(set))
    for pool in pools:
        found[pool.vrf_id, pool.network.version][pool.network.prefixlen].add(pool.network)
    return _Networks(
        {
            space: {length: frozenset(networks) for length, networks in lengths.items()}
            for space, lengths in found.items()
        }
    )


def fullest(seen: Survey, most: int) -> list[str]:
    """A line for each of the prefixes that have least left in proportion; containers are left out."""
    holdings = Holdings.of(seen.addresses)
    rows = []
    for pool in seen.prefixes:
        used, size = holdings.used(pool), size_of(pool)
        if used and pool.status != "container":
            rows.append((min(1.0, used / size), used, size, _name(pool)))
    rows.sort(key=lambda row: (-row[0], row[3]))
    return [f"{name}: {share:.0%} ({used} of {size})" for share, used, size, name in rows[:most]]


def page(seen: Survey, policy: Policy, version: str, most: int) -> str:
    """The report, in Markdown; of each kind at most so many lines. It names no server and nobody."""
    size = f"{len(seen.prefixes)} prefixes and {len(seen.addresses)} addresses"
    said = f"NetBox {version}: {size}, as far as the token may see. Nothing was changed."
    text = ["# What this NetBox looks like to an allocator", "", said]
    for finding in findings(seen, policy):
        text += _section(finding, most)
    text += ["", "## How full", ""]
    text += [f"- {line}" for line in fullest(seen, most)] or ["No prefix has an address in it."]
    return "\n".join(text) + "\n"


def _section(finding: Finding, most: int) -> list[str]:
    count = len(finding.lines)
    text = ["", f"## {finding.title}: {count or 'none'}", "", f"{finding.looked_at} were looked at."]
    if not count:
        return text
    text += [finding.why, "", *(f"- {line}" for line in finding.lines[:most])]
    return [*text, f"- and {count - most} more"] if count > most else text


def _name(pool: Pool) -> str:
    return space_of(pool.network, pool.vrf)


def _in(what: str, vrf: str | None) -> str:
    return f"{what} in VRF {vrf}" if vrf else what
