"""Rows as a test needs them, where only a few columns matter to it."""

from typing import Any

from backend.models import PullRequest, Task


def pull_request(task: Task, number: int, **columns: Any) -> PullRequest:
    """An open pull request of the task's."""
    usual = {
        "task_id": task.id,
        "repository_id": task.repository_id,
        "github_pr_id": 6_000_000_000 + number,
        "pr_number": number,
        "title": f"Change {number}",
        "source_branch": f"asynccoder/change-{number}",
        "target_branch": "main",
        "status": "open",
        "url": "",
    }
    return PullRequest(**{**usual, **columns})
