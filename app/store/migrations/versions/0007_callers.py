"""API keys and enrolments."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "api_keys",
        sa.Column("id", _WORDS, primary_key=True),
        *(sa.Column(name, _WORDS, nullable=False) for name in ("client", "digest", "label")),
        sa.Column("bounds", sa.JSON, nullable=False),
        sa.Column("created_by", _WORDS, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        *(sa.Column(name, sa.Float) for name in ("expires_at", "last_used_at", "revoked_at")),
    )
    op.create_index("api_keys_client", "api_keys", ["client"])
    op.create_table(
        "enrolments",
        sa.Column("id", _WORDS, primary_key=True),
        *(sa.Column(name, _WORDS, nullable=False) for name in ("owner", "digest", "key")),
        sa.Column("words", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("used_at", sa.Float),
        *(sa.Column(name, _WORDS, nullable=False) for name in ("used_from", "operation")),
    )
