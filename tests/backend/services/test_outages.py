"""PostgreSQL or Valkey gone for twenty seconds in the middle of a run: it goes on afterwards, with nothing twice."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from backend import db, embedded
from backend.parts import Part
from backend.services import credits
from backend.settings import PROJECT_DIR, get_settings
from backend.words import Outcome, Status
from tests.backend.services.road import kinds, run_of, signed_in, started, submit
from tests.conftest import forget_settings
from tests.hub import LocalHub
from tests.servers import embedded_settings

AWAY_SECONDS = 20


class Servers:
    """Both servers, each of which can be taken away and brought back."""

    def __init__(self, parts: dict[str, Part]) -> None:
        self._parts = parts
        self._running: dict[str, ExitStack] = {}

    def start(self, name: str) -> None:
        """Starts a server; its data is what it was."""
        self._running[name] = ExitStack()
        self._running[name].enter_context(embedded.started(self._parts[name]))

    def stop(self, name: str) -> None:
        """Stops a server as its operator would."""
        self._running.pop(name).close()

    def stop_all(self) -> None:
        """Stops what runs."""
        for name in list(self._running):
            self.stop(name)


@pytest.fixture
def servers(tmp_path: Path, environment: pytest.MonkeyPatch, hub: LocalHub) -> Iterator[Servers]:
    """Servers of this test's own, as its settings."""
    settings = embedded_settings(tmp_path / "own")
    servers = Servers({"postgres": embedded.postgres(settings), "valkey": embedded.valkey(settings)})
    for name in ("postgres", "valkey"):
        servers.start(name)
    environment.setenv("DATABASE_URL", embedded.database_url(settings))
    environment.setenv("REDIS_URL", embedded.redis_url(settings))
    forget_settings()
    config = Config(PROJECT_DIR / "alembic.ini")
    config.attributes["database_url"] = get_settings().resolved_database_url
    command.upgrade(config, "head")
    yield servers
    db.dispose()
    servers.stop_all()
    embedded.forget(settings)


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_a_run_goes_on_after_a_server_was_away_for_twenty_seconds(hub: LocalHub, servers: Servers, name: str) -> None:
    alice = signed_in(hub, "alice")
    task_id = submit(alice)
    worker = started()
    try:
        while "model_turn" not in kinds(task_id):
            assert worker.is_alive()
            time.sleep(0.05)
        db.dispose()
        servers.stop(name)
        time.sleep(AWAY_SECONDS)
        servers.start(name)
        worker.join(90)
        assert worker.exitcode == 0
    finally:
        worker.kill()
    run = run_of(task_id)
    assert (run.status, run.outcome, run.attempt) == (Status.COMPLETED, Outcome.PR_OPENED, 1)
    assert kinds(task_id).count("model_turn") == run.steps
    assert len(hub.pulls("alice", "alice/sample-shop")) == 1
    with db.transaction() as session:
        assert credits.unbalanced(session) == []
        twice = "SELECT count(*) FROM task_events GROUP BY task_id, seq HAVING count(*) > 1"
        assert session.execute(text(twice)).all() == []
