"""A run's turn: people's lines go on side by side."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("task_runs", sa.Column("turn", sa.Float(), server_default=sa.text("0"), nullable=False))
    line, begun = sa.text("status = 'pending'"), sa.text("started_at IS NOT NULL")
    op.create_index("idx_task_runs_line", "task_runs", ["turn", "created_at"], postgresql_where=line)
    op.create_index("idx_task_runs_begun", "task_runs", ["turn"], postgresql_where=begun)


def downgrade() -> None:
    op.drop_index("idx_task_runs_begun", "task_runs")
    op.drop_index("idx_task_runs_line", "task_runs")
    op.drop_column("task_runs", "turn")
