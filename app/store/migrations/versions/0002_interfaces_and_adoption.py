"""What Berth itself bound an address to, and whether the address was there before Berth."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the columns; of older entries neither is so."""
    op.add_column("entries", sa.Column("assigned", _WORDS))
    op.add_column("entries", sa.Column("adopted", sa.Boolean))
