"""A scripted stand-in for a model: no AI, no network, true tool calls.

The next step is a pure function of the messages, so a run that is taken over goes on with the same script. It claims
nothing that it has not read in a tool's answer.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence

from backend.providers import demo_changes, demo_merge, demo_plans, demo_words
from backend.providers.base import Delta, Final, Image, Message, Part, Request, Text, ToolCall, ToolResult, Usage
from backend.providers.demo_script import STAND_IN, Done, Script, Talk

MODEL = "demo-scripted"
_PLATFORM = "[Async Coder]"
_APPROVED = f"{_PLATFORM} The person approved the plan"
_MERGED = "git could not settle what both sides changed"
# What the script does for each type; those that change files know the sample repository alone.
_WORDS: dict[str, Callable[[Script], Talk]] = {
    "ask": demo_words.ask,
    "architect": demo_words.plan,
    "pr_review": demo_words.review,
}
_CHANGES: dict[str, Callable[[Script], Talk]] = {
    "debug": demo_changes.mend,
    "documentation": demo_changes.document,
    "async": demo_changes.extend,
}


class DemoProvider:
    """The scripted stand-in. `pace` is the seconds between two pieces of its text."""

    def __init__(
        self, id: str = "demo", *, api_key: str | None = None, base_url: str | None = None, pace: float = 0.15
    ) -> None:
        self.id = id
        self._pace = pace

    def stream(self, request: Request) -> Iterator[Delta | Final]:
        """The next step, its words in several pieces; tokens are counted as characters divided by four."""
        talk = _next_step(request)
        for piece in re.findall(r"\S+\s*\S*\s*\S*\s*", talk.words):
            yield Delta(piece)
            time.sleep(self._pace)
        number = sum(len(message.tool_calls) for message in request.messages) + 1
        parts: tuple[Part, ...] = (Text(talk.words), ToolCall(f"demo-{number}", talk.tool, talk.args))
        sent = len(request.system) + sum(_size(part) for message in request.messages for part in message.parts)
        usage = Usage(input_total=sent // 4, output=sum(_size(part) for part in parts) // 4)
        yield Final(Message("assistant", parts, raw_provider=self.id), usage, "tool_use")


def _next_step(request: Request) -> Talk:
    if [spec.name for spec in request.tools] == [demo_words.REMARK]:
        return demo_words.second_opinion(request.messages[0].text)
    prompts, done = _since_last_finish(request.messages)
    tools = {spec.name: spec for spec in request.tools}
    script = Script(
        prompt=_asked(request.messages),
        prompts=prompts,
        done=done,
        is_follow_up=any(call.name == "finish" for message in request.messages for call in message.tool_calls),
        reads_pull="read_diff" in tools,
        reviews="findings" in tools["finish"].parameters["properties"],
        conflicts=_in_conflict(request.messages),
    )
    is_planning = "propose_plan" in tools and not _is_approved(request.messages)
    if _was_told_to_end(request.messages):
        summary = f"{STAND_IN}, and was stopped before its end."
        return script.finish("I was asked to end.", "Stopped early", summary)
    if not done:
        sees = any(isinstance(part, Image) for message in request.messages for part in message.parts)
        unseen = " A script cannot look at the images that came along." if sees else ""
        return Talk(f"First a look at what is here.{unseen}", "list_files", {"path": "."})
    if script.conflicts:
        return demo_merge.settle(script)
    task_type = _type_of(request.messages)
    if task_type in _WORDS:
        return _WORDS[task_type](script)
    is_sample = "shop/totals.py" in done[0].text and "tests/test_totals.py" in done[0].text
    if is_planning:
        return demo_plans.propose(script, task_type if is_sample and task_type in _CHANGES else "")
    if not is_sample or "edit_file" not in tools or task_type not in _CHANGES:
        return demo_words.look_around(script)
    return _CHANGES[task_type](script)


def _is_approved(messages: Sequence[Message]) -> bool:
    said = (part for message in messages if message.role == "user" for part in message.parts)
    return any(isinstance(part, Text) and part.text.startswith(_APPROVED) for part in said)


def _in_conflict(messages: Sequence[Message]) -> list[str]:
    """The files that the platform named since the last finish, of a merge that is to be settled."""
    found: list[str] = []
    for part in (part for message in messages for part in message.parts):
        if isinstance(part, ToolCall) and part.name == "finish":
            found = []
        elif isinstance(part, Text) and part.text.startswith(_PLATFORM) and _MERGED in part.text:
            found = re.findall(r"^- `(.+)` \(", part.text, re.MULTILINE)
    return found


def _type_of(messages: Sequence[Message]) -> str:
    found = re.match(r"This is a task of type (\w+)\.", messages[0].text)
    return found[1] if found else ""


def _asked(messages: Sequence[Message]) -> str:
    """The person's newest words: those of a message of theirs that stand last."""
    said = [
        part.text
        for message in messages
        if message.role == "user"
        for part in message.parts
        if isinstance(part, Text) and not part.text.startswith(_PLATFORM)
    ]
    return said[-1].rsplit("The task:\n\n", 1)[-1].removeprefix(_first_line(said[-1])).strip() if said else ""


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0] if text.startswith("This is a task of type ") else ""


def _since_last_finish(messages: Sequence[Message]) -> tuple[int, list[Done]]:
    """How many prompts came since the last finish, and the steps done since then with their answers."""
    prompts, done = 0, list[Done]()
    asked: dict[str, ToolCall] = {}
    for message in messages:
        for part in message.parts:
            if isinstance(part, ToolCall):
                asked[part.id] = part
            elif isinstance(part, ToolResult) and part.text.startswith("Interrupted:"):
                continue  # the script takes that step again
            elif isinstance(part, ToolResult) and part.call_id in asked:
                call = asked[part.call_id]
                done.append(Done(call.name, call.args or {}, part.text, part.is_error))
                if call.name == "finish":
                    prompts, done = 0, []
            elif isinstance(part, Text) and part.text.startswith(_APPROVED):
                prompts, done = 0, []  # the plan that comes next is what is asked now
            elif isinstance(part, Text) and message.role == "user" and not part.text.startswith(_PLATFORM):
                prompts += 1
    return prompts, done


def _was_told_to_end(messages: Sequence[Message]) -> bool:
    last = messages[-1].parts[-1]
    return isinstance(last, Text) and last.text.startswith(_PLATFORM) and "call finish now" in last.text


def _size(part: Part) -> int:
    match part:
        case ToolCall():
            return len(part.name) + len(str(part.args))
        case Text() | ToolResult():
            return len(part.text)
    return 0
