"""The routes of virtual machines."""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Body, Query
from starlette.responses import Response

from app.api.allocations import CREATED as ALLOCATION_CREATED
from app.api.allocations import HEADERS, IdempotencyKey, done, dry, outcome_of
from app.api.cursors import DEFAULT_PAGE, Cursor, Limit, unseal
from app.api.desk import MachineDesk
from app.api.documents import MachineBody, MachinePage
from app.api.exchange import (
    MACHINES,
    Asker,
    DryRun,
    WantedShape,
    answer_json,
    answer_page,
    answer_shaped,
    dry_run_header,
    location,
)
from app.api.formats import Shape
from app.api.keys import MachinePathKey, machine_key, put_key
from app.api.machine_examples import MACHINE_REQUESTS
from app.api.machine_formats import machine_members
from app.api.machine_schemas import MB_PER_GB, MachineRequest
from app.api.refusals import BODY, LEDGER, MACHINE_CHANGE, MACHINE_WISH, READ, UPSTREAM, refusals
from app.api.terraform import STATE_CONTENT
from app.domain.errors import BerthError, InUse
from app.domain.upstream import UpstreamError
from app.edge.problems import to_berth_error
from app.edge.works import Works
from app.operations.machine_answers import MachineFilters, MachineResult
from app.telemetry.events import note

LONG: Final = 300
SHOWN: Final[dict[str, Any]] = {
    "model": MachineBody,
    "description": "The virtual machine, with its interfaces and their addresses.",
    "headers": HEADERS,
    "content": {"application/json": {"example": "machine"}},
}
READABLE: Final[dict[str, Any]] = {**SHOWN, "content": {**SHOWN["content"], **STATE_CONTENT}}
CREATED: Final[dict[str, Any]] = {
    **SHOWN,
    "description": "The virtual machine was made.",
    "headers": ALLOCATION_CREATED["headers"],
}

Sent = Annotated[MachineRequest, Body(openapi_examples=MACHINE_REQUESTS)]
Filter = Annotated[str | None, Query(max_length=LONG)]


class MachineMeter(Protocol):
    """Counts registrations."""

    def machine(self, outcome: str) -> None:
        """One was asked for."""
        ...


