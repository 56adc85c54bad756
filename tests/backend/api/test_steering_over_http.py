"""What an owner does with a task over HTTP beside its work, what a repository's set-up takes, HEAD, and images."""

from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from backend import db
from backend.models import Task
from backend.services import tasks
from backend.settings import get_settings
from backend.words import Failure, Outcome, Status, Visibility
from tests.backend.api.conftest import Calling
from tests.backend.api.test_tasks_over_http import submit
from tests.conftest import People
from tests.pictures import png
from tests.rows import pull_request
from tests.settled import settle

PNG = {"Content-Type": "image/png"}


def share(people: People, task_id: UUID) -> None:
    with db.transaction() as session:
        tasks.set_visibility(session, people.alice, task_id, Visibility.REPOSITORY)


def ids(client: TestClient, url: str) -> list[str]:
    return [one["id"] for one in client.get(url).json()["items"]]


def test_what_others_share_is_listed_where_it_is_asked_for(people: People, calling: Calling, alice: TestClient) -> None:
    shared, private = submit(people, repository=people.shop), submit(people, repository=people.shop)
    share(people, shared)
    with db.transaction() as session:
        for number, task_id in enumerate((shared, private), start=1):
            session.add(pull_request(session.get_one(Task, task_id), number))
    bob, carol = calling("bob"), calling("carol")
    for path in ("tasks", "pull-requests"):
        assert [len(ids(alice, f"/api/{path}{query}")) for query in ("", "?scope=mine", "?scope=all")] == [2, 2, 2]
        assert [len(ids(bob, f"/api/{path}{query}")) for query in ("", "?scope=mine", "?scope=all")] == [0, 0, 1]
        assert ids(carol, f"/api/{path}?scope=all") == []
        assert bob.get(f"/api/{path}?scope=everyone").json()["field"] == "scope"
    told = bob.get("/api/tasks?scope=all&limit=1").json()["items"][0]
    assert (told["id"], told["owner"], told["is_mine"]) == (str(shared), "Alice", False)
    assert [one["is_mine"] for one in bob.get("/api/pull-requests?scope=all").json()["items"]] == [False]
    both = alice.get("/api/tasks?scope=all&limit=1")
    assert "scope=all" in both.links["next"]["url"] and both.json()["items"][0]["is_mine"] is True


def test_a_task_is_named_shared_put_away_and_deleted(people: People, calling: Calling, alice: TestClient) -> None:
    task_id = submit(people, repository=people.shop)
    url = f"/api/tasks/{task_id}"
    assert alice.put(url, json={"title": "Totals", "visibility": "repository"}).json()["title"] == "Totals"
    assert alice.put(url, json={}).json()["visibility"] == "repository", "what is not given stays"
    for wrong in (" ", "a\nb", "x" * 121, "a\x00"):
        answer = alice.put(url, json={"title": wrong, "visibility": "private"})
        assert (answer.status_code, answer.json()["field"]) == (422, "title"), wrong
    assert alice.get(url).json()["visibility"] == "repository", "all of it or nothing"
    bob = calling("bob")
    assert bob.put(url, json={}).status_code == 403 and bob.delete(url).status_code == 403
    assert [alice.put(f"{url}/archive").status_code, alice.delete(url).status_code] == [409, 409], "it is at work"
    alice.put(f"{url}/cancel")
    assert alice.delete(f"{url}/archive").json()["archived_at"] is None
    put_away = [alice.put(f"{url}/archive").json()["archived_at"] for _ in range(2)]
    assert put_away[0] == put_away[1] is not None and ids(alice, "/api/tasks") == []
    assert ids(alice, "/api/tasks?archived=true") == [str(task_id)]
    assert alice.delete(f"{url}/archive").json()["archived_at"] is None
    assert [alice.delete(url).status_code for _ in range(2)] == [204, 404]
    assert [client.get(url).status_code for client in (alice, bob)] == [404, 404]


