"""What set-up scripts added, kept for the runs that would add the same: files in the data dir, each whole or not there.

The same are: repository, script, environment, secrets, package hosts, the machine's programs, and of the repository's
files those that name what it needs and those that the script names. A script that builds from files which it does not
name may find an older build: that is why nothing is kept longer than a week.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from backend import log
from backend.services.repository_setup import Setup
from backend.settings import get_settings
from backend.workspace.checkout import Checkout
from backend.workspace.git import check_sha

MOST_BYTES = 10 * 1024**3
MOST_SECONDS = 7 * 24 * 3600.0
_HALF_WRITTEN = ".half-"
_HALF_SECONDS = 3600.0
_log = log.get(__name__)
_SPLIT = re.compile(r"[\s\"'`=;|&()<>{}$,:]+")
_DEPENDENCIES = re.compile(
    r"requirements[^/]*\.(?:txt|in)|constraints[^/]*\.txt|requirements/.*|pyproject\.toml|setup\.(?:py|cfg)|tox\.ini|"
    r"(?:poetry|uv|pdm|Cargo|Gemfile|composer|mix|flake|deno)\.lock|Pipfile(?:\.lock)?|environment\.ya?ml|"
    r"package\.json|package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-(?:lock|workspace)\.yaml|bun\.lockb?|"
    r"\.npmrc|\.yarnrc(?:\.yml)?|go\.(?:mod|sum)|Cargo\.toml|Gemfile|composer\.json|mix\.exs|Makefile|"
    r"\.python-version|\.nvmrc|\.node-version|\.tool-versions|\.gitmodules"
)


def key(repository_id: UUID, setup: Setup, hosts: Iterable[object], checkout: Checkout, tree: str) -> str:
    """What stands for all that the script's work depends on, on the files of commit `tree`."""
    told = [
        str(repository_id),
        setup.script,
        sorted(setup.environment.items()),
        sorted(setup.secrets.items()),
        sorted(map(str, hosts)),
        _programs(),
        _files(checkout, tree, setup.script),
    ]
    return f"{repository_id.hex}-{hashlib.sha256(json.dumps(told).encode()).hexdigest()}"


@dataclass(frozen=True)
class Kept:
    """An archive: whose it is (None: of an earlier version, which did not say), its bytes, and when it was used last,
    in seconds of the epoch."""

    name: str
    repository_id: UUID | None
    size: int
    used_at: float


def kept() -> list[Kept]:
    """Everything that is kept."""
    found = []
    for path in _folder().iterdir():
        try:
            status = path.stat()
        except FileNotFoundError:
            continue  # let go meanwhile
        if not path.name.startswith(_HALF_WRITTEN):
            used_at = max(status.st_atime, status.st_mtime)
            found.append(Kept(path.name, _repository(path.name), status.st_size, used_at))
    return found


def _repository(name: str) -> UUID | None:
    owner, dash, _ = name.partition("-")
    try:
        return UUID(owner) if dash else None
    except ValueError:
        return None


def take(name: str, into: Path) -> bool:
    """Copies what is kept under a key; False where nothing is, or nothing that is young enough."""
    kept = _folder() / name
    try:
        made = kept.stat().st_mtime
        if time.time() - made > MOST_SECONDS:
            return False
        shutil.copyfile(kept, into)
        os.utime(kept, (time.time(), made))  # its use, however the file system is mounted; its age stays
    except FileNotFoundError:
        into.unlink(missing_ok=True)
        return False
    return True


def keep(name: str, archive: Path) -> None:
    """Keeps an archive under a key, and lets go of the oldest where all of them are too many. A disk that is full is
    no reason for a run to fail."""
    folder = _folder()
    half = folder / f"{_HALF_WRITTEN}{secrets.token_hex(8)}"
    try:
        shutil.copyfile(archive, half)
        half.chmod(0o600)
        half.replace(folder / name)
        _make_room(folder)
    except OSError as error:
        half.unlink(missing_ok=True)
        _log.warning("what a set-up script added could not be kept", error=str(error))


def forget(name: str) -> None:
    """Lets go of what is kept under a key."""
    (_folder() / name).unlink(missing_ok=True)


def _make_room(folder: Path) -> None:
    now, room = time.time(), MOST_BYTES
    found = [(path.stat(), path) for path in folder.iterdir()]
    for status, path in sorted(found, key=lambda one: -one[0].st_mtime):
        longest = _HALF_SECONDS if path.name.startswith(_HALF_WRITTEN) else MOST_SECONDS
        room -= status.st_size
        if room < 0 or now - status.st_mtime > longest:
            path.unlink(missing_ok=True)


def _folder() -> Path:
    folder = get_settings().data_dir.resolve() / "setups"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _programs() -> list[object]:
    """Changes with what is installed or upgraded on the machine: those are the jail's programs too."""
    settings = get_settings()
    folders = [Path("/usr/bin"), Path("/usr/local/bin"), *settings.extra_sandbox_paths]
    return [settings.sandbox_paths, *(os.stat(path).st_mtime_ns for path in folders if path.is_dir())]


def _files(checkout: Checkout, tree: str, script: str) -> list[str]:
    """Mode, id and path of the files that matter."""
    words = {word.removeprefix("./").rstrip("/") for word in _SPLIT.split(script)}
    listed = checkout.git(["ls-tree", "-r", "-z", check_sha(tree)]).decode("utf-8", "surrogateescape")
    return [line.encode("utf-8", "replace").decode() for line in listed.split("\0") if _matters(line, words)]


def _matters(line: str, words: set[str]) -> bool:
    path = line.partition("\t")[2]
    if not path:
        return False
    name = path.rpartition("/")[2]
    if _DEPENDENCIES.fullmatch(name) or _DEPENDENCIES.fullmatch(path):
        return True
    parents = {str(parent) for parent in Path(path).parents}  # of any file "." is one
    return bool(words & {path, name, *parents})
