"""Repositories are synced by a chore, page by page; what a person reaches no longer is remembered."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("users", sa.Column("organisations_checked_at", _MOMENT, nullable=True))
    op.create_table(
        "lost_access",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("repository_id", sa.Uuid(), nullable=False),
        sa.Column("full_name", sa.String(), nullable=False),
        sa.Column("lost_at", _MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_lost_access_user_id")),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_lost_access_repository_id")),
        sa.PrimaryKeyConstraint("user_id", "repository_id", name=op.f("pk_lost_access")),
    )
    op.create_index(op.f("ix_lost_access_repository_id"), "lost_access", ["repository_id"])
    zero = sa.text("0")
    op.create_table(
        "repository_syncs",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'waiting'"), nullable=False),
        sa.Column("fence", sa.Integer(), server_default=zero, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=zero, nullable=False),
        sa.Column("next_at", _MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("leased_until", _MOMENT, nullable=True),
        sa.Column("pages", sa.Integer(), server_default=zero, nullable=False),
        sa.Column("pages_known", sa.Integer(), server_default=zero, nullable=False),
        sa.Column("found", sa.Integer(), server_default=zero, nullable=False),
        sa.Column("trouble", sa.String(), nullable=True),
        sa.Column("needs_reconnect", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("asked_at", _MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'running', 'done', 'failed')", name=op.f("ck_repository_syncs_state")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_repository_syncs_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_repository_syncs")),
    )
    is_open = sa.text("state IN ('waiting', 'running')")
    op.create_index("idx_repository_syncs_open", "repository_syncs", ["next_at"], postgresql_where=is_open)
    op.create_table(
        "repository_pages",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("etag", sa.String(), nullable=True),
        sa.Column("items", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_repository_pages_user_id")),
        sa.PrimaryKeyConstraint("user_id", "number", name=op.f("pk_repository_pages")),
    )


def downgrade() -> None:
    for table in ("repository_pages", "repository_syncs", "lost_access"):
        op.drop_table(table)
    op.drop_column("users", "organisations_checked_at")
