"""One bare mirror per GitHub repository, fetched rather than cloned; every checkout borrows its objects.

The mirror is used only after the person's access to the repository was checked: it holds what anyone's fetch brought.
"""

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from backend.errors import GitError, GitHubError, RunFailed
from backend.words import Failure
from backend.workspace.file_lock import is_taken, opened, share
from backend.workspace.git import check_branch, check_clone_url, check_sha, run_git, text

_FETCH_TIMEOUT = 1800.0  # seconds; a first fetch of a large repository takes its time
_PACKS = 40  # more than this are put together, in a way that drops no object a checkout may still borrow
_SUSPECT = "suspect"
# A proxy's page in the place of git's answer reads like a repository without branches.
_NO_BRANCH = "GitHub showed no branch of the repository, which has some: its answer is not believed."
_TICK = 0.05  # seconds between two tries for the lock

# Git's words in the C locale, and curl's; GitHub answers 404 for what a token may not see.
_ACCESS = ("authentication failed", "could not read username", "returned error: 401", "returned error: 403")
_GONE = ("repository not found", "returned error: 404", "' not found", "does not appear to be a git repository")
_MOVED = ("returned error: 301", "returned error: 302", "returned error: 307", "returned error: 308", "redirect")
_LIMITED = "returned error: 429"
_LIMITED_SECONDS = 60.0  # git does not tell GitHub's Retry-After
_REMOTE = (
    "could not resolve host",
    "failed to connect",
    "connection",
    "timed out",
    "unable to access",
    "returned error: 5",
    "rpc failed",
    "early eof",
    "hung up",
    "unexpected disconnect",
    "cancelled",
    "no space left",
)


