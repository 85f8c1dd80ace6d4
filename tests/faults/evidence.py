"""Gathering what was left, once it is quiet: from NetBox, from the ledger's file, from its audit log."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from app.ledger.chain import verify
from app.ledger.records import ChainedEvent
from tests.faults.checker import IN_DOUBT
from tests.faults.history import Change, Held

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.contract.client import NetBox, Row
    from tests.faults.history import Evidence

PAGE = 1000


def is_quiet(ledger: Path) -> bool:
    """Whether nothing is under way any more, and no hold is left to end."""
    states = ", ".join(f"'{state}'" for state in IN_DOUBT)
    queries = (
        "SELECT count(*) FROM operations WHERE outcome IS NULL",
        f"SELECT count(*) FROM entries WHERE state IN ({states})",  # noqa: S608 - two constants
        "SELECT count(*) FROM entries WHERE state = 'done' AND hold_until IS NOT NULL",
    )
    with closing(_opened(ledger)) as database:
        return all(database.execute(query).fetchone() == (0,) for query in queries)


def gather(evidence: Evidence, netbox: NetBox, ledger: Path) -> None:
    """Add what NetBox and the ledger hold."""
    rows = list(_all(netbox, "ipam/ip-addresses"))
    evidence.hosts = [row["address"].partition("/")[0] for row in rows]
    evidence.held = [_held(row) for row in rows if row["custom_fields"]["berth_key"]]
    changes = (_change(row) for row in _all(netbox, "core/object-changes"))
    evidence.changes = [change for change in changes if change is not None]
    with closing(_opened(ledger)) as database:
        database.row_factory = sqlite3.Row
        evidence.entries = [dict(row) for row in database.execute("SELECT * FROM entries")]
        open_ones = database.execute("SELECT id FROM operations WHERE outcome IS NULL")
        evidence.open_operations = [row["id"] for row in open_ones]
        columns = "chain, sequence, body, previous, hash"
        stored = [
            ChainedEvent(*row)
            for row in database.execute(f"SELECT {columns} FROM audit ORDER BY number")  # noqa: S608
        ]
    evidence.events = [json.loads(record.body) for record in stored]
    evidence.flaws = list(verify(stored))


def _opened(ledger: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=10)


def _all(netbox: NetBox, path: str) -> Iterator[Row]:
    offset = 0
    while rows := netbox.found(path, limit=PAGE, offset=offset):
        yield from rows
        offset += len(rows)


def _held(row: Row) -> Held:
    fields = row["custom_fields"]
    host = row["address"].partition("/")[0]
    return Held(str(row["id"]), host, fields["berth_key"], fields["berth_owner"])


def _change(row: Row) -> Change | None:
    """Return a change of an address that carries a claim, before or after it."""
    if row["changed_object_type"] != "ipam.ipaddress":
        return None
    data: dict[str, Any] = row["postchange_data"] or row["prechange_data"] or {}
    key = data.get("custom_fields", {}).get("berth_key")
    if not key:
        return None
    return Change(row["action"]["value"], str(row["changed_object_id"]), key)
