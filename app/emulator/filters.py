"""The query string of a list, as SQL.

Two of NetBox's habits matter most: a filter that it does not know is ignored, and so is an empty value of a
filter of text, numbers, moments or networks: everything comes back. Only a filter that offers a choice (a
status, a tag, another object) refuses what it does not know, and the empty value too.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, TypeAlias

from app.emulator import fields as kinds
from app.emulator.addressing import Mac
from app.emulator.customs import indexed
from app.emulator.errors import FieldError, InvalidError
from app.emulator.lookups import NEGATED, boolean, characters, numbers
from app.emulator.references import ForeignKey, GenericKey
from app.emulator.session import marks

if TYPE_CHECKING:
    from collections.abc import Callable

    from app.emulator.resource import Resource
    from app.emulator.session import Session
    from app.emulator.values import Clause

Filter: TypeAlias = "Callable[[Session, str, list[str]], Clause | None]"
"""Given the lookup (``""`` for none) and the values, the SQL; None when the lookup is not known."""

NOT_A_CHOICE = "Select a valid choice. {} is not one of the available choices."


def where(session: Session, resource: Resource, query: dict[str, list[str]]) -> Clause:
    """Return the SQL of a query; raises InvalidError for values that NetBox refuses."""
    parts, values = ["1"], []
    for key, given in query.items():
        try:
            clause = _clause(session, resource, key, given)
        except FieldError as error:
            raise InvalidError({key: error.messages}) from None
        if clause:
            parts.append(f"({clause[0]})")
            values += clause[1]
    return " AND ".join(parts), values


def _clause(session: Session, resource: Resource, key: str, texts: list[str]) -> Clause | None:
    if key.startswith("cf_"):
        return lenient(partial(_custom, resource))(session, key.removeprefix("cf_"), texts)
    known = filters_of(resource)
    name, _, lookup = (key, "", "") if key in known else key.rpartition("__")
    return known[name](session, lookup, texts) if name in known else None


@cache
def filters_of(resource: Resource) -> dict[str, Filter]:
    """Return the filters that the fields of a resource give."""
    found: dict[str, Filter] = {"id": lenient(_number("id")), "q": lenient(_search(resource))}
    for word, actions in _ACTIONS.items():
        found[f"{word}_by_request"] = lenient(_by_request(resource, actions))
    for field in resource.fields:
        found |= _of_field(resource, field)
    if resource.tagged:
        found |= {"tag": _tag(resource, "slug"), "tag_id": _tag(resource, "id")}
    return {**found, **resource.filters}


_ACTIONS = {"created": "'create'", "updated": "'update'", "modified": "'create', 'update'"}


def _of_field(resource: Resource, field: kinds.Field) -> dict[str, Filter]:
    if isinstance(field, ForeignKey):
        return {f"{field.name}_id": _model(field, "id"), field.name: _model(field, field.by)}
    if isinstance(field, GenericKey):
        model, number = field.columns()
        return {model: lenient(_text(model)), number: lenient(_number(number))}
    if isinstance(field, kinds.Choice):
        return {field.name: _choice(field)}
    one = _of_kind(resource, field)
    return {field.name: lenient(one)} if one else {}


def _of_kind(resource: Resource, field: kinds.Field) -> Filter | None:
    if isinstance(field, kinds.Boolean):
        return _boolean(field.key)
    if isinstance(field, kinds.Integer | kinds.VirtualCores):
        return _number(field.name)
    if isinstance(field, kinds.Stamp):
        return _moment(field.name)
    if isinstance(field, kinds.Text | Mac):
        return _text(field.name, exact=resource.exact_names or field.name != "name")
    return None


def lenient(inner: Filter) -> Filter:
    """Return a filter that ignores empty values, and itself when there are no others."""

    def clause(session: Session, lookup: str, texts: list[str]) -> Clause | None:
        given = [text for text in texts if text != ""]
        return inner(session, lookup, given) if given else None

    return clause


def _text(column: str, *, exact: bool = True) -> Filter:
    return lambda _session, lookup, texts: characters(column, lookup or ("" if exact else "ie"), texts)


def _number(column: str) -> Filter:
    return lambda _session, lookup, texts: numbers(column, lookup, texts)


def _boolean(column: str) -> Filter:
    return lambda _session, lookup, texts: boolean(column, texts[-1]) if not lookup else None


def _moment(column: str) -> Filter:
    def clause(_session: Session, lookup: str, texts: list[str]) -> Clause | None:
        try:
            times = [datetime.fromisoformat(text).strftime("%Y-%m-%dT%H:%M:%S.%fZ") for text in texts]
        except ValueError:
            raise FieldError("Enter a valid date/time.") from None
        return numbers(column, lookup, times)

    return clause


def _choice(field: kinds.Choice) -> Filter:
    def clause(_session: Session, lookup: str, texts: list[str]) -> Clause | None:
        for text in texts:
            if not lookup and text not in (field.choices or {}) and not (field.null and text == "null"):
                raise FieldError(NOT_A_CHOICE.format(text))
        if "null" in texts:
            return f"{field.name} IS NULL", []
        return characters(field.name, lookup, texts)

    return clause


def _model(field: ForeignKey, attribute: str) -> Filter:
    def clause(session: Session, lookup: str, texts: list[str]) -> Clause | None:
        if lookup not in ("", "n"):
            return None
        table = session.resource(field.target).table
        ids = [referenced(session, table, attribute, text) for text in texts if text != "null"]
        flat = [number for some in ids for number in some]
        parts = [f"{field.name} IN ({marks(flat)})"] if flat else []
        parts += [f"{field.name} IS NULL"] if "null" in texts else []
        sql = " OR ".join(parts)
        return (f"NOT ({sql})" if lookup else sql), flat

    return clause


def referenced(session: Session, table: str, attribute: str, text: str) -> list[int]:
    """Return the ids of the objects that a choice names; raises FieldError where there are none."""
    value: str | int = text
    if attribute == "id":
        if not text.isdigit():
            raise FieldError(f"“{text}” is not a valid value.")
        value = int(text)
    found = session.database.rows(f"SELECT id FROM {table} WHERE {attribute} = ?", [value])
    if not found:
        raise FieldError(NOT_A_CHOICE.format(text))
    return [row["id"] for row in found]


def _tag(resource: Resource, attribute: str) -> Filter:
    def clause(session: Session, lookup: str, texts: list[str]) -> Clause | None:
        if lookup not in ("", "n", "any"):
            return None
        tagged = f"SELECT object_id FROM tagged_item WHERE model = '{resource.model}' AND tag_id = ?"
        ids = [referenced(session, "extras_tag", attribute, text)[0] for text in texts]
        joint = " OR " if lookup == "any" else " AND "
        sql = joint.join(f"id IN ({tagged})" for _ in ids)
        return (f"NOT ({sql})" if lookup == "n" else sql), ids

    return clause


def _search(resource: Resource) -> Filter:
    parts = [
        f"instr(lower({column.removeprefix('^')}), lower(?)) {'= 1' if column.startswith('^') else '> 0'}"
        for column in resource.search
    ]

    def clause(_session: Session, lookup: str, texts: list[str]) -> Clause | None:
        if lookup or not texts[-1].strip():
            return None
        return " OR ".join(parts) or "1", [texts[-1]] * len(parts)

    return clause


def _by_request(resource: Resource, actions: str) -> Filter:
    sql = (
        f"id IN (SELECT changed_object_id FROM core_objectchange WHERE action IN ({actions}) "
        f"AND changed_object_type = '{resource.model}' AND request_id = ?)"
    )
    return lambda _session, lookup, texts: None if lookup else (sql, [identifier(texts[-1])])


def identifier(text: str) -> str:
    """Return a UUID in its usual form; raises FieldError."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise FieldError("Enter a valid UUID.") from None


def _custom(resource: Resource, session: Session, key: str, texts: list[str]) -> Clause | None:
    """Filter by a custom field; ``null`` asks for the objects that have no value."""
    name, _, lookup = key.partition("__")
    field = session.custom_fields(resource.model).get(name)
    if field is None or field["filter_logic"] == "disabled":
        return None
    held = f"SELECT object_id FROM custom_value WHERE model = '{resource.model}' AND field = '{name}'"
    if not lookup and "null" in texts:
        return f"id NOT IN ({held})", []
    if lookup == "empty":
        return f"id {'NOT ' if texts[-1].lower() == 'true' else ''}IN ({held} AND value <> '')", []
    loose = field["filter_logic"] == "loose" and field["type"] in ("text", "longtext", "url", "json")
    if loose and lookup:
        return None
    positive = NEGATED.get(lookup)
    wanted = "ic" if loose else lookup if positive is None else positive
    clause = characters("value", wanted, [indexed(text) for text in texts])
    if clause is None:
        return None
    return f"id {'NOT ' if positive is not None else ''}IN ({held} AND ({clause[0]}))", clause[1]
