"""What PostgreSQL refuses never reaches it, and what is long is cut, not lost."""

import json

import pytest

from backend import jsonb


def test_nul_half_pairs_and_endless_numbers_are_made_storable_at_any_depth() -> None:
    dirty = {"a\0": ["b\ud800", 1, None, True], "c": ({"d": float("nan")}, 1.5)}
    assert jsonb.clean(dirty) == {"a�": ["b?", 1, None, True], "c": [{"d": "nan"}, 1.5]}


def test_of_a_value_that_is_too_large_only_the_long_strings_are_cut() -> None:
    fitting = jsonb.fit({"text": "\N{EURO SIGN}" * 60_000, "path": "shop/totals.py", "lines": [1, 2]})
    assert jsonb.size(fitting) <= jsonb.MAX_PAYLOAD and fitting["text"].endswith("\N{EURO SIGN}…")
    assert (fitting["path"], fitting["lines"]) == ("shop/totals.py", [1, 2])


def test_a_value_that_fits_stays_as_it_is() -> None:
    value = {"text": "x" * 1_000, "more": {"n": 0}}
    assert jsonb.fit(value) == value and jsonb.size(value) == len(json.dumps(value))


@pytest.mark.parametrize("words", ["\x01" * 40_000, '"' * 80_000, "\\n" * 50_000, "\N{EURO SIGN}" * 30_000])
def test_a_text_is_cut_by_what_it_takes_in_the_log(words: str) -> None:
    short = jsonb.cut(words)
    assert jsonb.MAX_PAYLOAD // 2 - 16 < jsonb.size(short) < jsonb.MAX_PAYLOAD // 2 + 64
    assert words.startswith(short.split("\n\n(cut here")[0])


def test_a_text_is_cut_between_characters_and_says_so() -> None:
    short = jsonb.cut("\N{EURO SIGN}" * 10, 10)
    assert short.startswith("\N{EURO SIGN}\N{EURO SIGN}\n") and "cut here" in short
    assert jsonb.cut("as it is\0", 20) == "as it is�"
