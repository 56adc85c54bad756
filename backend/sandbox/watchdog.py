"""Looks at a running command: time, cancellation, memory of the tree, disk of the workspace."""

import os
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from backend.errors import RunFailed
from backend.sandbox import processes
from backend.sandbox.base import KilledBy, Limits
from backend.words import Failure

_MEMORY_EVERY = 0.25  # seconds
_DISK_SHARE = 16  # the workspace is measured again when the file system lost a sixteenth of the limit
_DISK_EVERY = 15.0  # seconds, for what the free space does not show
_HOST_FLOOR = 50  # a jail over half its own limit is ended when the host has less than a fiftieth of its memory left


class Watchdog:
    """Asked once per tick by `attend`; says why the command must end, or nothing."""

    def __init__(
        self,
        limits: Limits,
        folders: Sequence[Path],
        timeout: float,
        pids: Callable[[], Iterable[int]],
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self._limits = limits
        self._folders = folders
        self._pids = pids
        self._cancelled = cancelled
        now = time.monotonic()
        self._deadline = now + timeout
        self._next_memory = now + _MEMORY_EVERY
        self._next_disk = now + _DISK_EVERY
        self._free = _free(folders[0])

    def __call__(self) -> KilledBy | None:
        """The reason to kill, None while all is well."""
        now = time.monotonic()
        if self._cancelled and self._cancelled():
            return "cancelled"
        if now >= self._deadline:
            return "timeout"
        if now >= self._next_memory:
            self._next_memory = now + _MEMORY_EVERY
            if self._is_over_memory():
                return "memory"
        return "disk" if self._is_over_disk() else None

    def at_end(self) -> KilledBy | None:
        """What a command that has ended by itself ran over in its last instant."""
        return "disk" if self._is_over_disk() else None

    def _is_over_memory(self) -> bool:
        limit = self._limits.memory_bytes
        used = processes.memory(self._pids(), limit)
        return used > limit or (used > limit // 2 and _is_host_short_of_memory())

    def _is_over_disk(self) -> bool:
        # Measuring a workspace costs as much as walking it, asking the file system how full it is costs nothing.
        # From time to time it is measured all the same: what others free hides what this one takes.
        free, now = _free(self._folders[0]), time.monotonic()
        limits = self._limits.disk_bytes, self._limits.disk_files
        lost = zip(self._free, free, limits, strict=True)
        if now < self._next_disk and all(before - after < limit // _DISK_SHARE for before, after, limit in lost):
            self._free = max(self._free[0], free[0]), max(self._free[1], free[1])
            return False
        self._free, self._next_disk = free, now + _DISK_EVERY
        kilobytes, files = (sum(_du(how, folder) for folder in self._folders) for how in ("-k", "--inodes"))
        return kilobytes * 1024 > limits[0] or files > limits[1]


def _du(how: str, folder: Path) -> int:
    """What a folder takes. `du` neither follows links nor loses itself in depth."""
    command = ["du", "-sx", how, "--", str(folder)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False, env={"PATH": os.defpath})
    # It complains of what vanishes while it looks, and prints the sum all the same.
    figure = done.stdout.split(b"\t")[0].strip()
    return int(figure) if figure.isdigit() else 0


def _free(folder: Path) -> tuple[int, int]:
    """The bytes and the files that there is still room for; a file system without a bound on files says 0."""
    try:
        system = os.statvfs(folder)
    except OSError as error:
        raise RunFailed(Failure.SANDBOX_LOST, f"The workspace {folder} cannot be reached: {error.strerror}.") from error
    return system.f_bfree * system.f_frsize, system.f_ffree


def _is_host_short_of_memory() -> bool:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return False
    kilobytes = {line.partition(":")[0]: int(line.split()[1]) for line in lines}
    return kilobytes.get("MemAvailable", 1) * _HOST_FLOOR < kilobytes.get("MemTotal", 1)
