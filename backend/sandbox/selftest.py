"""Escape probes: what must not work in a jail is tried, and what must work too. Run at start-up, shown by `doctor`."""

import ctypes
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from backend.errors import Misconfigured
from backend.sandbox.base import Sandbox

_PREFIX = "asynccoder-probe-"
_LEFT_SECONDS = 3600.0  # after which a folder is a killed self-test's: one takes a few tenths of a second
_TIMEOUT = 20.0  # seconds; a machine under load starts slowly, a jail that hangs does not end


@dataclass(frozen=True)
class Probe:
    """One thing tried: `passed` means that the jail held (or that the allowed thing worked)."""

    name: str
    passed: bool
    detail: str


# Shell only, since a jail need not have Python. Each script succeeds when the jail is as it should be.
PROGRAMS_RUN = "runs a program of the workspace"
_SCRIPTS = {
    "runs a command in the workspace": "[ -f here ] && echo made > there",
    PROGRAMS_RUN: r"printf '#!/bin/sh\nexit 0\n' > run.sh && chmod +x run.sh && ./run.sh",
    "cannot see the host's password file": "! cat /etc/shadow",
    "cannot see the host's folders": '! ls "$BESIDE" && ! ls /root/.ssh && ! ls /var/lib',
    # Opened for writing, never written: a probe that finds an open door must not walk through it.
    "cannot write outside": '! [ -w /usr ] && ! [ -w /etc ] && ! touch "$BESIDE/escaped"',
    "hides the service's environment": r"""! tr '\0' '\n' < /proc/1/environ | grep -q .""",
    "cannot set the kernel": "! sh -c ': >> /proc/sys/kernel/core_pattern'",
    "cannot make namespaces": "! unshare -U true && ! unshare -m true && ! unshare -n true",
    # A jail may hide /proc/self; then the deeds above and below speak for themselves.
    "has no capabilities": "! chown 12345 here && (cat /proc/self/status || echo CapEff: 0) | grep -q 'CapEff:.0*$'",
    "cannot gain privileges": "(cat /proc/self/status || echo NoNewPrivs: 1) | grep -q 'NoNewPrivs:.1'",
    "filters system calls": "(cat /proc/self/status || echo Seccomp: 2) | grep -q 'Seccomp:.2'",
    "cannot signal other processes": '! kill -0 "$PARENT"',
    # Asking takes the same leave as setting does.
    "cannot limit other processes": '! prlimit --pid "$PARENT" --nofile',
    "has limits": '[ "$(ulimit -n)" -le 4096 ] && [ "$(ulimit -c)" = 0 ]',
}
_CONNECT = (
    "bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}' ; "
    "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 2)' ; "
    "perl -MIO::Socket::INET -e 'IO::Socket::INET->new(PeerAddr => \"127.0.0.1:{port}\", Timeout => 2) or die' ; true"
)
# System V shared memory knows no path, only a number: whatever reaches it there changes it or takes it away.
_SHARE = (
    "python3 -c 'import ctypes; c = ctypes.CDLL(None); c.shmat.restype = ctypes.c_void_p; "
    "at = c.shmat({number}, None, 0); (at or -1) % 2**64 == 2**64 - 1 or ctypes.memset(at, 1, 4)' ; "
    "perl -e 'shmwrite({number}, \"reached\", 0, 4)' ; ipcrm -m {number} ; true"
)


def probes(sandbox: Sandbox, beneath: Path | None = None) -> list[Probe]:
    """Tries everything in a folder beneath `beneath`, where workspaces will be; takes a few tenths of a second.

    Raises RunFailed where the jail does not even start, Misconfigured where no workspace can be made.
    """
    with scratch(sandbox, beneath) as workspace:
        return [
            *_scripts(sandbox, workspace),
            _network(sandbox, workspace),
            _memory(sandbox, workspace),
            _end(sandbox, workspace),
        ]


