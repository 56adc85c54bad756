"""Storing an event, with its lock, fence, number and ring, beside a bare one-row INSERT."""

from sqlalchemy import text
from sqlmodel import select

from backend import db
from backend.models import AiModel, Repository
from backend.services import catalog, claims, repositories, tasks
from backend.services.recorder import Recorder
from backend.words import EventKind, Priority, TaskType
from benchmarks.alice import REPOSITORY, sign_in
from benchmarks.measure import empty_database, seconds_each, show

TIMES = 300


def main() -> None:
    """Makes a task on an empty database and appends to its log."""
    with empty_database():
        _measure()


def _measure() -> None:
    recorder = _recorder()
    with db.engine().connect() as connection:
        connection.execute(text("CREATE TABLE bare (id bigserial PRIMARY KEY, payload jsonb)"))
        connection.commit()

        def insert() -> None:
            connection.execute(text('INSERT INTO bare (payload) VALUES (\'{"text": "a line"}\')'))
            connection.commit()

        bare = seconds_each(insert, TIMES)
    stored = seconds_each(lambda: recorder.emit(EventKind.NOTE, {"text": "a line"}), TIMES)
    show("a bare INSERT and commit", bare)
    show("an event: lock, fence, number, row, ring", stored, bare)


def _recorder() -> Recorder:
    with db.transaction() as session:
        catalog.fill(session)
        user = sign_in(session)
        repositories.store(session, user.id, [REPOSITORY])
        repository = session.exec(select(Repository.id)).one()
        model = session.exec(select(AiModel.id).where(AiModel.provider == "demo")).one()
        draft = tasks.Draft(repository, "main", None, model, TaskType.ASK, Priority.MEDIUM, "Why?")
        task = tasks.submit(session, user, draft)
    with db.transaction() as session:
        claim = claims.claim(session, "benchmark")
    if claim is None:
        raise RuntimeError("the new run was not claimable")
    return Recorder(task.id, claim)


if __name__ == "__main__":
    main()
