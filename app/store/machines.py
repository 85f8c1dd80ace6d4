"""The machines of the ledger in SQL."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, bindparam, select, tuple_
from sqlalchemy.sql import Select

from app.domain.inventory import Json
from app.ledger.machine_records import Form, MachineEntry, MachineState, Slot, Wanted
from app.store.prepared import Prepared, replacing
from app.store.tables import live_machines, machines

_FIELDS = tuple(field.name for field in fields(MachineEntry))
_JSON = ("held", "wanted")
_MACHINE = select(*(machines.c[name] for name in _FIELDS))
_PUT = replacing(
    machines,
    {name: bindparam(name, type_=None if name in _JSON else machines.c[name].type) for name in _FIELDS},
    "key",
)
_BY_KEY = Prepared(_MACHINE.where(machines.c.key == bindparam("key")))
_BY_OBJECT = Prepared(_MACHINE.where(machines.c.netbox_id == bindparam("netbox_id"), live_machines))


class MachineTransaction:
    """What a transaction does with machines; see `app.ledger.ports.Tx`."""

    _connection: Connection
    _cursor: Any

    def machine(self, key: str) -> MachineEntry | None:
        """See `app.ledger.ports.Tx`."""
        return _one(_BY_KEY.run(self._cursor, {"key": key}))

    def put_machine(self, entry: MachineEntry) -> None:
        """See `app.ledger.ports.Tx`."""
        row = {name: getattr(entry, name) for name in _FIELDS}
        row["state"] = entry.state.value
        row["held"] = json.dumps(_form_json(entry.held))
        row["wanted"] = json.dumps(_wanted_json(entry.wanted)) if entry.wanted else None
        _PUT.run(self._cursor, row)

    def holder_of_machine(self, netbox_id: int) -> MachineEntry | None:
        """See `app.ledger.ports.Tx`."""
        return _one(_BY_OBJECT.run(self._cursor, {"netbox_id": netbox_id}))

    def machines(self, conditions: Mapping[str, str], after: str, limit: int) -> list[MachineEntry]:
        """See `app.ledger.ports.Tx`."""
        query = _MACHINE.where(machines.c.state == MachineState.DONE, machines.c.key > after)
        for column, value in conditions.items():
            query = query.where(machines.c[column] == value)
        return self._machines(query.order_by(machines.c.key).limit(limit))

    def machines_in(
        self, states: Collection[MachineState], after: tuple[float, str], limit: int
    ) -> list[MachineEntry]:
        """See `app.ledger.ports.Tx`."""
        place = tuple_(machines.c.changed_at, machines.c.key)
        wanted = machines.c.state.in_([state.value for state in states])
        query = _MACHINE.where(wanted, place > after).order_by(machines.c.changed_at, machines.c.key)
        return self._machines(query.limit(limit))

    def _machines(self, query: Select[tuple[object, ...]]) -> list[MachineEntry]:
        return [_entry(row) for row in self._connection.execute(query)]


def _one(rows: Sequence[Sequence[Any]]) -> MachineEntry | None:
    return _entry(rows[0]) if rows else None


def _entry(row: Sequence[Any]) -> MachineEntry:
    values = dict(zip(_FIELDS, row, strict=True))
    values["state"] = MachineState(values["state"])
    values["held"] = _form(_decoded(values["held"]))
    wanted = _decoded(values["wanted"])
    values["wanted"] = _wanted(wanted) if wanted else None
    return MachineEntry(**values)


def _decoded(value: Any) -> Any:  # noqa: ANN401 - JSON, which SQLAlchemy decodes and a prepared statement does not
    return json.loads(value) if isinstance(value, str) else value


def _form_json(form: Form) -> Json:
    slots: list[Json] = [[slot.name, slot.number, list(slot.addresses)] for slot in form.slots]
    return {"sent": dict(form.sent), "slots": slots, "adopted": list(form.adopted)}


def _form(data: Any) -> Form:  # noqa: ANN401 - JSON
    slots = tuple(Slot(name, number, tuple(keys)) for name, number, keys in data["slots"])
    return Form(sent=data["sent"], slots=slots, adopted=tuple(data["adopted"]))


def _wanted_json(wanted: Wanted) -> Json:
    return {
        "request": dict(wanted.request),
        "form": _form_json(wanted.form),
        "made": list(wanted.made),
        "adopt": wanted.adopt,
    }


def _wanted(data: Any) -> Wanted:  # noqa: ANN401 - JSON
    return Wanted(
        request=data["request"], form=_form(data["form"]), made=tuple(data["made"]), adopt=data["adopt"]
    )
