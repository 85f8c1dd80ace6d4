"""Where the next line of the audit log goes."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, update

from app.ledger.chain import GENESIS, Head, link
from app.ledger.records import ChainedEvent, Event
from app.store.prepared import Prepared
from app.store.tables import audit, audit_taken

_END = Prepared(
    select(audit.c.chain, audit.c.hash).order_by(audit.c.number.desc()).limit(1),
)
_CHAIN = Prepared(
    select(audit.c.sequence, audit.c.hash)
    .where(audit.c.chain == bindparam("chain"))
    .order_by(audit.c.sequence.desc())
    .limit(1)
)
_TAKEN = Prepared(select(audit_taken.c.lines))
_TAKE = Prepared(update(audit_taken).values(lines=bindparam("taken")))


@dataclass(frozen=True, slots=True)
class Position:
    """The end of this process's chain and the end of the log, whose last line may be another process's.

    `taken` is how many lines the log has ever taken; None where the database counts by itself.
    """

    head: Head
    chain: str = ""
    hash: str = GENESIS
    taken: int | None = None

    def link(self, event: Event) -> tuple[ChainedEvent, "Position"]:
        """The event as it is stored, and the position after it."""
        elsewhere = self.chain != self.head.chain or not self.head.sequence
        stored, head = link(self.head, event, self.hash if elsewhere else "")
        taken = None if self.taken is None else self.taken + 1
        return stored, Position(head, head.chain, head.hash, taken)


def position_of(cursor: Any, head: Head, *, counting: bool, doubtful: bool) -> Position:  # noqa: ANN401 - a DBAPI cursor
    """Where the log ends for this transaction, which alone writes now.

    `doubtful`: nobody knows whether the last commit was carried out, so the chain's end is read, too.
    """
    if doubtful:
        rows = _CHAIN.run(cursor, {"chain": head.chain})
        head = Head(head.chain, rows[0][0] + 1, rows[0][1]) if rows else Head(head.chain)
    taken = _TAKEN.run(cursor, {})[0][0] if counting else None
    rows = _END.run(cursor, {})
    chain, last = rows[0] if rows else ("", GENESIS)
    return Position(head, chain, last, taken)


def keep_count(cursor: Any, before: Position, after: Position) -> None:  # noqa: ANN401 - as above
    """Write down how many lines the log has taken, where the database does not count by itself."""
    if after.taken != before.taken:
        _TAKE.run(cursor, {"taken": after.taken})
