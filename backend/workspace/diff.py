"""What changed between two commits, file by file, and what in it a person must be told of."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from backend.workspace import shapes
from backend.workspace.checkout import Checkout
from backend.workspace.git import check_sha, run_git, text

_TIMEOUT = 300.0  # seconds
_STATUS = {"A": "added", "M": "modified", "D": "deleted", "R": "renamed", "C": "copied", "T": "type_changed"}
_OPTIONS = ["-r", "--find-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none"]


_MIN_OWN = 8  # characters; a shorter value of a person's would be found everywhere
_MOST_NAMED = 100  # weakened tests, one by one

_TEST_FILE = re.compile(r"(^|/)(tests?|__tests__|spec)/|(^|/)test_[^/]*$|[._-](test|spec)s?\.\w+$|Tests?\.\w+$")
_TEST_CASE = re.compile(
    r"^\s*(?:async\s+)?def\s+(test\w*)|^func\s+(Test\w+)|\bfn\s+(test\w*)|"
    r"""^\s*(?:it|test)(?:\.each)?\(\s*['"`]([^'"`]+)"""
)
_JUNIT = re.compile(r"@(?:Parameterized)?Test\b")
_METHOD = re.compile(r"\b(?:void|fun)\s+(\w+|`[^`]+`)")
_SKIP = re.compile(
    r"@(?:pytest\.mark|unittest)\.(?:skip|xfail|expectedFailure)\w*|\b(?:pytest\.(?:skip|xfail)|self\.skipTest)\(|"
    r"\b(?:it|test|describe)\.(?:skip|todo)\b|\bx(?:it|describe|test)\(|\bt\.Skip(?:f|Now)?\(|#\[ignore|@(?:Disabled|Ignore)\b"
)
_ASSERTION = re.compile(r"\bassert\w*\b|\bexpect\(|\bself\.(?:assert|fail)\w*\(|\bt\.(?:Error|Fatal)f?\(")


@dataclass(frozen=True)
class FileChange:
    """One file of a diff; `patch` is its part of the unified diff, empty for a binary file."""

    path: str
    old_path: str | None
    status: str
    added: int
    removed: int
    is_binary: bool
    patch: str


@dataclass(frozen=True)
class Finding:
    """A secret in a diff: where, and what it is; never the secret itself."""

    path: str
    line: int
    what: str


def merge_base(checkout: Checkout, target: str | None, head: str) -> str:
    """The commit where `head` left the branch whose tip is `target`: a pull request shows the changes from there.

    GitHub's documentation: "About comparing branches in pull requests", three-dot comparison. Without such a commit,
    where the target is gone or was made anew, the checkout's base.
    """
    if target is None:
        return checkout.base_sha
    found = text(checkout.git(["merge-base", check_sha(target), check_sha(head)], ok=(0, 1)))
    return found or checkout.base_sha


def changed_files(checkout: Checkout, base: str, head: str) -> list[FileChange]:
    """The changes from one commit or tree (or HEAD) to another, in git's order, renames found."""
    raw = _diff(checkout, ["--raw", "--numstat", "-z"], base, head)
    records, counts = _records(raw)
    found = []
    with checkout.scratch() as file:
        _diff(checkout, ["--patch"], base, head, into=file)
        file.seek(0)
        parts = _parts(file)
        for (status, old_path, path), count in zip(records, counts, strict=True):
            part = next(parts)
            if status == "type_changed":
                part += next(parts)  # a file that became a link is shown as one deleted and one added
            added, removed = count or (0, 0)
            found.append(FileChange(path, old_path, status, added, removed, count is None, part if count else ""))
    return found


@contextmanager
def patch(checkout: Checkout, base: str, head: str, without: Sequence[str] = ()) -> Iterator[IO[bytes]]:
    """The diff, binary files too, as `git apply` takes it, in a file: what is kept when a push is refused.

    The paths in `without` are left out.
    """
    left_out = ["--", *(f":(exclude,literal){path}" for path in without)] if without else []
    with checkout.scratch() as file:
        _diff(checkout, ["--patch", "--binary", "--full-index"], base, head, left_out, file)
        file.seek(0)
        yield file


def stat(checkout: Checkout, base: str, head: str, most: int = 100) -> str:
    """`git diff --stat` of at most that many files, and the line that counts all of them."""
    return _diff(checkout, ["--stat=110", f"--stat-count={most}"], base, head).decode("utf-8", "replace").rstrip()


def excerpt(checkout: Checkout, base: str, head: str, most: int, paths: Sequence[str] = ()) -> tuple[str, int]:
    """The first `most` bytes of the diff, of these paths or of all, and how many bytes it has."""
    chosen = ["--", *(f":(literal){path}" for path in paths)] if paths else []
    with checkout.scratch() as file:
        _diff(checkout, ["--patch"], base, head, chosen, file)
        size = file.seek(0, 2)
        file.seek(0)
        return file.read(most).decode("utf-8", "replace"), size


def changed_paths(checkout: Checkout, base: str, head: str) -> dict[str, str | None]:
    """The files that differ, by their name in `head`; a renamed one with its old name."""
    records, _ = _records(_diff(checkout, ["--raw", "--numstat", "-z"], base, head))
    return {path: old_path for _, old_path, path in records}


def larger_than(checkout: Checkout, base: str, head: str, most: int) -> list[str]:
    """The paths of the files that changed and have more than `most` bytes now."""
    fields = _diff(checkout, ["--raw", "--no-renames", "--no-abbrev", "-z"], base, head).split(b"\0")
    blobs = {field.split()[3]: path for field, path in zip(fields[::2], fields[1::2], strict=False)}
    asked = b"".join(name + b"\n" for name in blobs)
    told = checkout.git(["cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)"], stdin=asked)
    sizes = [line.split() for line in told.splitlines()]  # what is gone, or another repository's, is "missing"
    return [
        blobs[words[0]].decode("utf-8", "replace") for words in sizes if words[1] == b"blob" and int(words[2]) > most
    ]


def _diff(
    checkout: Checkout, how: list[str], base: str, head: str, paths: Sequence[str] = (), into: IO[bytes] | None = None
) -> bytes:
    # Without work tree and index: a `.gitattributes` that calls everything binary must not hide what changed.
    env = {"GIT_INDEX_FILE": str(checkout.git_dir / "no-index"), "GIT_IMPLICIT_WORK_TREE": "0"}
    if paths:
        env["GIT_LITERAL_PATHSPECS"] = "0"  # they say themselves how they are meant
    return run_git(
        ["diff-tree", *_OPTIONS, *how, _object(base), _object(head), *paths],
        git_dir=checkout.git_dir,
        timeout=_TIMEOUT,
        env=env,
        into=into,
    )


def _object(name: str) -> str:
    return name if name == "HEAD" else check_sha(name)


def _records(raw: bytes) -> tuple[list[tuple[str, str | None, str]], list[tuple[int, int] | None]]:
    """Both lists that `--raw --numstat -z` prints, one after the other, in the same order."""
    fields = iter(raw.decode("utf-8", "replace").split("\0"))
    records: list[tuple[str, str | None, str]] = []
    counts: list[tuple[int, int] | None] = []
    for field in fields:
        if field.startswith(":"):
            letter = field.rsplit(" ", 1)[1][0]
            path = next(fields)
            old_path, path = (path, next(fields)) if letter in "RC" else (None, path)
            records.append((_STATUS.get(letter, "modified"), old_path, path))
        elif field:
            added, removed, path = field.split("\t", 2)
            if not path:  # a rename: both names follow
                next(fields), next(fields)
            counts.append(None if added == "-" else (int(added), int(removed)))
    return records, counts


def _parts(whole: IO[bytes]) -> Iterator[str]:
    """The diff, one file after the other, cut at their headers: no other line of a diff begins with this word."""
    lines: list[bytes] = []
    for line in whole:
        if line.startswith(b"diff --git ") and lines:
            yield b"".join(lines).decode("utf-8", "replace")
            lines.clear()
        lines.append(line)
    if lines:
        yield b"".join(lines).decode("utf-8", "replace")


def added_lines(change: FileChange) -> Iterator[tuple[int, str]]:
    """Number (in the new file) and text of every line that a change adds."""
    yield from _lines(change, "+")


def removed_lines(change: FileChange) -> Iterator[tuple[int, str]]:
    """Number (in the old file) and text of every line that a change removes."""
    yield from _lines(change, "-")


def _lines(change: FileChange, sign: str) -> Iterator[tuple[int, str]]:
    number, in_hunk = 0, False
    # Only at newlines: str.splitlines also breaks at form feeds and the like.
    for line in change.patch.split("\n"):
        if line.startswith("@@"):
            in_hunk = True
            found = re.match(r"@@ -(\d+)(?:,\d+)? \+(\d+)", line)
            number = int(found[1 if sign == "-" else 2]) if found else 0
        elif in_hunk and line.startswith(sign):
            yield number, line[1:]
            number += 1
        elif in_hunk and line.startswith(" "):
            number += 1


def scan_secrets(changes: Sequence[FileChange], own_values: Iterable[str] = ()) -> list[Finding]:
    """Known shapes of secrets, and the person's own sealed values, in what the diff adds."""
    own = {part for value in own_values for part in value.split("\n") if len(part.strip()) >= _MIN_OWN}
    found = []
    for change in changes:
        if any(value in change.path for value in own):
            found.append(Finding("(a file's name)", 0, "one of your own secrets"))
        for number, line in added_lines(change):
            if any(value in line for value in own):
                found.append(Finding(change.path, number, "one of your own secrets"))
            elif what := shapes.found(line):
                found.append(Finding(change.path, number, what))
    return found


def weakened_tests(changes: Sequence[FileChange]) -> list[str]:
    """Tests that were deleted, skipped or lost assertions, one sentence each."""
    found = []
    for change in changes:
        if not _TEST_FILE.search(change.old_path or change.path):
            continue
        if change.status == "deleted":
            found.append(f"{change.path} was deleted")
            continue
        found += [f"{change.path}: {what}" for what in _weakened(change)]
    if len(found) > _MOST_NAMED:
        found[_MOST_NAMED:] = [f"and {len(found) - _MOST_NAMED} more"]
    return found


def _weakened(change: FileChange) -> list[str]:
    added = [line for _, line in added_lines(change)]
    removed = [line for _, line in removed_lines(change)]
    before, after = _cases(removed), _cases(added)
    found = [f"{name} was removed" for name in before if name not in after]
    skips = sum(bool(_SKIP.search(line)) for line in added) - sum(bool(_SKIP.search(line)) for line in removed)
    if skips > 0:
        found.append("a test is skipped now" if skips == 1 else f"{skips} tests are skipped now")
    lost = sum(bool(_ASSERTION.search(line)) for line in removed) - sum(bool(_ASSERTION.search(line)) for line in added)
    if lost > 0 and not found:
        found.append("it has one assertion less" if lost == 1 else f"it has {lost} assertions less")
    return found


def _cases(lines: list[str]) -> list[str]:
    named = [next(name for name in found.groups() if name) for line in lines if (found := _TEST_CASE.search(line))]
    return named + _junit_cases(lines)


def _junit_cases(lines: list[str]) -> list[str]:
    """The method behind each @Test, on its line or below it and its other annotations."""
    found = []
    is_awaited = False
    for line in lines:
        is_awaited = is_awaited or bool(_JUNIT.search(line))
        method = _METHOD.search(line) if is_awaited else None
        if method:
            found.append(method[1])
        is_awaited = is_awaited and not method and line.lstrip().startswith("@")
    return found
