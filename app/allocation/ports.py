"""What the batcher asks of NetBox. Every method may raise the errors of `app.domain.upstream`."""

from collections.abc import Sequence
from typing import Protocol

from app.domain.inventory import Address, Draft, Pool, Receipt


class Allocator(Protocol):
    """Creates addresses, each with its claim, and finds claims again."""

    async def allocate(self, pool: Pool, drafts: Sequence[Draft]) -> Receipt:
        """Take the next free addresses of the pool, all or none, in the order of the drafts.

        Raises:
            Unsure: also when the answer does not fit the question (count, ids, claims, place).
        """
        ...

    async def create(self, vrf_id: int | None, drafts: Sequence[Draft]) -> Receipt:
        """Create exactly the addresses that the drafts name, all or none."""
        ...

    async def find_claims(self, keys: Sequence[str]) -> list[Address]:
        """Every address whose `berth_key` is exactly one of the keys."""
        ...

    async def count_available(self, pool: Pool, limit: int) -> int:
        """How many addresses the pool could hand out now, counted up to `limit` (at most 1000)."""
        ...
