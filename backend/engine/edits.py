"""Where an edit belongs: a ladder of ever looser readings, each taken only if exactly one place fits.

Never edit distance: a place that merely resembles the asked-for text is shown to the model, not written to.
"""

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backend.errors import InvalidInput

_SHOWN_LINES = 24
_PROVING_LINES = 3  # fewer may stand anywhere by chance
_FOLDED = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys("\u00a0\u2002\u2003\u2007\u2009\u202f\u3000", " "),
        "\u2026": "...",
    }
)


class EditRefused(InvalidInput):
    """The old text stands nowhere, or at several places; the sentence shows the model where to look."""


@dataclass(frozen=True)
class Edited:
    """The new content, the 1-based lines where places began, and the reading that found them."""

    content: str
    lines: tuple[int, ...]
    reading: str


Shift = Callable[[str], str]  # indents a new line like the place that it goes to
Reading = Callable[[Sequence[str], Sequence[str]], Shift | None]  # how a window fits the wanted lines; None: not


@dataclass(frozen=True)
class _Place:
    start: int  # 0-based line in the content
    shift: Shift


def apply(content: str, old: str, new: str, *, replace_all: bool = False) -> Edited:
    """Replaces old by new at the one place where old stands. Raises EditRefused with a sentence for the model.

    Where old is gone and new already stands there (an edit repeated after an interruption), nothing changes.
    """
    literal = _literal(content, old, new, replace_all, "literal")
    if literal:
        return literal
    if "\r\n" in content or "\r" in old:
        ending = "\r\n" if "\r\n" in content else "\n"
        same_endings = _literal(content, _with(ending, old), _with(ending, new), replace_all, "line endings")
        if same_endings:
            return same_endings
    return _by_lines(content, old, new)


def _literal(content: str, old: str, new: str, replace_all: bool, reading: str) -> Edited | None:
    found = [match.start() for match in re.finditer(re.escape(old), content)]
    if not found:
        return None
    lines = tuple(content.count("\n", 0, offset) + 1 for offset in found)
    if len(found) > 1 and not replace_all:
        raise _several(lines)
    return Edited(content.replace(old, new), lines, reading)


def _by_lines(content: str, old: str, new: str) -> Edited:
    """The looser readings compare whole lines, so that nothing is spliced into the middle of one."""
    have = content.split("\n")
    wanted = _with("\n", old).removesuffix("\n").split("\n")
    if not any(line.strip() for line in wanted):
        raise EditRefused("old_str holds only blank lines: give the lines around the place.")
    readings: list[tuple[str, Reading]] = [
        ("trailing whitespace", lambda window, lines: _all_equal(window, lines, str.rstrip)),
        ("indentation", lambda window, lines: _shifted(window, lines, str.rstrip)),
        ("punctuation", lambda window, lines: _shifted(window, lines, _fold)),
    ]
    for name, fits in readings:
        places = []
        for start in range(len(have) - len(wanted) + 1):
            shift = fits(have[start : start + len(wanted)], wanted)
            if shift:
                places.append(_Place(start, shift))
        if len(places) > 1:
            raise _several([place.start + 1 for place in places])
        if places:
            return _write_lines(content, have, places[0], wanted, old, new, name)
    present = _already_there(have, new)
    if present is not None:
        return Edited(content, (present + 1,), "already there")
    raise EditRefused(_nearest(have, wanted))


def _already_there(have: list[str], new: str) -> int | None:
    fresh = _with("\n", new).removesuffix("\n").split("\n")
    if len([line for line in fresh if line.strip()]) < _PROVING_LINES:
        return None
    places = [n for n in range(len(have)) if _all_equal(have[n : n + len(fresh)], fresh, str.rstrip)]
    return places[0] if len(places) == 1 else None


def _write_lines(
    content: str, have: list[str], place: _Place, wanted: list[str], old: str, new: str, name: str
) -> Edited:
    end = place.start + len(wanted)
    fresh = _with("\n", new).removesuffix("\n").split("\n") if new else []
    ending = "\r" if "\r\n" in content else ""
    written: list[str] = []
    # Lines that the edit keeps are taken from the file, so that their own whitespace and punctuation survive.
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, wanted, fresh, autojunk=False).get_opcodes():
        if tag == "equal":
            written += have[place.start + i1 : place.start + i2]
        else:
            written += [place.shift(line) + ending for line in fresh[j1:j2]]
    if not new and not old.endswith("\n"):
        written = [""]
    return Edited("\n".join(have[: place.start] + written + have[end:]), (place.start + 1,), name)


def _all_equal(
    window: Sequence[str], wanted: Sequence[str], key: Callable[[str], str], shift: Shift = lambda line: line
) -> Shift | None:
    same = len(window) == len(wanted) and all(key(a) == key(shift(b)) for a, b in zip(window, wanted, strict=True))
    return shift if same else None


def _shifted(window: Sequence[str], wanted: Sequence[str], key: Callable[[str], str]) -> Shift | None:
    """Whether the window is the wanted lines, all indented by the same piece more or less; how to indent alike."""
    first = next(index for index, line in enumerate(wanted) if line.strip())
    has, asked = _indent(window[first]), _indent(wanted[first])
    if has == asked:
        return _all_equal(window, wanted, key)
    if has.endswith(asked):
        more = has[: len(has) - len(asked)]
        return _all_equal(window, wanted, key, lambda line: more + line if line.strip() else line)
    if asked.endswith(has):
        less = asked[: len(asked) - len(has)]
        return _all_equal(window, wanted, key, lambda line: line.removeprefix(less))
    return None


def _fold(line: str) -> str:
    return line.translate(_FOLDED).rstrip()


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _with(ending: str, text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", ending)


def _several(lines: Sequence[int]) -> EditRefused:
    named = ", ".join(str(line) for line in lines[:20])
    return EditRefused(
        f"old_str stands at {len(lines)} places (lines {named}). Give more of the lines around the one you mean"
        " (or replace_all)."
    )


def _nearest(have: list[str], wanted: list[str]) -> str:
    """The window that shares most lines with the wanted ones, numbered, for the model to read, never to write to."""
    keys = {_fold(line).strip() for line in wanted if line.strip()}
    hits = [_fold(line).strip() in keys for line in have]
    if not any(hits):
        first = next(line for line in wanted if line.strip()).strip()
        close = difflib.get_close_matches(first, [line.strip() for line in have[:5000]], n=1, cutoff=0.6)
        if not close:
            return "old_str does not stand in this file, and nothing in it resembles it. Read the file again."
        hits = [line.strip() == close[0] for line in have]
    size = min(len(wanted), _SHOWN_LINES)
    score, best, best_score = sum(hits[:size]), 0, sum(hits[:size])
    for start in range(1, max(1, len(have) - size + 1)):
        score += hits[start + size - 1] - hits[start - 1]
        if score > best_score:
            best, best_score = start, score
    shown = "\n".join(f"{n + 1:6}\t{have[n]}" for n in range(max(0, best - 2), min(len(have), best + size + 2)))
    return f"old_str does not stand in this file. The nearest region is:\n{shown}"
