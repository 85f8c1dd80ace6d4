"""The fields that point at other objects: foreign keys, generic ones, lists, tags, custom fields."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from app.emulator.errors import FieldError
from app.emulator.fields import NULL, Field, Reader

if TYPE_CHECKING:
    from app.emulator.session import Session
    from app.emulator.values import Json, Row


@dataclass(frozen=True, eq=False)
class ForeignKey(Field):
    """Another object, given by id or by attributes, shown in brief.

    Attributes:
        target: the model it points at.
        by: the attribute of the target that a filter without ``_id`` compares.
        on_delete: what the deletion of the target does here: protect, cascade, set_null or save_null
            (set_null that counts as a change of this object).
    """

    target: str = ""
    by: str = "slug"
    on_delete: str = "protect"
    null: bool = True
    sql: ClassVar[str] = "INTEGER"

    def parse(self, value: Json, session: Session) -> int:
        """Find the object's id."""
        return session.resolve(self.target, value)

    def readers(self) -> dict[str, Reader]:
        """Show the target in brief."""
        name, target = self.name, self.target

        def read(row: Row, session: Session) -> Json:
            number = row[name]
            return None if number is None else session.brief(target, number)

        return {name: read}


@dataclass(frozen=True, eq=False)
class GenericKey(Field):
    """An object of one of several models: ``<name>_type``, ``<name>_id``, and the object in brief.

    Attributes:
        models: what it may point at.
        cascade: whether this object goes when the other one is deleted.
    """

    null: bool = True
    models: tuple[str, ...] = ()
    cascade: bool = True

    def columns(self) -> dict[str, str]:
        """Need one for the model and one for the id."""
        return {f"{self.name}_type": "TEXT", f"{self.name}_id": "INTEGER"}

    def take(self, data: Row, values: Row, session: Session, *, create: bool) -> None:
        """Read both parts; that they fit is checked when the object is complete."""
        for part in self.columns():
            if part in data:
                values[part] = self._part(part, data[part])
            elif create and self.required:
                raise FieldError("This field is required.", key=part)
            elif create:
                values[part] = None
        del session

    def _part(self, part: str, value: Json) -> Json:
        if value is None:
            if self.required:
                raise FieldError(NULL, key=part)
            return None
        if part.endswith("_id"):
            if isinstance(value, bool) or not str(value).isdigit():
                raise FieldError("A valid integer is required.", key=part)
            return int(value)
        if not isinstance(value, str) or value not in self.models:
            raise FieldError(f"Invalid content type: {value}", key=part)
        return value

    def check(self, row: Row, session: Session) -> dict[str, list[str]]:
        """Return what is wrong with the pair of a complete object."""
        model, number = row[f"{self.name}_type"], row[f"{self.name}_id"]
        if number is not None and model is None:
            return {f"{self.name}_type": ["This field cannot be null."]}
        if number is None and model is not None:
            return {f"{self.name}_id": ["This field cannot be null."]}
        if number is not None and not session.exists(model, number):
            return {f"{self.name}_id": [f"Related object not found using the provided value: {number}."]}
        return {}

    def readers(self) -> dict[str, Reader]:
        """Show model, id and object."""
        model, number = f"{self.name}_type", f"{self.name}_id"

        def read(row: Row, session: Session) -> Json:
            return session.brief(row[model], row[number]) if row[model] else None

        return {
            model: lambda row, _session: row[model],
            number: lambda row, _session: row[number],
            self.name: read,
        }

    def logged(self, row: Row, session: Session) -> Row:
        """Log the id, and a number for the model."""
        model, number = self.columns()
        kind = list(session.resources).index(row[model]) + 1 if row[model] else None
        return {model: kind, number: row[number]}


@dataclass(frozen=True, eq=False)
class References(Field):
    """Several objects of one model, stored as a list of ids and shown in brief."""

    default: Json = "[]"
    target: str = ""

    def parse(self, value: Json, session: Session) -> str:
        """Find each object's id."""
        if not isinstance(value, list):
            raise FieldError(f'Expected a list of items but got type "{type(value).__name__}".')
        return json.dumps([session.resolve(self.target, item) for item in value])

    def readers(self) -> dict[str, Reader]:
        """Show each object in brief."""
        name, target = self.name, self.target

        def read(row: Row, session: Session) -> Json:
            found = [session.brief(target, number) for number in json.loads(row[name])]
            return [{**item, "display_url": item["url"].replace("/api/", "/")} for item in found if item]

        return {name: read}


@dataclass(frozen=True, eq=False)
class Tags(Field):
    """The tags of an object: each by id or attributes, never created, a plain name is refused."""

    def columns(self) -> dict[str, str]:
        """Live in a table of their own."""
        return {}

    def take(self, data: Row, values: Row, session: Session, *, create: bool) -> None:
        """Replace the list; leave it when it is not sent."""
        if self.name not in data:
            if create:
                values[self.name] = []
            return
        given = data[self.name]
        if given is None:
            raise FieldError(NULL)
        if not isinstance(given, list):
            text = f'Expected a list of items but got type "{type(given).__name__}".'
            raise FieldError({session.release.non_field: [text]})
        if None in given:
            raise FieldError({str(given.index(None)): [NULL]})
        values[self.name] = list(dict.fromkeys(session.resolve("extras.tag", item) for item in given))

    def readers(self) -> dict[str, Reader]:
        """Show them by weight and name."""

        def read(row: Row, session: Session) -> Json:
            return session.tags(row["tags"]) if row["tags"] else []

        return {self.name: read}

    def logged(self, row: Row, session: Session) -> Row:
        """Log their names."""
        return {self.name: [tag["name"] for tag in session.tags(row["tags"])] if row["tags"] else []}


@dataclass(frozen=True, eq=False)
class CustomFields(Field):
    """The custom fields of an object: what is sent is merged into what is there."""

    model: str = ""

    def columns(self) -> dict[str, str]:
        """Keep the document; text values are indexed in a table of their own."""
        return {"custom_field_data": "TEXT"}

    def take(self, data: Row, values: Row, session: Session, *, create: bool) -> None:
        """Check the names; the values are checked with the complete object."""
        defined = session.custom_fields(self.model)
        given = data.get(self.name, {})
        if given is None:
            raise FieldError(NULL)
        if not isinstance(given, dict):
            raise FieldError(
                "Invalid data format. Custom field data must be passed as a dictionary mapping field names "
                "to their values."
            )
        unknown = sorted(set(given) - set(defined))
        if unknown and session.release.modern:
            text = "Custom field '{}' does not exist for this object type."
            raise FieldError({name: text.format(name) for name in unknown})
        if unknown:
            raise FieldError(f"Unknown field name '{unknown[0]}' in custom field data.", key="__all__")
        defaults = {name: field["default_value"] for name, field in defined.items()} if create else {}
        values["custom_field_data"] = {**defaults, **given}

    def readers(self) -> dict[str, Reader]:
        """Show every custom field of the model, null where the object has no value."""
        name, model = self.name, self.model

        def read(row: Row, session: Session) -> Json:
            data = row["custom_field_data"]
            return {key: data.get(key) for key in session.custom_fields(model)}

        return {name: read}

    def logged(self, row: Row, session: Session) -> Row:
        """Log the document."""
        del session
        return {self.name: row["custom_field_data"]}
