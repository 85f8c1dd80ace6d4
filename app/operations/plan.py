"""Everything that is checked before anything is written."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass

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
)
from app.domain.inventory import SHARED_ROLES, Draft, Host, Pool, coexist
from app.domain.policy import PrefixRules
from app.ledger.records import Entry, State
from app.naming.names import Names
from app.operations.echo import Route
from app.operations.gateways import Gateways
from app.operations.places import Finder, Spot, check_open, label
from app.operations.ports import Addresses
from app.operations.references import Named, Resolver

_OTHER_ADDRESS = "Ask for another one, or leave `address` out to get the next free one."


@dataclass(frozen=True, slots=True)
class Plan:
    """An allocation that may be made: what will be asked of NetBox, and what the ledger will say of it."""

    spot: Spot
    route: Route
    named: Named
    line: Line
    draft: Draft
    entry: Entry
    shared_roles: bool


@dataclass(frozen=True, slots=True)
class NameCheck:
    """Names against the convention, and against what NetBox holds."""

    names: Names
    addresses: Addresses

    async def check(self, dns_name: str, pool: Pool, traits: Traits, key: str) -> None:
        """Refuse a name that breaks a rule or is in use by another key.

        Raises:
            NameRefused: with every violation at once.
            NameTaken: an address in this VRF and family has it.
        """
        tenant, role = str(given(traits.tenant, "")), given(traits.role, "")
        if errors := self.names.violations(dns_name, pool, tenant, role):
            raise NameRefused(errors=errors)
        if not self.names.unique(dns_name, pool):
            return
        for address in await self.addresses.find_name(dns_name.lower(), pool.vrf_id):
            if address.key != key and address.address.version == pool.network.version:
                raise NameTaken(f"The DNS name {dns_name} is in use by {address.address} in NetBox.")

    def claim(self, dns_name: str, pool: Pool) -> str | None:
        """What has to be unique in the ledger, None where the policy lets the name repeat."""
        if not dns_name or not self.names.unique(dns_name, pool):
            return None
        return f"{pool.vrf_id or 0}/{pool.network.version}/{dns_name.lower()}"


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans allocations. `clock` gives seconds since the epoch, for the ends of holds."""

    finder: Finder
    gateways: Gateways
    resolver: Resolver
    names: NameCheck
    addresses: Addresses
    clock: Callable[[], float]

    async def plan(self, caller: Caller, wish: Wish, key: str) -> Plan:
        """The plan for a wish.

        Raises:
            Refusal: whatever stands against it.
        """
        spot = await self.finder.find(wish.place)
        rules = self.gateways.rules(spot.pool)
        await self._check_place(spot, rules)
        route = await self.gateways.route(spot.pool, given(wish.traits.dns_name, ""), caller.owner)
        check_role(given(wish.traits.role, ""), rules)
        if spot.address is not None:
            role = given(wish.traits.role, "")
            await self._check_address(spot.address.ip, spot, route.gateway, key, role)
        if name := given(wish.traits.dns_name, ""):
            await self.names.check(name, spot.pool, wish.traits, key)
        named = await self.resolver.resolve(wish.traits, route.default_tags)
        line = Line(spot.pool, spot.vrf_id, explicit=spot.address is not None)
        draft = _draft(caller, wish, key, spot, named)
        return Plan(spot, route, named, line, draft, self._entry(caller, wish, key, spot), rules.shared_roles)

    async def _check_place(self, spot: Spot, rules: PrefixRules) -> None:
        """An address that is asked for by name is safe in its most specific prefix."""
        if spot.address is None:
            check_open(spot.pool, rules)
            return
        around = await self.finder.inventory.prefixes_around(spot.address.ip, spot.vrf_id)
        inner = around[0] if around else spot.pool
        if inner.network.prefixlen > spot.pool.network.prefixlen and "children" not in rules.allow:
            raise PrefixClosed(f"{spot.address.ip} belongs to the {inner}; ask for it there.")

    async def _check_address(self, host: Host, spot: Spot, gateway: Host | None, key: str, role: str) -> None:
        if host == gateway:
            raise AddressIsGateway
        for address in await self.addresses.find_host(host, spot.vrf_id):
            if address.key != key and not coexist(role, address.role):
                raise AddressTaken(f"{address.address} is taken in NetBox. {_OTHER_ADDRESS}")

    def _entry(self, caller: Caller, wish: Wish, key: str, spot: Spot) -> Entry:
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
        )


def check_role(role: str, rules: PrefixRules) -> None:
    """Refuse a role whose addresses NetBox lets coexist.

    Raises:
        SharedRole: it is one, and the policy does not allow it here.
    """
    if role in SHARED_ROLES and not rules.shared_roles:
        raise SharedRole(
            f"NetBox lets several addresses with the role {role} coexist, so it cannot be given to one "
            "owner; leave the role out, or have the policy allow it (shared_roles: true)."
        )


def derived_key(wish: Wish, spot: Spot) -> str:
    """The key of a request that names none: its DNS name, made distinct by VRF and family.

    Raises:
        KeyRequired: there is no DNS name either, or one that NetBox could not find again as a claim.
    """
    name = given(wish.traits.dns_name, "").lower()
    if not name:
        raise KeyRequired
    if name == "null":
        raise KeyRequired("The name `null` cannot serve as a key; send a `key` with it.")
    vrf = f"@vrf{spot.vrf_id}" if spot.vrf_id is not None else ""
    family = ":v6" if spot.family == ipaddress.IPv6Address(0).version else ""
    return f"{name}{vrf}{family}"


def change_message(caller: Caller, action: str, key: str, wish: Wish | None = None) -> str:
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
        message=change_message(caller, "allocate", key, wish),
    )
