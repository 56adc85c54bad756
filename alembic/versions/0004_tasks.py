"""A run keeps which model it used; what had ended before there was anything to read counts as read."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("task_runs", sa.Column("ai_model_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_task_runs_ai_model_id"), "task_runs", "ai_models", ["ai_model_id"], ["id"])
    op.execute("UPDATE task_runs r SET ai_model_id = t.ai_model_id FROM tasks t WHERE t.id = r.task_id")
    op.execute(
        "INSERT INTO task_reads (user_id, task_id, seq) SELECT user_id, id, event_seq FROM tasks ON CONFLICT DO NOTHING"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_task_runs_ai_model_id"), "task_runs", type_="foreignkey")
    op.drop_column("task_runs", "ai_model_id")
