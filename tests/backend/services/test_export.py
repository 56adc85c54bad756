"""A task to take away: whole, without secrets, as text whatever others wrote, and in bounded memory."""

import base64
import hashlib
import json
import re
import zlib
from html.parser import HTMLParser
from io import BytesIO
from resource import RUSAGE_SELF, getrusage
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from backend import db, events
from backend.engine import recording
from backend.engine.transcript import write_turn
from backend.errors import NotFound
from backend.models import TaskResult
from backend.providers.base import Message, Text, ToolCall
from backend.services import attachments, export, repository_setup, tasks
from backend.words import EventKind, Priority, TaskType, Visibility
from tests.backend.services.road import run_of
from tests.conftest import People
from tests.payloads import PAYLOADS
from tests.pictures import png

GITHUB = "ghp_" + "a1B2c3D4e5" * 4
OWN = "a long $ecret of the set-up"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA1234567890\n-----END RSA PRIVATE KEY-----"


def submitted(people: People, prompt: str = "Fix it") -> UUID:
    with db.transaction() as session:
        given = (people.shop, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, prompt)
        return tasks.submit(session, people.alice, tasks.Draft(*given)).id


def tell(task_id: UUID, kind: EventKind, payload: dict[str, Any], raw: bytes | None = None) -> None:
    run_id = run_of(task_id).id
    with db.transaction() as session:
        events.append(session, task_id=task_id, run_id=run_id, kind=kind, payload=payload, raw=raw)


def result(words: str, call_id: str = "c1") -> dict[str, Any]:
    return {"call_id": call_id, "name": "run_command", "text": words, "is_error": False, "exit_code": 0,
            "duration_ms": 12, "summary": words[:80]}  # fmt: skip


def turn(words: str) -> tuple[dict[str, Any], bytes]:
    content = json.dumps([{"type": "text", "text": words, "signature": "c2ln"}]).encode()
    message = Message(
        "assistant", (Text(words), ToolCall("c1", "run_command", {"command": words})), content, "anthropic"
    )
    parts, raw = write_turn(message)
    usage = {"input_total": 10, "output": 2}
    facts = {"usage": usage, "cost_micro": 5, "stop_reason": "tool_use", "duration_ms": 3, "model": "m"}
    return {"parts": parts, **facts}, raw


def lines(people: People, task_id: UUID) -> str:
    with db.transaction() as session:
        facts = export.read(session, people.alice, task_id)
    return "".join(export.as_lines(facts))


def page(people: People, task_id: UUID) -> str:
    with db.transaction() as session:
        facts = export.read(session, people.alice, task_id)
    return "".join(export.as_page(facts))


def test_the_lines_hold_the_whole_log_and_read_as_it_was(people: People) -> None:
    task_id = submitted(people)
    payload, raw = turn("Look \ud800 around".encode("utf-8", "replace").decode())
    tell(task_id, EventKind.MODEL_TURN, payload, raw)
    output = bytes(range(256)) * 40
    tell(task_id, EventKind.TOOL_RESULT, result("out"), zlib.compress(output))
    tell(task_id, EventKind.TOOL_RESULT, result("more", "c2"), zlib.compress(b"told in words"))
    found = recording.read(BytesIO(lines(people, task_id).encode()))
    assert found.task["prompt"] == "Fix it" and found.task["repository"] == "acme/shop"
    (run,) = found.runs
    assert run.entries[0].kind is EventKind.PROMPT
    *_, asked, binary, words = run.entries
    kept = json.loads(zlib.decompress(asked.raw or b""))
    was = json.loads(zlib.decompress(raw))
    assert asked.payload == payload and kept["provider"] == was["provider"]
    assert json.loads(base64.b64decode(kept["content"])) == json.loads(base64.b64decode(was["content"]))
    assert zlib.decompress(binary.raw or b"") == output
    assert zlib.decompress(words.raw or b"") == b"told in words"


def test_nothing_of_another_person_is_named(people: People) -> None:
    told = lines(people, submitted(people))
    assert str(people.alice.id) not in told and "alice@" not in told


def test_secrets_are_taken_out_of_both(people: People, environment: pytest.MonkeyPatch) -> None:
    with db.transaction() as session:
        repository_setup.keep_secret(session, people.alice, people.shop, "TOKEN", OWN)
    task_id = submitted(people, f"Use {GITHUB} and {OWN}")
    words = f"it said {GITHUB} and {OWN} and\n{KEY}"
    tell(task_id, EventKind.MODEL_TURN, *turn(words))
    tell(task_id, EventKind.TOOL_RESULT, result(words), zlib.compress(b"\xff\x00" + words.encode() + b"\xff"))
    run_id = run_of(task_id).id
    with db.transaction() as session:
        content = f"@@ -0,0 +1 @@\n+{words}"
        change = TaskResult(task_id=task_id, run_id=run_id, result_type="code_changes", file_path=f"{OWN}.txt")
        change.content = content
        session.add(change)
        session.execute(text("UPDATE task_runs SET evidence = CAST(:evidence AS jsonb)"), {
            "evidence": json.dumps({"verdict": "failed", "command": f"x {OWN}", "log_end": words, "sha": "a" * 40})
        })  # fmt: skip
    for told in (lines(people, task_id), page(people, task_id)):
        assert "[redacted]" in told
        for secret in (GITHUB, OWN, "MIIEowIBAAKCAQEA", json.dumps(OWN)[1:-1]):
            assert secret not in told
        for coded in re.findall(r'"base64":"([^"]+)"', told):
            assert OWN.encode() not in base64.b64decode(coded)


