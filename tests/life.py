"""Tasks as they might come to be and change, in any order."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from backend.models import AiModel, Task, TaskAnalytics, TaskRun
from backend.services import analytics_rollup
from backend.words import Outcome, Status, TaskType
from tests.conftest import People
from tests.rows import pull_request

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)


class Life:
    """Tasks of Alice and Bob; each step is about one of them, whichever `pick` says."""

    def __init__(self, session: Session, people: People) -> None:
        self.session = session
        self.users = [people.alice.id, people.bob.id]
        self.places = [people.sample, people.shop]
        self.models = list(session.exec(select(AiModel.id).order_by(col(AiModel.name)).limit(2)))
        self.tasks: list[UUID] = []
        self.opened: list[UUID] = []

    def send(self, pick: int, began: datetime, kind: TaskType) -> None:
        task = Task(
            user_id=self.users[pick % 2], repository_id=self.places[pick // 2 % 2],
            ai_model_id=self.models[pick // 4 % 2], title="A task", prompt="A task", branch="main",
            type=kind, created_at=began,
        )  # fmt: skip
        self.session.add(task)
        self.session.flush()
        run = TaskRun(task_id=task.id, number=1, prompt="A task", own_key=pick % 5 == 0)
        self.session.add_all([run, TaskAnalytics(task_id=task.id)])
        self.session.flush()
        self.tasks.append(task.id)

    def change(self, table: str, pick: int, **values: Any) -> None:
        among = self.opened if table == "pull_requests" else self.tasks
        if not among:
            return
        key = "id" if table == "tasks" else "task_id"
        named = ", ".join(f"{name} = :{name}" for name in values)
        self.session.execute(
            text(f"UPDATE {table} SET {named} WHERE {key} = :of"), {**values, "of": among[pick % len(among)]}
        )

    def start(self, pick: int, seconds: int) -> None:
        self.change("tasks", pick, status="running", started_at=MIDNIGHT + timedelta(seconds=seconds))

    def end(self, pick: int, status: Status, outcome: Outcome | None, used: int) -> None:
        self.change("tasks", pick, status=status, outcome=outcome, credits_used=used)

    def figure(self, pick: int, used: int) -> None:
        figures = {"tokens_used": used * 1000, "lines_of_code_generated": used * 3, "files_modified": used % 7}
        self.change("task_analytics", pick, **figures, execution_time_ms=used * 60_000, error_count=used % 3)

    def open_pull(self, pick: int, seconds: int) -> None:
        task = self.tasks[pick % len(self.tasks)] if self.tasks else None
        if task is None or task in self.opened:
            return
        self.opened.append(task)
        pull = pull_request(self.session.get_one(Task, task), len(self.opened))
        pull.created_at = MIDNIGHT + timedelta(seconds=seconds)
        self.session.add(pull)
        self.session.flush()

    def merge(self, pick: int, seconds: int) -> None:
        self.change("pull_requests", pick, status="merged", merged_at=MIDNIGHT + timedelta(seconds=seconds))

    def retry(self, pick: int) -> None:
        self.change("tasks", pick, ai_model_id=self.models[pick % 2], status="pending", outcome=None)

    def own_key(self, pick: int) -> None:
        self.change("task_runs", pick, own_key=pick % 3 == 0)

    def delete(self, pick: int) -> None:
        self.change("tasks", pick, deleted_at=MIDNIGHT)

    def close(self, pick: int) -> None:
        self.change("pull_requests", pick, status="closed", merged_at=None)

    def refresh(self) -> None:
        analytics_rollup.refresh(self.session)

    def rebuild(self) -> None:
        analytics_rollup.rebuild(self.session)
