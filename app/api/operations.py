"""The routes by which operators see, and mend, operations on virtual machines that are not over."""

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path
from starlette.responses import Response

from app.api.cursors import DEFAULT_PAGE, Cursor, Limit, unseal
from app.api.desk import MachineDesk, OperationMender
from app.api.documents import OperationOutcomeBody, OperationPage
from app.api.exchange import V1, Asker, answer_json, answer_page
from app.api.machine_formats import operation_members
from app.api.refusals import LEDGER, MACHINE_CHANGE, UPSTREAM, refusals
from app.domain.commands import Caller
from app.domain.errors import NotFound
from app.edge.works import Works
from app.telemetry.events import note

OPERATIONS: Final = f"{V1}/operations"
OperationId = Annotated[
    str,
    Path(alias="id", description="The `id` in the list.", max_length=64, pattern="^[A-Za-z0-9-]+$"),
]


@dataclass(frozen=True, slots=True)
class OpenOperations:
    """What operators can do about operations that do not come to their end by themselves."""

    desk: MachineDesk
    works: Works

    async def page(self, *, caller: Asker, cursor: Cursor = None, limit: Limit = DEFAULT_PAGE) -> Response:
        """List the operations on virtual machines that are not over, of all owners.

        For operators. What is `stuck` can neither be finished nor undone by Berth alone; the rest is being
        worked on.
        """
        page = await self.works.run(self.desk.open_operations(caller, unseal(cursor), limit))
        return answer_page(map(operation_members, page.items), page.next)

    async def retry(self, *, id_: OperationId, caller: Asker) -> Response:
        """Try an operation again: finish it, or undo what it had made.

        For operators, once what stood in the way is cleared. `result` says what came of it.
        """
        return await self._mended(self.desk.retry_operation, caller, id_)

    async def abandon(self, *, id_: OperationId, caller: Asker) -> Response:
        """Give an operation up: its key is free, and what it had made stays in NetBox.

        For operators, as the last resort: from then on nobody but a person removes what is left.
        """
        return await self._mended(self.desk.abandon_operation, caller, id_)

    async def _mended(self, mend: OperationMender, caller: Caller, operation: str) -> Response:
        outcome = await self.works.run(mend(caller, operation))
        note(key=outcome.key, outcome=outcome.result)
        return answer_json(asdict(outcome))


def operation_routes(routes: OpenOperations) -> APIRouter:
    """The table of the routes."""
    router = APIRouter(prefix=OPERATIONS, tags=["operations"])
    mended = refusals(MACHINE_CHANGE, LEDGER, UPSTREAM, (NotFound,))
    for path, method, endpoint, name, model, example, refused in (
        ("", "GET", routes.page, "listOperations", OperationPage, "operations", refusals(LEDGER)),
        ("/{id}/retry", "POST", routes.retry, "retryOperation", OperationOutcomeBody, "outcome", mended),
        (
            "/{id}/abandon",
            "POST",
            routes.abandon,
            "abandonOperation",
            OperationOutcomeBody,
            "outcome",
            mended,
        ),
    ):
        shown: dict[str, Any] = {
            "model": model,
            "description": "The answer.",
            "content": {"application/json": {"example": example}},
        }
        router.add_api_route(
            path,
            endpoint,
            methods=[method],
            operation_id=name,
            responses={200: shown, **refused},
            response_class=Response,
        )
    return router