def test_a_retry_is_one_run_for_a_key_and_only_of_what_has_no_result(people: People, alice: TestClient) -> None:
    task_id = submit(people)
    url, key = f"/api/tasks/{task_id}", {"Idempotency-Key": "again"}
    assert alice.post(f"{url}/retry").status_code == 409, "it is at work"
    settle(task_id, Status.FAILED, failure=Failure.SETUP_FAILED)
    assert alice.post(f"{url}/retry", json={"model_id": str(uuid4())}).json()["field"] == "model_id"
    made = [alice.post(f"{url}/retry", json={"prompt": "Otherwise"}, headers=key) for _ in range(2)]
    assert [one.status_code for one in made] == [201, 201] and made[0].json() == made[1].json()
    assert (made[0].json()["status"], alice.get(url).json()["run"]["number"]) == ("pending", 2)
    settle(task_id, Status.COMPLETED, outcome=Outcome.PR_OPENED)
    assert alice.post(f"{url}/retry", json={}).status_code == 409


def test_a_pause_is_ended_once_by_its_person(people: People, alice: TestClient) -> None:
    task_id = submit(people)
    url = f"/api/tasks/{task_id}/continue"
    assert alice.put(url).status_code == 409, "it is in line"
    with db.transaction() as session:
        later = "UPDATE {} SET phase = 'parked', reason = 'model_rate_limited', until = now() + interval '9 min'"
        for table in ("tasks", "task_runs"):
            session.execute(text(later.format(table)))
    assert alice.put(url, json={"model_id": str(uuid4())}).json()["field"] == "model_id"
    assert alice.get(f"/api/tasks/{task_id}").json()["phase"] == "parked"
    told = [alice.put(url, json={}) for _ in range(2)]
    assert [one.status_code for one in told] == [200, 409]
    assert (told[0].json()["phase"], told[0].json()["until"]) == ("queued", None)


def test_images_are_sent_first_and_then_named_by_a_task(people: People, connected: People, calling: Calling) -> None:
    alice, bob = calling(), calling("bob")
    made = alice.post("/api/attachments?name=shot.png", content=png(), headers=PNG)
    image = made.json()["id"]
    assert (made.status_code, made.headers["location"]) == (201, f"/api/attachments/{image}")
    got = alice.get(made.headers["location"])
    assert got.headers["content-type"] == "image/png" and "sandbox" in got.headers["content-security-policy"]
    again = alice.get(made.headers["location"], headers={"If-None-Match": got.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert bob.get(made.headers["location"]).status_code == 404, "it is nobody else's"
    body = {"repository_id": str(people.shop), "prompt": "As drawn", "attachments": [image], "visibility": "repository"}
    assert bob.post("/api/tasks", json=body).json()["field"] == "attachments", "nor can others send it"
    model = [one for one in alice.get("/api/models").json()["items"] if one["takes_images"] and one["is_available"]]
    task = alice.post("/api/tasks", json={**body, "model_id": model[0]["id"]}).json()
    told = alice.get(f"/api/tasks/{task['id']}").json()["attachments"]
    assert [(one["id"], one["name"]) for one in told] == [(image, "shot.png")]
    assert bob.get(made.headers["location"]).content == got.content, "whoever reads the task sees its images"
    assert alice.delete(made.headers["location"]).status_code == 409, "it was sent"
    assert alice.post("/api/tasks", json=body).status_code == 422, "and is not sent twice"
    other = alice.post("/api/attachments", content=png(), headers=PNG).json()["id"]
    follow = f"/api/tasks/{task['id']}/follow-ups"
    assert alice.post(follow, json={"text": "And so", "attachments": [other]}).status_code == 201
    assert alice.delete(f"/api/attachments/{other}").status_code == 409


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (png(), "application/json", 415),
        (png(), "", 415),
        (png(), "image/svg+xml", 415),
        (b"<svg/>", "image/png", 422),
        (b"", "image/png", 422),
        (b"\x89PNG" + b"\0" * 5_000_000, "image/png", 413),
    ],
)
def test_what_is_no_image_is_no_attachment(alice: TestClient, content: bytes, kind: str, status: int) -> None:
    assert alice.post("/api/attachments", content=content, headers={"Content-Type": kind}).status_code == status


def test_the_same_image_with_the_same_key_is_one(alice: TestClient) -> None:
    key = {**PNG, "Idempotency-Key": "k"}
    made = [alice.post("/api/attachments", content=png(), headers=key) for _ in range(2)]
    assert made[0].json() == made[1].json()
    assert alice.post("/api/attachments", content=png(2, 2), headers=key).status_code == 409
    assert alice.post("/api/attachments?name=b", content=png(), headers=key).status_code == 409
    with db.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM attachments")).scalar_one() == 1


