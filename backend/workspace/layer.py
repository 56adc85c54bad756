"""What a set-up script added to a work tree: packed into one archive, and laid into another tree of the same run.

What the script left is as untrusted as the repository: tar packs and unpacks in the jail, so that a link in either tree
leads nowhere outside it. The archive lies out of the jail's reach.
"""

import os
import secrets
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from backend.errors import RunFailed
from backend.sandbox.base import Completed, Limits, Sandbox
from backend.words import Failure
from backend.workspace.checkout import Checkout

MOST_BYTES = 2 * 1024**3
_SECONDS = 300.0
_MOST_NAMES = 5000  # that are hidden one by one; of more, whole folders are
_SPECIAL = str.maketrans({one: f"\\{one}" for one in "\\*?[!#"})


def pack(checkout: Checkout, sandbox: Sandbox, archive: Path) -> bool:
    """Puts all that git does not know of the work tree into `archive`; False, and no file, where there is nothing.

    Raises RunFailed(setup_failed) where it is too large or cannot be read.
    """
    names = checkout.git(["ls-files", "-z", "--others", "--directory", "--no-empty-directory"])
    if not names:
        return False
    made = f".asynccoder-{secrets.token_hex(8)}.tar"
    how = ["--create", "--file", made, "--null", "--verbatim-files-from", "--files-from", "-"]
    limits = Limits(file_bytes=MOST_BYTES)
    done = sandbox.run(["tar", *how], workspace=checkout.work_tree, timeout=_SECONDS, stdin=names, limits=limits)
    found = checkout.work_tree / made
    if done.exit_code != 0 or not stat.S_ISREG(found.lstat().st_mode):
        raise RunFailed(
            Failure.SETUP_FAILED, f"What the set-up script added cannot be kept (at most 2 GB): {_words(done)}"
        )
    found.rename(archive)
    os.chown(archive, os.geteuid(), os.getegid())
    archive.chmod(0o600)
    return True


def lay(archive: Path, sandbox: Sandbox, tree: Path) -> None:
    """Unpacks an archive of `pack` into another tree; files that are there already stay. Raises RunFailed."""
    name = f".asynccoder-{secrets.token_hex(8)}.tar"
    with open(archive, "rb") as source, open(tree / name, "xb") as copy:  # no inode of ours goes into a jail
        shutil.copyfileobj(source, copy, 1 << 20)
    if sandbox.owner:
        os.chown(tree / name, *sandbox.owner)
    how = "--extract --skip-old-files --preserve-permissions --no-same-owner --delay-directory-restore"
    script = f'tar {how} --file "$1"; code=$?; rm -f -- "$1"; exit $code'
    done = sandbox.run(["/bin/sh", "-c", script, "sh", name], workspace=tree, timeout=_SECONDS)
    if done.exit_code != 0:
        raise RunFailed(Failure.SETUP_FAILED, f"What the set-up script added could not be laid out: {_words(done)}")


def hide(checkout: Checkout) -> None:
    """Keeps what is new in the work tree now out of every later commit, checkpoint and diff."""
    listed = ["ls-files", "-z", "--others", "--exclude-standard"]
    names = _paths(checkout.git(listed))
    if len(names) > _MOST_NAMES:
        names = _paths(checkout.git([*listed, "--directory", "--no-empty-directory"]))
    lines = "".join(f"/{_escaped(name)}\n" for name in names if "\n" not in name)
    with open(checkout.git_dir / "info/exclude", "a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(lines)


def holding(checkout: Checkout, sandbox: Sandbox, values: Sequence[str]) -> list[str]:
    """The files of the work tree that hold one of the values, in their text or their name, at most ten.

    Raises RunFailed(setup_failed) where they cannot be searched.
    """
    if not values:
        return []
    checkout.open_up()
    named = [path for path in _paths(checkout.git(["ls-files", "-z", "--others"])) if _has(path, values)]
    search = ["grep", "-rlF", "--binary-files=text", "--devices=skip", "-f", "-", "."]
    done = sandbox.run(
        search,
        workspace=checkout.work_tree,
        timeout=_SECONDS,
        stdin="\n".join(values).encode(),
        env={"LC_ALL": "C"},
    )
    found = [line.removeprefix("./") for line in done.stdout.decode("utf-8", "replace").splitlines()]
    if done.exit_code not in (0, 1) and not found:
        raise RunFailed(
            Failure.SETUP_FAILED, f"What the set-up script left cannot be searched for secrets: {_words(done)}"
        )
    return sorted({*named, *found})[:10]


def _has(text: str, values: Sequence[str]) -> bool:
    return any(value in text for value in values)


def _paths(listed: bytes) -> list[str]:
    return [os.fsdecode(name) for name in listed.split(b"\0") if name]


def _escaped(name: str) -> str:
    name = name.translate(_SPECIAL)
    return f"{name[:-1]}\\ " if name.endswith(" ") else name


def _words(done: Completed) -> str:
    if done.killed_by:
        return f"stopped ({done.killed_by})."
    return done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][:200] or f"exit code {done.exit_code}."
