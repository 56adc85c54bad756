"""A run that was cut off goes on from its log: nothing asked twice, nothing paid twice, nothing forgotten."""

import json
import zlib
from pathlib import Path

import pytest

from backend.engine import limits
from backend.engine.agent import LogEntry
from backend.engine.transcript import rebuild
from backend.providers import open_provider
from backend.providers.base import Final, Message, ProviderError, Text, ToolCall, ToolResult, Usage
from backend.sandbox.base import Sandbox
from backend.words import EventKind, Failure
from tests.backend.engine.scripted import Bench, Script, Step, call, finish
from tests.model_server import Call, ScriptedModelServer, Turn


@pytest.fixture
def bench(workspace: Path, sandbox: Sandbox) -> Bench:
    return Bench(workspace, sandbox)


def cut(bench: Bench, kind: EventKind, number: int = 1) -> Bench:
    """The same bench as if the worker had died right after that entry."""
    indexes = [index for index, entry in enumerate(bench.log.entries) if entry.kind is kind]
    again = Bench(bench.workspace, bench.sandbox)
    again.log.entries = bench.log.entries[: indexes[number - 1] + 1]
    return again


def test_a_stored_turn_is_not_asked_again_and_its_calls_are_executed(bench: Bench) -> None:
    bench.work(Script([[call("run_command", command="echo x >> trace")], [finish()]]))
    (bench.workspace / "trace").unlink()
    again = cut(bench, EventKind.MODEL_TURN)
    model = Script([[finish("Done.")]])
    ending = again.work(model)
    assert (bench.workspace / "trace").read_text() == "x\n"
    assert len(model.requests) == 1 and ending.steps == 2 and ending.cost_micro == 9_000


def test_a_command_that_was_cut_off_is_reported_and_not_repeated(bench: Bench) -> None:
    bench.work(Script([[call("run_command", command="echo x >> trace"), call("list_files")], [finish()]]))
    again = cut(bench, EventKind.TOOL_STARTED)
    model = Script([[finish()]])
    again.work(model)
    interrupted, listed = model.requests[0].messages[-1].parts
    assert isinstance(interrupted, ToolResult) and interrupted.is_error and "Interrupted" in interrupted.text
    assert isinstance(listed, ToolResult) and "README.md" in listed.text
    assert (bench.workspace / "trace").read_text() == "x\n"


@pytest.mark.parametrize("kind", [EventKind.TOOL_STARTED, EventKind.TOOL_RESULT, EventKind.MODEL_TURN])
def test_a_finish_that_is_in_the_log_needs_no_further_call(bench: Bench, kind: EventKind) -> None:
    first = bench.work(Script([[finish("Done.")]]))
    model = Script([[finish("Other.")]])
    assert cut(bench, kind).work(model) == first
    assert model.requests == []


def test_the_messages_after_a_resume_are_those_before_it_for_the_same_provider(bench: Bench) -> None:
    script = [
        Turn("Reading.", thinking="Hm.", calls=[Call("read_file", {"path": "README.md"}, "a")]),
        Turn("Again.", thinking="Hm!", calls=[Call("list_files", '{"path": "sh', "b")]),
        Turn(calls=[Call("finish", {"title": "T", "summary": "S"}, "c")]),
    ]
    for provider_id in ("anthropic", "compatible"):
        one = Bench(bench.workspace, bench.sandbox)
        with ScriptedModelServer(script) as server:
            one.work(open_provider(provider_id, api_key="k", base_url=server.url))
        stored = [LogEntry(e.kind, json.loads(json.dumps(e.payload)), e.raw) for e in one.log.entries]
        one.log.entries = stored
        again = cut(one, EventKind.TOOL_RESULT, 2)
        with ScriptedModelServer(script[2:]) as second:
            again.work(open_provider(provider_id, api_key="k", base_url=second.url))
        assert second.received[0].body == server.received[2].body


def test_a_later_run_has_the_earlier_conversation_and_a_cost_of_its_own(bench: Bench) -> None:
    bench.work(Script([[call("list_files")], [finish()]]))
    bench.prompt("And now the README.")
    model = Script([[finish("Second.")]])
    ending = bench.work(model)
    assert (ending.steps, ending.cost_micro, ending.text) == (1, 4_500, "Second.")
    roles = [message.role for message in model.requests[0].messages]
    assert roles == ["user", "assistant", "user", "assistant", "user"]
    assert model.requests[0].messages[-1].text == "And now the README."


def test_calls_that_an_earlier_run_left_open_are_answered_before_the_new_prompt(bench: Bench) -> None:
    bench.work(Script([[call("run_command", command="true"), call("list_files")], [finish()]]))
    later = cut(bench, EventKind.TOOL_STARTED)
    later.prompt("Try again.")
    model = Script([[finish()]])
    later.work(model)
    parts = model.requests[0].messages[-1].parts
    assert [type(part) for part in parts] == [ToolResult, ToolResult, Text]


