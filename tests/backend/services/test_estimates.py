"""What a run is likely to cost: from what such runs cost, and from a guess until there are enough."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from backend import db
from backend.errors import NotFound
from backend.models import AiModel, Task, TaskRun
from backend.services import estimates
from backend.services.estimates import Basis, Estimate
from backend.words import TaskType
from tests.conftest import People


def cost(people: People, *cents: float, repository: UUID | None = None, **columns: Any) -> None:
    """Runs that completed and cost that much, in US cents."""
    usual: dict[str, Any] = {
        "status": "completed",
        "phase": "ended",
        "type": TaskType.DEBUG,
        "ai_model_id": people.model,
    }
    of_task = {name: value for name, value in columns.items() if name in ("type", "ai_model_id")}
    with db.transaction() as session:
        for each in cents:
            task = Task(
                user_id=people.bob.id, repository_id=repository or people.shop, title="T", prompt="P", branch="main",
                **{**usual, **of_task},
            )  # fmt: skip
            session.add(task)
            session.flush()
            run: dict[str, Any] = {"status": "completed", "phase": "ended", "ai_model_id": task.ai_model_id}
            wanted = {**run, **{name: value for name, value in columns.items() if name != "type"}}
            session.add(TaskRun(task_id=task.id, number=1, prompt="P", cost_micro=round(each * 10_000), **wanted))


def estimate(people: People, repository: UUID | None = None, **given: Any) -> Estimate:
    with db.transaction() as session:
        where = repository or people.shop
        return estimates.estimate(session, people.model, TaskType.DEBUG, where, **given)


def test_without_enough_runs_of_its_kind_it_is_the_stated_guess(people: People) -> None:
    guess = estimate(people)
    assert (guess.basis, guess.runs) == (Basis.PRIOR, 0) and 0 < guess.low < guess.high < guess.hold
    cost(people, *[700.0] * (estimates.ENOUGH - 1))
    assert estimate(people) == guess


def test_half_of_such_runs_cost_no_more_than_its_low_end_and_nine_in_ten_no_more_than_its_high_end(
    people: People,
) -> None:
    cost(people, *[10 * number for number in range(11)][1:], 110.0)  # 10, 20 … 110 cents
    assert estimate(people) == Estimate(60, 100, 150, Basis.REPOSITORY, 11)


def test_those_of_the_repository_come_before_those_of_others(people: People) -> None:
    cost(people, *[40.0] * estimates.ENOUGH)
    assert estimate(people, people.sample) == Estimate(40, 40, 60, Basis.TYPE, estimates.ENOUGH)
    cost(people, *[7.0] * estimates.ENOUGH, repository=people.sample)
    assert estimate(people, people.sample) == Estimate(7, 7, 11, Basis.REPOSITORY, estimates.ENOUGH)
    assert estimate(people).low == 40


@pytest.mark.parametrize("other", [{"type": TaskType.ASK}, {"status": "failed"}, {"status": "cancelled"}])
def test_what_is_not_of_its_kind_or_came_to_nothing_does_not_count(people: People, other: dict[str, Any]) -> None:
    guess = estimate(people)
    cost(people, *[900.0] * estimates.ENOUGH, **other)
    assert estimate(people) == guess


def test_another_model_and_what_cost_nothing_do_not_count(people: People) -> None:
    guess = estimate(people)
    with db.transaction() as session:
        other = AiModel(provider="demo", name="other", display_name="Other", input_price=1, output_price=1)
        session.add(other)
        session.flush()
        other_id = other.id
    cost(people, *[900.0] * estimates.ENOUGH, ai_model_id=other_id)
    cost(people, *[0.0] * estimates.ENOUGH)
    assert estimate(people) == guess


def test_a_long_prompt_costs_at_least_what_it_is(people: People) -> None:
    cost(people, *[1.0] * estimates.ENOUGH)
    usual, long = estimate(people), estimate(people, length=32_000, images=5)
    assert (usual.low, usual.basis, long.basis) == (1, Basis.REPOSITORY, Basis.REPOSITORY) and long.low > usual.low
    assert long.high >= long.low and long.hold > usual.hold


def test_what_has_no_price_has_no_estimate(people: People) -> None:
    cost(people, *[1.0] * estimates.ENOUGH)
    with pytest.raises(NotFound, match="no price"), db.transaction() as session:
        session.execute(text("UPDATE ai_models SET input_price = NULL"))
        estimates.estimate(session, people.model, TaskType.DEBUG, people.shop)
