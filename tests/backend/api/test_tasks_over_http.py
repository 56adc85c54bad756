"""Tasks over HTTP: started, listed, steered, and what came of them."""

from datetime import datetime
from io import BytesIO
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlmodel import Session, select

from backend import db
from backend.api import pages
from backend.models import TaskResult, TaskRun
from backend.services import recorder, tasks
from backend.words import Priority, TaskType, Visibility
from tests.backend.api.conftest import Calling
from tests.conftest import People
from tests.syncing import sync


def submit(people: People, prompt: str = "Fix it", repository: UUID | None = None) -> UUID:
    usual = (repository or people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, prompt)
    with db.transaction() as session:
        return tasks.submit(session, people.alice, tasks.Draft(*usual)).id


def run_of(session: Session, task_id: UUID) -> TaskRun:
    return session.exec(select(TaskRun).where(TaskRun.task_id == task_id)).one()


def test_a_task_is_started_with_a_repository_and_a_prompt_alone(connected: People, alice: TestClient) -> None:
    sync(connected.alice.id)
    listed = alice.get("/api/repositories?q=sample").json()["items"]
    made = alice.post("/api/tasks", json={"repository_id": listed[0]["id"], "prompt": "Why is the total off?"})
    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["type"], told["branch"], told["status"], told["priority"]) == ("debug", "main", "pending", "medium")
    whole = alice.get(made.headers["location"]).json()
    assert whole["prompt"] == "Why is the total off?" and whole["run"]["held"] == told["estimated_credits"] > 0
    assert {**told, **whole} == whole, "what lists tell of a task is told of it alone as well"
    assert [one["id"] for one in alice.get("/api/tasks").json()["items"]] == [told["id"]]


def test_what_cannot_be_started_is_refused_and_holds_nothing(connected: People, alice: TestClient) -> None:
    usual = {"repository_id": str(connected.sample), "prompt": "Fix it", "model_id": str(connected.model)}
    for wrong, status, field in (
        ({"prompt": " "}, 422, "prompt"),
        ({"prompt": "a\x00b"}, 422, "prompt"),
        ({"branch": "no-such"}, 422, "branch"),
        ({"branch": "../x"}, 422, "branch"),
        ({"model_id": str(uuid4())}, 422, "model_id"),
        ({"repository_id": str(uuid4())}, 404, None),
        ({"type": "pr_review", "pull_number": 99}, 422, "pull_number"),
        ({"pull_number": True}, 422, "pull_number"),
        ({"typo": 1}, 422, "typo"),
        ({"prompt": "\x01" * 32_000}, 413, None),
    ):
        answer = alice.post("/api/tasks", json={**usual, **wrong})
        assert (answer.status_code, answer.json().get("field")) == (status, field), wrong
    assert alice.get("/api/credits").json()["held"] == 0


