"""NetBox's semantics in memory: lists all or nothing, claims unique, faults on demand. Nothing waits."""

import asyncio
import ipaddress
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from app.allocation.seats import Line
from app.domain.errors import NetBoxNonsense
from app.domain.inventory import Address, Draft, Interface, Pool, PoolKind, Receipt, Reference
from app.domain.upstream import (
    FaultKind,
    ItemFault,
    NoRoom,
    PermissionRefused,
    Rejected,
    Unsure,
    UpstreamError,
)

Plan = UpstreamError | NetBoxNonsense | None


def pool(number: int, network: str, vrf: int | None = None) -> Pool:
    """A prefix."""
    where = None if vrf is None else Reference(vrf, f"vrf{vrf}")
    return Pool(PoolKind.PREFIX, number, ipaddress.ip_network(network), vrf=where)


def held(  # what an object of NetBox is made of
    netbox_id: int, address: str, key: str | None, owner: str | None, role: str | None = None
) -> Address:
    """An address that NetBox holds in the global table."""
    return Address(
        id=netbox_id,
        address=ipaddress.ip_interface(address),
        vrf=None,
        dns_name="",
        description="",
        status="active",
        role=role,
        tenant=None,
        tags=(),
        custom_fields={},
        key=key,
        owner=owner,
        assigned=None,
        url="",
    )


@dataclass
class FakeNetBox:
    """An `Allocator`.

    Of the next calls that write, `posts` are the faults before NetBox works on them and `answers` those
    after it; of the reads, `reads`. A list with one of `bad` keys is rejected at its index, with one of
    `forbidden` it is forbidden as a whole, with one of `poison` it is answered 500, with one of `mute` it is
    rejected without saying which. What is under one of `hidden` is not shown.
    """

    rows: list[Address] = field(default_factory=list)
    posts: deque[Plan] = field(default_factory=deque)
    answers: deque[Plan] = field(default_factory=deque)
    reads: deque[Plan] = field(default_factory=deque)
    bad: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)
    poison: set[str] = field(default_factory=set)
    mute: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    lists: list[list[str]] = field(default_factory=list)

    async def allocate(self, pool: Pool, drafts: Sequence[Draft]) -> Receipt:
        """Take the next free ones."""
        free = self._free(pool)
        if len(free) < len(drafts):
            await self._before(drafts)
            raise NoRoom("not enough")
        placed = [replace(draft, address=host) for draft, host in zip(drafts, free, strict=False)]
        return await self._write(pool.vrf, drafts, placed)

    async def create(self, vrf_id: int | None, drafts: Sequence[Draft]) -> Receipt:
        """Create by name."""
        return await self._write(None if vrf_id is None else Reference(vrf_id, ""), drafts, drafts)

    async def find_claims(self, keys: Sequence[str]) -> list[Address]:
        """Look."""
        await self._strike(self.reads)
        return [row for row in self.rows if row.key in keys and row.key not in self.hidden]

    async def count_available(self, pool: Pool, limit: int) -> int:
        """Count."""
        await self._strike(self.reads)
        return min(limit, len(self._free(pool)))

    def _free(self, pool: Pool) -> list[Interface]:
        taken = {row.address.ip for row in self.rows if row.vrf_id == pool.vrf_id}
        length = pool.network.prefixlen
        return [
            ipaddress.ip_interface(f"{host}/{length}") for host in pool.network.hosts() if host not in taken
        ]

    async def _before(self, drafts: Sequence[Draft]) -> None:
        self.lists.append([draft.key for draft in drafts])
        await self._strike(self.posts)

    async def _write(
        self, vrf: Reference | None, drafts: Sequence[Draft], placed: Sequence[Draft]
    ) -> Receipt:
        await self._before(drafts)
        self._check({draft.key for draft in drafts})
        claims = {row.key for row in self.rows}
        hosts = {row.address.ip for row in self.rows if row.vrf_id == (vrf.id if vrf else None)}
        faults = {}
        for index, draft in enumerate(placed):
            if draft.key in claims:
                faults[index] = ItemFault(FaultKind.CLAIM, {"__all__": "taken"})
            elif draft.key in self.bad:
                faults[index] = ItemFault(FaultKind.OTHER, {"status": "no such status"})
            elif draft.address is not None and draft.address.ip in hosts:
                faults[index] = ItemFault(FaultKind.DUPLICATE, {"address": "exists"})
        if faults:
            raise Rejected("refused", faults)
        made = [self._row(vrf, draft) for draft in placed]
        await self._strike(self.answers)
        return Receipt(tuple(made), "x-request")

    def _check(self, keys: set[str]) -> None:
        if keys & self.poison:
            raise Unsure("500", server_error=True)
        if keys & self.forbidden:
            raise PermissionRefused("You do not have permission to perform this action.")
        if keys & self.mute:
            raise Rejected("something is wrong")

    def _row(self, vrf: Reference | None, draft: Draft) -> Address:
        assert draft.address is not None
        row = held(len(self.rows) + 1, str(draft.address), draft.key, draft.owner, draft.role)
        self.rows.append(replace(row, vrf=vrf))
        return self.rows[-1]

    async def _strike(self, faults: deque[Plan]) -> None:
        await asyncio.sleep(0)
        fault = faults.popleft() if faults else None
        if fault is not None:
            raise fault


def draft(key: str, owner: str = "alice", address: str | None = None) -> Draft:
    """What is to be created."""
    return Draft(key=key, owner=owner, address=ipaddress.ip_interface(address) if address else None)


def next_free(of: Pool) -> Line:
    """The line for a pool's next free address."""
    return Line(of, of.vrf_id)


def explicit(of: Pool) -> Line:
    """The line for addresses named one by one."""
    return Line(of, of.vrf_id, explicit=True)
