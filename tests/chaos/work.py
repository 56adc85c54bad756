"""Two people who send many tasks and ask again until each was taken."""

import random
import time
from dataclasses import dataclass
from uuid import UUID

import httpx
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import select

from backend import db
from backend.errors import Unavailable
from backend.github.client import GitHub
from backend.github.types import Token
from backend.models import AiModel, Repository, User, UserRepositoryAccess
from backend.services import admin, api_tokens, auth, repository_syncs, tasks
from backend.services.api_tokens import Scope
from backend.settings import get_settings
from backend.words import Priority, TaskType
from tests.chaos.house import House

WHERE = "acme/shop"
BEGINNING = "A storm of cents"  # of each task's words
CREDITS = 1_000_000
# Of ten tasks: the types that end with a pull request and those that end with words.
MIX = (TaskType.DEBUG,) * 6 + (TaskType.DOCUMENTATION, TaskType.ASK, TaskType.ASK, TaskType.ARCHITECT)
_OVER_HTTP = 100  # of a person: the limit of an hour is 120
_SECONDS_TO_SYNC = 60


@dataclass(frozen=True)
class Person:
    """Somebody with credits, a token of the API, and the ids that a task needs."""

    id: UUID
    token: str


def move_in(house: House, login: str, *, is_rich: bool = True) -> Person:
    """Signs somebody in with their repositories; who is rich is on the highest tier and has credits enough."""
    token = Token(house.up.control("token", {"login": login})["token"], None, None, ("repo", "read:org", "user:email"))
    with GitHub(get_settings().github_api_url, token.access_token) as github:
        profile = github.me()
    with db.transaction() as session:
        user, _ = auth.sign_in(session, profile, token, "chaos")
        repository_syncs.ask(session, user.id)
        if is_rich:
            admin.grant(session, login, CREDITS, "For the storm")
            session.execute(text("UPDATE users SET subscription_tier = 'enterprise' WHERE id = :id"), {"id": user.id})
        bearer = api_tokens.create(session, user, "chaos", Scope.WRITE, 30)[1]
    house.up.wait(lambda: _reaches(user.id), _SECONDS_TO_SYNC, f"{login}'s repositories")
    return Person(user.id, bearer)


class Sender:
    """Sends the tasks one by one, each under a key of its own, until it was taken; what was taken is `accepted`."""

    def __init__(self, house: House, people: list[Person], count: int, seed: int) -> None:
        self._people = people
        chance = random.Random(seed)
        self._types = [chance.choice(MIX) for _ in range(count)]
        self._http = httpx.Client(base_url=house.up.origin, timeout=10, trust_env=False)
        with db.transaction() as session:
            self._model = session.exec(select(AiModel.id).where(AiModel.provider == "demo")).one()
        self._where = _repository()
        self.accepted: dict[int, UUID] = {}
        self.error: Exception | None = None  # what no further try would mend

    def work(self) -> None:
        """Sends all of them, however often it takes; a refusal that no outage explains ends it."""
        try:
            for number, task_type in enumerate(self._types):
                self.accepted[number] = self._until_taken(number, task_type)
        except Exception as error:
            self.error = error

    def _until_taken(self, number: int, task_type: TaskType) -> UUID:
        while True:
            try:
                return self._send(number, task_type)
            except httpx.HTTPStatusError as error:
                if not (error.response.is_server_error or error.response.status_code == 409):  # in work just now
                    raise RuntimeError(f"{error}: {error.response.text}") from error
            except (httpx.TransportError, SQLAlchemyError, Unavailable):
                pass
            time.sleep(0.5)

    def _send(self, number: int, task_type: TaskType) -> UUID:
        person = self._people[number % len(self._people)]
        key, prompt = f"chaos-{number}", f"{BEGINNING}, for the {number}th time. Look into it."
        assert self._where is not None
        if number // len(self._people) >= _OVER_HTTP:
            usual = (self._where, "main", None, self._model, task_type, Priority.MEDIUM, prompt)
            with db.transaction() as session:
                return tasks.submit(session, session.get_one(User, person.id), tasks.Draft(*usual), key=key).id
        wish = {"repository_id": str(self._where), "prompt": prompt, "type": task_type, "model_id": str(self._model)}
        headers = {"Authorization": f"Bearer {person.token}", "Idempotency-Key": key}
        answer = self._http.post("/api/tasks", json=wish, headers=headers)
        answer.raise_for_status()
        return UUID(answer.json()["id"])


def _reaches(user_id: UUID) -> bool:
    """Whether the sync has come to the repository; that it is there may be somebody else's doing."""
    with db.transaction() as session:
        named = select(UserRepositoryAccess.user_id).join(Repository).where(Repository.full_name == WHERE)
        return user_id in session.exec(named).all()


def _repository() -> UUID | None:
    with db.transaction() as session:
        return session.exec(select(Repository.id).where(Repository.full_name == WHERE)).first()
