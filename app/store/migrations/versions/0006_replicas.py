"""Several processes on one database: who is at what, and which releases can work with these tables."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_OPEN = sa.text("outcome IS NULL")


def upgrade() -> None:
    """Add them. Nobody is at what older releases have left open."""
    op.add_column("operations", sa.Column("holder", _WORDS))
    op.add_column("operations", sa.Column("until", sa.Float))
    op.create_index("operations_open_key", "operations", ["key"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_table(
        "leases",
        sa.Column("name", _WORDS, primary_key=True),
        sa.Column("holder", _WORDS, nullable=False),
        sa.Column("until", sa.Float, nullable=False),
    )
    _row("schema_floor", sa.Column("revision", _WORDS, primary_key=True), "0006")
    _row("audit_taken", sa.Column("lines", _NUMBER, primary_key=True), 0)


def _row(name: str, column: sa.Column[str] | sa.Column[int], value: object) -> None:
    op.bulk_insert(op.create_table(name, column), [{column.name: value}])
