"""The six types over the demo's model, and what becomes of a model that tries to break out. True git, jail and hub."""

import json
from collections.abc import Iterator
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import select

from backend import db
from backend.models import TaskEvent, TaskResult
from backend.services import provider_keys
from backend.settings import get_settings
from backend.words import EventKind, Failure, Outcome, Status, TaskType
from tests.backend.services.road import kinds, run_of, submit, task_of, work
from tests.git_server import git
from tests.hub import LocalHub
from tests.model_server import Call, ScriptedModelServer, Turn

SHOP = "alice/sample-shop"
CLAUDE = "claude-sonnet-4-6"
DONE = Call("finish", {"title": "Done", "summary": "It is done."}, id="toolu_done")


def stored(task_id: UUID) -> list[TaskResult]:
    with db.transaction() as session:
        found = session.exec(select(TaskResult).where(TaskResult.task_id == task_id).order_by(text("created_at"))).all()
        session.expunge_all()
        return list(found)


def told(task_id: UUID, kind: EventKind) -> list[dict[str, object]]:
    with db.transaction() as session:
        found = select(TaskEvent.payload).where(TaskEvent.task_id == task_id, TaskEvent.kind == kind)
        return [dict(payload) for payload in session.exec(found.order_by(text("seq")))]


@pytest.mark.parametrize(
    ("task_type", "prompt", "says"),
    [
        (TaskType.ASK, "How does the total come about?", "What `shop/totals.py` holds"),
        (TaskType.ARCHITECT, "Let a cart have coupons.", "> Let a cart have coupons."),
    ],
)
def test_a_question_and_a_plan_end_in_words_and_leave_no_trace_at_github(
    hub: LocalHub, alice: UUID, task_type: TaskType, prompt: str, says: str
) -> None:
    task_id = submit(alice, prompt=prompt, task_type=task_type)
    assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.outcome) == (Status.COMPLETED, Outcome.ANSWERED)
    [result] = stored(task_id)
    assert result.result_type == "analysis" and says in (result.content or "")
    assert EventKind.PUSH not in kinds(task_id) and hub.pulls("alice", SHOP) == []


@pytest.mark.parametrize(
    ("task_type", "result_type", "files"),
    [
        (TaskType.DOCUMENTATION, "documentation", {"README.md", "shop/totals.py"}),
        (TaskType.ASYNC, "code_changes", {"shop/totals.py", "tests/test_lines.py"}),
    ],
)
def test_documentation_and_a_general_task_end_in_a_pull_request(
    hub: LocalHub, alice: UUID, task_type: TaskType, result_type: str, files: set[str]
) -> None:
    task_id = submit(alice, prompt="Do what you can.", task_type=task_type)
    assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.outcome) == (Status.COMPLETED, Outcome.PR_OPENED)
    *changes, opened = stored(task_id)
    assert {one.file_path for one in changes} == files and opened.result_type == "pr_created"
    assert {one.result_type for one in changes} == {result_type}


@pytest.fixture
def server(alice: UUID, environment: pytest.MonkeyPatch) -> Iterator[ScriptedModelServer]:
    """A model that Alice has a key for, and that does what a test says."""
    with ScriptedModelServer([Turn("ok")]) as found:
        environment.setenv("ANTHROPIC_BASE_URL", found.url)
        get_settings.cache_clear()
        provider_keys.keep(alice, "anthropic", "sk-anthropic-a-key-of-alices-own")
        found.received.clear()
        yield found


def scripted(server: ScriptedModelServer, *calls: Call) -> None:
    server.script = [Turn(calls=[call]) for call in (*calls, DONE)]


def answers(server: ScriptedModelServer) -> str:
    """All that the tools answered."""
    return json.dumps(server.received[-1].body["messages"])


@pytest.mark.parametrize("task_type", [TaskType.ASK, TaskType.ARCHITECT])
def test_a_question_that_wants_to_edit_and_to_run_commands_finds_no_tool_for_it(
    hub: LocalHub, alice: UUID, server: ScriptedModelServer, task_type: TaskType
) -> None:
    scripted(
        server,
        Call("edit_file", {"path": "README.md", "old_str": "", "new_str": "Mine."}, id="toolu_1"),
        Call("run_command", {"command": "echo mine > README.md; git push"}, id="toolu_2"),
        # What is looked for ends up behind `-e`, whatever it is called.
        Call("search", {"pattern": "--pre=touch", "path": "README.md"}, id="toolu_3"),
        Call("search", {"pattern": "x'; touch evil.txt; echo '", "glob": "$(touch evil.txt)"}, id="toolu_4"),
        Call("read_file", {"path": "../../../etc/passwd"}, id="toolu_5"),
    )
    task_id = submit(alice, task_type=task_type, model=CLAUDE)
    assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.outcome) == (Status.COMPLETED, Outcome.ANSWERED)
    offered = {tool["name"] for tool in server.received[0].body["tools"]}
    assert offered == {"finish", "list_files", "read_file", "search"}
    said = answers(server)
    assert "There is no tool 'edit_file'" in said and "There is no tool 'run_command'" in said
    assert "root:" not in said
    assert EventKind.PUSH not in kinds(task_id) and [one.result_type for one in stored(task_id)] == ["analysis"]


