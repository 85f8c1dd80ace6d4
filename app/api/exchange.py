"""What routes share: who asks, in which form, and how an answer is written."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from app.api.cursors import seal
from app.api.formats import JSON_TYPE, Format, Shape, choose, json_bytes, render
from app.api.terraform import STATE_TYPE, state
from app.domain.commands import Caller
from app.domain.inventory import Json
from app.edge.caller import caller_of
from app.operations.answers import Result
from app.telemetry.events import note

V1: Final = "/api/v1"
ALLOCATIONS: Final = f"{V1}/allocations"
MACHINES: Final = f"{V1}/virtual-machines"

DryRun = Annotated[bool, Query(description="Make every check and write nothing.")]
Asker = Annotated[Caller, Depends(caller_of)]
Wanted = Annotated[
    Format | None,
    Query(
        alias="format",
        description="`text` is the address alone, `env` lines that a shell can source, "
        "`proxmox` what `qm set --ipconfig0` takes, `terraform` what `terraform_remote_state` reads.",
    ),
]
WantedShape = Annotated[
    Shape,
    Query(
        alias="format",
        description="`terraform` is what Terraform's `terraform_remote_state` reads.",
        examples=["terraform"],
    ),
]


@dataclass(frozen=True, slots=True)
class Ask:
    """Who asks for an allocation, in which form, and whether in earnest."""

    caller: Caller
    format: Format = Format.JSON
    dry_run: bool = False
    writes: bool = False


async def reading(request: Request, wanted: Wanted = None) -> Ask:
    """What a read of an allocation is asked with."""
    return Ask(await caller_of(request), choose(wanted, request.headers.get("accept", "*/*")))


async def writing(request: Request, *, dry_run: DryRun = False, wanted: Wanted = None) -> Ask:
    """What a write is asked with. FastAPI takes long to solve what is nested, so this is not."""
    ask = await reading(request, wanted)
    return Ask(ask.caller, ask.format, dry_run, writes=True)


Reading = Annotated[Ask, Depends(reading)]
Writing = Annotated[Ask, Depends(writing)]


def answer(result: Result, ask: Ask, *, status: int = 200) -> Response:
    """One allocation. What differs between a first answer and its repeat stands in headers."""
    body, media_type = render(result.allocation, ask.format)
    headers = {"Vary": "Accept", **dry_run_header(dry_run=ask.dry_run)}
    if result.replayed and ask.writes:
        headers["Idempotent-Replayed"] = "true"
    if status == 201:  # noqa: PLR2004 - Created
        headers["Location"] = location(ALLOCATIONS, result.allocation.key)
    return Response(body, status_code=status, headers=headers, media_type=media_type)


def location(folder: str, key: str) -> str:
    """Where something can be read, as a `Location`."""
    return f"{folder}/{quote(key, safe=':@')}"


def dry_run_header(*, dry_run: bool) -> dict[str, str]:
    """The header that says that nothing was written."""
    return {"Berth-Dry-Run": "true"} if dry_run else {}


def answer_json(
    value: Mapping[str, object], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A body in JSON."""
    return Response(json_bytes(value), status_code=status, headers=dict(headers or {}), media_type=JSON_TYPE)


def answer_shaped(value: Mapping[str, Json], shape: Shape) -> Response:
    """A body in JSON, or the same as a state for Terraform."""
    if shape is Shape.TERRAFORM:
        return Response(json_bytes(state(value)), media_type=STATE_TYPE)
    return answer_json(value)


def answer_page(items: Iterable[object], position: str | None) -> Response:
    """A part of a list, with the cursor for the part after it; noted in the request's line."""
    shown = list(items)
    note(outcome="listed", items=len(shown))
    return answer_json({"items": shown, "next": seal(position)})
