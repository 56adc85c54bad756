"""What the hub remembers, in SQLite: one file, one short transaction per request, whole rows as frozen values."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from backend import clock
from backend.localhub.schema import STEPS

Record = TypeVar("Record")


@dataclass(frozen=True)
class Account:
    """A person (`User`) or an `Organization`."""

    id: int
    login: str
    type: str
    name: str | None
    email: str | None
    created_at: str


@dataclass(frozen=True)
class Repository:
    """A repository's row; `size` is in kilobytes, `source` the folder a demo repository was copied from."""

    id: int
    owner_id: int
    name: str
    description: str | None
    private: bool
    default_branch: str
    language: str | None
    size: int
    source: str | None
    created_at: str
    updated_at: str
    pushed_at: str
    archived: bool
    deleted: bool


@dataclass(frozen=True)
class Pull:
    """A pull request's row. The shas are those of the last look at its branches; of a merged one those it had then."""

    id: int
    repository_id: int
    number: int
    title: str
    body: str | None
    state: str
    draft: bool
    account_id: int
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    merge_commit_sha: str | None
    merged_by: int | None
    created_at: str
    updated_at: str
    closed_at: str | None
    merged_at: str | None


@dataclass(frozen=True)
class Issue:
    """An issue's row; what its author deleted keeps its number, and that alone is told."""

    id: int
    repository_id: int
    number: int
    title: str
    body: str | None
    state: str
    account_id: int
    created_at: str
    updated_at: str
    closed_at: str | None


@dataclass(frozen=True)
class Comment:
    """What somebody said below an issue or a pull request, by its number."""

    id: int
    repository_id: int
    number: int
    account_id: int
    body: str
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class Label:
    """A label of a repository."""

    id: int
    repository_id: int
    name: str


@dataclass(frozen=True)
class Review:
    """What somebody said of a pull request as a whole, of the commit that they looked at."""

    id: int
    pull_id: int
    account_id: int
    body: str
    state: str
    commit_id: str
    submitted_at: str


@dataclass(frozen=True)
class ReviewComment:
    """What a review says of a line; `diff_hunk` is the diff up to it, `resolved` is 1 once somebody said so."""

    id: int
    review_id: int
    path: str
    line: int
    side: str
    diff_hunk: str
    body: str
    created_at: str
    resolved: int


@dataclass(frozen=True)
class CheckRun:
    """A check of a commit; `log` is what it printed."""

    id: int
    repository_id: int
    head_sha: str
    name: str
    status: str
    conclusion: str | None
    summary: str
    log: str
    started_at: str
    completed_at: str | None


@dataclass(frozen=True)
class Hook:
    """Someone to tell; without a repository it is the app's own, and hears of all of them."""

    id: int
    repository_id: int | None
    url: str
    secret: str
    content_type: str
    insecure_ssl: str
    events: str
    active: bool
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class Delivery:
    """One message to one hook: `waiting`, `delivered` or `failed`; `next_at` is in seconds since the epoch."""

    id: int
    guid: str
    hook_id: int
    repository_id: int
    event: str
    action: str | None
    payload: str
    state: str
    attempts: int
    next_at: float
    status_code: int | None
    answer: str | None
    created_at: str
    finished_at: str | None


class Store:
    """The database file. Transactions are one at a time and short; nothing else of the hub writes to it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._keeper = self._connect()  # held open: the last connection to close would tidy the log each time
        self._keeper.execute("PRAGMA journal_mode = WAL")
        known = self._keeper.execute("PRAGMA user_version").fetchone()[0]
        for version, step in enumerate(STEPS[known:], known + 1):
            self._keeper.executescript(f"BEGIN; {step} PRAGMA user_version = {version}; COMMIT;")

    def close(self) -> None:
        """Lets go of the file."""
        self._keeper.close()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """One unchanging view of everything."""
        with self._transaction("BEGIN") as db:
            yield db

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that commits at the end, or leaves nothing behind."""
        with self._transaction("BEGIN IMMEDIATE") as db:
            yield db

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        db = self._connect()
        try:
            db.execute(begin)
            yield db
            db.execute("COMMIT")
        finally:
            db.close()  # what is not committed is rolled back

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, isolation_level=None, timeout=10, check_same_thread=False)
        db.row_factory = sqlite3.Row
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA synchronous = NORMAL")
        return db


def one(db: sqlite3.Connection, kind: type[Record], query: str, *values: Any) -> Record | None:
    """The first row of `SELECT table.* …` as a record, None without one."""
    row = db.execute(query, values).fetchone()
    return _record(kind, row) if row else None


def every(db: sqlite3.Connection, kind: type[Record], query: str, *values: Any) -> list[Record]:
    """All rows of `SELECT table.* …` as records."""
    return [_record(kind, row) for row in db.execute(query, values)]


def _record(kind: type[Record], row: sqlite3.Row) -> Record:
    # SQLite knows no booleans, JSON does.
    known: Sequence[Any] = fields(kind)  # type: ignore[arg-type]  # every Record here is a dataclass
    return kind(**{field.name: bool(row[field.name]) if field.type is bool else row[field.name] for field in known})


def stamp(moment: datetime | None = None) -> str:
    """A moment as GitHub writes it: UTC, whole seconds."""
    return (moment or clock.now()).strftime("%Y-%m-%dT%H:%M:%SZ")


def flag(db: sqlite3.Connection, name: str, default: str) -> str:
    """A switch's value."""
    row = db.execute("SELECT value FROM flag WHERE name = ?", (name,)).fetchone()
    return str(row[0]) if row else default


def set_flag(db: sqlite3.Connection, name: str, value: str) -> None:
    """Keeps a switch's value."""
    db.execute("INSERT INTO flag VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", (name, value))
