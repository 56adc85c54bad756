"""A database made before 0001 said that a task has one pull request at most says so too."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DROP INDEX IF EXISTS ix_pull_requests_task_id")
    op.execute(
        """
        DO $$ BEGIN
            IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'uq_pull_requests_task_id') THEN
                ALTER TABLE pull_requests ADD CONSTRAINT uq_pull_requests_task_id UNIQUE (task_id);
            END IF;
        END $$
        """
    )


def downgrade() -> None:
    """Nothing: the first schema has the constraint."""
