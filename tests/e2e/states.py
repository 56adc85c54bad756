"""Every page in every state it can be met in, and how that state is truly brought about.

The table drives the browser's tests and the pictures. "full" is what `asynccoder seed` wrote, "empty" a person who
came a moment ago, "loading" answers that are held back, "error" a database that lets nobody in, "no access" Carol, or
nobody at all, "offline" a line to the server that breaks and cannot be had again.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from playwright.sync_api import Page, WebSocketRoute, expect

from backend.embedded import superuser_url
from backend.settings import Settings
from tests.e2e.conftest import PROJECT
from tests.up import Up

DATABASE = "asynccoder_demo"
AWAY = "Reconnecting…"
REFUSED = "The database cannot be reached just now."
NOT_YOURS = re.compile("no such (task|repository)", re.IGNORECASE)
SIGNED_OUT = "Sign in with GitHub"
Sought = str | re.Pattern[str]


@dataclass(frozen=True)
class Cell:
    """A page in a state: who opens which address, and the words that then stand there."""

    page: str
    state: str
    login: str
    address: str
    words: Sought
    tab: str = ""

    @property
    def name(self) -> str:
        """As files and messages are called."""
        return f"{self.page}-{self.state}".replace(" ", "-")


# page: its address, and its words when full, when empty
_PAGES: dict[str, tuple[str, Sought, Sought]] = {
    "home": ("/home", "credits, holds", "Your first pull request"),
    "tasks": ("/tasks", re.compile(r"\d of \d+"), "No tasks yet."),
    "repositories": ("/repositories", "acme/shop", "No repositories yet."),
    "pull requests": ("/pull-requests", re.compile("^(merged|closed|open)"), "No pull requests yet."),
    "credits": ("/credits", "Used per day", "Nothing was used"),
    "analytics": ("/analytics", "Tasks per day", "No tasks in this time."),
    "settings": ("/settings", "alice@example.org", "Carol Novak"),
}
_OF_ALICE: dict[str, tuple[str, Sought]] = {
    "repository": ("/repositories/{repository}", "Branches"),
    "task": ("/tasks/{done}", "Workspace ready"),
}
_FOR_ADMINS: dict[str, tuple[str, Sought]] = {
    "people": ("/admin/people", re.compile("^seen ")),
    "queue": ("/admin/queue", "heard"),
    "models": ("/admin/models", "Models, as they are offered"),
    "setup": ("/admin/setup", re.compile("^PostgreSQL")),
    "caches": ("/admin/caches", "Built pages"),
    "admin tasks": ("/admin/tasks", re.compile("^@alice ")),
    "deliveries": ("/admin/deliveries", re.compile("^came |GitHub has delivered nothing yet")),
    "announcements": ("/admin/announcements", "Nothing was announced yet."),
    "audit log": ("/admin/audit", re.compile("^Details$")),
}
_ADDRESSES = {page: row[0] for pages in (_PAGES, _OF_ALICE, _FOR_ADMINS) for page, row in pages.items()}

FULL = [
    *[Cell(page, "full", "alice", address, full) for page, (address, full, _) in _PAGES.items()],
    *[Cell(page, "full", "alice", *row) for page, row in _FOR_ADMINS.items()],
    Cell("repository", "full", "alice", *_OF_ALICE["repository"]),
    Cell("repository branches", "full", "alice", "", "main", tab="Branches"),
    Cell("repository settings", "full", "alice", "", "Test command", tab="Settings"),
    Cell("task", "full", "alice", *_OF_ALICE["task"]),
    Cell("task changes", "full", "alice", "", "against", tab="Changes"),
    Cell("task evidence", "full", "alice", "", "Exit code", tab="Evidence"),
    Cell("task pull request", "full", "alice", "", "Try it on your own machine", tab="Pull request"),
]
# What needs no second look while it loads.
MORE = [
    Cell("task", "failed", "alice", "/tasks/{failed}", "failed"),
    Cell("task", "answered", "alice", "/tasks/{answered}", "In the model’s own words"),
    Cell("task", "running", "alice", "/tasks/{running}", re.compile("^Stop$")),
    Cell("task", "waiting for its person", "alice", "/tasks/{waiting}", "The budget of this run is used up."),
    Cell("task", "waiting for approval", "alice", "/tasks/{planned}", "Ask for changes"),
    Cell("task", "waiting for a time", "alice", "/tasks/{later}", "The run goes on by itself"),
    Cell("nowhere", "not found", "alice", "/nowhere", "There is no page at this address."),
]
EMPTY = [Cell(page, "empty", "carol", address, empty) for page, (address, _, empty) in _PAGES.items()]
ERROR = [Cell(page, "error", "alice", address, REFUSED) for page, address in _ADDRESSES.items()]
# The shell says it, so two pages speak for all: one that asks once, and one with a line of its own for the log.
OFFLINE = [Cell(page, "offline", "alice", _ADDRESSES[page], AWAY) for page in ("home", "task")]
NO_ACCESS = [
    *[Cell(page, "no access", "carol", address, NOT_YOURS) for page, (address, _) in _OF_ALICE.items()],
    *[Cell(page, "no access", "carol", address, "This is for admins.") for page, (address, _) in _FOR_ADMINS.items()],
    *[Cell(page, "no access", "", address, SIGNED_OUT) for page, address in _ADDRESSES.items()],
]


def seed(stack: Up, tasks: int) -> dict[str, str]:
    """Has `asynccoder seed` write that many tasks; returns the ids that addresses of the table stand for."""
    command = [sys.executable, "-m", "backend.cli", "seed", "--tasks", str(tasks)]
    subprocess.run(command, cwd=PROJECT, env=stack.environment, check=True, capture_output=True, timeout=120)
    return places(stack.data_dir)


# Runs that stay as they are: no worker has the one, and no sweep takes it over; the others wait for what does not come.
_ALIVE = {
    "running": "status = 'running', phase = 'running'",
    "waiting": "status = 'pending', phase = 'parked', reason = 'budget'",
    "planned": "status = 'pending', phase = 'parked', reason = 'approval'",
    "later": "status = 'pending', phase = 'parked', reason = 'model_rate_limited', until = now() + interval '20 min'",
}


def places(data_dir: Path) -> dict[str, str]:
    """Alice's newest task of each kind, three more of hers that are alive by now, and a repository."""
    found = dict[str, str]()
    mine = "FROM tasks t JOIN users u ON u.id = t.user_id WHERE u.username = 'alice'"
    wanted = {
        "done": f"SELECT t.id {mine} AND t.outcome = 'merged'",
        "failed": f"SELECT t.id {mine} AND t.status = 'failed'",
        "answered": f"SELECT t.id {mine} AND t.outcome = 'answered'",
        "repository": f"SELECT t.repository_id {mine}",
    }
    with psycopg.connect(json.loads((data_dir / "run" / "servers.json").read_text())["database_url"]) as connection:
        for name, query in wanted.items():
            row = connection.execute(f"{query} ORDER BY t.created_at DESC LIMIT 1").fetchone()
            assert row, name
            found[name] = str(row[0])
        others = (
            f"SELECT t.id {mine} AND t.completed_at IS NOT NULL AND NOT t.id = ANY(%s) ORDER BY t.created_at LIMIT %s"
        )
        rows = connection.execute(others, (list(found.values()), len(_ALIVE))).fetchall()
        for (name, state), (task,) in zip(_ALIVE.items(), rows, strict=True):
            _bring_to_life(connection, task, state)
            if name == "planned":
                _plan(connection, task)
            found[name] = str(task)
    return found


