"""What a documentation task may change: documentation files, and in Python comments and docstrings.

A file's path decides first. A Python file may change as long as its syntax tree without docstrings stays the same:
comments are not in it. For every other language there is no such check here, so its files stay as they are. Decided in
`docs/decisions/0009-a-documentation-task-changes-words-alone.md`.
"""

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

from backend.errors import GitError
from backend.workspace.checkout import Checkout
from backend.workspace.git import check_sha, text

MOST_BYTES = 1_000_000  # of a Python file that is compared; deeper trees than any person writes are refused with it
_FOLDERS = frozenset({"doc", "docs", "documentation"})
_ENDINGS = (".md", ".markdown", ".rst", ".adoc", ".asciidoc")
_KNOWN = "README|CHANGELOG|CHANGES|HISTORY|NEWS|CONTRIBUTING|CONTRIBUTORS|AUTHORS|SECURITY|SUPPORT|INSTALL|FAQ|ROADMAP"
# Without an ending in capitals alone: `install` may well be a script.
_NAMES = re.compile(rf"(?:{_KNOWN})|(?i:{_KNOWN})\.(?:txt|org)")
_PYTHON = (".py", ".pyi")
_ONLY = "A documentation task may change documentation files, comments and docstrings only"


def is_documentation(path: str) -> bool:
    """Whether a file is documentation by its path alone: a docs folder at the root, a docs format, a known name."""
    folder, _, _ = path.partition("/")
    name = path.rsplit("/", 1)[-1]
    if "/" in path and folder.lower() in _FOLDERS:
        return True
    return name.lower().endswith(_ENDINGS) or _NAMES.fullmatch(name) is not None


def fault(path: str, before: bytes | None, after: bytes | None) -> str | None:
    """Why this change of a plain file is none of words alone; None where it is. None as content: there is no file."""
    if is_documentation(path) or before == after:
        return None
    if not path.endswith(_PYTHON):
        return f"{_ONLY}, and {path!r} is none of the first; comments are told from code in Python alone."
    if before is None or after is None:
        return f"{_ONLY}: {path!r} would be a {'new' if before is None else 'removed'} file of code."
    if _shebang(before) != _shebang(after):
        return f"{_ONLY}: this would change by which program {path!r} is run."
    try:
        is_same = _skeleton(before, path) == _skeleton(after, path)
    except _Unreadable as error:
        return f"{_ONLY}: {path!r} {error}, so it cannot be shown that no code changes."
    return None if is_same else f"{_ONLY}: this would change code in {path!r}."


def held_back(checkout: Checkout, tree: str, base: str) -> tuple[str, dict[str, str]]:
    """The tree with every change since the commit `base` that is none of words alone taken back; and why, by path.

    Contents are git's own objects: what lies in the work tree, links and all, has no say.
    """
    told = ((change, _fault_of(checkout, change)) for change in _changes(checkout, tree, base))
    faults = {change: why for change, why in told if why is not None}
    if not faults:
        return tree, {}
    why = {change.name: said for change, said in faults.items()}
    try:
        return _without(checkout, tree, list(faults)), why
    except GitError:  # a folder where a file was, or the other way round: neither fits beside what is taken back
        return text(checkout.git(["rev-parse", "--verify", f"{check_sha(base)}^{{tree}}"])), why


@dataclass(frozen=True)
class _Change:
    """One path of `diff-tree --raw`, without renames; a mode of zeros means that there is no file."""

    old_mode: bytes
    mode: bytes
    old_blob: bytes
    blob: bytes
    path: bytes

    @property
    def name(self) -> str:
        """The path as text."""
        return self.path.decode("utf-8", "replace")


_NONE, _PLAIN, _PROGRAM = b"000000", b"100644", b"100755"


def _changes(checkout: Checkout, tree: str, base: str) -> Iterator[_Change]:
    raw = checkout.git(["diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", check_sha(base), tree])
    fields = raw.split(b"\0")
    for about, path in zip(fields[::2], fields[1::2], strict=False):
        old_mode, mode, old_blob, blob, _ = about.removeprefix(b":").split(b" ")
        yield _Change(old_mode, mode, old_blob, blob, path)


def _fault_of(checkout: Checkout, change: _Change) -> str | None:
    modes = {change.old_mode, change.mode} - {_NONE}
    if not modes <= {_PLAIN, _PROGRAM} or len(modes) > 1:
        return f"{_ONLY}: {change.name!r} would be another kind of file."
    if is_documentation(change.name):
        return None if _PROGRAM not in modes else f"{_ONLY}: {change.name!r} is a program by its mode."
    if not change.name.endswith(_PYTHON) or _NONE in (change.old_mode, change.mode):
        return fault(change.name, None if change.old_mode == _NONE else b"", None if change.mode == _NONE else b"x")
    return fault(change.name, _content(checkout, change.old_blob), _content(checkout, change.blob))


def _content(checkout: Checkout, blob: bytes) -> bytes:
    size = int(checkout.git(["cat-file", "-s", blob.decode()]))
    return checkout.git(["cat-file", "blob", blob.decode()]) if size <= MOST_BYTES else b" " * (MOST_BYTES + 1)


def _without(checkout: Checkout, tree: str, changes: list[_Change]) -> str:
    index = checkout.git_dir / "index.held-back"
    env = {"GIT_INDEX_FILE": str(index)}
    new = [one for one in changes if one.old_mode == _NONE]
    lines = [b"0 " + b"0" * 40 + b"\t" + one.path for one in new]
    lines += [one.old_mode + b" " + one.old_blob + b"\t" + one.path for one in changes if one.old_mode != _NONE]
    try:
        checkout.git(["read-tree", "--reset", check_sha(tree)], env=env)
        checkout.git(["update-index", "-z", "--index-info"], stdin=b"".join(line + b"\0" for line in lines), env=env)
        return text(checkout.git(["write-tree"], env=env))
    finally:
        index.unlink(missing_ok=True)


class _Unreadable(Exception):
    """A Python file that cannot be compared; says why, after the file's name."""


def _skeleton(source: bytes, path: str) -> str:
    """The syntax tree without positions and without strings that stand as statements.

    Those have no effect but as docstrings. A body that held nothing else holds `pass`.
    """
    if len(source) > MOST_BYTES:
        raise _Unreadable("is too large")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, path, "exec", dont_inherit=True)  # finds what a tree alone may hold, such as a late import
            tree = ast.parse(source)
        for node in ast.walk(tree):
            for name in ("body", "orelse", "finalbody"):
                block = getattr(node, name, None)
                if isinstance(block, list):
                    setattr(node, name, _without_words(block, is_module=isinstance(node, ast.Module), name=name))
        return ast.dump(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _Unreadable("cannot be read as Python") from error


def _without_words(block: list[ast.stmt], *, is_module: bool, name: str) -> list[ast.stmt]:
    kept = [one for one in block if not _is_words(one)]
    return kept if kept or is_module or not block or name != "body" else [ast.Pass()]


def _is_words(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _shebang(source: bytes) -> bytes:
    return source.split(b"\n", 1)[0] if source.startswith(b"#!") else b""
