"""Prefixes, ranges, VRFs and the other objects that requests name; remembered for a short time.

`GET prefixes/{id}/` costs NetBox as much as an allocation (31 to 43 ms of CPU, measured), hence the memory.
Callers that need to be sure compare with what an allocation brings, and `forget`.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial

from app.domain.commands import UNSET, Maybe
from app.domain.errors import NetBoxNonsense
from app.domain.inventory import (
    Assignment,
    Host,
    Kind,
    Network,
    Parent,
    ParentKind,
    Pool,
    Reference,
    Vrf,
)
from app.netbox import translate
from app.netbox.cache import Cache
from app.netbox.gateway import free
from app.netbox.interfaces import Interfaces, closest
from app.netbox.kinds import KINDS
from app.netbox.lookups import in_vrf
from app.netbox.resilience import Line
from app.netbox.rows import Listing
from app.netbox.wire import Value


class Inventory:
    """Looks up what a request names. Answers may be as old as `cache_seconds`; "there is none" never is."""

    def __init__(self, line: Line, links: str, cache_seconds: float) -> None:
        self._line = line
        self._cache = Cache(cache_seconds, line.clock)
        self._prefixes = Listing(line, "ipam/prefixes/", partial(translate.prefix, links=links))
        self._ranges = Listing(line, "ipam/ip-ranges/", partial(translate.ip_range, links=links))
        self._vrfs = Listing(line, "ipam/vrfs/", translate.vrf)
        self._interfaces = Interfaces(line)
        self._kinds = {kind: Listing(line, path, translate.named) for kind, (path, _) in KINDS.items()}

    async def prefix(self, netbox_id: int) -> Pool | None:
        """The prefix with this id."""
        return await self._cache.get(("prefix", netbox_id), lambda: self._prefixes.one(netbox_id))

    async def prefixes_at(self, network: Network) -> list[Pool]:
        """Every prefix with exactly this network, in whatever VRF."""
        return await self._pools(
            ("at", network), {"prefix": str(network)}, lambda pool: pool.network == network
        )

    async def prefixes_around(self, host: Host, vrf_id: Maybe[int]) -> list[Pool]:
        """Every prefix of the VRF (unset: of any) that contains the host, the most specific one first."""
        where = {} if vrf_id is UNSET else in_vrf(vrf_id)
        found = await self._pools(
            ("around", host, vrf_id),
            {"contains": str(host), **where},
            lambda pool: pool.holds(host) and vrf_id in (UNSET, pool.vrf_id),
        )
        return sorted(found, key=lambda pool: pool.network.prefixlen, reverse=True)

    async def ip_range(self, netbox_id: int) -> Pool | None:
        """The IP range with this id."""
        return await self._cache.get(("range", netbox_id), lambda: self._ranges.one(netbox_id))

    async def ranges_at(self, first: Host, last: Host) -> list[Pool]:
        """Every IP range with exactly these bounds, in whatever VRF."""
        return await self._cache.get(
            ("ranges at", first, last),
            lambda: self._ranges.matching(
                {"start_address": str(first), "end_address": str(last)},
                lambda pool: (pool.first, pool.last) == (first, last),
            ),
        )

    async def vrfs(self, reference: str | int) -> list[Vrf]:
        """VRFs by id, or by name or route distinguisher (written exactly as in NetBox)."""
        return await self._cache.get(("vrf", reference), lambda: self._find_vrfs(reference))

    async def references(self, kind: Kind, names: Sequence[str | int]) -> dict[str | int, Reference]:
        """Those of the names that NetBox has: an id, a slug or a name, written exactly as in NetBox.

        A slug goes before a name; a name that several objects have (clusters, tenants in groups) is left
        out, so that nobody gets another one than they meant.
        """
        found = {name: await self._reference(kind, name) for name in dict.fromkeys(names) if name != ""}
        return {name: each for name, each in found.items() if each is not None}

    async def near(self, kind: Kind, name: str) -> list[str]:
        """Up to three names or slugs (of two that differ in case only, the slug) among the first 1000."""
        rows = await self._cache.get(("all", kind), lambda: self._first(kind))
        return closest(name, (word for row in rows for word in (row.name, row.slug)))

    async def interfaces(self, kind: ParentKind, reference: str | int, name: str) -> list[Assignment]:
        """Every interface of this name on the devices or VMs of this name or id; never remembered."""
        return await self._interfaces.find(kind, reference, name)

    async def parents(self, kind: ParentKind, reference: str | int) -> list[Parent]:
        """The devices or VMs that this name or id stands for; never remembered."""
        return await self._interfaces.parents(kind, reference)

    async def near_parents(self, kind: ParentKind, name: str) -> list[str]:
        """Up to three names of devices or VMs that resemble this one, among the first 1000."""
        return await self._interfaces.near_parents(kind, name)

    async def near_interfaces(self, kind: ParentKind, parent_id: int, name: str) -> list[str]:
        """Up to three of the interfaces of a device or VM whose names resemble this one."""
        return await self._interfaces.near(kind, parent_id, name)

    async def preview(self, pool: Pool, limit: int) -> list[str]:
        """The next free addresses, with masks, as NetBox would hand them out now; never remembered."""
        try:
            return [str(each) for each in await free(self._line, pool, limit)]
        except NetBoxNonsense:  # addresses outside of the pool: it has other bounds by now
            self.forget(pool)
            raise

    def forget(self, pool: Pool) -> None:
        """Drop what is remembered about a pool, and every list that holds it."""
        self._cache.forget(lambda _key, value: _is_about(value, pool))

    def forget_kind(self, kind: Kind) -> None:
        """Drop what is remembered about all objects of a kind."""
        word = "vrf" if kind is Kind.VRF else kind
        self._cache.forget(lambda key, _value: isinstance(key, tuple) and (kind in key or key[0] == word))

    async def _pools(
        self, key: Hashable, params: Mapping[str, Value], fits: Callable[[Pool], bool]
    ) -> list[Pool]:
        return await self._cache.get(key, lambda: self._prefixes.matching(params, fits))

    async def _find_vrfs(self, reference: str | int) -> list[Vrf]:
        if isinstance(reference, int):
            return await self._vrfs.matching({"id": reference}, lambda vrf: vrf.id == reference)
        if not reference:
            return []
        named = await self._vrfs.matching({"name": reference}, lambda vrf: vrf.name == reference)
        by_rd = await self._vrfs.matching({"rd": reference}, lambda vrf: vrf.rd == reference)
        return list({vrf.id: vrf for vrf in (*named, *by_rd)}.values())

    async def _reference(self, kind: Kind, name: str | int) -> Reference | None:
        return await self._cache.get((kind, name), lambda: self._find_reference(kind, name))

    async def _find_reference(self, kind: Kind, name: str | int) -> Reference | None:
        listing = self._kinds[kind]
        if isinstance(name, int):
            by_id = await listing.matching({"id": name}, lambda row: row.id == name, limit=2)
            return by_id[0] if by_id else None
        if KINDS[kind][1]:
            by_slug = await listing.matching({"slug": name}, lambda row: row.slug == name)
            if len(by_slug) == 1:
                return by_slug[0]
        named = await listing.matching({"name": name}, lambda row: row.name == name)
        return named[0] if len(named) == 1 else None

    async def _first(self, kind: Kind) -> list[Reference]:
        rows, _ = await self._kinds[kind].page({}, 1000)
        return rows


def _is_about(value: object, pool: Pool) -> bool:
    pools = value if isinstance(value, list) else [value]
    return any(isinstance(each, Pool) and (each.kind, each.id) == (pool.kind, pool.id) for each in pools)
