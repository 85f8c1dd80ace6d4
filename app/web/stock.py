"""Prefixes as people see them: how full they are, what is free next, and a picture of them."""

import asyncio
import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from app.domain.commands import Caller
from app.domain.errors import BerthError, NotFound
from app.domain.inventory import Address, Host, Pool
from app.domain.upstream import UpstreamError
from app.edge.works import Works
from app.web.ports import WebDesk

ON_A_PAGE: Final = 15
PICTURED: Final = 1024
"""Addresses of which each gets a cell."""


@dataclass(frozen=True, slots=True)
class Stock:
    """A prefix, and what is left of it. `next` is what is free next, `closed` why nothing is given out."""

    pool: Pool
    size: int
    used: int
    next: str | None
    closed: str | None

    @property
    def percent(self) -> float:
        """How full it is."""
        return min(100.0, round(100 * self.used / self.size, 1))

    @property
    def free(self) -> str:
        """How many are free, in words."""
        free = max(0, self.size - self.used)
        return f"{free:,}" if free < 10**9 else "more than 10⁹"

    @property
    def level(self) -> str:
        """The colour of its bar."""
        full, nearly = 95, 80
        return "full" if self.percent >= full else "nearly" if self.percent >= nearly else "fine"


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Looks prefixes up, and only those that the caller may see."""

    desk: WebDesk
    works: Works

    async def search(self, caller: Caller, q: str, after: int) -> tuple[list[Stock], int | None]:
        """A page of those that contain the words, and the id to go on after."""
        asked = self.desk.shelf.prefixes(
            site=None, role=None, tag=None, vrf=None, q=q, after=after, limit=ON_A_PAGE + 1
        )
        found = await self.works.run(asked)
        seen = [pool for pool in found[:ON_A_PAGE] if self.desk.sees(caller, pool)]
        more = found[ON_A_PAGE - 1].id if len(found) > ON_A_PAGE else None
        return list(await asyncio.gather(*map(self.stock, seen))), more

    async def named(self, caller: Caller, text: str, vrf: str = "") -> list[Pool]:
        """Those that a link means: by id, or by CIDR in one VRF or in any."""
        if text.isascii() and text.isdigit() and len(text) < 15:  # noqa: PLR2004 - as long as an id can be
            pool = await self.works.run(self.desk.shelf.prefix(int(text)))
            found = [pool] if pool else []
        else:
            found = await self._at(text)
        found = [pool for pool in found if not vrf or (pool.vrf and vrf in (pool.vrf.name, str(pool.vrf_id)))]
        return [pool for pool in found if self.desk.sees(caller, pool)]

    async def one(self, caller: Caller, text: str) -> Pool:
        """The one with this id.

        Raises:
            NotFound: there is none, or the caller may not see it.
        """
        found = await self.named(caller, text) if text.isdigit() else []
        if not found:
            raise NotFound("There is no such prefix, or you may not allocate from it.")
        return found[0]

    async def stock(self, pool: Pool) -> Stock:
        """How full a prefix is, and what is free next."""
        used = await self.works.run(self.desk.shelf.used(pool))
        closed = self.desk.closed_because(pool)
        return Stock(pool, self.desk.size_of(pool), used, None if closed else await self._next(pool), closed)

    async def _next(self, pool: Pool) -> str | None:
        try:
            free = await self.works.run(self.desk.preview(pool, 1))
        except (BerthError, UpstreamError):
            return None
        return free[0] if free else None

    async def _at(self, text: str) -> list[Pool]:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            return []
        found = await self.works.run(
            self.desk.shelf.prefixes(
                site=None, role=None, tag=None, vrf=None, q=str(network), after=0, limit=200
            )
        )
        return [pool for pool in found if pool.network == network]


@dataclass(frozen=True, slots=True)
class Cell:
    """One address in the picture. `kind` is free, ours, taken, reserved, range or edge."""

    host: Host
    kind: str
    words: str
    key: str = ""


def picture(pool: Pool, taken: Iterable[Address], ranges: Iterable[Pool]) -> list[Cell]:
    """Every address of a prefix, the first one first; at most `PICTURED` of them."""
    held = {each.address.ip: each for each in taken}
    spans = list(ranges)
    return [_cell(pool, host, held.get(host), spans) for host in _hosts(pool)]


def _hosts(pool: Pool) -> Iterator[Host]:
    first = pool.network.network_address
    for number in range(min(PICTURED, pool.network.num_addresses)):
        yield first + number


def _cell(pool: Pool, host: Host, held: Address | None, spans: list[Pool]) -> Cell:
    if held is not None:
        kind = "ours" if held.key else "reserved" if held.status in ("reserved", "deprecated") else "taken"
        who = " ".join(filter(None, [held.dns_name, held.description]))
        word = {"ours": "taken by Berth", "reserved": held.status, "taken": "taken by others"}[kind]
        return Cell(host, kind, f"{host} {word} {who}".strip(), held.key or "")
    for span in spans:
        if span.holds(host):
            return Cell(host, "range", f"{host} in {span}")
    if not pool.is_pool and pool.network.version == 4 and pool.network.prefixlen < 31:  # noqa: PLR2004
        if host == pool.network.network_address:
            return Cell(host, "edge", f"{host} the network itself")
        if host == pool.network.broadcast_address:
            return Cell(host, "edge", f"{host} the broadcast address")
    return Cell(host, "free", f"{host} free")
