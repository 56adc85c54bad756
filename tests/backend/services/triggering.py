"""Issues of the local hub, and its webhooks as they come to us, told as often as a test likes."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlmodel import select

from backend import db
from backend.models import Task, Trigger
from backend.services import deliveries, trigger_comments
from tests.backend.services import road
from tests.hub import LocalHub
from tests.rows import pull_request

SHOP = "alice/sample-shop"
Delivery = tuple[str, dict[str, Any]]


@dataclass
class Talk:
    """The hub, where people write and label, and what we make of it."""

    hub: LocalHub
    heard: int = 0
    people: dict[str, UUID] = field(default_factory=dict)

    def say(self, login: str, number: int, body: str, where: str = SHOP) -> int:
        """A comment; GitHub's id of it."""
        made = self.hub.as_person(login).ask("POST", f"/repos/{where}/issues/{number}/comments", {"body": body})
        assert made.status_code == 201, made.text
        return int(made.json()["id"])

    def label(self, login: str, number: int, name: str = "asynccoder", where: str = SHOP) -> None:
        """Puts a label on."""
        path = f"/repos/{where}/issues/{number}/labels"
        assert self.hub.as_person(login).ask("POST", path, {"labels": [name]}).status_code == 200

    def unlabel(self, login: str, number: int, name: str = "asynccoder", where: str = SHOP) -> None:
        """Takes it off."""
        path = f"/repos/{where}/issues/{number}/labels/{name}"
        assert self.hub.as_person(login).ask("DELETE", path).status_code == 200

    def told(self) -> list[Delivery]:
        """What the hub has to tell since the last time."""
        with sqlite3.connect(self.hub.data_dir / "hub" / "hub.sqlite3") as file:
            query = "SELECT id, event, payload FROM delivery WHERE id > ? ORDER BY id"
            rows = file.execute(query, (self.heard,)).fetchall()
        self.heard = max([self.heard, *(row[0] for row in rows)])
        return [(event, json.loads(payload)) for _, event, payload in rows]

    def hear(self, told: Sequence[Delivery] | None = None) -> None:
        """Takes the deliveries in and applies them; nothing is begun yet."""
        for event, payload in self.told() if told is None else told:
            with db.transaction() as session:
                deliveries.store(session, str(uuid4()), event, payload)
        deliveries.apply_all()
        with db.transaction() as session:
            assert session.execute(text("SELECT error FROM webhook_deliveries WHERE error IS NOT NULL")).all() == []

    def answer(self) -> None:
        """The chore, once what waits is due."""
        with db.transaction() as session:
            session.execute(text("UPDATE triggers SET next_at = now()"))
        trigger_comments.answer_all()

    def go(self) -> list[Task]:
        """All of it: hears, begins and tells. The tasks that there are."""
        self.hear()
        self.answer()
        return tasks()

    def comments(self, number: int, where: str = SHOP, login: str = "alice") -> list[dict[str, Any]]:
        """Those of ours."""
        found = self.hub.as_person(login).get(f"/repos/{where}/issues/{number}/comments?per_page=100").json()
        return [one for one in found if one["body"].startswith("<!-- asynccoder:")]


@pytest.fixture
def talk(hub: LocalHub, alice: UUID) -> Talk:
    """Alice is signed in here; what the hub told before does not count."""
    made = Talk(hub, people={"alice": alice})
    made.told()
    return made


def tasks() -> list[Task]:
    """All tasks, the oldest first."""
    with db.transaction() as session:
        return list(session.exec(select(Task).order_by(text("created_at"))))


def rows() -> list[Trigger]:
    """All triggers, the oldest first."""
    with db.transaction() as session:
        return list(session.exec(select(Trigger).order_by(text("created_at"))))


def with_pull(user_id: UUID, number: int = 13, where: str = SHOP) -> UUID:
    """A task of that person's that has made the pull request, and ended."""
    task_id = road.submit(user_id, where)
    with db.transaction() as session:
        ended = "UPDATE task_runs SET status = 'completed', phase = 'ended' WHERE task_id = :id"
        session.execute(text(ended), {"id": task_id})
        session.add(pull_request(session.get_one(Task, task_id), number, title="Coupons", source_branch="coupons"))
    return task_id