def _scripts(sandbox: Sandbox, workspace: Path) -> list[Probe]:
    """All scripts in one command: each prints its exit code and its last words on one line."""
    lines = []
    for script in _SCRIPTS.values():
        lines.append(f'said=$( ( {script} ) 2>&1 ); echo "$? $(printf %s "$said" | tail -n 1)"')
    done = sandbox.run(
        ["sh", "-c", "\n".join(lines)],
        workspace=workspace,
        timeout=_TIMEOUT,
        env={"BESIDE": str(workspace.parent), "PARENT": str(os.getpid())},
    )
    answers = done.stdout.decode("utf-8", "replace").splitlines()
    if len(answers) != len(_SCRIPTS):
        return [Probe("runs commands", False, done.stderr.decode("utf-8", "replace")[-300:] or "no answer")]
    return [
        Probe(name, answer.startswith("0 "), answer.partition(" ")[2])
        for name, answer in zip(_SCRIPTS, answers, strict=True)
    ]


def _network(sandbox: Sandbox, workspace: Path) -> Probe:
    """A true listener on this machine, and every means the jail may have to reach it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        sandbox.run(["sh", "-c", _CONNECT.format(port=port)], workspace=workspace, timeout=_TIMEOUT)
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return Probe("has no network", True, "")
    return Probe("has no network", False, "it reached this machine's loopback")


def _memory(sandbox: Sandbox, workspace: Path) -> Probe:
    """A segment of our own, open to everyone by its mode, and every means the jail may have to reach it."""
    libc = ctypes.CDLL(None)
    libc.shmat.restype, libc.shmdt.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    name = "has no shared memory with this machine"
    number = libc.shmget(0, ctypes.c_size_t(4), 0o1666)  # IPC_PRIVATE, IPC_CREAT
    if number < 0:
        return Probe(name, True, "there is none here")
    try:
        sandbox.run(["sh", "-c", _SHARE.format(number=number)], workspace=workspace, timeout=_TIMEOUT)
        address = libc.shmat(number, None, 0)
        if ctypes.c_ssize_t(address).value == -1:
            return Probe(name, False, "it removed a segment of this machine")
        is_untouched = ctypes.string_at(address, 4) == bytes(4)
        libc.shmdt(address)
        return Probe(name, is_untouched, "" if is_untouched else "it wrote into a segment of this machine")
    finally:
        libc.shmctl(number, 0, None)  # IPC_RMID


def _end(sandbox: Sandbox, workspace: Path) -> Probe:
    """A child that left the session and ignores TERM must be gone when `run` returns."""
    beating = "trap '' TERM HUP; while :; do echo . >> beat; sleep 0.02; done"
    done = sandbox.run(["sh", "-c", f'(setsid sh -c "{beating}" &); sleep 60'], workspace=workspace, timeout=0.2)
    before = _size(workspace / "beat")
    time.sleep(0.1)
    name = "a time-out ends every process"
    if done.killed_by != "timeout":
        return Probe(name, False, f"it ended by itself with {done.exit_code}")
    return Probe(name, _size(workspace / "beat") == before, "a child lived on")


def _size(path: Path) -> int:
    return path.lstat().st_size if os.path.lexists(path) else 0


@contextmanager
def scratch(sandbox: Sandbox, beneath: Path | None = None) -> Iterator[Path]:
    """A workspace that the jail can reach, gone afterwards; a root service has its own in /var/tmp in any case."""
    place = Path("/var/tmp") if sandbox.owner else beneath or Path(tempfile.gettempdir())
    _sweep(place)
    try:
        root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    except OSError as error:
        raise Misconfigured(
            f"No workspace can be made in {place}: {error.strerror}.",
            fix=f"Make {place} a folder this user may write to.",
        ) from error
    try:
        root.chmod(0o711)
        workspace = root / "workspace"
        workspace.mkdir(0o700)
        (workspace / "here").touch()
        if sandbox.owner:
            os.chown(workspace, *sandbox.owner)
            os.chown(workspace / "here", *sandbox.owner)
        yield workspace
    finally:
        shutil.rmtree(root, ignore_errors=True)  # a probe may have left what cannot be removed


def _sweep(place: Path) -> None:
    """Removes what self-tests that were killed have left."""
    for folder in place.glob(f"{_PREFIX}*"):
        try:
            status = folder.lstat()
        except OSError:
            continue  # another one was faster
        if status.st_uid == os.geteuid() and time.time() - status.st_mtime > _LEFT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
