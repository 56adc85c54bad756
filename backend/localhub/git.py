"""The bare repositories: what the hub reads from them and the merges it makes, by git itself."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from backend.errors import GitError

ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "HOME": os.devnull,
    "LC_ALL": "C.UTF-8",
}
# Whatever a repository says: no hooks, no programs of its own.
_SAFE = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false", "-c", "diff.external=")
_SECONDS = 60
_SHA = re.compile(r"[0-9a-f]{40}")
_FIELDS = ("%H", "%T", "%P", "%an", "%ae", "%aI", "%cn", "%ce", "%cI", "%B")
_STATUS = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied", "T": "changed"}
LARGEST_PATCH = 300_000  # characters of one file's patch; GitHub leaves larger ones out as well


@dataclass(frozen=True)
class Signature:
    """Who did it and when, in ISO 8601."""

    name: str
    email: str
    date: str


@dataclass(frozen=True)
class Commit:
    """One commit."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str


@dataclass(frozen=True)
class FileChange:
    """What happened to one file; `patch` is None for a binary or a very large one, `sha` that of the new content."""

    path: str
    old_path: str | None
    status: str
    sha: str | None
    added: int
    removed: int
    patch: str | None


@dataclass(frozen=True)
class Entry:
    """One entry of a folder: a `blob`, a `tree` or a `commit` (a submodule); `size` in bytes for blobs."""

    name: str
    kind: str
    size: int | None


class Conflict(Exception):
    """The two branches cannot be merged without a person."""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for git: the path and nothing else of ours."""
    return {"PATH": os.environ.get("PATH", os.defpath), **ENVIRONMENT, **(extra or {})}


def run(
    arguments: Sequence[str], *, cwd: Path, data: bytes | None = None, extra: Mapping[str, str] | None = None
) -> bytes:
    """git's output. Raises GitError with its last words."""
    done = subprocess.run(
        ["git", *_SAFE, *arguments],
        cwd=cwd,
        input=data,
        stdin=subprocess.DEVNULL if data is None else None,
        capture_output=True,
        env=environment(extra),
        timeout=_SECONDS,
    )
    if done.returncode:
        raise GitError(done.stderr.decode(errors="replace").strip()[-500:] or f"git ended with {done.returncode}")
    return done.stdout


