"""The engine's own time per turn: scripted turns without think time, every command jailed, beside the tools alone."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from backend.engine import agent
from backend.engine.assignment import Assignment, Orders
from backend.engine.tools import Toolbox
from backend.providers.base import Delta, Final, Message, Prices, Request, Text, ToolCall, Usage
from backend.sandbox.choose import choose
from backend.words import EventKind, TaskType
from backend.workspace.checkout import give
from benchmarks.measure import seconds_each, show

TURNS = 60


class Scripted:
    """Reads one file or runs one command a turn, then finishes; stateless: the next step follows from the messages."""

    id = "demo"

    def stream(self, request: Request) -> Iterator[Delta | Final]:
        """The next step."""
        turn = sum(message.role == "assistant" for message in request.messages)
        if turn >= TURNS:
            call = ToolCall(f"c{turn}", "finish", {"title": "Done", "summary": "Done."})
        elif turn % 2:
            call = ToolCall(f"c{turn}", "run_command", {"command": f"echo {turn}"})
        else:
            call = ToolCall(f"c{turn}", "read_file", {"path": f"file{turn}.txt"})
        parts = (Text(f"Step {turn}."), call)
        yield Final(Message("assistant", parts), Usage(1000, 900, 0, 20), "tool_use")


class Silent:
    """A recorder and a control that keep nothing."""

    def emit(self, kind: EventKind, payload: dict[str, Any], raw: bytes | None = None) -> None:
        """Forgets."""

    def delta(self, text: str, kind: str) -> None:
        """Forgets."""

    def poll(self) -> Orders:
        """No orders."""
        return Orders(cancelled=False, finish_now=False, hold_micro=10**9)


def main() -> None:
    """Prints milliseconds per turn of the engine beside those of the tools it called."""
    sandbox = choose("auto", ())
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)
        workspace = Path(folder) / "workspace"
        workspace.mkdir()
        for number in range(TURNS):
            (workspace / f"file{number}.txt").write_text("line\n" * 50)
        if sandbox.owner:
            give(workspace, sandbox.owner)
        toolbox = Toolbox(workspace, sandbox, TaskType.ASYNC)
        calls = (ToolCall("a", "read_file", {"path": "file0.txt"}), ToolCall("b", "run_command", {"command": "echo 1"}))
        bare = seconds_each(lambda: [toolbox.execute(call, lambda: False) for call in calls], TURNS // 2)
        bare_turn = [taken / 2 for taken in bare]
        assignment = Assignment(
            TaskType.ASYNC, "Do it", "demo", Prices(1, 1, 1, 1), 10**6, 4096, hold_micro=10**9, run_key="bench"
        )
        silent = Silent()
        taken = []
        for _ in range(3):
            began = time.perf_counter()
            agent.run(assignment, Scripted(), Toolbox(workspace, sandbox, TaskType.ASYNC), (), silent, silent)
            taken.append((time.perf_counter() - began) / (TURNS + 1))
    show("a turn's tool alone", bare_turn)
    show(f"a turn in the engine, over {TURNS}", taken, bare_turn)


if __name__ == "__main__":
    main()
