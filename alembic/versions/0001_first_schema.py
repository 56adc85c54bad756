"""The first schema: people, repositories, models, tasks with their runs and log, pull requests, the ledger."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ai_models",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("cost_per_token", sa.Numeric(precision=10, scale=8), nullable=True),
        sa.Column("input_price", sa.BigInteger(), nullable=True),
        sa.Column("output_price", sa.BigInteger(), nullable=True),
        sa.Column("cache_read_price", sa.BigInteger(), nullable=True),
        sa.Column("cache_write_price", sa.BigInteger(), nullable=True),
        sa.Column("max_tokens", sa.Integer(), server_default=sa.text("8192"), nullable=False),
        sa.Column("context_window", sa.Integer(), server_default=sa.text("128000"), nullable=False),
        sa.Column(
            "capabilities",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ai_models")),
        sa.UniqueConstraint("provider", "name", name=op.f("uq_ai_models_provider_name")),
    )
    op.create_table(
        "deployment",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("mode IN ('demo', 'real')", name=op.f("ck_deployment_mode")),
        sa.CheckConstraint("id = 1", name=op.f("ck_deployment_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployment")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("github_id", sa.BigInteger(), nullable=False),
        sa.Column("github_host", sa.String(), server_default=sa.text("'github.com'"), nullable=False),
        sa.Column("username", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=True),
        sa.Column("display_name", sa.String(), nullable=True),
        sa.Column("avatar_url", sa.String(), nullable=True),
        sa.Column("github_access_token", sa.String(), nullable=True),
        sa.Column("github_refresh_token", sa.String(), nullable=True),
        sa.Column("github_token_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("github_scopes", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("is_github_connected", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("credits", sa.Integer(), server_default=sa.text("100"), nullable=False),
        sa.Column("credits_held", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("total_credits_used", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("subscription_tier", sa.String(), server_default=sa.text("'free'"), nullable=False),
        sa.Column("role", sa.String(), server_default=sa.text("'member'"), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("notice_seq", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("repositories_synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("role IN ('member', 'admin')", name=op.f("ck_users_role")),
        sa.CheckConstraint(
            "subscription_tier IN ('free', 'pro', 'enterprise')", name=op.f("ck_users_subscription_tier")
        ),
        sa.CheckConstraint("0 <= credits_held AND credits_held <= credits", name=op.f("ck_users_held_within_credits")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("github_id", name=op.f("uq_users_github_id")),
        sa.UniqueConstraint("username", name=op.f("uq_users_username")),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("delivery_id", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=True),
        sa.Column(
            "payload", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint("delivery_id", name=op.f("uq_webhook_deliveries_delivery_id")),
    )
    op.create_index(
        "idx_webhook_deliveries_open",
        "webhook_deliveries",
        ["received_at"],
        unique=False,
        postgresql_where="processed_at IS NULL",
    )
    op.create_table(
        "notices",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column(
            "payload", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_notices_user_id")),
        sa.PrimaryKeyConstraint("user_id", "seq", name=op.f("pk_notices")),
    )
    op.create_table(
        "repositories",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("github_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("full_name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("is_private", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("default_branch", sa.String(), server_default=sa.text("'main'"), nullable=False),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("clone_url", sa.String(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("is_archived", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_empty", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_repositories_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repositories")),
        sa.UniqueConstraint("github_id", name=op.f("uq_repositories_github_id")),
    )
    op.create_index("idx_repositories_owner_active", "repositories", ["owner_id", "is_active"], unique=False)
    op.create_index(op.f("ix_repositories_full_name"), "repositories", ["full_name"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("user_agent", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
    )
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"], unique=False)
    op.create_table(
        "repository_settings",
        sa.Column("repository_id", sa.Uuid(), nullable=False),
        sa.Column("test_command", sa.String(), nullable=True),
        sa.Column("setup_script", sa.String(), nullable=True),
        sa.Column(
            "environment",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("draft_policy", sa.String(), server_default=sa.text("'unverified'"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "draft_policy IN ('ready', 'draft', 'unverified')", name=op.f("ck_repository_settings_draft_policy")
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("fk_repository_settings_repository_id")
        ),
        sa.PrimaryKeyConstraint("repository_id", name=op.f("pk_repository_settings")),
    )
    op.create_table(
        "tasks",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("repository_id", sa.Uuid(), nullable=False),
        sa.Column("ai_model_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("prompt", sa.String(), nullable=False),
        sa.Column("branch", sa.String(), nullable=False),
        sa.Column("target_branch", sa.String(), server_default=sa.text("'main'"), nullable=False),
        sa.Column("work_branch", sa.String(), nullable=True),
        sa.Column("pull_request_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.String(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("phase", sa.String(), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("priority", sa.String(), server_default=sa.text("'medium'"), nullable=False),
        sa.Column("visibility", sa.String(), server_default=sa.text("'private'"), nullable=False),
        sa.Column("credits_used", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("estimated_credits", sa.Integer(), nullable=True),
        sa.Column("event_seq", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "search",
            postgresql.TSVECTOR(),
            sa.Computed("to_tsvector('simple', title || ' ' || prompt)", persisted=True),
            nullable=True,
        ),
        sa.CheckConstraint(
            "failure IN ('clone_failed', 'repository_gone', 'access_lost', 'setup_failed', 'sandbox_unavailable', 'sandbox_lost', 'disk_full', 'model_auth', 'model_rate_limited', 'model_overloaded', 'context_exceeded', 'budget_exhausted', 'stuck', 'timeout', 'secret_found', 'push_rejected', 'conflict', 'pr_create_failed', 'internal_error')",
            name=op.f("ck_tasks_failure"),
        ),
        sa.CheckConstraint(
            "outcome IN ('pr_opened', 'pr_updated', 'answered', 'reviewed', 'no_changes', 'merged')",
            name=op.f("ck_tasks_outcome"),
        ),
        sa.CheckConstraint(
            "phase IN ('queued', 'preparing', 'running', 'verifying', 'finishing', 'parked', 'ended')",
            name=op.f("ck_tasks_phase"),
        ),
        sa.CheckConstraint("priority IN ('low', 'medium', 'high')", name=op.f("ck_tasks_priority")),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'completed', 'failed', 'cancelled')", name=op.f("ck_tasks_status")
        ),
        sa.CheckConstraint(
            "type IN ('debug', 'ask', 'documentation', 'architect', 'pr_review', 'async')", name=op.f("ck_tasks_type")
        ),
        sa.CheckConstraint("visibility IN ('private', 'repository')", name=op.f("ck_tasks_visibility")),
        sa.ForeignKeyConstraint(["ai_model_id"], ["ai_models.id"], name=op.f("fk_tasks_ai_model_id")),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_tasks_repository_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_tasks_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
    )
    op.create_index("idx_tasks_created_at", "tasks", [sa.literal_column("created_at DESC")], unique=False)
    op.create_index("idx_tasks_search", "tasks", ["search"], unique=False, postgresql_using="gin")
    op.create_index("idx_tasks_user_repo_status", "tasks", ["user_id", "repository_id", "status"], unique=False)
    op.create_index("idx_tasks_user_status", "tasks", ["user_id", "status"], unique=False)
    op.create_index("idx_tasks_user_updated", "tasks", ["user_id", sa.literal_column("updated_at DESC")], unique=False)
    op.create_table(
        "user_repository_access",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("repository_id", sa.Uuid(), nullable=False),
        sa.Column("access_level", sa.String(), nullable=False),
        sa.Column("is_collaborator", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "access_level IN ('read', 'write', 'admin')", name=op.f("ck_user_repository_access_access_level")
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("fk_user_repository_access_repository_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_repository_access_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_repository_access")),
        sa.UniqueConstraint("user_id", "repository_id", name=op.f("uq_user_repository_access_user_id_repository_id")),
    )
    op.create_index("idx_user_repo_access_lookup", "user_repository_access", ["user_id", "repository_id"], unique=False)
    op.create_index(
        op.f("ix_user_repository_access_repository_id"), "user_repository_access", ["repository_id"], unique=False
    )
    op.create_table(
        "pull_requests",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("repository_id", sa.Uuid(), nullable=False),
        sa.Column("github_pr_id", sa.BigInteger(), nullable=False),
        sa.Column("pr_number", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("source_branch", sa.String(), nullable=False),
        sa.Column("target_branch", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("head_sha", sa.String(), nullable=True),
        sa.Column("etag", sa.String(), nullable=True),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('draft', 'open', 'closed', 'merged')", name=op.f("ck_pull_requests_status")),
        sa.ForeignKeyConstraint(["repository_id"], ["repositories.id"], name=op.f("fk_pull_requests_repository_id")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_pull_requests_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pull_requests")),
        sa.UniqueConstraint("github_pr_id", name=op.f("uq_pull_requests_github_pr_id")),
        sa.UniqueConstraint("task_id", name=op.f("uq_pull_requests_task_id")),
        sa.UniqueConstraint("repository_id", "pr_number", name=op.f("uq_pull_requests_repository_id_pr_number")),
    )
    op.create_index("idx_pull_requests_repo_status", "pull_requests", ["repository_id", "status"], unique=False)
    op.create_table(
        "task_analytics",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("execution_time_ms", sa.BigInteger(), nullable=True),
        sa.Column("tokens_used", sa.BigInteger(), nullable=True),
        sa.Column("lines_of_code_generated", sa.Integer(), nullable=True),
        sa.Column("files_modified", sa.Integer(), nullable=True),
        sa.Column("error_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("success_rate", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_task_analytics_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_analytics")),
        sa.UniqueConstraint("task_id", name=op.f("uq_task_analytics_task_id")),
    )
    op.create_table(
        "task_runs",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("prompt", sa.String(), nullable=False),
        sa.Column("status", sa.String(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("phase", sa.String(), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("fence", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("charged", sa.Integer(), nullable=True),
        sa.Column("tokens_input", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("tokens_cached", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("tokens_output", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_micro", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("steps", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("base_sha", sa.String(), nullable=True),
        sa.Column("head_sha", sa.String(), nullable=True),
        sa.Column("sandbox", sa.String(), nullable=True),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("cancelled_by", sa.Uuid(), nullable=True),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finish_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "failure IN ('clone_failed', 'repository_gone', 'access_lost', 'setup_failed', 'sandbox_unavailable', 'sandbox_lost', 'disk_full', 'model_auth', 'model_rate_limited', 'model_overloaded', 'context_exceeded', 'budget_exhausted', 'stuck', 'timeout', 'secret_found', 'push_rejected', 'conflict', 'pr_create_failed', 'internal_error')",
            name=op.f("ck_task_runs_failure"),
        ),
        sa.CheckConstraint(
            "outcome IN ('pr_opened', 'pr_updated', 'answered', 'reviewed', 'no_changes', 'merged')",
            name=op.f("ck_task_runs_outcome"),
        ),
        sa.CheckConstraint(
            "phase IN ('queued', 'preparing', 'running', 'verifying', 'finishing', 'parked', 'ended')",
            name=op.f("ck_task_runs_phase"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'completed', 'failed', 'cancelled')", name=op.f("ck_task_runs_status")
        ),
        sa.ForeignKeyConstraint(["cancelled_by"], ["users.id"], name=op.f("fk_task_runs_cancelled_by")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_task_runs_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_runs")),
        sa.UniqueConstraint("task_id", "number", name=op.f("uq_task_runs_task_id_number")),
    )
    op.create_index("idx_task_runs_claim", "task_runs", ["status", "phase", "until"], unique=False)
    op.create_index(
        "uq_task_runs_alive",
        "task_runs",
        ["task_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('pending', 'running')"),
    )
    op.create_table(
        "artifacts",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["task_runs.id"], name=op.f("fk_artifacts_run_id")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_artifacts_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifacts")),
        sa.UniqueConstraint("run_id", "kind", "name", name=op.f("uq_artifacts_run_id_kind_name")),
    )
    op.create_index(op.f("ix_artifacts_task_id"), "artifacts", ["task_id"], unique=False)
    op.create_table(
        "credit_transactions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("held_delta", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("idempotency_key", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(type = 'hold' AND amount = 0 AND held_delta > 0) OR (type = 'release' AND amount = 0 AND held_delta < 0) OR (type = 'debit' AND amount <= 0 AND held_delta = amount) OR (type IN ('credit', 'bonus', 'refund') AND amount > 0 AND held_delta = 0)",
            name=op.f("ck_credit_transactions_amounts"),
        ),
        sa.ForeignKeyConstraint(["run_id"], ["task_runs.id"], name=op.f("fk_credit_transactions_run_id")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_credit_transactions_task_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_credit_transactions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_transactions")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_credit_transactions_idempotency_key")),
    )
    op.create_index(
        "idx_credit_transactions_user_created",
        "credit_transactions",
        ["user_id", sa.literal_column("created_at DESC")],
        unique=False,
    )
    op.create_index(op.f("ix_credit_transactions_run_id"), "credit_transactions", ["run_id"], unique=False)
    op.create_table(
        "task_events",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column(
            "payload", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('prompt', 'phase', 'workspace', 'user_message', 'model_turn', 'tool_started', 'tool_result', 'wait', 'note', 'compacted', 'checkpoint', 'commit', 'evidence', 'push', 'pull_request', 'settled', 'ended')",
            name=op.f("ck_task_events_kind"),
        ),
        sa.ForeignKeyConstraint(["run_id"], ["task_runs.id"], name=op.f("fk_task_events_run_id")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_task_events_task_id")),
        sa.PrimaryKeyConstraint("task_id", "seq", name=op.f("pk_task_events")),
        sa.UniqueConstraint("id", name=op.f("uq_task_events_id")),
    )
    op.create_index(op.f("ix_task_events_run_id"), "task_events", ["run_id"], unique=False)
    op.create_table(
        "task_messages",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["task_runs.id"], name=op.f("fk_task_messages_run_id")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_task_messages_task_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_task_messages_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_messages")),
    )
    op.create_index(op.f("ix_task_messages_task_id"), "task_messages", ["task_id"], unique=False)
    op.create_table(
        "task_results",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("result_type", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=True),
        sa.Column("file_path", sa.String(), nullable=True),
        sa.Column("summary", sa.String(), nullable=True),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "result_type IN ('code_changes', 'documentation', 'analysis', 'pr_created')",
            name=op.f("ck_task_results_result_type"),
        ),
        sa.ForeignKeyConstraint(["run_id"], ["task_runs.id"], name=op.f("fk_task_results_run_id")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_task_results_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_results")),
    )
    op.create_index(op.f("ix_task_results_task_id"), "task_results", ["task_id"], unique=False)
    # The two tables point at each other, so this key comes once both exist.
    op.create_foreign_key(op.f("fk_tasks_pull_request_id"), "tasks", "pull_requests", ["pull_request_id"], ["id"])
    # The ledger is append-only, whoever writes: a settlement is another row, never a changed one.
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation'; END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_transactions
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """
    )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_tasks_pull_request_id"), "tasks", type_="foreignkey")
    op.execute("DROP TRIGGER append_only ON credit_transactions")
    op.execute("DROP FUNCTION refuse_change()")
    op.drop_index(op.f("ix_task_results_task_id"), table_name="task_results")
    op.drop_table("task_results")
    op.drop_index(op.f("ix_task_messages_task_id"), table_name="task_messages")
    op.drop_table("task_messages")
    op.drop_index(op.f("ix_task_events_run_id"), table_name="task_events")
    op.drop_table("task_events")
    op.drop_index(op.f("ix_credit_transactions_run_id"), table_name="credit_transactions")
    op.drop_index("idx_credit_transactions_user_created", table_name="credit_transactions")
    op.drop_table("credit_transactions")
    op.drop_index(op.f("ix_artifacts_task_id"), table_name="artifacts")
    op.drop_table("artifacts")
    op.drop_index(
        "uq_task_runs_alive", table_name="task_runs", postgresql_where=sa.text("status IN ('pending', 'running')")
    )
    op.drop_index("idx_task_runs_claim", table_name="task_runs")
    op.drop_table("task_runs")
    op.drop_table("task_analytics")
    op.drop_index("idx_pull_requests_repo_status", table_name="pull_requests")
    op.drop_table("pull_requests")
    op.drop_index(op.f("ix_user_repository_access_repository_id"), table_name="user_repository_access")
    op.drop_index("idx_user_repo_access_lookup", table_name="user_repository_access")
    op.drop_table("user_repository_access")
    op.drop_index("idx_tasks_user_updated", table_name="tasks")
    op.drop_index("idx_tasks_user_status", table_name="tasks")
    op.drop_index("idx_tasks_user_repo_status", table_name="tasks")
    op.drop_index("idx_tasks_search", table_name="tasks", postgresql_using="gin")
    op.drop_index("idx_tasks_created_at", table_name="tasks")
    op.drop_table("tasks")
    op.drop_table("repository_settings")
    op.drop_index(op.f("ix_sessions_user_id"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_index(op.f("ix_repositories_full_name"), table_name="repositories")
    op.drop_index("idx_repositories_owner_active", table_name="repositories")
    op.drop_table("repositories")
    op.drop_table("notices")
    op.drop_index(
        "idx_webhook_deliveries_open", table_name="webhook_deliveries", postgresql_where="processed_at IS NULL"
    )
    op.drop_table("webhook_deliveries")
    op.drop_table("users")
    op.drop_table("deployment")
    op.drop_table("ai_models")
