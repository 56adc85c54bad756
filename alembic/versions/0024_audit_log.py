"""Who did what, on what, from where: a chain of rows that nobody changes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_log",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("object_kind", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("object_name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("details", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_audit_log_numbered")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_log")),
    )
    op.create_index("idx_audit_log_login", "audit_log", ["login", "seq"])
    op.create_index("idx_audit_log_act", "audit_log", ["act", "seq"])
    op.create_index("idx_audit_log_object", "audit_log", ["object_id", "seq"])
    op.create_index("idx_audit_log_object_name", "audit_log", ["object_name", "seq"])
    op.create_index("idx_audit_log_at", "audit_log", ["at"])
    token_use = sa.text("act = 'token_used'")
    op.create_index("idx_audit_log_token_use", "audit_log", ["object_id", "address", "at"], postgresql_where=token_use)
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_audit_head_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    # As for the ledger. The head moves with every row, and is never taken away.
    for deeds, table in (("UPDATE OR DELETE OR TRUNCATE", "audit_log"), ("DELETE OR TRUNCATE", "audit_head")):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE {deeds} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    op.drop_table("audit_head")
    op.drop_table("audit_log")
