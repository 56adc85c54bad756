"""How the deployment's parts stand and since when, what each machine told of itself, and which caches were emptied."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def _text(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.String(), server_default=sa.text("''"), nullable=False)


def _count(name: str, kind: sa.types.TypeEngine[int]) -> sa.Column[object]:
    return sa.Column(name, kind, server_default=sa.text("0"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "setup_parts",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        _count("position", sa.Integer()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("fix", sa.String(), nullable=False),
        sa.Column("command", sa.String(), nullable=False),
        _text("link"),
        _moment("at"),
        _now("since"),
        _now("seen_at"),
        sa.CheckConstraint("state IN ('broken', 'attention', 'not_set_up', 'ok')", name=op.f("ck_setup_parts_state")),
        sa.PrimaryKeyConstraint("name", "place", name=op.f("pk_setup_parts")),
    )
    op.create_table(
        "machines",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("data_dir", sa.String(), nullable=False),
        _text("sandbox"),
        _count("sandbox_probes", sa.Integer()),
        _text("sandbox_trouble"),
        _text("sandbox_fix"),
        _moment("tested_at"),
        _count("free", sa.BigInteger()),
        _count("total", sa.BigInteger()),
        sa.Column("stores", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        _moment("measured_at"),
        _moment("measure_asked_at"),
        _now("seen_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_machines")),
        sa.UniqueConstraint("host", "data_dir", name=op.f("uq_machines_host_data_dir")),
    )
    op.create_table(
        "cache_clearings",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=True),
        _text("item"),
        _count("unused_days", sa.Integer()),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(), server_default=sa.text("'waiting'"), nullable=False),
        _count("total", sa.Integer()),
        _count("removed", sa.Integer()),
        _count("kept", sa.Integer()),
        _count("freed", sa.BigInteger()),
        _now("asked_at"),
        _moment("ended_at"),
        sa.CheckConstraint("state IN ('waiting', 'running', 'done')", name=op.f("ck_cache_clearings_state")),
        sa.CheckConstraint("kind IN ('mirrors', 'setups')", name=op.f("ck_cache_clearings_kind")),
        sa.ForeignKeyConstraint(["machine_id"], ["machines.id"], name=op.f("fk_cache_clearings_machine_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_cache_clearings_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cache_clearings")),
    )
    op.create_index("idx_cache_clearings_machine", "cache_clearings", ["machine_id", "asked_at"])
    op.create_index("idx_webhook_deliveries_received", "webhook_deliveries", ["received_at"])


def downgrade() -> None:
    op.drop_index("idx_webhook_deliveries_received", "webhook_deliveries")
    op.drop_table("cache_clearings")
    op.drop_table("machines")
    op.drop_table("setup_parts")
