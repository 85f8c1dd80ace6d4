"""NetBox's change log: what a request has changed, by the request's id."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.domain.inventory import Json
from app.netbox.resilience import Line
from app.netbox.rows import Listing
from app.netbox.translate import Row

ADDRESS: Final = "ipam.ipaddress"


@dataclass(frozen=True, slots=True)
class Change:
    """One object that one request has created, changed or deleted."""

    request_id: str
    object_type: str
    object_id: int
    time: datetime


class ChangeLog:
    """Reads it; NetBox refuses that without the right to view object changes."""

    def __init__(self, line: Line) -> None:
        self._listing = Listing(line, "core/object-changes/", _change)

    async def made_by(self, request_id: str) -> list[Change]:
        """What the request with this id has changed."""
        return await self._listing.matching(
            {"request_id": request_id}, lambda change: change.request_id == request_id
        )

    async def begins(self) -> datetime | None:
        """The time of the oldest change that NetBox still keeps; None where it keeps none."""
        found, _ = await self._listing.page({}, 1)
        return found[0].time if found else None


def _change(data: Json) -> Change:
    row = Row(data, "a change")
    return Change(
        request_id=row.text("request_id"),
        object_type=row.text("changed_object_type"),
        object_id=row.number("changed_object_id"),
        time=row.parsed("time", datetime.fromisoformat),
    )
