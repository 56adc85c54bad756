"""A repository's row says which webhook of its own was made for us, and how that went."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("repositories", sa.Column("hook_id", sa.BigInteger(), nullable=True))
    op.add_column("repositories", sa.Column("hook_trouble", sa.String(), nullable=True))
    op.add_column("repositories", sa.Column("hook_checked_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for column in ("hook_id", "hook_trouble", "hook_checked_at"):
        op.drop_column("repositories", column)
