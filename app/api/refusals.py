"""Which refusals a route can answer with, as the OpenAPI document lists them."""

from collections.abc import Iterable
from typing import Any, Final

from app.api.documents import Problem
from app.domain import errors
from app.domain.errors import BerthError
from app.edge import errors as wire
from app.edge.problems import row_of

Kinds = tuple[type[BerthError], ...]

ALWAYS: Final[Kinds] = (
    errors.Unauthenticated,
    errors.Forbidden,
    wire.CrossSite,
    wire.HttpsRequired,
    errors.InvalidRequest,
    wire.InternalError,
    wire.TooManyFailures,
    errors.IssuerUnavailable,
    errors.Draining,
    errors.StillWorking,
)
UPSTREAM: Final[Kinds] = (
    errors.NetBoxDenied,
    errors.NetBoxNonsense,
    errors.NetBoxUnavailable,
    errors.Overloaded,
)
LEDGER: Final[Kinds] = (errors.LedgerUnavailable,)
BODY: Final[Kinds] = (
    wire.MalformedBody,
    wire.SlowBody,
    wire.BodyTooLarge,
    wire.UnsupportedMediaType,
)
CHANGE: Final[Kinds] = (
    errors.NotOwner,
    errors.ClaimChanged,
    errors.ClaimDuplicated,
    errors.ClaimInvisible,
    errors.NetBoxUnprepared,
    errors.OutcomeUnknown,
    errors.PartOfMachine,
)
READ: Final[Kinds] = (
    errors.NotFound,
    errors.NotOwner,
    errors.ClaimChanged,
    errors.ClaimDuplicated,
    errors.OutcomeUnknown,
)
WISH: Final[Kinds] = (
    errors.KeyRequired,
    errors.NameRefused,
    errors.UnknownReference,
    errors.PrefixNotFound,
    errors.PrefixAmbiguous,
    errors.AddressOutside,
    errors.SharedRole,
    errors.RefusedByNetBox,
    errors.PrefixClosed,
    errors.PrefixExhausted,
    errors.AddressTaken,
    errors.AddressIsGateway,
    errors.GatewayUnrecorded,
    errors.NameTaken,
    errors.KeyConflict,
)

MACHINE_CHANGE: Final[Kinds] = (
    *(kind for kind in CHANGE if kind is not errors.PartOfMachine),
    errors.OperationStuck,
)
MACHINE_WISH: Final[Kinds] = (*WISH, errors.MachineNameTaken, errors.InUse)


def refusals(*groups: Iterable[type[BerthError]]) -> dict[int | str, dict[str, Any]]:
    """The responses of a route: each status with the codes it can have."""
    kinds = {kind for group in (ALWAYS, *groups) for kind in group}
    by_status: dict[int, list[str]] = {}
    for kind in kinds:
        by_status.setdefault(row_of(kind).status, []).append(kind.code)
    return {
        status: {"model": Problem, "description": ", ".join(f"`{code}`" for code in sorted(codes))}
        for status, codes in sorted(by_status.items())
    }
