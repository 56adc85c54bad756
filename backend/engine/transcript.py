"""The log, read as a conversation.

What happens while a run works and what a resumed run reads back go through the same `apply`: a state that cannot be
rebuilt from the log cannot exist.
"""

import base64
import hashlib
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from backend import jsonb
from backend.engine import limits
from backend.providers.base import Image, Message, Part, Text, Thinking, ToolCall, ToolResult
from backend.words import Decision, EventKind

MARK = "[Async Coder]"  # opens what the platform itself tells the model
INTERRUPTED = (
    "Interrupted: the worker stopped while this ran, so whether it took effect is unknown. Check before repeating it."
)
NUDGE = f"\n{MARK} The same call has given the same result {limits.NUDGE_AT_SAME} times or more. Try another way."
REVIEW = "review"  # the note of what a review looks at; its raw bytes are the conversation's opening
APPROVED = "The person approved the plan"
MERGE = "merge_begun"  # the note of what a run has merged before its model begins
# Notes that the model gets to read.
TOLD_CODES = ("wrap_up", "no_tool_call", "cut_off", "files_lost", "review_moved", MERGE)


@dataclass(frozen=True)
class LogEntry:
    """One entry of the task's log, as stored."""

    kind: EventKind
    payload: dict[str, Any]
    raw: bytes | None = None


