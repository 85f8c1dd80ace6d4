"""The ledger's verbs in SQL, on one connection."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields

from sqlalchemy import Connection, RowMapping, delete, insert, select, update
from sqlalchemy.sql import Select

from app.domain.inventory import Json
from app.ledger.chain import Head, link
from app.ledger.records import LIVE, ChainedEvent, Entry, Event, Operation, State
from app.store.tables import audit, entries, operations

_ENTRY_FIELDS = tuple(field.name for field in fields(Entry))
_ENTRY = select(*(entries.c[name] for name in _ENTRY_FIELDS))
_LIVE = entries.c.state.in_(sorted(LIVE))


class Transaction:
    """One transaction on a connection that the caller begins and ends.

    `head` is the end of this process's audit chain as this transaction sees it.
    """

    def __init__(self, connection: Connection, head: Head) -> None:
        self._connection = connection
        self.head = head

    def entry(self, key: str) -> Entry | None:
        """See `app.ledger.ports.Tx`."""
        return self._one(_ENTRY.where(entries.c.key == key))

    def put(self, entry: Entry) -> None:
        """See `app.ledger.ports.Tx`."""
        row = {name: getattr(entry, name) for name in _ENTRY_FIELDS}
        row["state"] = entry.state.value
        row["sent"] = dict(entry.sent)
        changed = self._connection.execute(update(entries).where(entries.c.key == entry.key).values(row))
        if changed.rowcount == 0:
            self._connection.execute(insert(entries).values(row))

    def drop(self, key: str) -> None:
        """See `app.ledger.ports.Tx`."""
        self._connection.execute(delete(entries).where(entries.c.key == key))

    def holder_of_name(self, name_claim: str) -> Entry | None:
        """See `app.ledger.ports.Tx`."""
        return self._one(_ENTRY.where(entries.c.name_claim == name_claim, _LIVE))

    def holder_of_object(self, netbox_id: int) -> Entry | None:
        """See `app.ledger.ports.Tx`."""
        return self._one(_ENTRY.where(entries.c.netbox_id == netbox_id, _LIVE))

    def named(self, dns_name: str, prefix: str) -> list[Entry]:
        """See `app.ledger.ports.Tx`."""
        return self._many(
            _ENTRY.where(entries.c.dns_name == dns_name, entries.c.prefix == prefix, _LIVE).limit(2)
        )

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

    def in_state(self, state: State, limit: int) -> list[Entry]:
        """See `app.ledger.ports.Tx`."""
        return self._many(
            _ENTRY.where(entries.c.state == state.value).order_by(entries.c.changed_at).limit(limit)
        )

    def due(self, now: float, limit: int) -> list[Entry]:
        """See `app.ledger.ports.Tx`."""
        expired = entries.c.hold_until <= now
        return self._many(_ENTRY.where(entries.c.state == State.DONE, expired).limit(limit))

    def begin(self, operation: Operation) -> None:
        """See `app.ledger.ports.Tx`."""
        self._connection.execute(insert(operations).values(asdict(operation)))

    def finish(self, operation_id: str, outcome: str) -> None:
        """See `app.ledger.ports.Tx`."""
        change = update(operations).where(operations.c.id == operation_id).values(outcome=outcome)
        self._connection.execute(change)

    def unfinished(self, limit: int) -> list[Operation]:
        """See `app.ledger.ports.Tx`."""
        query = select(operations).where(operations.c.outcome.is_(None)).order_by(operations.c.started_at)
        return [Operation(**row) for row in self._connection.execute(query.limit(limit)).mappings()]

    def append(self, event: Event) -> None:
        """See `app.ledger.ports.Tx`."""
        stored, self.head = link(self.head, event)
        searched = {
            name: getattr(event, name)
            for name in (
                *("time", "event", "action", "key", "operation", "owner"),
                *("request_id", "netbox_request_id", "name", "address"),
            )
        }
        self._connection.execute(insert(audit).values({**searched, **asdict(stored)}))

    def events(self, conditions: Mapping[str, str], after: int, limit: int) -> list[tuple[int, Json]]:
        """See `app.ledger.ports.Tx`."""
        query = select(audit.c.number, audit.c.body).where(audit.c.number > after)
        for column, value in conditions.items():
            query = query.where(audit.c[column] == value)
        rows = self._connection.execute(query.order_by(audit.c.number).limit(limit))
        return [(number, json.loads(body)) for number, body in rows]

    def chains(self, after: int, limit: int) -> Sequence[tuple[int, ChainedEvent]]:
        """See `app.ledger.ports.Tx`."""
        columns = (audit.c.chain, audit.c.sequence, audit.c.body, audit.c.previous, audit.c.hash)
        query = select(audit.c.number, *columns).where(audit.c.number > after).order_by(audit.c.number)
        rows = self._connection.execute(query.limit(limit))
        return [(number, ChainedEvent(*stored)) for number, *stored in rows]

    def _one(self, query: Select[tuple[object, ...]]) -> Entry | None:
        row = self._connection.execute(query).mappings().one_or_none()
        return None if row is None else _entry(row)

    def _many(self, query: Select[tuple[object, ...]]) -> list[Entry]:
        return [_entry(row) for row in self._connection.execute(query).mappings()]


def _entry(row: RowMapping) -> Entry:
    values = dict(row)
    values["state"] = State(values["state"])
    return Entry(**values)