@dataclass(frozen=True, slots=True)
class Machines:
    """What can be done with virtual machines. A GB of a disk is `mb_per_gb` MB."""

    desk: MachineDesk
    works: Works
    meter: MachineMeter
    mb_per_gb: int = MB_PER_GB

    async def register(
        self,
        *,
        body: Sent,
        caller: Asker,
        idempotency_key: IdempotencyKey = None,
        dry_run: DryRun = False,
    ) -> Response:
        """Get the virtual machine of a key, or register it with its interfaces and addresses.

        All of it is made, or nothing. What exists is not changed; a repeat gets the same bytes. The key is
        the body's, else the header's, else `name` in lower case.
        """
        wish = body.wish(machine_key(body.key, idempotency_key, body.name), self.mb_per_gb)
        result = await self._noted(
            wish.key, self.desk.register(caller, wish, dry_run=dry_run), dry_run=dry_run
        )
        return _answer(result, dry_run=dry_run)

    async def converge(
        self, *, key: MachinePathKey, body: Sent, caller: Asker, dry_run: DryRun = False
    ) -> Response:
        """Register a virtual machine, or change what may change of it.

        A field that is not sent is left alone, `null` clears it. Where `interfaces` or `addresses` are sent
        they are all that it shall have: what is missing is removed if Berth made it, and what did not change
        keeps its address.
        """
        wish = body.wish(put_key(key, body.key), self.mb_per_gb)
        result = await self._noted(
            key, self.desk.converge_machine(caller, wish, dry_run=dry_run), dry_run=dry_run
        )
        made = result.created and not dry_run
        return _answer(result, dry_run=dry_run, status=201 if made else 200)

    async def read(self, *, key: MachinePathKey, caller: Asker, shape: WantedShape = Shape.JSON) -> Response:
        """Read a virtual machine, as NetBox holds it now."""
        note(key=key)
        result = await self.works.run(self.desk.read_machine(caller, key))
        note(outcome="found")
        return answer_shaped(machine_members(result.machine), shape)

    async def page(  # noqa: PLR0913 - the filters of the route
        self,
        *,
        caller: Asker,
        owner: Filter = None,
        name: Filter = None,
        cluster: Filter = None,
        cursor: Cursor = None,
        limit: Limit = DEFAULT_PAGE,
    ) -> Response:
        """List virtual machines, in order of key. Filters are exact, and all must hold."""
        filters = MachineFilters(owner=owner, name=name, cluster=cluster)
        page = await self.works.run(self.desk.list_machines(caller, filters, unseal(cursor), limit))
        return answer_page((machine_members(result.machine) for result in page.items), page.next)

    async def retire(
        self,
        *,
        key: MachinePathKey,
        caller: Asker,
        force: Annotated[
            bool, Query(description="An operator's: retire it with what others put on it.")
        ] = False,
        dry_run: DryRun = False,
    ) -> Response:
        """Retire a virtual machine: it goes with its interfaces and addresses.

        What is not there is retired already.
        """
        note(key=key, **done("retired", dry_run=dry_run))
        await self.works.run(self.desk.retire(caller, key, force=force, dry_run=dry_run))
        return Response(status_code=204, headers=dry_run_header(dry_run=dry_run))

    async def counted(self, work: Coroutine[Any, Any, MachineResult], *, dry_run: bool) -> MachineResult:
        """Do it, in a task of the application's own, and count what it came to."""
        try:
            result = await self.works.run(work)
        except (BerthError, UpstreamError) as error:
            if not dry_run:
                self.meter.machine(to_berth_error(error, read=False).code)
            raise
        if not dry_run:
            self.meter.machine(outcome_of(result))
        return result

    async def _noted(
        self, key: str, work: Coroutine[Any, Any, MachineResult], *, dry_run: bool
    ) -> MachineResult:
        note(key=key, **dry(dry_run=dry_run))
        result = await self.counted(work, dry_run=dry_run)
        note(**done(outcome_of(result), dry_run=dry_run))
        return result


def _answer(result: MachineResult, *, dry_run: bool, status: int = 200) -> Response:
    """One machine, after a write. What differs between a first answer and its repeat stands in headers."""
    headers = dry_run_header(dry_run=dry_run)
    if result.replayed:
        headers["Idempotent-Replayed"] = "true"
    if status == 201:  # noqa: PLR2004 - Created
        headers["Location"] = location(MACHINES, result.machine.key)
    return answer_json(machine_members(result.machine), status=status, headers=headers)


def machine_routes(routes: Machines) -> APIRouter:
    """The table of the routes."""
    router = APIRouter(prefix=MACHINES, tags=["virtual machines"])
    one = "/{key}"
    wish = refusals(BODY, MACHINE_WISH, MACHINE_CHANGE, LEDGER, UPSTREAM)
    read = refusals(READ, LEDGER, UPSTREAM)
    retire = refusals(MACHINE_CHANGE, LEDGER, UPSTREAM, (InUse,))
    listed: dict[str, Any] = {
        "model": MachinePage,
        "description": "A part of the list.",
        "content": {"application/json": {"example": "machines"}},
    }
    retired: dict[str, Any] = {"description": "It is retired, or was not there.", "headers": HEADERS}
    for path, method, endpoint, name, responses in (
        ("", "POST", routes.register, "registerMachine", {200: SHOWN, **wish}),
        ("", "GET", routes.page, "listMachines", {200: listed, **refusals(LEDGER, UPSTREAM)}),
        (one, "PUT", routes.converge, "convergeMachine", {200: SHOWN, 201: CREATED, **wish}),
        (one, "GET", routes.read, "readMachine", {200: READABLE, **read}),
        (one, "DELETE", routes.retire, "retireMachine", {204: retired, **retire}),
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
