"""Labels and mentions on GitHub start tasks, once each; a repository says which do."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    label = sa.text("'asynccoder'")
    op.add_column("repository_settings", sa.Column("trigger_label", sa.String(), server_default=label, nullable=False))
    op.add_column(
        "repository_settings", sa.Column("takes_mentions", sa.Boolean(), server_default=sa.text("true"), nullable=False)
    )
    op.create_table(
        "triggers",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("repository_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("refusal", sa.String(), nullable=True),
        sa.Column("comment_id", sa.BigInteger(), nullable=True),
        sa.Column("told", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'started', 'refused')", name=op.f("ck_triggers_state")),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_triggers_repository_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_triggers_user_id")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_triggers_task_id")),
        sa.ForeignKeyConstraint(["run_id"], ["task_runs.id"], name=op.f("fk_triggers_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_triggers")),
        sa.UniqueConstraint("origin", name=op.f("uq_triggers_origin")),
    )
    is_open = sa.text("closed_at IS NULL")
    op.create_index("idx_triggers_due", "triggers", ["next_at"], postgresql_where=is_open)
    op.create_index("idx_triggers_number", "triggers", ["repository_id", "number"])
    op.create_index(op.f("ix_triggers_user_id"), "triggers", ["user_id"])
    op.create_index(op.f("ix_triggers_task_id"), "triggers", ["task_id"])


def downgrade() -> None:
    op.drop_table("triggers")
    for column in ("trigger_label", "takes_mentions"):
        op.drop_column("repository_settings", column)