class Conversation:
    """The messages so far, and what the present run has used up.

    `opening` stands before the first prompt; `overhead` is the tokens before the messages; `picture` gives the image
    that an entry names.
    """

    def __init__(
        self, opening: str, overhead: int = 0, picture: Callable[[str], Image | None] = lambda image_id: None
    ) -> None:
        self.messages: list[Message] = []
        self.taken_messages: set[str] = set()
        self.steps_ever = 0
        self.plans = 0  # that were handed in, in all of the task's runs
        self.is_approved = False  # one of them is, by the person: it holds for the runs after this one too
        self._opening = opening
        self._overhead = overhead
        self._picture = picture
        self._known_tokens = overhead
        self._known_until = 0
        self._begin_run()

    def _begin_run(self) -> None:
        self.spent_micro = 0
        self.steps = 0
        self.worked_seconds = 0.0
        self.silent_turns = 0
        self.malformed_turns = 0
        self.most_repeated = 0
        self.finish: dict[str, Any] | None = None
        self.handed_in: dict[str, Any] | None = None  # a plan that the log does not hold as one yet
        self.awaits_approval = False
        self.wrap_up: str | None = None  # why the next turn is the last one
        self.is_wrapped_up = False
        self.last_text = ""
        self.stop_reason = ""
        self._turn_is_malformed = False
        self._open: dict[str, ToolCall] = {}
        self._started: set[str] = set()
        self._notes: list[str] = []
        self._seen: Counter[str] = Counter()

    @property
    def has_prompt(self) -> bool:
        """Whether anybody has asked for anything yet."""
        return bool(self.messages)

    @property
    def context_tokens(self) -> int:
        """What the next call sends: measured up to the last answer, estimated after it."""
        return self._known_tokens + sum(limits.message_tokens(each) for each in self.messages[self._known_until :])

    @property
    def awaits_answer(self) -> bool:
        """Whether the model spoke last and called no tool, so that it would be asked with nothing new."""
        return bool(self.messages) and self.messages[-1].role == "assistant"

    def open_calls(self) -> list[tuple[ToolCall, bool]]:
        """The last turn's calls that have no result yet, and whether each was begun."""
        return [(call, call.id in self._started) for call in self._open.values()]

    def repeats(self, call: ToolCall, text: str) -> int:
        """How often this call has given this result without anything new in between, were it to do so once more."""
        return self._seen[_same_key(call, text)] + 1

    def apply(self, entry: LogEntry) -> None:
        """Takes one entry in. Kinds that the model has no part in change nothing."""
        payload = entry.payload
        match entry.kind:
            case EventKind.PROMPT:
                self._answer_orphans()
                self._ask(payload["text"] if self.messages else self._opening + payload["text"], payload)
                self._begin_run()
            case EventKind.USER_MESSAGE:
                self.taken_messages.add(str(payload["message_id"]))
                self._ask(payload["text"], payload)
                self.finish, self.silent_turns = None, 0
            case EventKind.NOTE if payload.get("code") in TOLD_CODES:
                self._notes.append(f"{MARK} {payload['text']}")
                self._tell_notes()
                self.wrap_up = payload.get("reason") if payload["code"] == "wrap_up" else self.wrap_up
            case EventKind.MODEL_TURN:
                self._take_turn(payload, entry.raw)
            case EventKind.TOOL_STARTED:
                self._started.add(payload["call_id"])
            case EventKind.TOOL_RESULT:
                self._take_result(payload)
            case EventKind.PLAN:
                self.plans, self.handed_in, self.awaits_approval = payload["number"], None, True
            case EventKind.PLAN_DECIDED:
                self._take_decision(payload)
            case EventKind.COMPACTED:
                self._compact(payload)

    def _ask(self, text: str, payload: dict[str, Any]) -> None:
        """The person's words behind their images, which is the order that Anthropic's documentation advises."""
        images = [self._picture(each["id"]) for each in payload.get("images") or ()]
        for image in images:
            if image is not None:
                self._add_to_user(image)
        self._say(text)
        if missing := images.count(None):
            self._say(f"{MARK} Attached images that you cannot be shown: {missing}.")

    def _say(self, text: str) -> None:
        self._add_to_user(Text(text))

    def _tell_notes(self) -> None:
        """Providers want a turn's results before anything else is said."""
        if not self._open:
            for note in self._notes:
                self._say(note)
            self._notes = []

    def _add_to_user(self, part: Part) -> None:
        """A user's turn grows until the model answers: providers want the two to alternate."""
        if self.messages and self.messages[-1].role == "user":
            self.messages[-1] = replace(self.messages[-1], parts=(*self.messages[-1].parts, part))
        else:
            self.messages.append(Message("user", (part,)))

    def _answer_orphans(self) -> None:
        for call, _ in self.open_calls():
            self._add_to_user(ToolResult(call.id, INTERRUPTED, is_error=True))
        self._open = {}
        self._tell_notes()

    def _take_turn(self, payload: dict[str, Any], raw: bytes | None) -> None:
        message = read_turn(payload, raw)
        if message.parts:
            self.messages.append(message)
        usage = payload["usage"]
        if usage.get("input_total"):
            self._known_tokens = usage["input_total"] + usage["output"]
            self._known_until = len(self.messages)
        self.spent_micro += payload["cost_micro"]
        self.worked_seconds += payload["duration_ms"] / 1000
        self.steps += 1
        self.steps_ever += 1
        self.is_wrapped_up = self.wrap_up is not None
        self._open = {call.id: call for call in message.tool_calls}
        self._started = set()
        self._turn_is_malformed = False
        self.silent_turns = 0 if self._open else self.silent_turns + 1
        self.last_text, self.stop_reason = message.text or self.last_text, payload["stop_reason"]

    def _take_result(self, payload: dict[str, Any]) -> None:
        call = self._open.pop(payload["call_id"], None)
        if call is None:
            return
        self._add_to_user(ToolResult(call.id, payload["text"], payload["is_error"]))
        self._tell_notes()
        self.worked_seconds += payload["duration_ms"] / 1000
        if payload.get("malformed"):
            self.malformed_turns += not self._turn_is_malformed
            self._turn_is_malformed = True
        elif not self._turn_is_malformed:
            self.malformed_turns = 0
        if call.name == "finish" and not payload["is_error"]:
            self.finish = call.args or {}
        if call.name == "propose_plan" and not payload["is_error"]:
            self.handed_in = call.args or {}
        key = _same_key(call, payload["text"])
        if payload.get("added") or payload.get("removed"):
            self._seen = Counter({key: self._seen[key]})  # the files are others now: old answers may come again
        if not self._seen[key]:  # something was learned or done: whoever does that is not stuck
            self._seen = Counter(dict.fromkeys(self._seen, 1))
        self._seen[key] += 1
        self.most_repeated = self._seen[key]

    def _take_decision(self, payload: dict[str, Any]) -> None:
        """What the person said of the plan. Their words and the approved plan are parts of their own: no summary of a
        long conversation takes those away."""
        self.awaits_approval = False
        self._seen.clear()  # the same plan once more, after other words, is no going round in circles
        self.most_repeated = self.silent_turns = 0
        self.is_approved = self.is_approved or payload["decision"] == Decision.APPROVE
        self._say(f"{MARK} {_told(payload)}")
        if payload["decision"] == Decision.APPROVE:
            self._say(payload["plan"])
        if payload["text"]:
            self._say(payload["text"])

    def _compact(self, payload: dict[str, Any]) -> None:
        self.spent_micro += payload.get("cost_micro", 0)
        self._seen.clear()  # the model has to look again at what it no longer sees
        until = payload["until"]
        if payload["mode"] == "elided":
            measured = min(until, self._known_until)
            self._known_tokens -= freed(self.messages[:measured])
            self.messages[:until] = [elided(message) for message in self.messages[:until]]
            return
        asked = [part for message in self.messages[:until] for part in person_parts(message)]
        self.messages[:until] = [Message("user", (*asked, Text(f"{MARK} {payload['text']}")))]
        self._known_tokens, self._known_until = self._overhead, 0


