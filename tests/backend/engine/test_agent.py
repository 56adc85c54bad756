"""The loop: what ends a run, what the person's orders do, and what the model is told."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from backend.engine import prompts
from backend.engine.agent import QueuedMessage, RunLimits
from backend.engine.tools import Toolbox
from backend.engine.toolspecs import SPECS
from backend.engine.transcript import Conversation, LogEntry, write_turn
from backend.errors import RunFailed, StaleFence
from backend.providers import open_provider
from backend.providers.base import Final, Message, Text, ToolCall, Usage
from backend.sandbox.base import Sandbox
from backend.words import EventKind, Failure, TaskType
from tests.backend.engine.scripted import Bench, Person, Script, Time, call, finish
from tests.model_server import Broken, Call, ScriptedModelServer, Turn


@pytest.fixture
def bench(workspace: Path, sandbox: Sandbox) -> Bench:
    return Bench(workspace, sandbox)


def test_the_models_own_finish_ends_the_run_with_its_words(bench: Bench) -> None:
    ending = bench.work(Script([[Text("Looking."), call("list_files")], [finish("All is well.")]]))
    assert (ending.kind, ending.title, ending.text, ending.reason) == ("finished", "A title", "All is well.", None)
    assert ending.steps == 2 and ending.cost_micro == 2 * (1_000 * 3 + 100 * 15)


def test_each_turn_is_one_entry_with_its_usage_and_cost(bench: Bench) -> None:
    bench.work(Script([[Text("Done."), finish()]]))
    (turn,) = bench.log.of(EventKind.MODEL_TURN)
    assert turn["usage"]["input_total"] == 1_000 and turn["cost_micro"] == 4_500 and turn["model"] == "a-model"
    assert [part["type"] for part in turn["parts"]] == ["text", "tool_call"]
    assert [e.kind.value for e in bench.log.entries] == ["prompt", "model_turn", "tool_started", "tool_result"]


def test_parallel_calls_run_in_order_and_all_results_go_back_together(bench: Bench) -> None:
    model = Script([[call("read_file", path="README.md"), call("read_file", path="nowhere")], [finish()]])
    bench.work(model)
    results = model.requests[1].messages[-1].parts
    assert [getattr(part, "is_error", None) for part in results] == [False, True]
    assert [message.role for message in model.requests[1].messages] == ["user", "assistant", "user"]


def test_finish_is_refused_beside_a_call_that_failed(bench: Bench) -> None:
    model = Script([[call("read_file", path="nowhere"), finish()], [finish("Looked at it.")]])
    assert bench.work(model).text == "Looked at it."


def test_what_was_sent_once_never_changes_afterwards(bench: Bench) -> None:
    model = Script([[call("list_files")], [Text("Hm.")], [call("read_file", path="README.md")], [finish()]])
    bench.work(model)
    for earlier, later in zip(model.requests, model.requests[1:], strict=False):
        assert (earlier.system, earlier.tools) == (later.system, later.tools)
        assert tuple(later.messages[: len(earlier.messages)]) == tuple(earlier.messages)


def test_a_model_that_only_talks_is_reminded_twice_and_then_taken_at_its_word(bench: Bench) -> None:
    model = Script([[Text("I think it is fine.")]])
    ending = bench.work(model)
    assert (ending.kind, ending.text, ending.reason) == ("finished", "I think it is fine.", "no_tool_call")
    assert len(model.requests) == 3 and "called no tool" in model.requests[1].messages[-1].text


def test_an_empty_answer_is_asked_again_and_in_the_end_said_so(bench: Bench) -> None:
    ending = bench.work(Script([[]]))
    assert (ending.steps, ending.text) == (3, "The model gave no answer.")


def test_an_answer_cut_off_at_its_limit_is_told_so(bench: Bench) -> None:
    cut = Final(Message("assistant", (Text("A very long"),)), Usage(100, output=100), "max_tokens")
    model = Script([cut, [finish()]])
    bench.work(model)
    assert "cut off" in model.requests[1].messages[-1].text


def test_a_refusal_ends_the_run_with_what_the_model_said(bench: Bench) -> None:
    ending = bench.work(Script([Final(Message("assistant", (Text("No."),)), Usage(100, output=1), "refusal")]))
    assert (ending.kind, ending.text, ending.reason) == ("finished", "No.", "refusal")


def test_the_same_call_with_the_same_result_is_nudged_at_three_and_stopped_at_five(bench: Bench) -> None:
    model = Script([[call("run_command", command="echo same")]])
    with pytest.raises(RunFailed) as caught:
        bench.work(model)
    assert caught.value.failure is Failure.STUCK and len(model.requests) == 5
    texts = [result["text"] for result in bench.log.of(EventKind.TOOL_RESULT)]
    assert ["Try another way" in text for text in texts] == [False, False, True, True, True]


def test_two_calls_in_turns_are_found_to_be_stuck_too(bench: Bench) -> None:
    steps = [[call("run_command", command=f"echo {word}")] for word in ("a", "b")] * 5
    with pytest.raises(RunFailed):
        bench.work(Script(steps))
    assert len(bench.log.of(EventKind.MODEL_TURN)) == 9


def test_after_an_edit_the_same_test_output_is_no_sign_of_being_stuck(bench: Bench) -> None:
    steps = []
    for number in range(6):
        steps.append([call("run_command", command="false")])
        steps.append([call("edit_file", path="notes.txt", old_str="", new_str=f"{number}\n")])
    assert bench.work(Script([*steps, [finish()]])).kind == "finished"


def test_looking_again_with_other_things_learned_in_between_is_no_sign_of_being_stuck(bench: Bench) -> None:
    steps = []
    for number in range(6):
        steps.append([call("read_file", path="shop/totals.py")])
        steps.append([call("search", pattern=f"x{number}")])
    assert bench.work(Script([*steps, [finish()]])).kind == "finished"


def test_a_check_that_fails_alike_after_each_command_that_edits_is_no_sign_of_being_stuck(bench: Bench) -> None:
    steps = []
    for number in range(6):
        steps.append([call("run_command", command=f"sed -i 's/cents/cents {number}/' shop/totals.py")])
        steps.append([call("run_command", command="echo 1 failed; false")])
    assert bench.work(Script([*steps, [finish()]])).kind == "finished"


def test_what_was_shortened_away_may_be_looked_at_again() -> None:
    asked = [ToolCall(f"c{number}", "read_file", {"path": "a"}) for number in range(6)]
    talk = Conversation("")
    for number, one in enumerate(asked):
        parts, raw = write_turn(Message("assistant", (one,)))
        turn = {"parts": parts, "usage": {}, "cost_micro": 0, "duration_ms": 0, "stop_reason": "tool_use"}
        talk.apply(LogEntry(EventKind.MODEL_TURN, turn, raw))
        told = {"call_id": one.id, "text": "same", "is_error": False, "duration_ms": 0}
        talk.apply(LogEntry(EventKind.TOOL_RESULT, told))
        if number == 3:
            talk.apply(LogEntry(EventKind.COMPACTED, {"mode": "elided", "until": len(talk.messages)}))
    assert talk.most_repeated == 2


def test_what_a_resumed_run_has_lost_is_told_after_the_results_of_its_last_turn() -> None:
    talk = Conversation("")
    talk.apply(LogEntry(EventKind.PROMPT, {"text": "Mend it."}))
    parts, raw = write_turn(Message("assistant", (ToolCall("c", "read_file", {"path": "a"}),)))
    turn = {"parts": parts, "usage": {}, "cost_micro": 0, "duration_ms": 0, "stop_reason": "tool_use"}
    talk.apply(LogEntry(EventKind.MODEL_TURN, turn, raw))
    talk.apply(LogEntry(EventKind.NOTE, {"text": "Changes are lost.", "code": "files_lost"}))
    told = {"call_id": "c", "text": "one", "is_error": False, "duration_ms": 0}
    talk.apply(LogEntry(EventKind.TOOL_RESULT, told))
    assert [type(part).__name__ for part in talk.messages[-1].parts] == ["ToolResult", "Text"]


@pytest.mark.parametrize(
    "wrong",
    [
        ToolCall("c", "read_file", None, '{"path": '),
        ToolCall("c", "read_file", {}),
        ToolCall("c", "read_file", {"path": 7}),
        ToolCall("c", "launch_rocket", {"path": "x"}),
    ],
)
def test_three_calls_in_a_row_that_cannot_be_understood_stop_the_run(bench: Bench, wrong: ToolCall) -> None:
    with pytest.raises(RunFailed) as caught:
        bench.work(Script([[wrong]]))
    assert caught.value.failure is Failure.STUCK
    assert len(bench.log.of(EventKind.MODEL_TURN)) == 3


def test_a_good_call_in_between_makes_up_for_bad_ones(bench: Bench) -> None:
    bad = ToolCall("c", "read_file", None, "{")
    model = Script([[bad], [bad], [call("list_files")], [bad], [bad], [finish()]])
    assert bench.work(model).kind == "finished"
    assert "not readable JSON" in str(model.requests[1].messages[-1].parts[0])


def test_at_nine_tenths_of_the_steps_one_turn_is_left_to_hand_over(bench: Bench) -> None:
    bench.limits = RunLimits(steps=10)
    steps = [[call("run_command", command=f"echo {number}")] for number in range(9)]
    model = Script([*steps, [Text("Half is done."), finish("Half is done.")]])
    ending = bench.work(model)
    assert (ending.kind, ending.reason, ending.text, ending.steps) == ("finished", "steps", "Half is done.", 10)
    assert "This is the last turn" in model.requests[-1].messages[-1].text


def test_a_model_that_goes_on_in_its_last_turn_is_not_obeyed(bench: Bench) -> None:
    bench.limits = RunLimits(steps=1)
    ending = bench.work(Script([[call("list_files")], [Text("More!"), call("run_command", command="touch more")]]))
    assert (ending.kind, ending.reason) == ("finished", "steps")
    assert "limit of steps" in ending.text and "More!" in ending.text
    assert not (bench.workspace / "more").exists()
    assert all(not result["text"] or result["call_id"] for result in bench.log.of(EventKind.TOOL_RESULT))


def test_the_time_limit_counts_what_earlier_attempts_worked(bench: Bench) -> None:
    bench.limits = RunLimits(seconds=100)
    time = Time()
    bench.seams = time.seams()
    bench.work(Script([[call("list_files")], [finish()]]))
    again = Bench(bench.workspace, bench.sandbox, seams=Time().seams(), limits=bench.limits)
    again.log.entries = [entry for entry in bench.log.entries if entry.payload.get("name") != "finish"][:-1]
    again.log.entries[1].payload["duration_ms"] = 95_000
    ending = again.work(Script([[Text("Out of time."), finish("Out of time.")]]))
    assert ending.reason == "time"


def test_finish_now_gives_the_model_one_turn_to_hand_over(bench: Bench) -> None:
    def impatient(person: Person) -> None:
        person.finish_now = person.polls > 1

    bench.person.when_polled = impatient
    ending = bench.work(Script([[call("list_files")], [finish("This is what there is.")]]))
    assert (ending.kind, ending.reason, ending.text) == ("finished", "finish_now", "This is what there is.")


def test_a_cancel_before_a_call_means_that_it_is_not_made(bench: Bench) -> None:
    bench.person.cancelled = True
    model = Script([[finish()]])
    ending = bench.work(model)
    assert (ending.kind, ending.cost_micro, model.requests) == ("cancelled", 0, [])


def test_a_cancel_ends_a_running_command_and_what_comes_after_it(bench: Bench) -> None:
    def tired(person: Person) -> None:
        person.cancelled = person.polls > 1

    bench.person.when_polled = tired
    began = datetime.now()
    both = [call("run_command", command="sleep 30"), call("run_command", command="touch more")]
    ending = bench.work(Script([both]))
    assert ending.kind == "cancelled" and (datetime.now() - began).seconds < 6
    texts = [result["text"] for result in bench.log.of(EventKind.TOOL_RESULT)]
    assert "cancelled" in texts[0] and "Not run" in texts[1] and not (bench.workspace / "more").exists()


def test_a_cancel_is_heard_while_the_provider_is_silent(bench: Bench) -> None:
    def tired(person: Person) -> None:
        person.cancelled = person.polls > 1

    bench.person.when_polled = tired
    with ScriptedModelServer([Broken(Turn("Let me think"), 3, "silence")]) as server:
        ending = bench.work(open_provider("anthropic", api_key="k", base_url=server.url))
    assert ending.kind == "cancelled" and not bench.log.of(EventKind.MODEL_TURN)


def test_a_message_is_read_before_the_next_call_and_keeps_a_finished_run_going(bench: Bench) -> None:
    def talkative(person: Person) -> None:
        if person.polls == 2:
            person.messages.append(QueuedMessage("m1", "And the README?"))

    bench.person.when_polled = talkative
    model = Script([[finish("Done.")], [finish("The README too.")]])
    ending = bench.work(model)
    assert ending.text == "The README too."
    assert model.requests[1].messages[-1].text == "And the README?"
    assert len(bench.log.of(EventKind.USER_MESSAGE)) == 1


def test_a_worker_that_lost_its_run_stops_at_once(bench: Bench) -> None:
    def stale(kind: EventKind, payload: dict[str, object]) -> None:
        if kind is EventKind.TOOL_STARTED:
            raise StaleFence("taken over")

    bench.log.before_emit = stale
    with pytest.raises(StaleFence):
        bench.work(Script([[call("run_command", command="touch trace")]]))
    assert not (bench.workspace / "trace").exists()


@pytest.mark.parametrize("task_type", [TaskType.ASK, TaskType.ARCHITECT, TaskType.PR_REVIEW])
def test_types_that_may_not_edit_have_no_tool_to_do_it(bench: Bench, task_type: TaskType) -> None:
    bench.task_type = task_type
    with pytest.raises(RunFailed):
        bench.work(Script([[call("edit_file", path="README.md", old_str="", new_str="x")]]))
    names = [spec.name for spec in Toolbox(bench.workspace, bench.sandbox, task_type).specs()]
    assert names == ["finish", "list_files", "read_file", "search"]
    assert (bench.workspace / "README.md").read_text().endswith("totals.\n")


def test_a_review_hands_over_its_findings(bench: Bench) -> None:
    bench.task_type = TaskType.PR_REVIEW
    finding = {"path": "shop/totals.py", "line": 19, "severity": "major", "text": "Rounded too early."}
    ending = bench.work(Script([[call("finish", title="One fault", summary="One.", findings=[finding])]]))
    assert ending.findings == (finding,)


@pytest.mark.parametrize("task_type", list(TaskType))
def test_prompt_and_tools_stay_small(bench: Bench, task_type: TaskType) -> None:
    assert len(prompts.system(task_type, plan_first=task_type.may_edit).encode()) <= 4_096
    specs = Toolbox(bench.workspace, bench.sandbox, task_type, plan_first=task_type.may_edit).specs()
    specs += [SPECS["read_diff"]] if task_type is TaskType.PR_REVIEW else []  # of a pull request
    assert len(json.dumps([[spec.name, spec.description, spec.parameters] for spec in specs])) <= 4_096


def test_a_whole_run_over_http_with_thinking_and_tools(bench: Bench) -> None:
    old, new = "A cart and its totals.", "A cart, its totals, and no tax."
    script = [
        Turn("Reading.", thinking="What is it?", calls=[Call("read_file", {"path": "README.md"}, "a")]),
        Turn("Editing.", calls=[Call("edit_file", {"path": "README.md", "old_str": old, "new_str": new}, "b")]),
        Turn(calls=[Call("finish", {"title": "Say it", "summary": "Said."}, "c")]),
    ]
    for provider_id in ("anthropic", "compatible"):
        (bench.workspace / "README.md").write_text(f"{old}\n")
        one = Bench(bench.workspace, bench.sandbox)
        with ScriptedModelServer(script) as server:
            ending = one.work(open_provider(provider_id, api_key="k", base_url=server.url))
        assert (ending.title, ending.steps) == ("Say it", 3)
        assert new in (bench.workspace / "README.md").read_text()
