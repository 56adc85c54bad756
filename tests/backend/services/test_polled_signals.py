"""After an outage of webhooks the poller brings a pull request's checks, reviews and conflict, and asks for no more."""

from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select

from backend import db
from backend.models import PullRequest
from backend.services import pull_requests, pull_signals
from tests.backend.services.test_polling import open_pull
from tests.conftest import People
from tests.hub import LocalHub, push_change

SHOP = "alice/sample-shop"


@pytest.fixture
def pull(connected: People, hub: LocalHub) -> UUID:
    """Alice's open pull request on the hub, with webhooks off, as a row that was never polled."""
    hub.set_webhooks(False)
    alice = hub.as_person("alice")
    push_change(alice.clone_url(SHOP), "README.md", lambda text: f"# Till\n{text}", "fix", "origin/main")
    made = alice.ask("POST", f"/repos/{SHOP}/pulls", {"title": "Fix", "head": "fix", "base": "main"}).json()
    pull_id = open_pull(connected, connected.alice, 1)
    with db.transaction() as session:
        row = session.get_one(PullRequest, pull_id)
        row.github_pr_id, row.pr_number = made["id"], made["number"]
    return pull_id


def polled(pull_id: UUID) -> PullRequest:
    with db.transaction() as session:
        row = session.get_one(PullRequest, pull_id)
        row.polled_at = None
        session.add(row)
    pull_requests.poll()
    with db.transaction() as session:
        return session.exec(select(PullRequest).where(PullRequest.id == pull_id)).one()


def play(hub: LocalHub, pull: PullRequest, what: str, **more: Any) -> None:
    wish = {"repository": SHOP, "number": pull.pr_number, "what": what} | more
    hub.http.post("/_control/play", json=wish).raise_for_status()


def test_the_poller_brings_what_webhooks_would_have_and_asks_conditionally(pull: UUID, hub: LocalHub) -> None:
    now = polled(pull)
    assert (now.is_mergeable, now.checks_state, now.review_state) == (True, None, None)
    play(hub, now, "check", name="tests", conclusion="failure")
    play(hub, now, "check", name="lint", conclusion=None)
    play(hub, now, "request_changes")
    now = polled(pull)
    assert (now.checks_state, now.review_state) == ("failure", "changes_requested")
    assert pull_signals.summary(now).failing == ("tests",) and pull_signals.summary(now).pending == 1
    play(hub, now, "check", name="tests", conclusion="success")
    play(hub, now, "check", name="lint", conclusion="success")
    play(hub, now, "approve")
    play(hub, now, "conflict")
    now = polled(pull)
    assert (now.checks_state, now.review_state, now.is_mergeable) == ("success", "approved", False)
    before = _remaining(hub)
    polled(pull)
    assert _remaining(hub) == before - 1, "three answers of 304 cost nothing; the question itself costs one"


def _remaining(hub: LocalHub) -> int:
    return int(hub.as_person("alice").get("/user").headers["x-ratelimit-remaining"])
