"""available-ips: the free addresses of a prefix or range, lowest first, and their allocation.

Free addresses are found by walking the used ones in the order of the index and yielding the gaps, so an
almost empty prefix of any size costs nothing. What NetBox does not look at is not looked at here either:
child prefixes, the status of the prefix, ``mark_utilized``. Only ranges that are ``mark_populated`` are
skipped.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from app.emulator.errors import ApiError, InvalidError, denied, detail, not_found
from app.emulator.pages import DEFAULT, LARGEST
from app.emulator.records import fetch, insert, show, validate
from app.emulator.values import host_bytes, host_text
from app.emulator.wire import Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.emulator.resource import Resource
    from app.emulator.session import Session
    from app.emulator.values import Json, Row
    from app.emulator.wire import Request

INSUFFICIENT = "Insufficient resources are available to satisfy the request"
_WHOLE = (31, 32, 127, 128)


class Pool:
    """The span from which a prefix or range hands out addresses.

    Attributes:
        family: 4 or 6.
        mask: what the addresses get.
        vrf: what the addresses get.
        first, last: the usable span, inclusive.
        any_vrf: addresses in every VRF count as used (a container in the global table).
    """

    def __init__(self, row: Row) -> None:
        ranged = "start_address" in row
        low, high = ("start_address", "end_address_host") if ranged else ("prefix", "prefix_last")
        self.family: int = row[f"{low}_family"]
        self.mask: int = row[f"{low}_mask"]
        self.vrf: int | None = row["vrf"]
        self.first = int.from_bytes(row["start_address_host" if ranged else "prefix_first"], "big")
        self.last = int.from_bytes(row[high], "big")
        self.any_vrf = not ranged and row["vrf"] is None and row["status"] == "container"
        self.populated = bool(ranged and row["mark_populated"])
        self.ranged = ranged
        if not ranged and self.mask not in _WHOLE and not row["is_pool"]:
            self.first += 1
            self.last -= 1 if self.family == 4 else 0  # noqa: PLR2004

    def free(self, session: Session) -> Iterator[int]:
        """Yield the free addresses, lowest first."""
        if self.populated:
            return
        at = self.first
        for low, high in self._taken(session):
            yield from range(at, low)
            at = max(at, high + 1)
        yield from range(at, self.last + 1)

    def _taken(self, session: Session) -> Iterator[tuple[int, int]]:
        """Yield used addresses and populated ranges, in order of where they begin."""
        where = "1" if self.any_vrf else "vrf IS ?"
        values = [self.family, *([] if self.any_vrf else [self.vrf])]
        bounds = [host_bytes(self.first), host_bytes(self.last)]
        used = session.database.each(
            f"SELECT address_host AS low FROM ipam_ipaddress WHERE address_family = ? AND {where} "
            "AND address_host BETWEEN ? AND ? ORDER BY address_host",
            [*values, *bounds],
        )
        blocks = iter(self._blocks(session))
        block = next(blocks, None)
        for row in used:
            host = int.from_bytes(row["low"], "big")
            while block and block[0] <= host:
                yield block
                block = next(blocks, None)
            yield host, host
        while block:
            yield block
            block = next(blocks, None)

    def _blocks(self, session: Session) -> list[tuple[int, int]]:
        """Return the populated ranges inside a prefix."""
        if self.ranged:
            return []
        found = session.database.rows(
            "SELECT start_address_host AS low, end_address_host AS high FROM ipam_iprange "
            "WHERE mark_populated AND start_address_family = ? AND vrf IS ? "
            "AND end_address_host >= ? AND start_address_host <= ? ORDER BY start_address_host",
            [self.family, self.vrf, host_bytes(self.first), host_bytes(self.last)],
        )
        return [
            (max(int.from_bytes(row["low"], "big"), self.first), int.from_bytes(row["high"], "big"))
            for row in found
        ]


def _pool(session: Session, parent: Resource, number: int) -> Pool:
    allowed = session.account.restriction(session, parent, "view") or ("0", [])
    rows = fetch(session, parent, f"id = ? AND {allowed[0]}", [number, *allowed[1]])
    if not rows:
        raise not_found(parent.name)
    return Pool(rows[0])


def preview(session: Session, parent: Resource, number: int, request: Request) -> Response:
    """Answer with free addresses: 50, as asked for, at most 1000; a negative limit lists all."""
    session.account.require(session, session.resource("ipam.ipaddress"), "view")
    pool = _pool(session, parent, number)
    asked = request.parameter("limit")
    limit = int(asked) if asked.lstrip("-").isdigit() else DEFAULT
    free = pool.free(session)
    hosts = free if limit < 0 else islice(free, min(limit or LARGEST, LARGEST))
    vrf = session.brief("ipam.vrf", pool.vrf) if pool.vrf else None
    return Response(
        200,
        [
            {"family": pool.family, "address": f"{host_text(host, pool.family)}/{pool.mask}", "vrf": vrf}
            for host in hosts
        ],
    )


def allocate(session: Session, parent: Resource, number: int, request: Request) -> Response:
    """Create addresses, all or none; the caller holds the lock."""
    addresses = session.resource("ipam.ipaddress")
    allowed = session.account.require(session, addresses, "add")
    pool = _pool(session, parent, number)
    data = request.data()
    items = data if isinstance(data, list) else [data]
    _check_items(session, pool, items)
    hosts = list(islice(pool.free(session), len(items)))
    if len(hosts) < len(items):
        raise detail(409, INSUFFICIENT)
    values = _validated(session, pool, items, hosts, alone=not isinstance(data, list))
    with session.database.transaction():
        rows = [insert(session, addresses, item) for item in values]
        for row in rows if allowed[0] != "1" else []:
            if not fetch(session, addresses, f"id = ? AND {allowed[0]}", [row["id"], *allowed[1]]):
                raise denied()
    shown = [show(session, addresses, row) for row in rows]
    return Response(201, shown if isinstance(data, list) else shown[0])


def _check_items(session: Session, pool: Pool, items: list[Json]) -> None:
    """Refuse, before the lock, what is no object or asks for an impossible mask; always by position."""
    errors = [_item_error(session, pool, item) for item in items]
    if any(errors):
        raise ApiError(400, errors)


def _item_error(session: Session, pool: Pool, item: Json) -> Json:
    if item is None:
        return ["This field may not be null."]
    if not isinstance(item, dict):
        text = f"Invalid data. Expected a dictionary, but got {type(item).__name__}."
        return {session.release.non_field: [text]}
    if "prefix_length" not in item or not session.release.modern:
        return {}
    return _length_error(pool, item["prefix_length"])


def _length_error(pool: Pool, length: Json) -> Json:
    if length is None:
        return {"prefix_length": ["This field may not be null."]}
    if isinstance(length, bool) or not str(length).isdigit():
        return {"prefix_length": ["A valid integer is required."]}
    if int(length) < pool.mask:
        text = f"Prefix length must be greater than or equal to the parent mask length ({pool.mask})"
        return {"prefix_length": text}
    if int(length) > (32 if pool.family == 4 else 128):  # noqa: PLR2004
        wrong = 6 if pool.family == 4 else 4  # noqa: PLR2004 - NetBox names the other family
        return {"prefix_length": f"Invalid prefix length ({length}) for IPv{wrong}"}
    return {}


def _validated(session: Session, pool: Pool, items: list[Row], hosts: list[int], *, alone: bool) -> list[Row]:
    """Validate every item before any is stored; a list reports errors by position."""
    values: list[Row] = []
    errors: list[Row] = []
    for item, host in zip(items, hosts, strict=True):
        mask = (item.get("prefix_length") if session.release.modern else None) or pool.mask
        placed = {**item, "address": f"{host_text(host, pool.family)}/{mask}", "vrf": pool.vrf}
        try:
            values.append(validate(session, session.resource("ipam.ipaddress"), placed))
            errors.append({})
        except InvalidError as error:
            errors.append(error.errors)
    if any(errors):
        raise ApiError(400, errors[0] if alone else errors)
    return values
