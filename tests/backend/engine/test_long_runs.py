"""A run of three hundred turns in a small window: what was sent is only ever changed where it is shortened."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from backend.engine import limits
from backend.engine.agent import RunLimits
from backend.providers.base import Delta, Final, Message, Part, Request, Text, Usage
from backend.sandbox.base import Sandbox
from backend.words import EventKind
from tests.backend.engine.scripted import Bench, call, finish, owned

TURNS, WINDOW = 300, 64_000
LINE = "    return sum((line.net for line in lines), Decimal(0))  # {number}, of file {file}\n"


@dataclass
class Reader:
    """Reads on and on, and now and then says much. Its usage is what the request holds, counted as the engine counts.

    `sizes` are the tokens of each call, `broken` how often one did not begin with all that the last one held.
    """

    id: str = "scripted"
    turn: int = 0
    sizes: list[int] = field(default_factory=list)
    broken: int = 0
    _before: tuple[Message, ...] = ()

    def stream(self, request: Request) -> Iterator[Delta | Final]:
        size = sum(limits.message_tokens(message) for message in request.messages)
        self.sizes.append(size + limits.overhead_tokens(request.system, list(request.tools)))
        sent = tuple(request.messages)
        if "Write a summary" in sent[-1].text:
            yield Final(
                Message("assistant", (Text("I have read many files."),)), Usage(self.sizes[-1], output=50), "end"
            )
            return
        self.broken += sent[: len(self._before)] != self._before
        self._before = sent
        self.turn += 1
        message = Message("assistant", self._says())
        yield Final(message, Usage(self.sizes[-1], output=limits.message_tokens(message)), "tool_use")

    def _says(self) -> tuple[Part, ...]:
        if self.turn == TURNS:
            return (finish("All read."),)
        words = "It goes on like this, and nothing is to be seen. " * (40 if self.turn % 10 == 0 else 1)
        start = self.turn * 37 % 900 + 1
        return Text(words), call("read_file", path=f"file{self.turn % 11}.py", start=start, end=start + 80)


def test_three_hundred_turns_fit_a_small_window_and_its_prefix_only_breaks_where_it_was_shortened(
    workspace: Path, sandbox: Sandbox
) -> None:
    for file in range(11):
        text = "".join(LINE.format(number=number, file=file) for number in range(1_000))
        (workspace / f"file{file}.py").write_text(text)
    owned(workspace, sandbox)
    bench = Bench(workspace, sandbox, window=WINDOW, max_output=4_000, limits=RunLimits(steps=400, seconds=36_000))
    bench.person.hold_micro = 10**12
    model = Reader()
    ending = bench.work(model)
    assert (ending.kind, ending.text, ending.reason) == ("finished", "All read.", None)
    assert max(model.sizes) < WINDOW and sum(model.sizes) > 10 * WINDOW
    shortened = [entry["mode"] for entry in bench.log.of(EventKind.COMPACTED)]
    assert {"elided", "summarised"} == set(shortened)
    assert model.broken <= len(shortened) <= TURNS // 5  # each break is paid once
    again = Bench(workspace, sandbox, person=bench.person, window=WINDOW, max_output=4_000, limits=bench.limits)
    again.log.entries = bench.log.entries[:-3]  # without its last turn: whoever takes it over asks for that alone
    resumed = Reader(turn=TURNS - 1)
    assert again.work(resumed).text == "All read."
    assert resumed.sizes == model.sizes[-1:]
