"""A review may look at a pull request, which need not be one of ours."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tasks", sa.Column("pull_number", sa.Integer(), nullable=True))
    op.create_check_constraint(
        op.f("ck_tasks_pull_number"), "tasks", "pull_number IS NULL OR (pull_number > 0 AND type = 'pr_review')"
    )
    # Nothing has ever written it: a row of ours stands for none but the pull requests that tasks opened.
    op.drop_constraint(op.f("fk_tasks_pull_request_id"), "tasks", type_="foreignkey")
    op.drop_column("tasks", "pull_request_id")


def downgrade() -> None:
    op.add_column("tasks", sa.Column("pull_request_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_tasks_pull_request_id"), "tasks", "pull_requests", ["pull_request_id"], ["id"])
    op.drop_constraint(op.f("ck_tasks_pull_number"), "tasks", type_="check")
    op.drop_column("tasks", "pull_number")
