"""A second opinion: another model sees what was asked for and the diff, once, and keeps nothing from its way."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import select

from backend import db
from backend.errors import InvalidInput
from backend.models import AiModel, CreditTransaction, Repository, TaskEvent, User
from backend.services import credits, provider_keys, repository_settings, tasks
from backend.services.repository_settings import DraftPolicy
from backend.settings import get_settings
from backend.words import Outcome, Status
from tests.backend.services.road import PROMPT, hand_to_the_next, run_of, signed_in, submit, work
from tests.conftest import People
from tests.hub import LocalHub
from tests.model_server import Call, Refuse, ScriptedModelServer, Turn

FINDING = {
    "path": "shop/totals.py",
    "line": 12,
    "severity": "major",
    "text": "Half cents\n```\n<!-- are --> @bob lost.",
}
CLAUDE, DEMO = "claude-sonnet-4-6", "demo-scripted"


def remark(*findings: Any) -> Turn:
    return Turn(calls=[Call("remark", {"findings": list(findings)})])


@pytest.fixture
def server(hub: LocalHub, database: str, environment: pytest.MonkeyPatch) -> Iterator[ScriptedModelServer]:
    with ScriptedModelServer([remark(FINDING)]) as running:
        environment.setenv("ANTHROPIC_BASE_URL", running.url)
        environment.setenv("ANTHROPIC_API_KEY", "sk-ant-the-deployments-own-7f3c")
        get_settings.cache_clear()
        yield running


@pytest.fixture
def alice(hub: LocalHub, server: ScriptedModelServer) -> UUID:
    return signed_in(hub, "alice")


def want(user_id: UUID, model: str, full_name: str = "alice/sample-shop") -> None:
    """The repository's admin wants this model's opinion."""
    with db.transaction() as session:
        repository = session.exec(select(Repository.id).where(Repository.full_name == full_name)).one()
        chosen = session.exec(select(AiModel.id).where(AiModel.name == model)).one()
        usual: dict[str, Any] = {"test_command": "", "draft_policy": DraftPolicy.UNVERIFIED}
        user = session.get_one(User, user_id)
        repository_settings.save(session, user, repository, **usual, opinion_model_id=chosen)


def opinion_of(task_id: UUID) -> dict[str, Any]:
    found = run_of(task_id).opinion
    assert found is not None
    return found


def test_it_sees_prompt_and_diff_alone_is_asked_once_and_stands_in_pull_request_page_and_cost(
    hub: LocalHub, server: ScriptedModelServer, alice: UUID
) -> None:
    server.script = [remark(*[FINDING] * 7)]
    want(alice, CLAUDE)
    task_id = submit(alice)
    assert work("after_the_push") == -9
    hand_to_the_next(task_id)
    assert work() == 0
    run, said = run_of(task_id), opinion_of(task_id)
    assert (run.outcome, run.attempt) == (Outcome.PR_OPENED, 2)
    (asked,) = server.received
    assert [tool["name"] for tool in asked.body["tools"]] == ["remark"] and len(asked.body["messages"]) == 1
    words = json.dumps(asked.body["messages"])
    assert PROMPT in words and "diff --git a/shop/totals.py" in words
    assert asked.headers["authorization"] == "Bearer sk-ant-the-deployments-own-7f3c"
    assert (said["model"], len(said["findings"]), said["why"]) == ("Claude Sonnet 4.6", 5, "")
    assert said["cost_micro"] == 1_200 * 3 + 80 * 15 and run.cost_micro > said["cost_micro"]
    assert run.charged == credits.to_credits(run.cost_micro)
    body = hub.as_person("alice").get("/repos/alice/sample-shop/pulls/1").json()["body"]
    line = next(line for line in body.splitlines() if "Half cents" in line)
    assert line.startswith("- **major** `shop/totals.py:12` Half cents ``` &lt;!-- are --> @\u200bbob lost.")
    assert "### Second opinion of Claude Sonnet 4.6, 1 credit" in body
    with db.transaction() as session:
        page = tasks.page(session, session.get_one(User, alice), task_id)
        notes = session.exec(select(TaskEvent).where(TaskEvent.task_id == task_id, TaskEvent.kind == "note")).all()
    assert page.opinion is not None and page.opinion.findings[0]["line"] == 12
    assert [one.payload["text"] for one in notes if one.payload["code"] == "opinion"] == [
        "Second opinion of Claude Sonnet 4.6: 5 remarks."
    ]


@pytest.mark.parametrize(
    ("answer", "why", "is_paid"),
    [
        (Refuse(401, "authentication_error"), "It could not be had.", False),
        (Turn(calls=[Call("remark", {"findings": [{"path": 1}]})]), "Its answer could not be read.", True),
    ],
)
def test_what_goes_wrong_with_it_keeps_nothing_from_being_handed_over(
    server: ScriptedModelServer, alice: UUID, answer: Turn | Refuse, why: str, is_paid: bool
) -> None:
    server.script = [answer]
    want(alice, CLAUDE)
    task_id = submit(alice)
    assert work() == 0
    assert run_of(task_id).outcome == Outcome.PR_OPENED
    said = opinion_of(task_id)
    assert said["why"].startswith(why) and said["findings"] == [] and bool(said["cost_micro"]) == is_paid


def test_what_the_rest_of_the_hold_does_not_pay_for_is_not_asked(server: ScriptedModelServer, alice: UUID) -> None:
    want(alice, CLAUDE)
    with db.transaction() as session:
        session.execute(text("UPDATE ai_models SET output_price = 900000000 WHERE provider = 'anthropic'"))
    task_id = submit(alice)
    assert work() == 0
    assert run_of(task_id).outcome == Outcome.PR_OPENED and server.received == []
    assert opinion_of(task_id)["why"] == "The rest of what the run may cost does not pay for it."


def test_on_a_persons_own_key_nobody_elses_pays_for_it(server: ScriptedModelServer, alice: UUID) -> None:
    provider_keys.keep(alice, "anthropic", "sk-ant-a-key-of-alices-own-7f3c")
    new = {"path": "NOTES.md", "old_str": "", "new_str": "Totals.\n"}
    done = Call("finish", {"title": "Notes", "summary": "Wrote them."}, "c2")
    server.script = [remark(), Turn(calls=[Call("edit_file", new, "c1")]), Turn(calls=[done])]
    want(alice, DEMO)
    task_id = submit(alice, model=CLAUDE)
    assert work() == 0
    assert (run_of(task_id).status, run_of(task_id).own_key) == (Status.COMPLETED, True)
    assert opinion_of(task_id)["why"].startswith("The run is on its person's own key")
    with db.transaction() as session:
        assert [row.type for row in session.exec(select(CreditTransaction))] == ["bonus"]


def test_the_demos_model_gives_one_too(alice: UUID) -> None:
    want(alice, DEMO)
    task_id = submit(alice)
    assert work() == 0
    said = opinion_of(task_id)
    assert said["why"] == "" and said["cost_micro"] > 0 and all(one["path"] and one["line"] for one in said["findings"])


def test_nobody_is_chosen_whom_this_person_could_not_ask(people: People) -> None:
    with db.transaction() as session, pytest.raises(InvalidInput):
        unpriced = AiModel(provider="compatible", name="x", display_name="X")
        session.add(unpriced)
        session.flush()
        usual: dict[str, Any] = {"test_command": "", "draft_policy": DraftPolicy.READY}
        repository_settings.save(session, people.alice, people.sample, **usual, opinion_model_id=unpriced.id)
