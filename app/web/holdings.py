"""What a caller holds: allocations and machines, each with what happened to it, and the way to give it up."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from app.domain.errors import BerthError, NotFound
from app.domain.inventory import Json
from app.domain.rights import Action
from app.domain.upstream import UpstreamError
from app.edge.strictness import check_text
from app.ledger.records import Span
from app.operations.answers import Filters, Result
from app.operations.machine_answers import MachineFilters
from app.telemetry.events import note
from app.web.door import Door, Visit, status_of
from app.web.forms import Fields, link
from app.web.snippets import snippets
from app.web.views import go_to

ON_A_PAGE: Final = 50
_MAC: Final = re.compile(r"([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}|([0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}")


def filters_of(fields: Fields) -> Filters:
    """What the words in the search are: an address, a MAC address, or a name."""
    q, owner = fields.get("q", ""), fields.get("owner") or None
    if not q:
        return Filters(owner=owner)
    if _MAC.fullmatch(q):
        return Filters(owner=owner, mac_address=q)
    try:
        ipaddress.ip_interface(q)
    except ValueError:
        return Filters(owner=owner, dns_name=q)
    return Filters(owner=owner, address=q)


@dataclass(frozen=True, slots=True)
class Allocations:
    """The pages below `/allocations`."""

    door: Door

    async def page(self, visit: Visit) -> Response:
        """Those that the search finds; a key leads to its allocation at once."""
        check_text(dict(visit.fields))
        filters, cursor = filters_of(visit.fields), visit.fields.get("after") or None
        work = self.door.desk.list_allocations(visit.caller, filters, cursor, ON_A_PAGE)
        found = await self.door.works.run(work)
        items = found.items or await self._under_key(visit)
        onward = link("/allocations", {**visit.fields, "after": found.next}) if found.next else ""
        shown = [result.allocation for result in items]
        return visit.show("allocations.html", items=shown, onward=onward, q=visit.fields.get("q", ""))

    async def _under_key(self, visit: Visit) -> tuple[Result, ...]:
        key = visit.fields.get("q", "")
        if not key or len(key) > 300:  # noqa: PLR2004 - the longest key
            return ()
        try:
            return (await self.door.works.run(self.door.desk.read(visit.caller, key)),)
        except BerthError:
            return ()

    async def one(self, visit: Visit) -> Response:
        """An allocation: what to copy, what would have done the same, and what happened to it."""
        return await self._show(visit, None)

    async def release(self, visit: Visit) -> Response:
        """Ask whether it is meant, or do it."""
        key = visit.request.path_params["key"]
        if visit.fields.get("do") != "release":
            result = await self.door.works.run(self.door.desk.read(visit.caller, key))
            return visit.show("release.html", item=result.allocation)
        try:
            await self.door.works.run(self.door.desk.release(visit.caller, key))
        except NotFound:
            pass
        except (BerthError, UpstreamError) as error:
            return await self._show(visit, await self.door.told(visit, error, "release", key))
        note(key=key, outcome="released")
        return go_to(link("/allocations", {"released": key}))

    async def _show(self, visit: Visit, error: BerthError | None) -> Response:
        key = visit.request.path_params["key"]
        note(key=key)
        result = await self.door.works.run(self.door.desk.read(visit.caller, key))
        shown = result.allocation
        return visit.show(
            "allocation.html",
            200 if error is None else status_of(error),
            item=shown,
            error=error,
            snippets=snippets(str(visit.request.base_url).rstrip("/"), shown),
            history=await history(self.door, visit, key),
        )


@dataclass(frozen=True, slots=True)
class MachineList:
    """The pages below `/machines`."""

    door: Door

    async def page(self, visit: Visit) -> Response:
        """Those that the search finds."""
        check_text(dict(visit.fields))
        q, cursor = visit.fields.get("q", ""), visit.fields.get("after") or None
        filters = MachineFilters(name=q or None, owner=visit.fields.get("owner") or None)
        found = await self.door.works.run(
            self.door.desk.list_machines(visit.caller, filters, cursor, ON_A_PAGE)
        )
        onward = link("/machines", {**visit.fields, "after": found.next}) if found.next else ""
        shown = [result.machine for result in found.items]
        return visit.show("machines.html", items=shown, onward=onward, q=q)

    async def one(self, visit: Visit) -> Response:
        """A machine, its interfaces and its addresses."""
        return await self._show(visit, None)

    async def retire(self, visit: Visit) -> Response:
        """Ask whether it is meant, or do it."""
        key = visit.request.path_params["key"]
        if visit.fields.get("do") != "retire":
            result = await self.door.works.run(self.door.desk.read_machine(visit.caller, key))
            return visit.show("retire.html", item=result.machine)
        try:
            await self.door.works.run(self.door.desk.retire(visit.caller, key))
        except NotFound:
            pass
        except (BerthError, UpstreamError) as error:
            return await self._show(visit, await self.door.told(visit, error, "retire", key))
        note(key=key, outcome="retired")
        return go_to(link("/machines", {"released": key}))

    async def _show(self, visit: Visit, error: BerthError | None) -> Response:
        key = visit.request.path_params["key"]
        note(key=key)
        result = await self.door.works.run(self.door.desk.read_machine(visit.caller, key))
        return visit.show(
            "machine.html",
            200 if error is None else status_of(error),
            item=result.machine,
            error=error,
            history=await history(self.door, visit, key),
        )


async def history(door: Door, visit: Visit, key: str) -> list[Mapping[str, Json]]:
    """What the audit log has of a key, the newest first; nothing for who may not see the audit log."""
    if not visit.may(Action.AUDIT):
        return []
    page = await door.works.run(
        door.desk.audit(visit.caller, {"key": key}, None, ON_A_PAGE, Span(newest_first=True))
    )
    return list(page.items)
