"""The scripted demo, from the prompt to the end, with true tools in a true jail."""

from pathlib import Path

import pytest

from backend.engine.agent import LogEntry, QueuedMessage
from backend.providers.demo import DemoProvider
from backend.sandbox.base import Sandbox
from backend.words import APPROVAL, Decision, EventKind, TaskType
from backend.workspace import docs_only
from tests.backend.engine.scripted import BUG, Bench


@pytest.fixture
def bench(workspace: Path, sandbox: Sandbox) -> Bench:
    return Bench(workspace, sandbox)


def test_the_demo_sees_red_mends_the_sample_and_sees_green(bench: Bench) -> None:
    ending = bench.work(DemoProvider(pace=0))
    results = bench.log.of(EventKind.TOOL_RESULT)
    assert [result["name"] for result in results] == [
        "list_files", "read_file", "run_command", "edit_file", "run_command", "finish",
    ]  # fmt: skip
    assert [result["exit_code"] for result in results if result["name"] == "run_command"] == [1, 0]
    assert (results[3]["path"], results[3]["added"], results[3]["removed"]) == ("shop/totals.py", 3, 1)
    assert ending.kind == "finished" and ending.title == "Round the cart's total once, at the end"
    assert "failed before the change and passes after it" in ending.text and ending.cost_micro > 0
    assert BUG not in (bench.workspace / "shop/totals.py").read_text()
    assert not list(bench.workspace.rglob("__pycache__"))
    assert "".join(bench.log.deltas).startswith("First a look")


def test_with_the_bug_altered_the_demo_edits_sees_red_and_says_so(bench: Bench) -> None:
    totals = bench.workspace / "shop/totals.py"
    totals.write_text(totals.read_text().replace("line.exempt for line", "line.exempt + 1 for line"))
    ending = bench.work(DemoProvider(pace=0))
    assert bench.log.of(EventKind.TOOL_RESULT)[3]["is_error"] is False
    assert "tests still fail" in ending.title and "**The tests still fail:**" in ending.text
    assert "passes" not in ending.text


def test_with_the_line_gone_the_demo_reports_that_its_edit_did_not_fit(bench: Bench) -> None:
    totals = bench.workspace / "shop/totals.py"
    totals.write_text(totals.read_text().replace("round(line.net, 2)", "round(line.net, 1)"))
    before = totals.read_text()
    ending = bench.work(DemoProvider(pace=0))
    assert bench.log.of(EventKind.TOOL_RESULT)[3]["is_error"] is True
    assert "did not fit" in ending.title and "**The tests still fail:**" in ending.text
    assert totals.read_text() == before


def test_elsewhere_the_demo_looks_around_and_changes_nothing(bench: Bench) -> None:
    (bench.workspace / "shop/totals.py").unlink()
    ending = bench.work(DemoProvider(pace=0))
    names = [result["name"] for result in bench.log.of(EventKind.TOOL_RESULT)]
    assert names == ["list_files", "read_file", "finish"]
    assert ending.title == "Looked around, changed nothing" and "no AI" in ending.text


def test_a_question_is_answered_with_what_was_read(bench: Bench) -> None:
    bench.task_type = TaskType.ASK
    bench.prompt("How does the total come about?")
    ending = bench.work(DemoProvider(pace=0))
    assert [result["name"] for result in bench.log.of(EventKind.TOOL_RESULT)] == [
        "list_files", "read_file", "search", "finish",
    ]  # fmt: skip
    assert "- `shop/totals.py:15`: `def total(lines: list[Line]) -> Decimal:`" in ending.text
    assert "- `tests/test_totals.py:6`" in ending.text and "cannot weigh your question" in ending.text
    assert BUG in (bench.workspace / "shop/totals.py").read_text()


def test_a_question_that_names_a_file_is_answered_from_that_file(bench: Bench) -> None:
    bench.task_type = TaskType.ASK
    bench.prompt("What is in tests/test_totals.py?")
    assert bench.work(DemoProvider(pace=0)).title == "What tests/test_totals.py holds"


def test_a_plan_names_goal_files_steps_and_risks(bench: Bench) -> None:
    bench.task_type = TaskType.ARCHITECT
    bench.prompt("Let a cart have coupons.")
    ending = bench.work(DemoProvider(pace=0))
    for said in ("> Let a cart have coupons.", "## Steps", "`shop/totals.py`", "Who uses it: `tests/test_totals.py`."):
        assert said in ending.text
    assert ending.title == "A plan for shop/totals.py"


def test_documentation_changes_words_alone_and_sees_the_tests_say_what_they_said(bench: Bench) -> None:
    bench.task_type = TaskType.DOCUMENTATION
    before = bench.files()
    ending = bench.work(DemoProvider(pace=0))
    after = bench.files()
    changed = sorted(path for path in after if after[path] != before.get(path))
    assert changed == ["README.md", "shop/totals.py"]
    assert docs_only.fault("shop/totals.py", before["shop/totals.py"], after["shop/totals.py"]) is None
    assert "Using it" in after["README.md"].decode() and BUG.encode() in after["shop/totals.py"]
    assert "Only words changed" in ending.text and "exit code 1" in ending.text
    bench.prompt("Once more.")
    assert bench.work(DemoProvider(pace=0)).title == "The documentation says it already"
    assert bench.files() == after


