"""Finding IP addresses again: by id, claim, host or name. Nothing here writes, nothing is cached."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from app.domain.errors import NetBoxNonsense
from app.domain.inventory import CLAIM_FIELD, Address, Host, Json, Pool
from app.domain.upstream import Missing, PermissionRefused, Rejected
from app.netbox import translate
from app.netbox.cache import Cache
from app.netbox.gather import Gatherer
from app.netbox.resilience import Line
from app.netbox.rows import PAGE, Listing, chunks, grown, one_of
from app.netbox.translate import Row
from app.netbox.wire import Question, Value

PATH: Final = "ipam/ip-addresses/"
_CLAIM: Final = f"cf_{CLAIM_FIELD}"
_ANY_CLAIM: Final = f"cf_{CLAIM_FIELD}__empty"
_MARKS_SECONDS: Final = 5.0
_Ends: TypeAlias = tuple[str, str, int | None]
"""How a name begins and ends, and the id of its VRF."""
_PARENTS: Final = {
    "virtualization.vminterface": "virtualization/virtual-machines/",
    "dcim.interface": "dcim/devices/",
}


def in_vrf(vrf_id: int | None) -> dict[str, Value]:
    """The filter for a VRF: NetBox takes the word `null` for the global table."""
    return {"vrf_id": "null" if vrf_id is None else vrf_id}


class Lookups:
    """Reads of addresses. Callers that ask for ids or names at the same time share one call."""

    def __init__(self, line: Line, links: str) -> None:
        self._line = line
        self.links = links
        self._marks = Cache(_MARKS_SECONDS, line.clock)
        self._by_id: Gatherer[int, Address] = Gatherer(self._fetch_ids, line.clock)
        self._by_name: Gatherer[str, list[Address]] = Gatherer(self._fetch_names, line.clock)
        self._by_ends: Gatherer[_Ends, list[Address]] = Gatherer(self._fetch_ends, line.clock)
        self._listing = Listing(line, PATH, self.translate)

    def translate(self, data: Json) -> Address:
        """An address as NetBox shows it."""
        return translate.address(data, self.links)

    async def read(self, netbox_id: int) -> Address | None:
        """The address with this id and its ETag (NetBox >= 4.6.0); None if it is gone or hidden."""
        question = Question(method="GET", path=f"{PATH}{netbox_id}/", endpoint=f"{PATH}{{id}}/")
        try:
            reply = await self._line.ask(question)
        except Missing:
            return None
        return translate.address(reply.data, self.links, reply.etag)

    async def read_many(self, netbox_ids: Sequence[int]) -> list[Address]:
        """Those that NetBox shows, without ETags: lists carry none."""
        return list((await self._by_id.ask(netbox_ids)).values())

    async def find_claims(self, keys: Sequence[str]) -> list[Address]:
        """Every address whose claim is exactly one of the keys.

        `null` is never sent: to NetBox `cf_berth_key=null` means "without a claim" (measured: 103 168 rows).
        """
        legal = [key for key in dict.fromkeys(keys) if key not in ("", "null")]
        found: list[Address] = []
        for part in chunks(_CLAIM, legal):
            fits = one_of(part, _key)
            found += await self._listing.matching({_CLAIM: part}, fits, limit=2 * len(part) + 10)
        return found

    async def find_host(self, host: Host, vrf_id: int | None) -> list[Address]:
        """Every address with this host part: `address=` without a mask matches whatever mask (measured)."""
        return await self._listing.matching(
            {"address": str(host), **in_vrf(vrf_id)},
            lambda row: row.address.ip == host and row.vrf_id == vrf_id,
            limit=50,
        )

    async def find_name(self, dns_name: str, vrf_id: int | None) -> list[Address]:
        """Every address with this name: stored in lower case, and compared so (the filter is exact)."""
        name = dns_name.lower()
        if not name:
            return []
        found = (await self._by_name.ask([name])).get(name, [])
        return [address for address in found if address.vrf_id == vrf_id]

    async def find_names(self, before: str, after: str, vrf_id: int | None) -> list[Address]:
        """Every address in the VRF whose name begins and ends so, in lower case; none without an end."""
        if not before and not after:
            return []
        ends = (before.lower(), after.lower(), vrf_id)
        return (await self._by_ends.ask([ends])).get(ends, [])

    async def claimed_after(self, netbox_id: int, limit: int) -> list[Address]:
        """Addresses with any claim and a larger id, in order of id.

        Raises:
            NetBoxNonsense: a full page without one claim, so NetBox does not know the custom field.
        """
        wanted = max(1, min(limit, PAGE))
        found: list[Address] = []
        after = netbox_id
        while True:
            rows, last = await self._listing.page({_ANY_CLAIM: "false", "id__gt": after}, wanted)
            claimed = [row for row in rows if row.key and row.id > after]
            found += claimed
            if len(rows) < wanted or len(found) >= wanted:
                return found[:wanted]
            if not claimed:
                raise NetBoxNonsense(f"NetBox ignored the filter {_ANY_CLAIM}: does the custom field exist?")
            after = grown(last, after)

    async def marked(self, pool: Pool, role: str, tag: str) -> list[Address]:
        """Addresses of the pool with this role, or this tag (slug); at least one of the two is set.

        What was found is remembered for 5 seconds: every allocation asks. A tag that NetBox does not have
        (it refuses the filter: 400) marks nothing.
        """
        key = (pool.kind, pool.id, role, tag)
        return await self._marks.get(key, lambda: self._find_marked(pool, role, tag))

    async def _find_marked(self, pool: Pool, role: str, tag: str) -> list[Address]:
        marks: dict[str, Value] = {name: mark for name, mark in (("role", role), ("tag", tag)) if mark}
        try:
            return await self._listing.matching(
                {"parent": str(pool.network), **in_vrf(pool.vrf_id), **marks},
                lambda row: (
                    row.vrf_id == pool.vrf_id
                    and pool.holds(row.address.ip)
                    and (not role or row.role == role)
                    and (not tag or tag in {each.slug for each in row.tags})
                ),
                limit=50,
            )
        except Rejected as error:
            if any("tag" in fault.messages for fault in error.items.values()):
                return []
            raise

    async def is_primary(self, address: Address) -> bool:
        """Whether the device or VM that it is assigned to has it as its primary address.

        Raises:
            PermissionRefused: the token may not see the device or VM.
        """
        assigned = address.assigned
        if assigned is None or assigned.parent_id is None or assigned.object_type not in _PARENTS:
            return False
        path = _PARENTS[assigned.object_type]
        question = Question(
            method="GET",
            path=f"{path}{assigned.parent_id}/",
            endpoint=f"{path}{{id}}/",
            params={"fields": "id,primary_ip4,primary_ip6"},
        )
        try:
            row = Row((await self._line.ask(question)).data, assigned.parent)
        except Missing:
            raise PermissionRefused(
                f"the token may not see {assigned.parent or 'the device or VM'}"
            ) from None
        return address.id in (row.maybe("primary_ip4", _id), row.maybe("primary_ip6", _id))

    async def _fetch_ids(self, netbox_ids: Sequence[int]) -> Mapping[int, Address]:
        found: list[Address] = []
        for part in chunks("id", netbox_ids):
            fits = one_of(part, _number)
            found += await self._listing.matching({"id": part}, fits, limit=len(part) + 1)
        return {row.id: row for row in found}

    async def _fetch_names(self, names: Sequence[str]) -> Mapping[str, list[Address]]:
        found: dict[str, list[Address]] = {name: [] for name in names}
        for part in chunks("dns_name", names):
            fits = one_of(part, _name)
            for row in await self._listing.matching({"dns_name": part}, fits):
                found[_name(row)].append(row)
        return found

    async def _fetch_ends(self, wanted: Sequence[_Ends]) -> Mapping[_Ends, list[Address]]:
        return {ends: await self._fetch_between(*ends) for ends in wanted}

    async def _fetch_between(self, before: str, after: str, vrf_id: int | None) -> list[Address]:
        """Both lookups ignore case, and an empty one would be ignored."""
        ends = {"dns_name__isw": before, "dns_name__iew": after}
        return await self._listing.matching(
            {**{lookup: end for lookup, end in ends.items() if end}, **in_vrf(vrf_id)},
            lambda row: row.vrf_id == vrf_id and _name(row).startswith(before) and _name(row).endswith(after),
        )


def _id(row: Row) -> int:
    return row.number("id")


def _key(address: Address) -> str | None:
    return address.key


def _number(address: Address) -> int:
    return address.id


def _name(address: Address) -> str:
    return address.dns_name.lower()
