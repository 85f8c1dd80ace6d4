"""What NetBox checks about prefixes, ranges and addresses."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from app.emulator.errors import InvalidError

if TYPE_CHECKING:
    from app.emulator.session import Session
    from app.emulator.values import Interface, Row

SHARED_ROLES = ("anycast", "vip", "vrrp", "hsrp", "glbp", "carp")
"""Roles whose addresses may exist several times."""

_FULL = {4: (31, 32), 6: (127, 128)}


def _enforced(session: Session, row: Row) -> str | None:
    """Return the name of the table in which addresses are unique, None where they need not be."""
    if row["vrf"] is None:
        return "global table" if session.global_unique else None
    vrf = session.row("ipam.vrf", row["vrf"])
    if not vrf or not vrf["enforce_unique"]:
        return None
    return f"VRF {session.resource('ipam.vrf').display(vrf)}"


def clean_prefix(session: Session, row: Row, old: Row | None) -> None:
    """Refuse a duplicate where uniqueness is enforced."""
    del old
    table = _enforced(session, row)
    found = table and session.database.one(
        "SELECT prefix FROM ipam_prefix WHERE prefix = ? AND vrf IS ? AND id IS NOT ?",
        [row["prefix"], row["vrf"], row.get("id")],
    )
    if found:
        raise InvalidError({"prefix": [f"Duplicate prefix found in {table}: {row['prefix']}"]})


def clean_range(session: Session, row: Row, old: Row | None) -> None:
    """Refuse a range that ends before it begins, has two families or two masks, or overlaps another."""
    del old
    if row["start_address_family"] != row["end_address_family"]:
        raise InvalidError({"end_address": ["Starting and ending IP address versions must match"]})
    if row["start_address_mask"] != row["end_address_mask"]:
        raise InvalidError({"end_address": ["Starting and ending IP address masks must match"]})
    if row["start_address_host"] > row["end_address_host"]:
        text = (
            f"Ending address must be greater than or equal to the starting address ({row['start_address']})"
        )
        raise InvalidError({"end_address": [text]})
    overlapping = session.database.one(
        "SELECT * FROM ipam_iprange WHERE vrf IS ? AND start_address_family = ? AND start_address_host <= ? "
        "AND end_address_host >= ? AND id IS NOT ?",
        [
            row["vrf"],
            row["start_address_family"],
            row["end_address_host"],
            row["start_address_host"],
            row.get("id"),
        ],
    )
    if overlapping:
        vrf = session.brief("ipam.vrf", row["vrf"])["display"] if row["vrf"] else None
        text = f"Defined addresses overlap with range {range_text(overlapping)} in VRF {vrf}"
        raise InvalidError.whole(text)


def range_size(row: Row) -> int:
    """Return the number of addresses in a range."""
    first, last = (int.from_bytes(row[f"{end}_address_host"], "big") for end in ("start", "end"))
    return last - first + 1


def range_text(row: Row) -> str:
    """Write a range as NetBox does: ``10.9.0.1-10/24``."""
    start, end = (row[f"{end}_address"].split("/")[0] for end in ("start", "end"))
    separator = "." if row["start_address_family"] == 4 else ":"  # noqa: PLR2004
    common, last = end.rpartition(separator)[::2]
    shown = last if start.rpartition(separator)[0] == common else end
    return f"{start}-{shown}/{row['start_address_mask']}"


def clean_address(session: Session, row: Row, old: Row | None) -> None:
    """Check assignment, uniqueness, populated ranges and the primary address, in NetBox's order."""
    interface = ipaddress.ip_interface(row["address"])
    if row["assigned_object_id"] is not None:
        _check_assignable(interface)
    _check_duplicates(session, row)
    if old is None:
        _check_populated(session, row)
    else:
        _check_primary(session, row, old)
    if row["status"] == "slaac" and interface.version == 4:  # noqa: PLR2004
        raise InvalidError({"status": ["Only IPv6 addresses can be assigned SLAAC status"]})


def _check_assignable(interface: Interface) -> None:
    if interface.network.prefixlen in _FULL[interface.version]:
        return
    if interface.ip == interface.network.network_address:
        raise InvalidError.whole(
            f"{interface.ip} is a network ID, which may not be assigned to an interface."
        )
    if interface.version == 4 and interface.ip == interface.network.broadcast_address:  # noqa: PLR2004
        text = f"{interface.ip} is a broadcast address, which may not be assigned to an interface."
        raise InvalidError.whole(text)


def _check_duplicates(session: Session, row: Row) -> None:
    table = _enforced(session, row)
    if not table:
        return
    found = session.database.rows(
        "SELECT address, role FROM ipam_ipaddress WHERE address_family = ? AND vrf IS ? AND address_host = ? "
        "AND id IS NOT ? ORDER BY id",
        [row["address_family"], row["vrf"], row["address_host"], row.get("id")],
    )
    shared = [item["role"] in SHARED_ROLES for item in found]
    if found and (row["role"] not in SHARED_ROLES or not all(shared)):
        raise InvalidError({"address": [f"Duplicate IP address found in {table}: {found[0]['address']}"]})


def _check_populated(session: Session, row: Row) -> None:
    found = session.database.one(
        "SELECT * FROM ipam_iprange WHERE mark_populated AND vrf IS ? AND start_address_family = ? "
        "AND start_address_host <= ? AND end_address_host >= ?",
        [row["vrf"], row["address_family"], row["address_host"], row["address_host"]],
    )
    if found:
        text = f"Cannot create IP address {row['address']} inside range {range_text(found)}."
        raise InvalidError({"address": [text]})


def _check_primary(session: Session, row: Row, old: Row) -> None:
    """Keep a primary address on the machine whose primary address it is."""
    before, after = _machine(session, old), _machine(session, row)
    if not before or before == after:
        return
    model, number = before
    machine = session.row(model, number)
    if machine and machine[f"primary_ip{old['address_family']}"] == old["id"]:
        raise InvalidError.whole(
            "Cannot reassign IP address while it is designated as the primary IP for the parent object"
        )


def _machine(session: Session, row: Row) -> tuple[str, int] | None:
    model, number = row["assigned_object_type"], row["assigned_object_id"]
    if model is None or number is None:
        return None
    interface = session.row(model, number)
    if not interface:
        return None
    if model == "dcim.interface":
        return "dcim.device", interface["device"]
    return "virtualization.virtualmachine", interface["virtual_machine"]
