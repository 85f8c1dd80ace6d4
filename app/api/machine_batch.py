"""Many virtual machines in one request, each with its own key and its own result."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body
from starlette.responses import Response

from app.api.allocations import outcome_of
from app.api.batch import answer_items, parse, problem, repeated
from app.api.denials import Recorder, record_nowhere
from app.api.documents import MachineBatchBody
from app.api.exchange import MACHINES, Asker, DryRun
from app.api.keys import machine_key
from app.api.machine_examples import MACHINE_BATCH_REQUEST
from app.api.machine_formats import machine_members
from app.api.machine_schemas import MachineBatchRequest, MachineRequest
from app.api.machines import Machines
from app.api.refusals import BODY, refusals
from app.domain.commands import Caller
from app.domain.errors import Refusal
from app.domain.registrations import MachineWish
from app.edge.problems import to_berth_error
from app.telemetry.events import item_line

MACHINE_BATCH_PATH: Final = f"{MACHINES}/batch"


@dataclass(frozen=True, slots=True)
class MachineBatches:
    """Registers many virtual machines at once."""

    machines: Machines
    record: Recorder = record_nowhere

    async def register_batch(
        self,
        body: Annotated[MachineBatchRequest, Body(openapi_examples=MACHINE_BATCH_REQUEST)],
        caller: Asker,
        *,
        dry_run: DryRun = False,
    ) -> Response:
        """Get or register up to 100 virtual machines.

        Each item is one request as for a single machine and has its own key and its own result; a refused
        item does not hold up the others. The answer is 200 whatever the items come to. Of two items with one
        key the later one is refused. The `Idempotency-Key` header is not looked at.
        """
        wishes = self._wishes(body.items)
        answered = await asyncio.gather(*(self._one(caller, wish, dry_run=dry_run) for wish in wishes))
        return answer_items(answered, dry_run=dry_run)

    def _wishes(self, items: Sequence[object]) -> list[MachineWish | Refusal]:
        seen: set[str] = set()
        wishes: list[MachineWish | Refusal] = []
        for wish in map(self._wish, items):
            if isinstance(wish, Refusal):
                wishes.append(wish)
                continue
            wishes.append(repeated(wish.key) if wish.key in seen else wish)
            seen.add(wish.key)
        return wishes

    def _wish(self, item: object) -> MachineWish | Refusal:
        try:
            request = parse(item, MachineRequest)
            return request.wish(machine_key(request.key, None, request.name), self.machines.mb_per_gb)
        except Refusal as refusal:
            return refusal

    async def _one(
        self, caller: Caller, wish: MachineWish | Refusal, *, dry_run: bool
    ) -> tuple[dict[str, Any], str]:
        """What one item is answered, and the word for what it came to."""
        try:
            if isinstance(wish, Refusal):
                if not dry_run:
                    await self.record(caller, "register", "", wish)
                return problem(wish), wish.code
            work = self.machines.desk.register(caller, wish, dry_run=dry_run)
            with item_line():
                result = await self.machines.counted(work, dry_run=dry_run)
        except Exception as error:  # noqa: BLE001 - one failure must not hide what the others came to
            refusal = to_berth_error(error, read=False)
            return problem(refusal), refusal.code
        return {"status": 200, "virtual_machine": machine_members(result.machine)}, outcome_of(result)


def machine_batch_routes(batches: MachineBatches) -> APIRouter:
    """The table of the routes."""
    router = APIRouter(prefix=MACHINES, tags=["virtual machines"])
    done = {
        "model": MachineBatchBody,
        "description": "One result for each item, in the order of the items.",
        "content": {"application/json": {"example": "machine batch"}},
    }
    router.add_api_route(
        "/batch",
        batches.register_batch,
        methods=["POST"],
        operation_id="registerMachineBatch",
        responses={200: done, **refusals(BODY)},
        response_class=Response,
    )
    return router
