"""When each pull request was last asked about; ledger rows of one transaction in the order they were written."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pull_requests", sa.Column("polled_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "idx_pull_requests_polled",
        "pull_requests",
        ["polled_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('open', 'draft')"),
    )
    op.alter_column("credit_transactions", "created_at", server_default=sa.text("clock_timestamp()"))


def downgrade() -> None:
    op.alter_column("credit_transactions", "created_at", server_default=sa.text("now()"))
    op.drop_index("idx_pull_requests_polled", table_name="pull_requests")
    op.drop_column("pull_requests", "polled_at")
