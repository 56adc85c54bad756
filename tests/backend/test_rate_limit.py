"""So many in so much time, told to the second; and what happens where nobody counts."""

import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from backend import db, rate_limit
from backend.api.app import app
from backend.errors import TooMany, Unavailable
from backend.rate_limit import Rule, Standing
from backend.services import api_tokens, tasks
from backend.services.api_tokens import Scope
from backend.settings import get_settings
from backend.words import Priority, TaskType
from tests.conftest import People
from tests.ports import free_port_pair

TWO = Rule("two", "things", 2, 60)
USER = "/api/auth/user"


@pytest.fixture
def client(people: People) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://127.0.0.1:3000", follow_redirects=False) as client:
        yield client


@pytest.fixture
def no_redis(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port_pair()}/0")
    get_settings.cache_clear()


def token(people: People) -> dict[str, str]:
    with db.transaction() as session:
        return {"Authorization": f"Bearer {api_tokens.create(session, people.alice, 'test', Scope.WRITE, 30)[1]}"}


def test_who_waits_as_long_as_was_said_finds_a_place_and_not_before(
    database: str, environment: pytest.MonkeyPatch
) -> None:
    now = [time.time()]
    environment.setattr(time, "time", lambda: now[0])
    assert rate_limit.take(TWO, "a") == Standing(2, 1, 60)
    now[0] += 20.5
    assert rate_limit.take(TWO, "a") == Standing(2, 0, 40), "39.5 s, rounded up"
    with pytest.raises(TooMany, match="2 things in a minute are the limit; there is a place again in 40 s") as refused:
        rate_limit.take(TWO, "a")
    assert refused.value.retry_after == 40 and refused.value.headers["RateLimit-Reset"] == "40"
    assert rate_limit.take(TWO, "b") == Standing(2, 1, 60), "of somebody else's nothing is taken"
    now[0] += 39
    with pytest.raises(TooMany, match="in 1 s"):
        rate_limit.take(TWO, "a")
    now[0] += 1
    assert rate_limit.take(TWO, "a") == Standing(2, 0, 20), "one place alone: the window moves"


def test_with_redis_away_only_what_is_closed_refuses(database: str, no_redis: None) -> None:
    assert rate_limit.take(TWO, "a") is None
    with pytest.raises(Unavailable):
        rate_limit.take(rate_limit.SIGN_INS, "127.0.0.1")


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # nobody but our own proxy is believed
        ("127.0.0.1", "198.51.100.1, 198.51.100.2", "198.51.100.2"),  # the last is what it saw itself
        ("127.0.0.1", "nonsense", "unknown"),
        ("2001:db8:1:2:3::4", None, "2001:db8:1:2::"),
        ("::ffff:203.0.113.9", None, "203.0.113.9"),
        ("", None, "unknown"),
        (None, "198.51.100.7", "198.51.100.7"),
    ],
)
def test_an_address_is_the_one_that_cannot_be_made_up(peer: str | None, forwarded: str | None, expected: str) -> None:
    assert rate_limit.address(peer, forwarded) == expected


def test_the_api_says_where_a_token_stands_and_when_to_come_again(
    people: People, client: TestClient, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("ASYNCCODER_API_REQUESTS", "2")
    get_settings.cache_clear()
    mine, other = token(people), token(people)
    first = client.get(USER, headers=mine)
    assert (first.headers["ratelimit-limit"], first.headers["ratelimit-remaining"]) == ("2", "1")
    assert client.get(f"/api/tasks/{uuid4()}", headers=mine).headers["ratelimit-remaining"] == "0", "of refusals too"
    refused = client.get(USER, headers=mine)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert refused.headers["retry-after"] == refused.headers["ratelimit-reset"]
    assert 58 <= int(refused.headers["retry-after"]) <= 60 and refused.headers["ratelimit-remaining"] == "0"
    assert client.get(USER, headers=other).status_code == 200


def test_changes_are_counted_by_person_whichever_token(
    people: People, client: TestClient, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(rate_limit, "CHANGES", Rule("few", "changes", 1, 60))
    change = {"preferences": {"priority": "high"}}
    assert client.put(USER, headers=token(people), json=change).status_code == 200
    assert client.put(USER, headers=token(people), json=change).status_code == 429
    assert client.get(USER, headers=token(people)).status_code == 200


def test_strangers_are_counted_by_address(people: People, client: TestClient, environment: pytest.MonkeyPatch) -> None:
    environment.setattr(rate_limit, "STRANGERS", Rule("few-strangers", "strangers", 1, 60))
    assert client.get(USER).status_code == 401
    assert client.get(USER, headers={"Authorization": "Bearer acd_x"}).status_code == 429
    assert client.get(USER, headers=token(people)).status_code == 200, "a good token is no stranger's"


def test_too_many_sign_ins_from_an_address_are_refused_on_a_page_of_ours(
    people: People, client: TestClient, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(rate_limit, "SIGN_INS", Rule("few-sign-ins", "sign-ins", 1, 60))
    assert client.get("/auth/callback").status_code == 422
    refused = client.get("/auth/callback")
    assert refused.status_code == 429 and refused.headers["retry-after"] and "Sign-in did not work" in refused.text


def test_new_tasks_are_counted_by_person_at_every_door(people: People, environment: pytest.MonkeyPatch) -> None:
    environment.setattr(rate_limit, "CREATIONS", Rule("no-tasks", "new tasks", 1, 3600, is_closed=True))
    rate_limit.take(rate_limit.CREATIONS, people.alice.id)
    draft = tasks.Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Fix it")
    with pytest.raises(TooMany, match="1 new tasks in an hour"):
        tasks.send(people.alice.id, draft)


def test_with_redis_away_reads_pass_and_sign_in_and_new_tasks_wait(
    people: People, client: TestClient, no_redis: None, environment: pytest.MonkeyPatch
) -> None:
    mine = token(people)
    environment.setenv("ASYNCCODER_API_REQUESTS", "600")
    get_settings.cache_clear()
    read = client.get(USER, headers=mine)
    assert read.status_code == 200 and "ratelimit-limit" not in read.headers
    assert client.get(USER).status_code == 401
    given = {"repository_id": str(people.sample), "prompt": "Fix it", "type": "debug", "model_id": str(people.model)}
    waits = client.post("/api/tasks", headers=mine, json=given)
    assert (waits.status_code, waits.json()["code"]) == (503, "unavailable") and waits.headers["retry-after"]
    assert client.get("/auth/callback").status_code == 503
