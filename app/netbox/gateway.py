"""Taking the next free addresses of a prefix or an IP range."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.domain.errors import NetBoxNonsense
from app.domain.inventory import Address, Draft, Interface, Pool, PoolKind, Receipt
from app.netbox import translate
from app.netbox.addresses import Addresses, post
from app.netbox.resilience import Line
from app.netbox.rows import PAGE, rows_of
from app.netbox.wire import Lane, Question

_PATHS: Final = {PoolKind.PREFIX: "ipam/prefixes/", PoolKind.RANGE: "ipam/ip-ranges/"}


async def free(line: Line, pool: Pool, limit: int) -> list[Interface]:
    """The next free addresses of a pool, at most `limit` (and 1000), as NetBox would hand them out now."""
    wanted = max(1, min(limit, PAGE))
    reply = await line.ask(
        Question(
            method="GET",
            path=f"{_PATHS[pool.kind]}{pool.id}/available-ips/",
            endpoint=f"{_PATHS[pool.kind]}{{id}}/available-ips/",
            limit=wanted,
        )
    )
    found = [translate.available(row, pool.network) for row in rows_of(reply.data)]
    if not all(pool.holds(each.ip) for each in found):
        raise NetBoxNonsense(f"NetBox lists free addresses of {pool} that lie outside of it")
    return found[:wanted]


@dataclass(frozen=True)
class Allocator:
    """Takes addresses from pools, each with its claim, and finds claims again."""

    line: Line
    addresses: Addresses

    async def allocate(self, pool: Pool, drafts: Sequence[Draft]) -> Receipt:
        """Take the next free addresses of the pool, all or none, in the order of the drafts.

        It is always a list that is sent, also of one: so errors come by position (both versions).

        Raises:
            NoRoom: fewer are free than drafts were given; nothing was taken.
            Unsure: also when the answer does not fit: count, ids, claims, prefix or VRF.
        """
        message = self.line.takes_messages
        question = Question(
            method="POST",
            path=f"{_PATHS[pool.kind]}{pool.id}/available-ips/",
            endpoint=f"{_PATHS[pool.kind]}{{id}}/available-ips/",
            body=[translate.payload(draft, message=message) for draft in drafts],
            expect=201,
            lane=Lane.LOCK,
        )
        return await post(
            self.line,
            question,
            drafts,
            self.addresses.lookups.translate,
            lambda address, _: pool.holds(address.address.ip) and address.vrf_id == pool.vrf_id,
        )

    async def create(self, vrf_id: int | None, drafts: Sequence[Draft]) -> Receipt:
        """Create exactly the addresses that the drafts name, all or none."""
        return await self.addresses.create(vrf_id, drafts)

    async def find_claims(self, keys: Sequence[str]) -> list[Address]:
        """Every address whose `berth_key` is exactly one of the keys."""
        return await self.addresses.find_claims(keys)

    async def count_available(self, pool: Pool, limit: int) -> int:
        """How many addresses the pool could hand out now, counted up to `limit` (at most 1000)."""
        return len(await free(self.line, pool, limit))
