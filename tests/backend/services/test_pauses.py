"""A provider that limits the rate for minutes: the run waits without a worker, and goes on by itself or when told."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import select

from backend import clock, db
from backend.errors import Conflict, Forbidden, InvalidInput
from backend.models import AiModel, ProviderKey, TaskEvent, User
from backend.services import attachments, claims, credits, next_action, runs, tasks
from backend.services.provider_keys import pays_for
from backend.settings import get_settings
from backend.words import EventKind, Outcome, Phase, Status, TaskType, Visibility
from tests.backend.services import worker
from tests.backend.services.road import run_of, signed_in, submit, work
from tests.conftest import People
from tests.hub import LocalHub
from tests.model_server import Call, Refuse, ScriptedModelServer, Turn
from tests.pictures import png

LIMITED = Refuse(429, "rate_limit_error", "Wait a while.", {"retry-after": "1200"})
LOOK = Call("list_files", {"path": "."})
FINISH = Call("finish", {"title": "Where totals are made", "summary": "In shop/totals.py."})


@pytest.fixture
def server(hub: LocalHub, database: str, environment: pytest.MonkeyPatch) -> Iterator[ScriptedModelServer]:
    with ScriptedModelServer([Turn(calls=[LOOK]), LIMITED, Turn(calls=[FINISH])]) as running:
        for name, value in (
            ("ANTHROPIC_BASE_URL", running.url),
            ("ANTHROPIC_API_KEY", "sk-ant-ours"),
            ("COMPATIBLE_BASE_URL", f"{running.url}/v1"),
        ):
            environment.setenv(name, value)
        get_settings.cache_clear()
        yield running


@pytest.fixture
def limited(hub: LocalHub, server: ScriptedModelServer) -> tuple[UUID, UUID]:
    """Alice, and her task whose model answered once and then told to wait for twenty minutes."""
    user_id = signed_in(hub, "alice")
    task_id = submit(user_id, prompt="Where are totals made?", task_type=TaskType.ASK, model="claude-sonnet-4-6")
    assert work() == 0
    return user_id, task_id


def model(name: str) -> UUID:
    with db.transaction() as session:
        return session.exec(select(AiModel.id).where(AiModel.name == name)).one()


def other() -> UUID:
    """A model of another provider, in another wire format."""
    with db.transaction() as session:
        made = AiModel(provider="compatible", name="local", display_name="Local", input_price=100, output_price=200)
        session.add(made)
        session.flush()
        return made.id


def test_it_waits_without_a_worker_says_until_when_and_goes_on_by_itself(limited: tuple[UUID, UUID]) -> None:
    user_id, task_id = limited
    run = run_of(task_id)
    assert (run.status, run.phase, run.reason) == (Status.PENDING, Phase.PARKED, "model_rate_limited")
    assert run.lease_owner is None and run.until is not None
    assert timedelta(minutes=19) < run.until - clock.now() < timedelta(minutes=21)
    with db.transaction() as session:
        page = tasks.page(session, session.get_one(User, user_id), task_id)
        assert (page.row.is_paused, page.row.waits_for_person, page.actions) == (True, False, [])
        action = next_action.next_action(page)
        assert action is not None and action.kind == next_action.MODEL_LIMIT
        assert claims.claim(session, "a worker") is None, "not before its time"
        session.execute(text("UPDATE task_runs SET until = now() - interval '1 second'"))
    assert work() == 0
    assert (run_of(task_id).outcome, run_of(task_id).attempt) == (Outcome.ANSWERED, 1)


def test_another_model_goes_on_from_what_the_first_one_did_and_no_turn_is_paid_twice(
    limited: tuple[UUID, UUID], server: ScriptedModelServer
) -> None:
    user_id, task_id = limited
    before, local = run_of(task_id), other()
    with db.transaction() as session:
        alice = session.get_one(User, user_id)
        assert local in [one.id for one in tasks.other_models(session, alice, task_id)]
        tasks.go_on(session, alice, task_id, model_id=local)
    with pytest.raises(Conflict), db.transaction() as session:
        tasks.go_on(session, session.get_one(User, user_id), task_id, model_id=local)  # a second click
    assert work() == 0
    run = run_of(task_id)
    assert (run.outcome, run.held, run.ai_model_id) == (Outcome.ANSWERED, before.held, local)
    assert [one.path for one in server.received] == ["/v1/messages", "/v1/messages", "/v1/chat/completions"]
    said = str(server.received[2].body["messages"])
    assert "list_files" in said and "shop/" in said, "the other model reads what the first one found"
    with db.transaction() as session:
        kinds = list(session.exec(select(TaskEvent.kind).where(TaskEvent.task_id == task_id)))
        assert kinds.count(EventKind.MODEL_TURN) == 2
        notes = [one.payload for one in session.exec(select(TaskEvent)) if one.payload.get("code") == "model"]
        assert [one["text"] for one in notes] == ["Alice Weber lets it go on with Local."]
        assert credits.unbalanced(session) == []
        assert tasks.page(session, session.get_one(User, user_id), task_id).row.model_name == "Local"


def test_it_can_be_stopped_meanwhile_and_pays_for_what_was_done(limited: tuple[UUID, UUID]) -> None:
    user_id, task_id = limited
    with db.transaction() as session:
        tasks.cancel(session, session.get_one(User, user_id), task_id)
    run = run_of(task_id)
    assert (run.status, run.charged) == (Status.CANCELLED, credits.to_credits(run.cost_micro))
    with db.transaction() as session:
        assert credits.unbalanced(session) == []


def paused(people: People, reason: str = "model_rate_limited") -> UUID:
    task_id = worker.submit(people, who=people.alice)
    mine = worker.claim()
    with db.transaction() as session:
        until = clock.now() + timedelta(minutes=20)
        runs.park(session, mine.run_id, mine.fence, reason=reason, until=until)
    return task_id


def test_only_its_person_ends_a_pause_and_only_while_there_is_one(people: People) -> None:
    task_id = paused(people)
    with db.transaction() as session:
        tasks.set_visibility(session, people.alice, task_id, Visibility.REPOSITORY)
        for refused in (tasks.go_on, tasks.other_models):
            with pytest.raises(Forbidden):
                refused(session, people.bob, task_id)
        tasks.go_on(session, people.alice, task_id)
        assert worker.run_of(task_id, session).phase == Phase.QUEUED
        for refused in (tasks.go_on, tasks.other_models):
            with pytest.raises(Conflict, match="does not wait"):
                refused(session, people.alice, task_id)


def test_who_waits_for_budget_answers_that_and_who_waits_for_github_needs_no_other_model(people: People) -> None:
    task_id, local = paused(people, "github_rate_limited"), other()
    with db.transaction() as session:
        page = tasks.page(session, people.alice, task_id)
        assert (action := next_action.next_action(page)) and action.kind == next_action.LIMIT
    with pytest.raises(Conflict, match="another one would wait as long"), db.transaction() as session:
        session.execute(text("UPDATE ai_models SET provider = 'demo' WHERE id = :id"), {"id": local})
        tasks.go_on(session, people.alice, task_id, model_id=local)
    with pytest.raises(Conflict, match="does not wait"), db.transaction() as session:
        session.execute(text("UPDATE task_runs SET reason = 'budget', until = NULL"))
        tasks.go_on(session, people.alice, task_id)


def test_a_model_that_is_paid_otherwise_or_cannot_be_used_is_refused_and_the_pause_goes_on(
    people: People, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("ANTHROPIC_API_KEY", "sk-ant-ours")
    get_settings.cache_clear()
    task_id, sonnet = paused(people), model("claude-sonnet-4-6")
    with pytest.raises(InvalidInput, match="configured"), db.transaction() as session:
        tasks.go_on(session, people.alice, task_id, model_id=model("gpt-5.1"))
    with db.transaction() as session:
        session.add(ProviderKey(user_id=people.alice.id, provider="anthropic", sealed_key="x", hint="abcd"))
        session.flush()
        assert pays_for(session, people.alice.id, sonnet)
        assert sonnet not in [one.id for one in tasks.other_models(session, people.alice, task_id)]
    with pytest.raises(InvalidInput, match="paid with credits"), db.transaction() as session:
        tasks.go_on(session, people.alice, task_id, model_id=sonnet)
    with db.transaction() as session:
        assert worker.run_of(task_id, session).phase == Phase.PARKED


def test_a_model_that_takes_no_images_is_refused_where_any_message_of_the_task_had_some(people: People) -> None:
    task_id, local = paused(people), other()
    with db.transaction() as session:
        session.execute(text("UPDATE ai_models SET capabilities = '{\"images\": true}' WHERE provider = 'demo'"))
        image = attachments.store(session, people.alice, "shot.png", png()).id
        tasks.follow_up(session, people.alice, task_id, "Like this", images=[image])
        session.execute(text("UPDATE ai_models SET provider = 'demo' WHERE id = :id"), {"id": local})
        assert local not in [one.id for one in tasks.other_models(session, people.alice, task_id)]
    with pytest.raises(InvalidInput, match="images"), db.transaction() as session:
        tasks.go_on(session, people.alice, task_id, model_id=local)