class Mirror:
    """The mirror of the repository with that GitHub id, beneath `root`."""

    def __init__(self, root: Path, github_id: int) -> None:
        self._root = root
        self.path = root / f"{int(github_id)}.git"
        self._lock_file = root / f"{int(github_id)}.lock"
        self.used_file = root / f"{int(github_id)}.used"

    @property
    def github_id(self) -> int:
        """The repository's."""
        return int(self.path.stem)

    @property
    def used_at(self) -> float:
        """When somebody began to use it last, in seconds of the epoch; before that was noted, its own time."""
        for file in (self.used_file, self.path):
            try:
                return file.stat().st_mtime
            except FileNotFoundError:
                continue
        return 0.0

    @contextmanager
    def used(self) -> Iterator[None]:
        """For as long as the block lasts nobody removes the mirror: checkouts borrow its objects.

        The kernel ends it with the process. The file's time is that of the last use.
        """
        with opened(self.used_file) as descriptor:
            share(descriptor)  # waits while it is being put away: a rename
            os.utime(descriptor)
            yield

    def remove(self) -> bool:
        """Removes it, unless somebody uses it or fetches: then False. The next run fetches it anew."""
        put_away = self._root / f".{self.path.name}.{secrets.token_hex(4)}.old"
        with opened(self.used_file) as use, opened(self._lock_file) as lock:
            if not (is_taken(use) and is_taken(lock)):
                return False
            if self.path.exists():
                os.rename(self.path, put_away)
        shutil.rmtree(put_away, ignore_errors=True)
        return True

    def clear_leftovers(self) -> None:
        """Removes what a killed fetch or removal left beside it, unless somebody fetches."""
        with opened(self._lock_file) as lock:
            if is_taken(lock):
                for left in self._root.glob(f".{self.path.name}.*"):
                    shutil.rmtree(left, ignore_errors=True)

    def refresh(
        self,
        clone_url: str,
        token: str | None,
        protocols: str,
        cancelled: Callable[[], bool] | None = None,
        *,
        commit: str | None = None,
        pull: int | None = None,
    ) -> None:
        """Brings all branches up to date, one process at a time, and the head of the pull request number `pull`.

        Of many that ask at once the first ones fetch, and the others take what was fetched after they had asked.
        `commit` is brought too, whether a branch holds it or not.

        Raises RunFailed(clone_failed, repository_gone, access_lost), GitHubError with `retry_after`.
        """
        check_clone_url(clone_url, protocols)
        asked = time.monotonic()
        with self._lock(cancelled) as lock:
            if not self._is_fresh(lock, since=asked):
                began = time.monotonic()
                self._refresh(clone_url, token, protocols, cancelled, lock)
                _note(lock, began)
            if pull is not None:
                self._fetch_pull(clone_url, token, protocols, cancelled, lock, pull)
            if commit is None or self.holds(commit):
                return
            try:
                self._fetch(self.path, clone_url, token, protocols, cancelled, lock, check_sha(commit))
            except GitError as error:
                gone = RunFailed(
                    Failure.REPOSITORY_GONE,
                    f"The commit {commit[:7]}, at which this run began, is no longer on GitHub: its branch was"
                    " rewritten. Start a new task.",
                )
                raise remote_failure(error) or gone from error

    @property
    def is_empty(self) -> bool:
        """Whether there is no branch at all."""
        return not _branches(self.path)

    def branch_sha(self, branch: str) -> str | None:
        """The commit at a branch's tip, None where there is no such branch. Raises InvalidInput for a hostile name."""
        name = f"refs/heads/{check_branch(branch)}^{{commit}}"
        return text(run_git(["rev-parse", "--verify", "--quiet", name], git_dir=self.path, ok=(0, 1))) or None

    def pull_sha(self, number: int) -> str:
        """The commit at the head of a pull request, as it was fetched last. Raises GitError without one."""
        return text(run_git(["rev-parse", "--verify", f"{_pull_ref(number)}^{{commit}}"], git_dir=self.path))

    def merge_base(self, one: str, other: str) -> str | None:
        """Where two commits parted; None for strangers."""
        found = run_git(["merge-base", check_sha(one), check_sha(other)], git_dir=self.path, ok=(0, 1))
        return text(found) or None

    def _is_fresh(self, lock: int, since: float) -> bool:
        """Whether a whole fetch began after that moment: it has seen all that was pushed before."""
        if not (self.path / "HEAD").exists() or (self.path / _SUSPECT).exists():
            return False
        # Of another boot of this machine, whose clock began anew, is what lies in the future.
        return since <= _noted(lock) <= time.monotonic()

    def _fetch_pull(
        self,
        clone_url: str,
        token: str | None,
        protocols: str,
        cancelled: Callable[[], bool] | None,
        lock: int,
        number: int,
    ) -> None:
        """GitHub keeps the head of each pull request under a ref of the repository, a fork's and a closed one's too.

        docs.github.com: "Checking out pull requests locally".
        """
        ref = _pull_ref(number)
        try:
            self._fetch(self.path, clone_url, token, protocols, cancelled, lock, f"+{ref}:{ref}")
        except GitError as error:
            gone = RunFailed(Failure.REPOSITORY_GONE, f"The commits of pull request #{number} are not on GitHub.")
            raise remote_failure(error) or gone from error

    def _refresh(
        self, clone_url: str, token: str | None, protocols: str, cancelled: Callable[[], bool] | None, lock: int
    ) -> None:
        if not (self.path / "HEAD").exists() or (self.path / _SUSPECT).exists():
            return self._remake(clone_url, token, protocols, cancelled, lock)
        self._clear_leftovers()
        try:
            before = _branches(self.path)
            self._fetch(self.path, clone_url, token, protocols, cancelled, lock)
        except GitError as error:
            if failure := remote_failure(error):
                raise failure from error
            if cancelled and cancelled():
                raise RunFailed(Failure.CLONE_FAILED, "The fetch was cancelled.") from error
            # Neither the server nor the way to it: what lies here is broken.
            return self._remake(clone_url, token, protocols, cancelled, lock)
        if before and self.is_empty:
            run_git(["update-ref", "--stdin"], git_dir=self.path, stdin=b"".join(b"create " + one for one in before))
            raise RunFailed(Failure.CLONE_FAILED, _NO_BRANCH)
        self._tidy(lock)

    def suspect(self) -> None:
        """Says that objects are missing or broken: the next refresh makes the mirror anew."""
        (self.path / _SUSPECT).touch()

    def _fetch(
        self,
        path: Path,
        clone_url: str,
        token: str | None,
        protocols: str,
        cancelled: Callable[[], bool] | None,
        lock: int,
        what: str = "+refs/heads/*:refs/heads/*",
    ) -> None:
        options = ["--prune", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--quiet"]
        run_git(
            ["fetch", *options, "--", clone_url, what],
            git_dir=path,
            token=token,
            protocols=protocols,
            timeout=_FETCH_TIMEOUT,
            cancelled=cancelled,
            keep_open=(lock,),
        )

    def _remake(
        self, clone_url: str, token: str | None, protocols: str, cancelled: Callable[[], bool] | None, lock: int
    ) -> None:
        """Fetches into a new folder and puts it in the old one's place, where borrowing checkouts look."""
        fresh = self._root / f".{self.path.name}.{secrets.token_hex(4)}"
        try:
            run_git(["init", "--quiet", "--bare", "--template=", "--", str(fresh)])
            self._fetch(fresh, clone_url, token, protocols, cancelled, lock)
            if not _branches(fresh) and any(self.path.glob("objects/pack/*.pack")):
                raise RunFailed(Failure.CLONE_FAILED, _NO_BRANCH)
            if self.path.exists():
                os.rename(self.path, fresh.with_suffix(".old"))
            os.rename(fresh, self.path)
        except GitError as error:
            raise remote_failure(error) or RunFailed(Failure.CLONE_FAILED, str(error)) from error
        finally:
            shutil.rmtree(fresh, ignore_errors=True)  # not there when all went well
            shutil.rmtree(fresh.with_suffix(".old"), ignore_errors=True)

    def holds(self, commit: str) -> bool:
        """Whether the mirror has this commit."""
        found = run_git(["cat-file", "--batch-check"], git_dir=self.path, stdin=check_sha(commit).encode() + b"\n")
        return b" commit " in found

    def _clear_leftovers(self) -> None:
        """Removes what a killed fetch left: we hold the lock, which lives as long as its git, so nobody writes here."""
        for folder, _, names in os.walk(self.path / "refs"):
            for name in names:
                if name.endswith(".lock"):
                    os.unlink(os.path.join(folder, name))
        for left in (*self.path.glob("*.lock"), *self.path.glob("objects/pack/tmp_*")):
            left.unlink()

    def _tidy(self, lock: int) -> None:
        if len(list(self.path.glob("objects/pack/*.pack"))) > _PACKS:
            run_git(["repack", "--geometric=2", "-d", "--quiet"], git_dir=self.path, timeout=600, keep_open=(lock,))

    @contextmanager
    def _lock(self, cancelled: Callable[[], bool] | None) -> Iterator[int]:
        """The mirror's lock between processes; git inherits it, so that a killed worker's fetch still holds it."""
        with opened(self._lock_file) as descriptor:
            while not is_taken(descriptor):
                if cancelled and cancelled():
                    raise RunFailed(Failure.CLONE_FAILED, "The fetch was cancelled while another one went on.")
                time.sleep(_TICK)
            yield descriptor


def mirrors_root(data_dir: Path) -> Path:
    """Where the mirrors lie."""
    return data_dir.resolve() / "mirrors"


def mirrors(root: Path) -> list[Mirror]:
    """All that lie beneath `root`."""
    return [Mirror(root, int(path.stem)) for path in sorted(root.glob("*.git")) if path.stem.isdecimal()]


def _note(lock: int, began: float) -> None:
    """Keeps in the lock file when the last fetch began that went well, on the clock that all processes share."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{began:.6f}".encode(), 0)


def _noted(lock: int) -> float:
    try:
        return float(os.pread(lock, 64, 0))
    except ValueError:  # nothing yet, or torn
        return -1.0


def _pull_ref(number: int) -> str:
    return f"refs/pull/{int(number)}/head"


def _branches(path: Path) -> list[bytes]:
    """A line for each branch: its full name and its commit."""
    listed = run_git(["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads"], git_dir=path)
    return listed.splitlines(keepends=True)


def remote_failure(error: GitError) -> RunFailed | GitHubError | None:
    """What the server or the way to it did, None where the fault is on this machine."""
    words = str(error).lower()
    if _LIMITED in words:
        return GitHubError("GitHub limits the rate of fetches and pushes.", retry_after=_LIMITED_SECONDS)
    for signs, failure in ((_ACCESS, Failure.ACCESS_LOST), (_GONE, Failure.REPOSITORY_GONE)):
        if any(sign in words for sign in signs):
            return RunFailed(failure)
    if any(sign in words for sign in _MOVED):
        return RunFailed(Failure.REPOSITORY_GONE, "The repository was renamed or moved. Refresh your repositories.")
    if any(sign in words for sign in _REMOTE):
        return RunFailed(Failure.CLONE_FAILED, f"{Failure.CLONE_FAILED.sentence} {error}")
    return None
