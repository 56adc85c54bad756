"""What every jail offers: one command, one workspace, limits, and an honest end."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from backend.errors import InvalidInput


@dataclass(frozen=True)
class Limits:
    """Per process unless it says otherwise. Bytes and seconds."""

    processes: int = 256
    file_bytes: int = 256 * 1024 * 1024
    open_files: int = 1024
    cpu_seconds: int = 600
    memory_bytes: int = 4 * 1024 * 1024 * 1024  # of the whole tree, watched
    disk_bytes: int = 4 * 1024 * 1024 * 1024  # of the workspace, watched
    disk_files: int = 1_000_000  # in the workspace, folders too, watched: a file system has only so many inodes
    output_bytes: int = 8 * 1024 * 1024  # of stdout and of stderr; the rest is read and dropped


USUAL = Limits()
KilledBy = Literal["timeout", "memory", "disk", "cancelled"]


@dataclass(frozen=True)
class Completed:
    """How a command ended. `exit_code` is negative for a signal; `duration` in seconds."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    duration: float
    truncated: bool = False
    killed_by: KilledBy | None = None


_LONGEST_WORD = 128 * 1024  # bytes with the NUL at its end: Linux's MAX_ARG_STRLEN, execve(2)


def check_command(argv: Sequence[str], env: Mapping[str, str] | None) -> None:
    """Asks, before anything is open, whether the kernel takes it. Raises InvalidInput."""
    if not argv or any("\0" in word for word in argv):
        raise InvalidInput("A command must not be empty or hold a NUL character.", field="command")
    if any(len(os.fsencode(word)) >= _LONGEST_WORD for word in argv):
        raise InvalidInput("A command must be shorter than 128 KiB: write a file and run that.", field="command")
    if any("\0" in name + value for name, value in (env or {}).items()):
        raise InvalidInput("An environment variable holds a NUL character.", field="env")


class Sandbox(Protocol):
    """A jail. `kind` is bubblewrap, sandlock or none.

    `owner` is the (uid, gid) that workspace files must have, None for ours.
    """

    kind: str
    owner: tuple[int, int] | None

    def run(
        self,
        argv: Sequence[str],
        *,
        workspace: Path,
        timeout: float,
        stdin: bytes = b"",
        limits: Limits = USUAL,
        env: Mapping[str, str] | None = None,
        cancelled: Callable[[], bool] | None = None,
        merge_stderr: bool = False,
    ) -> Completed:
        """Runs argv with the workspace as its writable current directory and no network.

        `cancelled` is asked several times a second; the whole process tree is gone when this returns.
        `merge_stderr` writes both streams to stdout in their order. Raises RunFailed(sandbox_lost) when the jail itself
        breaks.
        """
        ...
