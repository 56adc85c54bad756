"""A recorded run again: its model's turns are played back through the true engine and tools, and results compared.

The model's words are the recorded ones whatever the tools answer now, so that what differs is the checkout's doing, or
the machine's, and never the model's.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import decompress

from backend.engine import agent
from backend.engine.assignment import Assignment, Orders, QueuedMessage
from backend.engine.recording import MOST_RAW, RecordedRun
from backend.engine.tools import Toolbox, ToolOutcome, decoded
from backend.engine.transcript import INTERRUPTED, NUDGE, LogEntry, read_turn
from backend.errors import InvalidInput, RunFailed
from backend.providers.base import Delta, Final, Prices, ProviderError, Request, ToolCall, Usage
from backend.sandbox.base import Sandbox
from backend.words import EventKind, Failure, TaskType
from backend.workspace.pull import PullChanges

_EVERYTHING = 10**12  # tokens of window, micro-dollars of hold: neither ends a replay
_SHOWN = 400  # characters of a difference
REDACTED = "[redacted]"
# What two runs of the same command may say differently: times, where temporary files lie, where things lie in memory.
_VARIES = (
    (re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"), "<time>"),
    (re.compile(r"\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?\b"), "<time>"),
    (re.compile(r"\b\d+(?:\.\d+)?\s?(?:ns|µs|us|ms|s|sec|secs|seconds?|minutes?)\b"), "<time>"),
    (re.compile(r"(?:/var)?/tmp/[\w./-]+"), "<temporary>"),
    (re.compile(r"\b0x[0-9a-f]{6,}\b"), "<address>"),
    (re.compile(r"\([\d,]+ characters left out\)"), "(characters left out)"),
)  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """Where a replay parts from its record. `step` counts tool calls from 1; 0 is the end of the run."""

    step: int
    what: str
    expected: str
    got: str


@dataclass
class Replayed:
    """What a replay came to; `steps` are the tool calls that were compared."""

    steps: int = 0
    differences: list[Difference] = field(default_factory=list)


@dataclass(frozen=True)
class Turn:
    """A recorded turn, the results that its calls got, and what the person or the platform said before it."""

    final: Final
    results: dict[str, LogEntry]
    messages: tuple[QueuedMessage, ...]
    ends: bool


class Tape:
    """The recorded run, and how far it has been played: provider, control and recorder of a replay in one."""

    id = "replay"

    def __init__(self, entries: Sequence[LogEntry]) -> None:
        self.turns = turns_of(entries)
        self.played = 0
        self.outcome = Replayed()
        self._calls: dict[str, ToolCall] = {}

    def stream(self, request: Request) -> Iterator[Delta | Final]:
        """The next recorded turn."""
        if self.played == len(self.turns):
            raise ProviderError(Failure.INTERNAL_ERROR, "The record holds no more turns.", may_retry=False)
        final = self.turns[self.played].final
        self.played += 1
        self._calls = {call.id: call for call in final.message.tool_calls}
        yield final

    def poll(self) -> Orders:
        """What the person had said by now."""
        said = [message for turn in self.turns[: self.played + 1] for message in turn.messages]
        ends = self.played < len(self.turns) and self.turns[self.played].ends
        return Orders(cancelled=False, finish_now=ends, hold_micro=_EVERYTHING, messages=said)

    def emit(self, kind: EventKind, payload: dict[str, Any], raw: bytes | None = None) -> None:
        """Compares each result with the recorded one."""
        if kind is not EventKind.TOOL_RESULT:
            return
        self.outcome.steps += 1
        recorded = self.recorded(payload["call_id"])
        if recorded is not None and not _was_cut_off(recorded):
            self._compare(recorded, LogEntry(kind, payload, raw))

    def delta(self, text: str, kind: str) -> None:
        """Nobody watches."""

    def recorded(self, call_id: str) -> LogEntry | None:
        """What the call got when it was recorded; None where the run was stopped before."""
        return self.turns[self.played - 1].results.get(call_id) if self.played else None

    @property
    def left(self) -> int:
        """The recorded results that no call of the replay has answered, as the run ended before."""
        return sum(len(turn.results) for turn in self.turns[self.played :])

    def differ(self, what: str, expected: str, got: str, step: int | None = None) -> None:
        """Notes a difference, at the present step unless another is named."""
        step = self.outcome.steps if step is None else step
        self.outcome.differences.append(Difference(step, what, expected, got))

    def _compare(self, recorded: LogEntry, now: LogEntry) -> None:
        call = self._calls[now.payload["call_id"]]
        what = f"{call.name} {_subject(call)}".strip()
        before, after = recorded.payload, now.payload
        for name in ("is_error", "exit_code"):
            if before.get(name) != after.get(name):
                return self.differ(f"{what}: {name}", str(before.get(name)), str(after.get(name)))
        line = first_difference(_full(recorded, now), _full(now, recorded))
        if line is not None:
            self.differ(what, *line)
        return None


class _Tools(Toolbox):
    """The true tools, but for what was cut off when it was recorded: whether that took effect is not known."""

    def __init__(self, tape: Tape, *given: Any) -> None:
        super().__init__(*given)
        self._tape = tape

    def execute(self, call: ToolCall, cancelled: Callable[[], bool]) -> ToolOutcome:
        """Runs the call, as the run did."""
        recorded = self._tape.recorded(call.id)
        if recorded is not None and _was_cut_off(recorded):
            return ToolOutcome(recorded.payload["text"], is_error=True, summary=f"{call.name}: was cut off")
        return super().execute(call, cancelled)


def replay(
    run: RecordedRun, workspace: Path, sandbox: Sandbox, task_type: TaskType, changes: PullChanges | None = None
) -> Replayed:
    """Plays the run back in the workspace and says where the results differ. Raises InvalidInput."""
    tape = Tape(run.entries)
    job = Assignment(
        task_type=task_type,
        prompt=str(run.facts.get("prompt") or "-"),
        model="recorded",
        prices=Prices(0, 0, 0, 0),
        context_window=_EVERYTHING,
        max_output=8_192,
        hold_micro=_EVERYTHING,
        run_key="replay",
    )
    try:
        agent.run(job, tape, _Tools(tape, workspace, sandbox, task_type, changes), (), tape, tape)
    except RunFailed as failed:
        if tape.played < len(tape.turns):
            tape.differ("the run stopped", "it went on", str(failed))
    if tape.left:
        tape.differ("the run ended", f"{tape.left} more results", "no more calls")
    return tape.outcome


def turns_of(entries: Sequence[LogEntry]) -> list[Turn]:
    """The run's turns in order. Raises InvalidInput where one cannot be read."""
    found: list[Turn] = []
    messages: list[QueuedMessage] = []
    ends = False
    for entry in entries:
        payload = entry.payload
        try:
            match entry.kind:
                case EventKind.USER_MESSAGE:
                    messages.append(QueuedMessage(str(payload["message_id"]), payload["text"]))
                case EventKind.NOTE if payload.get("code") == "wrap_up" and payload.get("reason") != "steps":
                    ends = True
                case EventKind.MODEL_TURN:
                    usage = Usage(**{name: payload["usage"].get(name, 0) for name in ("input_total", "output")})
                    final = Final(read_turn(payload, entry.raw), usage, payload["stop_reason"])
                    found.append(Turn(final, {}, tuple(messages), ends))
                    messages, ends = [], False
                case EventKind.TOOL_RESULT if found:
                    found[-1].results[payload["call_id"]] = entry
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidInput("A turn of the model in this file cannot be read.") from error
    return found


