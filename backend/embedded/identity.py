"""Who PostgreSQL runs as: it refuses to be root."""

import os
import pwd
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache

from backend.errors import Misconfigured
from backend.parts import launched


@dataclass(frozen=True)
class Identity:
    """The launcher's options, and the (uid, gid) that the server's files must have where that is another user."""

    options: tuple[str, ...] = ()
    owner: tuple[int, int] | None = None


@lru_cache(maxsize=1)
def identity() -> Identity:
    """This user; for root, itself seen as one ordinary user, or where the kernel forbids that, another user.

    Raises Misconfigured where there is none.
    """
    if os.geteuid() != 0:
        return Identity()
    inside = _ordinary_user()
    seen = Identity(options=("--one-uid", str(inside.pw_uid)))
    return seen if sys.platform == "linux" and _works(seen) else another_user()


def another_user() -> Identity:
    """For root alone: really another user, with files of its own."""
    user = _ordinary_user()
    return Identity(options=("--user", f"{user.pw_uid}:{user.pw_gid}"), owner=(user.pw_uid, user.pw_gid))


def _ordinary_user() -> pwd.struct_passwd:
    # One that exists: initdb looks its name up. `postgres` and `nobody` come first, then anyone who is not root.
    users = sorted(pwd.getpwall(), key=lambda user: ("postgres", "nobody", user.pw_name).index(user.pw_name))
    for user in users:
        if user.pw_uid != 0:
            return user
    raise Misconfigured(
        "PostgreSQL does not run as root, and this machine has no other user.",
        fix="Run as an ordinary user, or set DATABASE_URL.",
    )


def _works(candidate: Identity) -> bool:
    nothing = (sys.executable, "-I", "-S", "-c", "")
    argv = launched(nothing, death_signal=signal.SIGKILL, options=candidate.options)
    return subprocess.run(argv, capture_output=True, timeout=20, check=False).returncode == 0
