"""The ledger's verbs in SQL, on one connection."""

import ipaddress
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import (
    Connection,
    RowMapping,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.sql import Select

from app.domain.inventory import Json, Network
from app.ledger.records import EVER, ChainedEvent, Entry, Event, Operation, Span, State
from app.store.backend import cursor_of
from app.store.callers import CallerTransaction
from app.store.leases import LeaseTransaction
from app.store.machines import MachineTransaction
from app.store.position import Position
from app.store.prepared import Prepared, adding, replacing
from app.store.tables import audit, entries, fingerprints, live, operations

_ENTRY_FIELDS = tuple(field.name for field in fields(Entry))
_OPERATION_FIELDS = tuple(field.name for field in fields(Operation))
_AUDIT_FIELDS = tuple(column.name for column in audit.c)
_SEARCHED = tuple(field.name for field in fields(Event) if field.name in audit.c)
_OPERATION = select(*(operations.c[name] for name in _OPERATION_FIELDS))
_ENTRY = select(*(entries.c[name] for name in _ENTRY_FIELDS))


def _values(table: Table, names: Sequence[str]) -> dict[str, object]:
    return {name: bindparam(name, type_=None if name == "sent" else table.c[name].type) for name in names}


_PUT = replacing(entries, _values(entries, _ENTRY_FIELDS), "key")
_BY_KEY = Prepared(_ENTRY.where(entries.c.key == bindparam("key")))
_BY_NAME = Prepared(_ENTRY.where(entries.c.name_claim == bindparam("name_claim"), live))
_BY_OBJECT = Prepared(_ENTRY.where(entries.c.netbox_id == bindparam("netbox_id"), live))
_DROP = Prepared(delete(entries).where(entries.c.key == bindparam("key")))
_BEGIN = Prepared(insert(operations).values(_values(operations, _OPERATION_FIELDS)))
_FINISH = Prepared(
    update(operations).where(operations.c.id == bindparam("which")).values(outcome=bindparam("outcome"))
)
_OPEN = Prepared(
    select(operations.c.id).where(operations.c.id == bindparam("id"), operations.c.outcome.is_(None))
)
_SEEN = adding(fingerprints, _values(fingerprints, ("secret", "fingerprint", "first_seen")))
_TOUCH = text("UPDATE alembic_version SET version_num = version_num")
_APPEND = Prepared(insert(audit).values(_values(audit, _AUDIT_FIELDS)))


class Transaction(MachineTransaction, CallerTransaction, LeaseTransaction):
    """One transaction on a connection that the caller begins and ends.

    `position` is the end of the audit log as this transaction sees it, `appended` what it has added to that;
    `alone` says that no other process writes. What every mutation needs goes by prepared statements, which
    cost a tenth of what SQLAlchemy needs to make one; the rest does not.
    """

    def __init__(self, connection: Connection, position: Position, *, alone: bool = True) -> None:
        self._connection = connection
        self._cursor = cursor_of(connection)
        self._me, self._alone = position.head.chain, alone
        self.position = position
        self.appended: list[ChainedEvent] = []

    def touch(self) -> None:
        """See `app.ledger.ports.Tx`."""
        self._connection.execute(_TOUCH)

    def entry(self, key: str) -> Entry | None:
        """See `app.ledger.ports.Tx`."""
        return self._one(_BY_KEY, key=key)

    def put(self, entry: Entry) -> None:
        """See `app.ledger.ports.Tx`."""
        row = {name: getattr(entry, name) for name in _ENTRY_FIELDS}
        row["state"] = entry.state.value
        row["sent"] = json.dumps(dict(entry.sent))
        _PUT.run(self._cursor, row)

    def drop(self, key: str) -> None:
        """See `app.ledger.ports.Tx`."""
        _DROP.run(self._cursor, {"key": key})

    def held(self, owner: str, credential: str, but: str) -> Mapping[Network, int]:
        """See `app.ledger.ports.Tx`."""
        query = select(entries.c.space, func.count()).group_by(entries.c.space)
        query = query.where(entries.c.owner == owner, entries.c.key != but, live)
        if credential:
            query = query.where(entries.c.credential == credential)
        found: Counter[Network] = Counter()
        for space, count in self._connection.execute(query):
            if space:
                found[ipaddress.ip_interface(space).network] += count
        return found

    def holder_of_name(self, name_claim: str) -> Entry | None:
        """See `app.ledger.ports.Tx`."""
        return self._one(_BY_NAME, name_claim=name_claim)

    def holder_of_object(self, netbox_id: int) -> Entry | None:
        """See `app.ledger.ports.Tx`."""
        return self._one(_BY_OBJECT, netbox_id=netbox_id)

    def named(self, dns_name: str, prefix: str) -> list[Entry]:
        """See `app.ledger.ports.Tx`."""
        return self._many(_ENTRY.where(entries.c.dns_name == dns_name, entries.c.prefix == prefix, live))

    def named_between(self, before: str, after: str, vrf_id: int | None) -> list[Entry]:
        """See `app.ledger.ports.Tx`."""
        name = entries.c.dns_name
        ends = (name >= before, name < f"{before}\U0010ffff", name.endswith(after, autoescape=True))
        return self._many(_ENTRY.where(*ends, entries.c.vrf_id.is_not_distinct_from(vrf_id), live))

    def entries(self, conditions: Mapping[str, str], after: str, limit: int) -> list[Entry]:
        """See `app.ledger.ports.Tx`."""
        query = _ENTRY.where(entries.c.state == State.DONE, entries.c.key > after)
        for column, value in conditions.items():
            if column == "state":
                held = entries.c.hold_until.is_not(None)
                query = query.where(held if value == "held" else ~held)
            else:
                query = query.where(entries.c[column] == value)
        return self._many(query.order_by(entries.c.key).limit(limit))

    def in_state(self, state: State, after: tuple[float, str], limit: int) -> list[Entry]:
        """See `app.ledger.ports.Tx`."""
        place = tuple_(entries.c.changed_at, entries.c.key)
        query = _ENTRY.where(entries.c.state == state.value, place > after)
        return self._many(query.order_by(entries.c.changed_at, entries.c.key).limit(limit))

    def due(self, now: float, after: str, limit: int) -> list[Entry]:
        """See `app.ledger.ports.Tx`."""
        expired = entries.c.hold_until <= now
        query = _ENTRY.where(entries.c.state == State.DONE, expired, entries.c.key > after)
        return self._many(query.order_by(entries.c.key).limit(limit))

    def latest(self, limit: int) -> list[Entry]:
        """See `app.ledger.ports.Tx`."""
        query = _ENTRY.where(entries.c.state == State.DONE)
        return self._many(query.order_by(entries.c.changed_at.desc()).limit(limit))

    def begin(self, operation: Operation) -> None:
        """See `app.ledger.ports.Tx`."""
        _BEGIN.run(self._cursor, {name: getattr(operation, name) for name in _OPERATION_FIELDS})

    def finish(self, operation_id: str, outcome: str) -> None:
        """See `app.ledger.ports.Tx`."""
        _FINISH.run(self._cursor, {"which": operation_id, "outcome": outcome})

    def is_open(self, operation_id: str) -> bool:
        """See `app.ledger.ports.Tx`."""
        return bool(_OPEN.run(self._cursor, {"id": operation_id}))

    def outcome_of(self, operation_id: str) -> str | None:
        """See `app.ledger.ports.Tx`."""
        query = select(operations.c.outcome).where(operations.c.id == operation_id)
        return self._connection.execute(query).scalar_one_or_none()

    def unfinished(self, limit: int) -> list[Operation]:
        """See `app.ledger.ports.Tx`."""
        query = _OPERATION.where(operations.c.outcome.is_(None)).order_by(operations.c.started_at)
        return [Operation(**row) for row in self._connection.execute(query.limit(limit)).mappings()]

    def overdue(self, before: float) -> int:
        """See `app.ledger.ports.Tx`."""
        late = (operations.c.outcome.is_(None), operations.c.started_at <= before)
        return self._connection.execute(select(func.count()).where(*late)).scalar_one()

    def first_seen(self, secret: str, fingerprint: str, now: float) -> float:
        """See `app.ledger.ports.Tx`."""
        _SEEN.run(self._cursor, {"secret": secret, "fingerprint": fingerprint, "first_seen": now})
        which = (fingerprints.c.secret == secret, fingerprints.c.fingerprint == fingerprint)
        return float(self._connection.execute(select(fingerprints.c.first_seen).where(*which)).scalar_one())

    def append(self, event: Event) -> None:
        """See `app.ledger.ports.Tx`."""
        stored, self.position = self.position.link(event)
        row = {name: getattr(event, name) for name in _SEARCHED}
        row |= {
            "number": self.position.taken,
            "chain": stored.chain,
            "sequence": stored.sequence,
            "body": stored.body,
            "previous": stored.previous,
            "hash": stored.hash,
        }
        _APPEND.run(self._cursor, row)
        self.appended.append(stored)

    def events(
        self,
        conditions: Mapping[str, str | Collection[str]],
        after: int,
        limit: int,
        span: Span = EVER,
    ) -> list[tuple[int, Json]]:
        """See `app.ledger.ports.Tx`."""
        number = audit.c.number
        query = select(number, audit.c.body, audit.c.previous, audit.c.hash)
        query = query.where(audit.c.time >= span.since, audit.c.time < span.until)
        if after:
            query = query.where(number < after if span.newest_first else number > after)
        for column, value in conditions.items():
            values = [value] if isinstance(value, str) else value
            query = query.where(audit.c[column].in_(values))
        order = number.desc() if span.newest_first else number
        rows = self._connection.execute(query.order_by(order).limit(limit))
        return [
            (number, {**json.loads(body), "previous": previous, "hash": own})
            for number, body, previous, own in rows
        ]

    def chains(self, after: int, limit: int) -> Sequence[tuple[int, ChainedEvent]]:
        """See `app.ledger.ports.Tx`."""
        columns = (audit.c.chain, audit.c.sequence, audit.c.body, audit.c.previous, audit.c.hash)
        query = select(audit.c.number, *columns).where(audit.c.number > after).order_by(audit.c.number)
        rows = self._connection.execute(query.limit(limit))
        return [(number, ChainedEvent(*stored)) for number, *stored in rows]

    def _one(self, query: Prepared, **values: object) -> Entry | None:
        found = query.run(self._cursor, values)
        return _entry(found[0]) if found else None

    def _many(self, query: Select[tuple[object, ...]]) -> list[Entry]:
        return [decoded(row) for row in self._connection.execute(query).mappings()]


def _entry(row: Sequence[Any]) -> Entry:
    values = dict(zip(_ENTRY_FIELDS, row, strict=True))
    if isinstance(values["sent"], str):  # SQLite's driver leaves it as it is, PostgreSQL's does not
        values["sent"] = json.loads(values["sent"])
    return _of_values(values)


def decoded(row: RowMapping) -> Entry:
    """An entry of a query that SQLAlchemy ran, which has decoded the JSON."""
    return _of_values(dict(row))


def _of_values(values: dict[str, Any]) -> Entry:
    return Entry(**{**values, "state": State(values["state"]), "adopted": bool(values["adopted"])})
