"""An in-memory twin of the desk: the operations as the routes see them, without NetBox or a ledger."""

# ruff: noqa: ARG002 - the arguments are those of the protocols

import asyncio
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.api.desk import CredentialDesk, Desk, MachineDesk
from app.domain.commands import Caller, Wish, given
from app.domain.errors import (
    AddressOutside,
    AddressTaken,
    BerthError,
    InvalidRequest,
    KeyConflict,
    KeyRequired,
    NotFound,
    NotOwner,
    PartOfMachine,
    PrefixClosed,
    PrefixExhausted,
    PrefixNotFound,
    Violation,
)
from app.domain.inventory import Interface, Json, Kind, Network, Pool, PoolKind, Reference, Vrf
from app.operations.answers import Allocation, Filters, NameReport, Page, Result

BLUE = Vrf(2, "blue", rd="65000:2")
POOLS = (
    Pool(
        PoolKind.PREFIX,
        7,
        ipaddress.ip_network("10.20.0.0/24"),
        site=Reference(1, "Matrix", "matrix"),
        role=Reference(3, "Production", "production"),
        tags=(Reference(5, "Terraform", "terraform"),),
        description="Servers",
        url="https://netbox.example/ipam/prefixes/7/",
    ),
    Pool(PoolKind.PREFIX, 8, ipaddress.ip_network("2001:db8::/64")),
    Pool(PoolKind.PREFIX, 9, ipaddress.ip_network("10.30.0.0/30"), vrf=BLUE),
)


