"""What tasks came to."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query
from fastapi.responses import StreamingResponse

from backend import db
from backend.api import bearer
from backend.api.bearer import Caller
from backend.api.schemas.analytics import (
    AnalyticsShown,
    CellShown,
    ComparedShown,
    DayShown,
    FiguresShown,
    RecommendationShown,
    SpansShown,
)
from backend.errors import InsufficientScope
from backend.services import analytics_report as service
from backend.services import api_tokens
from backend.services.analytics_figures import Cell, Recommendation
from backend.services.analytics_report import Days, Report, Scope
from backend.services.tasks import Filters

router = bearer.router("/analytics", "Analytics")
Whose = Annotated[Scope, Query(description="`all`: everyone's, for an admin's token of the scope admin.")]
Period = Annotated[Days, Query(description="How many days, in UTC, today included.")]


class _Csv(StreamingResponse):
    media_type = "text/csv"


@router.get("")
def read_analytics(caller: Caller, scope: Whose = Scope.OWN, days: Period = Days.MONTH) -> AnalyticsShown:
    """What the tasks of the last days came to: the person's own or, for admins, everyone's."""
    return _shown(_report(caller, scope, days))


@router.get(".csv", response_class=_Csv)
def read_analytics_csv(caller: Caller, scope: Whose = Scope.OWN, days: Period = Days.MONTH) -> _Csv:
    """The same by model, type and repository, as CSV: rates in percent, times are means in seconds."""
    return _Csv(service.as_csv(_report(caller, scope, days)))


def _report(caller: Caller, scope: Scope, days: Days) -> Report:
    if scope is Scope.ALL and not caller.scope.reaches(api_tokens.Scope.ADMIN):
        raise InsufficientScope(api_tokens.Scope.ADMIN)
    with db.transaction() as session:
        return service.report(session, caller.user, scope, days)


def _shown(found: Report) -> AnalyticsShown:
    return AnalyticsShown(
        scope=found.scope,
        first=found.first,
        last=found.last,
        figures=FiguresShown.model_validate(found.figures),
        spans=SpansShown.model_validate(found.spans),
        before=FiguresShown.model_validate(found.before),
        spans_before=SpansShown.model_validate(found.spans_before),
        per_day=[DayShown(day=day, figures=FiguresShown.model_validate(one)) for day, one in found.per_day],
        cells=[CellShown(**vars(cell) | _beside(found, cell)) for cell in found.cells],
        recommendations=[_recommended(one) for one in found.recommendations],
        tasks_url=_url(found.filters),
    )


def _beside(found: Report, cell: Cell) -> dict[str, object]:
    return {"figures": FiguresShown.model_validate(cell.figures), "tasks_url": _url(found.filters_of(cell))}


def _recommended(one: Recommendation) -> RecommendationShown:
    cell = one.cell
    return RecommendationShown(
        **{name: getattr(cell, name) for name in ("task_type", "repository_id", "repository")},
        best=_compared(cell),
        others=[_compared(other) for other in one.others],
    )


def _compared(cell: Cell) -> ComparedShown:
    ratio, merged = cell.figures.credits_per_merge or 0, cell.figures.charged_merged
    return ComparedShown(model_id=cell.model_id, model=cell.model, credits_per_merge=ratio, merged=merged)


def _url(filters: Filters) -> str:
    wanted = {
        "scope": "all" if filters.everyone else None,
        "first_day": filters.first,
        "last_day": filters.last,
        "with_archived": "true",
        "type": filters.task_type,
        "model_id": filters.model_id,
        "repository_id": filters.repository_id,
    }
    return f"/api/tasks?{urlencode({name: value for name, value in wanted.items() if value is not None})}"
