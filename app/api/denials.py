"""Refusals on the wire; one that no operation has seen is written into the audit log here."""

from dataclasses import dataclass
from typing import Final, Protocol

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from app.domain.commands import Caller
from app.domain.errors import BerthError, LedgerUnavailable, Refusal
from app.edge.boundary import READS, answer, framework_error
from app.edge.caller import CALLER
from app.edge.problems import to_berth_error
from app.edge.routes import RouteTable
from app.edge.strictness import clean
from app.edge.validation import invalid_request

READING: Final = frozenset({"checkName"})
"""Operations that are no GET and write nothing."""
ACTIONS: Final = {
    "allocateBatch": "allocate",
    "upsertAllocation": "upsert",
    "confirmAllocation": "confirm",
    "releaseAllocation": "release",
    "registerMachine": "register",
    "registerMachineBatch": "register",
    "convergeMachine": "converge",
    "retireMachine": "retire",
    "retryOperation": "retry",
    "abandonOperation": "abandon",
    "createKey": "create_key",
    "revokeKey": "revoke_key",
    "createEnrolment": "enrol",
}
"""What the audit log calls an operation, where that is not its id."""
_LONGEST_KEY: Final = 300
_YES: Final = frozenset({"true", "1", "yes", "on", "t", "y"})


class Recorder(Protocol):
    """Writes a refusal into the audit log."""

    async def __call__(self, caller: Caller, action: str, key: str, error: BerthError) -> None:
        """Write it down, unless it is there already.

        Raises:
            LedgerUnavailable: it cannot be written.
        """
        ...


async def record_nowhere(caller: Caller, action: str, key: str, error: BerthError) -> None:
    """The recorder of an application that keeps no audit log."""


@dataclass(frozen=True, slots=True)
class Denials:
    """Answers what was refused. What a known caller wanted to change is written down before."""

    record: Recorder
    routes: RouteTable

    async def of_validation(self, request: Request, error: Exception) -> Response:
        """The request does not fit its schema."""
        found = error.errors() if isinstance(error, RequestValidationError) else ()
        return await self._answer(request, invalid_request(found))

    async def of_berth(self, request: Request, error: Exception) -> Response:
        """The route, or an operation, refused it."""
        return await self._answer(request, to_berth_error(error, read=request.method in READS))

    async def of_http(self, request: Request, error: Exception) -> Response:
        """The framework found no route for it, or none for its method."""
        return await self._answer(request, framework_error(request, error))

    async def of_edge(self, scope: Scope, error: BerthError) -> BerthError:
        """It was refused before it got to any route; returns what is to be answered."""
        try:
            await self._record(Request(scope), error)
        except LedgerUnavailable as unavailable:
            return unavailable
        return error

    async def _answer(self, request: Request, error: BerthError) -> Response:
        return answer(await self.of_edge(request.scope, error))

    async def _record(self, request: Request, error: BerthError) -> None:
        """Write down a refused mutation of a known caller. A dry run leaves nothing, as everywhere.

        A method that the path does not answer is nobody's operation, and is called by its name.
        """
        caller, route = request.scope.get(CALLER), self.routes(request.scope)
        dry = request.query_params.get("dry_run", "").lower() in _YES
        if not isinstance(caller, Caller) or not isinstance(error, Refusal) or route is None or dry:
            return
        if request.method not in READS and route.operation not in READING:
            key = clean(route.parameters.get("key", ""))[:_LONGEST_KEY]
            action = ACTIONS.get(route.operation, route.operation) or request.method.lower()
            await self.record(caller, action, key, error)
