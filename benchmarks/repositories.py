"""Keeping a thousand repositories that GitHub showed a person: new ones, changed ones, and as they were."""

from dataclasses import replace
from uuid import UUID

from backend import db
from backend.github.types import Profile, RemoteRepository, Token
from backend.services import auth, repositories
from benchmarks.measure import empty_database, seconds_each, show

COUNT = 1_000
TIMES = 5
_ONE = RemoteRepository(
    github_id=0,
    owner_login="alice",
    name="x",
    full_name="alice/x",
    description="What it is for, in a sentence.",
    is_private=False,
    default_branch="main",
    language="Python",
    url="http://127.0.0.1/alice/x",
    clone_url="http://127.0.0.1/alice/x.git",
    access_level="admin",
    is_archived=False,
    is_empty=False,
    is_collaborator=False,
)


def main() -> None:
    """Stores them again and again on an empty database."""
    with empty_database():
        with db.transaction() as session:
            user, _ = auth.sign_in(session, Profile(1, "alice", None, None, None), Token("t", None, None, ()), "")
        firsts = iter(range(1, 100 * COUNT, COUNT))
        show(f"{COUNT} new repositories", seconds_each(lambda: _store(user.id, next(firsts)), TIMES))
        words = iter(range(100))
        show(f"{COUNT} changed ones", seconds_each(lambda: _store(user.id, 1, str(next(words))), TIMES))
        show(f"{COUNT} as they were", seconds_each(lambda: _store(user.id, 1), TIMES))


def _store(user_id: UUID, first: int, description: str = "") -> None:
    found = [replace(_ONE, github_id=first + number, description=description) for number in range(COUNT)]
    with db.transaction() as session:
        repositories.store(session, user_id, found)


if __name__ == "__main__":
    main()
