"""The routes of allocations."""

from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Body, Header, Query
from starlette.responses import Response

from app.api.cursors import DEFAULT_PAGE, Cursor, Limit, unseal
from app.api.desk import Desk
from app.api.documents import AllocationBody, AllocationPage
from app.api.examples import ALLOCATION_REQUESTS, NO_REQUEST, PROXMOX, SHELL, TEXT
from app.api.exchange import (
    ALLOCATIONS,
    Asker,
    DryRun,
    Reading,
    Writing,
    answer,
    answer_page,
    dry_run_header,
)
from app.api.fields import AddressText, PrefixOrId
from app.api.formats import members
from app.api.keys import PathKey, post_key, put_key
from app.api.refusals import BODY, CHANGE, LEDGER, READ, UPSTREAM, WISH, refusals
from app.api.schemas import AllocationRequest, Confirmation
from app.api.terraform import STATE_CONTENT
from app.domain.commands import Wish
from app.domain.errors import BerthError, InUse, NotFound
from app.domain.inventory import Json
from app.domain.upstream import UpstreamError
from app.edge.problems import to_berth_error
from app.edge.works import Works
from app.operations.answers import Filters, Result
from app.operations.machine_answers import MachineResult
from app.telemetry.events import item_line, note, noted

LONG: Final = 300