def _bring_to_life(connection: psycopg.Connection[Any], task: Any, state: str) -> None:
    again = f"{state}, outcome = NULL, failure = NULL"
    lease = "lease_owner = 'elsewhere', lease_expires_at = now() + interval '1 day'"
    connection.execute(f"UPDATE tasks SET {again}, completed_at = NULL WHERE id = %s", (task,))
    connection.execute(
        f"UPDATE task_runs SET {again}, {lease}, evidence = NULL, charged = NULL, started_at = now(), ended_at = NULL"
        " WHERE task_id = %s",
        (task,),
    )


def _plan(connection: psycopg.Connection[Any], task: Any) -> None:
    steps = "\n".join(f"{number}. `shop/part_{number}.py`: look, **mend**, test." for number in range(1, 13))
    plan = {"number": 1, "title": "Mend the cart, part by part", "text": f"## Steps\n\n{steps}\n\n## Risks\n\nFew."}
    connection.execute("UPDATE tasks SET plan_first = true, event_seq = event_seq + 1 WHERE id = %s", (task,))
    connection.execute(
        "INSERT INTO task_events (task_id, seq, id, run_id, kind, payload) SELECT t.id, t.event_seq, gen_random_uuid(),"
        " r.id, 'plan', %s::jsonb FROM tasks t JOIN task_runs r ON r.task_id = t.id WHERE t.id = %s",
        (json.dumps(plan), task),
    )


