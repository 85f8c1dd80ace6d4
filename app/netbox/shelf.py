"""What a form offers to choose from: pages by id, straight from NetBox."""

import ipaddress
from collections.abc import Callable, Mapping

from app.domain.errors import UnknownReference, Violation
from app.domain.inventory import Address, Json, Kind, Pool, Reference
from app.domain.upstream import Rejected
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
        self._taken = Listing(line, PATH, lambda row: translate.address(row, links))
        self._ranges = Listing(line, "ipam/ip-ranges/", lambda row: translate.ip_range(row, links))
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
            UnknownReference: NetBox has no such site, role, tag or VRF; with near matches.
        """
        params = _given(site=site, role=role, tag=tag, q=q, id__gt=after)
        if vrf == "null":
            params |= in_vrf(None)
        elif vrf:
            known = [each.id for each in await self._inventory.vrfs(vrf)]
            if not known:
                raise UnknownReference(errors=[await self._unknown("vrf", Kind.VRF, vrf)])
            params["vrf_id"] = known
        try:
            rows, _ = await self._prefixes.page(params, limit)
        except Rejected as error:
            await self._explain(
                {"site": (Kind.SITE, site), "role": (Kind.ROLE, role), "tag": (Kind.TAG, tag)}
            )
            raise error from None
        return [row for row in rows if row.id > after][:limit]

    async def _explain(self, filters: Mapping[str, tuple[Kind, str | None]]) -> None:
        """NetBox refuses a filter whose value it does not have, and does not say what it has instead."""
        errors = [
            await self._unknown(word, kind, name)
            for word, (kind, name) in filters.items()
            if name and not await self._inventory.references(kind, [name])
        ]
        if errors:
            raise UnknownReference(errors=errors)

    async def _unknown(self, word: str, kind: Kind, name: str) -> Violation:
        near = await self._inventory.near(kind, name)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        return Violation("", "unknown", f"query parameter `{word}`: NetBox has no {word} {name!r}{hint}")

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

    async def taken(self, pool: Pool) -> list[Address]:
        """The addresses that NetBox holds inside the prefix and its VRF, whoever made them."""
        params = {"parent": str(pool.network), **in_vrf(pool.vrf_id)}
        return await self._taken.matching(
            params, lambda row: row.vrf_id == pool.vrf_id and row.address.ip in pool.network
        )

    async def ranges(self, pool: Pool) -> list[Pool]:
        """The IP ranges inside the prefix and its VRF."""
        params = {"parent": str(pool.network), **in_vrf(pool.vrf_id)}
        return await self._ranges.matching(
            params, lambda row: row.vrf_id == pool.vrf_id and row.first in pool.network
        )


def _translator(kind: Kind) -> Callable[[Json], Reference]:
    return translate.vrf if kind is Kind.VRF else translate.named


def _given(**params: str | int | None) -> dict[str, Value]:
    """The filters that have a value: NetBox answers an empty one with everything."""
    return {name: value for name, value in params.items() if value}
