"""What the routes ask of NetBox directly: reads that only fetch. All may raise `app.domain.upstream`."""

from typing import Protocol

from app.domain.inventory import Kind, Pool, Reference


class Shelf(Protocol):
    """What a form offers to choose from. Pages are by id: everything after `after`, at most `limit`."""

    async def offers(self, kind: Kind, q: str, after: int, limit: int) -> list[Reference]:
        """Objects of a kind, in order of id, that contain `q` (NetBox's own search; empty: all)."""
        ...

    async def prefixes(  # noqa: PLR0913 - the filters of the route
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
        """Prefixes in order of id. site, role, tag: slugs; vrf: a name, a route distinguisher or `null`."""
        ...

    async def prefix(self, netbox_id: int) -> Pool | None:
        """The prefix with this id."""
        ...

    async def used(self, pool: Pool) -> int:
        """How many addresses NetBox holds inside the prefix and its VRF."""
        ...
