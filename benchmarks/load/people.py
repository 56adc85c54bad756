"""Enough people for a hundred runs, each of whom may have eight at once, all with what alice may do on the hub."""

import concurrent.futures
import math
import time
from dataclasses import dataclass
from uuid import UUID

import httpx
from sqlalchemy import text
from sqlmodel import select

from backend import db
from backend.github.types import Profile, Token
from backend.models import AiModel, Repository
from backend.services import admin, api_tokens, auth, repository_syncs
from backend.services.api_tokens import Scope
from backend.words import TaskType, Tier
from benchmarks.load.model import MARK
from tests.up import Up

WHERE = "alice/sample-shop"
CREDITS = 100_000
SECONDS_TO_SYNC = 60
_PRICE = 100_000  # micro-dollars for a million tokens: without one a model cannot be chosen
_SCOPES = ("repo", "read:org", "user:email")


@dataclass(frozen=True)
class Wish:
    """Where the tasks go, and the tokens of those who send them."""

    repository_id: UUID
    model_id: UUID
    bearers: list[str]


def move_in(up: Up, runs: int) -> Wish:
    """Signs them in, rich and on the highest tier, and waits until they may work on the repository."""
    count = math.ceil(runs / Tier.ENTERPRISE.concurrency)
    bearers = [_move_in(up, number) for number in range(count)]
    up.wait(lambda: _with_access() == count, SECONDS_TO_SYNC, "everybody's repositories")
    with db.transaction() as session:
        where = session.exec(select(Repository.id).where(Repository.full_name == WHERE)).one()
        model = session.exec(select(AiModel).where(AiModel.provider == "compatible")).one()
        model.input_price = model.output_price = model.cache_read_price = model.cache_write_price = _PRICE
        return Wish(where, model.id, bearers)


def submit(up: Up, wish: Wish, runs: int) -> dict[int, float]:
    """Sends so many tasks at once over HTTP; when each was sent, on the monotonic clock."""
    with httpx.Client(base_url=up.origin, timeout=60, trust_env=False) as http:

        def send(number: int) -> tuple[int, float]:
            draft = {
                "repository_id": str(wish.repository_id),
                "model_id": str(wish.model_id),
                "type": TaskType.ASYNC,
                "prompt": f"{MARK} {number}: write down what you find.",
            }
            bearer = wish.bearers[number % len(wish.bearers)]
            sent = time.monotonic()
            answer = http.post("/api/tasks", json=draft, headers={"Authorization": f"Bearer {bearer}"})
            if answer.is_error:
                raise SystemExit(f"  a task was refused: {answer.text}")
            return number, sent

        with concurrent.futures.ThreadPoolExecutor(runs) as threads:
            return dict(threads.map(send, range(runs)))


def _move_in(up: Up, number: int) -> str:
    token = Token(up.control("token", {"login": "alice"})["token"], None, None, _SCOPES)
    login = f"person-{number}"
    with db.transaction() as session:
        user, _ = auth.sign_in(session, Profile(50_000 + number, login, None, None, None), token, "load")
        repository_syncs.ask(session, user.id)
        admin.grant(session, login, CREDITS, "For the load")
        session.execute(text("UPDATE users SET subscription_tier = 'enterprise' WHERE id = :id"), {"id": user.id})
        return api_tokens.create(session, user, "load", Scope.WRITE, 30)[1]


def _with_access() -> int:
    with db.transaction() as session:
        query = (
            "SELECT count(*) FROM user_repository_access a JOIN repositories r ON r.id = a.repository_id"
            " JOIN users u ON u.id = a.user_id WHERE r.full_name = :name AND u.username LIKE 'person-%'"
        )
        return int(session.execute(text(query), {"name": WHERE}).scalar_one())
