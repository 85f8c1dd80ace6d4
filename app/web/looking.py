"""Pages that only show: prefixes and their pictures, the audit log, and how Berth is."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from starlette.responses import Response

from app.domain.errors import InvalidRequest, Violation
from app.edge.strictness import check_text
from app.ledger.records import Span
from app.web.door import Door, Visit
from app.web.forms import Fields, link
from app.web.stock import PICTURED, Prefixes, picture

EVENTS: Final = 50
FILTERED: Final = ("event", "action", "owner", "name", "address", "key", "request_id")
EVENT_WORDS: Final = ("intent", "outcome", "denied", "note")


@dataclass(frozen=True, slots=True)
class Looking:
    """These pages."""

    door: Door
    prefixes: Prefixes

    async def all_prefixes(self, visit: Visit) -> Response:
        """What the caller may allocate from, and how full it is."""
        q, after = visit.fields.get("q", ""), visit.fields.get("after", "")
        stocks, more = await self.prefixes.search(visit.caller, q, int(after) if after.isdecimal() else 0)
        onward = link("/prefixes", {"q": q, "after": str(more)}) if more else ""
        return visit.show("prefixes.html", stocks=stocks, q=q, onward=onward)

    async def one_prefix(self, visit: Visit) -> Response:
        """A prefix, address by address."""
        pool = await self.prefixes.one(visit.caller, visit.request.path_params["prefix_id"])
        stock = await self.prefixes.stock(pool)
        whole = pool.network.num_addresses <= PICTURED
        taken = await self.door.works.run(self.door.desk.shelf.taken(pool)) if whole else []
        spans = await self.door.works.run(self.door.desk.shelf.ranges(pool)) if whole else []
        return visit.show("prefix.html", stock=stock, cells=picture(pool, taken, spans) if whole else [])

    async def audit(self, visit: Visit) -> Response:
        """The audit log, the newest line first."""
        check_text(dict(visit.fields))
        wanted = {name: value for name in FILTERED if (value := visit.fields.get(name))}
        span = Span(
            since=_time(visit.fields, "since", 0.0),
            until=_time(visit.fields, "until", 2.0**40),
            newest_first=True,
        )
        work = self.door.desk.audit(visit.caller, wanted, visit.fields.get("after") or None, EVENTS, span)
        page = await self.door.works.run(work)
        chain = [vital for vital in await self.door.desk.vitals() if vital.name == "Audit chain"]
        onward = link("/audit", {**visit.fields, "after": page.next}) if page.next else ""
        return visit.show("audit.html", events=page.items, words=EVENT_WORDS, chain=chain, onward=onward)

    async def status(self, visit: Visit) -> Response:
        """What an operator looks at first."""
        return visit.show("status.html", vitals=await self.door.desk.vitals())


def _time(fields: Fields, name: str, default: float) -> float:
    """A time as a browser's field writes it, in UTC.

    Raises:
        InvalidRequest: it is none.
    """
    text = fields.get(name, "")
    if not text:
        return default
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        detail = f"write the time as 2026-01-31T09:30; {text[:40]!r} is none"
        raise InvalidRequest(errors=[Violation(f"/{name}", "time", detail)]) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
