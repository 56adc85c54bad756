"""Who is who, and who may see and do what. What one may not see is not there."""

import sqlite3
from dataclasses import dataclass
from typing import Literal

from backend.localhub.store import Account, Repository, every, one

Level = Literal["none", "read", "write", "admin"]
_RANK = {"none": 0, "read": 1, "write": 2, "admin": 3}


@dataclass(frozen=True)
class Installation:
    """The app itself, let into some repositories of one owner, with what its token may do with their contents."""

    owner_id: int
    repository_ids: frozenset[int]
    contents: Level


@dataclass(frozen=True)
class Viewer:
    """Who asks: a person with what their token allows, or nobody. `scopes` is None for a browser session: everything.

    With an `installation` it is the app, which is no person.

    GitHub's documentation, "Scopes for OAuth apps": `repo` for private repositories and for writing, `public_repo` for
    writing to public ones, `user:email` (in `user`) for addresses.
    """

    account: Account | None = None
    scopes: frozenset[str] | None = None
    installation: Installation | None = None

    @property
    def counted(self) -> int | None:
        """Whose requests these count among: a person's, an installation's (below zero), nobody's."""
        if self.installation:
            return -self.installation.owner_id
        return self.account.id if self.account else None

    def has_scope(self, *wanted: str) -> bool:
        """Whether one of these is granted."""
        return self.scopes is None or bool(self.scopes & set(wanted))


@dataclass(frozen=True)
class Place:
    """A repository with its owner and how far the viewer may go in it."""

    repository: Repository
    owner: Account
    level: Level

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner.login}/{self.repository.name}"

    def allows(self, level: Level) -> bool:
        """Whether the viewer may do what needs this level."""
        return _RANK[self.level] >= _RANK[level]


def account(db: sqlite3.Connection, account_id: int) -> Account:
    """An account that must be there: rows refer to it."""
    found = one(db, Account, "SELECT * FROM account WHERE id = ?", account_id)
    if found is None:
        raise LookupError(f"no account {account_id}")
    return found


def account_of_login(db: sqlite3.Connection, login: str) -> Account | None:
    """An account by its login, in any case."""
    return one(db, Account, "SELECT * FROM account WHERE login = ?", login)


def people(db: sqlite3.Connection) -> list[Account]:
    """Everyone who can sign in."""
    return every(db, Account, "SELECT * FROM account WHERE type = 'User' ORDER BY id")


def place(db: sqlite3.Connection, viewer: Viewer, owner: str, name: str) -> Place | None:
    """The repository as this viewer sees it; None when it is not there or not theirs to see."""
    found = one(
        db,
        Repository,
        "SELECT repository.* FROM repository JOIN account ON account.id = owner_id"
        " WHERE login = ? AND repository.name = ? AND NOT deleted",
        owner,
        name,
    )
    return seen(db, viewer, found) if found else None


def moved(db: sqlite3.Connection, viewer: Viewer, owner: str, name: str) -> Place | None:
    """The repository that had this name before, as this viewer sees it: names that nobody took since lead on to it."""
    query = "SELECT repository.* FROM repository JOIN moved ON repository_id = id WHERE full_name = ? AND NOT deleted"
    found = one(db, Repository, query, f"{owner}/{name}")
    return seen(db, viewer, found) if found else None


def place_of(db: sqlite3.Connection, repository_id: int) -> Place:
    """The repository as the hub itself sees it, with every right."""
    found = one(db, Repository, "SELECT * FROM repository WHERE id = ?", repository_id)
    if found is None:
        raise LookupError(f"no repository {repository_id}")
    return Place(found, account(db, found.owner_id), "admin")


def seen(db: sqlite3.Connection, viewer: Viewer, repository: Repository) -> Place | None:
    """The repository with this viewer's level, None where they see nothing of it."""
    level = _level(db, viewer, repository)
    return None if level == "none" else Place(repository, account(db, repository.owner_id), level)


def places(db: sqlite3.Connection, viewer: Viewer) -> list[Place]:
    """All repositories that the viewer sees, the last pushed to first."""
    rows = every(db, Repository, "SELECT * FROM repository WHERE NOT deleted ORDER BY pushed_at DESC, id")
    return [found for row in rows if (found := seen(db, viewer, row))]


def is_member(db: sqlite3.Connection, organisation: Account, account_id: int) -> bool:
    """Whether a person belongs to an organisation."""
    query = "SELECT 1 FROM membership WHERE organisation_id = ? AND account_id = ?"
    return db.execute(query, (organisation.id, account_id)).fetchone() is not None


def granted(db: sqlite3.Connection, account_id: int, repository: Repository) -> Level:
    """What a person holds in a repository by owning it or by being let in, without what everybody may."""
    if repository.owner_id == account_id:
        return "admin"
    query = "SELECT level FROM access WHERE repository_id = ? AND account_id = ?"
    row = db.execute(query, (repository.id, account_id)).fetchone()
    return row[0] if row else "none"


def _level(db: sqlite3.Connection, viewer: Viewer, repository: Repository) -> Level:
    public: Level = "none" if repository.private else "read"
    if viewer.installation:
        is_let_in = repository.id in viewer.installation.repository_ids
        return viewer.installation.contents if is_let_in else public
    if viewer.account is None:
        return public
    own = granted(db, viewer.account.id, repository)
    if repository.private:
        return own if viewer.has_scope("repo") else "none"
    if own == "none" or not viewer.has_scope("repo", "public_repo"):
        return public
    return own