def test_what_jsonb_cannot_hold_is_kept_beside_it_and_executed_as_it_was(bench: Bench) -> None:
    huge = "x\0" * 60_000
    turn = (Text("nul \0"), ToolCall("c1", "edit_file", {"path": "huge.bin", "old_str": "", "new_str": huge}))
    bench.work(Script([turn, [finish()]]))
    (stored, _) = bench.log.of(EventKind.MODEL_TURN)
    assert "\0" not in json.dumps(stored["parts"]) and "\\u0000" not in json.dumps(stored["parts"])
    (bench.workspace / "huge.bin").unlink()
    cut(bench, EventKind.MODEL_TURN).work(Script([[finish()]]))
    assert (bench.workspace / "huge.bin").read_text() == huge


def test_no_payload_is_larger_than_64_kb(bench: Bench) -> None:
    wide = "€" * 30_000
    bench.work(Script([[Text(wide * 3), call("run_command", command=f"printf '%s' {'€' * 25_000}")], [finish(wide)]]))
    assert all(len(json.dumps(e.payload, ensure_ascii=False).encode()) <= 64 * 1024 for e in bench.log.entries)


def test_the_full_output_of_a_cut_result_is_kept_byte_for_byte(bench: Bench) -> None:
    bench.work(Script([[call("run_command", command="seq 1 50000")], [finish()]]))
    entry = next(entry for entry in bench.log.entries if entry.kind is EventKind.TOOL_RESULT)
    assert entry.raw is not None and zlib.decompress(entry.raw).endswith(b"50000\n")


def test_entries_of_other_kinds_leave_the_conversation_as_it_is() -> None:
    entries = [
        LogEntry(EventKind.PROMPT, {"text": "Hello", "run": 1}),
        LogEntry(EventKind.PHASE, {"status": "running", "phase": "running"}),
        LogEntry(EventKind.WORKSPACE, {"base_sha": "x"}),
        LogEntry(EventKind.NOTE, {"text": "for the person", "code": "checkpoint"}),
        LogEntry(EventKind.WAIT, {"reason": "busy"}),
    ]
    assert rebuild(entries, "Task: ").messages == [Message("user", (Text("Task: Hello"),))]


class TestAFullWindow:
    def test_old_results_are_left_out_once_and_the_log_keeps_them(self, bench: Bench) -> None:
        bench.window = 30_000
        (bench.workspace / "big.txt").write_text("word " * 3_000)
        reads = [[call("run_command", command=f"cat big.txt # {number}")] for number in range(12)]
        model = Script([*reads, [finish()]], usage=Usage())
        bench.work(model)
        elisions = bench.log.of(EventKind.COMPACTED)
        assert elisions and all(entry["mode"] == "elided" for entry in elisions) and len(elisions) <= 4
        sent = [sum(limits.message_tokens(m) for m in request.messages) for request in model.requests]
        assert max(sent) < bench.window * 0.85
        assert "left out; call the tool again" in str(model.requests[-1].messages[2])
        assert all("word" in result["text"] for result in bench.log.of(EventKind.TOOL_RESULT)[:-1])

    def test_words_that_cannot_be_left_out_are_summarised_and_paid_for(self, bench: Bench) -> None:
        bench.window = 20_000
        summary = Final(Message("assistant", (Text("I had found the bug."),)), Usage(9_000, output=50), "end")
        talk: list[Step] = [[Text("blah " * 1_800), call("list_files", glob=f"{n}*")] for n in range(6)]

        class Model(Script):
            def stream(self, request):
                if "Write a summary" in request.messages[-1].text:
                    yield summary
                    return
                yield from super().stream(request)

        model = Model([*talk, [finish()]], usage=Usage())
        ending = bench.work(model)
        compacted = bench.log.of(EventKind.COMPACTED)
        assert [entry["mode"] for entry in compacted] == ["summarised"] * len(compacted) and compacted
        assert "I had found the bug." in compacted[0]["text"]
        assert ending.cost_micro == sum(entry["cost_micro"] for entry in compacted) > 0
        last = model.requests[-1].messages
        assert "Mend the totals." in last[0].text and "I had found the bug." in last[0].text
        assert [message.role for message in last[:2]] == ["user", "assistant"]
        again = Bench(bench.workspace, bench.sandbox, window=bench.window)
        again.log.entries = bench.log.entries[:-3]
        resumed = Script([[finish()]], usage=Usage())
        again.work(resumed)
        assert resumed.requests[0].messages == last

    def test_a_window_smaller_than_told_makes_the_old_results_go(self, bench: Bench) -> None:
        bench.window = 200_000
        reads = [[call("run_command", command=f"seq 1 9000 # {number}")] for number in range(8)]

        class Small(Script):
            def stream(self, request):
                if sum(limits.message_tokens(m) for m in request.messages) > 40_000:
                    raise ProviderError(Failure.CONTEXT_EXCEEDED, "prompt is too long", may_retry=False)
                yield from super().stream(request)

        ending = bench.work(Small([*reads, [finish()]], usage=Usage()))
        assert ending.kind == "finished" and bench.log.of(EventKind.COMPACTED)
