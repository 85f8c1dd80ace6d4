"""API keys and enrolments."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("client", "digest", "label")),
        sa.Column("bounds", sa.JSON, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        *(sa.Column(name, sa.Float) for name in ("expires_at", "last_used_at", "revoked_at")),
    )
    op.create_index("api_keys_client", "api_keys", ["client"])
    op.create_table(
        "enrolments",
        sa.Column("id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("owner", "digest", "key")),
        sa.Column("words", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("used_at", sa.Float),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("used_from", "operation")),
    )
