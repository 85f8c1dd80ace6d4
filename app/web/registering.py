"""Registering a virtual machine, with its interfaces and their addresses."""

from dataclasses import dataclass, replace
from typing import Final

from starlette.responses import Response

from app.domain.errors import BerthError
from app.domain.inventory import Json, Kind
from app.domain.upstream import UpstreamError
from app.edge.strictness import check_text
from app.operations.machine_answers import MachineResult, Registration
from app.telemetry.events import note
from app.web.door import Door, Visit, status_of
from app.web.forms import Fields, beside, link, numbered, sent
from app.web.requesting import Requesting, with_key
from app.web.views import go_to

ASKED: Final = (
    *("key", "name", "cluster", "role", "platform", "tenant", "status", "description", "reference"),
)
NUMBERS: Final[dict[str, type[int] | type[float]]] = {"vcpus": float, "memory_mb": int, "disk_gb": float}
OFFERED: Final = {
    "cluster": Kind.CLUSTER,
    "platform": Kind.PLATFORM,
    "tenant": Kind.TENANT,
    "role": Kind.DEVICE_ROLE,
    "tags": Kind.TAG,
}
MOST: Final = 8
"""Interfaces that the form has room for; the API takes more."""
ADDRESSES: Final = 2


@dataclass(frozen=True, slots=True)
class Registering:
    """The page `/machines/new`."""

    door: Door
    requesting: Requesting

    async def show(self, visit: Visit) -> Response:
        """The form, filled in with what the link says."""
        if not visit.fields.get("key"):
            return go_to(link("/machines/new", with_key(visit).fields))
        return await self._form(visit)

    async def send(self, visit: Visit) -> Response:
        """Add an interface, look at what would be made, or make it: the button says which."""
        visit = with_key(visit)
        match visit.fields.get("do"):
            case "more":
                more = min(MOST, rows(visit.fields) + 1)
                return await self._form(replace(visit, fields={**visit.fields, "rows": str(more)}))
            case do:
                return await self._submitted(visit, dry_run=do == "preview")

    async def _submitted(self, visit: Visit, *, dry_run: bool) -> Response:
        try:
            result = await self._register(visit, dry_run=dry_run)
        except (BerthError, UpstreamError) as error:
            action = "" if dry_run else "register"
            told = await self.door.told(visit, error, action, visit.fields.get("key", ""))
            return await self._form(visit, error=told)
        note(key=result.machine.key, outcome="dry_run" if dry_run else "registered")
        if dry_run:
            return await self._form(visit, preview=result.machine)
        return go_to(f"/machines/{result.machine.key}?{'again' if result.replayed else 'made'}=1")

    async def _register(self, visit: Visit, *, dry_run: bool) -> MachineResult:
        body = body_of(visit.fields)
        check_text(body)
        wish = self.door.desk.machine_wish(body)
        note(key=wish.key)
        return await self.door.works.run(self.door.desk.register(visit.caller, wish, dry_run=dry_run))

    async def _form(
        self, visit: Visit, error: BerthError | None = None, preview: Registration | None = None
    ) -> Response:
        count = rows(visit.fields)
        known = {*ASKED, *NUMBERS, "tags", *(name for row in range(count) for name in _names(row))}
        return visit.show(
            "register.html",
            200 if error is None else status_of(error),
            offers={name: await self.requesting.offers(kind) for name, kind in OFFERED.items()},
            rows=range(count),
            addresses=range(ADDRESSES),
            full=count == MOST,
            error=error,
            preview=preview,
            beside=beside(error, known),
        )


def rows(fields: Fields) -> int:
    """How many interfaces the form shows."""
    text = fields.get("rows", "1")
    return max(1, min(MOST, int(text) if text.isdecimal() and len(text) < 4 else 1))  # noqa: PLR2004 - digits


def body_of(fields: Fields) -> dict[str, Json]:
    """The request that the form stands for, as the API takes it.

    Raises:
        InvalidRequest: a number is none.
    """
    body = {**sent(fields, ASKED), **numbered(fields, NUMBERS)}
    interfaces = [_interface(fields, row) for row in range(rows(fields))]
    return {**body, "interfaces": [each for each in interfaces if each]}


def _interface(fields: Fields, row: int) -> dict[str, Json]:
    before = f"interfaces-{row}"
    found: dict[str, Json] = {
        name: value for name in ("name", "mac_address") if (value := fields.get(f"{before}-{name}"))
    }
    addresses: list[Json] = [
        address for number in range(ADDRESSES) if (address := _address(fields, row, number))
    ]
    return {**found, "addresses": addresses} if addresses else found


def _address(fields: Fields, row: int, number: int) -> dict[str, Json]:
    before = f"interfaces-{row}-addresses-{number}"
    return {name: value for name in ("prefix", "dns_name") if (value := fields.get(f"{before}-{name}"))}


def _names(row: int) -> list[str]:
    before = f"interfaces-{row}"
    inner = [
        f"{before}-addresses-{number}-{name}"
        for number in range(ADDRESSES)
        for name in ("prefix", "dns_name")
    ]
    return [f"{before}-name", f"{before}-mac_address", *inner]