def _told(decided: dict[str, Any]) -> str:
    if decided["decision"] == Decision.CHANGE:
        return (
            "The person wants the plan changed before they approve it. Nothing can be written yet: look again where "
            "you need to, and hand in the whole plan anew with propose_plan. Their words:"
        )
    if decided["decision"] == Decision.DISCARD:
        return "The person discarded the plan."
    edited = ", with changes of their own" if decided["is_edited"] else ""
    words = ", then their words" if decided["text"] else ""
    return f"{APPROVED}{edited}. All tools work now: carry it out. The plan as approved{words}:"


def person_parts(message: Message) -> list[Part]:
    """What the person said in a message, without the platform's own words and the tools' results."""
    if message.role != "user":
        return []
    return [
        part
        for part in message.parts
        if not isinstance(part, ToolResult) and not (isinstance(part, Text) and part.text.startswith(MARK))
    ]


def elided(message: Message) -> Message:
    """The message with long tool results replaced by a line that says so."""
    return replace(message, parts=tuple(_elided_part(part) for part in message.parts))


def freed(messages: Sequence[Message]) -> int:
    """The tokens that eliding these messages saves."""
    return sum(limits.message_tokens(message) - limits.message_tokens(elided(message)) for message in messages)


def _elided_part(part: Part) -> Part:
    if not isinstance(part, ToolResult) or len(part.text) < 400:
        return part
    told = f"(older output of {len(part.text):,} characters left out; call the tool again if needed)"
    return replace(part, text=told)


def rebuild(
    entries: Sequence[LogEntry],
    opening: str,
    overhead: int = 0,
    picture: Callable[[str], Image | None] = lambda image_id: None,
) -> Conversation:
    """The conversation that these entries tell."""
    conversation = Conversation(opening, overhead, picture)
    for entry in entries:
        conversation.apply(entry)
    return conversation


def is_approved(entries: Sequence[LogEntry]) -> bool:
    """Whether the person has approved a plan of the task."""
    return any(one.kind is EventKind.PLAN_DECIDED and one.payload["decision"] == Decision.APPROVE for one in entries)


def with_images(images: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What an entry says of the images that came with its words: their ids and sizes, never their bytes."""
    return {"images": list(images)} if images else {}


def write_turn(message: Message) -> tuple[list[dict[str, Any]], bytes]:
    """The parts as they fit a payload, and the compressed rest from which the turn is read exactly."""
    exact = [_part_to_json(part) for part in message.parts]
    shown = jsonb.fit(exact)
    kept: dict[str, Any] = {"provider": message.raw_provider}
    if message.raw is not None:
        kept["content"] = base64.b64encode(message.raw).decode()
    if shown != exact:
        kept["parts"] = exact
    return shown, zlib.compress(json.dumps(kept).encode())


def read_turn(payload: dict[str, Any], raw: bytes | None) -> Message:
    """The assistant's message that `write_turn` stored."""
    kept = json.loads(zlib.decompress(raw)) if raw else {}
    parts = tuple(_part_from_json(part) for part in kept.get("parts", payload["parts"]))
    content = base64.b64decode(kept["content"]) if "content" in kept else None
    return Message("assistant", parts, content, kept.get("provider"))


def _part_to_json(part: Part) -> dict[str, Any]:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case Thinking():
            return {"type": "thinking", "text": part.text}
        case ToolCall():
            call = {"type": "tool_call", "id": part.id, "name": part.name, "args": part.args}
            return {**call, "broken": part.broken} if part.broken else call
    raise TypeError(f"a model's turn cannot hold a {type(part).__name__}")


def _part_from_json(part: dict[str, Any]) -> Part:
    match part["type"]:
        case "text":
            return Text(part["text"])
        case "thinking":
            return Thinking(part["text"])
        case _:
            return ToolCall(part["id"], part["name"], part["args"], part.get("broken", ""))


def _same_key(call: ToolCall, text: str) -> str:
    """Alike but for fractions, which are nearly always durations."""
    told = json.dumps([call.name, call.args, re.sub(r"\d+\.\d+", "#", text.removesuffix(NUDGE))], sort_keys=True)
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()
