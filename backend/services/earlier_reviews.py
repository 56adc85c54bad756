"""What reviews of ours have told on GitHub of a pull request: the next one speaks of what is new."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select

from backend.models import Task, TaskResult, TaskRun

Finding = dict[str, Any]
_ALIKE = 0.5  # of the words of the shorter of two findings on the same line
_QUOTED = 40  # of them are told to the model, the newest


@dataclass(frozen=True)
class Earlier:
    """How many reviews stand on GitHub, and what they found, the oldest first."""

    reviews: int
    findings: list[Finding]

    def holds(self, finding: Finding) -> bool:
        """Whether this was told already."""
        return any(is_same(finding, one) for one in self.findings)

    def quoted(self) -> str:
        """For the model: a list, empty where there is nothing."""
        listed = [
            f"- {one['path']}:{one['line']} {' '.join(str(one['text']).split())[:300]}"
            for one in self.findings[-_QUOTED:]
        ]
        return "\n".join(listed)


def read(session: Session, repository_id: UUID, number: int, but: UUID) -> Earlier:
    """Those of every task on this pull request, `but` for one run: what was posted is nobody's secret."""
    found = session.exec(
        select(TaskResult.meta)
        .join(TaskRun, col(TaskRun.id) == TaskResult.run_id)
        .join(Task, col(Task.id) == TaskResult.task_id)
        .where(
            Task.repository_id == repository_id,
            Task.pull_number == number,
            TaskRun.id != but,
            col(TaskResult.meta)["review"]["url"].astext != "",
        )
        .order_by(col(TaskResult.created_at))
    ).all()
    return Earlier(len(found), [one for meta in found for one in (meta or {}).get("findings", []) if not one["told"]])


def is_same(one: Finding, other: Finding) -> bool:
    """Whether two findings say the same of the same line, wherever it has moved; models word it anew each time."""
    if one["path"] != other["path"] or one["reads"] != other["reads"]:
        return False
    words, others = (set(re.findall(r"\w{3,}", each["text"].lower())) for each in (one, other))
    return len(words & others) >= _ALIKE * max(1, min(len(words), len(others)))
