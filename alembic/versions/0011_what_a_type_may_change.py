"""A run may fail because it changed what a task of its type may not change."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_WORDS = (
    "clone_failed",
    "repository_gone",
    "access_lost",
    "setup_failed",
    "sandbox_unavailable",
    "sandbox_lost",
    "disk_full",
    "model_auth",
    "model_rate_limited",
    "model_overloaded",
    "context_exceeded",
    "budget_exhausted",
    "stuck",
    "timeout",
    "secret_found",
    "push_rejected",
    "conflict",
    "pr_create_failed",
    "internal_error",
)


def upgrade() -> None:
    _allow((*_WORDS, "not_allowed"))


def downgrade() -> None:
    op.execute("UPDATE tasks SET failure = 'internal_error' WHERE failure = 'not_allowed'")
    op.execute("UPDATE task_runs SET failure = 'internal_error' WHERE failure = 'not_allowed'")
    _allow(_WORDS)


def _allow(words: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{word}'" for word in words)
    for table in ("tasks", "task_runs"):
        op.drop_constraint(op.f(f"ck_{table}_failure"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_failure"), table, f"failure IN ({listed})")
