"""The entries of a log as HTML: what was said in full, what was done folded, the rest a line each."""

import json
import re
from html import escape
from typing import Any

from backend.services.export.facts import Entry
from backend.words import EventKind

# Shown as their names: controls, and what turns the words after it round (UAX #9).
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def shown(value: Any) -> str:
    """What others wrote as HTML's text: nothing in it is markup, and nothing in it is hidden."""
    words = str(value).encode("utf-8", "replace").decode()
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", escape(words))


def entry(one: Entry) -> str:
    """One entry; empty for one that says nothing that another does not."""
    payload = one.payload
    match one.kind:
        case EventKind.PROMPT | EventKind.USER_MESSAGE:
            who = f"Asked, run {one.run}" if one.kind is EventKind.PROMPT else "Said meanwhile"
            return _card(who, one, f'<p class="words">{shown(payload.get("text", ""))}</p>', "said")
        case EventKind.PLAN:
            return _card(f"Plan {payload.get('number')}", one, f'<p class="words">{shown(payload.get("text", ""))}</p>')
        case EventKind.MODEL_TURN:
            return _turn(one)
        case EventKind.TOOL_RESULT:
            return _result(one)
        case EventKind.TOOL_STARTED:
            return ""
    return f'<div class="line">{shown(_sentence(one))} {moment(one.at)}</div>'


def moment(at: Any) -> str:
    """A time in UTC, to the second; empty where there is none."""
    return f'<time datetime="{escape(str(at))}">{escape(str(at)[:19].replace("T", " "))} UTC</time>' if at else ""


def patch(words: str) -> str:
    """A unified diff, line by line."""
    marks = {"+": "add", "-": "del", "@": "at"}
    lines = (f'<span class="{marks.get(line[:1], "is")}">{shown(line)}</span>' for line in words.split("\n"))
    return f'<pre class="diff out">{"".join(lines)}</pre>'


def _card(head: str, one: Entry, body: str, look: str = "") -> str:
    images = "".join(f"<li>{shown(each.get('name', 'image'))}</li>" for each in one.payload.get("images") or ())
    named = f'<ul class="soft">{images}</ul>' if images else ""
    return f'<div class="card {look}"><small>{shown(head)} {moment(one.at)}</small>{body}{named}</div>'


def _turn(one: Entry) -> str:
    said, folded = [], []
    for part in one.payload.get("parts") or ():
        if part.get("type") == "text" and part["text"].strip():
            said.append(f'<p class="words">{shown(part["text"])}</p>')
        elif part.get("type") == "thinking" and part["text"].strip():
            folded.append(_folded("Thinking", part["text"]))
        elif part.get("type") == "tool_call":
            given = part.get("args")
            words = part.get("broken", "") if given is None else json.dumps(given, ensure_ascii=False, indent=1)
            folded.append(_folded(f"Calls {part.get('name')}", words))
    usage = one.payload.get("usage") or {}
    figures = f"{usage.get('input_total', 0):,} tokens in, {usage.get('output', 0):,} out"
    return _card(f"Model, {figures}", one, "".join(said + folded))


def _result(one: Entry) -> str:
    payload = one.payload
    code = payload.get("exit_code")
    facts = [f"{(payload.get('duration_ms') or 0) / 1000:.2f} s"]
    if payload.get("added") or payload.get("removed"):
        facts.insert(0, f"+{payload['added']} −{payload['removed']}")
    is_bad = payload.get("is_error") or code not in (None, 0)
    look = ' class="bad"' if is_bad else ""
    head = shown(payload.get("summary") or payload.get("name"))
    opened = " open" if payload.get("is_error") else ""
    return (
        f"<details{opened}><summary><span{look}>{head}</span> <small>{', '.join(facts)}</small></summary>"
        f"<pre>{shown(payload.get('text', ''))}</pre></details>"
    )


def _folded(head: str, words: str) -> str:
    return f"<details><summary>{shown(head)}</summary><pre>{shown(words)}</pre></details>"


def _sentence(one: Entry) -> str:
    payload = one.payload
    match one.kind:
        case EventKind.PHASE:
            return f"Now {payload.get('phase')}. {payload.get('reason') or ''}"
        case EventKind.WORKSPACE:
            return f"Files of {payload.get('branch')} at {payload.get('base_sha')}, in {payload.get('sandbox')}"
        case EventKind.WAIT:
            return f"Waits for the provider: {payload.get('reason')}, until {payload.get('until')}"
        case EventKind.COMPACTED:
            return "What the model gets was shortened; this log was not."
        case EventKind.CHECKPOINT:
            return f"The files are kept: tree {payload.get('tree')}"
        case EventKind.COMMIT:
            return f"Commit {payload.get('sha')}: {payload.get('title')}"
        case EventKind.EVIDENCE:
            return f"Tests: {payload.get('verdict')} {payload.get('command') or payload.get('reason') or ''}"
        case EventKind.PUSH:
            return f"Pushed {payload.get('sha')} to {payload.get('branch')}"
        case EventKind.PULL_REQUEST:
            return f"Pull request #{payload.get('number')} is {payload.get('status')}: {payload.get('title')}"
        case EventKind.SETTLED:
            return f"Settled: {payload.get('charged')} credits of {payload.get('held')} held"
        case EventKind.PLAN_DECIDED:
            return f"The plan: {payload.get('decision')}. {payload.get('text') or ''}"
        case EventKind.ENDED:
            how = payload.get("outcome") or payload.get("failure") or payload.get("status")
            return f"Ended: {how}. {payload.get('text') or ''}"
    return str(payload.get("text") or payload.get("reason") or one.kind.value)
