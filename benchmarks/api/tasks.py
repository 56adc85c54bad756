"""A person's newest fifty of 100,000 tasks: our `GET /api/tasks` beside a bare FastAPI and SQLAlchemy endpoint over the
same table, by turns in the same run. Fails below 60 % of its rate.

Ours asks who calls, counts the request, and names repository, model, owner and pull request; the bare one does nothing
of that.
"""

import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from sqlalchemy import text
from sqlmodel import select

from backend import db
from backend.models import AiModel, Repository
from backend.services import api_tokens, catalog, repositories
from backend.services.api_tokens import Scope
from backend.settings import PROJECT_DIR
from benchmarks.alice import REPOSITORY, sign_in
from benchmarks.api.load import per_second
from benchmarks.measure import empty_database
from tests.ports import free_port_pair

TASKS = 100_000
ROUNDS = 9
SECONDS = 1.5
LEAST = 0.6  # of the bare endpoint's rate

_ROWS = """
INSERT INTO tasks (user_id, repository_id, ai_model_id, title, prompt, branch, status, phase, type, created_at)
SELECT :user, :repository, :model, 'Mend part ' || n, 'Part ' || n || ' is loose', 'main', 'completed', 'ended',
       'debug', now() - n * interval '5 min' FROM generate_series(1, :count) n
"""


def measure() -> None:
    """Serves both on an empty database and asks them by turns."""
    with empty_database():
        user_id, tokens = _fill()
        db.dispose()
        ours = free_port_pair()
        bare = ours + 1
        with _served("benchmarks.api.ours:app", ours), _served("benchmarks.api.bare:app", bare):
            ratio = _measure(ours, bare, user_id, tokens)
    if ratio < LEAST:
        sys.exit(f"  GET /api/tasks has {ratio:.0%} of the bare endpoint's rate, and should have {LEAST:.0%}")


def _measure(ours: int, bare: int, user_id: UUID, tokens: list[str]) -> float:
    paths = ((ours, "/api/tasks"), (bare, f"/tasks?user_id={user_id}"))
    for port, path in paths:
        per_second(port, path, tokens, 1)
    rates = [[per_second(port, path, tokens, SECONDS) for port, path in paths] for _ in range(ROUNDS)]
    told, plain = (statistics.median(column) for column in zip(*rates, strict=True))
    ratio = statistics.median(one / other for one, other in rates)
    print(f"  a bare endpoint over the same table {plain:18.0f} requests/s")
    print(f"  GET /api/tasks of {TASKS:,} {told:28.0f} requests/s   {ratio:5.0%} of bare (at least {LEAST:.0%})")
    return ratio


def _fill() -> tuple[UUID, list[str]]:
    with db.transaction() as session:
        catalog.fill(session)
        user = sign_in(session)
        repositories.store(session, user.id, [REPOSITORY])
        values = {
            "user": user.id,
            "repository": session.exec(select(Repository.id)).one(),
            "model": session.exec(select(AiModel.id).where(AiModel.provider == "demo")).one(),
            "count": TASKS,
        }
        session.execute(text(_ROWS), values)
        tokens = [
            api_tokens.create(session, user, f"token {number}", Scope.READ, 30)[1] for number in range(api_tokens.MOST)
        ]
    with db.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE tasks"))
    return user.id, tokens


@contextmanager
def _served(app: str, port: int) -> Iterator[None]:
    command = ["granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    process = subprocess.Popen([sys.executable, "-m", *command, app], cwd=PROJECT_DIR)
    try:
        _wait_for(port)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)
    raise RuntimeError("the server did not start")
