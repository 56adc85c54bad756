"""Tasks: what a person asked for. Its files are nouns; callers say `tasks.submit`, `tasks.page`."""

from backend.services.tasks.asked import Asked, draft
from backend.services.tasks.entries import Key, TaskEntry, entry, following
from backend.services.tasks.listing import PAGE, Filters, Offered, Opened, State, listing, offered
from backend.services.tasks.patches import has_patch, patch
from backend.services.tasks.pauses import go_on, other_models
from backend.services.tasks.plans import PlanRow, Said, decide
from backend.services.tasks.read import diff, page
from backend.services.tasks.reads import is_newcomer, mark_read
from backend.services.tasks.retries import ModelOffer, RetryOffer, retry, retry_for_admin, retry_offer
from backend.services.tasks.rows import (
    EvidenceRow,
    FileDiff,
    Group,
    MessageRow,
    OpinionRow,
    PullRequestRow,
    RunRow,
    Sidebar,
    TaskPage,
    TaskRow,
)
from backend.services.tasks.sidebar import sidebar
from backend.services.tasks.upkeep import archive, delete, rename, set_visibility, unarchive
from backend.services.tasks.write import (
    MAX_PROMPT,
    Draft,
    add_credits,
    cancel,
    check_prompt,
    finish_now,
    follow_up,
    found_on_github,
    send,
    stop_for_admin,
    submit,
    withdraw,
)

__all__ = [
    "MAX_PROMPT",
    "PAGE",
    "Asked",
    "Draft",
    "EvidenceRow",
    "FileDiff",
    "Filters",
    "Group",
    "Key",
    "MessageRow",
    "ModelOffer",
    "Offered",
    "Opened",
    "OpinionRow",
    "PlanRow",
    "PullRequestRow",
    "RetryOffer",
    "RunRow",
    "Said",
    "Sidebar",
    "State",
    "TaskEntry",
    "TaskPage",
    "TaskRow",
    "add_credits",
    "archive",
    "cancel",
    "check_prompt",
    "decide",
    "delete",
    "diff",
    "draft",
    "entry",
    "finish_now",
    "follow_up",
    "following",
    "found_on_github",
    "go_on",
    "has_patch",
    "is_newcomer",
    "listing",
    "mark_read",
    "offered",
    "other_models",
    "page",
    "patch",
    "rename",
    "retry",
    "retry_for_admin",
    "retry_offer",
    "send",
    "set_visibility",
    "sidebar",
    "stop_for_admin",
    "submit",
    "unarchive",
    "withdraw",
]
