"""Everything that is checked before anything is written."""

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.access.rules import demand, is_allowed, limits
from app.allocation.seats import Line
from app.domain.commands import UNSET, Caller, Traits, Wish, given
from app.domain.errors import (
    AddressIsGateway,
    AddressTaken,
    KeyRequired,
    NameRefused,
    NameTaken,
    PrefixClosed,
    SharedRole,
    UnknownReference,
)
from app.domain.inventory import SHARED_ROLES, Assignment, Draft, Host, Pool, coexist, space_of
from app.domain.policy import PrefixRules
from app.domain.registrations import MachineWish
from app.domain.rights import Site
from app.ledger.ledger import Limits
from app.ledger.records import Candidate, Entry, State
from app.naming.names import Names, place_of
from app.naming.numbers import Template
from app.operations.echo import Route
from app.operations.gateways import Gateways
from app.operations.numbers import NAME_PATTERN, Numbers, Where, pattern_of
from app.operations.places import Finder, Spot, check_open, label, opening_line
from app.operations.ports import Addresses
from app.operations.references import Named, Resolver
from app.operations.sites import MAKES, check_may_assert, site_of
from app.telemetry.events import note

_ADOPT = "No key has it: an operator can put it under this one with `adopt: true`."
_OTHER_ADDRESS = "Ask for another one, or leave `address` out to get the next free one."


@dataclass(frozen=True, slots=True)
class Plan:
    """An allocation that may be made: what will be asked of NetBox, and what the ledger will say of it.

    Of `names`, where there are any, it will get one. `arrival` is the wish's.
    """

    spot: Spot
    route: Route
    named: Named
    line: Line
    draft: Draft
    entry: Entry
    shared_roles: bool
    arrival: int
    names: tuple[Candidate, ...] = ()
    limits: Limits = ()

    def called(self, dns_name: str) -> "Plan":
        """The plan with one of its names; any other stays as it was sent."""
        return replace(self, draft=replace(self.draft, dns_name=dns_name)) if self.names else self

    def on(self, assigned: tuple[str, int] | None) -> "Plan":
        """The plan for an address on an interface, of which type and id are given."""
        if assigned is None:
            return self
        kind, number = assigned
        return replace(
            self,
            draft=replace(self.draft, assigned_type=kind, assigned_id=number),
            entry=replace(self.entry, assigned=f"{kind}:{number}"),
        )