def first_difference(expected: str, got: str) -> tuple[str, str] | None:
    """The first lines that differ, without what varies from run to run; None where the texts say the same."""
    expected, got = steady(expected), steady(got)
    if fits(expected, got):
        return None
    before, after = expected.splitlines(), got.splitlines()
    for number in range(max(len(before), len(after))):
        one, other = _line(before, number), _line(after, number)
        if not fits(one, other):
            return one[:_SHOWN], other[:_SHOWN]
    return expected[-_SHOWN:], got[-_SHOWN:]


def steady(text: str) -> str:
    """The text without what two runs of the same command may say differently."""
    text = text.removesuffix(NUDGE).rstrip()
    for varying, instead in _VARIES:
        text = varying.sub(instead, text)
    return text


def fits(expected: str, got: str) -> bool:
    """Whether the texts are equal; what was redacted in the recorded one may be anything."""
    first, *rest = expected.split(REDACTED)
    if not rest:
        return expected == got
    at = len(first)
    if not got.startswith(first) or len(got) < at + len(rest[-1]) or not got.endswith(rest[-1]):
        return False
    for piece in rest[:-1]:
        found = got.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return at <= len(got) - len(rest[-1])


def _line(lines: Sequence[str], number: int) -> str:
    return lines[number] if number < len(lines) else "(no such line)"


def _full(entry: LogEntry, other: LogEntry) -> str:
    """All that a command wrote, where both kept it; otherwise what the model saw of it."""
    if entry.raw is None or other.raw is None:
        return str(entry.payload["text"])
    return decoded(decompress(entry.raw)[:MOST_RAW])


def _was_cut_off(recorded: LogEntry) -> bool:
    return str(recorded.payload.get("text", "")) in (INTERRUPTED, agent.NOT_RUN)


def _subject(call: ToolCall) -> str:
    """What a call is about, in one short line."""
    args: Mapping[str, Any] = call.args or {}
    value: Any = next((args[name] for name in ("command", "path", "pattern", "title") if args.get(name)), "")
    return " ".join(str(value).split())[:120]
