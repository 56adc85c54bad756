"""A task may be planned first; plans and what their person says of them are entries of the log."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_BEFORE = (
    *("prompt", "phase", "workspace", "user_message", "model_turn", "tool_started", "tool_result", "wait", "note"),
    *("compacted", "checkpoint", "commit", "evidence", "push", "pull_request", "settled", "ended"),
)


def upgrade() -> None:
    op.add_column("tasks", sa.Column("plan_first", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    _allow((*_BEFORE, "plan", "plan_decided"))


def downgrade() -> None:
    """Plans, and what was said of them, become notes of the platform's."""
    op.execute(
        """
        UPDATE task_events SET kind = 'note', payload = jsonb_build_object(
            'code', kind, 'text', coalesce(payload->>'title', payload->>'decision', ''))
        WHERE kind IN ('plan', 'plan_decided')
        """
    )
    _allow(_BEFORE)
    op.drop_column("tasks", "plan_first")


def _allow(kinds: tuple[str, ...]) -> None:
    """The kinds of entries that a log may hold."""
    name = op.f("ck_task_events_kind")
    op.drop_constraint(name, "task_events", type_="check")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(name, "task_events", f"kind IN ({listed})")