class Bare:
    """One bare repository."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def branches(self) -> dict[str, str]:
        """Branch names and their shas, in alphabetical order."""
        lines = self._git("for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads/").splitlines()
        return {name: sha for sha, name in (line.split(" ", 1) for line in lines)}

    def branch(self, name: str) -> str | None:
        """The sha of exactly this branch."""
        return self.branches().get(name)

    def commit(self, sha: str) -> Commit:
        """One commit by its sha."""
        return self._commits("--no-walk", sha)[0]

    def commits_between(self, base: str, head: str) -> list[Commit]:
        """What head has and base has not, the oldest first."""
        return self._commits("--reverse", "--topo-order", f"{base}..{head}")

    def latest(self, sha: str, limit: int) -> list[Commit]:
        """The newest commits from there on."""
        return self._commits(f"--max-count={limit}", sha)

    def count_between(self, base: str, head: str) -> int:
        """How many commits head has that base has not."""
        return int(self._git("rev-list", "--count", f"{base}..{head}"))

    def merge_base(self, one: str, other: str) -> str | None:
        """Their best common ancestor, None for strangers."""
        try:
            return self._git("merge-base", one, other).strip()
        except GitError:
            return None

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether `newer` holds all of `older`."""
        return self.merge_base(older, newer) == older

    def changes(self, base: str, head: str) -> list[FileChange]:
        """What a pull request from head to base shows: the difference since their common ancestor."""
        return self._difference(self.merge_base(base, head) or self._empty_tree(), head)

    def first_changes(self, head: str) -> list[FileChange]:
        """All that a commit without parents brings."""
        return self._difference(self._empty_tree(), head)

    def diff_text(self, base: str, head: str) -> str:
        """The same as git writes it."""
        start = self.merge_base(base, head) or self._empty_tree()
        return self._git("diff", "--no-ext-diff", "--no-textconv", "--no-color", start, head)

    def patch_text(self, base: str, head: str) -> str:
        """The commits as mails, for `git am`."""
        return self._git("format-patch", "--stdout", "--no-ext-diff", "--no-textconv", f"{base}..{head}")

    def _difference(self, start: str, head: str) -> list[FileChange]:
        options = ("diff-tree", "-r", "-M", "--no-textconv", "--no-ext-diff")
        raw = self._raw(*options, "--raw", "--no-abbrev", "-z", start, head)
        counts = self._raw(*options, "--numstat", "-z", start, head)
        patches = self._git(*options, "-p", "--no-color", start, head)
        return _changes(_words(raw), _words(counts), patches)

    def folder(self, sha: str, path: str) -> list[Entry]:
        """What a folder holds, folders first. Raises GitError where there is none."""
        listed = _words(self._raw("ls-tree", "-z", "-l", f"{sha}:{path}"))
        entries = []
        for line in listed:
            about, name = line.split("\t", 1)
            _, kind, _, size = about.split()
            entries.append(Entry(name, kind, int(size) if size.isdigit() else None))
        return sorted(entries, key=lambda entry: (entry.kind != "tree", entry.name.lower()))

    def blob(self, sha: str, path: str) -> bytes:
        """A file's content. Raises GitError where there is none."""
        return self._raw("cat-file", "blob", f"{sha}:{path}")

    def size(self) -> int:
        """Kilobytes on the disk."""
        files = (self.path / "objects").rglob("*")
        return sum(file.stat().st_size for file in files if file.is_file()) // 1024

    def merged_tree(self, base: str, head: str) -> str:
        """The tree of a merge. Raises Conflict."""
        command = ["git", *_SAFE, "merge-tree", "--write-tree", "--no-messages", base, head]
        done = subprocess.run(command, cwd=self.path, capture_output=True, env=environment(), timeout=_SECONDS)
        if done.returncode == 1 or b"unrelated histories" in done.stderr:
            raise Conflict
        if done.returncode:
            raise GitError(done.stderr.decode(errors="replace").strip()[-500:])
        return done.stdout.decode().split("\0")[0].split("\n")[0].strip()

    def write_commit(self, tree: str, parents: Sequence[str], message: str, author: Signature) -> str:
        """A new commit by this author; the hub is its committer, as GitHub is of merges made on its pages."""
        who = {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_AUTHOR_DATE": author.date,
            "GIT_COMMITTER_NAME": "Local hub",
            "GIT_COMMITTER_EMAIL": "hub@localhost",
            "GIT_COMMITTER_DATE": author.date,
        }
        options = [word for parent in parents for word in ("-p", parent)]
        made = run(["commit-tree", tree, *options, "-F", "-"], cwd=self.path, data=message.encode(), extra=who)
        return made.decode().strip()

    def commit_file(self, base: str, path: str, text: str, message: str, author: Signature) -> str:
        """A new commit on `base` in which one file holds that text."""
        blob = run(["hash-object", "-w", "--stdin"], cwd=self.path, data=text.encode()).decode().strip()
        with TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": f"{folder}/index"}
            run(["read-tree", base], cwd=self.path, extra=index)
            entry = ["update-index", "--add", "--cacheinfo", f"100644,{blob},{path}"]
            run(entry, cwd=self.path, extra=index)
            tree = run(["write-tree"], cwd=self.path, extra=index).decode().strip()
        return self.write_commit(tree, (base,), message, author)

    def has_commit(self, sha: str) -> bool:
        """Whether it is a whole commit's id that is known here."""
        if not is_sha(sha):
            return False
        try:
            self._git("cat-file", "-e", f"{sha}^{{commit}}")
        except GitError:
            return False
        return True

    def move(self, branch: str, sha: str, before: str) -> None:
        """Moves a branch, if it still stands where it was thought to. Raises GitError if not."""
        self._git("update-ref", f"refs/heads/{branch}", sha, before)

    def pin(self, number: int, sha: str) -> None:
        """Keeps a pull request's head as `refs/pull/N/head`, as GitHub does: it outlives its branch."""
        self._git("update-ref", f"refs/pull/{number}/head", sha)

    def refs(self) -> str:
        """Where everything stands, to be compared with later."""
        return self._git("for-each-ref")

    def _commits(self, *arguments: str) -> list[Commit]:
        text = self._git("log", "-z", "--no-show-signature", f"--format={'%x01'.join(_FIELDS)}", *arguments, "--")
        return [_commit(record) for record in text.split("\0") if record]

    def _empty_tree(self) -> str:
        return run(["hash-object", "-t", "tree", "-w", "--stdin"], cwd=self.path, data=b"").decode().strip()

    def _raw(self, *arguments: str) -> bytes:
        return run(arguments, cwd=self.path)

    def _git(self, *arguments: str) -> str:
        return self._raw(*arguments).decode(errors="replace")


def is_sha(text: str) -> bool:
    """Whether this is the full name of a commit."""
    return _SHA.fullmatch(text) is not None


def _commit(record: str) -> Commit:
    sha, tree, parents, *people, message = record.split("\1", len(_FIELDS) - 1)
    author, committer = Signature(*people[:3]), Signature(*people[3:])
    return Commit(sha, tree, tuple(parents.split()), author, committer, message.rstrip("\n"))


def _words(output: bytes) -> list[str]:
    return [word.decode(errors="replace") for word in output.split(b"\0") if word]


def _changes(raw: list[str], counts: list[str], patches: str) -> list[FileChange]:
    """git's three lists, which are in one order, as one."""
    texts = re.split(r"(?m)^(?=diff --git )", patches)[1:]
    found, words, numbers = [], iter(raw), iter(counts)
    for text, about in zip(texts, words, strict=False):
        _, _, _, sha, status = about.split(" ")
        old_path = next(words) if status[0] in "RC" else None
        path = next(words)
        added, removed, name = next(numbers).split("\t")
        if not name:  # a rename: both names follow
            next(numbers), next(numbers)
        hunks = text[text.index("\n@@ ") + 1 :].rstrip("\n") if "\n@@ " in text else None
        found.append(
            FileChange(
                path=path,
                old_path=old_path,
                status=_STATUS[status[0]],
                sha=None if status[0] == "D" else sha,
                added=int(added) if added.isdigit() else 0,
                removed=int(removed) if removed.isdigit() else 0,
                patch=hunks if hunks and len(hunks) <= LARGEST_PATCH else None,
            )
        )
    return found