@dataclass
class Twin:
    """Holds allocations. `failure` is raised by the next operation; `gate` keeps writes waiting."""

    held: dict[str, Allocation] = field(default_factory=dict)
    callers: list[Caller] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    failure: Exception | None = None
    gate: asyncio.Event | None = None
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    events: list[dict[str, Json]] = field(default_factory=list)
    asked: list[tuple[str | int | None, str]] = field(default_factory=list)
    next_id: int = 1000
    pools: tuple[Pool, ...] = POOLS

    def reset(self) -> None:
        """Forget everything."""
        for kept in (self.held, self.callers, self.wishes, self.events, self.asked):
            kept.clear()
        self.failure, self.gate, self.next_id = None, None, 1000

    def desk(self, machines: MachineDesk, credentials: CredentialDesk) -> Desk:
        """The desk whose operations these are, its machines, and what callers show."""
        return Desk(
            allocate=self.allocate,
            upsert=self.upsert,
            read=self.read,
            list_allocations=self.list_allocations,
            confirm=self.confirm,
            release=self.release,
            check_name=self.check_name,
            audit=self.audit,
            preview=self.preview,
            closed_because=self.closed_because,
            machines=machines,
            credentials=credentials,
            shelf=self,
            sees=self.sees,
        )

    def fail(self) -> None:
        """Raise what was ordered, once."""
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure

    async def allocate(self, caller: Caller, wish: Wish, *, dry_run: bool = False) -> Result:
        """Get or create."""
        wish = self.keyed(caller, wish)
        self.entered.set()
        if self.gate is not None:
            await self.gate.wait()
        known = self.held.get(wish.key)
        if known is None:
            return self.create(caller, wish, dry_run=dry_run)
        self.check_owner(caller, known)
        self.check_place(wish, known)
        return Result(known, replayed=True)

    async def upsert(self, caller: Caller, wish: Wish, *, dry_run: bool = False) -> Result:
        """Converge."""
        wish = self.keyed(caller, wish)
        known = self.held.get(wish.key)
        if known is None:
            return self.create(caller, wish, dry_run=dry_run)
        self.check_owner(caller, known)
        self.check_place(wish, known)
        changed = replace(known, **_traits(wish))
        if not dry_run:
            self.held[wish.key] = changed
        return Result(changed)

    async def read(self, caller: Caller, key: str) -> Result:
        """Read one."""
        self.fail()
        known = self.held.get(key)
        if known is None:
            raise NotFound
        self.check_owner(caller, known)
        return Result(known, replayed=True)

    async def list_allocations(
        self, caller: Caller, filters: Filters, cursor: str | None, limit: int
    ) -> Page[Result]:
        """List."""
        self.fail()
        wanted = {name: getattr(filters, name) for name in ("owner", "prefix", "dns_name", "state")}
        found = [
            Result(self.held[key])
            for key in sorted(self.held)
            if key > (cursor or "")
            and all(value is None or getattr(self.held[key], name) == value for name, value in wanted.items())
        ]
        more = len(found) > limit
        return Page(tuple(found[:limit]), found[limit - 1].allocation.key if more else None)

    async def confirm(self, caller: Caller, key: str, *, dry_run: bool = False) -> Result:
        """Confirm."""
        if "~" in key:
            raise PartOfMachine
        known = (await self.read(caller, key)).allocation
        changed = replace(known, state="active", hold_seconds=None, hold_until=None)
        if not dry_run:
            self.held[key] = changed
        return Result(changed)

    async def release(self, caller: Caller, key: str, *, force: bool = False, dry_run: bool = False) -> None:
        """Release."""
        self.fail()
        known = self.held.get(key)
        if known is None:
            return
        if not force:
            self.check_owner(caller, known)
        if not dry_run:
            del self.held[key]

    async def check_name(
        self,
        caller: Caller,
        dns_name: str,
        *,
        prefix: str | int | None,
        vrf: str | int | None,
        tenant: str | int | None = None,
        role: str = "",
        suggest: bool = False,
    ) -> NameReport:
        """Check a name."""
        self.fail()
        self.asked.append((tenant, role))
        spaces = (Violation("/dns_name", "label", "no spaces"),) if " " in dns_name else ()
        long = (Violation("/dns_name", "long", "rather long"),) if len(dns_name) > 20 else ()
        return NameReport(spaces, long, "web-02" if suggest else None)

    async def audit(
        self, caller: Caller, conditions: Mapping[str, str], cursor: str | None, limit: int
    ) -> Page[Mapping[str, Json]]:
        """Show events."""
        self.fail()
        after = int(cursor or 0)
        found = [
            event
            for event in self.events[after:]
            if all(str(event.get(name, "")) == value for name, value in conditions.items())
        ]
        more = len(found) > limit
        return Page(tuple(found[:limit]), str(after + limit) if more else None)

    def sees(self, caller: Caller, pool: Pool) -> bool:
        """The caller `narrow` sees one prefix only."""
        return caller.owner != "narrow" or pool.id == POOLS[0].id

    async def offers(self, kind: Kind, q: str, after: int, limit: int) -> list[Reference]:
        """Offer a few."""
        self.fail()
        if kind is Kind.VRF:
            return [BLUE] if after < BLUE.id else []
        names = (
            Reference(1, "Matrix", "matrix"),
            Reference(2, "Nebula", "nebula"),
            Reference(3, "Orion", "orion"),
        )
        return [item for item in names if item.id > after and q.lower() in item.name.lower()][:limit]

    async def prefixes(
        self,
        *,
        site: str | None,
        role: str | None,
        tag: str | None,
        vrf: str | None,
        q: str,
        after: int,
        limit: int,
    ) -> list[Pool]:
        """Show a few."""
        self.fail()
        return [
            pool
            for pool in self.pools
            if pool.id > after
            and (site is None or (pool.site is not None and pool.site.slug == site))
            and (vrf is None or (pool.vrf.name if pool.vrf else "null") == vrf)
        ][:limit]

    async def prefix(self, netbox_id: int) -> Pool | None:
        """Find one."""
        self.fail()
        return next((pool for pool in self.pools if pool.id == netbox_id), None)

    async def used(self, pool: Pool) -> int:
        """Count."""
        return sum(ipaddress.ip_address(item.ip) in pool.network for item in self.held.values())

    def closed_because(self, pool: Pool) -> str | None:
        """The last prefix is closed."""
        return "is deprecated" if pool.id == POOLS[-1].id else None

    async def preview(self, pool: Pool, limit: int) -> list[str]:
        """Look ahead."""
        if reason := self.closed_because(pool):
            raise PrefixClosed(reason, pointer="")
        return [str(address) for address in _free(pool.network, set(), limit)]

    def keyed(self, caller: Caller, wish: Wish) -> Wish:
        """Draw the key, and remember who asked for what."""
        self.fail()
        self.callers.append(caller)
        self.wishes.append(wish)
        name = given(wish.traits.dns_name, "")
        if not wish.key and not name:
            raise KeyRequired
        return replace(wish, key=wish.key or name.lower())

    def check_owner(self, caller: Caller, known: Allocation) -> None:
        """Refuse another's."""
        if caller.owner != known.owner:
            raise NotOwner

    def check_place(self, wish: Wish, known: Allocation) -> None:
        """Refuse another place."""
        if "prefix" in wish.sent and wish.sent["prefix"] != known.prefix:
            raise KeyConflict(errors=[Violation("/prefix", "differs", f"the key holds {known.address}")])

    def create(self, caller: Caller, wish: Wish, *, dry_run: bool) -> Result:
        """Make one."""
        address = self.take(wish)
        self.next_id += 0 if dry_run else 1
        made = _made(caller, wish, address, None if dry_run else str(self.next_id))
        if not dry_run:
            self.held[wish.key] = made
        return Result(made, created=True)

    def take(self, wish: Wish) -> Interface:
        """The address that is wanted, or the next free one."""
        taken = {item.ip for item in self.held.values()}
        if wish.place.address is not None:
            if str(wish.place.address.ip) in taken:
                raise AddressTaken
            length = 24 if wish.place.address.version == 4 else 64
            return ipaddress.ip_interface(f"{wish.place.address.ip}/{length}")
        pool = self.pool(wish)
        free = _free(pool.network, taken, 1)
        if not free:
            raise PrefixExhausted
        return free[0]

    def pool(self, wish: Wish) -> Pool:
        """The prefix that is wanted."""
        wanted = wish.place.prefix
        if wanted is None:
            error: BerthError = InvalidRequest(errors=[Violation("/prefix", "missing", "send a prefix")])
            raise error
        for pool in self.pools:
            if wanted in (pool.id, str(pool.network)):
                if wish.place.family not in (None, pool.network.version):
                    raise AddressOutside
                return pool
        raise PrefixNotFound


