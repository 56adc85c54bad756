"""Tasks: what a person asked for. Writing and reading are two files; callers say `tasks.submit`, `tasks.page`."""

from backend.services.tasks.read import diff, page, patch, sidebar
from backend.services.tasks.rows import (
    EvidenceRow,
    FileDiff,
    FileRow,
    Group,
    MessageRow,
    PullRequestRow,
    RunRow,
    Sidebar,
    TaskPage,
    TaskRow,
)
from backend.services.tasks.write import (
    Draft,
    add_credits,
    cancel,
    check_prompt,
    finish_now,
    follow_up,
    send,
    submit,
    withdraw,
)

__all__ = [
    "Draft",
    "EvidenceRow",
    "FileDiff",
    "FileRow",
    "Group",
    "MessageRow",
    "PullRequestRow",
    "RunRow",
    "Sidebar",
    "TaskPage",
    "TaskRow",
    "add_credits",
    "cancel",
    "check_prompt",
    "diff",
    "finish_now",
    "follow_up",
    "page",
    "patch",
    "send",
    "sidebar",
    "submit",
    "withdraw",
]