class _Elements(HTMLParser):
    """What a browser would make of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_page_is_text_whatever_others_wrote_and_refers_to_nothing(people: People) -> None:
    words = list(PAYLOADS.values())
    plain = [each.replace("\x00", "").encode("utf-8", "replace").decode() for each in words]
    task_id = submitted(people, plain[0])
    run_id = run_of(task_id).id
    for each in plain:
        tell(task_id, EventKind.MODEL_TURN, *turn(each))
        tell(task_id, EventKind.TOOL_RESULT, result(each))
        tell(task_id, EventKind.NOTE, {"text": each, "code": each[:20]})
        with db.transaction() as session:
            session.add(
                TaskResult(task_id=task_id, run_id=run_id, result_type="code_changes", file_path=each, content=each)
            )
    with db.transaction() as session:
        session.execute(text("UPDATE tasks SET title = :words"), {"words": plain[9]})
    drawn = page(people, task_id)
    elements = _Elements()
    elements.feed(drawn)
    allowed = {"html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "span", "div", "small",
               "time", "table", "tr", "th", "td", "details", "summary", "pre", "ul", "li"}  # fmt: skip
    assert {tag for tag, _ in elements.found} <= allowed
    named = {name for _, attributes in elements.found for name in attributes}
    assert named <= {"lang", "charset", "http-equiv", "content", "name", "class", "datetime", "open"}
    assert {attributes.get("class") for _, attributes in elements.found}.isdisjoint({"evil"})
    assert "window.evil=1" in drawn and "\u202e" not in drawn and "⟨U+202E⟩" in drawn


def test_the_pages_policy_allows_its_own_style_alone(people: People) -> None:
    drawn = page(people, submitted(people))
    style = drawn.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:" in drawn
    assert "url(" not in style and "@import" not in style and "light-dark(" in style
    assert "<script" not in drawn and "://" not in drawn


def test_images_of_the_prompt_are_within_the_page_and_named_in_the_lines(people: People) -> None:
    with db.transaction() as session:
        image = attachments.store(session, people.alice, "a <b>.png", png())
        given = (people.shop, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "See this")
        session.execute(text("UPDATE ai_models SET capabilities = '{\"images\": true}'::jsonb"))
        task_id = tasks.submit(session, people.alice, tasks.Draft(*given, attachments=(image.id,))).id
    drawn = page(people, task_id)
    assert 'src="data:image/png;base64,' in drawn and "a &lt;b&gt;.png" in drawn
    assert "base64" not in lines(people, task_id)


def test_whoever_may_not_read_the_task_gets_nothing(people: People) -> None:
    task_id = submitted(people)
    with db.transaction() as session, pytest.raises(NotFound):
        export.read(session, people.bob, task_id)
    with db.transaction() as session:
        tasks.set_visibility(session, people.alice, task_id, Visibility.REPOSITORY)
    with db.transaction() as session:
        facts = export.read(session, people.bob, task_id)
    assert "Fix it" in "".join(export.as_page(facts))
    with db.transaction() as session, pytest.raises(NotFound):
        export.read(session, people.carol, task_id)
    with db.transaction() as session:
        tasks.set_visibility(session, people.alice, task_id, Visibility.PRIVATE)
    with pytest.raises(NotFound):  # what was shared is shared no more between the look and the log
        "".join(export.as_lines(facts))


def test_ten_thousand_entries_are_written_in_bounded_memory(people: People) -> None:
    task_id = submitted(people)
    with db.transaction() as session:
        session.execute(
            text(
                "INSERT INTO task_events (task_id, seq, id, run_id, kind, payload)"
                " SELECT :task, 100 + n, gen_random_uuid(), :run, 'tool_result', jsonb_build_object('call_id',"
                " 'c', 'name', 'search', 'summary', 'Found', 'is_error', false, 'text', repeat('found ', 700))"
                " FROM generate_series(1, 10000) n"
            ),
            {"task": task_id, "run": run_of(task_id).id},
        )
        session.execute(text("UPDATE tasks SET event_seq = 10100"))
    with db.transaction() as session:
        facts = export.read(session, people.alice, task_id)
    for written in (export.as_lines, export.as_page):
        before = getrusage(RUSAGE_SELF).ru_maxrss  # KB, the most so far
        size = sum(len(piece) for piece in written(facts))
        assert size > 40_000_000 and getrusage(RUSAGE_SELF).ru_maxrss - before < 24_000
