"""Waiting for a database that is away, and not for one that is there."""

import pytest
from sqlalchemy import text
from sqlmodel import Session

from backend import db
from backend.errors import StatementRefused


def test_work_at_which_the_database_hangs_up_each_time_is_not_repeated_for_ever(database: str) -> None:
    tries = []

    def work(session: Session) -> None:
        tries.append(1)
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(StatementRefused):
        db.patiently(work)
    assert len(tries) == db.TRIES_WHILE_UP


def test_a_connection_that_was_lost_once_is_made_again(database: str) -> None:
    tries = []

    def work(session: Session) -> int:
        tries.append(1)
        if len(tries) < db.TRIES_WHILE_UP:
            session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return len(tries)

    assert db.patiently(work) == db.TRIES_WHILE_UP
