"""Who is at what, where several processes work on one database: by the database's clock.

A process that begins an operation holds its key for some seconds, a job that one process does for all is held
by its name. Whoever comes later waits until that is over, or until the time has run out: then the holder
is dead or was stopped, and what it had in hand is taken up. Where a holder that was only slow comes back, its
entry has moved on and the ledger refuses it (see `app.ledger.ledger`).
"""

from typing import Any

from sqlalchemy import Float, bindparam, delete, false, func, insert, or_, select, update
from sqlalchemy.sql.elements import BindParameter, ColumnElement

from app.store.prepared import Prepared
from app.store.tables import leases, operations

_NOW: ColumnElement[float] = func.extract("epoch", func.clock_timestamp()).cast(Float)
_ME: BindParameter[str] = bindparam("me")
_AT_KEY = (
    operations.c.outcome.is_(None),
    or_(
        operations.c.key == bindparam("turn"),
        (operations.c.key >= bindparam("parts")) & (operations.c.key < bindparam("past")),
    ),
)
_MINE = operations.c.holder == _ME
_STANDS = operations.c.until > _NOW
_ANY = Prepared(select(_MINE, func.coalesce(_STANDS, false())).where(*_AT_KEY))
_KEEP = Prepared(
    update(operations).where(*_AT_KEY).values(holder=bindparam("holder"), until=_NOW + bindparam("seconds"))
)
_LET_GO = Prepared(update(operations).where(*_AT_KEY, _MINE).values(until=0.0))
_LEASE_OVER = or_(leases.c.holder == _ME, leases.c.until <= _NOW)
_DROP = Prepared(delete(leases).where(leases.c.name == bindparam("name"), _LEASE_OVER))
_LEASED = Prepared(select(leases.c.name).where(leases.c.name == bindparam("name")))
_LEASE = Prepared(
    insert(leases).values(
        name=bindparam("name"), holder=bindparam("holder"), until=_NOW + bindparam("seconds")
    )
)


class LeaseTransaction:
    """What a transaction does with leases; see `app.ledger.ports.Tx`. `alone`: there is one process."""

    _cursor: Any
    _me: str
    _alone: bool

    def held_elsewhere(self, turn: str) -> bool:
        """See `app.ledger.ports.Tx`."""
        return not self._alone and any(stands and not mine for mine, stands in self._open(turn))

    def left_behind(self, turn: str) -> bool:
        """See `app.ledger.ports.Tx`."""
        return not self._alone and any(not mine for mine, _stands in self._open(turn))

    def keep(self, turn: str, seconds: float) -> None:
        """See `app.ledger.ports.Tx`."""
        if not self._alone:
            _KEEP.run(self._cursor, {**self._at(turn), "holder": self._me, "seconds": seconds})

    def let_go(self, turn: str) -> None:
        """See `app.ledger.ports.Tx`."""
        if not self._alone:
            _LET_GO.run(self._cursor, self._at(turn))

    def lease(self, name: str, seconds: float) -> bool:
        """See `app.ledger.ports.Tx`."""
        if self._alone:
            return True
        _DROP.run(self._cursor, {"name": name, "me": self._me})
        if _LEASED.run(self._cursor, {"name": name}):
            return False
        _LEASE.run(self._cursor, {"name": name, "holder": self._me, "seconds": seconds})
        return True

    def give_up(self, name: str) -> None:
        """See `app.ledger.ports.Tx`."""
        if not self._alone:
            _DROP.run(self._cursor, {"name": name, "me": self._me})

    def _open(self, turn: str) -> list[tuple[bool, bool]]:
        return [(bool(mine), bool(stands)) for mine, stands in _ANY.run(self._cursor, self._at(turn))]

    def _at(self, turn: str) -> dict[str, object]:
        """The key and the keys of its parts, which have a `~` after it: the last but one of ASCII."""
        return {"me": self._me, "turn": turn, "parts": f"{turn}~", "past": f"{turn}\x7f"}
