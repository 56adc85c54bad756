"""What admins tell everybody, and what they look for among GitHub's deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    now, empty = sa.text("now()"), sa.text("''")
    op.create_table(
        "announcements",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("link", sa.String(), server_default=empty, nullable=False),
        sa.Column("link_words", sa.String(), server_default=empty, nullable=False),
        sa.Column("tone", sa.String(), server_default=sa.text("'info'"), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rung_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.CheckConstraint("tone IN ('info', 'warning')", name=op.f("ck_announcements_tone")),
        sa.CheckConstraint("ends_at IS NULL OR ends_at >= starts_at", name=op.f("ck_announcements_ends_after_start")),
        sa.CheckConstraint("(link = '') = (link_words = '')", name=op.f("ck_announcements_link_has_words")),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_announcements_author_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcements")),
    )
    op.create_index("idx_announcements_starts", "announcements", ["starts_at", "id"])
    op.create_table(
        "announcement_dismissals",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("announcement_id", sa.Uuid(), nullable=False),
        sa.Column("dismissed_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_announcement_dismissals_user_id")),
        sa.ForeignKeyConstraint(
            ["announcement_id"],
            ["announcements.id"],
            name=op.f("fk_announcement_dismissals_announcement_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", "announcement_id", name=op.f("pk_announcement_dismissals")),
    )
    op.create_index(op.f("ix_announcement_dismissals_announcement_id"), "announcement_dismissals", ["announcement_id"])
    op.add_column("webhook_deliveries", sa.Column("repository", sa.String(), server_default=empty, nullable=False))
    op.add_column(
        "webhook_deliveries", sa.Column("was_ignored", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("webhook_deliveries", sa.Column("emptied_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE webhook_deliveries SET repository = coalesce(payload #>> '{repository,full_name}', '')")
    op.drop_index("idx_webhook_deliveries_received", "webhook_deliveries")
    op.create_index("idx_webhook_deliveries_received", "webhook_deliveries", ["received_at", "id"])
    op.create_index("idx_webhook_deliveries_event", "webhook_deliveries", ["event", "received_at", "id"])
    full = sa.text("emptied_at IS NULL")
    op.create_index("idx_webhook_deliveries_full", "webhook_deliveries", ["received_at"], postgresql_where=full)


def downgrade() -> None:
    for index in ("full", "event", "received"):
        op.drop_index(f"idx_webhook_deliveries_{index}", "webhook_deliveries")
    op.create_index("idx_webhook_deliveries_received", "webhook_deliveries", ["received_at"])
    for column in ("emptied_at", "was_ignored", "repository"):
        op.drop_column("webhook_deliveries", column)
    op.drop_table("announcement_dismissals")
    op.drop_table("announcements")