def test_a_question_whose_files_changed_all_the_same_hands_nothing_over_and_costs_nothing(
    hub: LocalHub, alice: UUID, server: ScriptedModelServer, environment: pytest.MonkeyPatch
) -> None:
    """As if a tool of reading had learnt to write: the assertion behind the tools."""
    from backend.engine import tools as engine_tools

    true_listing = engine_tools.Toolbox._list_files

    def writing(self: engine_tools.Toolbox, path: str = ".", **given: object) -> object:
        (self.workspace / "README.md").write_text("Mine.\n")
        return true_listing(self, path, **given)  # type: ignore[arg-type]

    environment.setattr(engine_tools.Toolbox, "_list_files", writing)
    scripted(server, Call("list_files", {}, id="toolu_1"))
    task_id = submit(alice, task_type=TaskType.ASK, model=CLAUDE)
    assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.failure) == (Status.FAILED, Failure.NOT_ALLOWED)
    assert stored(task_id) == [] and run.charged in (None, 0)


def test_documentation_is_refused_code_by_its_tool_and_what_its_shell_changed_is_taken_back(
    hub: LocalHub, alice: UUID, server: ScriptedModelServer
) -> None:
    edit = {"path": "shop/totals.py", "old_str": "round(line.net, 2)", "new_str": "line.net"}
    shell = (
        "sed -i 's/round(line.net, 2)/0/' shop/totals.py; echo 'import os' > shop/evil.py; chmod +x README.md; "
        "ln -s /etc/passwd docs.md; mkdir -p docs; echo Guide > docs/guide.md; git commit -qam x; git push origin HEAD"
    )
    scripted(
        server,
        Call("edit_file", edit, id="toolu_1"),
        Call("edit_file", {"path": "setup.py", "old_str": "", "new_str": "x = 1\n"}, id="toolu_2"),
        Call("edit_file", {"path": "README.md", "old_str": "", "new_str": "More words.\n"}, id="toolu_3"),
        Call("run_command", {"command": shell}, id="toolu_4"),
    )
    task_id = submit(alice, task_type=TaskType.DOCUMENTATION, model=CLAUDE)
    assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.outcome) == (Status.COMPLETED, Outcome.PR_OPENED), run.reason
    said = answers(server)
    assert "this would change code in 'shop/totals.py'" in said and "new file of code" in said
    [note] = [one for one in told(task_id, EventKind.NOTE) if one.get("code") == "taken_back"]
    for path in ("README.md", "docs.md", "shop/evil.py", "shop/totals.py"):
        assert f"`{path}`" in str(note["text"])
    *changes, opened = stored(task_id)
    assert [one.file_path for one in changes] == ["docs/guide.md"]
    assert "were taken back" in (opened.content or "")
    pull = hub.as_person("alice").get(f"/repos/{SHOP}/pulls/1").json()
    assert "were taken back" in pull["body"] and "More words" not in pull["body"]
    files = hub.as_person("alice").get(f"/repos/{SHOP}/pulls/1/files").json()
    assert [one["filename"] for one in files] == ["docs/guide.md"]


def test_documentation_that_changed_nothing_but_code_ends_without_a_change(
    hub: LocalHub, alice: UUID, server: ScriptedModelServer
) -> None:
    scripted(server, Call("run_command", {"command": "rm -r tests; echo x > new.py"}, id="toolu_1"))
    task_id = submit(alice, task_type=TaskType.DOCUMENTATION, model=CLAUDE)
    assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.outcome) == (Status.COMPLETED, Outcome.NO_CHANGES)
    assert hub.pulls("alice", SHOP) == [] and task_of(task_id).work_branch is None
    assert "were taken back" in str(told(task_id, EventKind.ENDED)[0]["text"])


def test_a_review_that_wants_to_push_finds_no_tool_and_leaves_the_branches_as_they_were(
    hub: LocalHub, alice: UUID, server: ScriptedModelServer
) -> None:
    person = hub.as_person("alice")
    before = git(hub.data_dir, "ls-remote", person.clone_url(SHOP))
    scripted(
        server,
        Call("run_command", {"command": "git push origin HEAD:main"}, id="toolu_1"),
        Call("edit_file", {"path": "README.md", "old_str": "", "new_str": "Mine."}, id="toolu_2"),
        Call("read_file", {"path": "README.md"}, id="toolu_5"),
        Call("push", {"branch": "main"}, id="toolu_3"),
    )
    server.script[-1] = Turn(calls=[Call("finish", {**json.loads(DONE.json), "findings": []}, id="toolu_4")])
    task_id = submit(alice, task_type=TaskType.PR_REVIEW, model=CLAUDE)
    assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.outcome) == (Status.COMPLETED, Outcome.REVIEWED)
    assert git(hub.data_dir, "ls-remote", person.clone_url(SHOP)) == before
    assert not {EventKind.PUSH, EventKind.COMMIT} & set(kinds(task_id))
