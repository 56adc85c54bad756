"""What creates does so once for each key, whoever sends it how often, and whatever dies between."""

import threading
from typing import Any
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlmodel import Session

from backend import db
from backend.api.once import Creation
from backend.api.schemas.base import Shown
from backend.services import admin, idempotency, sealing
from backend.services.idempotency import Claim
from backend.settings import get_settings
from jobs.tasks import remove_old_idempotency_keys
from tests.backend.api.conftest import Calling
from tests.conftest import People

TOKEN = {"name": "ci", "scope": "read", "days": 30}


def key(text: str = "k-1") -> dict[str, str]:
    return {"Idempotency-Key": text}


def count(table: str) -> int:
    with db.transaction() as session:
        return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_a_task_sent_twice_with_a_key_is_one_and_is_answered_alike(connected: People, alice: TestClient) -> None:
    body = {"repository_id": str(connected.sample), "prompt": "Fix it"}
    first, second = (alice.post("/api/tasks", json=body, headers=key()) for _ in range(2))
    assert (first.status_code, second.status_code, count("tasks")) == (201, 201, 1)
    assert first.json() == second.json() and first.headers["location"] == second.headers["location"]
    assert "idempotency-replayed" not in first.headers and second.headers["idempotency-replayed"] == "true"
    turned = {"prompt": "Fix it", "repository_id": str(connected.sample)}
    assert alice.post("/api/tasks", json=turned, headers=key()).json() == first.json(), "the order says nothing"
    other = alice.post("/api/tasks", json={**body, "prompt": "Break it"}, headers=key())
    assert (other.status_code, other.json()["code"], count("tasks")) == (409, "conflict", 1)
    url = f"{first.headers['location']}/follow-ups"
    said = [alice.post(url, json={"text": "More"}, headers=key()).json() for _ in range(2)]
    assert said[0] == said[1] and count("task_messages") == 1, "the same key elsewhere is another request"


def test_a_key_is_its_persons_alone(calling: Calling, alice: TestClient) -> None:
    made = [client.post("/api/tokens", json=TOKEN, headers=key()).json()["token"] for client in (alice, calling("bob"))]
    assert len(set(made)) == 2
    assert len({alice.post("/api/tokens", json=TOKEN).json()["token"] for _ in range(2)}) == 2, "without one, each time"


def test_a_refusal_is_not_kept(connected: People, alice: TestClient) -> None:
    body = {"repository_id": str(connected.sample), "prompt": "Fix it"}
    with db.transaction() as session:
        session.execute(text("UPDATE users SET credits = 0"))
    assert alice.post("/api/tasks", json=body, headers=key()).status_code == 402
    with db.transaction() as session:
        session.execute(text("UPDATE users SET credits = 100"))
    assert alice.post("/api/tasks", json=body, headers=key()).status_code == 201


def test_while_the_first_is_at_it_the_second_is_asked_to_wait(people: People, alice: TestClient) -> None:
    claim = Claim(people.alice.id, "POST /api/tokens", "k-1", "")
    with db.transaction() as session:
        assert idempotency.begin(session, claim) is None
        answer = alice.post("/api/tokens", json=TOKEN, headers=key())
        assert (answer.status_code, answer.json()["code"]) == (409, "still_running")
        assert answer.headers["retry-after"] == "1"
    assert alice.post("/api/tokens", json=TOKEN, headers=key()).status_code == 201


def test_of_many_at_once_one_creates(alice: TestClient) -> None:
    answers: list[Any] = []

    def send() -> None:
        answers.append(alice.post("/api/tokens", json=TOKEN, headers=key()))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count("api_tokens") == 2, "the caller's own, and one more"
    assert {one.status_code for one in answers} <= {201, 409}
    assert len({one.json()["token"] for one in answers if one.status_code == 201}) == 1


def test_whoever_dies_between_leaves_neither_the_thing_nor_its_key(people: People) -> None:
    creation = Creation(Claim(people.alice.id, "POST /x", "k", ""))

    def die(session: Session) -> tuple[Shown, None]:
        admin.grant(session, "alice", 5, "never")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        creation.make(die)
    assert (count("idempotency_keys"), count("credit_transactions")) == (0, 3)


def test_an_answer_is_kept_sealed_resealed_and_forgotten_after_a_day(
    people: People, alice: TestClient, environment: pytest.MonkeyPatch
) -> None:
    first = alice.post("/api/tokens", json=TOKEN, headers=key()).json()
    with db.transaction() as session:
        kept = str(session.execute(text("SELECT * FROM idempotency_keys")).all())
        assert first["token"] not in kept
    file = get_settings().data_dir / "keys" / "secret-key"
    before = file.read_text().strip()
    file.write_text(f"{Fernet.generate_key().decode()}\n{before}")
    assert sealing.seal_again(get_settings()) == 4  # three tokens of GitHub's, and this
    file.write_text(file.read_text().split()[0])
    assert alice.post("/api/tokens", json=TOKEN, headers=key()).json() == first
    with db.transaction() as session:
        assert not idempotency.has_old(session)
        session.execute(text("UPDATE idempotency_keys SET created_at = now() - interval '24 h'"))
    assert alice.post("/api/tokens", json=TOKEN, headers=key()).json()["token"] != first["token"]
    with db.transaction() as session:
        session.execute(text("UPDATE idempotency_keys SET created_at = now() - interval '24 h'"))
        assert idempotency.has_old(session)
    remove_old_idempotency_keys()
    assert count("idempotency_keys") == 0


def test_a_key_is_a_line_of_plain_characters(alice: TestClient) -> None:
    for wrong in ("", "a b", "é", "x" * 256):
        headers = [(b"idempotency-key", wrong.encode("latin-1"))]
        answer = alice.post("/api/tokens", json=TOKEN, headers=headers)
        assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")
    twice = [(b"idempotency-key", b"a"), (b"idempotency-key", b"b")]
    assert alice.post("/api/tokens", json=TOKEN, headers=twice).status_code == 422
    assert alice.post("/api/tokens", json=TOKEN, headers=key(str(uuid4()))).status_code == 201
