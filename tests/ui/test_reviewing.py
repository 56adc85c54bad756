"""Reviewing changes and taking the next step, as a browser asks for it."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from asynccoder_ui.task_view import TaskView
from backend import db
from backend.models import TaskResult, TaskRun
from backend.services import tasks
from backend.words import Outcome, Priority, Status, TaskType
from tests.conftest import People
from tests.settled import settle
from tests.ui.conftest import opened

PATCH = "--- a/a.py\n+++ b/a.py\n@@ -1,1 +1,2 @@\n import os\n+total = 1\n"
COMMENT = {"path": "a.py", "line": 2, "side": "new", "text": "Round it."}


def make(people: People, kind: TaskType) -> UUID:
    draft = tasks.Draft(people.sample, "main", None, people.model, kind, Priority.MEDIUM, "Mend the totals")
    with db.transaction() as session:
        return tasks.submit(session, people.alice, draft).id


@pytest.fixture
def task(people: People) -> UUID:
    """Alice's, done with one changed file; its tests fail."""
    task_id = make(people, TaskType.DEBUG)
    with db.transaction() as session:
        run = session.exec(select(TaskRun).where(TaskRun.task_id == task_id)).one()
        run.evidence = {"verdict": "failed", "command": "make test", "exit_code": 2, "sha": "8c1d9e2f"}
        session.add(
            TaskResult(task_id=task_id, run_id=run.id, result_type="code_changes", content=PATCH, file_path="a.py")
        )
    settle(task_id, Status.COMPLETED, outcome=Outcome.PR_OPENED)
    return task_id


def prompts(task_id: UUID) -> list[str]:
    with db.transaction() as session:
        found = select(TaskRun.prompt).where(TaskRun.task_id == task_id).order_by(col(TaskRun.number))
        return list(session.exec(found).all())


def after(people: People, who: str, task_id: UUID, *steps: tuple[Any, ...]) -> TaskView:
    async def road() -> TaskView:
        async with opened(people.cookies[who], f"/tasks/{task_id}") as tab:
            for step in steps:
                await tab.fire(*step)
            return await tab.state(TaskView)

    return asyncio.run(road())


def test_a_review_is_taken_once_however_often_it_is_sent(people: People, task: UUID) -> None:
    view = after(people, "alice", task, *[(TaskView.send_review, [COMMENT])] * 2)
    assert (view.error, view.reviewed, len(prompts(task))) == ("", 2, 2)
    assert "`a.py:2`" in prompts(task)[1]


def test_a_review_of_a_line_that_is_gone_is_refused_with_its_place(people: People, task: UUID) -> None:
    wrong = {**COMMENT, "line": 9}
    view = after(people, "alice", task, (TaskView.send_review, [wrong]), (TaskView.send_review, [wrong]))
    assert (view.reviewed, len(prompts(task))) == (0, 1)
    assert view.error.startswith("a.py:9 is no longer part of the changes")


@pytest.mark.parametrize("comments", ["no list", [["no comment"]], None])
def test_what_is_no_list_of_comments_is_refused(people: People, task: UUID, comments: Any) -> None:
    async def road() -> None:
        async with opened(people.cookies["alice"], f"/tasks/{task}") as tab:
            await tab.fire_raw(f"{TaskView.get_full_name()}.send_review", {"comments": comments})

    asyncio.run(road())
    assert len(prompts(task)) == 1


def test_carol_neither_reviews_nor_mends_alices_task(people: People, task: UUID) -> None:
    view = after(people, "carol", task, (TaskView.send_review, [COMMENT]), (TaskView.take_next,))
    assert view.error == "There is no such task, or you cannot see it."
    assert len(prompts(task)) == 1


def test_failing_tests_are_mended_by_one_click_and_not_by_two(people: People, task: UUID) -> None:
    view = after(people, "alice", task, (TaskView.take_next,), (TaskView.take_next,))
    assert view.error == "There is nothing to mend here any more."
    assert len(prompts(task)) == 2
    assert "`make test` ended with exit code 2" in prompts(task)[1]


@pytest.mark.parametrize(
    ("kind", "outcome", "tab", "name"),
    [
        (TaskType.ASK, Outcome.ANSWERED, "answer", "Answer"),
        (TaskType.ARCHITECT, Outcome.ANSWERED, "answer", "Plan"),
        (TaskType.PR_REVIEW, Outcome.REVIEWED, "answer", "Findings"),
        (TaskType.DEBUG, Outcome.PR_OPENED, "log", ""),
    ],
)
def test_a_task_that_is_over_opens_on_its_answer(
    people: People, kind: TaskType, outcome: Outcome, tab: str, name: str
) -> None:
    task_id = make(people, kind)
    settle(task_id, Status.COMPLETED, outcome=outcome)

    async def road() -> TaskView:
        async with opened(people.cookies["alice"], f"/tasks/{task_id}") as page:
            following = await page.start(TaskView.follow)
            await page.until(lambda: _is_shown(page, task_id))
            following.cancel()
            return await page.state(TaskView)

    view = asyncio.run(road())
    assert (view.tab, view.facts.answer) == (tab, name)


async def _is_shown(page: Any, task_id: UUID) -> bool:
    return bool((await page.state(TaskView)).facts.id == str(task_id))
