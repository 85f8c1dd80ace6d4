"""What a form offers to choose from: pages by id, straight from NetBox."""

import ipaddress
from collections.abc import Callable

from app.domain.inventory import Json, Kind, Pool, Reference
from app.netbox import translate
from app.netbox.inventory import Inventory
from app.netbox.kinds import KINDS
from app.netbox.lookups import PATH, in_vrf
from app.netbox.resilience import Line
from app.netbox.rows import Listing, chunks
from app.netbox.wire import Value


class Shelf:
    """Lists for people. Unlike look-ups for a request, a wrong filter value is NetBox's to refuse."""

    def __init__(self, line: Line, links: str, inventory: Inventory) -> None:
        self._inventory = inventory
        self._prefixes = Listing(line, "ipam/prefixes/", lambda row: translate.prefix(row, links))
        self._addresses = Listing(line, PATH, lambda row: row)
        self._kinds = {kind: Listing(line, path, _translator(kind)) for kind, (path, _) in KINDS.items()}

    async def offers(self, kind: Kind, q: str, after: int, limit: int) -> list[Reference]:
        """Objects of a kind, in order of id, that contain `q` (NetBox's own search; empty: all)."""
        rows, _ = await self._kinds[kind].page(_given(q=q, id__gt=after), limit)
        return [row for row in rows if row.id > after][:limit]

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
        """Prefixes in order of id. site, role, tag: slugs; vrf: a name, a route distinguisher or `null`.

        Raises:
            Rejected: NetBox has no such site, role or tag.
        """
        params = _given(site=site, role=role, tag=tag, q=q, id__gt=after)
        if vrf == "null":
            params |= in_vrf(None)
        elif vrf:
            known = [each.id for each in await self._inventory.vrfs(vrf)]
            if not known:
                return []
            params["vrf_id"] = known
        rows, _ = await self._prefixes.page(params, limit)
        return [row for row in rows if row.id > after][:limit]

    async def prefix(self, netbox_id: int) -> Pool | None:
        """The prefix with this id; a few seconds old at most."""
        return await self._inventory.prefix(netbox_id)

    async def used(self, pool: Pool) -> int:
        """How many addresses NetBox holds inside the prefix or range and its VRF."""
        if pool.first is None or pool.last is None:
            networks = [str(pool.network)]
        else:
            networks = [str(part) for part in ipaddress.summarize_address_range(pool.first, pool.last)]
        total = 0
        for part in chunks("parent", networks):
            total += await self._addresses.count({"parent": part, **in_vrf(pool.vrf_id)})
        return total


def _translator(kind: Kind) -> Callable[[Json], Reference]:
    return translate.vrf if kind is Kind.VRF else translate.named


def _given(**params: str | int | None) -> dict[str, Value]:
    """The filters that have a value: NetBox answers an empty one with everything."""
    return {name: value for name, value in params.items() if value}
