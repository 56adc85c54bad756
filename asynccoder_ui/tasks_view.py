"""What the tasks page holds of the services' rows, and how its filters stand in the address."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from urllib.parse import urlencode
from uuid import UUID

from asynccoder_ui import given, routes
from asynccoder_ui.facts import pull, type_name
from asynccoder_ui.task_menu import kind_of
from asynccoder_ui.views import Option, iso, look_of, reason_of
from backend.errors import InvalidInput
from backend.services import tasks
from backend.services.tasks import Filters, State
from backend.words import Priority, TaskType

MAX_QUERY = 200


@dataclass(frozen=True)
class Chosen:
    """The filters as the address spells them; empty is "any". `page` is "" for the first."""

    state: str = ""
    type: str = ""
    repository: str = ""
    model: str = ""
    priority: str = ""
    q: str = ""
    all: str = ""
    page: str = ""

    @property
    def address(self) -> str:
        """The page with these filters."""
        given_ones = {name: value for name, value in vars(self).items() if value}
        return f"{routes.TASKS}?{urlencode(given_ones)}" if given_ones else routes.TASKS

    def but(self, **changes: str) -> "Chosen":
        """These filters with others, from the first page on."""
        return replace(self, **{"page": "", **changes})


FILTERS = frozenset(one.name for one in fields(Chosen)) - {"page", "q"}


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


def chosen(parameters: Mapping[str, str]) -> Chosen:
    """The filters of an address; what it says that cannot be read, as when it was altered by hand, is left out."""
    read = Chosen(**{one.name: parameters.get(one.name, "")[:MAX_QUERY] for one in fields(Chosen)})
    known = filters_of(read)
    return Chosen(
        state=known.state or "",
        type=known.task_type or "",
        repository=str(known.repository_id or ""),
        model=str(known.model_id or ""),
        priority=known.priority or "",
        q=known.query,
        all="1" if known.everyone else "",
        page=read.page if read.page.isdecimal() and 1 < int(read.page) < 10**6 else "",
    )


def filters_of(read: Chosen) -> Filters:
    """The filters as the service takes them."""
    return Filters(
        state=_word(State, read.state),
        task_type=_word(TaskType, read.type),
        repository_id=_identity(read.repository),
        model_id=_identity(read.model),
        priority=_word(Priority, read.priority),
        query=read.q,
        everyone=read.all == "1",
    )


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


def span(found: tasks.Listing) -> str:
    """Which of them are shown: "51–100 of 212"."""
    first = (found.page - 1) * tasks.PAGE + 1
    return f"{first}–{first + len(found.rows) - 1} of {found.total}" if found.rows else ""


def _word(words: type[given.E], value: str) -> given.E | None:
    try:
        return given.one_of(words, value) if value else None
    except InvalidInput:
        return None


def _identity(value: str) -> UUID | None:
    try:
        return given.identity(value) if value else None
    except InvalidInput:
        return None
