"""What the tasks of the last days came to, for oneself or, for admins, for everyone; read from the sums by day."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from backend import clock
from backend.errors import Forbidden
from backend.models import User
from backend.services import spreadsheet
from backend.services.analytics_figures import Cell, Figures, Recommendation, Spent, recommendations, spent
from backend.services.analytics_rollup import HISTOGRAMS, SUMS, histogram_of
from backend.services.tasks import Filters
from backend.words import TaskType


class Scope(StrEnum):
    """Whose tasks."""

    OWN = "own"
    ALL = "all"


class Days(StrEnum):
    """How many days, today included."""

    WEEK = "7"
    MONTH = "30"
    QUARTER = "90"


@dataclass(frozen=True)
class Spans:
    """From sending a task: to the first event that a worker wrote, to its pull request, to the merge."""

    first_event: Spent
    pull_request: Spent
    merge: Spent


@dataclass(frozen=True)
class Report:
    """The tasks that were sent from `first` to `last`, days in UTC, and of as many days before.

    `cells` have those with most tasks first. Deleted tasks are in no figure.
    """

    scope: Scope
    days: Days
    first: date
    last: date
    figures: Figures
    spans: Spans
    before: Figures
    spans_before: Spans
    per_day: list[tuple[date, Figures]]
    cells: list[Cell]
    recommendations: list[Recommendation]

    @property
    def filters(self) -> Filters:
        """What lists all these tasks; each figure narrows it further. With everyone's, as far as one may see them."""
        return Filters(first=self.first, last=self.last, with_archived=True, everyone=self.scope is Scope.ALL)

    def filters_of(self, cell: Cell) -> Filters:
        """What lists the tasks of this cell."""
        return replace(
            self.filters,
            task_type=TaskType(cell.task_type),
            model_id=cell.model_id,
            repository_id=cell.repository_id,
        )


def report(session: Session, viewer: User, scope: Scope = Scope.OWN, days: Days = Days.MONTH) -> Report:
    """The report as this person may see it. Raises Forbidden where everyone's is asked for by whoever is no admin."""
    _require(viewer, scope)
    last = clock.now().date()
    first = last - timedelta(days=int(days) - 1)
    given = {"user": viewer.id, "before": first - timedelta(days=int(days)), "first": first, "last": last}
    (now, spans), (before, spans_before) = _totals(session, scope, given)
    cells = _cells(session, scope, given)
    return Report(
        scope, days, first, last, now, spans, before, spans_before, _per_day(session, scope, given), cells,
        recommendations(cells),
    )  # fmt: skip


def as_csv(found: Report) -> Iterator[str]:
    """The cells as CSV, its first line the heads; rates in percent, times are means in seconds."""
    sums = [name for name in SUMS if not name.startswith("charged") and not name.endswith(("_ms", "_count"))]
    yield spreadsheet.line(("first_day", "last_day", "type", "model", "repository", *sums, *_DERIVED))
    for cell in found.cells:
        named = (cell.task_type, spreadsheet.inert(cell.model), spreadsheet.inert(cell.repository))
        of = cell.figures
        derived = (
            *(of.success_rate, of.merge_rate, of.credits_per_merge),
            *(_mean(of, name) for name in ("first_event", "pull_request", "merge")),
        )
        rounded = ("" if one is None else round(one, 2) for one in derived)
        yield spreadsheet.line((found.first, found.last, *named, *(getattr(of, name) for name in sums), *rounded))


_DERIVED = (
    *("success_rate", "merge_rate", "credits_per_merged_pull_request"),
    *("seconds_to_first_event", "seconds_to_pull_request", "seconds_to_merge"),
)
_SUMMED = ", ".join(f"coalesce(sum({one}), 0)::bigint AS {one}" for one in SUMS)
_HISTOGRAMS = ", ".join(f"{histogram_of(one)} AS {one}" for one in HISTOGRAMS)
# Whole days, and the cells of which: for everyone both are summed already.
_DAYS = {
    Scope.OWN: "analytics_daily WHERE user_id = :user",
    Scope.ALL: "analytics_everyone WHERE type IS NULL",
}
_PLACES = {
    Scope.OWN: "analytics_daily WHERE user_id = :user",
    Scope.ALL: "analytics_everyone WHERE type IS NOT NULL",
}
# A repository is called what the person knows it by, as with access.NAME_KNOWN.
_NAMES = {
    Scope.OWN: "coalesce((SELECT l.full_name FROM lost_access l WHERE l.user_id = :user AND l.repository_id = r.id),"
    " r.full_name)",
    Scope.ALL: "r.full_name",
}


def _require(viewer: User, scope: Scope) -> None:
    if scope is Scope.ALL and not viewer.is_admin:
        raise Forbidden("Only admins see everyone's figures.")


def _totals(session: Session, scope: Scope, given: dict[str, Any]) -> tuple[tuple[Figures, Spans], ...]:
    """Of the period and of the one before."""
    rows = session.execute(
        text(
            f"SELECT day >= :first AS is_now, {_SUMMED}, {_HISTOGRAMS} FROM {_DAYS[scope]}"  # noqa: S608  our own text
            " AND day BETWEEN :before AND :last GROUP BY is_now"
        ),
        given,
    ).mappings()
    found = {row["is_now"]: (_figures(row), _spans(row)) for row in rows}
    nothing = Figures(), Spans(Spent(), Spent(), Spent())
    return found.get(True, nothing), found.get(False, nothing)


def _per_day(session: Session, scope: Scope, given: dict[str, Any]) -> list[tuple[date, Figures]]:
    rows = session.execute(
        text(
            f"SELECT day, {_SUMMED} FROM {_DAYS[scope]} AND day BETWEEN :first AND :last GROUP BY day"  # noqa: S608
        ),
        given,
    ).mappings()
    found = {row["day"]: _figures(row) for row in rows}
    first: date = given["first"]
    days = [first + timedelta(days=number) for number in range((given["last"] - first).days + 1)]
    return [(day, found.get(day, Figures())) for day in days]


def _cells(session: Session, scope: Scope, given: dict[str, Any]) -> list[Cell]:
    rows = session.execute(
        text(
            f"SELECT c.*, m.display_name AS model, {_NAMES[scope]} AS repository"  # noqa: S608  our own text
            f" FROM (SELECT type, ai_model_id, repository_id, {_SUMMED} FROM {_PLACES[scope]}"
            "       AND day BETWEEN :first AND :last GROUP BY type, ai_model_id, repository_id) c"
            " JOIN ai_models m ON m.id = c.ai_model_id JOIN repositories r ON r.id = c.repository_id"
            " ORDER BY c.tasks DESC, repository, model, c.type"
        ),
        given,
    ).mappings()
    return [
        Cell(row["type"], row["ai_model_id"], row["model"], row["repository_id"], row["repository"], _figures(row))
        for row in rows
    ]


def _figures(row: Any) -> Figures:
    return Figures(**{name: row[name] for name in SUMS})


def _spans(row: Any) -> Spans:
    return Spans(
        *(
            spent(row[f"{one}_count"], row[f"{one}_ms"], row[f"{one}_histogram"])
            for one in ("first_event", "pull_request", "merge")
        )
    )


def _mean(figures: Figures, name: str) -> float | None:
    count: int = getattr(figures, f"{name}_count")
    return getattr(figures, f"{name}_ms") / count / 1000 if count else None
