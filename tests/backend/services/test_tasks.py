"""What may be asked for, what is refused, and who sees it."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlmodel import Session

from backend import db
from backend.errors import AsyncCoderError, Forbidden, InvalidInput, NotFound, TooLarge
from backend.models import User
from backend.services import access, tasks
from backend.words import Priority, TaskType
from tests.conftest import People, keep, remote


@pytest.fixture
def draft(people: People) -> tasks.Draft:
    return tasks.Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Fix the rounding")


def submit(user: User, draft: tasks.Draft) -> UUID:
    with db.transaction() as session:
        return tasks.submit(session, user, draft).id


@pytest.mark.parametrize(
    ("prompt", "error"),
    [
        ("", InvalidInput),
        ("  \n\t", InvalidInput),
        ("x" * 1_000_000, TooLarge),
        ("漢" * 22_000, TooLarge),
        ("nul \x00 inside", InvalidInput),
    ],
)
def test_a_prompt_that_cannot_be_used_is_refused(
    people: People, draft: tasks.Draft, prompt: str, error: type[AsyncCoderError]
) -> None:
    with pytest.raises(error):
        submit(people.alice, replace(draft, prompt=prompt))


@pytest.mark.parametrize("branch", ["--upload-pack=x", "../..", "-f", "a..b", "a b", "a\x00b", "", "refs/heads/x.lock"])
def test_a_hostile_branch_is_refused(people: People, draft: tasks.Draft, branch: str) -> None:
    with pytest.raises(InvalidInput):
        submit(people.alice, replace(draft, branch=branch))
    if branch:
        with pytest.raises(InvalidInput):
            submit(people.alice, replace(draft, target_branch=branch))


def test_a_slashed_branch_with_an_at_sign_is_a_good_branch(people: People, draft: tasks.Draft) -> None:
    submit(people.alice, replace(draft, branch="dependabot/npm_and_yarn/@babel/core-7"))


def test_a_repository_one_cannot_see_is_not_there(people: People, draft: tasks.Draft) -> None:
    for repository_id in (people.sample, uuid4()):
        with pytest.raises(NotFound):
            submit(people.carol, replace(draft, repository_id=repository_id))


def test_a_model_that_is_off_unpriced_or_without_a_key_is_refused(people: People, draft: tasks.Draft) -> None:
    with db.transaction() as session:
        session.execute(text("UPDATE ai_models SET is_active = false WHERE provider = 'demo'"))
        without_key = session.execute(
            text("SELECT id FROM ai_models WHERE provider = 'anthropic' LIMIT 1")
        ).scalar_one()
    for model_id in (people.model, without_key, uuid4()):
        with pytest.raises(InvalidInput):
            submit(people.alice, replace(draft, model_id=model_id))
    with db.transaction() as session:
        session.execute(text("UPDATE ai_models SET is_active = true, input_price = NULL WHERE provider = 'demo'"))
    with pytest.raises(InvalidInput, match="no price"):
        submit(people.alice, draft)


@pytest.mark.parametrize(("change", "word"), [({"is_archived": True}, "archived"), ({"is_empty": True}, "empty")])
def test_what_cannot_be_pushed_to_is_refused_with_the_reason(
    people: People, draft: tasks.Draft, change: dict[str, bool], word: str
) -> None:
    with db.transaction() as session:
        keep(session, people.alice, remote(11, "alice/sample-shop", "admin", **change))
    with pytest.raises(Forbidden, match=word):
        submit(people.alice, draft)


def test_read_access_is_enough_to_ask_and_not_to_change(people: People, draft: tasks.Draft) -> None:
    with db.transaction() as session:
        keep(session, people.bob, remote(12, "acme/shop", "read"))
    submit(people.bob, replace(draft, repository_id=people.shop, task_type=TaskType.ASK))
    with pytest.raises(Forbidden):
        submit(people.bob, replace(draft, repository_id=people.shop))


STEPS: dict[str, Callable[[Session, User, UUID], object]] = {
    "page": tasks.page,
    "diff": tasks.diff,
    "patch": tasks.patch,
    "readable": access.readable,
    "cancel": tasks.cancel,
    "finish_now": tasks.finish_now,
    "follow_up": lambda session, user, task_id: tasks.follow_up(session, user, task_id, "and this"),
    "add_credits": lambda session, user, task_id: tasks.add_credits(session, user, task_id, key="k"),
}


@pytest.mark.parametrize("step", STEPS)
def test_a_stranger_is_told_that_a_task_is_not_there(people: People, draft: tasks.Draft, step: str) -> None:
    task_id = submit(people.alice, draft)
    with pytest.raises(NotFound), db.transaction() as session:
        STEPS[step](session, people.carol, task_id)


@pytest.mark.parametrize("step", ["cancel", "finish_now", "follow_up", "add_credits"])
def test_a_team_mate_reads_a_shared_task_and_does_not_steer_it(people: People, draft: tasks.Draft, step: str) -> None:
    task_id = submit(people.alice, replace(draft, repository_id=people.shop))
    with pytest.raises(NotFound), db.transaction() as session:
        tasks.page(session, people.bob, task_id)
    with db.transaction() as session:
        session.execute(text("UPDATE tasks SET visibility = 'repository'"))
    with db.transaction() as session:
        assert tasks.page(session, people.bob, task_id).can_cancel is False
    with pytest.raises(Forbidden), db.transaction() as session:
        STEPS[step](session, people.bob, task_id)
    with pytest.raises(NotFound), db.transaction() as session:
        tasks.page(session, people.carol, task_id)


def test_losing_access_to_the_repository_ends_the_sight_of_shared_tasks(people: People, draft: tasks.Draft) -> None:
    task_id = submit(people.alice, replace(draft, repository_id=people.shop))
    with db.transaction() as session:
        session.execute(text("UPDATE tasks SET visibility = 'repository'"))
        keep(session, people.bob)
    with pytest.raises(NotFound), db.transaction() as session:
        tasks.page(session, people.bob, task_id)


def test_the_sidebar_groups_searches_and_pages(people: People, draft: tasks.Draft) -> None:
    for number in range(3):
        submit(
            people.alice, replace(draft, prompt=f"Thing {number}\nwith zebra{number} inside", task_type=TaskType.ASK)
        )
    with db.transaction() as session:
        side = tasks.sidebar(session, people.alice, limit=2)
        assert [group.name for group in side.groups] == ["Running"] and side.has_more
        found = tasks.sidebar(session, people.alice, "zebra1").groups[0].rows
        assert [row.title for row in found] == ["Thing 1"]
        assert tasks.sidebar(session, people.carol).groups == []


def test_the_queue_says_why_a_run_waits(people: People, draft: tasks.Draft) -> None:
    submit(people.alice, replace(draft, task_type=TaskType.ASK))
    second = submit(people.alice, replace(draft, task_type=TaskType.ASK))
    with db.transaction() as session:
        assert tasks.page(session, people.alice, second).row.reason == "1 ahead in line"


def test_a_long_prompt_in_any_script_that_is_not_refused_can_be_submitted(people: People, draft: tasks.Draft) -> None:
    for prompt in ("漢" * 15_900, '"' * 31_900, "\U0001f600" * 11_900):
        submit(people.alice, replace(draft, prompt=prompt, task_type=TaskType.ASK))
