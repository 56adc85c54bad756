"""What both servers need: the folders they live in, and small questions about them."""

import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from backend.errors import Misconfigured
from backend.settings import Settings

SOCKET_PATH_LIMIT = 107  # sun_path of unix(7), without its NUL
LONGEST_SOCKET = ".s.PGSQL.5432.lock"


def private_folder(path: Path) -> Path:
    """Makes a folder 0700 of our own, or raises Misconfigured when it is someone else's or cannot be made."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise Misconfigured(
                f"{path} exists and is not a folder of this user's own.",
                fix=f"Remove it, or run as the user with id {found.st_uid}.",
            )
        path.chmod(0o700)
    except OSError as error:
        raise Misconfigured(
            f"{path} cannot be used: {error.strerror}.",
            fix="Set ASYNCCODER_DATA_DIR to a folder that this user may write to.",
        ) from error
    return path


def socket_folder(settings: Settings, server: str) -> Path:
    """Where a server's socket is: a short path without spaces, named by the data dir's hash. Not made here."""
    name = f"asynccoder-{os.geteuid()}-{digest(settings)}-{server}"
    for root in (tempfile.gettempdir(), "/tmp"):
        folder = Path(root) / name
        fits = len(os.fsencode(folder / LONGEST_SOCKET)) <= SOCKET_PATH_LIMIT
        if fits and not any(character.isspace() or character == "," for character in str(folder)):
            return folder
    return Path("/tmp") / name


def digest(settings: Settings) -> str:
    """The data dir's short name in shared folders."""
    return hashlib.sha256(os.fsencode(settings.data_dir.resolve())).hexdigest()[:16]


def package(name: str) -> Path:
    """Where an installed package lies. Raises Misconfigured when it is not installed."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise Misconfigured(f"The package {name} is not installed.", fix="Run `make up`.")
    return Path(spec.origin).parent


def wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Waits until the condition holds; False when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def last_line(text: str) -> str:
    """The last words of what a program wrote, for a sentence."""
    lines = [line for line in text.strip().splitlines() if line]
    return lines[-1] if lines else "it gave no reason"
