"""A change, file by file, with the words that differ marked."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from html import escape

from backend.localhub.git import FileChange
from backend.localhub.pages.html import Html, icon, markup

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@ ?(.*)")
_LONGEST_MARKED = 400  # characters of a line; beyond that words are not compared
_MOST_LINES = 3000  # of one file


def diff(changes: Sequence[FileChange]) -> Html:
    """All files, with the sums before them."""
    added, removed = sum(change.added for change in changes), sum(change.removed for change in changes)
    count = f"{len(changes)} file{'' if len(changes) == 1 else 's'} changed"
    return markup(
        '<p class="sums num">{count} {figures}</p>{files}',
        count=count,
        figures=figures(added, removed),
        files=[_file(change) for change in changes],
    )


def hunk(text: str, most: int) -> Html:
    """The last lines of a hunk, as a comment on its last line quotes it."""
    header, *lines = text.split("\n")
    found = _HUNK.match(header)
    if not found or not lines:
        return Html("")
    left_out = lines[:-most]
    old = int(found[1]) + sum(line[:1] in (" ", "-") for line in left_out)
    new = int(found[2]) + sum(line[:1] in (" ", "+") for line in left_out)
    return _lines("\n".join([f"@@ -{old} +{new} @@", *lines[-most:]]))


def figures(added: int, removed: int) -> Html:
    """How much was added and removed, in lines."""
    return markup(
        '<span class="added num">+{added}</span> <span class="removed num">−{removed}</span>',
        added=added,
        removed=removed,
    )


def _file(change: FileChange) -> Html:
    name = f"{change.old_path} → {change.path}" if change.old_path else change.path
    word = {"added": "new", "removed": "deleted", "renamed": "renamed"}.get(change.status, "")
    return markup(
        '<section class="file"><header>{icon}<h3 class="mono">{name}</h3>{figures}<span class="soft">{word}</span>'
        "</header>{body}</section>",
        icon=icon("blob"),
        name=name,
        figures=figures(change.added, change.removed),
        word=word,
        body=_lines(change.patch) if change.patch else Html('<p class="empty">Binary, empty or too large to show.</p>'),
    )


def _lines(patch: str) -> Html:
    rows: list[str] = []
    removed: list[tuple[int, str]] = []
    added: list[tuple[int, str]] = []
    old = new = 0

    def flush() -> None:
        rows.extend(_changed(removed, added))
        removed.clear()
        added.clear()

    for line in patch.split("\n")[:_MOST_LINES]:
        if hunk := _HUNK.match(line):
            flush()
            old, new = int(hunk[1]), int(hunk[2])
            rows.append(_row("hunk", "", "", "", escape(hunk[3] or "…")))
        elif line.startswith("-"):
            removed.append((old, line[1:]))
            old += 1
        elif line.startswith("+"):
            added.append((new, line[1:]))
            new += 1
        elif line.startswith("\\"):
            flush()
            rows.append(_row("note", "", "", "", escape(line[2:])))
        else:
            flush()
            rows.append(_row("same", str(old), str(new), " ", escape(line[1:])))
            old, new = old + 1, new + 1
    flush()
    return Html(f'<div class="lines" tabindex="0"><div class="sheet">{"".join(rows)}</div></div>')


def _changed(removed: Sequence[tuple[int, str]], added: Sequence[tuple[int, str]]) -> list[str]:
    """A block of lines that went and came; where as many came as went, their words are compared line by line."""
    pairs = [_marked(before, after) for (_, before), (_, after) in zip(removed, added, strict=False)]
    if len(removed) != len(added):
        pairs = []
    gone = [
        _row("gone", str(number), "", "−", pairs[at][0] if pairs else escape(text))
        for at, (number, text) in enumerate(removed)
    ]
    come = [
        _row("come", "", str(number), "+", pairs[at][1] if pairs else escape(text))
        for at, (number, text) in enumerate(added)
    ]
    return gone + come


def _marked(before: str, after: str) -> tuple[str, str]:
    words = [re.findall(r"\w+|\s+|.", text) for text in (before, after)]
    matcher = SequenceMatcher(None, words[0], words[1], autojunk=False)
    if max(len(before), len(after)) > _LONGEST_MARKED or matcher.ratio() < 0.5:
        return escape(before), escape(after)
    left, right = [], []
    for kind, a, b, c, d in matcher.get_opcodes():
        old, new = escape("".join(words[0][a:b])), escape("".join(words[1][c:d]))
        left.append(old if kind == "equal" or not old else f"<mark>{old}</mark>")
        right.append(new if kind == "equal" or not new else f"<mark>{new}</mark>")
    return "".join(left), "".join(right)


def _row(kind: str, old: str, new: str, sign: str, code: str) -> str:
    return (
        f'<div class="line {kind}"><span class="at">{old}</span><span class="at">{new}</span>'
        f'<span class="sign">{sign}</span><code>{code}</code></div>'
    )
