"""A person's tasks, newest first, are read on an index, on from any of them."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    newest = [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")]
    op.create_index("idx_tasks_user_created", "tasks", ["user_id", *newest])


def downgrade() -> None:
    op.drop_index("idx_tasks_user_created", "tasks")
