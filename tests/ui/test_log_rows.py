"""The log's pure half, run by the node that builds the pages."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from asynccoder_ui import views
from backend.words import EventKind, Phase

COMPONENTS = Path(__file__).resolve().parents[2] / "assets" / "components"
NODE = Path(sys.executable).parent / "node"


def js(body: str, given: Any = None) -> Any:
    """What `body` returns, with the log's functions in reach and `given` as its argument."""
    program = (
        f"import * as rows from {json.dumps((COMPONENTS / 'log_rows.js').as_uri())};"
        f"import * as state from {json.dumps((COMPONENTS / 'log_state.js').as_uri())};"
        f"import * as terminal from {json.dumps((COMPONENTS / 'terminal.js').as_uri())};"
        "let text = ''; for await (const piece of process.stdin) text += piece;"
        f"const work = (given) => {{ {body} }};"
        "console.log(JSON.stringify(work(JSON.parse(text))));"
    )
    done = subprocess.run(
        [str(NODE), "--input-type=module", "-e", program],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def spans(text: str) -> list[tuple[str, str]]:
    return [(span["text"], span["tone"]) for span in js("return terminal.spans(given)", text)]


def event(seq: int, kind: str, **payload: Any) -> dict[str, Any]:
    return {"seq": seq, "kind": kind, "at": "2026-01-02T03:04:05+00:00", "payload": payload}


def call(seq: int, name: str, result: dict[str, Any], **args: Any) -> list[dict[str, Any]]:
    known = {"call_id": f"c{seq}", "name": name}
    return [event(seq, "tool_started", **known, args=args), event(seq + 1, "tool_result", **known, **result)]


LOG = [
    event(1, "prompt", run=1, text="Mend the totals"),
    event(
        2,
        "model_turn",
        parts=[{"type": "text", "text": "I look first."}],
        usage={"input_total": 1000, "cache_read": 800, "output": 50},
        cost_micro=1500,
    ),
    *call(3, "read_file", {"text": "a", "duration_ms": 10}, path="shop/a.py"),
    *call(5, "read_file", {"text": "b", "duration_ms": 10}, path="shop/b.py"),
    *call(7, "run_command", {"text": "1 failed ```", "exit_code": 1, "duration_ms": 900}, command="pytest -q"),
    *call(9, "edit_file", {"text": "ok", "added": 2, "removed": 1}, path="shop/a.py", old_str="x", new_str="y\nz"),
    event(11, "ended", status="completed", text="Done so."),
]


def test_colours_of_a_terminal_become_roles():
    assert spans("\x1b[31mred\x1b[0m \x1b[92mgreen\x1b[39m plain") == [
        ("red", "bad"), (" ", ""), ("green", "ok"), (" plain", ""),
    ]  # fmt: skip
    assert spans("\x1b[38;5;196mr\x1b[38;5;46mg\x1b[38;5;240mq\x1b[38;2;0;0;255mb") == [
        ("r", "bad"), ("g", "ok"), ("q", "quiet"), ("b", "run"),
    ]  # fmt: skip


def test_a_background_takes_no_part_and_does_not_shift_the_codes_after_it():
    assert spans("\x1b[48;5;22;31mx") == [("x", "bad")]


def test_bold_and_underline_are_kept():
    [first, second] = js("return terminal.spans(given)", "\x1b[1;4mx\x1b[22my")
    assert (first["bold"], first["under"], second["bold"], second["under"]) == (True, True, False, True)


def test_everything_else_a_terminal_understands_is_dropped():
    text = "a\x1b[2J\x1b[10;3Hb\x1b]0;title\x07c\x1b]8;;https://evil.example\x1b\\d\x1b(Be\x07f\x00\x9bg"
    assert spans(text) == [("abcdefg", "")]


def test_html_stays_text():
    assert spans("<img src=x onerror=alert(1)>") == [("<img src=x onerror=alert(1)>", "")]


def test_a_progress_line_shows_its_last_state():
    assert spans("get 1%\rget 50%\rget 100%\r\ndone\r\n") == [("get 100%\ndone\n", "")]


def test_quiet_calls_fold_and_each_row_knows_its_entry():
    rows = js("return rows.take(rows.empty(), given).rows", LOG)
    assert [(row["kind"], row["seq"]) for row in rows] == [
        ("round", 1), ("you", 1), ("say", 2), ("tools", 3), ("tools", 7), ("tools", 9), ("ended", 11),
    ]  # fmt: skip
    assert len(rows[3]["calls"]) == 2


def test_the_same_events_twice_or_in_pieces_give_the_same_rows():
    whole, pieces = js(
        "const a = rows.take(rows.empty(), given).rows; let s = rows.empty();"
        "for (const one of given) { s = rows.take(s, [one]); s = rows.take(s, given.slice(0, 2)); }"
        "return [a, s.rows]",
        LOG,
    )
    assert whole == pieces


def test_filters_show_messages_tools_or_what_went_wrong():
    found = js(
        "const all = rows.take(rows.empty(), given).rows;"
        "return Object.fromEntries(rows.FILTERS.map(([name]) => [name, rows.visible(all, name).map((r) => r.seq)]))",
        LOG,
    )
    assert found == {"all": [1, 1, 2, 3, 7, 9, 11], "messages": [1, 1, 2, 11], "tools": [3, 7, 9], "errors": [7]}


def test_the_search_looks_into_words_arguments_and_output():
    body = (
        "const all = rows.take(rows.empty(), given.log).rows;return rows.visible(all, 'all', given.q).map((r) => r.seq)"
    )
    assert js(body, {"log": LOG, "q": "SHOP/B"}) == [3]
    assert js(body, {"log": LOG, "q": "1 failed"}) == [7]
    assert js(body, {"log": LOG, "q": "nowhere"}) == []


def test_an_entrys_address_leads_to_the_row_that_holds_it():
    body = (
        "const all = rows.take(rows.empty(), given.log).rows;"
        "return all[rows.placeOf(all, rows.entryIn(given.hash))]?.seq ?? null"
    )
    assert js(body, {"log": LOG, "hash": "#e6"}) == 3
    assert js(body, {"log": LOG, "hash": "#e99"}) == 11
    assert js(body, {"log": LOG, "hash": "#e1<script>"}) is None


def test_the_header_counts_tokens_cost_and_context():
    used = js("return rows.take(rows.empty(), given).used", LOG)
    assert used == {"turns": 1, "input": 1000, "cached": 800, "output": 50, "cost": 1500, "context": 1050}


def test_the_copy_is_markdown_and_output_cannot_end_its_own_block():
    text = js("return rows.asMarkdown(rows.take(rows.empty(), given).rows)", LOG)
    assert "## Run 1" in text
    assert "> Mend the totals" in text
    assert "- **Run command** pytest -q, exit 1, 0.9 s\n\n````\n1 failed ```\n````" in text
    assert "- **Edit file** shop/a.py, +2 −1" in text


def test_whatever_a_model_gives_for_arguments_becomes_texts():
    odd = [["a.py", 5], {"x": 1}, None, True, "plain"]
    events = [
        event(number, "tool_started", call_id=f"c{number}", name="read_file", args={"path": value})
        for number, value in enumerate(odd, 1)
    ]
    events += [event(9, "tool_started", call_id="c9", name="run_command", args="rm")]
    taken = js(
        "return rows.take(rows.empty(), given).rows.flatMap((row) => row.calls.map((call) => call.args))", events
    )
    assert taken == [{"path": path} for path in ('["a.py",5]', '{"x":1}', "null", "true", "plain")] + [{}]


def test_what_the_platform_tells_the_model_is_told_to_the_person_in_other_words():
    note = event(1, "note", text="The person asks you to finish now. Call finish now.", code="wrap_up")
    assert js("return rows.take(rows.empty(), given).rows[0].text", [note]) == "Asked to finish with what there is"


SILENT = {EventKind.PHASE, EventKind.CHECKPOINT, EventKind.MODEL_TURN}  # they change the last line, or nothing


def test_every_kind_of_entry_that_the_worker_writes_is_drawn() -> None:
    payload = {"call_id": "c1", "name": "read_file", "text": "words", "run": 1, "number": 7, "status": "open"}
    events = [event(1, kind, **payload) for kind in EventKind]
    counts = js("return given.map((one) => rows.take(rows.empty(), [one]).rows.length)", events)
    assert {kind for kind, count in zip(EventKind, counts, strict=True) if not count} == SILENT


def test_every_phase_has_words_in_the_last_line() -> None:
    phases = set(Phase) - {Phase.PARKED, Phase.ENDED}
    events = [event(1, "phase", phase=phase) for phase in phases]
    told = js("return given.map((one) => rows.tailText(rows.take(rows.empty(), [one])))", events)
    assert all(told) and not phases & set(told)


def test_a_wait_is_told_in_the_same_words_in_the_log_as_in_the_lists() -> None:
    events = [event(1, "phase", phase="parked", reason=reason) for reason in views.WAITS]
    told = js("return given.map((one) => rows.take(rows.empty(), [one]).rows[0].text)", events)
    assert told == list(views.WAITS.values())


def opened(log: list[dict[str, Any]], first: int, each: int, late: int = 0) -> dict[str, Any]:
    """A log that is opened at its newest entries, then gets the older ones piece by piece, and `late` ones between."""
    return dict(
        js(
            "let log = state.start(); const { all, first, each, late } = given; const sizes = [];"
            "const known = all.slice(0, all.length - late); let from = Math.max(0, known.length - first);"
            "log = state.reduce(log, { type: 'events', events: known.slice(from), has_older: from > 0 });"
            "while (from > 0) { const to = from; from = Math.max(0, to - each);"
            " log = state.reduce(log, { type: 'older', events: all.slice(from, to), has_older: from > 0 });"
            " sizes.push(log.log.rows.length);"
            " log = state.reduce(log, { type: 'events', events: all.slice(known.length) }); }"
            "const whole = rows.take(rows.empty(), all);"
            "return { same: JSON.stringify(log.log.rows) === JSON.stringify(whole.rows),"
            " used: log.log.used, wanted: whole.used, whole: log.whole, known: log.known.length, sizes };",
            {"all": log, "first": first, "each": each, "late": late},
        )
    )


@pytest.mark.parametrize(("first", "each", "late"), [(3, 2, 0), (1, 1, 0), (5, 4, 2), (11, 1, 0), (2, 100, 3)])
def test_a_log_that_is_opened_at_its_end_becomes_what_it_is_when_read_from_the_start(first: int, each: int, late: int):
    found = opened(LOG, first, each, late)
    assert (found["same"], found["whole"], found["known"]) == (True, True, 0)
    assert found["used"] == found["wanted"]


def test_older_entries_are_drawn_a_few_times_however_long_the_log_is():
    log = [event(number, "note", text=str(number)) for number in range(1, 10_001)]
    sizes = opened(log, 100, 500)["sizes"]
    assert len(sizes) == 20
    assert len(set(sizes)) <= 8


def test_a_row_says_when_it_has_grown():
    made = js(
        "const log = rows.take(rows.empty(), given.slice(0, 3)); const before = log.rows.map((row) => row.version);"
        "return [before, rows.take(log, given.slice(3)).rows.map((row) => row.version)];",
        [*call(1, "read_file", {"text": "a"}, path="a.py"), *call(3, "read_file", {"text": "b"}, path="b.py")],
    )
    [[before], [after]] = made
    assert after > before


def test_the_note_of_a_review_leads_to_what_is_reviewed_and_others_lead_nowhere():
    note = event(1, "note", code="review", text="Review of #7: Round once", url="https://github.com/acme/shop/pull/7")
    events = [note, event(2, "note", text="Something else")]
    shown = js("return rows.take(rows.empty(), given).rows.map((row) => [row.text, row.href])", events)
    assert shown == [["Review of #7: Round once", "https://github.com/acme/shop/pull/7"], ["Something else", None]]


def test_what_a_person_said_keeps_its_images_and_the_copy_tells_of_them():
    shot = {"id": "a-1", "width": 640, "height": 400}
    log = [
        event(1, "prompt", run=1, text="Like this", images=[shot]),
        event(2, "user_message", message_id="m", text="And this", images=[shot, shot]),
        event(3, "user_message", message_id="n", text="No picture"),
    ]
    said = js("return rows.take(rows.empty(), given).rows.filter((row) => row.kind === 'you')", log)
    assert [[image["id"] for image in row["images"]] for row in said] == [["a-1"], ["a-1", "a-1"], []]
    assert "> [image, 640 × 400]\n> Like this" in js("return rows.asMarkdown(rows.take(rows.empty(), given).rows)", log)


def test_what_a_run_merged_before_it_began_is_a_sentence():
    known = {"code": "merge_begun", "theirs": "abc1234def", "target": "main", "text": "for the model"}
    notes = [
        event(1, "note", **known, conflicts=[]),
        event(2, "note", **known, conflicts=["a.py"]),
        event(3, "note", **known, conflicts=[f"{name}.py" for name in "abcdef"]),
    ]
    shown = js("return rows.take(rows.empty(), given).rows.map((row) => row.text)", notes)
    assert shown == [
        "Merged main (abc1234) into the branch, without a conflict",
        "Merged main (abc1234) into the branch; conflicts in 1 file: a.py",
        "Merged main (abc1234) into the branch; conflicts in 6 files: a.py, b.py, c.py, d.py, e.py and more",
    ]
