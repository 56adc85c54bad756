"""The target branch's newest commit in a task's branch: git merges what it can, the model settles the rest.

`git merge-tree` writes the merged tree without work tree, index, hooks or drivers, markers included. It is the same for
the same two commits, so a run that another worker takes over begins where the first one did.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from backend.errors import GitError, RunFailed
from backend.jsonb import without_direction
from backend.words import Failure
from backend.workspace.checkout import Checkout
from backend.workspace.git import check_sha, run_git, text

_TIMEOUT = 300.0  # seconds
_MIDDLE = b"======="
_LONGEST = 200  # characters of a path in a sentence


@dataclass(frozen=True)
class Conflict:
    """A file that git could not settle; `kind` is git's word for it, such as "contents" or "modify/delete"."""

    path: str
    kind: str


@dataclass(frozen=True)
class Merge:
    """`theirs`, of the target, merged into `ours`, the task's branch; `tree` holds the markers of the `conflicts`."""

    ours: str
    theirs: str
    tree: str
    conflicts: tuple[Conflict, ...]


def begin(checkout: Checkout, theirs: str) -> tuple[Checkout, Merge | None]:
    """The checkout with the merge's files in its work tree; no merge where the branch holds that commit already.

    Raises RunFailed(conflict) where the two have no history in common.
    """
    ours = checkout.base_sha
    if text(checkout.git(["rev-list", "--count", check_sha(theirs), f"^{ours}"])) == "0":
        return checkout, None
    merge = _merged(checkout, ours, theirs)
    checkout = replace(checkout, start_tree=merge.tree)
    checkout.reset(merge.tree)
    return checkout, merge


def unsettled(checkout: Checkout, merge: Merge, tree: str) -> str:
    """Why this tree is no end of the merge, as a sentence; empty where it is one."""
    if marked := sorted({one.path for one in merge.conflicts if _has_markers(checkout, merge, tree, one.path)}):
        return f"The conflict is not resolved: its markers are still in {_named(marked)}."
    if undone := _undone(checkout, merge, tree):
        return f"What the merge brought was taken back in {_named(undone)}."
    return ""


def _merged(checkout: Checkout, ours: str, theirs: str) -> Merge:
    try:
        told = run_git(
            ["merge-tree", "--write-tree", "-z", "--name-only", "--messages", ours, theirs],
            git_dir=checkout.git_dir,
            timeout=_TIMEOUT,
            ok=(0, 1),
            # Without a work tree no `.gitattributes` chooses how files are merged, as on GitHub.
            env={"GIT_INDEX_FILE": str(checkout.git_dir / "no-index"), "GIT_IMPLICIT_WORK_TREE": "0"},
        )
    except GitError as error:
        if "unrelated histories" in str(error):
            raise RunFailed(
                Failure.CONFLICT, "The target branch was made anew: it has no history in common."
            ) from error
        raise
    tree, *rest = told.decode("utf-8", "surrogateescape").split("\0")
    return Merge(ours, theirs, check_sha(tree), tuple(dict.fromkeys(_conflicts(rest))) if rest[0] else ())


def _conflicts(fields: list[str]) -> Iterator[Conflict]:
    """git-merge-tree(1), "OUTPUT": names, an empty field, then messages: how many paths, the paths, kind, words."""
    end = fields.index("")
    kinds: dict[str, str] = {}
    rest = iter(fields[end + 1 :])
    for count in rest:
        if not count.strip():
            break
        paths = [next(rest) for _ in range(int(count))]
        kind, _ = next(rest), next(rest)
        if found := re.fullmatch(r"CONFLICT \((.+)\)", kind):
            kinds |= {path: found[1] for path in paths if path not in kinds}
    for path in fields[:end]:
        yield Conflict(path, kinds.get(path, "contents"))


def _has_markers(checkout: Checkout, merge: Merge, tree: str, path: str) -> bool:
    """Their lines name the two commits; of those between, as many must be gone as the merge has added."""
    now = _lines(checkout, tree, path)
    if any(line.startswith((b"<<<<<<< " + merge.ours.encode(), b">>>>>>> " + merge.theirs.encode())) for line in now):
        return True
    before = max(_lines(checkout, side, path).count(_MIDDLE) for side in (merge.ours, merge.theirs))
    return now.count(_MIDDLE) > before


def _lines(checkout: Checkout, tree: str, path: str) -> list[bytes]:
    """A file's lines; none where there is no such file."""
    asked = f"{tree}:{path}\0".encode("utf-8", "surrogateescape")
    head, _, content = checkout.git(["cat-file", "--batch", "-z"], stdin=asked).partition(b"\n")
    return content.split(b"\n") if re.fullmatch(rb"[0-9a-f]+ blob \d+", head) else []


def _undone(checkout: Checkout, merge: Merge, tree: str) -> list[str]:
    """Files that the merge changed without a conflict and that are as the branch had them before."""
    brought = _changed(checkout, merge.ours, merge.tree) - {one.path for one in merge.conflicts}
    return sorted(brought - _changed(checkout, merge.ours, tree))


def _changed(checkout: Checkout, old: str, new: str) -> set[str]:
    listed = checkout.git(["diff-tree", "-r", "-z", "--name-only", "--no-renames", check_sha(old), check_sha(new)])
    return set(listed.decode("utf-8", "surrogateescape").split("\0")) - {""}


def _named(paths: list[str]) -> str:
    shown = ", ".join(in_words(path) for path in paths[:5])
    return f"{shown} and {len(paths) - 5} more" if len(paths) > 5 else shown


def in_words(path: str) -> str:
    """A path within a sentence, which it cannot break out of."""
    plain = without_direction(path.encode("utf-8", "replace").decode())
    words = " ".join(re.sub(r"[`\x00-\x1f\x7f]", " ", plain).split())
    return f"`{words[:_LONGEST]}`"
