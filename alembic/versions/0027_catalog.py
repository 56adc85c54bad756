"""Models are ordered, limited by tier, and priced with a margin; what the price list says stands beside what was given.

A price that was changed by hand before now counts as given.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_LISTED = """
    ('demo', 'demo-scripted', 500000, 2000000), ('anthropic', 'claude-sonnet-4-6', 3000000, 15000000),
    ('anthropic', 'claude-opus-4-5', 5000000, 25000000), ('openai', 'gpt-5.1', 1250000, 10000000),
    ('google', 'gemini-2.5-pro', 1250000, 10000000)
"""


def upgrade() -> None:
    op.add_column("ai_models", sa.Column("list_price", postgresql.JSONB(), nullable=True))
    op.add_column(
        "ai_models", sa.Column("is_price_given", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("ai_models", sa.Column("margin", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column(
        "ai_models", sa.Column("tiers", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False)
    )
    op.add_column("ai_models", sa.Column("position", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_check_constraint(op.f("ck_ai_models_margin"), "ai_models", "margin BETWEEN 0 AND 100000")
    op.execute(
        "UPDATE ai_models SET is_price_given = input_price IS NOT NULL AND (provider, name, input_price, output_price)"  # noqa: S608  our own text
        f" NOT IN (VALUES {_LISTED})"
    )
    op.add_column("task_runs", sa.Column("margin", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.create_table(
        "provider_tests",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("is_ok", sa.Boolean(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("tested_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_provider_tests")),
    )


def downgrade() -> None:
    op.drop_table("provider_tests")
    op.drop_column("task_runs", "margin")
    op.drop_constraint(op.f("ck_ai_models_margin"), "ai_models")
    for name in ("position", "tiers", "margin", "is_price_given", "list_price"):
        op.drop_column("ai_models", name)
