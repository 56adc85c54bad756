"""What the hub remembers, in SQLite: one file, one short transaction per request, whole rows as frozen values."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from backend import clock

_FIRST = """
CREATE TABLE account (
  id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE COLLATE NOCASE, type TEXT NOT NULL, name TEXT, email TEXT,
  created_at TEXT NOT NULL);
CREATE TABLE membership (
  organisation_id INTEGER NOT NULL REFERENCES account, account_id INTEGER NOT NULL REFERENCES account,
  PRIMARY KEY (organisation_id, account_id));
CREATE TABLE repository (
  id INTEGER PRIMARY KEY, owner_id INTEGER NOT NULL REFERENCES account, name TEXT NOT NULL COLLATE NOCASE,
  description TEXT, private INTEGER NOT NULL, default_branch TEXT NOT NULL, language TEXT, size INTEGER NOT NULL,
  source TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, pushed_at TEXT NOT NULL, UNIQUE (owner_id, name));
CREATE TABLE access (
  repository_id INTEGER NOT NULL REFERENCES repository, account_id INTEGER NOT NULL REFERENCES account,
  level TEXT NOT NULL CHECK (level IN ('read', 'write', 'admin')), PRIMARY KEY (repository_id, account_id));
CREATE TABLE pull (
  id INTEGER PRIMARY KEY, repository_id INTEGER NOT NULL REFERENCES repository, number INTEGER NOT NULL,
  title TEXT NOT NULL, body TEXT, state TEXT NOT NULL CHECK (state IN ('open', 'closed')), draft INTEGER NOT NULL,
  account_id INTEGER NOT NULL REFERENCES account, head_ref TEXT NOT NULL, head_sha TEXT NOT NULL,
  base_ref TEXT NOT NULL, base_sha TEXT NOT NULL, merge_commit_sha TEXT, merged_by INTEGER REFERENCES account,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, closed_at TEXT, merged_at TEXT, UNIQUE (repository_id, number));
CREATE UNIQUE INDEX pull_open ON pull (repository_id, head_ref, base_ref) WHERE state = 'open';
CREATE TABLE token (
  hash TEXT PRIMARY KEY, account_id INTEGER NOT NULL REFERENCES account, scopes TEXT NOT NULL,
  created_at TEXT NOT NULL);
CREATE TABLE code (
  hash TEXT PRIMARY KEY, account_id INTEGER NOT NULL REFERENCES account, redirect_uri TEXT NOT NULL,
  challenge TEXT NOT NULL, scopes TEXT NOT NULL, expires_at REAL NOT NULL);
CREATE TABLE session (
  hash TEXT PRIMARY KEY, account_id INTEGER NOT NULL REFERENCES account, created_at TEXT NOT NULL);
