"""The work tree as a git tree, and as a compressed diff that another machine can restore.

No `git add`: on a folder with a repository in it, that starts a git inside, which would read a configuration that the
agent wrote. What changed is listed, looked at without following links, and handed to the index path by path.
"""

import os
import re

from backend.errors import GitError, InvalidInput
from backend.workspace import files
from backend.workspace.checkout import Checkout
from backend.workspace.git import check_sha, text
from backend.workspace.packing import pack, unpack

_NO_OBJECT = "0" * 40


def write(checkout: Checkout) -> str:
    """Writes the work tree, without `.git` and what `.gitignore` names, to the trusted directory; returns the tree."""
    try:
        return _write(checkout)
    except GitError:
        # The agent may have taken the right to read from its own files, which stops everyone but root.
        checkout.open_up()
        return _write(checkout)


def _write(checkout: Checkout) -> str:
    listed = checkout.git(["ls-files", "-z", "--modified", "--deleted", "--others", "--exclude-standard"])
    present, gone = [], []
    for raw in sorted(set(listed.split(b"\0")) - {b""}):
        kind = _kind(checkout, os.fsdecode(raw))
        if kind in ("file", "symlink"):
            present.append(raw)
        elif kind != "folder":
            gone.append(raw)
        # A folder is a submodule, or a repository that the agent made: neither is ours to take in.
    if gone:
        lines = b"".join(f"0 {_NO_OBJECT}\t".encode() + raw + b"\0" for raw in gone)
        checkout.git(["update-index", "-z", "--index-info"], stdin=lines)
    while present:
        try:
            checkout.git(["update-index", "-z", "--add", "--replace", "--stdin"], stdin=b"\0".join(present) + b"\0")
            break
        except GitError as error:
            # A name that git lets nobody check out, such as one that some file system takes for `.git`.
            refused = re.search(r"Invalid path '(.+)'", str(error))
            if not refused or os.fsencode(refused[1]) not in present:
                raise
            present.remove(os.fsencode(refused[1]))
    return text(checkout.git(["write-tree"]))


def export(checkout: Checkout, tree: str, most: int) -> bytes | None:
    """The compressed binary diff from the start to a tree that `write` gave; restores to the same tree anywhere.

    None where it is over `most` bytes, or over what a diff may have before its compression.
    """
    options = ["--binary", "--full-index", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none"]
    with checkout.scratch() as file:
        checkout.git(["diff-tree", "-p", *options, checkout.start, check_sha(tree)], into=file)
        packed = pack(file, most)
    return packed.content if packed else None


def restore(checkout: Checkout, data: bytes) -> str:
    """Makes the work tree what it was when `export` wrote `data` against this start; returns the tree.

    Raises GitError where the diff is of another one.
    """
    # Into an index of its own, not onto the files: what lies in the work tree has no say in the result.
    index = checkout.git_dir / "index.restore"
    env = {"GIT_INDEX_FILE": str(index)}
    checkout.git(["read-tree", "--reset", checkout.start], env=env)
    if diff := b"".join(unpack(data)):
        checkout.git(["apply", "--cached", "--binary", "--whitespace=nowarn", "-"], stdin=diff, env=env)
    tree = text(checkout.git(["write-tree"], env=env))
    index.unlink()
    checkout.reset(tree)
    return tree


def _kind(checkout: Checkout, path: str) -> str:
    try:
        entry = files.stat(checkout.work_tree, path.rstrip("/"))
    except InvalidInput as error:
        if isinstance(error.__cause__, PermissionError):
            raise GitError(f"{path!r} cannot be read.") from error
        return "gone"  # behind a link, or under a name that no repository may hold
    return entry.kind if entry else "gone"