def test_a_task_is_stopped_once(people: People, alice: TestClient) -> None:
    task_id = submit(people)
    answer = alice.put(f"/api/tasks/{task_id}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    again = alice.put(f"/api/tasks/{task_id}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


def test_a_follow_up_waits_for_the_run_and_can_be_taken_back(people: People, alice: TestClient) -> None:
    url = f"/api/tasks/{submit(people)}"
    made = alice.post(f"{url}/follow-ups", json={"text": "And the tests"})
    assert made.status_code == 201 and made.json()["taken_at"] is None
    assert [one["text"] for one in alice.get(url).json()["waiting_messages"]] == ["And the tests"]
    message = f"/follow-ups/{made.json()['id']}"
    assert alice.delete(f"/api/tasks/{submit(people)}{message}").status_code == 404, "it is of another task"
    assert [alice.delete(url + message).status_code for _ in range(2)] == [204, 204]
    assert alice.get(url).json()["waiting_messages"] == []


def test_lists_are_turned_without_a_row_lost_or_told_twice(people: People, alice: TestClient) -> None:
    made = {str(submit(people, f"Fix {number}")) for number in range(5)}
    with db.transaction() as session:
        session.execute(text("UPDATE tasks SET created_at = '2026-01-01Z'"))
    seen, url = [], "/api/tasks?limit=2&status=pending"
    while url:
        answer = alice.get(url)
        seen.append([one["id"] for one in answer.json()["items"]])
        url = answer.links.get("next", {}).get("url", "")
        assert not url or "status=pending" in url
    assert [len(one) for one in seen] == [2, 2, 1] and {id for one in seen for id in one} == made


@pytest.mark.parametrize("path", ["tasks", "repositories", "pull-requests", "credits/ledger"])
def test_a_cursor_that_is_none_of_ours_is_refused(alice: TestClient, path: str) -> None:
    for cursor in ("x", "====", "W10", "bnVsbA", "WyJ4IiwieSJd", "é", "%00", "a" * 1001, ""):
        answer = alice.get(f"/api/{path}?cursor={cursor}")
        assert (answer.status_code, answer.json()["field"]) == (422, "cursor")


def test_a_cursor_holds_no_words_that_the_database_refuses(alice: TestClient) -> None:
    cursor = pages.encoded(("\x00", uuid4()), pages.Name)
    answer = alice.get(f"/api/repositories?cursor={cursor}")
    assert (answer.status_code, answer.json()["field"]) == (422, "cursor")


@pytest.mark.parametrize("path", ["tasks", "pull-requests", "credits/ledger"])
@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_cursor_at_the_ends_of_time_finds_its_place(alice: TestClient, path: str, moment: str) -> None:
    cursor = pages.encoded((datetime.fromisoformat(moment), uuid4()), pages.Moment)
    assert alice.get(f"/api/{path}?cursor={cursor}").status_code == 200


def test_tasks_are_found_by_what_they_are_and_say(people: People, alice: TestClient) -> None:
    stopped, there = submit(people, "Mend the gears"), submit(people, "Paint the doors", people.shop)
    alice.put(f"/api/tasks/{stopped}/cancel")

    def found(query: str) -> list[str]:
        return [one["id"] for one in alice.get(f"/api/tasks?{query}").json()["items"]]

    for query in ("status=cancelled", "q=gears", f"repository_id={people.sample}"):
        assert found(query) == [str(stopped)]
    assert found("q=%00%ED") == found("type=ask") == found("archived=true") == []
    assert found(f"priority=medium&model_id={people.model}") == [str(there), str(stopped)]


def test_the_log_is_read_on_from_a_number(people: People, alice: TestClient) -> None:
    url = f"/api/tasks/{submit(people)}/events"
    alice.put(url.replace("events", "cancel"))
    every = alice.get(url).json()["items"]
    assert [one["seq"] for one in every] == list(range(1, len(every) + 1)) and every[0]["kind"] == "prompt"
    first = alice.get(f"{url}?limit=1")
    assert first.json()["items"] == every[:1]
    assert alice.get(first.links["next"]["url"]).json()["items"] == every[1:2]
    assert alice.get(f"{url}?after={len(every)}").json()["items"] == []


def test_results_changes_and_patch_are_told(people: People, alice: TestClient) -> None:
    task_id = submit(people)
    url = f"/api/tasks/{task_id}"
    assert alice.get(f"{url}/patch").status_code == 404
    assert alice.get(f"{url}/results").json() == {"items": []} and alice.get(f"{url}/diff").json() == {"files": []}
    with db.transaction() as session:
        run = run_of(session, task_id)
        recorder.keep_patch(session, run, recorder.pack_patch(BytesIO(b"diff --git a/x b/x\n")))
        meta = {"old_path": "x", "status": "modified", "added": 1, "removed": 0}
        session.add(
            TaskResult(
                task_id=task_id, run_id=run.id, result_type="code_changes", file_path="x", content="+a", meta=meta
            )
        )
    assert [one["metadata"] for one in alice.get(f"{url}/results").json()["items"]] == [meta]
    assert [(one["path"], one["patch"]) for one in alice.get(f"{url}/diff").json()["files"]] == [("x", "+a")]
    patch = alice.get(f"{url}/patch")
    assert patch.content == b"diff --git a/x b/x\n" and patch.headers["content-type"].startswith("text/x-patch")


def test_a_shared_task_is_read_by_the_team_and_steered_by_its_owner(people: People, calling: Calling) -> None:
    task_id = submit(people, repository=people.shop)
    with db.transaction() as session:
        tasks.set_visibility(session, people.alice, task_id, Visibility.REPOSITORY)
    bob = calling("bob")
    told = bob.get(f"/api/tasks/{task_id}").json()
    assert (told["owner"], told["is_mine"], told["can_cancel"]) == ("Alice", False, False)
    assert bob.put(f"/api/tasks/{task_id}/cancel").status_code == 403
    assert bob.get("/api/tasks").json()["items"] == []
