"""Where an edit belongs: only where exactly one place fits, and never where something merely resembles it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.engine.edits import EditRefused, apply

SOURCE = "def a():\n    return 1\n\n\ndef b():\n    return 2\n"


def test_a_literal_place_is_taken_even_within_a_line() -> None:
    edited = apply(SOURCE, "return 2", "return 3")
    assert edited.content == SOURCE.replace("2", "3") and edited.lines == (6,) and edited.reading == "literal"


def test_several_places_are_refused_with_their_lines() -> None:
    with pytest.raises(EditRefused, match=r"2 places \(lines 2, 6\)"):
        apply(SOURCE, "    return ", "    yield ")


def test_all_places_are_changed_when_asked_for() -> None:
    edited = apply(SOURCE, "return", "yield", replace_all=True)
    assert edited.content.count("yield") == 2 and edited.lines == (2, 6)


def test_windows_line_endings_are_kept() -> None:
    edited = apply("a\r\nb\r\nc\r\n", "a\nb\n", "a\nx\ny\n")
    assert edited.content == "a\r\nx\r\ny\r\nc\r\n"


def test_windows_line_endings_in_the_edit_alone_do_not_matter() -> None:
    assert apply("a\nb\nc\n", "a\r\nb\r\n", "a\r\nx\r\n").content == "a\nx\nc\n"


def test_trailing_whitespace_in_the_file_does_not_matter_and_untouched_lines_keep_theirs() -> None:
    edited = apply("one  \ntwo\t\nthree\n", "one\ntwo\nthree\n", "one\n2\nthree\n")
    assert edited.content == "one  \n2\nthree\n" and edited.reading == "trailing whitespace"


def test_an_edit_indented_otherwise_is_shifted_as_a_whole() -> None:
    inside = "class C:\n    def a(self):\n        x = 1\n        return x\n"
    edited = apply(inside, "def a(self):\n    x = 1\n    return x\n", "def a(self):\n    y = 1\n\n    return y\n")
    assert edited.content == "class C:\n    def a(self):\n        y = 1\n\n        return y\n"
    assert apply("def a():\n\treturn 1\n", "\t\treturn 1\n", "\t\treturn 2\n").content == "def a():\n\treturn 2\n"


def test_an_uneven_shift_is_refused() -> None:
    with pytest.raises(EditRefused):
        apply("if a:\n    b\n    c\n", "  b\n c\n", "  d\n")


def test_typographic_punctuation_is_folded_and_survives_where_it_is_not_edited() -> None:
    edited = apply("say “hello” – now…\nend\n", 'say "hello" - now...\nend\n', 'say "hello" - now...\nthe end\n')
    assert edited.content == "say “hello” – now…\nthe end\n" and edited.reading == "punctuation"


def test_looser_readings_need_one_place_too() -> None:
    with pytest.raises(EditRefused, match="2 places"):
        apply("  x = 1 \n  y\n  x = 1 \n  y\n", "x = 1\ny\n", "z\n")


def test_a_resembling_place_is_shown_and_not_written_to() -> None:
    with pytest.raises(EditRefused, match=r"nearest region is:\n(.|\n)*     2\t    return 1") as caught:
        apply(SOURCE, "def a():\n    return 1  # one\n", "def a():\n    return 9\n")
    assert "     1\tdef a():" in str(caught.value)


def test_nothing_alike_says_so() -> None:
    with pytest.raises(EditRefused, match="nothing in it resembles it"):
        apply(SOURCE, "zebra = crossing\n", "x\n")
    with pytest.raises(EditRefused, match="blank"):
        apply(SOURCE, "\n\n\n\n\n\n", "x\n")


def test_an_edit_that_was_made_already_changes_nothing() -> None:
    new = "def a():\n    x = 1\n    return x\n"
    edited = apply(new + "end\n", "def a():\n    return 1\n", new)
    assert (edited.content, edited.reading) == (new + "end\n", "already there")


def test_lines_can_be_deleted() -> None:
    assert apply("a  \nb\nc\n", "a\nb\n", "").content == "c\n"


@settings(max_examples=60, deadline=None)
@given(
    st.text(alphabet="ab \n\r\t", max_size=40),
    st.text(alphabet="ab \n\r\t", min_size=1, max_size=8),
    st.text(max_size=5),
)
def test_an_edit_either_fits_one_place_or_is_refused(content: str, old: str, new: str) -> None:
    try:
        edited = apply(content, old, new)
    except EditRefused:
        return
    assert len(edited.lines) == 1 or edited.content == content
    if content.count(old) == 1:
        assert edited.content == content.replace(old, new)
