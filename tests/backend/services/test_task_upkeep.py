"""Naming, putting away, sharing, deleting and reading a task, and trying it again."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from backend import db
from backend.errors import AsyncCoderError, Conflict, Forbidden, InvalidInput, NotEnoughCredits, NotFound, TooLarge
from backend.models import AiModel, TaskRun, User
from backend.services import access, brief, claims, credits, ledger, pull_requests, repositories, tasks
from backend.words import Failure, Outcome, Priority, Status, TaskType, Visibility
from tests.conftest import People, keep, remote
from tests.settled import settle


@pytest.fixture
def task(people: People) -> UUID:
    """Alice's, on the team's repository, waiting for a worker."""
    draft = tasks.Draft(people.shop, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Mend the totals")
    with db.transaction() as session:
        return tasks.submit(session, people.alice, draft).id


@pytest.fixture
def failed(task: UUID) -> UUID:
    """The same, failed."""
    settle(task, Status.FAILED, failure=Failure.STUCK)
    return task


def do(step: Callable[..., Any], user: User, task_id: UUID, *args: Any, **named: Any) -> Any:
    with db.transaction() as session:
        return step(session, user, task_id, *args, **named)


def share(people: People, task_id: UUID) -> None:
    do(tasks.set_visibility, people.alice, task_id, Visibility.REPOSITORY)


def titles(people: People, who: str, **named: Any) -> list[str]:
    with db.transaction() as session:
        groups = tasks.sidebar(session, getattr(people, who), **named).groups
        return [row.title for group in groups for row in group.rows]


STEERING: dict[str, Callable[[Session, User, UUID], object]] = {
    "rename": lambda session, user, task_id: tasks.rename(session, user, task_id, "Mine now"),
    "archive": tasks.archive,
    "unarchive": tasks.unarchive,
    "delete": tasks.delete,
    "share": lambda session, user, task_id: tasks.set_visibility(session, user, task_id, Visibility.REPOSITORY),
    "retry": tasks.retry,
    "retry_offer": tasks.retry_offer,
}
READING: dict[str, Callable[[Session, User, UUID], object]] = {
    "page": tasks.page,
    "diff": tasks.diff,
    "readable": access.readable,
    "mark_read": lambda session, user, task_id: tasks.mark_read(session, user, task_id, 1),
}


@pytest.mark.parametrize("step", STEERING)
def test_only_the_owner_does_anything_with_a_task(people: People, failed: UUID, step: str) -> None:
    for stranger in (people.bob, people.carol):
        with pytest.raises(NotFound):
            do(STEERING[step], stranger, failed)
    share(people, failed)
    with pytest.raises(Forbidden):
        do(STEERING[step], people.bob, failed)
    with pytest.raises(NotFound):
        do(STEERING[step], people.carol, failed)
    do(STEERING[step], people.alice, failed)


@pytest.mark.parametrize("step", READING)
@pytest.mark.parametrize("level", ["read", "write"])
def test_a_shared_task_is_read_by_whoever_has_access_to_the_repository(
    people: People, failed: UUID, step: str, level: str
) -> None:
    with db.transaction() as session:
        keep(session, people.bob, remote(12, "acme/shop", level))
    share(people, failed)
    do(READING[step], people.bob, failed)
    with pytest.raises(NotFound):
        do(READING[step], people.carol, failed)
    do(tasks.set_visibility, people.alice, failed, Visibility.PRIVATE)
    with pytest.raises(NotFound):
        do(READING[step], people.bob, failed)


@pytest.mark.parametrize("title", ["Round the totals once", "  Round the totals once \t", "丸" * 120, "x"])
def test_a_task_gets_another_title(people: People, task: UUID, title: str) -> None:
    do(tasks.rename, people.alice, task, title)
    assert titles(people, "alice") == [title.strip()]
    assert titles(people, "alice", query=title.strip().split()[0]) == [title.strip()]


@pytest.mark.parametrize("title", ["", "   ", "\n", "x" * 121, "two\nlines", "a\x00b", "tab\tinside", "\u2028x\u2028y"])
def test_a_title_that_is_not_one_line_is_refused(people: People, task: UUID, title: str) -> None:
    with pytest.raises(InvalidInput):
        do(tasks.rename, people.alice, task, title)
    assert titles(people, "alice") == ["Mend the totals"]


def test_an_archived_task_leaves_the_list_and_comes_back(people: People, failed: UUID) -> None:
    do(tasks.archive, people.alice, failed)
    do(tasks.archive, people.alice, failed)
    assert titles(people, "alice") == []
    assert do(tasks.page, people.alice, failed).row.is_archived
    do(tasks.unarchive, people.alice, failed)
    do(tasks.unarchive, people.alice, failed)
    assert titles(people, "alice") == ["Mend the totals"]


@pytest.mark.parametrize("step", [tasks.archive, tasks.delete])
def test_a_task_at_work_is_neither_archived_nor_deleted(people: People, task: UUID, step: Any) -> None:
    with pytest.raises(Conflict, match="Stop it first"):
        do(step, people.alice, task)
    assert titles(people, "alice") == ["Mend the totals"]


def test_work_on_an_archived_task_brings_it_back(people: People, failed: UUID) -> None:
    do(tasks.archive, people.alice, failed)
    do(tasks.follow_up, people.alice, failed, "Go on")
    assert titles(people, "alice") == ["Mend the totals"]


def test_a_deleted_task_is_nowhere_and_its_entries_in_the_ledger_stay(people: People, failed: UUID) -> None:
    share(people, failed)
    with db.transaction() as session:
        before = ledger.entries(session, people.alice).total
    do(tasks.delete, people.alice, failed)
    steps = {**STEERING, **READING, "patch": tasks.patch, "cancel": tasks.cancel}
    for who in (people.alice, people.bob):
        for step in steps.values():
            with pytest.raises(NotFound):
                do(step, who, failed)
    with pytest.raises(NotFound):
        do(tasks.follow_up, people.alice, failed, "Are you there?")
    assert titles(people, "alice") == titles(people, "bob", everyone=True) == []
    with db.transaction() as session:
        assert ledger.entries(session, people.alice).total == before
        assert tasks.listing(session, people.alice, tasks.Filters()).total == 0
        assert credits.unbalanced(session) == []


def test_github_is_not_asked_about_the_pull_request_of_a_deleted_task(people: People, failed: UUID) -> None:
    with db.transaction() as session:
        session.execute(
            text(
                "INSERT INTO pull_requests (task_id, repository_id, github_pr_id, pr_number, title, source_branch,"
                " target_branch, status, url) VALUES (:task, :repository, 7, 7, 't', 's', 'main', 'open', 'http://x')"
            ),
            {"task": failed, "repository": people.shop},
        )
        assert len(pull_requests.due(session)) == 1
    do(tasks.delete, people.alice, failed)
    with db.transaction() as session:
        assert pull_requests.due(session) == []


def test_others_tasks_are_listed_only_when_asked_for_and_shared(people: People, failed: UUID) -> None:
    with db.transaction() as session:
        assert not tasks.sidebar(session, people.bob, everyone=True).has_others
    share(people, failed)
    with db.transaction() as session:
        side = tasks.sidebar(session, people.bob)
        assert (side.groups, side.has_others) == ([], True)
        [row] = tasks.sidebar(session, people.bob, everyone=True).groups[0].rows
        assert (row.owner, row.is_mine, row.is_unread) == ("Alice", False, False)
        assert not tasks.sidebar(session, people.carol, everyone=True).has_others
        page = tasks.page(session, people.bob, failed)
    assert not (page.can_cancel or page.can_follow_up or page.actions)


def test_nothing_more_is_offered_where_the_repository_takes_no_more_and_the_page_says_why(
    people: People, failed: UUID
) -> None:
    def offered() -> tuple[bool, str]:
        page = do(tasks.page, people.alice, failed)
        return page.can_follow_up, page.no_more

    assert offered() == (True, "")
    with db.transaction() as session:
        session.execute(text("UPDATE repositories SET is_archived = true"))
    assert offered() == (False, "This repository is archived, so nothing can be pushed to it.")
    with db.transaction() as session:
        repositories.lose(session, "user_id = :id", id=people.alice.id)
    may, why = offered()
    assert not may and why.startswith("You had ") and why.endswith("GitHub no longer shows it to you.")
    assert do(tasks.page, people.alice, failed).row.is_mine, "the task itself stays"


def is_unread(people: People, task_id: UUID) -> bool:
    return bool(do(tasks.page, people.alice, task_id).row.is_unread)


def test_a_task_is_unread_from_its_end_until_it_was_seen(people: People, task: UUID) -> None:
    assert not is_unread(people, task)
    settle(task, Status.COMPLETED, outcome=Outcome.NO_CHANGES)
    assert is_unread(people, task)
    do(tasks.mark_read, people.alice, task, do(tasks.page, people.alice, task).seq)
    assert not is_unread(people, task)
    do(tasks.mark_read, people.alice, task, 1)  # what was seen stays seen
    assert not is_unread(people, task)
    do(tasks.retry, people.alice, task)
    assert not is_unread(people, task)
    settle(task, Status.FAILED, failure=Failure.STUCK)
    assert is_unread(people, task)


@pytest.mark.parametrize("seq", [-1, 10_000])
def test_one_cannot_have_read_what_is_not_there(people: People, task: UUID, seq: int) -> None:
    with pytest.raises(InvalidInput):
        do(tasks.mark_read, people.alice, task, seq)


ENDS: dict[str, dict[str, Any]] = {
    "failed": {"status": Status.FAILED, "failure": Failure.STUCK},
    "stopped": {"status": Status.CANCELLED},
    "unchanged": {"status": Status.COMPLETED, "outcome": Outcome.NO_CHANGES},
}


@pytest.mark.parametrize("end", ENDS)
def test_what_ended_without_a_result_is_tried_again_as_it_was(people: People, task: UUID, end: str) -> None:
    settle(task, **ENDS[end])
    run = do(tasks.retry, people.alice, task)
    assert (run.number, run.prompt, run.ai_model_id) == (2, "Mend the totals", people.model)
    assert run.held > 0
    page = do(tasks.page, people.alice, task)
    assert (page.row.status, page.row.is_alive) == (Status.PENDING, True)
    with pytest.raises(Conflict):  # twice is once
        do(tasks.retry, people.alice, task)


def test_a_retry_may_have_other_words_and_another_model_and_each_run_keeps_its_own(
    people: People, failed: UUID
) -> None:
    with db.transaction() as session:
        other = AiModel(
            provider="demo", name="demo-two", display_name="Other", input_price=1_000_000, output_price=4_000_000,
            cache_read_price=100_000, cache_write_price=1_000_000, max_tokens=1000, context_window=10_000,
            capabilities={},
        )  # fmt: skip
        session.add(other)
        session.flush()
        other_id = other.id
    offer = do(tasks.retry_offer, people.alice, failed)
    assert offer.prompt == "Mend the totals"
    assert offer.model_id == people.model
    holds = {model.id: model.hold for model in offer.models}
    run = do(tasks.retry, people.alice, failed, model_id=other_id, prompt=" With fewer words ")
    assert (run.prompt, run.held) == ("With fewer words", holds[other_id])
    with db.transaction() as session:
        used = session.exec(select(TaskRun.ai_model_id).where(TaskRun.task_id == failed).order_by("number")).all()
        assert used == [people.model, other_id]
        claim = claims.claim(session, "a worker")
        assert claim is not None
        assert brief.read(session, claim).model == "demo-two"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"prompt": ""}, InvalidInput),
        ({"prompt": "nul \x00"}, InvalidInput),
        ({"prompt": "x" * 1_000_000}, TooLarge),
        ({"model_id": UUID(int=7)}, InvalidInput),
    ],
)
def test_a_retry_with_what_cannot_be_used_changes_nothing(
    people: People, failed: UUID, changes: dict[str, Any], error: type[AsyncCoderError]
) -> None:
    with pytest.raises(error):
        do(tasks.retry, people.alice, failed, **changes)
    assert do(tasks.page, people.alice, failed).row.status == Status.FAILED


def test_what_has_a_result_works_or_is_merged_is_not_tried_again(people: People, task: UUID) -> None:
    with pytest.raises(Conflict, match="still at work"):
        do(tasks.retry, people.alice, task)
    settle(task, Status.COMPLETED, outcome=Outcome.ANSWERED)
    with pytest.raises(Conflict, match="follow-up"):
        do(tasks.retry, people.alice, task)
    with db.transaction() as session:
        session.execute(
            text(
                "INSERT INTO pull_requests (task_id, repository_id, github_pr_id, pr_number, title, source_branch,"
                " target_branch, status, url) VALUES (:task, :repository, 7, 7, 't', 's', 'main', 'merged', 'http://x')"
            ),
            {"task": task, "repository": people.shop},
        )
    with pytest.raises(Conflict, match="merged"):
        do(tasks.retry, people.alice, task)


def test_a_retry_that_cannot_be_afforded_is_refused(people: People, failed: UUID) -> None:
    with db.transaction() as session:
        session.execute(text("UPDATE users SET credits = 0"))
    with pytest.raises(NotEnoughCredits):
        do(tasks.retry, people.alice, failed)


def test_a_retry_needs_access_to_the_repository_still(people: People, failed: UUID) -> None:
    with db.transaction() as session:
        keep(session, people.alice)
    with pytest.raises(NotFound):
        do(tasks.retry, people.alice, failed)


def test_what_a_retry_would_hold_is_asked_once_for_all_models(
    people: People, failed: UUID, statements: list[str]
) -> None:
    with db.transaction() as session:
        for number in range(5):
            session.add(AiModel(provider="demo", name=f"other-{number}", display_name="Other", input_price=1,
                                output_price=1, cache_read_price=1, cache_write_price=1))  # fmt: skip
    with db.transaction() as session:
        user = session.get_one(User, people.alice.id)
        statements.clear()
        assert len(tasks.retry_offer(session, user, failed).models) == 6
    assert sum("FROM ai_models" in one for one in statements) == 2, "the choices, and their prices"
