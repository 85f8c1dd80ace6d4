"""The ledger: entries, operations, audit."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_LIVE = sa.text("state IN ('done', 'pending', 'releasing')")
_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_OPEN = sa.text("outcome IS NULL")


def upgrade() -> None:
    """Create the tables."""
    _entries()
    _operations()
    _audit()


def _entries() -> None:
    op.create_table(
        "entries",
        sa.Column("key", _WORDS, primary_key=True),
        *(_text(name) for name in ("owner", "state", "operation")),
        sa.Column("family", sa.Integer, nullable=False),
        sa.Column("vrf_id", sa.BigInteger),
        _text("dns_name"),
        sa.Column("name_claim", _WORDS),
        _text("prefix"),
        sa.Column("netbox_id", sa.BigInteger),
        sa.Column("address", _WORDS),
        sa.Column("sent", sa.JSON, nullable=False),
        sa.Column("mac_address", _WORDS),
        sa.Column("hold_seconds", sa.Integer),
        sa.Column("hold_until", sa.Float),
        sa.Column("requested_by", _WORDS),
        sa.Column("reference", _WORDS),
        sa.Column("opened_at", sa.Float, nullable=False),
        sa.Column("changed_at", sa.Float, nullable=False),
    )
    for column in ("name_claim", "netbox_id"):
        _index("entries", [column], unique=True, where=_LIVE)
    op.create_index("entries_dns_name", "entries", ["dns_name"])
    op.create_index("entries_state", "entries", ["state", "changed_at"])


def _operations() -> None:
    op.create_table(
        "operations",
        sa.Column("id", _WORDS, primary_key=True),
        _text("key"),
        _text("action"),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("outcome", _WORDS),
    )
    op.create_index(
        "operations_open", "operations", ["started_at"], sqlite_where=_OPEN, postgresql_where=_OPEN
    )


def _audit() -> None:
    searched = ("event", "action", "key", "operation", "owner", "request_id", "netbox_request_id")
    op.create_table(
        "audit",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        _text("chain"),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("time", sa.Float, nullable=False),
        *(_text(name) for name in (*searched, "name", "address", "body", "previous", "hash")),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_chain", "audit", ["chain", "sequence"], unique=True)
    op.create_index("audit_key", "audit", ["key"])
    op.create_index("audit_request", "audit", ["request_id"])


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, _WORDS, nullable=False)


def _index(table: str, columns: list[str], *, unique: bool, where: sa.TextClause) -> None:
    name = f"{table}_{columns[0]}"
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)
