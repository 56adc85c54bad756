"""One run's copy of a repository: a work tree for the jail and a git directory that the jail never sees.

The worker's git reads only the trusted directory, which borrows the mirror's objects. The `.git` inside the work tree
is a shallow private copy for the agent's convenience; nobody trusts it, and no inode in it is the mirror's.
"""

import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from backend.errors import GitError, Misconfigured, RunFailed
from backend.words import Failure
from backend.workspace.git import check_sha, run_git, text
from backend.workspace.mirror import Mirror

# What tools leave lying around, in repositories that do not name it themselves; new files of these names are no work.
_LITTER = (
    *("__pycache__/", "*.py[cod]", ".pytest_cache/", ".mypy_cache/", ".ruff_cache/", ".hypothesis/", ".coverage"),
    *(".tox/", ".nox/", ".venv/", "*.egg-info/", "node_modules/", ".npm/", ".DS_Store"),
)

Owner = tuple[int, int]
_TIMEOUT = 600.0  # seconds to write a large tree
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = false\n"


@dataclass(frozen=True)
class Checkout:
    """`root` holds `git` (trusted) and `tree` (the jail's workspace, the owner's); `base_sha` is where it began.

    `start_tree` is what the files were before the model's first edit, where that is not the base: a merge.
    """

    root: Path
    base_sha: str
    owner: Owner | None
    start_tree: str | None = None

    @property
    def git_dir(self) -> Path:
        """The trusted git directory, outside the jail."""
        return self.root / "git"

    @property
    def work_tree(self) -> Path:
        """What the jail sees as /workspace."""
        return self.root / "tree"

    @property
    def start(self) -> str:
        """The commit or tree that the model began with."""
        return self.start_tree or self.base_sha

    @property
    def head(self) -> str:
        """The newest commit of ours, or the base."""
        return text(self.git(["rev-parse", "--verify", "HEAD"]))

    @classmethod
    def create(cls, root: Path, mirror: Mirror, sha: str, owner: Owner | None) -> "Checkout":
        """Makes the copy at commit `sha`, replacing what an earlier attempt left.

        Raises RunFailed(clone_failed, disk_full).
        """
        check_sha(sha)
        remove(root)
        checkout = cls(root, sha, owner)
        root.mkdir(parents=True, mode=0o711 if owner else 0o700)
        checkout.work_tree.mkdir(mode=0o700)
        _write_git_dir(checkout.git_dir, sha, mirror.path / "objects")
        try:
            checkout.reset(sha)
            _write_convenience_copy(checkout)
        except GitError as error:
            if "no space left" in str(error).lower():
                raise RunFailed(Failure.DISK_FULL) from error
            mirror.suspect()
            raise RunFailed(Failure.CLONE_FAILED, f"The files could not be written. {error}") from error
        return checkout

    def git(
        self,
        args: list[str],
        *,
        stdin: bytes = b"",
        ok: Sequence[int] = (0,),
        env: Mapping[str, str] | None = None,
        into: IO[bytes] | None = None,
    ) -> bytes:
        """A local git on the trusted directory and the work tree. Raises GitError."""
        return run_git(
            args,
            git_dir=self.git_dir,
            work_tree=self.work_tree,
            stdin=stdin,
            ok=ok,
            timeout=_TIMEOUT,
            env=env,
            into=into,
        )

    def scratch(self) -> IO[bytes]:
        """A file beside the work tree, out of the jail's reach, that is gone once it is closed."""
        return tempfile.TemporaryFile(dir=self.root)

    def open_up(self) -> None:
        """Gives the owner the right to read everything in the work tree again."""
        _open_up(self.work_tree)

    def reset(self, tree: str) -> None:
        """Makes index and work tree equal to a commit or tree, and the jail the owner of every file."""
        self.git(["read-tree", "--reset", "-u", check_sha(tree)])
        if self.owner:
            give(self.work_tree, self.owner)
            # Owner and change time are part of what git compares; without this every later look would read every file.
            self.git(["update-index", "-q", "--refresh"], ok=(0, 1))


