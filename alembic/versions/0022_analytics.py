"""Analytics are summed by day, and whatever changes a task says which day is to be summed anew."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

COUNTS = (
    *("tasks", "pending", "running", "completed", "failed", "cancelled"),
    *("pr_opened", "pr_updated", "answered", "reviewed", "no_changes", "merged"),
    *("pull_requests", "pull_requests_merged", "errors", "charged_merged"),
    *("first_event_count", "pull_request_count", "merge_count"),
)
SUMS = (
    *("credits", "tokens", "lines", "files", "execution_ms"),
    *("charged_credits", "charged_credits_squared", "charged_merged_credits"),
    *("first_event_ms", "pull_request_ms", "merge_ms"),
)
HISTOGRAMS = ("first_event_histogram", "pull_request_histogram", "merge_histogram")
# An event that is appended changes none of these columns, and so marks nothing.
WATCHED = "status, outcome, type, user_id, repository_id, ai_model_id, credits_used, started_at, created_at, deleted_at"


def _measures() -> list[sa.Column]:
    zero = sa.text("0")
    counts = [sa.Column(name, sa.Integer(), server_default=zero, nullable=False) for name in COUNTS]
    sums = [sa.Column(name, sa.BigInteger(), server_default=zero, nullable=False) for name in SUMS]
    return [*counts, *sums, *(sa.Column(name, sa.ARRAY(sa.Integer()), nullable=True) for name in HISTOGRAMS)]


def _key(name: str, target: str, *, nullable: bool) -> sa.Column:
    return sa.Column(name, sa.Uuid(), sa.ForeignKey(target), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "analytics_daily",
        sa.Column("day", sa.Date(), nullable=False),
        _key("user_id", "users.id", nullable=False),
        _key("repository_id", "repositories.id", nullable=False),
        _key("ai_model_id", "ai_models.id", nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        *_measures(),
        sa.PrimaryKeyConstraint("day", "user_id", "repository_id", "ai_model_id", "type"),
    )
    op.create_index("idx_analytics_daily_user", "analytics_daily", ["user_id", "day"])
    op.create_table(
        "analytics_everyone",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        _key("repository_id", "repositories.id", nullable=True),
        _key("ai_model_id", "ai_models.id", nullable=True),
        sa.Column("type", sa.String(), nullable=True),
        *_measures(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_analytics_everyone_day", "analytics_everyone", ["day"])
    whole = sa.text("type IS NULL")
    op.create_index("idx_analytics_everyone_day", "analytics_everyone", ["day"], postgresql_where=whole)
    op.create_table(
        "analytics_stale",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_analytics_stale_day", "analytics_stale", ["day"])
    _watch()
    op.execute(
        "INSERT INTO analytics_stale (day, user_id) SELECT DISTINCT (created_at AT TIME ZONE 'UTC')::date, user_id"
        " FROM tasks"
    )


def _watch() -> None:
    op.execute(
        """
        CREATE FUNCTION mark_task_stale() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP <> 'INSERT' THEN
                INSERT INTO analytics_stale (day, user_id) VALUES ((OLD.created_at AT TIME ZONE 'UTC')::date, OLD.user_id);
            END IF;
            IF TG_OP = 'INSERT' OR TG_OP = 'UPDATE'
               AND (NEW.created_at, NEW.user_id) IS DISTINCT FROM (OLD.created_at, OLD.user_id) THEN
                INSERT INTO analytics_stale (day, user_id) VALUES ((NEW.created_at AT TIME ZONE 'UTC')::date, NEW.user_id);
            END IF;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION mark_stale_by_task() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            before_id uuid; after_id uuid;
        BEGIN
            IF TG_OP <> 'INSERT' THEN before_id := OLD.task_id; END IF;
            IF TG_OP <> 'DELETE' THEN after_id := NEW.task_id; END IF;
            INSERT INTO analytics_stale (day, user_id)
            SELECT DISTINCT (created_at AT TIME ZONE 'UTC')::date, user_id FROM tasks WHERE id IN (before_id, after_id);
            RETURN NULL;
        END $$
        """
    )
    for table, columns, function in (
        ("tasks", WATCHED, "mark_task_stale"),
        ("task_runs", "task_id, own_key", "mark_stale_by_task"),
        (
            "task_analytics",
            "task_id, execution_time_ms, tokens_used, lines_of_code_generated, files_modified, error_count",
            "mark_stale_by_task",
        ),
        ("pull_requests", "task_id, status, created_at, merged_at", "mark_stale_by_task"),
    ):
        op.execute(
            f"CREATE TRIGGER mark_stale AFTER INSERT OR DELETE OR UPDATE OF {columns} ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION {function}()"
        )


def downgrade() -> None:
    for table in ("tasks", "task_runs", "task_analytics", "pull_requests"):
        op.execute(f"DROP TRIGGER mark_stale ON {table}")
    op.execute("DROP FUNCTION mark_task_stale()")
    op.execute("DROP FUNCTION mark_stale_by_task()")
    for table in ("analytics_stale", "analytics_everyone", "analytics_daily"):
        op.drop_table(table)
