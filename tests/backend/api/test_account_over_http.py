"""What else a token reaches: repositories, models, credits, tokens, and GitHub connected again."""

from urllib.parse import urlencode

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from backend import db
from backend.api.app import app
from backend.models import User
from backend.services import repository_syncs
from backend.services.api_tokens import Scope
from backend.settings import get_settings
from tests.auditing import rows
from tests.backend.api.conftest import Calling
from tests.conftest import People
from tests.hub import LocalHub
from tests.syncing import sync


def is_connected(login: str) -> bool:
    with db.transaction() as session:
        statement = "SELECT is_github_connected FROM users WHERE username = :login"
        return bool(session.execute(text(statement), {"login": login}).scalar_one())


def test_a_sync_is_begun_and_followed(connected: People, alice: TestClient) -> None:
    assert alice.get("/api/repositories/sync").json()["state"] == "idle"
    begun = alice.post("/api/repositories/sync")
    assert (begun.status_code, begun.json()["state"]) == (202, "waiting")
    assert alice.post("/api/repositories/sync").status_code == 202, "asked twice is once"
    repository_syncs.work_all()
    told = alice.get(begun.headers["location"]).json()
    assert (told["state"], told["pages"], told["found"] > 0, told["until"]) == ("done", 1, True, None)
    names = [one["full_name"] for one in alice.get("/api/repositories?limit=100").json()["items"]]
    assert "alice/sample-shop" in names and names == sorted(names, key=str.lower)


def test_a_sync_that_github_refuses_says_why(people: People, alice: TestClient) -> None:
    with db.transaction() as session:
        session.execute(text("UPDATE users SET is_github_connected = false"))
    alice.post("/api/repositories/sync")
    repository_syncs.work_all()
    told = alice.get("/api/repositories/sync").json()
    assert (told["state"], told["needs_reconnect"]) == ("failed", True) and "connected" in told["detail"]
    answer = alice.get(f"/api/repositories/{people.sample}/branches")
    assert (answer.status_code, answer.json()["code"]) == (403, "github_unauthorized")


def test_branches_come_in_slices_the_default_one_first(connected: People, alice: TestClient) -> None:
    sync(connected.alice.id)
    sample = alice.get("/api/repositories?q=sample-shop").json()["items"][0]["id"]
    url, names = f"/api/repositories/{sample}/branches?limit=1", []
    while url:
        answer = alice.get(url)
        names += [one["name"] for one in answer.json()["items"]]
        url = answer.links.get("next", {}).get("url", "")
    assert names[0] == "main" and len(names) == len(set(names))
    assert names == [one["name"] for one in alice.get(f"/api/repositories/{sample}/branches").json()["items"]]


def test_a_repositorys_settings_are_its_admins(people: People, alice: TestClient) -> None:
    url = f"/api/repositories/{people.sample}/settings"
    told = alice.put(url, json={"test_command": "pytest -q", "draft_policy": "draft"}).json()
    assert told == alice.get(url).json() and (told["test_command"], told["draft_policy"]) == ("pytest -q", "draft")
    assert (told["trigger_label"], told["takes_mentions"]) == ("asynccoder", True)
    told = alice.put(url, json={"trigger_label": "", "takes_mentions": False}).json()
    assert (told["trigger_label"], told["takes_mentions"], told["opinion_model_id"]) == ("", False, None)
    assert alice.put(url, json={"opinion_model_id": str(people.model)}).json()["opinion_model_id"] == str(people.model)
    assert alice.put(url, json={"opinion_model_id": str(people.sample)}).json()["field"] == "model_id"
    assert alice.put(url, json={"trigger_label": "x" * 51}).json()["field"] == "trigger_label"
    answer = alice.put(url, json={"test_command": "a\nb"})
    assert (answer.status_code, answer.json()["field"]) == (422, "test_command")
    other = f"/api/repositories/{people.shop}/settings"
    assert alice.put(other, json={}).status_code == 403 and alice.get(other).json()["can_change"] is False


def test_models_credits_and_an_estimate(people: People, alice: TestClient) -> None:
    models = alice.get("/api/models").json()["items"]
    assert models[0]["id"] == str(people.model) and models[0]["is_available"]
    told = alice.get("/api/credits").json()
    assert (told["credits"], told["held"], told["available"], len(told["used_per_day"])) == (100, 0, 100, 30)
    ledger = alice.get("/api/credits/ledger").json()["items"]
    assert [(row["kind"], row["amount"]) for row in ledger] == [("bonus", 100)]
    estimate = alice.get(f"/api/credits/estimate?model_id={people.model}&type=debug&prompt_length=100").json()
    assert 0 < estimate["low"] <= estimate["high"] <= estimate["hold"]


