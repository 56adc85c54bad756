"""One `up` per data dir: the lock, the record of what it started, and the end of what an older one left behind."""

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from backend.embedded import private_folder
from backend.errors import Misconfigured

LEFTOVER_SECONDS = 5.0


class Held(Misconfigured):
    """Another `up` works on this data dir."""

    exit_code = os.EX_TEMPFAIL  # 75: it may work later


@dataclass(frozen=True)
class Started:
    """A child as it was started: its pid is only ours while its start time is this one."""

    name: str
    pid: int
    since: str
    stop_signal: int


@dataclass
class Record:
    """What the running `up` of a data dir says of itself, in `run/up.json`."""

    path: Path
    pid: int = field(default_factory=os.getpid)
    url: str = ""
    children: dict[str, Started] = field(default_factory=dict)

    def add(self, name: str, pid: int, stop_signal: int) -> None:
        """Notes a child that was just started, in place of an earlier one of that name."""
        self.children[name] = Started(name, pid, since(pid) or "", int(stop_signal))
        self.write()

    def write(self) -> None:
        """Writes it beside and replaces, 0600."""
        beside = self.path.with_suffix(".new")
        beside.touch(mode=0o600)
        children = [asdict(child) for child in self.children.values()]
        beside.write_text(json.dumps({"pid": self.pid, "url": self.url, "children": children}), encoding="utf-8")
        beside.replace(self.path)


@contextmanager
def held(data_dir: Path, *, url: str = "") -> Iterator[Record]:
    """Holds the data dir for the block and gives the record to keep. The lock is on the folder itself, so that no file
    stays behind; the kernel drops it however we end. Raises Held, or Misconfigured for a folder that cannot be used."""
    folder = private_folder(data_dir.resolve())
    record = Record(private_folder(folder / "run") / "up.json", url=url)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock(descriptor, folder, record.path)
        end_leftovers(_children(record.path))
        record.write()
        try:
            yield record
        finally:
            record.path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path, record: Path) -> None:
    try:
        _try_lock(descriptor)
    except BlockingIOError as error:
        raise Held(
            f"Async Coder already runs on {folder}{_holder(record)}.",
            fix="Use that one, stop it first, or set ASYNCCODER_DATA_DIR to another folder.",
        ) from error
    except OSError as error:
        raise Misconfigured(
            f"{folder} cannot be locked: {error.strerror}.",
            fix="Set ASYNCCODER_DATA_DIR to a folder on a local disk.",
        ) from error


def _try_lock(descriptor: int) -> None:
    for _ in range(5):  # `doctor` holds a shared lock for a moment, to see whether anyone else does
        with suppress(BlockingIOError):
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(0.1)
    return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def running(data_dir: Path) -> str | None:
    """Who holds the data dir just now, in words; None when nobody does."""
    folder = data_dir.resolve()
    if not folder.is_dir():
        return None
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return f"Async Coder{_holder(folder / 'run' / 'up.json')}"
    finally:
        os.close(descriptor)
    return None


def _holder(record: Path) -> str:
    found = _read(record)
    if "pid" not in found:
        return ""
    return f" (process {found['pid']}" + (f", {found['url']})" if found.get("url") else ")")


def _read(record: Path) -> dict[str, object]:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # none yet, or cut short by a full disk: nothing is known
        return {}
    return found if isinstance(found, dict) else {}


def _children(record: Path) -> list[Started]:
    listed = _read(record).get("children")
    return [Started(**child) for child in listed] if isinstance(listed, list) else []


def since(pid: int) -> str | None:
    """When a process started, as this system writes it, with the boot's id; None when there is no such process."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    if not boot.exists():  # macOS
        done = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return done.stdout.strip() or None
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()  # the name before it may hold anything
    return None if state == "Z" else f"{boot.read_text(encoding='ascii').strip()} {fields[18]}"


def end_leftovers(children: Iterable[Started]) -> None:
    """Ends what an older `up` left running: its clean signal, then KILL to the whole group after five seconds."""
    alive = [child for child in children if child.since and since(child.pid) == child.since]
    for child in alive:
        _signal_group(child.pid, child.stop_signal)
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while any(since(child.pid) == child.since for child in alive) and time.monotonic() < deadline:
        time.sleep(0.05)
    for child in alive:
        _signal_group(child.pid, signal.SIGKILL)


def _signal_group(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # gone, or by now a group of somebody else's
        os.killpg(pid, number)
