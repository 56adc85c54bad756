"""Closed pull requests are polled as well."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _index("status <> 'merged'")


def downgrade() -> None:
    _index("status IN ('open', 'draft')")


def _index(which: str) -> None:
    op.drop_index("idx_pull_requests_polled", table_name="pull_requests")
    op.create_index(
        "idx_pull_requests_polled", "pull_requests", ["polled_at"], unique=False, postgresql_where=sa.text(which)
    )