def clean_copy(checkout: Checkout, sha: str, dest: Path) -> Path:
    """A checkout of a commit into the new folder `dest`, for evidence: nothing the agent left lying around is in it."""
    remove(dest)
    dest.mkdir(mode=0o700)
    index = checkout.git_dir / "index.evidence"
    index.unlink(missing_ok=True)
    run_git(
        ["read-tree", "--reset", "-u", check_sha(sha)],
        git_dir=checkout.git_dir,
        work_tree=dest,
        timeout=_TIMEOUT,
        env={"GIT_INDEX_FILE": str(index)},
    )
    if checkout.owner:
        give(dest, checkout.owner)
    return dest


def workspaces_root(data_dir: Path, owner: Owner | None) -> Path:
    """Where runs have their folders: in the data dir, or, for a service that is root, where the jail's uid reaches.

    Raises Misconfigured where somebody else has taken that place.
    """
    if owner is None:
        path = data_dir.resolve() / "workspaces"
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path
    name = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:12]
    path = Path("/var/tmp", f"asynccoder-{name}")
    path.mkdir(exist_ok=True, mode=0o711)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise Misconfigured(f"{path} belongs to somebody else.", fix=f"rm -r {path}")
    path.chmod(0o711)
    return path


def give(folder: Path, owner: Owner) -> None:
    """Makes everything in the folder the jail's; links are given, not followed. Raises RunFailed(internal_error)."""
    _tool(["chown", "-Rh", f"{owner[0]}:{owner[1]}", "--", str(folder)])


def remove(root: Path) -> None:
    """Removes a run's folder, whatever the agent left in it; no folder is fine. Raises RunFailed(internal_error)."""
    if not root.exists():
        return
    if os.geteuid() != 0:
        _open_up(root)  # the agent may have taken its own right to write away from its folders
    _tool(["rm", "-rf", "--one-file-system", "--", str(root)])


def _open_up(folder: Path) -> None:
    # It stumbles over what it cannot enter yet and goes on; links are not followed.
    subprocess.run(["chmod", "-R", "u+rwX", "--", str(folder)], stderr=subprocess.DEVNULL, check=False)


def _tool(command: list[str]) -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, env={"PATH": os.defpath})
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip()[-300:]
        raise RunFailed(Failure.INTERNAL_ERROR, f"{command[0]} failed: {words}")


def _write_skeleton(git_dir: Path) -> None:
    for folder in ("objects/info", "objects/pack", "refs/heads", "info"):
        (git_dir / folder).mkdir(parents=True)
    (git_dir / "config").write_text(_CONFIG, encoding="ascii")
    (git_dir / "info/exclude").write_text("".join(f"{pattern}\n" for pattern in _LITTER), encoding="ascii")


def _write_git_dir(git_dir: Path, sha: str, objects: Path) -> None:
    """A git directory by hand, borrowing the objects of the mirror."""
    _write_skeleton(git_dir)
    git_dir.chmod(0o700)
    (git_dir / "HEAD").write_text(f"{sha}\n", encoding="ascii")
    (git_dir / "objects/info/alternates").write_text(f"{objects.resolve()}\n", encoding="utf-8")


def _write_convenience_copy(checkout: Checkout) -> None:
    """The agent's `.git`: the base commit alone, with its index, no remote and objects of its own."""
    sha = checkout.base_sha
    inner = checkout.work_tree / ".git"
    _write_skeleton(inner)
    (inner / "HEAD").write_text("ref: refs/heads/work\n", encoding="ascii")
    (inner / "refs/heads/work").write_text(f"{sha}\n", encoding="ascii")
    (inner / "shallow").write_text(f"{sha}\n", encoding="ascii")
    shutil.copyfile(checkout.git_dir / "index", inner / "index")
    pack = str(inner / "objects/pack/pack")
    checkout.git(["pack-objects", "--revs", "--quiet", pack], stdin=f"--shallow {sha}\n{sha}\n".encode())
    if checkout.owner:
        give(inner, checkout.owner)