HEADERS: Final = {
    "Idempotent-Replayed": {
        "description": "`true` when it was there before this request.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Berth-Dry-Run": {
        "description": "`true` when nothing was written.",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
SHOWN: Final[dict[str, Any]] = {
    "model": AllocationBody,
    "description": "The allocation.",
    "headers": HEADERS,
    "content": {
        "application/json": {"example": "allocation"},
        "text/plain": {
            "schema": {"type": "string"},
            "examples": {
                "text": {"summary": "format=text, or Accept: text/plain", "value": TEXT},
                "env": {"summary": "format=env", "value": SHELL},
                "proxmox": {"summary": "format=proxmox", "value": PROXMOX},
            },
        },
        **STATE_CONTENT,
    },
}
CREATED: Final[dict[str, Any]] = {
    **SHOWN,
    "description": "The allocation was made.",
    "headers": {"Location": {"description": "Where it can be read.", "schema": {"type": "string"}}},
}

Sent = Annotated[AllocationRequest, Body(openapi_examples=ALLOCATION_REQUESTS)]
Nothing = Annotated[Confirmation, Body(openapi_examples=NO_REQUEST)]
IdempotencyKey = Annotated[
    str | None, Header(description="The key, where the body has none. Quotes around it are stripped.")
]


class AllocationMeter(Protocol):
    """Counts allocations."""

    def allocation(self, prefix: str, outcome: str) -> None:
        """One was asked for."""
        ...


@dataclass(frozen=True, slots=True)
class Allocations:
    """What can be done with allocations."""

    desk: Desk
    works: Works
    meter: AllocationMeter

    async def allocate(self, body: Sent, ask: Writing, idempotency_key: IdempotencyKey = None) -> Response:
        """Get the allocation of a key, or make it.

        It never changes what exists. A repeat gets the same bytes; concurrent requests for one key get one
        answer. The key is the body's, else the header's, else drawn from `dns_name`.
        """
        wish = body.wish(post_key(body.key, idempotency_key))
        work = self.desk.allocate(ask.caller, wish, dry_run=ask.dry_run)
        result = await self._noted(wish, work, dry_run=ask.dry_run)
        return answer(result, ask)

    async def upsert(self, key: PathKey, body: Sent, ask: Writing) -> Response:
        """Make an allocation, or change what may change of it.

        The address stays. A field that is not sent is left alone, `null` clears it.
        """
        wish = body.wish(put_key(key, body.key))
        work = self.desk.upsert(ask.caller, wish, dry_run=ask.dry_run)
        result = await self._noted(wish, work, dry_run=ask.dry_run)
        return answer(result, ask, status=201 if result.created and not ask.dry_run else 200)

    async def read(self, key: PathKey, ask: Reading) -> Response:
        """Read an allocation, as NetBox holds it now."""
        note(key=key)
        result = await self.works.run(self.desk.read(ask.caller, key))
        note(address=result.allocation.address, outcome="found")
        return answer(result, ask)

    async def page(  # noqa: PLR0913 - the filters of the route
        self,
        *,
        caller: Asker,
        owner: Annotated[str | None, Query(max_length=LONG)] = None,
        prefix: Annotated[
            PrefixOrId | None, Query(description="CIDR or id, whichever of them it was asked for by.")
        ] = None,
        dns_name: Annotated[str | None, Query(max_length=LONG)] = None,
        address: Annotated[AddressText | None, Query(description="With or without its mask.")] = None,
        state: Annotated[str | None, Query(pattern="^(held|active)$")] = None,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_PAGE,
    ) -> Response:
        """List allocations, in order of key. Filters are exact, and all must hold."""
        place = None if prefix is None else str(prefix)
        filters = Filters(owner=owner, prefix=place, dns_name=dns_name, address=address, state=state)
        work = self.desk.list_allocations(caller, filters, unseal(cursor), limit)
        with item_line():  # each that is read on the way is noted
            page = await self.works.run(work)
        return answer_page((members(result.allocation) for result in page.items), page.next)

    async def release(
        self,
        *,
        key: PathKey,
        caller: Asker,
        force: Annotated[
            bool, Query(description="An operator's: release it although somebody uses it.")
        ] = False,
        dry_run: DryRun = False,
    ) -> Response:
        """Release an allocation. What is not there is released already."""
        note(key=key, **done("released", dry_run=dry_run))
        work = self.desk.release(caller, key, force=force, dry_run=dry_run)
        with suppress(NotFound):
            await self.works.run(work)
        return Response(status_code=204, headers=dry_run_header(dry_run=dry_run))

    async def confirm(self, key: PathKey, _body: Nothing, ask: Writing) -> Response:
        """End a hold: the address is kept. What is not held stays as it is."""
        note(key=key)
        result = await self.works.run(self.desk.confirm(ask.caller, key, dry_run=ask.dry_run))
        word = "replayed" if result.replayed else "confirmed"
        note(address=result.allocation.address, **done(word, dry_run=ask.dry_run))
        return answer(result, ask)

    async def counted(self, work: Coroutine[Any, Any, Result], *, dry_run: bool) -> Result:
        """Do it, in a task of the application's own, and count what it came to, unless it is a dry run."""
        outcome = ""
        try:
            result = await self.works.run(work)
            outcome = outcome_of(result)
        except (BerthError, UpstreamError) as error:
            outcome = to_berth_error(error, read=False).code
            raise
        finally:
            if outcome and not dry_run:
                self.meter.allocation(str(noted("prefix") or ""), outcome)
        return result

    async def _noted(self, wish: Wish, work: Coroutine[Any, Any, Result], *, dry_run: bool) -> Result:
        note(key=wish.key, **dry(dry_run=dry_run))
        result = await self.counted(work, dry_run=dry_run)
        shown = result.allocation
        note(key=shown.key, address=shown.address, **done(outcome_of(result), dry_run=dry_run))
        return result


def outcome_of(result: Result | MachineResult) -> str:
    """The word for what a request for an allocation or a machine came to."""
    return "replayed" if result.replayed else "created" if result.created else "changed"


def done(outcome: str, *, dry_run: bool) -> dict[str, Json]:
    """What a request's line says of an outcome; a dry run has come to nothing else."""
    return {"outcome": "dry_run" if dry_run else outcome, **dry(dry_run=dry_run)}


def dry(*, dry_run: bool) -> dict[str, Json]:
    """What a request's line says of a dry run, whatever it comes to."""
    return {"dry_run": True} if dry_run else {}


def allocation_routes(routes: Allocations) -> APIRouter:
    """The table of the routes."""
    router = APIRouter(prefix=ALLOCATIONS, tags=["allocations"])
    one = "/{key}"
    wish = refusals(BODY, WISH, CHANGE, LEDGER, UPSTREAM)
    read = refusals(READ, LEDGER, UPSTREAM)
    confirm = refusals(BODY, CHANGE, LEDGER, UPSTREAM, (NotFound,))
    release = refusals(CHANGE, LEDGER, UPSTREAM, (InUse,))
    listed: dict[str, Any] = {
        "model": AllocationPage,
        "description": "A part of the list.",
        "content": {"application/json": {"example": "allocations"}},
    }
    released: dict[str, Any] = {"description": "It is released, or was not there.", "headers": HEADERS}
    for path, method, endpoint, name, responses in (
        ("", "POST", routes.allocate, "allocate", {200: SHOWN, **wish}),
        ("", "GET", routes.page, "listAllocations", {200: listed, **refusals(LEDGER, UPSTREAM)}),
        (one, "PUT", routes.upsert, "upsertAllocation", {200: SHOWN, 201: CREATED, **wish}),
        (one, "GET", routes.read, "readAllocation", {200: SHOWN, **read}),
        (one, "DELETE", routes.release, "releaseAllocation", {204: released, **release}),
        (f"{one}/confirm", "POST", routes.confirm, "confirmAllocation", {200: SHOWN, **confirm}),
    ):
        router.add_api_route(
            path,
            endpoint,
            methods=[method],
            operation_id=name,
            responses=responses,
            status_code=204 if method == "DELETE" else 200,
            response_class=Response,
        )
    return router
