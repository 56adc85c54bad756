"""The queue can be paused: then no run is begun."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deployment", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("deployment", sa.Column("paused_by", sa.Uuid(), nullable=True))
    op.create_foreign_key(None, "deployment", "users", ["paused_by"], ["id"])


def downgrade() -> None:
    op.drop_column("deployment", "paused_by")
    op.drop_column("deployment", "paused_at")