def test_tokens_are_made_listed_and_revoked(calling: Calling, alice: TestClient) -> None:
    made = alice.post("/api/tokens", json={"name": "ci", "scope": "read", "days": 30}).json()
    listed = alice.get("/api/tokens").json()["items"]
    assert [one["name"] for one in listed] == ["ci", "test"] and "token" not in listed[0]
    bearer = {"Authorization": f"Bearer {made['token']}"}
    assert alice.get("/api/auth/user", headers=bearer).status_code == 200
    assert alice.post("/api/tokens", json={"name": "x"}, headers=bearer).status_code == 403
    assert alice.post("/api/tokens", json={"name": "x", "scope": "admin"}).status_code == 403
    assert calling("carol").delete(f"/api/tokens/{made['id']}").status_code == 404
    assert [alice.delete(f"/api/tokens/{made['id']}").status_code for _ in range(2)] == [204, 204]
    assert alice.get("/api/auth/user", headers=bearer).status_code == 401


@pytest.mark.parametrize(("login", "status", "connects"), [("alice", 200, True), ("bob", 403, False)])
def test_github_is_connected_again_in_any_browser_by_the_same_person_alone(
    people: People, hub: LocalHub, calling: Calling, login: str, status: int, connects: bool
) -> None:
    with db.transaction() as session:
        user = session.get_one(User, people.alice.id)
        user.is_github_connected = False
        user.github_id = _github_id(hub, "alice")
        session.add(user)
    told = calling(scope=Scope.WRITE).post("/api/auth/github/connect").json()
    assert told["expires_in"] == 600 and "verifier" not in told["authorize_url"]
    returned = hub.pick(told["authorize_url"], login)
    browser = TestClient(app, base_url=get_settings().origin, follow_redirects=False)
    answer = browser.get(f"/auth/callback?{urlencode(returned)}")
    assert (answer.status_code, is_connected("alice")) == (status, connects)
    assert get_settings().session_cookie not in answer.cookies, "nobody is signed in by it"
    assert browser.get(f"/auth/callback?{urlencode(returned)}").status_code >= 400, "a code works once"


def test_an_admin_gives_credits_with_a_token_for_it_and_nobody_else(people: People, calling: Calling) -> None:
    people.alice.role = "admin"
    with db.transaction() as session:
        session.execute(text("UPDATE users SET role = 'admin' WHERE username = 'alice'"))
    ops, given = calling(scope=Scope.ADMIN), {"credits": 500, "reason": "For the release"}
    assert [one["username"] for one in ops.get("/api/admin/people").json()["items"]] == ["alice", "bob", "carol"]
    told = ops.post("/api/admin/people/bob/credits", json=given)
    assert (told.status_code, told.json()["credits"]) == (201, 600)
    assert calling("bob").get("/api/credits/ledger").json()["items"][0]["description"] == "For the release (from alice)"
    for login in ("nobody", "%00"):
        assert ops.post(f"/api/admin/people/{login}/credits", json=given).status_code == 404
    for wrong in ({"credits": 0}, {"credits": True}, {"credits": 10**12}, {"reason": ""}, {"reason": "a\x00"}):
        assert ops.post("/api/admin/people/bob/credits", json={**given, **wrong}).status_code == 422
    for login in ("alice", "bob"):
        assert calling(login).get("/api/admin/people").status_code == 403, "writing is not enough"


def _github_id(hub: LocalHub, login: str) -> int:
    return int(hub.as_person(login).get("/user").json()["id"])


def test_whoever_github_names_and_we_do_not_let_in_is_written_down_with_their_address(
    people: People, hub: LocalHub, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("ASYNCCODER_ALLOWED_USERS", "alice")
    get_settings.cache_clear()
    browser = TestClient(app, base_url=get_settings().origin, follow_redirects=False, client=("203.0.113.5", 1))
    returned = hub.pick(browser.get("/auth/sign-in").headers["location"], "bob")
    assert browser.get(f"/auth/callback?{urlencode(returned)}").status_code == 403
    (row,) = rows()
    assert (row.act, row.login, row.address) == ("sign_in_refused", "bob", "203.0.113.5")
