"""What the engine's tests are made of: a model that says what it is told, a log in a list, orders set by hand."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backend.engine.agent import Assignment, Ending, LogEntry, Orders, QueuedMessage, RunLimits, Seams, run
from backend.engine.tools import Toolbox
from backend.providers.base import Delta, Final, Message, Part, Prices, Provider, Request, Text, ToolCall, Usage
from backend.sandbox.base import Sandbox
from backend.words import EventKind, TaskType

BUG = "    return sum((round(line.net, 2) for line in lines), Decimal(0)) - exempt\n"
SAMPLE = {
    "README.md": "# Sample shop\n\nA cart and its totals.\n",
    "shop/__init__.py": "",
    "shop/totals.py": '''"""Totals of a cart."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Line:
    """One line of a cart: its net price and how much of it is exempt from tax."""

    net: Decimal
    exempt: Decimal = Decimal(0)


def total(lines: list[Line]) -> Decimal:
    """The cart's total, in whole cents."""
    exempt = sum((line.exempt for line in lines), Decimal(0))
'''
    + BUG,
    "tests/__init__.py": "",
    "tests/test_totals.py": '''"""The totals."""

import unittest
from decimal import Decimal

from shop.totals import Line, total


class Totals(unittest.TestCase):
    def test_an_empty_cart_costs_nothing(self) -> None:
        self.assertEqual(total([]), Decimal(0))

    def test_half_cents_are_not_lost(self) -> None:
        self.assertEqual(total([Line(Decimal("0.005"))] * 2), Decimal("0.01"))
''',
}
PRICES = Prices(input=3_000_000, output=15_000_000, cache_read=300_000, cache_write=3_750_000)


def owned(root: Path, sandbox: Sandbox) -> None:
    """Gives everything beneath to the jail's user, where that is another one."""
    if sandbox.owner:
        for path in (root, *root.rglob("*")):
            os.chown(path, *sandbox.owner)


@dataclass
class Log:
    """The recorder: a list, and a hook that a test may raise from."""

    entries: list[LogEntry] = field(default_factory=list)
    deltas: list[str] = field(default_factory=list)
    before_emit: Callable[[EventKind, dict[str, Any]], None] = lambda kind, payload: None

    def emit(self, kind: EventKind, payload: dict[str, Any], raw: bytes | None = None) -> None:
        self.before_emit(kind, payload)
        self.entries.append(LogEntry(kind, payload, raw))

    def delta(self, text: str, kind: str) -> None:
        self.deltas.append(text)

    def of(self, kind: EventKind) -> list[dict[str, Any]]:
        return [entry.payload for entry in self.entries if entry.kind is kind]


@dataclass
class Person:
    """The control: what the person wants at the moment."""

    hold_micro: int = 10_000_000
    cancelled: bool = False
    finish_now: bool = False
    messages: list[QueuedMessage] = field(default_factory=list)
    polls: int = 0
    when_polled: Callable[["Person"], None] = lambda person: None

    def poll(self) -> Orders:
        self.polls += 1
        self.when_polled(self)
        return Orders(self.cancelled, self.finish_now, self.hold_micro, tuple(self.messages))


Step = Sequence[Part] | Exception | Final


@dataclass
class Script:
    """A provider whose answers are given beforehand; the last one is repeated."""

    steps: Sequence[Step]
    usage: Usage = field(default_factory=lambda: Usage(input_total=1_000, output=100))
    id: str = "scripted"
    requests: list[Request] = field(default_factory=list)

    def stream(self, request: Request) -> Iterator[Delta | Final]:
        step = self.steps[min(len(self.requests), len(self.steps) - 1)]
        self.requests.append(request)
        if isinstance(step, Exception):
            raise step
        if isinstance(step, Final):
            yield step
            return
        message = Message("assistant", tuple(step), raw_provider=self.id)
        yield from (Delta(part.text) for part in step if isinstance(part, Text))
        yield Final(message, self.usage, "tool_use" if message.tool_calls else "end")


_numbers = iter(range(1, 1_000_000))


def call(name: str, **args: Any) -> ToolCall:
    return ToolCall(f"call-{next(_numbers)}", name, args)


def finish(summary: str = "Done.") -> ToolCall:
    return call("finish", title="A title", summary=summary)


class Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    def seams(self) -> Seams:
        return Seams(sleep=self.sleep, monotonic=lambda: self.seconds, uniform=lambda low, high: high)


@dataclass
class Bench:
    """One run in one workspace, and what is left of it."""

    workspace: Path
    sandbox: Sandbox
    log: Log = field(default_factory=Log)
    person: Person = field(default_factory=Person)
    task_type: TaskType = TaskType.DEBUG
    prices: Prices = PRICES
    window: int = 200_000
    max_output: int = 8_000
    limits: RunLimits = field(default_factory=RunLimits)
    seams: Seams | None = None
    plan_first: bool = False

    def prompt(self, text: str = "Mend the totals.") -> None:
        self.log.entries.append(LogEntry(EventKind.PROMPT, {"text": text, "run": 1}))

    def files(self) -> dict[str, bytes]:
        """What lies in the workspace, by path."""
        found = (path for path in self.workspace.rglob("*") if path.is_file())
        return {str(path.relative_to(self.workspace)): path.read_bytes() for path in found}

    def work(self, provider: Provider) -> Ending:
        if not self.log.of(EventKind.PROMPT):
            self.prompt()
        assignment = Assignment(
            task_type=self.task_type,
            prompt="Mend the totals.",
            model="a-model",
            prices=self.prices,
            context_window=self.window,
            max_output=self.max_output,
            hold_micro=self.person.hold_micro,
            run_key="run",
            limits=self.limits,
        )
        toolbox = Toolbox(self.workspace, self.sandbox, self.task_type, plan_first=self.plan_first)
        return run(assignment, provider, toolbox, list(self.log.entries), self.log, self.person, seams=self.seams)
