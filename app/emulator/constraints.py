"""Constraints of object permissions as SQL: Django lookups on fields, through foreign keys, on tags."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from app.emulator.references import ForeignKey
from app.emulator.session import marks
from app.emulator.values import host_bytes

if TYPE_CHECKING:
    from app.emulator.resource import Resource
    from app.emulator.session import Session
    from app.emulator.values import Clause, Json, Row

_COMPARISONS = {
    "exact": "{} IS ?",
    "iexact": "lower({}) = lower(?)",
    "contains": "instr({}, ?)",
    "icontains": "instr(lower({}), lower(?))",
    "gt": "{} > ?",
    "gte": "{} >= ?",
    "lt": "{} < ?",
    "lte": "{} <= ?",
    "regex": "{} REGEXP ?",
}


def constraint_clause(session: Session, resource: Resource, constraints: list[Json]) -> Clause:
    """Return the SQL of alternatives; one without constraints selects everything."""
    alternatives: list[Row] = []
    for item in constraints:
        if not item:
            return "1", []
        alternatives += item if isinstance(item, list) else [item]
    parts, values = [], []
    for item in alternatives:
        clauses = [_lookup(session, resource, key.split("__"), value) for key, value in item.items()]
        parts.append("(" + " AND ".join(sql for sql, _ in clauses) + ")")
        values += [value for _, some in clauses for value in some]
    return "(" + " OR ".join(parts) + ")", values


def _lookup(session: Session, resource: Resource, path: list[str], value: Json) -> Clause:
    name, *rest = path
    field = next((item for item in resource.fields if item.name == name), None)
    if isinstance(field, ForeignKey) and rest and rest[0] not in {*_COMPARISONS, "in", "isnull"}:
        target = session.resource(field.target)
        sql, values = _lookup(session, target, rest, value)
        return f"{name} IN (SELECT id FROM {target.table} WHERE {sql})", values
    if name == "tags":
        tag = session.resource("extras.tag")
        sql, values = _lookup(session, tag, rest or ["id"], value)
        tagged = f"SELECT object_id FROM tagged_item WHERE model = '{resource.model}'"
        return f"id IN ({tagged} AND tag_id IN (SELECT id FROM {tag.table} WHERE {sql}))", values
    if name == "custom_field_data" and rest:
        path_expression = f"json_extract(custom_field_data, '$.{rest[0]}')"
        return _compare(path_expression, rest[1] if rest[1:] else "exact", value)
    return _compare(name, rest[0] if rest else "exact", value)


def _compare(column: str, lookup: str, value: Json) -> Clause:
    if lookup == "in":
        return f"{column} IN ({marks(value)})", list(value)
    if lookup == "isnull":
        return f"{column} IS {'' if value else 'NOT '}NULL", []
    if lookup.startswith("net_"):
        return _contained(column, str(value))
    if lookup == "startswith":
        return f"substr({column}, 1, {len(value)}) = ?", [value]
    return _COMPARISONS[lookup].format(column), [value]


def _contained(column: str, value: str) -> Clause:
    network = ipaddress.ip_network(value, strict=False)
    bounds = [host_bytes(int(network.network_address)), host_bytes(int(network.broadcast_address))]
    low, high = (f"{column}_first", f"{column}_last") if column == "prefix" else (f"{column}_host",) * 2
    return f"({column}_family = ? AND {low} >= ? AND {high} <= ?)", [network.version, *bounds]
