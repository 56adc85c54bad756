"""What such runs cost before is found without a walk through all of them."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    newest = sa.text("created_at DESC"), sa.text("ended_at DESC")
    op.create_index("idx_tasks_of_type", "tasks", ["repository_id", "type", newest[0]])
    paid = sa.text("status = 'completed' AND cost_micro > 0")
    op.create_index("idx_task_runs_paid", "task_runs", ["ai_model_id", newest[1]], postgresql_where=paid)


def downgrade() -> None:
    op.drop_index("idx_task_runs_paid", "task_runs")
    op.drop_index("idx_tasks_of_type", "tasks")
