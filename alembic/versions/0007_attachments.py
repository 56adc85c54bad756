"""Attachments know their picture's size, their place and message; the listed models say that they take images."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nothing has written the table until now.
    op.add_column("attachments", sa.Column("width", sa.Integer(), nullable=False))
    op.add_column("attachments", sa.Column("height", sa.Integer(), nullable=False))
    op.add_column("attachments", sa.Column("position", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("attachments", sa.Column("message_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_attachments_message_id"), "attachments", "task_messages", ["message_id"], ["id"])
    op.create_index(op.f("ix_attachments_message_id"), "attachments", ["message_id"], unique=False)
    op.create_index(
        "idx_attachments_unsent",
        "attachments",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("task_id IS NULL"),
    )
    op.execute(
        "UPDATE ai_models SET capabilities = capabilities || '{\"images\": true}' WHERE (provider, name) IN"
        " (('demo', 'demo-scripted'), ('anthropic', 'claude-sonnet-4-5'), ('anthropic', 'claude-opus-4-5'),"
        " ('openai', 'gpt-5.1'))"
    )


def downgrade() -> None:
    op.execute("UPDATE ai_models SET capabilities = capabilities - 'images'")
    op.drop_index("idx_attachments_unsent", table_name="attachments")
    op.drop_index(op.f("ix_attachments_message_id"), table_name="attachments")
    op.drop_constraint(op.f("fk_attachments_message_id"), "attachments", type_="foreignkey")
    op.drop_column("attachments", "message_id")
    op.drop_column("attachments", "position")
    op.drop_column("attachments", "height")
    op.drop_column("attachments", "width")
