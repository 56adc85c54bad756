"""A pull request's row says how its checks and reviews stand and whether it conflicts; a repository's, how new it is."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_STATES = {
    "checks_state": ("pending", "success", "failure"),
    "review_state": ("approved", "changes_requested", "commented"),
}


def upgrade() -> None:
    op.add_column("repositories", sa.Column("observed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("pull_requests", sa.Column("is_mergeable", sa.Boolean(), nullable=True))
    for name, kept in (("checks", "checks_state"), ("reviews", "review_state")):
        op.add_column("pull_requests", sa.Column(kept, sa.String(), nullable=True))
        document = sa.Column(name, postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False)
        op.add_column("pull_requests", document)
        op.add_column("pull_requests", sa.Column(f"{name}_etag", sa.String(), nullable=True))
        listed = ", ".join(f"'{word}'" for word in _STATES[kept])
        op.create_check_constraint(op.f(f"ck_pull_requests_{kept}"), "pull_requests", f"{kept} IN ({listed})")


def downgrade() -> None:
    for name, kept in (("checks", "checks_state"), ("reviews", "review_state")):
        for column in (kept, name, f"{name}_etag"):
            op.drop_column("pull_requests", column)
    op.drop_column("pull_requests", "is_mergeable")
    op.drop_column("repositories", "observed_at")
