"""What the worker writes into the log, and what it keeps beside it."""

import os
from io import BytesIO
from uuid import UUID

import pytest

from backend import db, events
from backend.errors import NotFound
from backend.models import TaskRun
from backend.services import recorder, tasks, workplace
from backend.services.recorder import Recorder, keep_patch, latest_checkpoint, pack_patch
from backend.words import EventKind
from tests.backend.services.road import hand_to_the_next, submit, work
from tests.backend.services.worker import claim
from tests.backend.services.worker import submit as submit_unsent
from tests.conftest import People
from tests.hub import LocalHub


def codes(task_id: UUID) -> list[str]:
    with db.transaction() as session:
        return [row.payload["code"] for row in events.since(session, task_id, 0) if row.kind == EventKind.NOTE]


def test_files_too_large_for_a_checkpoint_are_told_once_and_the_last_one_stands(people: People) -> None:
    task_id = submit_unsent(people)
    mine = claim()
    diffs = iter([b"x" * 10, None, None])
    pen = Recorder(task_id, mine, lambda: ("tree", next(diffs)))
    for _ in range(3):
        pen.emit(EventKind.TOOL_RESULT, {"call_id": "c", "name": "run_command", "text": "", "is_error": False})
    assert codes(task_id) == ["checkpoint_too_large"]
    with db.transaction() as session:
        assert latest_checkpoint(session, mine.run_id) == b"x" * 10


def test_only_a_step_that_may_change_files_is_asked_for_a_checkpoint(people: People) -> None:
    asked = 0

    def checkpoint() -> None:
        nonlocal asked
        asked += 1

    pen = Recorder(submit_unsent(people), claim(), checkpoint)
    for name in ("read_file", "search", "list_files", "finish", "edit_file", "run_command"):
        pen.emit(EventKind.TOOL_RESULT, {"call_id": name, "name": name, "text": "", "is_error": False})
    assert asked == 2


def test_whether_there_is_a_patch_is_asked_without_reading_it(people: People, statements: list[str]) -> None:
    task_id = submit_unsent(people)
    mine = claim()
    with db.transaction() as session:
        assert not tasks.has_patch(session, people.alice, task_id)
        keep_patch(session, session.get_one(TaskRun, mine.run_id), pack_patch(BytesIO(b"diff --git a/x b/x\n")))
        statements.clear()
        assert tasks.has_patch(session, people.alice, task_id)
    assert not any("SELECT artifacts.content" in one for one in statements), "its length is known without it"
    with pytest.raises(NotFound), db.transaction() as session:
        tasks.has_patch(session, people.carol, task_id)


def test_a_patch_that_is_too_large_keeps_the_files_that_fit_and_says_so(people: People) -> None:
    task_id = submit_unsent(people)
    mine = claim()
    small = b"diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+2\n"
    large = b"diff --git a/b b/b\n" + os.urandom(recorder.MAX_ARTIFACT + 1).replace(b"\n", b" ")
    with db.transaction() as session:
        packed = pack_patch(BytesIO(large + b"\n" + small))
        keep_patch(session, session.get_one(TaskRun, mine.run_id), packed)
    with db.transaction() as session:
        first, _, rest = b"".join(tasks.patch(session, people.alice, task_id)).partition(b"\n")
    assert first.startswith(b"# The patch is cut off at 20 MB") and rest == small
    assert codes(task_id) == ["patch_cut"]


def test_a_run_that_goes_on_without_its_last_changes_says_so(
    hub: LocalHub,
    alice: UUID,
    environment: pytest.MonkeyPatch,
) -> None:
    task_id = submit(alice)
    with environment.context() as patched:
        patched.setitem(vars(workplace), "MAX_ARTIFACT", 1)
        assert work("before_the_commit") == -9
    hand_to_the_next(task_id)
    assert work() == 0
    assert codes(task_id) == ["checkpoint_too_large", "worker_gone", "files_lost"]
