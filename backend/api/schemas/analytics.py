"""What tasks came to."""

from datetime import date
from uuid import UUID

from pydantic import Field

from backend.api.schemas.base import Shown
from backend.services.analytics_report import Scope
from backend.words import TaskType

_TASKS = "/api/tasks?first_day=2026-01-02&last_day=2026-01-31&with_archived=true"


class FiguresShown(Shown):
    """Sums over tasks. Rates are in percent; what has nothing to be divided by is null."""

    tasks: int = Field(examples=[40])
    pending: int
    running: int
    completed: int
    failed: int
    cancelled: int
    pr_opened: int
    pr_updated: int
    answered: int
    reviewed: int
    no_changes: int
    merged: int
    pull_requests: int
    pull_requests_merged: int
    credits: int
    tokens: int
    lines: int = Field(description="Added lines of the tasks' diffs.")
    files: int
    errors: int = Field(description="Attempts that ended in a fault.")
    execution_ms: int
    success_rate: float | None = Field(description="Completed, of those that completed or failed.", examples=[87.5])
    merge_rate: float | None = Field(description="Merged, of the pull requests that were opened.", examples=[70.0])
    credits_per_merge: float | None = Field(
        description="Credits of all tasks whose type opens pull requests, by the merged ones; without own keys.",
        examples=[9.4],
    )


class SpentShown(Shown):
    """How long something took after the task was sent, in seconds; median and most are off by up to 41%."""

    count: int
    mean: float | None
    median: float | None
    most: float | None = Field(description="Nine of ten took no longer.")


class SpansShown(Shown):
    """To the first event that a worker wrote, to the pull request, to its merge."""

    first_event: SpentShown
    pull_request: SpentShown
    merge: SpentShown


class DayShown(Shown):
    """The tasks that were sent on a day, in UTC."""

    day: date
    figures: FiguresShown


class CellShown(Shown):
    """The tasks of one type with one model on one repository."""

    task_type: TaskType
    model_id: UUID
    model: str
    repository_id: UUID
    repository: str
    figures: FiguresShown
    tasks_url: str = Field(description="Lists them.", examples=[f"{_TASKS}&type=debug"])


class ComparedShown(Shown):
    """A model's credits per merged pull request on some work."""

    model_id: UUID
    model: str
    credits_per_merge: float
    merged: int


class RecommendationShown(Shown):
    """Of the models with ten merged pull requests on such work, the one that is clearly cheapest."""

    task_type: TaskType
    repository_id: UUID
    repository: str
    best: ComparedShown
    others: list[ComparedShown]


class AnalyticsShown(Shown):
    """The tasks that were sent in those days (UTC), and of as many days before. Deleted ones are in no figure."""

    scope: Scope
    first: date
    last: date
    figures: FiguresShown
    spans: SpansShown
    before: FiguresShown
    spans_before: SpansShown
    per_day: list[DayShown]
    cells: list[CellShown] = Field(description="Those with most tasks first.")
    recommendations: list[RecommendationShown]
    tasks_url: str = Field(
        description="Lists the tasks; with `status`, `outcome` or `pull_request` beside it, those of that figure.",
        examples=[_TASKS],
    )
