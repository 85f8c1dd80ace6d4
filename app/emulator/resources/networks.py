"""The filters that understand networks: ``parent``, ``address``, ``within``, ``contains`` and others."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from app.emulator.errors import FieldError
from app.emulator.filters import Filter, lenient, referenced
from app.emulator.session import marks
from app.emulator.values import host_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from app.emulator.session import Session
    from app.emulator.values import Clause, Interface


def _plain(compare: Callable[[list[str]], Clause]) -> Filter:
    """Return a filter without lookups that ignores empty values."""
    return lenient(lambda _session, lookup, texts: None if lookup else compare(texts))


def _interface(text: str) -> Interface | None:
    try:
        return ipaddress.ip_interface(text.strip())
    except ValueError:
        return None


def _within(low: str, high: str, family: str, text: str) -> Clause:
    interface = _interface(text)
    if interface is None:
        return "0", []
    network = interface.network
    bounds = [host_bytes(int(network.network_address)), host_bytes(int(network.broadcast_address))]
    return f"{family} = ? AND {low} >= ? AND {high} <= ?", [network.version, *bounds]


def _any(clauses: list[Clause]) -> Clause:
    sql = " OR ".join(f"({clause[0]})" for clause in clauses)
    return sql, [value for clause in clauses for value in clause[1]]


def _parent(texts: list[str]) -> Clause:
    if any(_interface(text) is None for text in texts):
        return "0", []
    return _any([_within("address_host", "address_host", "address_family", text) for text in texts])


def _address(texts: list[str]) -> Clause:
    clauses: list[Clause] = []
    for text in texts:
        interface = _interface(text)
        if interface is None:
            continue
        host = [interface.version, host_bytes(int(interface))]
        mask = f" AND address_mask = {interface.network.prefixlen}" if "/" in text else ""
        clauses.append((f"address_family = ? AND address_host = ?{mask}", host))
    return _any(clauses) if clauses else ("0", [])


def _integer(column: str, operator: str = "=") -> Filter:
    def clause(texts: list[str]) -> Clause:
        if not all(text.isdigit() for text in texts):
            raise FieldError("Enter a whole number.")
        return _any([(f"{column} {operator} ?", [int(text)]) for text in texts])

    return _plain(clause)


def _mask(column: str) -> Mapping[str, Filter]:
    return {
        "mask_length": _integer(column),
        "mask_length__gte": _integer(column, ">="),
        "mask_length__lte": _integer(column, "<="),
    }


def _assigned_to_machine(model: str, table: str, column: str, key: str) -> Filter:
    """Select addresses by the machine that they are assigned to; an unknown one has none."""

    def clause(texts: list[str]) -> Clause:
        owners = f"SELECT id FROM {table} WHERE {key} IN ({marks(texts)})"
        interfaces = f"SELECT id FROM {model.replace('.', '_')} WHERE {column} IN ({owners})"
        return f"assigned_object_type = '{model}' AND assigned_object_id IN ({interfaces})", list(texts)

    return _plain(clause)


def _assigned_to_interface(model: str) -> Filter:
    """Select addresses by the interface that they are assigned to; an unknown one is refused."""

    def clause(session: Session, lookup: str, texts: list[str]) -> Clause | None:
        if lookup:
            return None
        ids = [referenced(session, model.replace(".", "_"), "id", text)[0] for text in texts]
        return f"assigned_object_type = '{model}' AND assigned_object_id IN ({marks(ids)})", ids

    return clause


def _assigned(texts: list[str]) -> Clause:
    return f"assigned_object_id IS {'NOT ' if texts[-1].lower() in ('true', '1') else ''}NULL", []


_VM, _DEVICE = "virtualization.vminterface", "dcim.interface"

ADDRESS_FILTERS: Mapping[str, Filter] = {
    "parent": _plain(_parent),
    "address": _plain(_address),
    "family": _integer("address_family"),
    **_mask("address_mask"),
    "device": _assigned_to_machine(_DEVICE, "dcim_device", "device", "name"),
    "device_id": _assigned_to_machine(_DEVICE, "dcim_device", "device", "id"),
    "interface_id": _assigned_to_interface(_DEVICE),
    "virtual_machine": _assigned_to_machine(_VM, "virtualization_virtualmachine", "virtual_machine", "name"),
    "virtual_machine_id": _assigned_to_machine(_VM, "virtualization_virtualmachine", "virtual_machine", "id"),
    "vminterface_id": _assigned_to_interface(_VM),
    "assigned": _plain(_assigned),
    "assigned_to_interface": _plain(_assigned),
}


def _prefix(texts: list[str]) -> Clause:
    """Match the written network; an address with host bits or without a mask matches nothing."""
    found = [interface for text in texts if (interface := _interface(text))]
    nets = [
        str(item.network)
        for item, text in zip(found, texts, strict=False)
        if item.ip == item.network.network_address and "/" in text
    ]
    return (f"prefix IN ({marks(nets)})", list(nets)) if nets else ("0", [])


def _prefix_within(*, include: bool) -> Filter:
    def clause(texts: list[str]) -> Clause:
        sql, values = _within("prefix_first", "prefix_last", "prefix_family", texts[-1])
        interface = _interface(texts[-1])
        if include or interface is None:
            return sql, values
        return f"{sql} AND prefix_mask > ?", [*values, interface.network.prefixlen]

    return _plain(clause)


def _contains(texts: list[str]) -> Clause:
    interface = _interface(texts[-1])
    if interface is None:
        return "0", []
    network = interface.network
    bounds = [host_bytes(int(network.network_address)), host_bytes(int(network.broadcast_address))]
    return "prefix_family = ? AND prefix_first <= ? AND prefix_last >= ?", [network.version, *bounds]


def _site(column: str) -> Filter:
    def clause(session: Session, lookup: str, texts: list[str]) -> Clause | None:
        if lookup:
            return None
        ids = [number for text in texts for number in referenced(session, "dcim_site", column, text)]
        return f"scope_type = 'dcim.site' AND scope_id IN ({marks(ids)})", ids

    return clause


SITE_FILTERS = {"site": _site("slug"), "site_id": _site("id")}


def _prefix_search(texts: list[str]) -> Clause:
    """Search text and description; an address or network also finds the prefixes that contain it."""
    text = texts[-1].strip()
    plain: Clause = ("instr(lower(description), lower(?)) > 0 OR instr(prefix, ?) > 0", [text, text])
    return _any([plain, _contains([text])])


PREFIX_FILTERS: Mapping[str, Filter] = {
    "q": _plain(_prefix_search),
    "prefix": _plain(_prefix),
    "within": _prefix_within(include=False),
    "within_include": _prefix_within(include=True),
    "contains": _plain(_contains),
    "family": _integer("prefix_family"),
    **_mask("prefix_mask"),
    **SITE_FILTERS,
}