@dataclass(frozen=True, slots=True)
class NameCheck:
    """Names against the convention, and against what NetBox holds. Tenants and roles are slugs."""

    names: Names
    addresses: Addresses

    def check(self, dns_name: str, pool: Pool, tenant: str, role: str) -> None:
        """Refuse a name that breaks a rule.

        Raises:
            NameRefused: with every violation at once.
        """
        if errors := self.names.violations(dns_name, pool, tenant, role):
            raise NameRefused(errors=errors)

    async def check_free(self, dns_name: str, pool: Pool, key: str) -> None:
        """Refuse a name that is in use by another key.

        Raises:
            NameTaken: an address in this VRF and family has it.
        """
        if not self.names.unique(dns_name, pool):
            return
        for address in await self.addresses.find_name(dns_name.lower(), pool.vrf_id):
            if address.key != key and address.address.version == pool.network.version:
                raise NameTaken(f"The DNS name {dns_name} is in use by {address.address} in NetBox.")

    def claim(self, dns_name: str, pool: Pool) -> str | None:
        """What has to be unique in the ledger, None where the policy lets the name repeat."""
        if not dns_name or not self.names.unique(dns_name, pool):
            return None
        return name_claim(dns_name, pool)


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans allocations. `clock` gives seconds since the epoch, for the ends of holds."""

    finder: Finder
    gateways: Gateways
    resolver: Resolver
    names: NameCheck
    numbers: Numbers
    addresses: Addresses
    clock: Callable[[], float]

    async def plan(self, caller: Caller, wish: Wish, key: str) -> Plan:
        """The plan for a wish.

        Raises:
            Refusal: whatever stands against it.
        """
        spot = await self.finder.find(wish.place)
        note(prefix=space_of(spot.pool.network, spot.pool.vrf))
        rules = self.gateways.rules(spot.pool)
        await self._check_place(spot, rules)
        template = pattern_of(wish.traits)
        name = template.name(1) if template else given(wish.traits.dns_name, "")
        route = await self.gateways.route(spot.pool, name, caller.owner)
        role = given(wish.traits.role, "")
        named = await self.resolve(wish.traits, route.default_tags, name, role, spot.pool)
        called = "" if template else name
        site = site_of(spot.pool, called, named.tenant_slug, caller.owner, part="~" in key)
        if template is None:
            demand(caller, site, *MAKES)
            check_may_assert(caller, wish, site)
        if spot.address is not None:
            await self._check_address(spot.address.ip, spot, route.gateway, key, role)
        names = await self._names(template or name, spot, key, named.tenant_slug, role)
        if template is not None:
            names = _allowed(caller, site, names)
            check_may_assert(caller, wish, replace(site, name=names[0].dns_name))
        line = Line(spot.pool, spot.vrf_id, explicit=spot.address is not None)
        draft = _draft(caller, wish, key, spot, named)
        entry = replace(self.entry(caller, wish, key, spot), assigned=bound_to(named.interface))
        most = limits(caller, site if template is None else replace(site, name=names[0].dns_name), *MAKES)
        return Plan(spot, route, named, line, draft, entry, rules.shared_roles, wish.arrival, names, most)

    async def resolve(
        self, traits: Traits, default_tags: Sequence[str], name: str, role: str, pool: Pool
    ) -> Named:
        """What a request names. Where something is unknown, it is told what is wrong with its rest besides.

        `name` and `role` are those that are new, empty where they stay as they are.

        Raises:
            UnknownReference: with every name that NetBox does not have.
            SharedRole: the role is one whose addresses NetBox lets coexist, and nothing else is wrong.
        """
        shared = shared_role(role, self.gateways.rules(pool))
        try:
            named = await self.resolver.resolve(traits, default_tags)
        except UnknownReference as error:
            pointer = "/dns_name" if given(traits.name_pattern, "") == "" else NAME_PATTERN
            place = place_of(pool, role=given(traits.role, ""))
            broken = self.names.names.verdict(name, place, pointer).violations if name else ()
            also = shared.errors if shared else ()
            raise UnknownReference(error.detail, errors=[*error.errors, *also, *broken]) from error
        if shared:
            raise shared
        return named

    async def _names(
        self, wanted: Template | str, spot: Spot, key: str, tenant: str, role: str
    ) -> tuple[Candidate, ...]:
        """The names of a template that may be taken. A name that was sent is checked, and is none of them."""
        if isinstance(wanted, Template):
            where = Where(spot.vrf_id, spot.family, place_of(spot.pool, tenant, role))
            offered = await self.numbers.offer(wanted, where, key)
            return tuple(Candidate(each.lower(), name_claim(each, spot.pool)) for each in offered)
        if wanted:
            self.names.check(wanted, spot.pool, tenant, role)
            await self.names.check_free(wanted, spot.pool, key)
        return ()

    async def _check_place(self, spot: Spot, rules: PrefixRules) -> None:
        """A closed prefix gives no address, also none by name; one by name only out of its own prefix."""
        check_open(spot.pool, rules, spot.pointer, named=spot.address is not None)
        if spot.address is None or "children" in rules.allow:
            return
        around = await self.finder.inventory.prefixes_around(spot.address.ip, spot.vrf_id)
        inner = around[0] if around else spot.pool
        if inner.network.prefixlen > spot.pool.network.prefixlen:
            raise PrefixClosed(
                f"{spot.address.ip} belongs to the {inner}. Ask for it there, or have the policy allow it: "
                f"{opening_line(spot.pool, 'children')}",
                pointer="/address",
            )

    async def _check_address(self, host: Host, spot: Spot, gateway: Host | None, key: str, role: str) -> None:
        if host == gateway:
            raise AddressIsGateway
        for address in await self.addresses.find_host(host, spot.vrf_id):
            if address.key != key and not coexist(role, address.role):
                adopt = "" if address.key else f" {_ADOPT}"
                raise AddressTaken(f"{address.address} is taken in NetBox. {_OTHER_ADDRESS}{adopt}")

    def entry(self, caller: Caller, wish: Wish, key: str, spot: Spot) -> Entry:
        """What the ledger will say of an allocation that begins now."""
        now = self.clock()
        name = given(wish.traits.dns_name, "")
        hold = None if wish.traits.hold_seconds is UNSET else wish.traits.hold_seconds
        return Entry(
            key=key,
            owner=caller.owner,
            state=State.PENDING,
            operation="",
            family=spot.family,
            vrf_id=spot.vrf_id,
            dns_name=name.lower(),
            name_claim=self.names.claim(name, spot.pool),
            prefix=label(wish.place),
            sent=dict(wish.sent),
            mac_address=given(wish.traits.mac_address, "") or None,
            hold_seconds=hold,
            hold_until=now + hold if hold else None,
            requested_by=wish.requested_by,
            reference=wish.reference,
            opened_at=now,
            space=str(spot.pool.network),
            credential=caller.credential,
        )


def _allowed(caller: Caller, site: Site, names: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """Those of a template's names that the caller may take.

    Raises:
        Forbidden: it may take none of them.
    """
    found = tuple(each for each in names if is_allowed(caller, replace(site, name=each.dns_name), *MAKES))
    if not found:
        demand(caller, replace(site, name=names[0].dns_name), *MAKES)
    return found


def name_claim(dns_name: str, pool: Pool) -> str:
    """A name in its VRF and family, as the ledger keeps it unique."""
    return f"{pool.vrf_id or 0}/{pool.network.version}/{dns_name.lower()}"


def shared_role(role: str, rules: PrefixRules) -> SharedRole | None:
    """The refusal of a role whose addresses NetBox lets coexist, unless the policy allows it here."""
    if role not in SHARED_ROLES or rules.shared_roles:
        return None
    return SharedRole(
        f"NetBox lets several addresses with the role {role} coexist, so it cannot be given to one "
        "owner; leave the role out, or have the policy allow it (shared_roles: true)."
    )


def bound_to(interface: Assignment | None) -> str | None:
    """What the ledger remembers of an interface that Berth binds an address to."""
    return str(interface) if interface else None


def derived_key(wish: Wish, spot: Spot) -> str:
    """The key of a request that names none: its DNS name, made distinct by VRF and family.

    Raises:
        KeyRequired: NetBox could not find the name again as a claim.
    """
    name = given(wish.traits.dns_name, "").lower()
    if name == "null":
        raise KeyRequired("The name `null` cannot serve as a key; send a `key` with it.")
    vrf = f"@vrf{spot.vrf_id}" if spot.vrf_id is not None else ""
    family = ":v6" if spot.family == ipaddress.IPv6Address(0).version else ""
    return f"{name}{vrf}{family}"


def change_message(caller: Caller, action: str, key: str, wish: Wish | MachineWish | None = None) -> str:
    """The line for NetBox's change log (>= 4.4): what was asked, for whom, and the audit's request id."""
    parts = [f"berth: {action} {key} for {caller.owner}"]
    if wish is not None and wish.requested_by:
        parts.append(f"requested by {wish.requested_by}")
    if wish is not None and wish.reference:
        parts.append(f"reference {wish.reference}")
    if caller.request_id:
        parts.append(f"request {caller.request_id}")
    return ", ".join(parts)[:200]


def _draft(caller: Caller, wish: Wish, key: str, spot: Spot, named: Named) -> Draft:
    traits = wish.traits
    return Draft(
        key=key,
        owner=caller.owner,
        address=spot.address,
        dns_name=given(traits.dns_name, ""),
        description=given(traits.description, ""),
        status=given(traits.status, "active"),
        role=given(traits.role, "") or None,
        tenant_id=named.tenant.id if named.tenant else None,
        tag_ids=tuple(tag.id for tag in named.tags or ()),
        custom_fields=given(traits.custom_fields, {}),
        assigned_type=named.interface.object_type if named.interface else None,
        assigned_id=named.interface.object_id if named.interface else None,
        message=change_message(caller, "allocate", key, wish),
    )
