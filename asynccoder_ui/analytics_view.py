"""What the analytics page holds of the report: small frozen values, each with the way to its tasks."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from asynccoder_ui import chosen
from asynccoder_ui.facts import type_name
from asynccoder_ui.tasks_view import spelt_day, tasks_with
from backend.services.analytics_figures import LEAST_MERGED, Cell, Figures, Recommendation, Spent, added
from backend.services.analytics_report import Days, Report, Scope
from backend.services.tasks import Filters, Opened
from backend.words import Outcome, Status, TaskType

MOST_CELLS = 50
MOST_PARTS = 12
MOST_ADVICE = 5
_STATES = {
    **{Status.COMPLETED: "Done", Status.FAILED: "Failed", Status.CANCELLED: "Stopped"},
    **{Status.RUNNING: "Running", Status.PENDING: "Waiting"},
}
_OUTCOMES = {
    Outcome.MERGED: "Merged",
    Outcome.PR_OPENED: "Pull request opened",
    Outcome.PR_UPDATED: "Pull request updated",
    Outcome.ANSWERED: "Answered",
    Outcome.REVIEWED: "Reviewed",
    Outcome.NO_CHANGES: "No changes",
}


@dataclass(frozen=True)
class Chosen(chosen.Chosen):
    """The period, 30 days where none is named, and whose tasks, one's own where nothing is said."""

    days: str = chosen.word(Days)
    scope: str = chosen.word(Scope)

    @property
    def wanted(self) -> tuple[Scope, Days]:
        """As the service takes them."""
        return Scope(self.scope or Scope.OWN), Days(self.days or Days.MONTH)


@dataclass(frozen=True)
class Figure:
    """One figure: its name, what it is, a line below it, and the list of its tasks."""

    label: str
    value: str
    note: str
    href: str


@dataclass(frozen=True)
class Part:
    """Some of the tasks: how many, their share in percent, their credits, and the list of them."""

    name: str
    tasks: str
    share: str
    credits: str
    href: str


@dataclass(frozen=True)
class DayLine:
    """A day: its tasks by state for the chart and the table, and their credits."""

    day: str
    done: int
    failed: int
    stopped: int
    alive: int
    tasks: int
    merged: int
    credits: int
    href: str


@dataclass(frozen=True)
class CellLine:
    """A line of model × type × repository."""

    model: str
    task_type: str
    repository: str
    tasks: str
    success: str
    merges: str
    credits: str
    per_merge: str
    href: str
    merged_href: str


def period(report: Report) -> str:
    """The days that the report is about."""
    return f"{spelt_day(report.first)} – {spelt_day(report.last)}"


def figures(report: Report) -> list[Figure]:
    """The figures at the head of the page."""
    now, before, spans = report.figures, report.before, report.spans
    ways = report.filters
    every, opened = tasks_with(ways), tasks_with(replace(ways, pull=Opened.ANY))
    merged = tasks_with(replace(ways, pull=Opened.MERGED))
    done = tasks_with(replace(ways, status=Status.COMPLETED))
    return [
        Figure("Tasks", f"{now.tasks:,}", _change(now.tasks, before.tasks), every),
        Figure("Success rate", _percent(now.success_rate), _points(now.success_rate, before.success_rate), done),
        Figure("Pull requests", f"{now.pull_requests:,}", _change(now.pull_requests, before.pull_requests), opened),
        Figure("Merge rate", _percent(now.merge_rate), _points(now.merge_rate, before.merge_rate), merged),
        Figure("Credits", f"{now.credits:,}", _change(now.credits, before.credits), every),
        Figure("Credits per merge", _ratio(now), _change(now.credits_per_merge, before.credits_per_merge), merged),
        Figure("Tokens", _short(now.tokens), _change(now.tokens, before.tokens), every),
        Figure("Lines added", f"{now.lines:,}", _in_files(now.files), every),
        Figure("To the first event", _time(spans.first_event.median), _most(spans.first_event), every),
        Figure("To the pull request", _time(spans.pull_request.median), _most(spans.pull_request), opened),
        Figure("To the merge", _time(spans.merge.median), _most(spans.merge), merged),
        Figure("Errors", f"{now.errors:,}", _change(now.errors, before.errors), every),
    ]


def states(report: Report) -> list[Part]:
    """The tasks by their state."""
    return [
        _part(report, word, getattr(report.figures, status), replace(report.filters, status=status))
        for status, word in _STATES.items()
    ]


def outcomes(report: Report) -> list[Part]:
    """The tasks that have one, by their outcome."""
    return [
        _part(report, word, getattr(report.figures, outcome), replace(report.filters, outcome=outcome))
        for outcome, word in _OUTCOMES.items()
    ]


def types(report: Report) -> list[Part]:
    """The tasks by their type."""
    return _grouped(
        report,
        lambda cell: (type_name(cell.task_type), replace(report.filters, task_type=TaskType(cell.task_type))),
    )


