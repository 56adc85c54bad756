"""Repositories as pages show them, and their settings: for whom GitHub lets them reach it, changed by its admins."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from backend import clock, db
from backend.errors import Forbidden, InvalidInput, NotFound
from backend.models import RepositorySettings, Task, User
from backend.services import (
    brief,
    claims,
    repository_pages,
    repository_settings,
    tasks,
)
from backend.services.repository_pages import Access, Archive, Privacy, Wanted
from backend.services.repository_settings import MOST_COMMAND, DraftPolicy
from backend.words import Priority, TaskType, Visibility
from tests.conftest import People, keep, remote


def submit(people: People, user: User, title: str, visibility: str = Visibility.PRIVATE) -> UUID:
    draft = tasks.Draft(people.shop, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, title)
    with db.transaction() as session:
        task = tasks.submit(session, user, draft)
        task.visibility = visibility
        session.add(task)
        return task.id


def names(user: User, **filters: Any) -> list[str]:
    with db.transaction() as session:
        return [one.row.full_name for one in repository_pages.entries(session, user, Wanted(**filters)).rows]


def test_each_person_sees_what_they_can_reach(people: People) -> None:
    assert names(people.alice) == ["acme/shop", "alice/sample-shop"]
    assert names(people.bob) == ["acme/shop"]
    assert names(people.carol) == []


def test_pages_go_by_name_and_miss_none(people: People) -> None:
    with db.transaction() as session:
        keep(session, people.alice, *[remote(100 + number, f"Acme/tool-{number:02}", "read") for number in range(25)])
    with db.transaction() as session:
        pages = [repository_pages.entries(session, people.alice, number=number, size=10) for number in (1, 2, 3)]
    assert {(page.total, page.pages) for page in pages} == {(25, 3)}
    assert [one.row.full_name for page in pages for one in page.rows] == [f"Acme/tool-{n:02}" for n in range(25)]


def test_repositories_are_narrowed_by_words_access_privacy_and_archive(people: People) -> None:
    with db.transaction() as session:
        keep(
            session,
            people.alice,
            remote(11, "alice/sample-shop", "admin", description="Carts and 100% coupons"),
            remote(12, "acme/shop", "write", is_private=False),
            remote(13, "acme/old", "read", is_archived=True),
        )
    assert names(people.alice) == ["acme/shop", "alice/sample-shop"], "what was put away is not in the way"
    assert names(people.alice, archive=Archive.ARCHIVED) == ["acme/old"]
    assert names(people.alice, archive=Archive.ALL, access=Access.READ) == ["acme/old"]
    assert names(people.alice, access=Access.ADMIN) == ["alice/sample-shop"]
    assert names(people.alice, privacy=Privacy.PUBLIC) == ["acme/shop"]
    assert names(people.alice, query="COUPON") == names(people.alice, query=" 100% ") == ["alice/sample-shop"]
    assert names(people.alice, query="_") == []


def test_the_last_task_is_one_that_this_person_may_see(people: People) -> None:
    submit(people, people.alice, "Mine")

    def last(user: User) -> str | None:
        with db.transaction() as session:
            listed = repository_pages.entries(session, user, Wanted(query="acme/shop")).rows[0].last_task
        return listed.title if listed else None

    assert (last(people.alice), last(people.bob)) == ("Mine", None)
    shared = submit(people, people.bob, "Shared", Visibility.REPOSITORY)
    assert (last(people.alice), last(people.bob)) == ("Shared", "Shared")
    with db.transaction() as session:
        task = session.get(Task, shared)
        assert task is not None
        task.updated_at = clock.now() - timedelta(days=1)
        session.add(task)
    assert last(people.alice) == "Mine"


def test_a_repositorys_page_shows_its_tasks_to_whoever_may_see_them(people: People) -> None:
    submit(people, people.alice, "Mine")
    submit(people, people.alice, "Shared", Visibility.REPOSITORY)

    def titles(user: User) -> list[str]:
        with db.transaction() as session:
            shown = repository_pages.page(session, user, people.shop)
            assert shown.task_count == len(shown.tasks)
            return sorted(row.title for row in shown.tasks)

    assert titles(people.alice) == ["Mine", "Shared"]
    assert titles(people.bob) == ["Shared"]
    for user, repository in ((people.carol, people.shop), (people.bob, people.sample), (people.alice, uuid4())):
        with db.transaction() as session, pytest.raises(NotFound):
            repository_pages.page(session, user, repository)
        with db.transaction() as session, pytest.raises(NotFound):
            repository_settings.read(session, user, repository)


def save(user: User, repository: UUID, command: str, policy: DraftPolicy = DraftPolicy.READY) -> None:
    with db.transaction() as session:
        repository_settings.save(session, user, repository, test_command=command, draft_policy=policy)


def test_an_admins_settings_reach_the_next_run(people: People) -> None:
    save(people.alice, people.sample, "  make test ", DraftPolicy.DRAFT)
    save(people.alice, people.sample, "make check", DraftPolicy.READY)
    draft = tasks.Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Mend")
    with db.transaction() as session:
        kept = repository_settings.read(session, people.alice, people.sample)
        assert (kept.test_command, kept.draft_policy, kept.can_change) == ("make check", DraftPolicy.READY, True)
        assert kept.changed_at is not None
        tasks.submit(session, people.alice, draft)
    with db.transaction() as session:
        claim = claims.claim(session, "worker")
        assert claim is not None
        told = brief.read(session, claim)
    assert (told.test_command, told.draft_policy) == ("make check", "ready")


def test_an_empty_command_means_that_the_tests_are_found_by_the_files(people: People) -> None:
    save(people.alice, people.sample, "make test")
    save(people.alice, people.sample, "   ")
    with db.transaction() as session:
        row = session.get(RepositorySettings, people.sample)
        assert row is not None and row.test_command is None


def test_whoever_is_no_admin_reads_the_settings_and_cannot_change_them(people: People) -> None:
    for user in (people.alice, people.bob):  # both may push to the team's, neither is its admin
        with pytest.raises(Forbidden):
            save(user, people.shop, "curl evil.example")
    with pytest.raises(NotFound):
        save(people.carol, people.shop, "curl evil.example")
    with db.transaction() as session:
        assert session.get(RepositorySettings, people.shop) is None
        assert not repository_settings.read(session, people.bob, people.shop).can_change


@pytest.mark.parametrize(
    "command", ["x" * (MOST_COMMAND + 1), "make\x00test", "make test\nrm -rf .", "make\ttest", "\ud800"]
)
def test_a_command_that_cannot_be_run_is_refused(people: People, command: str) -> None:
    with pytest.raises(InvalidInput):
        save(people.alice, people.sample, command)


def test_what_one_may_do_with_a_repository_is_asked_once(people: People, statements: list[str]) -> None:
    with db.transaction() as session:
        alice = session.get_one(User, people.alice.id)
        statements.clear()
        repository_settings.read(session, alice, people.sample)
    assert sum("user_repository_access" in one for one in statements) == 1
