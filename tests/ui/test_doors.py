from typing import Any
from uuid import uuid4

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from asynccoder_ui import routes
from asynccoder_ui.ahead import Ahead
from asynccoder_ui.asynccoder_ui import app
from asynccoder_ui.beside import Beside
from asynccoder_ui.headers import SecurityHeaders
from backend.settings import Settings


def answering(word: str) -> Starlette:
    async def answer(request: Request) -> PlainTextResponse:
        return PlainTextResponse(word)

    return Starlette(routes=[Route("/{rest:path}", answer)])


@pytest.fixture
def client() -> TestClient:
    both = Beside(answering("pages"), api=answering("api"))
    return TestClient(SecurityHeaders(both, Settings(public_url="https://coder.example.org")))


@pytest.mark.parametrize(
    "path", ["/api/tasks", "/auth/sign-in", "/files/tasks/1/patch", "/health", "/health/live", "/metrics"]
)
def test_the_api_answers_its_own_paths(client: TestClient, path: str):
    assert client.get(path).text == "api"


@pytest.mark.parametrize("path", ["/", "/home", "/tasks/1", "/apiary", "/healthy", "/_event/"])
def test_the_pages_answer_all_others(client: TestClient, path: str):
    assert client.get(path).text == "pages"


def test_a_page_has_one_address_without_a_slash_at_its_end():
    async def answer(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.url.path)

    pages = Starlette(routes=[Route("/{rest:path}", answer)])
    client = TestClient(Beside(pages, api=answering("api")), follow_redirects=False)
    assert client.get("/home").text == "/home/"
    assert client.get("/assets/1").text == "/assets/1"


@pytest.mark.parametrize(
    ("path", "built"),
    [
        ("/tasks/1", "/tasks/_/"),
        ("/tasks/1/", "/tasks/_/"),
        ("/tasks/_", "/tasks/_/"),
        ("/repositories/1", "/repositories/_/"),
        ("/tasks/1/2", ""),
        ("/tasks", "/tasks/"),
        ("/credits/1", ""),
        ("/_", ""),
        ("/", ""),
    ],
)
def test_a_page_with_an_id_in_its_address_is_the_one_that_was_drawn_for_all_ids(path: str, built: str):
    assert routes.folder_of(path) == built


def test_no_page_may_be_framed_and_nothing_is_loaded_from_elsewhere(client: TestClient):
    headers = client.get("/home").headers
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "object-src 'none'" in policy
    assert "base-uri 'self'" in policy
    assert "connect-src 'self' wss://coder.example.org" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["strict-transport-security"]


def test_a_refusal_at_the_outermost_door_has_the_headers_too():
    door: Any = answering("pages")
    doors: Any = app.api_transformer
    for wrap in doors:
        door = wrap(door)
    answer = TestClient(door).get("/", headers={"Host": "evil.example"})
    assert answer.status_code == 403
    assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["content-security-policy"]


def test_only_what_is_named_by_its_content_is_kept_by_browsers(client: TestClient):
    assert "immutable" in client.get("/assets/root-abc123.js").headers["cache-control"]
    assert client.get("/home").headers["cache-control"] == "no-cache"


def test_a_tasks_page_names_the_newest_entries_of_its_log_first():
    client, task_id = TestClient(Ahead(answering("pages"))), uuid4()
    wanted = f"</files/tasks/{task_id}/log>; rel=preload; as=fetch; crossorigin"
    assert client.get(f"/tasks/{task_id}").headers["link"] == client.get(f"/tasks/{task_id}/").headers["link"] == wanted
    for other in ("/tasks", "/", f"/tasks/{task_id}/patch", "/tasks/1", f"/repositories/{task_id}"):
        assert "link" not in client.get(other).headers