def models(report: Report) -> list[Part]:
    """The tasks by the model that has them now, those of most tasks first."""
    return _grouped(report, lambda cell: (cell.model, replace(report.filters, model_id=cell.model_id)))


def repositories(report: Report) -> list[Part]:
    """The tasks by repository, those of most tasks first."""
    return _grouped(report, lambda cell: (cell.repository, replace(report.filters, repository_id=cell.repository_id)))


def days(report: Report) -> list[DayLine]:
    """Each day, the newest last."""
    return [_day(report, day, figures) for day, figures in report.per_day]


def cells(report: Report) -> list[CellLine]:
    """The lines of model × type × repository with most tasks."""
    return [_cell(report, cell) for cell in report.cells[:MOST_CELLS]]


def advice(report: Report) -> list[str]:
    """A sentence for each recommendation, of the work with most tasks first."""
    return [_advice(one) for one in report.recommendations[:MOST_ADVICE]]


RULE = (
    f"A model is recommended where at least two have {LEAST_MERGED} merged pull requests each, of the same type on the "
    "same repository, and the 95% intervals of their credits per merged pull request do not touch. Work on people's "
    "own keys is left out."
)


def _advice(one: Recommendation) -> str:
    best = one.cell
    others = ", ".join(f"{_ratio(other.figures)} with {other.model}" for other in one.others)
    return (
        f"{type_name(best.task_type)} on {best.repository}: take {best.model}. A merged pull request costs "
        f"{_ratio(best.figures)} credits with it (± {best.figures.credits_per_merge_error:.1f}), {others}."
    )


def _grouped(report: Report, name_of: Callable[[Cell], tuple[str, Filters]]) -> list[Part]:
    groups: dict[tuple[str, Filters], list[Figures]] = {}
    for cell in report.cells:
        groups.setdefault(name_of(cell), []).append(cell.figures)
    summed = [(named, added(listed)) for named, listed in groups.items()]
    summed.sort(key=lambda one: -one[1].tasks)
    return [_part(report, name, sums.tasks, ways, sums.credits) for (name, ways), sums in summed[:MOST_PARTS]]


def _part(report: Report, name: str, count: int, ways: Filters, credits: int = 0) -> Part:
    share = 100 * count / report.figures.tasks if report.figures.tasks else 0
    return Part(name, f"{count:,}", f"{share:.0f}%", f"{credits:,}", tasks_with(ways))


def _day(report: Report, day: date, of: Figures) -> DayLine:
    return DayLine(
        day=f"{day.day} {day:%b}",
        done=of.completed,
        failed=of.failed,
        stopped=of.cancelled,
        alive=of.pending + of.running,
        tasks=of.tasks,
        merged=of.pull_requests_merged,
        credits=of.credits,
        href=tasks_with(replace(report.filters, first=day, last=day)),
    )


def _cell(report: Report, cell: Cell) -> CellLine:
    of, ways = cell.figures, report.filters_of(cell)
    return CellLine(
        model=cell.model,
        task_type=type_name(cell.task_type),
        repository=cell.repository,
        tasks=f"{of.tasks:,}",
        success=_percent(of.success_rate),
        merges=f"{of.pull_requests_merged:,} of {of.pull_requests:,}" if of.pull_requests else "–",
        credits=f"{of.credits:,}",
        per_merge=_ratio(of),
        href=tasks_with(ways),
        merged_href=tasks_with(replace(ways, pull=Opened.ANY)),
    )


def _percent(rate: float | None) -> str:
    return "–" if rate is None else f"{rate:.0f}%"


def _ratio(of: Figures) -> str:
    return "–" if of.credits_per_merge is None else f"{of.credits_per_merge:,.1f}"


def _short(count: int) -> str:
    for size, unit in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:,.1f}{unit}"
    return str(count)


def _in_files(files: int) -> str:
    return "in 1 file" if files == 1 else f"in {files:,} files"


def _change(now: float | None, before: float | None) -> str:
    """Against as many days before; empty where there is nothing to compare with."""
    if not before or now is None:
        return ""
    percent = round(100 * (now - before) / before)
    return "as before" if percent == 0 else f"{_signed(percent)}% from before"


def _points(now: float | None, before: float | None) -> str:
    if now is None or before is None:
        return ""
    points = round(now - before)
    return "as before" if points == 0 else f"{_signed(points)} points from before"


def _signed(number: int) -> str:
    return f"+{number:,}" if number > 0 else f"−{-number:,}"


def _most(spent: Spent) -> str:
    return f"median; 9 of 10 within {_time(spent.most)}" if spent.count else ""


def _time(seconds: float | None) -> str:
    """Rounded to what the histogram can tell."""
    if seconds is None:
        return "–"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{_two_digits(seconds / size)} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 else "under 1 s"


def _two_digits(number: float) -> str:
    return f"{number:.0f}" if number >= 10 else f"{number:.1f}".removesuffix(".0")
