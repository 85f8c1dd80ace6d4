"""The custom fields `berth_key` and `berth_owner`: what must be true of them for claims to hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.domain.inventory import CLAIM_FIELD, OWNER_FIELD, ClaimFields, Json
from app.domain.upstream import PermissionRefused
from app.netbox.resilience import Line
from app.netbox.rows import Listing
from app.netbox.translate import Row

PATH: Final = "extras/custom-fields/"
ADDRESSES: Final = "ipam.ipaddress"
MACHINES: Final = "virtualization.virtualmachine"
INTERFACES: Final = "virtualization.vminterface"
WANTED: Final = {
    ADDRESSES: "IP addresses",
    MACHINES: "virtual machines",
    INTERFACES: "interfaces of virtual machines",
}
"""What carries claims, in plain words. The last two matter only to those who register virtual machines."""


@dataclass(frozen=True, slots=True)
class CustomField:
    """A custom field of NetBox, as far as claims depend on it."""

    id: int
    name: str
    type: str
    unique: bool
    filter_logic: str
    object_types: tuple[str, ...]
    ui_editable: str
    status: str = "active"  # since NetBox 4.7

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with it, one sentence each."""
        must_be_unique = self.name == CLAIM_FIELD
        wrong = {
            f"it is of type {self.type}, not text": self.type != "text",
            "it is not unique, so NetBox would let two addresses carry one key": (
                must_be_unique and not self.unique
            ),
            "it is unique, so an owner could have one address only": not must_be_unique and self.unique,
            f"its filter logic is {self.filter_logic}, not exact": self.filter_logic != "exact",
            "it is not defined for IP addresses": ADDRESSES not in self.object_types,
            f"its status is {self.status}, not active": self.status != "active",
        }
        return tuple(f"Custom field {self.name}: {text}." for text, is_so in wrong.items() if is_so)

    @property
    def lacks(self) -> tuple[str, ...]:
        """What it is not defined for and registering virtual machines needs it for, one sentence each."""
        return tuple(
            f"Custom field {self.name} is not defined for {WANTED[kind]}."
            for kind in (MACHINES, INTERFACES)
            if kind not in self.object_types
        )


def custom_field(data: Json) -> CustomField:
    """A custom field as NetBox shows it."""
    row = Row(data, "a custom field")
    return CustomField(
        id=row.number("id"),
        name=row.text("name"),
        type=row.row("type").text("value"),
        unique=row.flag("unique"),
        filter_logic=row.row("filter_logic").text("value"),
        object_types=tuple(str(each) for each in row.list("object_types")),
        ui_editable=row.row("ui_editable").text("value"),
        status=row.row("status").text("value") if row.has("status") else "active",
    )


@dataclass(frozen=True)
class Fields:
    """Looks at the custom fields that carry Berth's claims."""

    line: Line

    async def find(self) -> dict[str, CustomField]:
        """Those of the two that exist, by name."""
        names = [CLAIM_FIELD, OWNER_FIELD]
        listing = Listing(self.line, PATH, custom_field)
        found = await listing.matching({"name": names}, lambda row: row.name in names)
        return {row.name: row for row in found}

    async def claim_fields(self) -> ClaimFields:
        """What NetBox has of them now; a token that may not look is a problem too, and no error."""
        try:
            found = await self.find()
        except PermissionRefused:
            return ClaimFields((f"The token lacks the permission to view {PATH.rstrip('/')}.",), False)  # noqa: FBT003 - positional in the domain
        missing = [f"NetBox has no custom field {name}." for name in _wanted() if name not in found]
        wrong = [text for field in found.values() for text in field.problems]
        on_machines = not missing and not any(field.lacks for field in found.values())
        return ClaimFields((*missing, *wrong), on_machines=on_machines)


def _wanted() -> Sequence[str]:
    return (CLAIM_FIELD, OWNER_FIELD)
