"""What devices and virtual machines have in common: primary addresses, interfaces, MAC addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.emulator.addressing import Mac
from app.emulator.errors import FieldError, InvalidError, denied
from app.emulator.fields import BLANK, Computed, Field, Reader
from app.emulator.filters import Filter, lenient, referenced
from app.emulator.records import fetch, insert, update
from app.emulator.references import ForeignKey
from app.emulator.session import marks

if TYPE_CHECKING:
    from app.emulator.session import Session
    from app.emulator.values import Clause, Json, Row

_BRIEF = ("id", "url", "display", "family", "address")


@dataclass(frozen=True, eq=False)
class PrimaryAddress(ForeignKey):
    """The primary address of a family; its deletion empties the field and counts as a change."""

    target: str = "ipam.ipaddress"
    by: str = "address"
    on_delete: str = "save_null"

    def readers(self) -> dict[str, Reader]:
        """Show more than the brief form."""
        name = self.name
        return {name: lambda row, session: _address(session, row[name])}


def _address(session: Session, number: int | None) -> Json:
    if number is None:
        return None
    brief = session.brief("ipam.ipaddress", number)
    if not brief or not session.release.modern:
        return brief
    row = session.row("ipam.ipaddress", number) or {}
    shown = {name: brief[name] for name in _BRIEF}
    inside = row["nat_inside"] and session.brief("ipam.ipaddress", row["nat_inside"])
    extra = {"nat_inside": inside, "nat_outside": [], "dns_name": row["dns_name"]}
    return {**shown, **extra, "description": row["description"]}


def primary_addresses() -> tuple[Field, ...]:
    """Return the three fields of primary addresses; IPv6 goes first."""

    def preferred(row: Row, session: Session) -> Json:
        return _address(session, row["primary_ip6"] or row["primary_ip4"])

    return (
        Computed("primary_ip", reader=preferred),
        PrimaryAddress("primary_ip4"),
        PrimaryAddress("primary_ip6"),
    )


def check_primary(session: Session, row: Row, interface: str, owner: str, noun: str) -> None:
    """Refuse a primary address of the wrong family or of another machine."""
    for family in (4, 6):
        field = f"primary_ip{family}"
        if row[field] is None:
            continue
        address = session.row("ipam.ipaddress", row[field]) or {}
        if address["address_family"] != family:
            given = f"{address['address']} is an IPv{address['address_family']} address."
            text = f"Must be an IPv{family} address. ({given})"
            raise InvalidError({field: [text]})
        if not _assigned(session, address, interface, owner, row.get("id")):
            text = f"The specified IP address ({address['address']}) is not assigned to this {noun}."
            raise InvalidError({field: [text]})


def _assigned(session: Session, address: Row, interface: str, owner: str, number: int | None) -> bool:
    if address["assigned_object_type"] != interface or number is None:
        return False
    holder = session.row(interface, address["assigned_object_id"])
    return bool(holder and holder[owner] == number)


# -- MAC addresses -----------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class MacShortcut(Mac):
    """``mac_address`` on an interface: writing it makes a MAC object and the primary one of it."""

    required: bool = False
    null: bool = True
    shown: bool = False
    since: str = "4.7"

    def columns(self) -> dict[str, str]:
        """Need none: the MAC object holds it."""
        return {}

    def take(self, data: Row, values: Row, session: Session, *, create: bool) -> None:
        """Take it only where it is sent."""
        if self.name in data:
            super().take(data, values, session, create=create)

    def parse(self, value: Json, session: Session) -> Json:
        """Word the refusal as the shortcut does."""
        if value == "":
            raise FieldError(BLANK)
        try:
            return super().parse(value, session)
        except FieldError:
            raise FieldError("Enter a valid MAC address (e.g. 00:11:22:33:44:55).") from None


def mac_fields(model: str) -> tuple[Field, ...]:
    """Return the fields by which an interface shows its MAC addresses."""

    def primary(row: Row, session: Session) -> Json:
        if row["primary_mac_address"] is None:
            return None
        return session.brief("dcim.macaddress", row["primary_mac_address"])["mac_address"]

    def assigned(row: Row, session: Session) -> Json:
        found = session.database.rows(
            "SELECT id FROM dcim_macaddress WHERE assigned_object_type = ? AND assigned_object_id = ? "
            "ORDER BY id",
            [model, row["id"]],
        )
        return [session.brief("dcim.macaddress", item["id"]) for item in found]

    def addresses(row: Row, session: Session) -> Json:
        return session.database.value(
            "SELECT count(*) FROM ipam_ipaddress WHERE assigned_object_type = ? AND assigned_object_id = ?",
            [model, row["id"]],
        )

    return (
        Computed("mac_address", reader=primary),
        MacShortcut("mac_address"),
        ForeignKey("primary_mac_address", target="dcim.macaddress", by="mac_address", on_delete="set_null"),
        Computed("mac_addresses", reader=assigned),
        Computed("count_ipaddresses", reader=addresses),
    )


def mac_filters(model: str) -> dict[str, Filter]:
    """Return the filter of an interface by any of its MAC addresses."""

    def clause(_session: Session, lookup: str, texts: list[str]) -> Clause | None:
        if lookup:
            return None
        held = f"SELECT assigned_object_id FROM dcim_macaddress WHERE assigned_object_type = '{model}'"
        wanted = [text.upper().replace("-", ":") for text in texts]
        return f"id IN ({held} AND mac_address IN ({marks(wanted)}))", list(wanted)

    return {"mac_address": lenient(clause)}


def on_interface(model: str) -> Filter:
    """Return the filter of MAC addresses by the interface that they are assigned to."""

    def clause(session: Session, lookup: str, texts: list[str]) -> Clause | None:
        if lookup:
            return None
        table = session.resource(model).table
        ids = [number for text in texts for number in referenced(session, table, "id", text)]
        return f"assigned_object_type = ? AND assigned_object_id IN ({marks(ids)})", [model, *ids]

    return clause


def check_primary_mac(model: str) -> Json:
    """Return the rule that the primary MAC address belongs to the interface."""

    def clean(session: Session, row: Row, old: Row | None) -> None:
        number = row["primary_mac_address"]
        mac = session.row("dcim.macaddress", number) if number is not None else None
        if not mac:
            return
        if mac["assigned_object_id"] is None and old is not None:
            raise InvalidError.whole(
                "Only a MAC address assigned to this interface can be its primary MAC address."
            )
        own = (mac["assigned_object_type"], mac["assigned_object_id"]) == (model, row.get("id"))
        if mac["assigned_object_id"] is not None and not own:
            holder = session.brief(mac["assigned_object_type"], mac["assigned_object_id"])
            text = f"is assigned to a different interface ({holder['display']})."
            raise InvalidError.whole(f"MAC address {mac['mac_address']} {text}")

    return clean


def write_mac(model: str) -> Json:
    """Return what follows a write of ``mac_address``: the MAC object, made primary; null leaves none primary.

    Other MAC addresses stay, the former primary one among them.
    """

    def after(session: Session, row: Row, values: Row) -> None:
        if "mac_address" not in values:
            return
        number = _mac(session, values["mac_address"], model, row["id"]) if values["mac_address"] else None
        if number != row["primary_mac_address"]:
            row |= update(session, session.resource(model), row, {"primary_mac_address": number})

    return after


def _mac(session: Session, text: str, model: str, number: int) -> int:
    """Return the id of the MAC address of an interface, which is made if there is none."""
    macs = session.resource("dcim.macaddress")
    where = "mac_address = ? AND assigned_object_type = ? AND assigned_object_id = ?"
    found = fetch(session, macs, where, [text, model, number])
    if found:
        return int(found[0]["id"])
    if session.account.constraints(session, "dcim.macaddress", "add") is None:
        raise denied("You do not have permission to create MAC addresses.")
    return int(insert(session, macs, _mac_values(session, text, model, number))["id"])


def _mac_values(session: Session, text: str, model: str, number: int) -> Row:
    values: Row = {}
    data = {"mac_address": text, "assigned_object_type": model, "assigned_object_id": number}
    for field in session.resource("dcim.macaddress").fields:
        if field.written:
            field.take(data, values, session, create=True)
    return values


def is_primary(row: Row, session: Session) -> bool:
    """Tell whether a MAC address is the primary one of its interface."""
    if row["assigned_object_id"] is None:
        return False
    holder = session.row(row["assigned_object_type"], row["assigned_object_id"])
    return bool(holder and holder["primary_mac_address"] == row["id"])
