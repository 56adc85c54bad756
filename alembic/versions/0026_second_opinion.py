"""Which model gives a second opinion on a repository's changes, and what it said of a run's."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("repository_settings", sa.Column("opinion_model_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(None, "repository_settings", "ai_models", ["opinion_model_id"], ["id"])
    op.add_column("task_runs", sa.Column("opinion", JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("task_runs", "opinion")
    op.drop_column("repository_settings", "opinion_model_id")
