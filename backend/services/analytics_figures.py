"""Figures over some tasks: sums, what follows from them, and which model is worth its credits."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from uuid import UUID

from backend.services.analytics_rollup import BOUNDS
from backend.words import TaskType

LEAST_MERGED = 10  # pull requests of each model that is compared
_Z = 1.96  # standard deviations to each side that hold 95% of a normal distribution


@dataclass(frozen=True)
class Figures:
    """Sums over tasks, as models.analytics.Sums has them; what follows from them is None where there is nothing to
    divide by. Rates are in percent."""

    tasks: int = 0
    pending: int = 0
    running: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    pr_opened: int = 0
    pr_updated: int = 0
    answered: int = 0
    reviewed: int = 0
    no_changes: int = 0
    merged: int = 0
    pull_requests: int = 0
    pull_requests_merged: int = 0
    credits: int = 0
    tokens: int = 0
    lines: int = 0
    files: int = 0
    errors: int = 0
    execution_ms: int = 0
    charged_credits: int = 0
    charged_credits_squared: int = 0
    charged_merged: int = 0
    charged_merged_credits: int = 0
    first_event_count: int = 0
    first_event_ms: int = 0
    pull_request_count: int = 0
    pull_request_ms: int = 0
    merge_count: int = 0
    merge_ms: int = 0

    @property
    def success_rate(self) -> float | None:
        """Completed tasks of those that completed or failed: what somebody stopped, or still works, is neither."""
        return _percent(self.completed, self.completed + self.failed)

    @property
    def merge_rate(self) -> float | None:
        """Merged pull requests of those that were opened, however young they are."""
        return _percent(self.pull_requests_merged, self.pull_requests)

    @property
    def credits_per_merge(self) -> float | None:
        """Credits per merged pull request: what all tasks cost whose type opens pull requests, those that failed as
        well, by the merged ones. What ran on people's own keys, which costs no credits, is left out of both."""
        return self.charged_credits / self.charged_merged if self.charged_merged else None

    @property
    def credits_per_merge_error(self) -> float:
        """Half the width of its 95% interval, in credits: that of a ratio of two sums over the same tasks, without the
        correction for few of them. W. G. Cochran, Sampling Techniques, 3rd edition, section 6.3."""
        ratio = self.credits_per_merge
        if ratio is None:
            return math.inf
        squares = self.charged_credits_squared - 2 * ratio * self.charged_merged_credits
        return _Z * math.sqrt(max(0.0, squares + ratio**2 * self.charged_merged)) / self.charged_merged


@dataclass(frozen=True)
class Cell:
    """The tasks of one type on one repository with one model."""

    task_type: str
    model_id: UUID
    model: str
    repository_id: UUID
    repository: str
    figures: Figures


@dataclass(frozen=True)
class Recommendation:
    """A model that has cost clearly less per merged pull request than each other one, on this work."""

    cell: Cell
    others: tuple[Cell, ...]


@dataclass(frozen=True)
class Spent:
    """How long something took, in seconds, over so many tasks; the quantiles are off by up to 41%, a bucket's width."""

    count: int = 0
    mean: float | None = None
    median: float | None = None
    most: float | None = None  # nine of ten took no longer


def added(figures: Iterable[Figures]) -> Figures:
    """The sums of all of them."""
    listed = list(figures)
    return Figures(**{one.name: sum(getattr(each, one.name) for each in listed) for one in fields(Figures)})


def spent(count: int, milliseconds: int, histogram: Sequence[int] | None) -> Spent:
    """What a sum of durations and its histogram say."""
    if not count or histogram is None:
        return Spent()
    return Spent(count, milliseconds / count / 1000, quantile(histogram, 0.5), quantile(histogram, 0.9))


def quantile(histogram: Sequence[int], share: float) -> float:
    """The duration in seconds that this share of the measured ones does not exceed, as if those of a bucket were spread
    evenly in it, by their logarithms. Of the last bucket, which has no end, its beginning; 0 for an empty histogram."""
    wanted, below = share * sum(histogram), 0
    for place, count in enumerate(histogram):
        if count and below + count >= wanted:
            if place == 0:
                return (wanted - below) / count * BOUNDS[0] / 1000
            low = BOUNDS[place - 1]
            high = BOUNDS[min(place, len(BOUNDS) - 1)]
            return float(low * (high / low) ** ((wanted - below) / count) / 1000)
        below += count
    return 0.0


def recommendations(cells: Sequence[Cell]) -> list[Recommendation]:
    """For each type on each repository the model to take, only where the data say so: at least two models have ten
    merged pull requests each that were paid for with credits, and the upper end of the cheapest one's 95% interval of
    credits per merged pull request lies below the lower end of each other's. Models with fewer are not compared.
    """
    places: dict[tuple[str, UUID], list[Cell]] = {}
    for cell in cells:
        if TaskType(cell.task_type).may_edit and cell.figures.charged_merged >= LEAST_MERGED:
            places.setdefault((cell.task_type, cell.repository_id), []).append(cell)
    found = (_clearly_best(compared) for compared in places.values() if len(compared) > 1)
    return [one for one in found if one is not None]


def _clearly_best(compared: list[Cell]) -> Recommendation | None:
    best, *others = sorted(compared, key=lambda one: one.figures.credits_per_merge or 0)
    is_clear = all(_end(best, 1) < _end(other, -1) for other in others)
    return Recommendation(best, tuple(others)) if is_clear else None


def _end(cell: Cell, side: int) -> float:
    return (cell.figures.credits_per_merge or 0) + side * cell.figures.credits_per_merge_error


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None
