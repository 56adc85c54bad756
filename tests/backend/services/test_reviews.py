"""Comments on lines of a task's changes, sent as one follow-up."""

from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from backend import db
from backend.errors import AsyncCoderError, Forbidden, InvalidInput, NotFound, TooLarge
from backend.models import Task, TaskMessage, TaskResult, TaskRun, User
from backend.services import reviews, tasks
from backend.words import Outcome, Priority, Status, TaskType, Visibility
from tests.conftest import People
from tests.settled import settle

PATCH = """diff --git a/shop/totals.py b/shop/totals.py
--- a/shop/totals.py
+++ b/shop/totals.py
@@ -19,3 +19,4 @@ def total(lines):
     exempt = sum(lines)
-    return round(exempt)
+    net = `sum`(lines)
+    return net
 
"""


@pytest.fixture
def task(people: People) -> UUID:
    """Alice's, on the team's repository, done with one changed file."""
    draft = tasks.Draft(people.shop, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Mend the totals")
    with db.transaction() as session:
        task_id = tasks.submit(session, people.alice, draft).id
        run = session.exec(select(TaskRun).where(TaskRun.task_id == task_id)).one()
        session.add(
            TaskResult(
                task_id=task_id,
                run_id=run.id,
                result_type="code_changes",
                content=PATCH,
                file_path="shop/totals.py",
                meta={"status": "modified", "added": 2, "removed": 1},
            )
        )
    settle(task_id, Status.COMPLETED, outcome=Outcome.PR_OPENED)
    return task_id


def comment(**changes: Any) -> dict[str, Any]:
    return {"path": "shop/totals.py", "line": 21, "side": "new", "text": "Round it.", **changes}


def send(user: User, task_id: UUID, *comments: Any) -> None:
    with db.transaction() as session:
        reviews.send(session, user, task_id, comments)


def prompts(task_id: UUID) -> list[str]:
    with db.transaction() as session:
        found = select(TaskRun.prompt).where(TaskRun.task_id == task_id).order_by(col(TaskRun.number))
        waiting = select(TaskMessage.text).where(TaskMessage.task_id == task_id, col(TaskMessage.taken_at).is_(None))
        return [*session.exec(found).all(), *session.exec(waiting).all()]


def test_a_review_becomes_one_follow_up_that_quotes_each_line(people: People, task: UUID) -> None:
    send(people.alice, task, comment(), comment(line=20, side="old", text="Why\nnot keep it?"), comment(line=20))
    [_, text] = prompts(task)
    assert text.startswith("Please address this review of the changes:\n\n- `shop/totals.py:21`\n  > `return net`\n\n")
    assert "- `shop/totals.py:20` (removed line)\n  > `return round(exempt)`\n\n  Why\n  not keep it?" in text
    assert "  > `` net = `sum`(lines) ``" in text


def test_the_same_review_twice_is_one(people: People, task: UUID) -> None:
    for _ in range(2):
        send(people.alice, task, comment())
    assert len(prompts(task)) == 2
    for _ in range(2):
        send(people.alice, task, comment(text="Another thing."))
    assert len(prompts(task)) == 3


def test_only_the_owner_reviews(people: People, task: UUID) -> None:
    with pytest.raises(NotFound):
        send(people.carol, task, comment())
    with db.transaction() as session:
        session.get_one(Task, task).visibility = Visibility.REPOSITORY
    with pytest.raises(Forbidden):
        send(people.bob, task, comment())
    assert len(prompts(task)) == 1


@pytest.mark.parametrize(
    ("comments", "error"),
    [
        ([], InvalidInput),
        (["no comment"], InvalidInput),
        ([comment(line="21")], InvalidInput),
        ([comment(side="both")], InvalidInput),
        ([comment(text=" \n")], InvalidInput),
        ([comment(text=None)], InvalidInput),
        ([comment(path="shop/other.py")], InvalidInput),
        ([comment(line=400)], InvalidInput),
        ([comment(line=21, side="old")], InvalidInput),
        ([comment(text="x" * 2001)], TooLarge),
        ([comment()] * 51, TooLarge),
        ([comment(text="x" * 2000)] * 50, TooLarge),
    ],
)
def test_what_is_no_comment_on_the_changes_is_refused(
    people: People, task: UUID, comments: list[Any], error: type[AsyncCoderError]
) -> None:
    with pytest.raises(error):
        send(people.alice, task, *comments)
    assert len(prompts(task)) == 1
