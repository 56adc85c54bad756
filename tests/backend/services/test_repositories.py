"""What GitHub shows a person is kept in a few statements, once at a time, and only where it changed."""

import random
import threading
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import select

from backend import db
from backend.errors import NotFound
from backend.github.types import RemoteRepository
from backend.models import Repository, User, UserRepositoryAccess
from backend.services import access, repositories
from tests.conftest import People, remote


def many(count: int, owner: str = "alice") -> list[RemoteRepository]:
    return [remote(1_000 + number, f"{owner}/repository-{number}", "write") for number in range(count)]


def store(user_id: UUID, found: list[RemoteRepository]) -> None:
    with db.transaction() as session:
        repositories.store(session, user_id, found)


def versions() -> list[tuple[object, ...]]:
    """Every row's key and the transaction that wrote it."""
    with db.transaction() as session:
        return [
            tuple(row)
            for table in ("repositories", "user_repository_access")
            for row in session.execute(text(f"SELECT id, xmin::text FROM {table} ORDER BY id"))
        ]


def test_a_thousand_repositories_are_kept_in_eight_statements(people: People, statements: list[str]) -> None:
    found = many(1_000)
    statements.clear()
    store(people.alice.id, found)
    assert len(statements) == 8
    with db.transaction() as session:
        rows = repositories.listing(session, people.alice, limit=2_000)
        assert len(rows) == 1_000, "and what GitHub shows no more is out of reach"
        owners = set(session.exec(select(Repository.owner_id).where(Repository.github_id >= 1_000)))
    assert owners == {people.alice.id}


def test_more_than_one_statement_can_carry_are_kept_too(people: People) -> None:
    store(people.alice.id, many(6_000))
    with db.transaction() as session:
        assert len(repositories.listing(session, people.alice, limit=10_000)) == 6_000


def test_what_is_as_it_was_is_not_written_again_and_what_changed_is(people: People) -> None:
    found = many(20)
    store(people.alice.id, found)
    before = versions()
    store(people.alice.id, random.sample(found, len(found)))
    assert versions() == before
    found[3] = replace(found[3], name="renamed", full_name="acme/renamed", owner_login="acme", access_level="read")
    found[4] = replace(found[4], description=None, language=None, is_archived=True)
    store(people.alice.id, [*found, found[5]])
    assert len(set(versions()) - set(before)) == 3
    with db.transaction() as session:
        [renamed] = repositories.listing(session, people.alice, "acme/renamed")
        assert renamed.access_level == "read"
        assert [row.is_archived for row in repositories.listing(session, people.alice, "repository-4")] == [True]


def test_who_sees_nothing_any_more_reaches_nothing_and_takes_nothing_from_others(people: People) -> None:
    store(people.alice.id, [])
    with db.transaction() as session:
        assert repositories.listing(session, people.alice) == []
        assert [row.id for row in repositories.listing(session, people.bob)] == [people.shop]
        assert len(session.exec(select(Repository)).all()) == 2


def test_two_people_who_see_the_same_in_another_order_do_not_wait_for_each_other_for_ever(people: People) -> None:
    failed: list[BaseException] = []

    def keep(user: User) -> None:
        try:
            for number in range(6):
                seen = [replace(one, description=f"{user.username} {number}") for one in many(200, "acme")]
                store(user.id, random.sample(seen, len(seen)))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=keep, args=[user]) for user in (people.alice, people.bob, people.carol)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    with db.transaction() as session:
        assert len(session.exec(select(UserRepositoryAccess)).all()) == 600


def test_older_news_of_a_repository_does_not_undo_newer(people: People) -> None:
    moments = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    seen = [remote(77, f"acme/name-{at.day}", "write", updated_at=at) for at in moments]
    for one in (seen[1], seen[0]):
        store(people.alice.id, [one])
    with db.transaction() as session:
        assert [row.full_name for row in repositories.listing(session, people.alice)] == ["acme/name-2"]
    store(people.alice.id, [seen[2]])
    with db.transaction() as session:
        assert [row.full_name for row in repositories.listing(session, people.alice)] == ["acme/name-3"]


def test_what_is_out_of_reach_is_remembered_by_the_name_one_knew_and_why_is_said_to_nobody_else(
    people: People,
) -> None:
    store(people.alice.id, [])
    with db.transaction() as session:
        session.execute(text("UPDATE repositories SET full_name = 'acme/secret' WHERE github_id = 12"))
        gone = repositories.gone(session, people.alice)
        assert [(one.full_name, one.reason) for one in gone] == [
            ("acme/shop", "GitHub no longer shows it to you."),
            ("alice/sample-shop", "GitHub no longer shows it to you."),
        ]
        assert [one.full_name for one in repositories.gone(session, people.alice, "SHOP", 1)] == ["acme/shop"]
        with pytest.raises(NotFound, match="You had acme/shop here"):
            access.reachable(session, people.alice, people.shop)
        with pytest.raises(NotFound, match="There is no such repository"):
            access.reachable(session, people.carol, people.shop)
        assert repositories.gone(session, people.carol) == []
