"""What the tasks page holds of the services' rows, and how its filters stand in the address."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from asynccoder_ui import chosen, routes
from asynccoder_ui.facts import pull, type_name
from asynccoder_ui.task_menu import kind_of
from asynccoder_ui.views import Option, iso, look_of, reason_of
from backend.services import tasks
from backend.services.tasks import Filters, Opened, State
from backend.words import Outcome, Priority, Status, TaskType


@dataclass(frozen=True)
class Chosen(chosen.Chosen):
    """The filters of the tasks page; `all` lists also what others share."""

    state: str = chosen.word(State)
    type: str = chosen.word(TaskType)
    repository: str = chosen.identity()
    model: str = chosen.identity()
    priority: str = chosen.word(Priority)
    all: str = chosen.mark()
    # What figures lead to; no control of the page sets these.
    status: str = chosen.word(Status)
    outcome: str = chosen.word(Outcome)
    pull: str = chosen.word(Opened)
    first: str = chosen.day()
    last: str = chosen.day()
    archived: str = chosen.mark()

    @classmethod
    def with_filters(cls, filters: Filters) -> "Chosen":
        """What the address of these filters says."""
        given = {name: getattr(filters, of) for name, of in _NAMES.items()}
        said = {
            name: value.isoformat() if isinstance(value, date) else str(value) for name, value in given.items() if value
        }
        marks = {"all": filters.everyone, "archived": filters.with_archived}
        return cls(**said, **{name: "1" for name, is_set in marks.items() if is_set})

    @property
    def narrowing(self) -> str:
        """In words, what is left out that no control of the page shows; empty for nothing."""
        sent = f"sent {spelt_days(self.first, self.last)}" if self.first or self.last else ""
        pull = {"any": "with a pull request", "merged": "whose pull request is merged"}.get(self.pull, "")
        outcome = self.outcome.replace("_", " ").replace("pr ", "pull request ")
        words = [_STATUSES.get(self.status, ""), outcome, pull, sent, "archived ones too" if self.archived else ""]
        return ", ".join(filter(None, words)) if any(words[:-1]) else ""

    @property
    def bare(self) -> "Chosen":
        """No filter; whose tasks are listed stays."""
        return Chosen(all=self.all)

    @property
    def filters(self) -> Filters:
        """The filters as the service takes them."""
        return Filters(
            state=State(self.state) if self.state else None,
            task_type=TaskType(self.type) if self.type else None,
            repository_id=chosen.optional(self.repository),
            model_id=chosen.optional(self.model),
            priority=Priority(self.priority) if self.priority else None,
            query=self.q,
            everyone=self.all == "1",
            status=Status(self.status) if self.status else None,
            outcome=Outcome(self.outcome) if self.outcome else None,
            pull=Opened(self.pull) if self.pull else None,
            first=chosen.optional_day(self.first),
            last=chosen.optional_day(self.last),
            with_archived=self.archived == "1",
        )


_NAMES = {
    **{one: one for one in ("state", "status", "outcome", "pull", "first", "last", "priority")},
    **{"type": "task_type", "repository": "repository_id", "model": "model_id", "q": "query"},
}
_STATUSES: dict[str, str] = {
    **{Status.PENDING: "waiting", Status.RUNNING: "running", Status.COMPLETED: "done"},
    **{Status.FAILED: "failed", Status.CANCELLED: "stopped"},
}


def tasks_with(filters: Filters) -> str:
    """The address of the tasks page with these filters."""
    return Chosen.with_filters(filters).address(routes.TASKS)


def spelt_day(day: date) -> str:
    """A day as pages spell it, such as "3 Nov 2026"."""
    return f"{day.day} {day:%b %Y}"


def spelt_days(first: str, last: str) -> str:
    """From one day to another, either of which may be open; days are in UTC."""
    if first == last:
        return f"on {spelt_day(date.fromisoformat(first))} (UTC)"
    since = f"from {spelt_day(date.fromisoformat(first))} " if first else ""
    return f"{since}until {spelt_day(date.fromisoformat(last))} (UTC)" if last else f"{since}on (UTC)"


@dataclass(frozen=True)
class TaskLine:
    """A line of the tasks page. Times are ISO 8601; `menu` as in the sidebar; `pull_number` 0 for none."""

    id: str
    href: str
    title: str
    look: str
    word: str
    detail: str
    priority: str
    credits: str
    credits_unit: str
    pull_look: str
    pull_word: str
    pull_number: int
    pull_href: str
    at: str
    is_unread: bool
    is_shared: bool
    menu: str


def line(row: tasks.TaskRow) -> TaskLine:
    """A line of the page."""
    look, word = look_of(row)
    number = row.pr_number or 0
    seen = pull(tasks.PullRequestRow(number, "", row.pr_status or "", row.pr_url)) if number else pull(None)
    whose = "" if row.is_mine else row.owner
    reason = reason_of(row).rstrip(".") if row.failure or row.is_alive else ""
    parts = (whose, row.repository, type_name(row.task_type), row.model_name, reason)
    return TaskLine(
        id=str(row.id),
        href=routes.task_page(str(row.id)),
        title=row.title,
        look=look,
        word=word,
        detail=" · ".join(filter(None, parts)),
        priority=row.priority,
        credits=str(row.credits_used) if row.credits_used else "",
        credits_unit="credit" if row.credits_used == 1 else "credits",
        pull_look=seen.look,
        pull_word=seen.word,
        pull_number=seen.number,
        pull_href=seen.href,
        at=iso(row.created_at),
        is_unread=row.is_unread,
        is_shared=row.is_shared,
        menu=kind_of(row),
    )


def options(rows: list[tuple[UUID, str]]) -> list[Option]:
    """The lines of a select."""
    return [Option(str(id), name) for id, name in rows]
