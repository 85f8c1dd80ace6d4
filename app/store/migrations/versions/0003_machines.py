"""Virtual machines."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_LIVE = sa.text("state IN ('done', 'retiring', 'stuck', 'undoing', 'working')")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "machines",
        sa.Column("key", _WORDS, primary_key=True),
        *(_text(name) for name in ("owner", "state", "operation", "action", "name")),
        sa.Column("cluster_id", sa.BigInteger),
        sa.Column("netbox_id", sa.BigInteger),
        *(_text(name) for name in ("step", "reason", "stuck_in")),
        sa.Column("held", sa.JSON, nullable=False),
        sa.Column("wanted", sa.JSON),
        sa.Column("requested_by", _WORDS),
        sa.Column("reference", _WORDS),
        sa.Column("opened_at", sa.Float, nullable=False),
        sa.Column("changed_at", sa.Float, nullable=False),
    )
    op.create_index(
        "machines_netbox_id",
        "machines",
        ["netbox_id"],
        unique=True,
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    )
    op.create_index("machines_name", "machines", ["name"])
    op.create_index("machines_state", "machines", ["state", "changed_at"])


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, _WORDS, nullable=False)