def go(page: Page, stack: Up, cell: Cell, ids: dict[str, str]) -> None:
    """Opens the cell's address, or its tab of the page that is open."""
    if cell.address:
        page.goto(stack.origin + cell.address.format(**ids))
    if cell.tab:
        page.get_by_role("tab", name=re.compile(f"^{cell.tab}")).click()


def shows(page: Page, words: Sought) -> None:
    """Waits for the words."""
    expect(page.get_by_text(words).filter(visible=True).first).to_be_visible(timeout=20_000)


class HeldBack:
    """The page's sockets in our hand: answers can be kept and then let through, the lines cut and mended."""

    def __init__(self, page: Page) -> None:
        self._kept: list[tuple[WebSocketRoute, Any]] = []
        self._holds = False
        self._page = page
        self._sockets: list[WebSocketRoute] = []
        page.route_web_socket(re.compile("/_event"), self._connect)

    def hold(self) -> None:
        """From now on answers wait."""
        self._kept, self._holds = [], True

    def release(self) -> None:
        """What waited goes on its way."""
        self._holds = False
        for socket, message in self._kept:
            socket.send(message)

    def cut(self) -> None:
        """Every line breaks, and none can be had."""
        self._page.context.set_offline(True)
        for socket in self._sockets:
            socket.close()
        self._sockets.clear()

    def mend(self) -> None:
        """Lines can be had again."""
        self._page.context.set_offline(False)

    def _connect(self, socket: WebSocketRoute) -> None:
        self._sockets.append(socket)
        server = socket.connect_to_server()

        def answer(message: Any) -> None:
            if self._holds and str(message).startswith("42"):  # socket.io's events; its own handshake goes through
                self._kept.append((socket, message))
            else:
                socket.send(message)

        server.on_message(answer)


@contextmanager
def github_refuses(stack: Up, login: str, seconds: int) -> Iterator[None]:
    """While it lasts the person has used up GitHub's limit, which GitHub says is over after that many seconds."""

    def leave(remaining: int) -> None:
        stack.control("rate", {"login": login, "remaining": remaining, "seconds": seconds})

    leave(0)
    try:
        yield
    finally:
        leave(5_000)


@contextmanager
def database_refuses(stack: Up) -> Iterator[None]:
    """While it lasts PostgreSQL lets nobody into the database."""
    url = superuser_url(Settings(_env_file=None, data_dir=stack.data_dir))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {DATABASE} WITH ALLOW_CONNECTIONS false")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (DATABASE,))
        try:
            yield
        finally:
            connection.execute(f"ALTER DATABASE {DATABASE} WITH ALLOW_CONNECTIONS true")