CREATE TABLE hook (
  id INTEGER PRIMARY KEY, repository_id INTEGER REFERENCES repository, url TEXT NOT NULL, secret TEXT NOT NULL,
  content_type TEXT NOT NULL, insecure_ssl TEXT NOT NULL, events TEXT NOT NULL, active INTEGER NOT NULL,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE delivery (
  id INTEGER PRIMARY KEY, guid TEXT NOT NULL, hook_id INTEGER NOT NULL REFERENCES hook ON DELETE CASCADE,
  repository_id INTEGER NOT NULL REFERENCES repository, event TEXT NOT NULL, action TEXT, payload TEXT NOT NULL,
  state TEXT NOT NULL, attempts INTEGER NOT NULL, next_at REAL NOT NULL, status_code INTEGER, answer TEXT,
  created_at TEXT NOT NULL, finished_at TEXT);
CREATE INDEX delivery_waiting ON delivery (next_at) WHERE state = 'waiting';
CREATE TABLE flag (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_ISSUES = """
CREATE TABLE issue (
  id INTEGER PRIMARY KEY, repository_id INTEGER NOT NULL REFERENCES repository, number INTEGER NOT NULL,
  title TEXT NOT NULL, body TEXT, state TEXT NOT NULL CHECK (state IN ('open', 'closed', 'deleted')),
  account_id INTEGER NOT NULL REFERENCES account, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, closed_at TEXT,
  UNIQUE (repository_id, number));
CREATE TABLE comment (
  id INTEGER PRIMARY KEY, issue_id INTEGER NOT NULL REFERENCES issue ON DELETE CASCADE,
  account_id INTEGER NOT NULL REFERENCES account, body TEXT NOT NULL, created_at TEXT NOT NULL);
"""
_REVIEWS = """
CREATE TABLE review (
  id INTEGER PRIMARY KEY, pull_id INTEGER NOT NULL REFERENCES pull, account_id INTEGER NOT NULL REFERENCES account,
  body TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('COMMENTED', 'APPROVED', 'CHANGES_REQUESTED')),
  commit_id TEXT NOT NULL, submitted_at TEXT NOT NULL);
CREATE TABLE review_comment (
  id INTEGER PRIMARY KEY, review_id INTEGER NOT NULL REFERENCES review, path TEXT NOT NULL, line INTEGER NOT NULL,
  side TEXT NOT NULL CHECK (side IN ('LEFT', 'RIGHT')), diff_hunk TEXT NOT NULL, body TEXT NOT NULL,
  created_at TEXT NOT NULL);
"""
_CHECKS = """
CREATE TABLE check_run (
  id INTEGER PRIMARY KEY, repository_id INTEGER NOT NULL REFERENCES repository, head_sha TEXT NOT NULL,
  name TEXT NOT NULL, status TEXT NOT NULL CHECK (status IN ('queued', 'in_progress', 'completed')), conclusion TEXT,
  summary TEXT NOT NULL, log TEXT NOT NULL, started_at TEXT NOT NULL, completed_at TEXT);
CREATE INDEX check_run_head ON check_run (repository_id, head_sha);
"""
_EXPIRY = """
ALTER TABLE token ADD COLUMN expires_at REAL;
CREATE TABLE refresh (
  hash TEXT PRIMARY KEY, token_hash TEXT NOT NULL, account_id INTEGER NOT NULL REFERENCES account,
  scopes TEXT NOT NULL);
"""
_TALK = """
ALTER TABLE comment RENAME TO comment_of_issue;
CREATE TABLE comment (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER NOT NULL REFERENCES repository, number INTEGER NOT NULL,
  account_id INTEGER NOT NULL REFERENCES account, body TEXT NOT NULL, created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL);
CREATE INDEX comment_place ON comment (repository_id, number);
INSERT INTO comment SELECT c.id, i.repository_id, i.number, c.account_id, c.body, c.created_at, c.created_at
  FROM comment_of_issue c JOIN issue i ON i.id = c.issue_id;
DROP TABLE comment_of_issue;
CREATE TABLE label (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER NOT NULL REFERENCES repository,
  name TEXT NOT NULL COLLATE NOCASE, UNIQUE (repository_id, name));
CREATE TABLE labelled (
  repository_id INTEGER NOT NULL REFERENCES repository, number INTEGER NOT NULL,
  label_id INTEGER NOT NULL REFERENCES label ON DELETE CASCADE, PRIMARY KEY (repository_id, number, label_id));
"""
_INSTALLED = """
CREATE TABLE installation_token (
  hash TEXT PRIMARY KEY, owner_id INTEGER NOT NULL REFERENCES account, repository_ids TEXT NOT NULL,
  contents TEXT NOT NULL CHECK (contents IN ('none', 'read', 'write')), expires_at REAL NOT NULL);
"""
_RESOLVED = """
ALTER TABLE review_comment ADD COLUMN resolved INTEGER NOT NULL DEFAULT 0 CHECK (resolved IN (0, 1));
"""
_KEEPING = """
ALTER TABLE repository ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE repository ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
"""
_MOVED = """
CREATE TABLE moved (
  full_name TEXT PRIMARY KEY COLLATE NOCASE, repository_id INTEGER NOT NULL REFERENCES repository);
"""
# user_version says how many of them a file has had.
STEPS = (_FIRST, _ISSUES, _REVIEWS, _CHECKS, _EXPIRY, _TALK, _INSTALLED, _RESOLVED, _KEEPING, _MOVED)

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
