"""The API keys and enrolments of the ledger in SQL."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from app.domain.credentials import ApiKey, Bounds, Enrolment
from app.store.tables import api_keys, enrolments

_ENROLMENT_FIELDS = tuple(field.name for field in fields(Enrolment))


class CallerTransaction:
    """What a transaction does with what callers show; see `app.ledger.ports.Tx`."""

    _connection: Connection

    def api_key(self, key_id: str) -> ApiKey | None:
        """See `app.ledger.ports.Tx`."""
        found = self._connection.execute(select(api_keys).where(api_keys.c.id == key_id)).mappings()
        return next((_api_key(row) for row in found), None)

    def add_api_key(self, key: ApiKey) -> None:
        """See `app.ledger.ports.Tx`."""
        self._connection.execute(insert(api_keys).values(asdict(key)))

    def api_keys(self, client: str, after: str, limit: int) -> list[ApiKey]:
        """See `app.ledger.ports.Tx`."""
        query = select(api_keys).where(api_keys.c.id > after).order_by(api_keys.c.id).limit(limit)
        if client:
            query = query.where(api_keys.c.client == client)
        return [_api_key(row) for row in self._connection.execute(query).mappings()]

    def revoke_api_key(self, key_id: str, now: float) -> None:
        """See `app.ledger.ports.Tx`."""
        self._connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(revoked_at=now))

    def note_uses(self, uses: Mapping[str, float]) -> None:
        """See `app.ledger.ports.Tx`."""
        for key_id, moment in uses.items():
            self._connection.execute(
                update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=moment)
            )

    def enrolment(self, enrolment_id: str) -> Enrolment | None:
        """See `app.ledger.ports.Tx`."""
        query = select(enrolments).where(enrolments.c.id == enrolment_id)
        found = self._connection.execute(query).mappings()
        return next((Enrolment(**{name: row[name] for name in _ENROLMENT_FIELDS}) for row in found), None)

    def add_enrolment(self, enrolment: Enrolment) -> None:
        """See `app.ledger.ports.Tx`."""
        self._connection.execute(insert(enrolments).values(asdict(enrolment)))

    def use_enrolment(self, enrolment_id: str, now: float, used_from: str, operation: str) -> None:
        """See `app.ledger.ports.Tx`."""
        used = {"used_at": now, "used_from": used_from, "operation": operation}
        self._connection.execute(update(enrolments).where(enrolments.c.id == enrolment_id).values(used))


def _api_key(row: RowMapping) -> ApiKey:
    values: dict[str, Any] = dict(row)
    bounds: dict[str, Any] = {
        name: tuple(each) if isinstance(each, list) else each for name, each in row["bounds"].items()
    }
    return ApiKey(**{**values, "bounds": Bounds(**bounds)})
