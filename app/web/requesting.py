"""Asking for an address: choose a prefix, fill the form in, look at what would be made, and make it."""

from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import uuid4

from starlette.responses import Response

from app.domain.errors import BerthError, Violation
from app.domain.inventory import Json, Kind, Pool, Reference
from app.domain.upstream import UpstreamError
from app.edge.strictness import check_text
from app.operations.answers import NameReport, Result
from app.telemetry.events import note
from app.web.door import Door, Visit, status_of
from app.web.forms import beside, link, sent
from app.web.stock import Prefixes
from app.web.views import go_to

ASKED: Final = ("key", "dns_name", "description", "tenant", "mac_address", "reference")
"""Fields of the form that are the API's own."""
KNOWN: Final = (*ASKED, "tags", "prefix")
SUGGESTED: Final = 100


@dataclass(frozen=True, slots=True)
class Requesting:
    """The page `/request`."""

    door: Door
    prefixes: Prefixes

    async def show(self, visit: Visit) -> Response:
        """The prefixes to choose from, or the form for the one that the link names."""
        text = visit.fields.get("prefix", "")
        pools = await self.prefixes.named(visit.caller, text, visit.fields.get("vrf", "")) if text else []
        if len(pools) == 1 and not visit.fields.get("key"):
            return go_to(link("/request", with_key(visit).fields))
        if len(pools) == 1:
            return await self._form(visit, pools[0])
        return await self._choices(visit, pools, missed=text if not pools else "")

    async def send(self, visit: Visit) -> Response:
        """Check the name, look at what would be made, or make it: the button says which."""
        visit = with_key(visit)
        pools = await self.prefixes.named(visit.caller, visit.fields.get("prefix", ""))
        if len(pools) != 1:
            return go_to(link("/request", visit.fields))
        if name := visit.fields.get("take"):
            return await self._form(replace(visit, fields={**visit.fields, "dns_name": name}), pools[0])
        if visit.fields.get("do") == "check":
            return await self._checked(visit, pools[0])
        return await self._submitted(visit, pools[0], dry_run=visit.fields.get("do") == "preview")

    async def _submitted(self, visit: Visit, pool: Pool, *, dry_run: bool) -> Response:
        try:
            result = await self._allocate(visit, pool, dry_run=dry_run)
        except (BerthError, UpstreamError) as error:
            action = "" if dry_run else "allocate"
            told = await self.door.told(visit, error, action, visit.fields.get("key", ""))
            return await self._form(visit, pool, error=told)
        shown = result.allocation
        note(key=shown.key, address=shown.address, outcome=outcome(result, dry_run=dry_run))
        if dry_run:
            return await self._form(visit, pool, preview=shown)
        return go_to(f"/allocations/{shown.key}?{'again' if result.replayed else 'made'}=1")

    async def _allocate(self, visit: Visit, pool: Pool, *, dry_run: bool) -> Result:
        wish = self.door.desk.wish(body_of(visit, pool))
        note(key=wish.key)
        return await self.door.works.run(self.door.desk.allocate(visit.caller, wish, dry_run=dry_run))

    async def _checked(self, visit: Visit, pool: Pool) -> Response:
        report = await self.report(visit, pool)
        if visit.is_live:
            return visit.show("name_report.html", report=report, name=visit.fields.get("dns_name", ""))
        return await self._form(visit, pool, report=report)

    async def report(self, visit: Visit, pool: Pool) -> NameReport | None:
        """What the convention says of the name in the form."""
        name = visit.fields.get("dns_name", "")
        if not name:
            return None
        check_text(name)
        if len(name) > 255:  # noqa: PLR2004 - the longest name of all
            return NameReport((Violation("/dns_name", "too_long", "a name has at most 255 characters"),))
        work = self.door.desk.check_name(visit.caller, name, prefix=pool.id, vrf=None, suggest=True)
        return await self.door.works.run(work)

    async def _form(
        self,
        visit: Visit,
        pool: Pool,
        error: BerthError | None = None,
        report: NameReport | None = None,
        **more: Any,  # noqa: ANN401 - what a template shows
    ) -> Response:
        status = 200 if error is None else status_of(error)
        return visit.show(
            "request.html",
            status,
            stock=await self.prefixes.stock(pool),
            tenants=await self.offers(Kind.TENANT),
            tags=await self.offers(Kind.TAG),
            error=error,
            beside=beside(error, KNOWN),
            report=report,
            name=visit.fields.get("dns_name", ""),
            preview=more.get("preview"),
            other=link("/request", {**visit.fields, "prefix": "", "vrf": ""}),
        )

    async def offers(self, kind: Kind) -> list[Reference]:
        """What a field suggests. NetBox may be down: then it suggests nothing."""
        try:
            return await self.door.works.run(self.door.desk.shelf.offers(kind, "", 0, SUGGESTED))
        except (BerthError, UpstreamError):
            return []

    async def _choices(self, visit: Visit, pools: list[Pool], missed: str) -> Response:
        q, after = visit.fields.get("q", ""), visit.fields.get("after", "")
        if pools:
            stocks, more = [await self.prefixes.stock(pool) for pool in pools], None
        else:
            stocks, more = await self.prefixes.search(visit.caller, q, int(after) if after.isdecimal() else 0)
        kept = {name: value for name, value in visit.fields.items() if name in KNOWN and name != "prefix"}
        links = {stock.pool.id: link("/request", {**kept, "prefix": str(stock.pool.id)}) for stock in stocks}
        onward = link("/request", {**kept, "q": q, "after": str(more)}) if more else ""
        return visit.show(
            "choose.html", stocks=stocks, links=links, q=q, kept=kept, missed=missed, onward=onward
        )


def with_key(visit: Visit) -> Visit:
    """The visit with a key for what its form will make: a double click or a reload is then a repeat.

    The key is in the form's address, so that the browser comes back to the same form, too.
    """
    return replace(visit, fields={**visit.fields, "key": visit.fields.get("key") or f"web-{uuid4()}"})


def body_of(visit: Visit, pool: Pool) -> dict[str, Json]:
    """The request that the form stands for, as the API takes it.

    Raises:
        InvalidRequest: it holds control characters.
    """
    place: dict[str, Json] = {"prefix": str(pool.network), "vrf": pool.vrf.name if pool.vrf else None}
    body = {**place, **sent(visit.fields, ASKED)}
    check_text(body)
    return body


def outcome(result: Result, *, dry_run: bool) -> str:
    """The word of the request's line."""
    return "dry_run" if dry_run else "replayed" if result.replayed else "created"
