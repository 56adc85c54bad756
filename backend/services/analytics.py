"""A task's figures, written at each run's end from the tables they derive from."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from backend.models import Task, TaskResult, TaskRun

IS_CHANGE = col(TaskResult.result_type).in_(["code_changes", "documentation"])


def newest_with_changes(task_id: Any) -> Any:
    """The newest run that changed files, as a subquery: what its results say is the diff of the task (id or column)."""
    return (
        select(TaskResult.run_id)
        .join(TaskRun, col(TaskRun.id) == TaskResult.run_id)
        .where(TaskResult.task_id == task_id, IS_CHANGE)
        .order_by(col(TaskRun.number).desc())
        .limit(1)
        .correlate(Task)
        .scalar_subquery()
    )


def write(session: Session, task_id: UUID) -> None:
    """Computes the task's one row of `task_analytics` anew; each column's formula stands in the table's docstring."""
    session.execute(
        text(
            """
            INSERT INTO task_analytics AS a (task_id, execution_time_ms, tokens_used, lines_of_code_generated,
                                             files_modified, error_count, success_rate)
            SELECT t.id,
                   coalesce(sum(extract(epoch FROM r.ended_at - r.started_at) * 1000)::bigint, 0),
                   coalesce(sum(r.tokens_input + r.tokens_output), 0),
                   (SELECT coalesce(sum((s.metadata->>'added')::int), 0) FROM task_results s
                    WHERE s.result_type IN ('code_changes', 'documentation') AND s.run_id = :changed),
                   (SELECT count(*) FROM task_results s
                    WHERE s.result_type IN ('code_changes', 'documentation') AND s.run_id = :changed),
                   sum(r.attempt - 1) + count(*) FILTER (WHERE r.status = 'failed'),
                   round(100.0 * count(*) FILTER (WHERE r.evidence->>'verdict' = 'verified' OR t.outcome = 'merged')
                         / count(*), 2)
            FROM tasks t JOIN task_runs r ON r.task_id = t.id
            WHERE t.id = :id GROUP BY t.id
            ON CONFLICT (task_id) DO UPDATE SET
                execution_time_ms = excluded.execution_time_ms, tokens_used = excluded.tokens_used,
                lines_of_code_generated = excluded.lines_of_code_generated, files_modified = excluded.files_modified,
                error_count = excluded.error_count, success_rate = excluded.success_rate
            """
        ),
        {"id": task_id, "changed": session.exec(select(newest_with_changes(task_id))).one()},
    )
