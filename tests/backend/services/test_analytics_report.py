"""What the report says of the sums: for whom, of which days, and when one model is recommended."""

from datetime import timedelta
from random import Random
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from backend import clock, db
from backend.errors import Forbidden
from backend.services import analytics_report, analytics_rollup, tasks
from backend.services.analytics_figures import Cell, Figures, added, quantile, recommendations, spent
from backend.services.analytics_report import Days, Report, Scope
from backend.services.analytics_rollup import BUCKETS, bucket
from backend.words import Outcome, Priority, Status, TaskType
from tests.cells import CHEAP, DEAR, cell
from tests.conftest import People
from tests.settled import settle

LAST = 97 * 86_400_000 // 2  # in milliseconds, well inside what the histogram tells apart


def submit(people: People, who: str = "alice", *, days_ago: int = 0) -> UUID:
    draft = tasks.Draft(people.shop, "main", None, people.model, TaskType.ASK, Priority.MEDIUM, "Why?")
    with db.transaction() as session:
        task = tasks.submit(session, getattr(people, who), draft).id
        session.execute(
            text("UPDATE tasks SET created_at = created_at - make_interval(days => :days) WHERE id = :id"),
            {"days": days_ago, "id": task},
        )
    return task


def read(people: People, who: str = "alice", scope: Scope = Scope.OWN, days: Days = Days.WEEK) -> Report:
    analytics_rollup.refresh_all()
    with db.transaction() as session:
        return analytics_report.report(session, getattr(people, who), scope, days)


def test_everyones_figures_are_for_admins(people: People) -> None:
    submit(people, "bob")
    for who in ("bob", "carol"):
        with pytest.raises(Forbidden):
            read(people, who, Scope.ALL)
    assert read(people, "alice", Scope.ALL).figures.tasks == 1
    assert (read(people, "alice").figures.tasks, read(people, "bob").figures.tasks) == (0, 1)


@pytest.mark.parametrize("scope", Scope)
def test_a_period_ends_today_and_is_compared_with_as_many_days_before(people: People, scope: Scope) -> None:
    for days_ago in (0, 6, 7, 13, 14):
        submit(people, days_ago=days_ago)
    found = read(people, scope=scope)
    assert (found.figures.tasks, found.before.tasks) == (2, 2)
    assert [figures.tasks for _, figures in found.per_day] == [1, 0, 0, 0, 0, 0, 1]
    assert (found.first, found.last) == (clock.now().date() - timedelta(days=6), clock.now().date())
    assert [cell.figures.tasks for cell in found.cells] == [2]
    assert read(people, scope=scope, days=Days.QUARTER).figures.tasks == 5


@pytest.mark.parametrize("scope", Scope)
def test_times_are_told_for_both_scopes(people: People, scope: Scope) -> None:
    task = submit(people)
    with db.transaction() as session:
        session.execute(
            text("UPDATE tasks SET started_at = created_at + interval '100 s' WHERE id = :id"), {"id": task}
        )
    spans = read(people, scope=scope).spans
    assert (spans.first_event.count, spans.first_event.mean, spans.merge.count) == (1, 100.0, 0)
    assert spans.first_event.median == pytest.approx(100, rel=0.2) and spans.merge.median is None


def test_what_was_stopped_or_still_works_is_neither_a_success_nor_a_failure(people: People) -> None:
    for status in (Status.COMPLETED, Status.COMPLETED, Status.FAILED, Status.CANCELLED):
        settle(submit(people), status, outcome=Outcome.ANSWERED if status is Status.COMPLETED else None)
    submit(people)
    assert read(people).figures.success_rate == pytest.approx(200 / 3)
    assert Figures().success_rate is None and Figures().merge_rate is None and Figures().credits_per_merge is None


def test_a_repository_that_was_lost_is_called_what_its_person_knew_it_by(people: People) -> None:
    submit(people)
    with db.transaction() as session:
        session.execute(
            text(
                "INSERT INTO lost_access (user_id, repository_id, full_name) VALUES (:user, :place, 'acme/as-it-was')"
            ),
            {"user": people.alice.id, "place": people.shop},
        )
    assert read(people).cells[0].repository == "acme/as-it-was"
    assert read(people, scope=Scope.ALL).cells[0].repository == "acme/shop"


@given(st.lists(st.integers(1_000, LAST), min_size=1, max_size=60), st.sampled_from([0.5, 0.9]))
def test_a_quantile_of_the_histogram_is_off_by_no_more_than_its_bucket(measured: list[int], share: float) -> None:
    counts = [0] * BUCKETS
    for one in measured:
        counts[bucket(one)] += 1
    told = quantile(counts, share) * 1000
    true = sorted(measured)[max(0, -(-len(measured) * round(share * 10) // 10) - 1)]
    assert true / 2**0.5 - 1 <= told <= true * 2**0.5 + 1


def test_quantiles_have_their_ends() -> None:
    first, last = [0] * BUCKETS, [0] * BUCKETS
    first[0], last[-1] = 4, 4
    assert 0 < quantile(first, 0.5) <= 1 and quantile(last, 0.5) == pytest.approx(analytics_rollup.BOUNDS[-1] / 1000)
    assert quantile([0] * BUCKETS, 0.5) == 0 and spent(0, 0, None).median is None


def best(*cells: Cell) -> list[str]:
    return [one.cell.model for one in recommendations(list(cells))]


def test_a_model_is_recommended_where_it_is_clearly_cheaper() -> None:
    [found] = recommendations([cell("dear", DEAR), cell("cheap", CHEAP)])
    assert (found.cell.model, [one.model for one in found.others]) == ("cheap", ["dear"])
    assert found.cell.figures.credits_per_merge == 5


def test_nothing_is_recommended_of_too_few_merged_pull_requests() -> None:
    assert best(cell("cheap", CHEAP[:9]), cell("dear", DEAR)) == []
    assert best(cell("cheap", CHEAP), cell("dear", DEAR[:9])) == []
    assert best(cell("cheap", CHEAP)) == [], "there is nothing to compare it with"
    assert best(cell("cheap", CHEAP), cell("dear", DEAR), cell("new", [1])) == ["cheap"], "who has few is not compared"


def test_nothing_is_recommended_where_the_difference_may_be_chance() -> None:
    assert best(cell("one", [1, 30] * 6), cell("other", [2, 40] * 6)) == []


def test_what_failed_counts_against_its_model() -> None:
    assert best(cell("cheap", CHEAP * 5, others=[60] * 60), cell("dear", DEAR)) == ["dear"]


def test_work_of_another_type_or_elsewhere_is_no_comparison() -> None:
    assert best(cell("cheap", CHEAP, task_type="async"), cell("dear", DEAR)) == []
    assert best(cell("cheap", CHEAP, repository_id=uuid4()), cell("dear", DEAR)) == []


def test_the_interval_holds_the_true_ratio_as_often_as_it_says() -> None:
    """Each task costs none or 10 credits, and every other one merges: 10 credits per merge."""
    dice, held = Random(1), 0
    for _ in range(400):
        drawn = [(dice.choice((0, 10)), dice.random() < 0.5) for _ in range(80)]
        paid = {is_merged: [cost for cost, one in drawn if one is is_merged] for is_merged in (True, False)}
        figures = cell("any", paid[True], paid[False]).figures
        held += abs((figures.credits_per_merge or 0) - 10) <= figures.credits_per_merge_error
    assert 0.92 <= held / 400 <= 0.98


def test_sums_of_figures_are_added_by_name() -> None:
    assert added([Figures(tasks=1, credits=2), Figures(tasks=3)]) == Figures(tasks=4, credits=2)
    assert added([]) == Figures()
