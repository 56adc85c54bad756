"""What a model said, where Markdown would find nothing but words and code: the same as Markdown draws, without it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SENTENCE = Path(__file__).resolve().parents[2] / "assets" / "components" / "sentence.js"
NODE = Path(sys.executable).parent / "node"


def pieces(texts: list[str]) -> list[list[str] | None]:
    program = (
        f"import {{ sentence }} from {json.dumps(SENTENCE.as_uri())};"
        f"console.log(JSON.stringify({json.dumps(texts)}.map(sentence)));"
    )
    argv = [str(NODE), "--input-type=module", "-e", program]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: list[list[str] | None] = json.loads(done.stdout)
    return found


def test_words_and_code_by_turns():
    wanted: dict[str, list[str]] = {
        "Tests pass.": ["Tests pass."],
        "I read `cart.py`, then `tests/test_cart.py`.": ["I read ", "cart.py", ", then ", "tests/test_cart.py", "."],
        "`a * b` and snake_case": ["", "a * b", " and snake_case"],
        "Done. \n": ["Done."],
        "` padded ` but `  ` is not": ["", "padded", " but ", "  ", " is not"],
        "A price of 3.50, 2 of 4 (or so)!": ["A price of 3.50, 2 of 4 (or so)!"],
        "ends in `a\\`": ["ends in ", "a\\", ""],
    }
    assert dict(zip(wanted, pieces(list(wanted)), strict=True)) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "**bold**",
        "one\ntwo",
        "- item",
        "1. item",
        "# title",
        "    code",
        "[a](https://example.org)",
        "https://example.org",
        "see www.example.org",
        "a@example.org",
        "<b>no</b>",
        "&amp;",
        "\\*",
        "_soft_",
        "~~gone~~",
        "``two``",
        "an odd ` one",
        "`a``b`",
        "a | b",
        "two  spaces",
        "> quoted",
        "+ item",
        "===",
    ],
)
def test_what_needs_a_parser_is_left_to_it(text: str):
    assert pieces([text]) == [None]