def _free(network: Network, taken: set[str], limit: int) -> list[Interface]:
    found: list[Interface] = []
    for host in network.hosts():
        if len(found) == limit:
            break
        if str(host) not in taken:
            found.append(ipaddress.ip_interface(f"{host}/{network.prefixlen}"))
    return found


def _traits(wish: Wish) -> dict[str, Any]:
    names = ("dns_name", "name_pattern", "description", "role", "tenant", "mac_address")
    changes: dict[str, Any] = {name: wish.sent[name] for name in names if name in wish.sent}
    if wish.sent.get("status"):
        changes["status"] = wish.sent["status"]
    if "tags" in wish.sent:
        changes["tags"] = given(wish.traits.tags, ())
    if "custom_fields" in wish.sent:
        changes["custom_fields"] = given(wish.traits.custom_fields, {})
    return changes


def _made(caller: Caller, wish: Wish, address: Interface, netbox_id: str | None) -> Allocation:
    seconds = given(wish.traits.hold_seconds, 0)
    made = Allocation(
        key=wish.key,
        state="held" if seconds else "active",
        address=str(address),
        ip=str(address.ip),
        prefix_length=address.network.prefixlen,
        family=address.version,
        prefix=_word(wish.sent.get("prefix")),
        ip_range=_word(wish.sent.get("ip_range")),
        vrf=_word(wish.sent.get("vrf")),
        gateway=str(address.network.broadcast_address - 1),
        netmask=str(address.network.netmask),
        dns_name=None,
        name_pattern=None,
        dns_servers=("10.20.0.53",),
        description=None,
        status="active",
        role=None,
        tenant=None,
        tags=(),
        custom_fields={},
        mac_address=None,
        assigned_to=None,
        assign_to=None,
        part_of=None,
        hold_seconds=seconds or None,
        hold_until="2026-11-23T21:30:00Z" if seconds else None,
        owner=caller.owner,
        requested_by=wish.requested_by,
        reference=wish.reference,
        netbox_id=netbox_id,
        netbox_url=netbox_id and f"https://netbox.example/ipam/ip-addresses/{netbox_id}/",
    )
    return replace(made, **_traits(wish))


def _word(value: Json) -> str | int | None:
    return value if isinstance(value, str | int) else None
