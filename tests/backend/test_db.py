"""Waiting for a database that is away, and not for one that is there."""

from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from backend import db
from backend.errors import NotFound, StatementRefused, Unavailable
from backend.models import Draft, User
from tests.conftest import People


def test_work_at_which_the_database_hangs_up_each_time_is_not_repeated_for_ever(database: str) -> None:
    tries = []

    def work(session: Session) -> None:
        tries.append(1)
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(StatementRefused):
        db.patiently(work, pause=0.01)
    assert len(tries) == db.TRIES_WHILE_UP


def test_a_connection_that_was_lost_once_is_made_again(database: str) -> None:
    tries = []

    def work(session: Session) -> int:
        tries.append(1)
        if len(tries) < db.TRIES_WHILE_UP:
            session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return len(tries)

    assert db.patiently(work, pause=0.01) == db.TRIES_WHILE_UP


def test_a_lock_shows_what_others_wrote_and_keeps_what_this_transaction_did(people: People) -> None:
    with db.transaction() as session:
        mine = session.get_one(User, people.alice.id)
        with db.transaction() as other:
            other.execute(text("UPDATE users SET credits = credits + 5"))
        mine.display_name = "Changed here"
        locked = db.lock(session, User, people.alice.id)
        assert locked is mine and (mine.credits, mine.display_name) == (105, "Changed here")


def test_whoever_locks_the_same_row_waits_and_whoever_names_it_by_a_key_does_not(people: People) -> None:
    with db.transaction() as session:
        db.lock(session, User, people.alice.id)
        with db.transaction() as other:
            other.execute(text("SET LOCAL lock_timeout = '100ms'"))
            other.add(Draft(user_id=people.alice.id))
        with pytest.raises(Unavailable), db.transaction() as other:
            other.execute(text("SET LOCAL lock_timeout = '100ms'"))
            other.exec(db.for_update(select(User))).all()
    with db.transaction() as session, pytest.raises(NotFound):
        db.lock(session, User, uuid4())
