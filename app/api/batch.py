"""Many allocations in one request, each with its own key and its own result."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import ValidationError
from starlette.responses import Response

from app.api.allocations import Allocations, outcome_of
from app.api.denials import Recorder, record_nowhere
from app.api.documents import BatchBody
from app.api.examples import BATCH_REQUEST
from app.api.exchange import ALLOCATIONS, Asker, DryRun, answer_json, dry_run_header
from app.api.formats import members
from app.api.refusals import BODY, refusals
from app.api.schemas import AllocationRequest, BatchRequest
from app.domain.commands import Caller
from app.domain.errors import BerthError, InvalidRequest, Violation
from app.edge.problems import document, row_of, to_berth_error
from app.edge.validation import invalid_request
from app.telemetry.events import item_line, note

BATCH_PATH = f"{ALLOCATIONS}/batch"
MAX_BATCH_BODY = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Batches:
    """Allocates many at once."""

    allocations: Allocations
    record: Recorder = record_nowhere

    async def allocate_batch(
        self,
        body: Annotated[BatchRequest, Body(openapi_examples=BATCH_REQUEST)],
        caller: Asker,
        *,
        dry_run: DryRun = False,
    ) -> Response:
        """Get or make up to 100 allocations.

        Each item is one request as for a single allocation and has its own key and its own result; a refused
        item does not hold up the others. The answer is 200 whatever the items come to. Of two items with one
        key the later one is refused. The `Idempotency-Key` header is not looked at.
        """
        requests = _without_repeats([_parsed(item) for item in body.items])
        answered = await asyncio.gather(
            *(self._one(caller, request, dry_run=dry_run) for request in requests)
        )
        results = [result for result, _ in answered]
        outcomes = Counter(
            "dry_run" if dry_run and "problem" not in result else word for result, word in answered
        )
        note(
            outcome="dry_run" if dry_run else "answered",
            items=len(results),
            refused=sum("problem" in result for result in results),
            outcomes=dict(outcomes),
            **({"dry_run": True} if dry_run else {}),
        )
        return answer_json({"items": results}, headers=dry_run_header(dry_run=dry_run))

    async def _one(
        self,
        caller: Caller,
        request: AllocationRequest | InvalidRequest,
        *,
        dry_run: bool,
    ) -> tuple[dict[str, Any], str]:
        """What one item is answered, and the word for what it came to."""
        try:
            if isinstance(request, InvalidRequest):
                if not dry_run:
                    await self.record(caller, "allocate", "", request)
                return _problem(request)
            wish = request.wish(request.key or "")
            work = self.allocations.desk.allocate(caller, wish, dry_run=dry_run)
            with item_line():
                result = await self.allocations.counted(work, dry_run=dry_run)
        except Exception as error:  # noqa: BLE001 - one failure must not hide what the others came to
            return _problem(to_berth_error(error, read=False))
        return {"status": 200, "allocation": members(result.allocation)}, outcome_of(result)


def _parsed(item: object) -> AllocationRequest | InvalidRequest:
    try:
        return AllocationRequest.model_validate(item)
    except ValidationError as error:
        return invalid_request([{**found, "loc": ("body", *found["loc"])} for found in error.errors()])


def _without_repeats(
    requests: list[AllocationRequest | InvalidRequest],
) -> list[AllocationRequest | InvalidRequest]:
    seen: set[str] = set()
    kept: list[AllocationRequest | InvalidRequest] = []
    for request in requests:
        key = None if isinstance(request, InvalidRequest) else request.key
        kept.append(_repeated(key) if key in seen else request)
        if key is not None:
            seen.add(key)
    return kept


def _repeated(key: str | None) -> InvalidRequest:
    detail = f"an earlier item of this batch has the key {key!r}; give each item its own"
    return InvalidRequest(errors=[Violation("/key", "key_repeated", detail)])


def _problem(error: BerthError) -> tuple[dict[str, Any], str]:
    return {"status": row_of(type(error)).status, "problem": document(error)}, error.code


def batch_routes(batches: Batches) -> APIRouter:
    """The table of the routes."""
    router = APIRouter(prefix=ALLOCATIONS, tags=["allocations"])
    done = {
        "model": BatchBody,
        "description": "One result for each item, in the order of the items.",
        "content": {"application/json": {"example": "batch"}},
    }
    router.add_api_route(
        "/batch",
        batches.allocate_batch,
        methods=["POST"],
        operation_id="allocateBatch",
        responses={200: done, **refusals(BODY)},
        response_class=Response,
    )
    return router
