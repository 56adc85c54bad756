"""Whoever may no longer be here gets nothing more done: their run at work pushes nothing, and keeps what it did."""

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import Session

from backend import clock, db
from backend.models import User
from backend.services import auth, credits, pull_requests
from backend.words import Failure, Status
from tests.backend.services.road import at_work, run_of, submit, work
from tests.hub import LocalHub


def disable(session: Session, user_id: UUID) -> None:
    session.get_one(User, user_id).disabled_at = clock.now()


@pytest.mark.parametrize("end", [disable, auth.shut_out])
def test_a_run_at_work_pushes_nothing_and_is_settled(
    hub: LocalHub, alice: UUID, end: Callable[[Session, UUID], None]
) -> None:
    def then() -> None:
        with db.transaction() as session:
            end(session, alice)

    task_id = at_work(alice, then)
    run = run_of(task_id)
    assert Status(run.status).is_end and run.outcome is None
    assert run.status == Status.CANCELLED or run.failure == Failure.ACCESS_LOST
    assert hub.pulls("alice", "alice/sample-shop") == []
    branches = [one["name"] for one in hub.as_person("alice").get("/repos/alice/sample-shop/branches").json()]
    assert not [one for one in branches if one.startswith("asynccoder/")]
    with db.transaction() as session:
        assert credits.unbalanced(session) == [] and session.get_one(User, alice).credits_held == 0


def test_what_waits_for_somebody_who_is_disabled_waits_until_they_are_let_in_again(hub: LocalHub, alice: UUID) -> None:
    task_id = submit(alice)
    with db.transaction() as session:
        disable(session, alice)
    assert work() == 0 and run_of(task_id).status == Status.PENDING
    with db.transaction() as session:
        session.execute(text("UPDATE users SET disabled_at = NULL"))
    assert work() == 0 and run_of(task_id).status == Status.COMPLETED
    with db.transaction() as session:
        session.execute(text("UPDATE pull_requests SET polled_at = NULL"))
        assert len(pull_requests.due(session)) == 1
        disable(session, alice)
        session.flush()
        assert pull_requests.due(session) == [], "nothing is asked with their token"
