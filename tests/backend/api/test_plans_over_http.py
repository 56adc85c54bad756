"""A task that is planned first, over HTTP: asked for, read, decided on."""

from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from backend import db
from backend.services import tasks
from backend.words import Visibility
from tests.backend.api.conftest import Calling
from tests.backend.services.test_plans import STEPS, propose
from tests.conftest import People


@pytest.fixture
def task(connected: People, alice: TestClient) -> str:
    """The address of Alice's task whose plan waits."""
    wish = {"repository_id": str(connected.shop), "prompt": "Fix it", "type": "debug", "plan_first": True}
    made = alice.post("/api/tasks", json=wish)
    assert (made.status_code, made.json()["plan_first"]) == (201, True), made.text
    assert alice.get(made.headers["location"]).json()["plan"] is None
    propose()
    return made.headers["location"]


def test_a_plan_is_read_and_approved_as_the_person_edited_it(task: str, alice: TestClient) -> None:
    whole = alice.get(task).json()
    assert (whole["phase"], whole["reason"], whole["can_decide"]) == ("parked", "approval", True)
    assert (whole["plan"]["number"], whole["plan"]["text"], whole["plan"]["decision"]) == (1, STEPS, None)
    answer = {"decision": "approve", "number": 1, "plan": "1. Mend it, and test it."}
    told = [alice.put(f"{task}/plan", json=answer) for _ in range(2)]
    assert [(one.status_code, one.json()["phase"]) for one in told] == [(200, "queued")] * 2, "twice is once"
    plan = alice.get(task).json()["plan"]
    assert (plan["decision"], plan["text"], plan["is_edited"], plan["by"]) == (
        *("approve", "1. Mend it, and test it.", True),
        "Alice",
    )
    refused = alice.put(f"{task}/plan", json={"decision": "discard"})
    assert (refused.status_code, "was approved already" in refused.json()["detail"]) == (409, True)


def test_garbage_decides_nothing(task: str, alice: TestClient) -> None:
    for wrong, field in (
        ({}, "decision"),
        ({"decision": "maybe"}, "decision"),
        ({"decision": "change"}, "text"),
        ({"decision": "change", "text": "a\x00"}, "text"),
        ({"decision": "approve", "plan": "x" * 30_000}, "plan"),
        ({"decision": "approve", "plan": 1}, "plan"),
        ({"decision": "approve", "number": 10**30}, "number"),
        ({"decision": "approve", "number": -1}, "number"),
        ({"decision": "approve", "typo": 1}, "typo"),
    ):
        answer = alice.put(f"{task}/plan", json=wrong)
        assert (answer.status_code, answer.json().get("field")) == (422, field), wrong
    assert alice.put(f"{task}/plan", json={"decision": "approve", "number": 2}).status_code == 409
    assert alice.get(task).json()["can_decide"] is True


def test_a_reader_may_look_and_not_decide(people: People, task: str, alice: TestClient, calling: Calling) -> None:
    bob, carol = calling("bob"), calling("carol")
    answer = {"decision": "approve"}
    assert [one.put(f"{task}/plan", json=answer).status_code for one in (bob, carol)] == [404, 404]
    with db.transaction() as session:
        tasks.set_visibility(session, people.alice, UUID(task.rsplit("/", 1)[-1]), Visibility.REPOSITORY)
    seen = bob.get(task).json()
    assert (seen["plan"]["text"], seen["can_decide"]) == (STEPS, False)
    assert [one.put(f"{task}/plan", json=answer).status_code for one in (bob, carol)] == [403, 404]
    assert alice.get(task).json()["can_decide"] is True


def test_only_what_changes_files_is_planned_first(connected: People, alice: TestClient) -> None:
    for kind in ("ask", "architect", "pr_review"):
        wish = {"repository_id": str(connected.shop), "prompt": "Why?", "type": kind, "plan_first": True}
        answer = alice.post("/api/tasks", json=wish)
        assert (answer.status_code, answer.json()["field"]) == (422, "plan_first")
