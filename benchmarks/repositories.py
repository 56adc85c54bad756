"""Keeping a thousand repositories that GitHub showed a person: new ones, changed ones, and as they were."""

from dataclasses import replace
from uuid import UUID

from backend import db
from backend.services import repositories
from benchmarks.alice import REPOSITORY, sign_in
from benchmarks.measure import empty_database, seconds_each, show

COUNT = 1_000
TIMES = 5


def main() -> None:
    """Stores them again and again on an empty database."""
    with empty_database():
        with db.transaction() as session:
            user = sign_in(session)
        firsts = iter(range(1, 100 * COUNT, COUNT))
        show(f"{COUNT} new repositories", seconds_each(lambda: _store(user.id, next(firsts)), TIMES))
        words = iter(range(100))
        show(f"{COUNT} changed ones", seconds_each(lambda: _store(user.id, 1, str(next(words))), TIMES))
        show(f"{COUNT} as they were", seconds_each(lambda: _store(user.id, 1), TIMES))


def _store(user_id: UUID, first: int, description: str = "") -> None:
    found = [replace(REPOSITORY, github_id=first + number, description=description) for number in range(COUNT)]
    with db.transaction() as session:
        repositories.store(session, user_id, found)


if __name__ == "__main__":
    main()
