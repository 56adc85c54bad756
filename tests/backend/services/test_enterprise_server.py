"""A GitHub Enterprise Server needs two settings more than github.com: sign-in, sync, git and webhooks go there."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from backend import db
from backend.api.app import app
from backend.localhub.deliveries import sign
from backend.models import PullRequest, Repository, User
from backend.services import catalog, provider_keys, repository_syncs
from backend.settings import DEMO_CLIENT_ID, get_settings
from backend.words import Outcome, Status, TaskType
from tests.backend.services.road import run_of, submit, task_of, work
from tests.hub import LocalHub
from tests.model_server import Call, ScriptedModelServer, Turn
from tests.syncing import standing

NOTE = Call("edit_file", {"path": "NOTES.md", "old_str": "", "new_str": "Round once.\n"})
DONE = Call("finish", {"title": "Note the rounding", "summary": "Noted."}, id="toolu_2")


@pytest.fixture
def server(hub: LocalHub, database: str, environment: pytest.MonkeyPatch) -> Iterator[ScriptedModelServer]:
    """The product as it is set up for any GitHub, and then the two settings."""
    with ScriptedModelServer([Turn("ok")]) as running:
        for name, value in {
            "ANTHROPIC_BASE_URL": running.url,
            "ASYNCCODER_PUBLIC_URL": f"http://127.0.0.1:{hub.port - 1}",
            "ASYNCCODER_PORT": "9",  # next to which no hub is
            "ASYNCCODER_ADMINS": "root",
            "GITHUB_CLIENT_ID": DEMO_CLIENT_ID,
            "GITHUB_CLIENT_SECRET": hub.client_secret,
            "GITHUB_WEBHOOK_SECRET": hub.webhook_secret,
        }.items():
            environment.setenv(name, value)
        environment.setenv("GITHUB_URL", hub.url)
        environment.setenv("GITHUB_API_URL", hub.api_url)
        get_settings.cache_clear()
        get_settings().check()
        assert not get_settings().is_demo
        yield running


def signed_in(hub: LocalHub) -> UUID:
    """Alice, by the two redirects of a browser."""
    with db.transaction() as session:
        catalog.fill(session)
    with TestClient(app, base_url=get_settings().origin, follow_redirects=False) as browser:
        asked = browser.get("/auth/sign-in").headers["location"]
        assert asked.startswith(f"{hub.url}/login/oauth/authorize?")
        returned = hub.pick(asked, "alice")
        answer = browser.get("/auth/callback", params=returned)
        assert (answer.status_code, answer.headers["location"]) == (303, "/home"), answer.text
        assert get_settings().session_cookie in answer.cookies
    with db.transaction() as session:
        return session.exec(select(User.id).where(User.username == "alice")).one()


def test_a_person_signs_in_syncs_and_gets_a_pull_request_from_it(hub: LocalHub, server: ScriptedModelServer) -> None:
    alice = signed_in(hub)
    repository_syncs.work_all()
    assert standing(alice).state == "done"
    provider_keys.keep(alice, "anthropic", "sk-anthropic-a-key-of-alices-own")
    server.received.clear()
    server.script = [Turn(calls=[NOTE]), Turn(calls=[DONE])]
    with db.transaction() as session:
        user = session.get_one(User, alice)
        assert user.github_host == "127.0.0.1"
    task_id = submit(alice, prompt="Note how totals are rounded.", task_type=TaskType.ASYNC, model="claude-sonnet-4-6")
    assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.outcome) == (Status.COMPLETED, Outcome.PR_OPENED), run.failure
    assert hub.pulls("alice", "alice/sample-shop") == [(1, task_of(task_id).work_branch, "draft")], "its tests fail"
    with db.transaction() as session:
        addresses = [*session.exec(select(PullRequest.url)), *session.exec(select(Repository.clone_url))]
    assert len(addresses) > 1 and all(one.startswith(f"{hub.url}/") for one in addresses)


def test_its_webhooks_are_believed_by_the_secret_that_was_set(hub: LocalHub, server: ScriptedModelServer) -> None:
    body = b'{"zen": "Design for failure."}'
    signature = sign(hub.webhook_secret, body)
    headers = {"X-GitHub-Event": "ping", "X-GitHub-Delivery": str(uuid4()), "X-Hub-Signature-256": signature}
    with TestClient(app, base_url=get_settings().origin) as door:
        headers["Content-Type"] = "application/json"
        assert door.post("/api/webhooks/github", content=body, headers=headers).status_code == 202
        headers["X-GitHub-Delivery"], headers["X-GitHub-Enterprise-Host"] = str(uuid4()), "127.0.0.1"
        assert door.post("/api/webhooks/github", content=body, headers=headers).status_code == 202