def test_a_general_task_makes_a_small_true_change_with_a_test_of_it(bench: Bench) -> None:
    bench.task_type = TaskType.ASYNC
    ending = bench.work(DemoProvider(pace=0))
    commands = [result for result in bench.log.of(EventKind.TOOL_RESULT) if result["name"] == "run_command"]
    assert [one["exit_code"] for one in commands] == [0, 1], "its own test passes; the sample's mistake is still there"
    assert "tests.test_lines` passes" in ending.text and "which a debug task mends" in ending.text
    bench.prompt("And now?")
    assert bench.work(DemoProvider(pace=0)).title == "Changed nothing more"


def test_a_review_without_a_pull_request_says_that_it_judged_nothing(bench: Bench) -> None:
    bench.task_type = TaskType.PR_REVIEW
    ending = bench.work(DemoProvider(pace=0))
    assert ending.title == "Looked, and judged nothing" and ending.findings == ()


def test_a_follow_up_adds_a_regression_test_and_sees_it_pass(bench: Bench) -> None:
    bench.work(DemoProvider(pace=0))
    cost_of_the_first = sum(turn["cost_micro"] for turn in bench.log.of(EventKind.MODEL_TURN))
    for number in (1, 2):
        bench.prompt("And a test for it, please.")
        ending = bench.work(DemoProvider(pace=0))
        assert ending.title == "Add a regression test for half-cents" and "passes" in ending.text
        assert (bench.workspace / f"tests/test_half_cents_{number}.py").exists()
        assert ending.steps == 5
    total = sum(turn["cost_micro"] for turn in bench.log.of(EventKind.MODEL_TURN))
    assert ending.cost_micro < total - cost_of_the_first


def test_a_message_that_comes_in_while_the_demo_works_is_taken_in_once(bench: Bench) -> None:
    bench.person.messages.append(QueuedMessage("m1", "Mind the cents."))
    ending = bench.work(DemoProvider(pace=0))
    assert bench.log.of(EventKind.USER_MESSAGE) == [{"text": "Mind the cents.", "message_id": "m1"}]
    assert "A message came in meanwhile" in ending.text


def test_a_demo_run_cut_off_after_any_entry_goes_on_from_there(bench: Bench) -> None:
    whole = Bench(bench.workspace, bench.sandbox)
    totals = bench.workspace / "shop/totals.py"
    broken = totals.read_text()
    whole.work(DemoProvider(pace=0))
    for cut in range(1, len(whole.log.entries) + 1):
        again = Bench(bench.workspace, bench.sandbox)
        again.log.entries = whole.log.entries[:cut]
        edited = any(e.kind is EventKind.TOOL_RESULT and e.payload["name"] == "edit_file" for e in again.log.entries)
        if not edited:
            totals.write_text(broken)
        ending = again.work(DemoProvider(pace=0))
        was_cut_off = any(result["text"].startswith("Interrupted") for result in again.log.of(EventKind.TOOL_RESULT))
        assert ending.title == "Round the cart's total once, at the end"
        assert ending.steps == len(again.log.of(EventKind.MODEL_TURN)) == (7 if was_cut_off else 6)


@pytest.mark.parametrize("task_type", [TaskType.DEBUG, TaskType.DOCUMENTATION, TaskType.ASYNC])
def test_the_demo_plans_first_hears_what_it_is_asked_and_does_what_was_approved(
    bench: Bench, task_type: TaskType
) -> None:
    bench.task_type, bench.plan_first = task_type, True
    before = bench.files()
    assert bench.work(DemoProvider(pace=0)).reason == APPROVAL and bench.files() == before
    said = {"number": 1, "decision": Decision.CHANGE, "text": "Shorter.", "plan": "", "is_edited": False}
    bench.log.entries.append(LogEntry(EventKind.PLAN_DECIDED, said))
    assert bench.work(DemoProvider(pace=0)).reason == APPROVAL and bench.files() == before
    first, second = (plan["text"] for plan in bench.log.of(EventKind.PLAN))
    assert "> Shorter." in second and "> Shorter." not in first and "no AI" in first
    said |= {"number": 2, "decision": Decision.APPROVE, "text": "", "plan": second}
    bench.log.entries.append(LogEntry(EventKind.PLAN_DECIDED, said))
    plain = Bench(bench.workspace, bench.sandbox, task_type=task_type)
    ending = bench.work(DemoProvider(pace=0))
    after = bench.files()
    assert ending.kind == "finished" and after != before and "A message came in" not in ending.text
    for path, content in before.items():
        (bench.workspace / path).write_bytes(content)
    for path in after.keys() - before.keys():
        (bench.workspace / path).unlink()
    assert plain.work(DemoProvider(pace=0)).text == ending.text and plain.files() == after, "as without a plan"


def test_elsewhere_the_demo_plans_to_change_nothing(bench: Bench) -> None:
    (bench.workspace / "shop/totals.py").unlink()
    bench.plan_first = True
    assert bench.work(DemoProvider(pace=0)).reason == APPROVAL
    assert bench.log.of(EventKind.PLAN)[0]["title"] == "Look around, change nothing"
