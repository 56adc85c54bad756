"""A whole run on a person's own key: true engine, true jail, a model server that sees which key comes."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import select

from backend import db
from backend.models import AiModel, CreditTransaction, TaskEvent, User
from backend.services import credits, provider_keys, repositories, tasks
from backend.settings import get_settings
from backend.words import Failure, Outcome, Phase, Priority, Status, TaskType
from tests.backend.services.road import run_of, signed_in, work
from tests.hub import LocalHub
from tests.model_server import Call, ScriptedModelServer, Turn

KEY = "sk-ant-a-key-of-alices-own-7f3c"
LOOK = Call("list_files", {"path": "."})
FINISH = Call("finish", {"title": "Where totals are made", "summary": "In shop/totals.py."})
DEAR = {"input": 150_000, "output": 4_000, "read": 0, "written": 0}


@pytest.fixture
def server(hub: LocalHub, database: str, environment: pytest.MonkeyPatch) -> Iterator[ScriptedModelServer]:
    with ScriptedModelServer([Turn("ok")]) as running:
        environment.setenv("ANTHROPIC_BASE_URL", running.url)
        get_settings.cache_clear()
        yield running


@pytest.fixture
def alice(hub: LocalHub, server: ScriptedModelServer) -> UUID:
    user_id = signed_in(hub, "alice")
    provider_keys.keep(user_id, "anthropic", KEY)
    return user_id


def ask(user_id: UUID) -> UUID:
    with db.transaction() as session:
        user = session.get_one(User, user_id)
        found = next(row for row in repositories.listing(session, user) if row.full_name == "alice/sample-shop")
        model = session.exec(select(AiModel.id).where(AiModel.name == "claude-sonnet-4-6")).one()
        draft = tasks.Draft(found.id, "main", None, model, TaskType.ASK, Priority.MEDIUM, "Where are totals made?")
        return tasks.submit(session, user, draft).id


def ledger() -> list[str]:
    with db.transaction() as session:
        assert credits.unbalanced(session) == []
        return [row.type for row in session.exec(select(CreditTransaction))]


def test_it_is_answered_on_that_key_without_a_row_in_the_ledger(server: ScriptedModelServer, alice: UUID) -> None:
    server.script = [Turn("ok"), Turn(calls=[LOOK]), Turn(calls=[FINISH])]
    task_id = ask(alice)
    assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.outcome, run.own_key) == (Status.COMPLETED, Outcome.ANSWERED, True)
    assert (run.held, run.charged, run.cost_micro > 0) == (0, 0, True)
    assert {one.headers["authorization"] for one in server.received} == {f"Bearer {KEY}"}
    assert ledger() == ["bonus"]
    with db.transaction() as session:
        written = " ".join(str(row) for row in session.execute(text("SELECT payload::text, raw FROM task_events")))
    assert KEY not in written


def test_it_parks_when_its_budget_is_used_up_and_goes_on_when_it_may_cost_more(
    server: ScriptedModelServer, alice: UUID
) -> None:
    server.script = [Turn("ok"), Turn(calls=[LOOK], usage=DEAR), Turn(calls=[FINISH])]
    task_id = ask(alice)
    work()
    run = run_of(task_id)
    assert (run.status, run.phase, run.reason) == (Status.PENDING, Phase.PARKED, "budget")
    assert len(server.received) == 2, "the model is not asked before the person has answered"
    with db.transaction() as session:
        for number in range(20):
            tasks.add_credits(session, session.get_one(User, alice), task_id, key=str(number))
    work()
    run = run_of(task_id)
    assert (run.status, run.charged, len(server.received)) == (Status.COMPLETED, 0, 3)
    assert ledger() == ["bonus"]


def test_a_key_that_is_removed_while_it_works_ends_it_with_a_sentence(server: ScriptedModelServer, alice: UUID) -> None:
    server.script = [Turn("ok"), Turn(calls=[LOOK], usage=DEAR)]
    task_id = ask(alice)
    work()  # parked
    with db.transaction() as session:
        user = session.get_one(User, alice)
        tasks.finish_now(session, user, task_id)
        provider_keys.remove(session, user, "anthropic")
    work()
    run = run_of(task_id)
    assert (run.status, run.failure, run.charged) == (Status.FAILED, Failure.MODEL_AUTH, 0)
    with db.transaction() as session:
        ended = session.exec(select(TaskEvent.payload).where(TaskEvent.kind == "ended")).one()
    assert ended["text"].startswith("This run was on your own Anthropic key, which was removed.")
    assert len(server.received) == 2 and ledger() == ["bonus"]
