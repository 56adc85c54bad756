"""A token opens the REST API, and nothing else does: asked for first, told plainly, good for no more than it says."""

import json
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from backend import db
from backend.api.app import app
from backend.services import api_tokens
from backend.services.api_tokens import Scope
from backend.settings import get_settings
from tests.conftest import People

USER = "/api/auth/user"
NEW = {"preferences": {"priority": "high"}}


@pytest.fixture
def client(people: People) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://127.0.0.1:3000", follow_redirects=False) as client:
        yield client


def as_(people: People, login: str = "alice", scope: Scope = Scope.WRITE) -> dict[str, str]:
    with db.transaction() as session:
        return {"Authorization": f"Bearer {api_tokens.create(session, getattr(people, login), 'test', scope, 30)[1]}"}


def run(statement: str) -> None:
    with db.transaction() as session:
        session.execute(text(statement))


def test_a_token_says_who_calls(people: People, client: TestClient) -> None:
    told = client.get(USER, headers=as_(people)).json()
    assert (told["username"], told["credits"], told["preferences"]["priority"]) == ("alice", 100, "medium")
    assert not {"github_access_token", "github_refresh_token"} & told.keys()


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Token x", "acd_x"])
def test_who_brings_no_token_is_told_how(client: TestClient, header: str | None) -> None:
    answer = client.get(USER, headers={"Authorization": header} if header is not None else {})
    assert (answer.status_code, answer.json()["code"]) == (401, "signed_out")
    assert answer.headers["www-authenticate"].startswith("Bearer realm=")
    assert ("invalid_token" in answer.headers["www-authenticate"]) == (header is not None)
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_dashboards_cookie_opens_nothing_here(people: People, client: TestClient) -> None:
    client.cookies.set(get_settings().session_cookie, people.cookies["alice"])
    assert client.get(USER, headers={"Origin": get_settings().origin}).status_code == 401


def test_what_cannot_be_a_token_is_refused_without_a_question_to_the_database(
    people: People, client: TestClient, statements: list[str]
) -> None:
    good = as_(people)["Authorization"]
    for wrong in (good[:-1], good + "0", good[:20] + good[21:], good.replace("acd_", "acx_"), good[:-1] + "é"):
        statements.clear()
        answer = client.get(USER, headers=[(b"authorization", wrong.encode("latin-1"))])
        assert (answer.status_code, statements) == (401, [])
    assert client.get(USER, headers={"Authorization": good.replace("Bearer", "bEARER")}).status_code == 200


@pytest.mark.parametrize(
    "fact",
    [
        "UPDATE api_tokens SET revoked_at = now()",
        "UPDATE api_tokens SET expires_at = now()",
        "UPDATE users SET disabled_at = now()",
        "UPDATE users SET deleted_at = now()",
        "DELETE FROM api_tokens",
    ],
)
def test_a_token_is_asked_about_at_each_use(people: People, client: TestClient, fact: str) -> None:
    headers = as_(people)
    assert client.get(USER, headers=headers).status_code == 200
    run(fact)
    assert client.get(USER, headers=headers).status_code == 401


def test_a_token_that_may_only_read_changes_nothing(people: People, client: TestClient) -> None:
    answer = client.put(USER, headers=as_(people, scope=Scope.READ), json=NEW)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert 'scope="write"' in answer.headers["www-authenticate"]
    told = client.put(USER, headers=as_(people), json=NEW).json()
    assert told["preferences"]["priority"] == "high"


def test_an_admins_token_is_for_admins_and_no_more_than_a_writers_once_they_are_none(people: People) -> None:
    run("UPDATE users SET role = 'admin' WHERE username = 'alice'")
    with db.transaction() as session:
        admin = session.get_one(type(people.alice), people.alice.id)
        token = api_tokens.create(session, admin, "ops", Scope.ADMIN, 30)[1]
        assert api_tokens.bearer(session, token).scope is Scope.ADMIN
    run("UPDATE users SET role = 'member'")
    with db.transaction() as session:
        assert api_tokens.bearer(session, token).scope is Scope.WRITE


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b'{"a": NaN}', b"\xff", b"9" * 5_000, b"null", b"[]", b'"x"'])
def test_a_stranger_is_told_so_before_what_is_wrong_with_the_body(
    people: People, client: TestClient, body: bytes
) -> None:
    kind = {"Content-Type": "application/json"}
    assert client.put(USER, content=body, headers=kind).status_code == 401
    answer = client.put(USER, content=body, headers={**as_(people), **kind})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input") and answer.json()["field"]


def test_a_body_is_json_of_bounded_size(people: People, client: TestClient) -> None:
    headers = as_(people)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = client.put(USER, content=b"{}", headers={**headers, "Content-Type": kind})
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    long = (b" " * 10_000 for _ in range(100))
    answer = client.put(USER, content=long, headers={**headers, "Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "preferences"),
        ({"preferences": {"priority": "urgent"}}, "preferences.priority"),
        ({"preferences": {"model_id": "x"}}, "preferences.model_id"),
        ({"preferences": {}, "credits": 1000}, "credits"),
        ({"preferences": {}, "\ud800": 1}, "body"),
    ],
)
def test_a_wrong_body_is_told_by_its_field(people: People, client: TestClient, body: object, field: str) -> None:
    headers = {**as_(people), "Content-Type": "application/json"}
    answer = client.put(USER, content=json.dumps(body), headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_an_address_with_a_slash_too_many_is_not_there_and_leads_nowhere(people: People, client: TestClient) -> None:
    answer = client.get("/api/tasks/", headers={**as_(people), "Host": "evil.example"})
    assert (answer.status_code, answer.headers.get("location")) == (404, None)


def test_another_method_is_told_all_that_there_are(client: TestClient) -> None:
    answer = client.delete(USER)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, PUT")
    assert answer.json()["code"] == "method_not_allowed"