def test_a_set_up_is_read_and_changed_and_a_secret_never_told(people: People, calling: Calling) -> None:
    alice, bob = calling(), calling("bob")
    url = f"/api/repositories/{people.shop}/setup"
    assert alice.get(url).json() == {"script": "", "environment": "", "secrets": [], "can_change": True}
    kept = bob.put(url, json={"script": "make deps\r\n", "environment": "B=2\nA=1"}).json()
    assert (kept["script"], kept["environment"]) == ("make deps", "A=1\nB=2")
    assert bob.put(f"{url}/secrets/PIP_TOKEN", json={"value": "s3cret-s3cret"}).status_code == 204
    told = alice.get(url)
    assert [one["name"] for one in told.json()["secrets"]] == ["PIP_TOKEN"] and "s3cret" not in told.text
    for body, field in (
        ({"environment": "PIP_TOKEN=x"}, "environment"),
        ({"environment": "a"}, "environment"),
        ({"script": "a\x00b"}, "script"),
    ):
        answer = alice.put(url, json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, field)
    for name, value in (("1X", "long enough"), ("ASYNCCODER_X", "long enough"), ("A", "long enough"), ("X", "short")):
        assert alice.put(f"{url}/secrets/{name}", json={"value": value}).status_code == 422, name
    assert alice.put(f"{url}/secrets/%00", json={"value": "long enough"}).status_code == 422
    assert [alice.delete(f"{url}/secrets/{name}").status_code for name in ("PIP_TOKEN", "PIP_TOKEN", "%00")] == [
        204
    ] * 3
    assert alice.get(url).json()["secrets"] == [] and alice.get(url).json()["script"] == "make deps"


def test_head_is_answered_as_get_without_its_content(
    people: People, alice: TestClient, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("ASYNCCODER_API_REQUESTS", "600")
    get_settings.cache_clear()
    task_id = submit(people)
    submit(people)
    image = alice.post("/api/attachments", content=png(), headers=PNG).headers["location"]
    changing = ("date", "x-request-id", "ratelimit-remaining", "ratelimit-reset")
    for path in ("/api/tasks?limit=1", f"/api/tasks/{task_id}", image, "/api/openapi.json", "/health", "/api/tasks/x"):
        got, head = alice.get(path), alice.head(path)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        told = [{k: v for k, v in one.headers.items() if k not in changing} for one in (got, head)]
        assert told[0] == told[1], path
    assert 'rel="next"' in alice.head("/api/tasks?limit=1").headers["link"] and "etag" in alice.head(image).headers
    first, second = (int(alice.head("/api/tasks").headers["ratelimit-remaining"]) for _ in range(2))
    assert second == first - 1, "it is counted as well"
    etag = alice.head(image).headers["etag"]
    assert alice.head(image, headers={"If-None-Match": etag}).status_code == 304
    stream = alice.head(f"/api/tasks/{task_id}/events", headers={"Accept": "text/event-stream"})
    assert (stream.status_code, stream.headers["content-type"].split(";")[0]) == (200, "text/event-stream")
    refused = alice.head(f"/api/tasks/{task_id}/cancel")
    assert (refused.status_code, refused.headers["allow"]) == (405, "PUT")
    assert alice.head("/api/tasks", headers={"Authorization": "Bearer x"}).status_code == 401


def test_only_who_may_push_changes_a_pull_request_and_a_merge_names_what_was_looked_at(
    people: People, calling: Calling, alice: TestClient
) -> None:
    task_id = submit(people, repository=people.shop)
    url = f"/api/tasks/{task_id}/pull-request"
    assert alice.put(f"{url}/close").status_code == 404, "there is none"
    assert alice.put(f"{url}/explode").json()["field"] == "deed"
    with db.transaction() as session:
        session.add(pull_request(session.get_one(Task, task_id), 1))
    share(people, task_id)
    assert alice.put(f"{url}/ready").json()["pull_request"]["status"] == "open", "what is so already is done"
    assert alice.put(f"{url}/merge").status_code == 409
    for wrong in ("abc", "A" * 40, "a" * 41, "\x00"):
        assert alice.put(f"{url}/merge", json={"sha": wrong}).json()["field"] == "sha"
    with db.transaction() as session:
        session.execute(text("UPDATE user_repository_access SET access_level = 'read'"))
    assert calling("bob").put(f"{url}/close").status_code == 403
    assert calling("carol").put(f"{url}/close").status_code == 404
