"""The rights that each route asks for: which action has to be allowed, somewhere, before it is gone into.

Where, and under which name, is asked by the operation once these are known. A route that is not in the table
is closed to everybody; a test holds the table to the OpenAPI document.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request

from app.access.rates import Rates
from app.access.rules import begin
from app.domain.commands import Caller
from app.domain.errors import Forbidden
from app.domain.rights import Action
from app.edge.caller import CALLER

_LOOK: Final = (Action.READ, Action.ALLOCATE, Action.REGISTER, Action.UPDATE)
RIGHTS: Final[Mapping[str, tuple[Action, ...]]] = {
    "allocate": (Action.ALLOCATE,),
    "allocateBatch": (Action.ALLOCATE,),
    "upsertAllocation": (Action.ALLOCATE, Action.UPDATE),
    "readAllocation": (Action.READ,),
    "listAllocations": (Action.READ,),
    "confirmAllocation": (Action.ALLOCATE, Action.UPDATE),
    "releaseAllocation": (Action.RELEASE, Action.OPERATE),
    "registerMachine": (Action.REGISTER,),
    "registerMachineBatch": (Action.REGISTER,),
    "convergeMachine": (Action.REGISTER, Action.UPDATE),
    "readMachine": (Action.READ,),
    "listMachines": (Action.READ,),
    "retireMachine": (Action.RETIRE, Action.OPERATE),
    "listOperations": (Action.OPERATE,),
    "retryOperation": (Action.OPERATE,),
    "abandonOperation": (Action.OPERATE,),
    "checkName": _LOOK,
    "listAuditEvents": (Action.AUDIT,),
    "createKey": (Action.KEYS,),
    "listKeys": (Action.KEYS,),
    "revokeKey": (Action.KEYS,),
    "createEnrolment": (Action.ALLOCATE,),
    **dict.fromkeys(
        (
            "listPrefixes",
            "readPrefix",
            "previewAddresses",
            "listVrfs",
            "listSites",
            "listTenants",
            "listClusters",
            "listPlatforms",
            "listTags",
            "listRoles",
        ),
        _LOOK,
    ),
}
"""By operation id: one of the actions has to be allowed."""
OPEN: Final = frozenset({"health", "readiness", "metrics"})
"""What anybody may ask without saying who it is."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets a caller through to what one of its rules allows, as fast as they allow it."""

    rates: Rates = field(default_factory=Rates)

    async def __call__(self, request: Request) -> None:
        """Say what the request is about, or refuse it.

        Raises:
            Forbidden: no rule allows any of the route's actions.
            RateLimited: the caller is too fast.
        """
        caller = request.scope.get(CALLER)
        if not isinstance(caller, Caller):
            return
        operation = getattr(request.scope.get("route"), "operation_id", None) or ""
        actions = RIGHTS.get(operation)
        if actions is None:
            raise Forbidden("No rule can allow this route.")
        caller = begin(caller, *actions)
        self.rates.take(caller)
        request.scope[CALLER] = caller
