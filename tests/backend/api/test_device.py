"""A program's sign-in by a code: each of the RFC's answers, once, and nothing for who guesses."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from backend import clock, db, rate_limit
from backend.api.app import app
from backend.api.routes.device import GRANT
from backend.errors import Conflict, NotFound
from backend.models import User
from backend.rate_limit import Rule
from backend.services import api_tokens, device_grants
from backend.services.api_tokens import Scope
from backend.settings import get_settings
from tests.conftest import People


@pytest.fixture
def client(people: People, environment: pytest.MonkeyPatch) -> TestClient:
    environment.setattr(device_grants, "INTERVAL", 0)
    return TestClient(app, base_url=get_settings().origin)


def begun(client: TestClient, **given: str) -> dict[str, str]:
    answer = client.post("/auth/device/code", data={"client_name": "asynccoder on box", **given})
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    told: dict[str, str] = answer.json()
    return told


def polled(client: TestClient, device_code: str, **given: str) -> tuple[int, dict[str, Any]]:
    answer = client.post("/auth/device/token", data={"grant_type": GRANT, "device_code": device_code, **given})
    return answer.status_code, answer.json()


def decide(people: People, code: str, *, allow: bool) -> None:
    with db.transaction() as session:
        device_grants.answer(session, session.get_one(User, people.alice.id), code, allow=allow)


def test_a_confirmed_program_gets_its_token_once(people: People, client: TestClient) -> None:
    told = begun(client)
    assert told["verification_uri"] == f"{get_settings().origin}/device"
    assert told["verification_uri_complete"].endswith(f"?code={told['user_code']}")
    assert polled(client, told["device_code"]) == (400, {"error": "authorization_pending"})
    with db.transaction() as session:
        asking = device_grants.asking(session, told["user_code"].lower().replace("-", " "))
    assert (asking.name, asking.scope, asking.user_code) == ("asynccoder on box", Scope.WRITE, told["user_code"])
    decide(people, told["user_code"], allow=True)
    status, granted = polled(client, told["device_code"])
    assert (status, granted["token_type"], granted["scope"], granted["expires_in"]) == (
        200,
        "Bearer",
        "write",
        7_776_000,
    )
    mine = client.get("/api/auth/user", headers={"Authorization": f"Bearer {granted['access_token']}"}).json()
    assert mine["username"] == "alice"
    assert polled(client, told["device_code"]) == (400, {"error": "invalid_grant"})
    with db.transaction() as session:
        assert [row.name for row in api_tokens.listing(session, people.alice)] == ["asynccoder on box"]
        stored = str(session.execute(text("SELECT device_grants.*::text FROM device_grants")).all())
    assert told["device_code"] not in stored and granted["access_token"] not in stored


def test_who_is_refused_late_too_quick_or_nobody_is_told_so(
    people: People, client: TestClient, environment: pytest.MonkeyPatch
) -> None:
    refused, late, quick = begun(client), begun(client), begun(client, scope="read")
    decide(people, refused["user_code"], allow=False)
    assert polled(client, refused["device_code"]) == (400, {"error": "access_denied"})
    assert polled(client, "guessed") == (400, {"error": "invalid_grant"})
    assert polled(client, late["device_code"], grant_type="password") == (400, {"error": "unsupported_grant_type"})
    with db.transaction() as session:
        session.execute(text("UPDATE device_grants SET interval = 5"))
    assert polled(client, quick["device_code"])[1] == {"error": "authorization_pending"}
    assert polled(client, quick["device_code"])[1] == {"error": "slow_down"}
    with db.transaction() as session:
        assert session.execute(text("SELECT max(interval) FROM device_grants")).scalar_one() == 10
    then = clock.now() + timedelta(seconds=device_grants.SECONDS + 1)
    environment.setattr(clock, "now", lambda: then)
    assert polled(client, late["device_code"]) == (400, {"error": "expired_token"})
    with pytest.raises(NotFound), db.transaction() as session:
        device_grants.asking(session, late["user_code"])


def test_a_question_is_answered_once_and_by_who_has_room_for_a_token(people: People, client: TestClient) -> None:
    told = begun(client)
    decide(people, told["user_code"], allow=True)
    with pytest.raises(NotFound):
        decide(people, told["user_code"], allow=False)
    full = begun(client)
    with db.transaction() as session:
        for number in range(api_tokens.MOST):
            api_tokens.create(session, people.alice, str(number), Scope.READ, 30)
    with pytest.raises(Conflict, match="Revoke one"):
        decide(people, full["user_code"], allow=True)
    assert polled(client, told["device_code"]) == (400, {"error": "access_denied"}), "the room was taken meanwhile"


@pytest.mark.parametrize("scope", ["admin", "all", "read write"])
def test_a_scope_that_no_program_may_ask_for_is_refused_in_the_rfcs_words(client: TestClient, scope: str) -> None:
    answer = client.post("/auth/device/code", data={"scope": scope})
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_scope"})


def test_a_name_of_any_length_is_not_read(client: TestClient) -> None:
    assert client.post("/auth/device/code", data={"client_name": "x" * 20_000}).status_code == 413


def test_a_programs_name_is_one_line_and_codes_are_counted_by_address(
    people: People, client: TestClient, environment: pytest.MonkeyPatch
) -> None:
    told = begun(client, client_name="  a\nb\x00c\u202e <b>  " + "x" * 100)
    with db.transaction() as session:
        name = device_grants.asking(session, told["user_code"]).name
    assert name.startswith("a b c <b> xxx") and len(name) <= 60
    environment.setattr(rate_limit, "DEVICES", Rule("few", "programs", 1, 60, is_closed=True))
    begun(client)
    assert client.post("/auth/device/code").status_code == 429


def test_a_disabled_person_gives_no_token(people: People, client: TestClient) -> None:
    told = begun(client)
    decide(people, told["user_code"], allow=True)
    with db.transaction() as session:
        session.execute(text("UPDATE users SET disabled_at = now()"))
    assert polled(client, told["device_code"]) == (400, {"error": "access_denied"})
