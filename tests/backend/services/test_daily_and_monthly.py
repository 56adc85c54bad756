"""What a tier may use in a day, what it is given each month, and the warning before a run's budget is used up."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlmodel import select

from backend import clock, db
from backend.db import lock
from backend.errors import DailyLimit, Misconfigured
from backend.models import CreditTransaction, Notice, TaskEvent, TaskRun, User
from backend.services import admin, audit, credits, monthly_credits, news, tasks
from backend.services.recorder import Recorder
from backend.settings import Settings, get_settings
from backend.words import EventKind, Tier
from jobs import schedule
from tests.backend.services.test_credits import finish, submit
from tests.backend.services.worker import claim
from tests.conftest import People

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def noon(environment: pytest.MonkeyPatch) -> list[datetime]:
    """The time of day, which a test may move."""
    at = [NOON]
    environment.setattr(clock, "now", lambda: at[0])
    return at


def allow(environment: pytest.MonkeyPatch, daily: str = "none none none", monthly: str = "none none none") -> None:
    environment.setenv("ASYNCCODER_DAILY_CREDITS", daily)
    environment.setenv("ASYNCCODER_MONTHLY_CREDITS", monthly)
    get_settings.cache_clear()


def put(people: People, tier: Tier) -> None:
    with db.transaction() as session:
        lock(session, User, people.alice.id).subscription_tier = tier.value


def today(people: People) -> credits.Today:
    with db.transaction() as session:
        return credits.today(session, session.get_one(User, people.alice.id))


def test_what_is_held_counts_for_the_day_as_what_is_charged_and_what_was_given_back_does_not(
    people: People, environment: pytest.MonkeyPatch
) -> None:
    run = submit(people)
    held = run.held
    allow(environment, daily=f"{held + 2} none none")
    assert (today(people).used, today(people).left) == (held, 2)
    with pytest.raises(DailyLimit) as refused:
        submit(people)
    assert refused.value.left == 2 and 0 < refused.value.retry_after <= 86_400
    assert f"2 of the {held + 2}" in str(refused.value)
    finish(run, 1)  # one credit is charged, the rest is given back
    assert today(people).used == 1
    submit(people)
    assert today(people).used == 1 + held


def test_another_day_and_another_tier_have_their_own_share(people: People, environment: pytest.MonkeyPatch) -> None:
    run = submit(people)
    finish(run, 50_000)
    allow(environment, daily=f"{run.held} none none")
    with pytest.raises(DailyLimit):
        submit(people)
    tomorrow = clock.now() + timedelta(days=1)
    environment.setattr(clock, "now", lambda: tomorrow)
    assert today(people).used == 0
    submit(people)
    with pytest.raises(DailyLimit):
        submit(people)
    put(people, Tier.PRO)
    with db.transaction() as session:
        people.alice.subscription_tier = session.get_one(User, people.alice.id).subscription_tier
    submit(people)


def test_a_month_is_given_once_however_often_and_to_nobody_who_is_out(
    people: People, environment: pytest.MonkeyPatch, noon: list[datetime]
) -> None:
    allow(environment, monthly="10 1000 5000")
    with db.transaction() as session:
        lock(session, User, people.carol.id).disabled_at = noon[0]
        assert set(monthly_credits.due(session)) == {people.alice.id, people.bob.id}
    assert monthly_credits.give_all() == 2
    assert monthly_credits.give_all() == 0
    schedule.tidy()
    noon[0] += timedelta(days=8)  # December
    with db.transaction() as session:
        assert len(monthly_credits.due(session)) == 2
        assert monthly_credits.give(session, people.alice.id) == 10
        assert monthly_credits.give(session, people.alice.id) == 0
    with db.transaction() as session:
        rows = session.exec(select(CreditTransaction).where(CreditTransaction.user_id == people.alice.id)).all()
        assert sorted(row.amount for row in rows) == [10, 10, 100] and credits.unbalanced(session) == []
        assert "Credits of December 2026, tier free" in [row.description for row in rows]


def test_who_moves_up_gets_the_difference_and_who_moves_down_keeps_what_is_there(
    people: People, environment: pytest.MonkeyPatch, noon: list[datetime]
) -> None:
    allow(environment, monthly="none 1000 5000")
    put(people, Tier.PRO)
    assert monthly_credits.give_all() == 1
    put(people, Tier.ENTERPRISE)
    assert monthly_credits.give_all() == 1
    put(people, Tier.PRO)
    put(people, Tier.ENTERPRISE)
    assert monthly_credits.give_all() == 0
    with db.transaction() as session:
        assert session.get_one(User, people.alice.id).credits == 100 + 5_000


def test_a_share_that_is_made_larger_within_the_month_is_made_up_for(
    people: People, environment: pytest.MonkeyPatch, noon: list[datetime]
) -> None:
    allow(environment, monthly="100 none none")
    assert monthly_credits.give_all() == 3
    allow(environment, monthly="150 none none")
    assert monthly_credits.give_all() == 3
    assert monthly_credits.give_all() == 0
    with db.transaction() as session:
        assert session.get_one(User, people.alice.id).credits == 250


def test_at_the_edge_of_a_month_a_clock_that_is_ahead_of_the_databases_gives_once(
    people: People, environment: pytest.MonkeyPatch
) -> None:
    allow(environment, monthly="100 none none")
    ahead = clock.now().replace(day=1, hour=0, minute=0, second=0) + timedelta(days=32)
    ahead = ahead.replace(day=1)
    environment.setattr(clock, "now", lambda: ahead)  # the entries' own times are the database's
    assert monthly_credits.give_all() == 3
    assert monthly_credits.give_all() == 0


def test_no_gift_makes_more_than_a_balance_can_hold(people: People, environment: pytest.MonkeyPatch) -> None:
    allow(environment, monthly="10 none none")
    with db.transaction() as session:
        alice = lock(session, User, people.alice.id)
        key = str(uuid4())
        admin.give(session, alice, admin.MOST_CREDITS - alice.credits, "all", audit.OPERATOR, key=key)
        assert people.alice.id not in monthly_credits.due(session)
        assert monthly_credits.give(session, people.alice.id) == 0


@pytest.mark.parametrize("words", ["500", "500 5000", "1 2 3 4", "a b c", "-1 2 3", "1.5 2 3", ""])
def test_a_setting_that_names_no_three_shares_is_said_so(environment: pytest.MonkeyPatch, words: str) -> None:
    settings = Settings().model_copy(update={"daily_credits_setting": words})
    with pytest.raises(Misconfigured, match="ASYNCCODER_DAILY_CREDITS"):
        settings.check()


def test_at_eighty_percent_the_person_is_told_once_and_once_more_where_it_may_cost_more(people: People) -> None:
    task_id = submit(people).task_id
    mine = claim()
    recorder = Recorder(task_id, mine)

    def spend(share: float) -> None:
        with db.transaction() as session:
            run = session.get_one(TaskRun, mine.run_id)
            micro = round(run.held * share * 10_000) - run.cost_micro
        turn = {"parts": [], "usage": {}, "cost_micro": micro, "stop_reason": "end", "duration_ms": 1, "model": "m"}
        recorder.emit(EventKind.MODEL_TURN, turn)

    def warnings() -> list[str]:
        with db.transaction() as session:
            notes = session.exec(select(TaskEvent.payload).where(TaskEvent.kind == "note")).all()
            return [note["text"] for note in notes if note["code"] == "budget_warning"]

    spend(0.79)
    assert warnings() == []
    spend(0.81)
    spend(0.95)
    assert len(warnings()) == 1 and warnings()[0].startswith("80%")
    with db.transaction() as session:
        told, _ = news.since(session, people.alice, 0)
        assert [(one.kind, one.sentence) for one in told] == [("budget", "80% of what it may cost is used.")]
        page = tasks.page(session, people.alice, task_id)
        tasks.add_credits(session, people.alice, task_id, key="more")
    assert page.can_cancel
    spend(0.7)
    assert len(warnings()) == 1
    spend(0.9)
    assert len(warnings()) == 2
    with db.transaction() as session:
        kinds = session.exec(select(Notice.payload).where(Notice.user_id == people.alice.id)).all()
        assert sum("used" in payload for payload in kinds) == 2
        session.execute(text("UPDATE task_runs SET lease_expires_at = now()"))
