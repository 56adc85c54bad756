"""Where the bare repositories are, how one is made, and the lock that keeps its branches and its rows in step."""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.errors import GitError
from backend.localhub import git
from backend.localhub.git import Bare

_LANGUAGES = {
    ".c": "C", ".cpp": "C++", ".cs": "C#", ".css": "CSS", ".ex": "Elixir", ".go": "Go", ".html": "HTML",
    ".java": "Java", ".js": "JavaScript", ".kt": "Kotlin", ".lua": "Lua", ".php": "PHP", ".pl": "Perl", ".py": "Python",
    ".rb": "Ruby", ".rs": "Rust", ".scala": "Scala", ".sh": "Shell", ".swift": "Swift", ".ts": "TypeScript",
    ".tsx": "TypeScript", ".vue": "Vue",
}  # fmt: skip


class Unborn(GitError):
    """The branch that a repository stands on has no commit."""


class Repositories:
    """All bare repositories, by the id of their row."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._locks: defaultdict[int, threading.RLock] = defaultdict(threading.RLock)

    def of(self, repository_id: int) -> Bare:
        """One of them."""
        return Bare(self._folder / f"{repository_id}.git")

    @contextmanager
    def held(self, repository_id: int) -> Iterator[Bare]:
        """The repository while nobody else moves its branches."""
        with self._locks[repository_id]:
            yield self.of(repository_id)

    def create(self, repository_id: int, default_branch: str) -> Bare:
        """An empty one; what a crash left half made is made anew."""
        bare = self.of(repository_id)
        bare.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        git.run(["init", "-q", "--bare", "--template=", f"--initial-branch={default_branch}", "."], cwd=bare.path)
        return bare

    def copy_from(self, bare: Bare, source: Path) -> None:
        """Brings the branches and tags of a repository on this machine; branches that went other ways stay as they are.

        Raises GitError when the folder cannot be read as a repository.
        """
        # The operator named this folder, so it may belong to someone else; its hooks are never run by a fetch.
        trust = (
            "-c",
            f"safe.directory={source}",
            "-c",
            f"safe.directory={source / '.git'}",
            "-c",
            "protocol.file.allow=always",
        )
        specs = ("refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*")
        command = (*trust, "fetch", "--no-auto-gc", "--no-write-fetch-head", "--", str(source), *specs)
        try:
            git.run(command, cwd=bare.path)
        except GitError as error:
            if "[rejected]" not in str(error):  # the hub's branch has pull requests merged that the folder has not
                raise


def head_branch(source: Path) -> str:
    """The branch that a repository on this machine stands on. Raises GitError if it is none, Unborn if it is empty."""
    trust = ("-c", f"safe.directory={source}")
    try:
        branch = git.run([*trust, "symbolic-ref", "--short", "HEAD"], cwd=source).decode().strip()
    except GitError as error:
        if "not a symbolic ref" in str(error):
            raise GitError(f"{source} is on no branch (a detached HEAD).") from error
        raise
    try:
        git.run([*trust, "rev-parse", "--verify", "HEAD^{commit}"], cwd=source)
    except GitError as error:
        raise Unborn(f"{source} has no commit on {branch} yet.") from error
    return branch


def main_language(bare: Bare, sha: str) -> str | None:
    """The language most of the bytes are written in, as far as file names tell; None where they do not."""
    listed = git.run(["ls-tree", "-r", "-l", "-z", sha], cwd=bare.path).decode(errors="replace").split("\0")
    sizes: Counter[str] = Counter()
    for line in filter(None, listed):
        about, name = line.split("\t", 1)
        size, language = about.split()[3], _LANGUAGES.get(Path(name).suffix.lower())
        if language and size.isdigit():
            sizes[language] += int(size) + 1
    return sizes.most_common(1)[0][0] if sizes else None
