"""A scripted stand-in for a model: no AI, no network, true tool calls.

The next step is a pure function of the messages, so a run that is taken over goes on with the same script. It claims
nothing that it has not read in a tool's answer.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from backend.providers.base import Delta, Final, Image, Message, Part, Request, Text, ToolCall, ToolResult, Usage

MODEL = "demo-scripted"
_PLATFORM = "[Async Coder]"
_TESTS = "python3 -m unittest"
_BUG = "    return sum((round(line.net, 2) for line in lines), Decimal(0)) - exempt"
_MENDED = (
    "    net = sum((line.net for line in lines), Decimal(0))\n"
    "    # Rounded once, at the end: half-cents of single lines must not be lost.\n"
    "    return round(net - exempt, 2)"
)
_REGRESSION = '''"""Half-cents must survive until the total is rounded."""

import unittest
from decimal import Decimal

from shop.totals import Line, total


class HalfCents(unittest.TestCase):
    def test_many_half_cents_add_up_before_they_are_rounded(self) -> None:
        lines = [Line(net=Decimal("0.005"))] * {count}
        self.assertEqual(total(lines), Decimal("{expected}"))


if __name__ == "__main__":
    unittest.main()
'''
_STAND_IN = "This is the scripted demo model. It is no AI: it follows a fixed script"


_Step = Callable[..., tuple[str, ToolCall]]  # words, tool, arguments


@dataclass(frozen=True)
class _Done:
    """One step of the script that has its answer: the call and what came back."""

    name: str
    args: dict[str, Any]
    text: str
    is_error: bool


class DemoProvider:
    """The scripted stand-in. `pace` is the seconds between two pieces of its text."""

    def __init__(
        self, id: str = "demo", *, api_key: str | None = None, base_url: str | None = None, pace: float = 0.15
    ) -> None:
        self.id = id
        self._pace = pace

    def stream(self, request: Request) -> Iterator[Delta | Final]:
        """The next step, its words in several pieces; tokens are counted as characters divided by four."""
        words, call = _next_step(request)
        for piece in re.findall(r"\S+\s*\S*\s*\S*\s*", words):
            yield Delta(piece)
            time.sleep(self._pace)
        parts: tuple[Part, ...] = (Text(words), call)
        sent = len(request.system) + sum(_size(part) for message in request.messages for part in message.parts)
        usage = Usage(input_total=sent // 4, output=sum(_size(part) for part in parts) // 4)
        yield Final(Message("assistant", parts, raw_provider=self.id), usage, "tool_use")


def _next_step(request: Request) -> tuple[str, ToolCall]:
    tools = {spec.name for spec in request.tools}
    prompts, done = _since_last_finish(request.messages)
    number = sum(len(message.tool_calls) for message in request.messages) + 1

    def step(words: str, name: str, **args: Any) -> tuple[str, ToolCall]:
        if name == "finish" and "review" in request.messages[0].text.split("\n", 1)[0]:
            args["findings"] = []
        return words, ToolCall(f"demo-{number}", name, args)

    is_follow_up = any(call.name == "finish" for message in request.messages for call in message.tool_calls)
    if _was_told_to_end(request.messages):
        summary = f"{_STAND_IN}, and was stopped before its end."
        return step("I was asked to end.", "finish", title="Stopped early", summary=summary)
    if not done:
        sees = any(isinstance(part, Image) for message in request.messages for part in message.parts)
        unseen = " A script cannot look at the images that came along." if sees else ""
        return step(f"First a look at what is here.{unseen}", "list_files", path=".")
    is_sample = "shop/totals.py" in done[0].text and "tests/test_totals.py" in done[0].text
    is_debug = request.messages[0].text.startswith("This is a task of type debug.")
    if not (is_sample and is_debug and "edit_file" in tools):
        return _look_around(done, step, request.messages[0].text.split("\n", 1)[0], "read_diff" in tools)
    if is_follow_up:
        return _follow_up(done, step, number, prompts)
    return _mend(done, step, prompts)


def _look_around(done: Sequence[_Done], step: _Step, kind: str, of_pull: bool) -> tuple[str, ToolCall]:
    readme = re.search(r"(?im)^readme(\.\w+)?$", done[0].text)
    if readme and len(done) == 1:
        return step("There is a README.", "read_file", path=readme.group(0), end=60)
    if of_pull and done[-1].name != "read_diff":
        return step("And this is what the pull request changes.", "read_diff")
    files = 0 if done[0].is_error else len(done[0].text.splitlines())
    seen = f"I listed the files (about {files} lines){' and read the README' if readme else ''}."
    if "review" in kind:
        changed = f" The pull request changes:\n\n{_indented(done[-1].text)}" if of_pull else ""
        return step(
            "That is all that a script can do here.",
            "finish",
            title="Looked, and judged nothing",
            summary=f"{_STAND_IN} and cannot judge code. **That it has no findings means nothing: nothing was "
            f"reviewed.** {seen}{changed}\n\nChoose a real model to have this reviewed.",
        )
    return step(
        "That is all that a script can do here.",
        "finish",
        title="Looked around, changed nothing",
        summary=f"{_STAND_IN}, and this task is not the one that it can do, so it changed nothing. {seen}\n\n"
        "Choose a real model to have this task worked on.",
    )


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.split("\n")[:40])


def _mend(done: Sequence[_Done], step: _Step, prompts: int) -> tuple[str, ToolCall]:
    match len(done):
        case 1:
            return step("The totals are where the cents are made. I read them.", "read_file", path="shop/totals.py")
        case 2:
            return step("Before I change anything, I run the tests and watch them fail.", "run_command", command=_TESTS)
        case 3:
            return step(
                "Each line is rounded by itself, and the half-cents are lost. It must be rounded once, at the end.",
                "edit_file",
                path="shop/totals.py",
                old_str=_BUG,
                new_str=_MENDED,
            )
        case 4:
            return step("Now the same tests again.", "run_command", command=_TESTS)
    before, edit, after = done[2], done[3], done[4]
    heard = "" if prompts < 2 else "\n\nA message came in meanwhile. A script cannot act on it."
    if edit.is_error:
        title = "The scripted edit did not fit"
        what = "The edit that the script knows did not match `shop/totals.py`, so nothing was changed."
    else:
        title = "Round the cart's total once, at the end"
        what = "`total()` rounded every line by itself, which lost half-cents. It now rounds the sum once, at the end."
    if _is_green(after):
        tests = f"`{_TESTS}` failed before the change and passes after it."
        if _is_green(before):
            tests = f"`{_TESTS}` passed before and passes now: no failing test was seen."
        return step("Green.", "finish", title=title, summary=f"{_STAND_IN}.\n\n{what}\n\n{tests}{heard}")
    tests = f"**The tests still fail:** `{_TESTS}` ended with {_ending(after)}."
    return step(
        "Still red.",
        "finish",
        title=f"{title}; the tests still fail" if not edit.is_error else title,
        summary=f"{_STAND_IN}.\n\n{what}\n\n{tests} The script knows no other step.{heard}",
    )


def _follow_up(done: Sequence[_Done], step: _Step, number: int, prompts: int) -> tuple[str, ToolCall]:
    taken = [int(found) for found in re.findall(r"tests/test_half_cents_(\d+)\.py", done[0].text)]
    this = max(taken, default=0) + 1
    path, count = f"tests/test_half_cents_{this}.py", 2 * (this + 1)
    match len(done):
        case 1:
            return step("I look at the tests that there are.", "read_file", path="tests/test_totals.py")
        case 2:
            test = _REGRESSION.format(count=count, expected=f"{count * 0.005:.2f}")
            return step("A regression test will keep the half-cents.", "edit_file", path=path, old_str="", new_str=test)
        case 3:
            return step("All tests once more.", "run_command", command=_TESTS)
    edit, after = done[2], done[3]
    what = f"It cannot read what you asked; as its one follow-up it added a regression test, `{path}`."
    if edit.is_error:
        what = f"It tried to add a regression test, `{path}`, and could not."
    title, tests = "Add a regression test for half-cents", f"`{_TESTS}` passes."
    if not _is_green(after):
        title, tests = f"{title}; the tests fail", f"**The tests fail:** `{_TESTS}` ended with {_ending(after)}."
    return step("That is it.", "finish", title=title, summary=f"{_STAND_IN}.\n\n{what}\n\n{tests}")


def _since_last_finish(messages: Sequence[Message]) -> tuple[int, list[_Done]]:
    """How many prompts came since the last finish, and the steps done since then with their answers."""
    prompts, done = 0, list[_Done]()
    asked: dict[str, ToolCall] = {}
    for message in messages:
        for part in message.parts:
            if isinstance(part, ToolCall):
                asked[part.id] = part
            elif isinstance(part, ToolResult) and part.text.startswith("Interrupted:"):
                continue  # the script takes that step again
            elif isinstance(part, ToolResult) and part.call_id in asked:
                call = asked[part.call_id]
                done.append(_Done(call.name, call.args or {}, part.text, part.is_error))
                if call.name == "finish":
                    prompts, done = 0, []
            elif isinstance(part, Text) and message.role == "user" and not part.text.startswith(_PLATFORM):
                prompts += 1
    return prompts, done


def _was_told_to_end(messages: Sequence[Message]) -> bool:
    last = messages[-1].parts[-1]
    return isinstance(last, Text) and last.text.startswith(_PLATFORM) and "call finish now" in last.text


def _is_green(run: _Done) -> bool:
    return not run.is_error and run.text.rstrip().endswith("(exit code 0)") and "\nOK" in run.text


def _ending(run: _Done) -> str:
    return run.text.rstrip().rsplit("\n", 1)[-1].strip("()")


def _size(part: Part) -> int:
    match part:
        case ToolCall():
            return len(part.name) + len(str(part.args))
        case Text() | ToolResult():
            return len(part.text)
    return 0
