"""What one call may touch: the database, who is calling, and what has been looked up so far."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from app.emulator.errors import FieldError
from app.emulator.resource import readers_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.emulator.accounts import Account
    from app.emulator.database import Database
    from app.emulator.release import Release
    from app.emulator.resource import Resource
    from app.emulator.values import Json, Row

_UNRECOGNISED = (
    "Related objects must be referenced by numeric ID or by dictionary of attributes. Received an "
    "unrecognized value: {}"
)


class Session:
    """The state of one call.

    Attributes:
        database: where everything is kept.
        release: the NetBox that is played.
        resources: all resources by model.
        account: who is calling.
        base: scheme and host, for the URLs in answers.
        request_id: the ``X-Request-ID`` of the answer and the change log.
        message: the ``changelog_message`` of what is being written.
        secrets: the tokens made by this call, which are shown once.
        global_unique: whether ENFORCE_GLOBAL_UNIQUE is on.
    """

    def __init__(  # noqa: PLR0913 - it gathers what a call consists of
        self,
        database: Database,
        release: Release,
        resources: Mapping[str, Resource],
        account: Account,
        *,
        base: str = "",
        request_id: str = "",
        global_unique: bool = True,
    ) -> None:
        self.database = database
        self.release = release
        self.resources = resources
        self.account = account
        self.base = base
        self.request_id = request_id
        self.global_unique = global_unique
        self.message = ""
        self.secrets: dict[int, str] = {}
        self._briefs: dict[tuple[str, int], Json] = {}
        self._resolved: dict[tuple[str, str], int] = {}
        self._custom: dict[str, dict[str, Row]] = {}

    def resource(self, model: str) -> Resource:
        """Return the declaration of a model."""
        return self.resources[model]

    def row(self, model: str, number: int) -> Row | None:
        """Return the bare columns of an object."""
        return self.database.one(f"SELECT * FROM {self.resource(model).table} WHERE id = ?", [number])

    def exists(self, model: str, number: int) -> bool:
        """Tell whether an object is there."""
        table = self.resource(model).table
        return self.database.one(f"SELECT 1 FROM {table} WHERE id = ?", [number]) is not None

    def resolve(self, model: str, value: Json) -> int:
        """Return the id of the object that a request names; raises FieldError."""
        key = (model, repr(value))
        if key not in self._resolved:
            self._resolved[key] = self._resolve(model, value)
        return self._resolved[key]

    def _resolve(self, model: str, value: Json) -> int:
        if isinstance(value, dict):
            return self._resolve_attributes(model, value)
        try:
            number = int(value)
        except (TypeError, ValueError):
            raise FieldError(_UNRECOGNISED.format(value)) from None
        if not self.exists(model, number):
            raise FieldError(f"Related object not found using the provided numeric ID: {number}")
        return number

    def _resolve_attributes(self, model: str, attributes: Row) -> int:
        resource = self.resource(model)
        columns = {"id"} | {name for field in resource.fields for name in field.columns()}
        wrong = next((key for key in attributes if key not in columns), None)
        if wrong:
            choices = ", ".join(sorted(columns))
            raise FieldError(f"Cannot resolve keyword '{wrong}' into field. Choices are: {choices}")
        restriction: str = "1"
        values: list[Json] = []
        if list(attributes) != ["id"]:
            restriction, values = self.account.restriction(self, resource, "view") or ("0", [])
        clause = " AND ".join(f"{key} IS ?" for key in attributes) or "1"
        found = self.database.rows(
            f"SELECT id FROM {resource.table} WHERE {clause} AND {restriction} LIMIT 2",
            [*attributes.values(), *values],
        )
        if len(found) != 1:
            text = "Multiple objects match" if found else "Related object not found using"
            raise FieldError(f"{text} the provided attributes: {attributes}")
        return int(found[0]["id"])

    def brief(self, model: str, number: int) -> Json:
        """Return an object the way it is shown inside others."""
        key = (model, number)
        if key not in self._briefs:
            resource = self.resource(model)
            row = self.row(model, number)
            readers = readers_of(resource, self.release)
            self._briefs[key] = row and {
                name: readers[name](row, self) for name in resource.brief if name in readers
            }
        return self._briefs[key]

    def forget(self) -> None:
        """Drop what was looked up, because something was written."""
        self._briefs.clear()
        self._resolved.clear()

    def tags(self, numbers: list[int]) -> list[Json]:
        """Return tags by weight and name."""
        rows = self.database.rows(
            f"SELECT * FROM extras_tag WHERE id IN ({marks(numbers)}) ORDER BY weight, name", numbers
        )
        readers = readers_of(self.resource("extras.tag"), self.release)
        shown = ("id", "url", "display_url", "display", "name", "slug", "color")
        return [{name: readers[name](row, self) for name in shown} for row in rows]

    def custom_fields(self, model: str) -> dict[str, Row]:
        """Return the custom fields of a model by name, with their defaults read."""
        if model not in self._custom:
            rows = self.database.rows(
                "SELECT f.* FROM extras_customfield f, json_each(f.object_types) t WHERE t.value = ? "
                "ORDER BY f.weight, f.name",
                [model],
            )
            for row in rows:
                row["default_value"] = json.loads(row["default_value"] or "null")
            self._custom[model] = {row["name"]: row for row in rows}
        return self._custom[model]

    def crash(self, exception: str, error: str) -> Row:
        """Return the body of a 500."""
        return {
            "error": error,
            "exception": exception,
            "netbox_version": self.release.full,
            "python_version": self.release.python,
        }


def marks(values: list[Json]) -> str:
    """Return as many placeholders as there are values."""
    return ", ".join("?" * len(values))
