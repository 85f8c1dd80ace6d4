"""Where an address counts, and the credential that it was made with."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add what quotas count by. Of what is there already, the address says where it lies."""
    op.add_column("entries", sa.Column("space", _WORDS, nullable=False, server_default=""))
    op.add_column("entries", sa.Column("credential", _WORDS, nullable=False, server_default=""))
    op.create_index("entries_owner", "entries", ["owner", "state"])
    op.execute("UPDATE entries SET space = address WHERE address IS NOT NULL")
