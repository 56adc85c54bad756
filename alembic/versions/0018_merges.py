"""A run may begin with the target branch merged into the task's."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("task_runs", sa.Column("merges_target", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("task_runs", sa.Column("merged_sha", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("task_runs", "merged_sha")
    op.drop_column("task_runs", "merges_target")
