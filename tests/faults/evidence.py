"""Gathering what was left, once it is quiet: from NetBox, from the ledger's database, from its audit log.

A ledger is named by its SQLAlchemy URL, whichever database it is in.
"""

from __future__ import annotations

import json
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, create_engine, func, select

from app.ledger.chain import verify
from app.ledger.records import ChainedEvent
from app.store.locator import database_url
from app.store.tables import audit, entries, machines, operations
from tests.faults.checker import IN_DOUBT
from tests.faults.history import Change, Held

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.client import NetBox, Row
    from tests.faults.history import Evidence

PAGE = 1000
_CHAINED = (audit.c.chain, audit.c.sequence, audit.c.body, audit.c.previous, audit.c.hash)
_MACHINES_AT_REST = ("done", "failed", "retired")


def unsettled(ledger: str) -> list[str]:
    """Return what is under way still, and the holds that are yet to end; empty when it is quiet."""
    questions = {
        "operations": select(func.count()).where(operations.c.outcome.is_(None)),
        "entries in doubt": select(func.count()).where(entries.c.state.in_(IN_DOUBT)),
        "holds": select(func.count()).where(entries.c.state == "done", entries.c.hold_until.is_not(None)),
        "machines": select(func.count()).where(machines.c.state.not_in(_MACHINES_AT_REST)),
    }
    with _opened(ledger) as database:
        counts = {what: database.execute(question).scalar_one() for what, question in questions.items()}
    return [f"{count} {what}" for what, count in counts.items() if count]


def gather(evidence: Evidence, netbox: NetBox, ledger: str) -> None:
    """Add what NetBox and the ledger hold."""
    rows = list(_all(netbox, "ipam/ip-addresses"))
    evidence.hosts = [row["address"].partition("/")[0] for row in rows]
    evidence.held = [held_of(row) for row in rows if row["custom_fields"]["berth_key"]]
    changes = (change_of(row) for row in _all(netbox, "core/object-changes"))
    evidence.changes = [change for change in changes if change is not None]
    gather_ledger(evidence, ledger)


def gather_ledger(evidence: Evidence, ledger: str) -> None:
    """Add what the ledger holds."""
    with _opened(ledger) as database:
        evidence.entries = [dict(row) for row in database.execute(select(entries)).mappings()]
        open_ones = select(operations.c.id).where(operations.c.outcome.is_(None))
        evidence.open_operations = list(database.execute(open_ones).scalars())
        stored = [ChainedEvent(*row) for row in database.execute(select(*_CHAINED).order_by(audit.c.number))]
    evidence.events = [json.loads(record.body) for record in stored]
    evidence.flaws = list(verify(stored))


@contextmanager
def _opened(ledger: str) -> Iterator[Connection]:
    engine = create_engine(database_url(ledger))
    with closing(engine.connect()) as database:
        yield database
    engine.dispose()


def _all(netbox: NetBox, path: str) -> Iterator[Row]:
    offset = 0
    while rows := netbox.found(path, limit=PAGE, offset=offset):
        yield from rows
        offset += len(rows)


def held_of(row: Row) -> Held:
    """Return an address that carries a claim."""
    fields = row["custom_fields"]
    host = row["address"].partition("/")[0]
    return Held(str(row["id"]), host, fields["berth_key"], fields["berth_owner"])


def change_of(row: Row) -> Change | None:
    """Return a change of an address that carries a claim, before or after it."""
    if row["changed_object_type"] != "ipam.ipaddress":
        return None
    data: dict[str, Any] = row["postchange_data"] or row["prechange_data"] or {}
    key = data.get("custom_fields", {}).get("berth_key")
    if not key:
        return None
    return Change(row["action"]["value"], str(row["changed_object_id"]), key)
