"""Process trees as Linux's /proc shows them; where there is no /proc, nothing is known and nothing is found."""

import os
import signal
from collections import defaultdict
from collections.abc import Iterable


def tree(root: int) -> list[int]:
    """The process and all its living descendants."""
    knows_children = os.path.exists(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    children = _children if knows_children else _by_parent().__getitem__
    found, ahead = [], [root]
    while ahead:
        pid = ahead.pop()
        found.append(pid)
        ahead.extend(children(pid))
    return found


def _children(pid: int) -> list[int]:
    """Those of each of its threads: asked for so, a tree costs what it holds, however many others this machine runs."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    return [int(child) for thread in threads for child in _read(pid, f"task/{thread}/children").split()]


def _by_parent() -> dict[int, list[int]]:
    """Everyone's children, from their stat lines: without CONFIG_PROC_CHILDREN the kernel lists none."""
    children = defaultdict(list)
    for pid in everyone():
        if stat := _stat(pid):
            children[int(stat[1])].append(pid)
    return children


def group(leader: int) -> list[int]:
    """Every process of a process group that still lives: one that only waits to be reaped does nothing any more."""
    wanted = str(leader).encode()
    return [pid for pid in everyone() if (stat := _stat(pid))[2:3] == [wanted] and stat[0] != b"Z"]


def everyone() -> list[int]:
    """Every process id of this machine that we may see."""
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except FileNotFoundError:
        return []


def memory(pids: Iterable[int], enough: int) -> int:
    """The bytes of memory that the processes hold, page cache left out.

    The quick sum counts shared pages once per process; only when it passes `enough` is the exact, slower one made.
    """
    ids = list(pids)
    quick = sum(_resident(pid) for pid in ids)
    return quick if quick <= enough else sum(_proportional(pid) for pid in ids)


def kill(pids: Iterable[int]) -> None:
    """SIGKILL to each; one that is gone already is no matter."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def marked(mark: bytes) -> list[int]:
    """Processes whose starting environment holds the mark: however often they forked, they took it along."""
    found = []
    for pid in everyone():
        if mark in _read(pid, "environ") and pid != os.getpid():
            found.append(pid)
    return found


def _stat(pid: int) -> list[bytes]:
    """State, parent, group and so on; empty where the process is gone."""
    # "pid (name) state parent group …": the name may hold anything, brackets too. proc(5).
    return _read(pid, "stat").rpartition(b")")[2].split()


def _resident(pid: int) -> int:
    return _sum_of(_read(pid, "status"), (b"RssAnon:", b"RssShmem:", b"VmSwap:"))


def _proportional(pid: int) -> int:
    exact = _sum_of(_read(pid, "smaps_rollup"), (b"Pss_Anon:", b"Pss_Shmem:", b"SwapPss:"))
    return exact or _resident(pid)


def _sum_of(text: bytes, names: tuple[bytes, ...]) -> int:
    # Lines such as "RssAnon:     1234 kB".
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith(names))


def _read(pid: int, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""  # it ended between the listing and the look, or is not ours to see
