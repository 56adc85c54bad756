"""Locks between processes on files; the kernel lets one go with the process that has it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def opened(file: Path) -> Iterator[int]:
    """A file to lock, made where there is none. It is never removed: two would lock two files of one name."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def is_taken(descriptor: int) -> bool:
    """Takes the lock for this process alone; False where somebody else has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def share(descriptor: int) -> None:
    """Takes the lock together with others; waits while somebody has it alone."""
    fcntl.flock(descriptor, fcntl.LOCK_SH)
