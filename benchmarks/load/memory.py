"""What processes cost, as the kernel counts it: memory that is shared is shared out (PSS), time is theirs and their
children's."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """One of this machine, at one moment."""

    pid: int
    parent: int
    command: str
    seconds: float  # of processor, those of its ended children among them


def beneath(root: int) -> list[Process]:
    """The process and all that come from it, however far; the parents first."""
    by_parent: dict[int, list[Process]] = {}
    found: list[Process] = []
    for one in _all():
        by_parent.setdefault(one.parent, []).append(one)
        if one.pid == root:
            found.append(one)
    for one in found:
        found += by_parent.get(one.pid, [])
    return found


def megabytes(pids: list[int]) -> float:
    """Their PSS in all; who has ended meanwhile holds none."""
    return sum(map(_pss, pids)) / 1024


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _all() -> list[Process]:
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended while we looked
        found.append(Process(int(folder.name), int(stat[1]), command, sum(map(int, stat[11:15])) / _TICKS))
    return found
