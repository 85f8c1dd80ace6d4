"""Many allocations in one request, each with its own key and its own result."""

import asyncio
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body
from pydantic import ValidationError
from starlette.responses import Response

from app.api.allocations import Allocations, dry, outcome_of
from app.api.denials import Recorder, record_nowhere
from app.api.documents import BatchBody
from app.api.examples import BATCH_REQUEST
from app.api.exchange import ALLOCATIONS, Asker, DryRun, answer_json, dry_run_header
from app.api.formats import members
from app.api.refusals import BODY, refusals
from app.api.schemas import AllocationRequest, BatchRequest, Request
from app.domain.commands import Caller
from app.domain.errors import BerthError, InvalidRequest, Violation
from app.edge.problems import document, row_of, to_berth_error
from app.edge.validation import invalid_request
from app.telemetry.events import item_line, note

R = TypeVar("R", bound=Request)
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
        key the later one is refused: the same `key`, or without a key the same `dns_name` (in whatever case)
        in the same place. Where it takes a look at NetBox to see that two keys are one, both get what the
        key stands for, as two requests would. The `Idempotency-Key` header is not looked at.
        """
        requests = _without_repeats([_parsed(item) for item in body.items])
        answered = await asyncio.gather(
            *(self._one(caller, request, dry_run=dry_run) for request in requests)
        )
        return answer_items(answered, dry_run=dry_run)

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
                return problem(request), request.code
            wish = request.wish(request.key or "")
            work = self.allocations.desk.allocate(caller, wish, dry_run=dry_run)
            with item_line():
                result = await self.allocations.counted(work, dry_run=dry_run)
        except Exception as error:  # noqa: BLE001 - one failure must not hide what the others came to
            refusal = to_berth_error(error, read=False)
            return problem(refusal), refusal.code
        return {"status": 200, "allocation": members(result.allocation)}, outcome_of(result)


def answer_items(answered: Sequence[tuple[dict[str, Any], str]], *, dry_run: bool) -> Response:
    """The results of a batch, each with the word for what it came to; noted in the request's line."""
    results = [result for result, _ in answered]
    outcomes = Counter(
        "dry_run" if dry_run and "problem" not in result else word for result, word in answered
    )
    note(
        outcome="dry_run" if dry_run else "answered",
        items=len(results),
        refused=sum("problem" in result for result in results),
        outcomes=dict(outcomes),
        **dry(dry_run=dry_run),
    )
    return answer_json({"items": results}, headers=dry_run_header(dry_run=dry_run))


def parse(item: object, model: type[R]) -> R:
    """An item of a batch as a request.

    Raises:
        InvalidRequest: it is none; pointers lead into the item.
    """
    try:
        return model.model_validate(item)
    except ValidationError as error:
        found = [{**each, "loc": ("body", *each["loc"])} for each in error.errors()]
        raise invalid_request(found) from None


def _parsed(item: object) -> AllocationRequest | InvalidRequest:
    try:
        return parse(item, AllocationRequest)
    except InvalidRequest as refusal:
        return refusal


def _without_repeats(
    requests: list[AllocationRequest | InvalidRequest],
) -> list[AllocationRequest | InvalidRequest]:
    seen: set[Hashable] = set()
    kept: list[AllocationRequest | InvalidRequest] = []
    for request in requests:
        key = None if isinstance(request, InvalidRequest) else _key_of(request)
        kept.append(_same_key(request) if key in seen else request)
        if key is not None:
            seen.add(key)
    return kept


def _key_of(request: AllocationRequest) -> Hashable:
    """What tells an item's key, as far as it can be seen without a look at NetBox; None for nothing."""
    if request.key is not None or not request.dns_name:
        return request.key
    return request.dns_name.lower(), request.place()


def _same_key(request: AllocationRequest | InvalidRequest) -> InvalidRequest:
    key = None if isinstance(request, InvalidRequest) else request.key
    return repeated(key)


def repeated(key: str | None) -> InvalidRequest:
    """The refusal of an item whose key an earlier one has; None where both draw it from their DNS name."""
    named = "this DNS name, which is its key" if key is None else f"the key {key!r}"
    detail = f"an earlier item of this batch has {named}; give each item its own"
    return InvalidRequest(errors=[Violation("/dns_name" if key is None else "/key", "key_repeated", detail)])


def problem(error: BerthError) -> dict[str, Any]:
    """The result of an item that was refused."""
    return {"status": row_of(type(error)).status, "problem": document(error)}


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
