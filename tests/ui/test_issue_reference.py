"""Which issue a text names, and how an issue comes into it: pure, run by the node that builds the pages."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from backend.services.issues import Issue, told
from tests.payloads import PAYLOADS

COMPONENTS = Path(__file__).resolve().parents[2] / "assets" / "components"
NODE = Path(sys.executable).parent / "node"


def js(body: str, given: Any) -> Any:
    program = (
        f"import {{ keyOf, named, withIssue }} from {json.dumps((COMPONENTS / 'issue_reference.js').as_uri())};"
        f"import {{ signs }} from {json.dumps((COMPONENTS / 'signs.js').as_uri())};"
        "let text = ''; for await (const piece of process.stdin) text += piece;"
        f"const work = (given) => {{ {body} }};"
        "console.log(JSON.stringify(work(JSON.parse(text))));"
    )
    argv = [str(NODE), "--input-type=module", "-e", program]
    done = subprocess.run(argv, input=json.dumps(given), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def named(*texts: str, place: str = "acme/shop") -> list[str]:
    found: list[str] = js("return given[0].map((text) => named(text, given[1]))", [texts, place])
    return found


def test_the_last_issue_that_a_text_names_is_found_however_it_is_written():
    texts = {
        "#12": "#12",
        "Mend #12, please.": "#12",
        "(alice/x.y#3)": "alice/x.y#3",
        "see https://github.com/a/b/issues/7#issuecomment-1 for it": "https://github.com/a/b/issues/7",
        "http://127.0.0.1:3001/a/b/pull/7": "http://127.0.0.1:3001/a/b/pull/7",
        "#1 and a/b#2": "a/b#2",
        "a #1\n> quoted #2": "#1",
        "": "",
        "&#12; x#12 a/b/c#12 #12px #1234567890 ##12 #-1 color:#fff C# #": "",
        "https://github.com/a/b/issues https://github.com/a/b/tree/1": "",
    }
    assert named(*texts) == list(texts.values())


def test_what_was_imported_is_offered_no_more_nor_what_it_speaks_of():
    where = UUID(int=1), "Acme/shop", 12
    issue = Issue(*where, "See #99", "Like #98 and a/b#97", "bob", True, 0, "http://h/Acme/shop/issues/12")
    text = told(issue, [])
    texts = (text, f"Mend #12.\n\n{text}", f"acme/shop#12\n{text}", f"http://h/acme/shop/issues/12\n{text}")
    assert named(*texts) == ["", "", "", ""]
    assert named(f"Mend #12.\n\n{text}", place="alice/x") == ["#12"]  # another repository's


def test_an_issue_takes_the_place_of_its_reference_and_of_nothing_else():
    cases = [["#1", "#1", "I"], [" #1\n", "#1", "I"], ["", "#1", "I"], ["Do #1 \n", "#1", "I"]]
    assert js("return given.map((one) => withIssue(...one))", cases) == ["I", "I", "I", "Do #1\n\nI"]


def test_no_text_takes_long_to_look_through():
    began = time.monotonic()
    named(*PAYLOADS.values(), "a-" * 16_000, "a/" * 16_000, "#" * 32_000, "http://a/" * 3_500, "1#" * 16_000)
    assert time.monotonic() - began < 20


def test_signs_that_hide_or_turn_text_are_shown_as_what_they_are():
    assert js("return signs(given)", "a\u202eb\u200bc\U000e0041d\u2066") == "a⟨U+202E⟩b⟨U+200B⟩c⟨U+E0041⟩d⟨U+2066⟩"
    for plain in ("👩‍👩‍👧", "مرحبا", "é\t x"):
        assert js("return signs(given)", plain) == plain
