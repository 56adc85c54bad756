"""The jail of bubblewrap: namespaces without privileges, an empty network, a seccomp filter.

https://github.com/containers/bubblewrap. Never started as root: inside, a write to /proc/sys/kernel/core_pattern would
succeed, which is code on the host, and the process limit would be ignored.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from backend.errors import RunFailed, SandboxUnavailable
from backend.sandbox import processes, seccomp
from backend.sandbox.attend import Attended, attend
from backend.sandbox.base import USUAL, Completed, Limits, check_command
from backend.sandbox.watchdog import Watchdog
from backend.words import Failure

# The last of the ids that no distribution hands out (systemd's UIDS-GIDS: 65520…65533 are unused, 65534 is nobody).
JAIL_ID = 65533
HOME = "/home/agent"
_TMP_BYTES = 256 * 1024 * 1024
_HOME_BYTES = 64 * 1024 * 1024
_SHM_BYTES = 64 * 1024 * 1024
# Python takes a stale .pyc for good where a file changes twice in a second and keeps its size.
TOOLS = {"LANG": "C.UTF-8", "TERM": "dumb", "PYTHONDONTWRITEBYTECODE": "1"}
_DEATH = 10.0  # seconds that the kernel may take to end a jail's processes

_ETC = {
    "/etc/passwd": b"agent:x:1000:1000:agent:/home/agent:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "/etc/group": b"agent:x:1000:\nnogroup:x:65534:\n",
    "/etc/hosts": b"127.0.0.1 localhost box\n::1 localhost\n",
    "/etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files\n",
}


class Bubblewrap:
    """Runs commands under `bwrap` as an unprivileged uid: our own, or JAIL_ID when we are root."""

    kind = "bubblewrap"

    def __init__(self, extra_paths: Sequence[Path] = ()) -> None:
        """`extra_paths` are folders outside /usr that the jail may read. Raises SandboxUnavailable."""
        program = shutil.which("bwrap")
        if program is None:
            raise SandboxUnavailable("bubblewrap is not installed.", fix="apt-get install bubblewrap")
        self.owner = (JAIL_ID, JAIL_ID) if os.geteuid() == 0 else None
        self._command = [*self._as_jail(), program]
        self._filter = seccomp.program()
        self._frame = _frame(self._command, extra_paths)
        self._search_path = search_path(extra_paths)

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
        """See `Sandbox.run`. A command that a signal ended has 128 + its number as exit code, as a shell would say."""
        started = time.monotonic()
        box = _Box()
        watchdog = Watchdog(limits, (workspace,), timeout, lambda: processes.tree(child.pid), cancelled)
        check_command(argv, env)
        status_read, status_write = os.pipe()
        with _Handed(or_else=status_read) as handed:
            handed.adopt(status_write)
            options = [*self._frame, *_variables(self._search_path, env or {}), "--bind", str(workspace), "/workspace"]
            options += ["--chdir", "/workspace", "--json-status-fd", str(status_write)]
            options += ["--seccomp", handed.file(self._filter)]
            for path, data in _ETC.items():
                options += ["--file", handed.file(data), path]
            options += ["--remount-ro", "/dev", "--remount-ro", "/"]
            # By descriptor, not on the command line: what the environment holds is nobody's to read in `ps`.
            arguments = handed.file(_joined(options))
            command = [*self._command, "--args", arguments, "--", *_limited(limits), *argv]
            try:
                child = self._start(command, handed.descriptors, bool(stdin), merge_stderr)
            except OSError as error:
                raise RunFailed(Failure.SANDBOX_LOST, f"The jail could not be started: {error.strerror}.") from error
        attended = attend(
            child,
            stdin=stdin,
            keep=limits.output_bytes,
            watchdog=watchdog,
            kill=lambda: box.kill(child),
            listeners={status_read: box.hear},
        )
        return box.completed(attended, time.monotonic() - started)

    def _as_jail(self) -> list[str]:
        # Not by Popen's `user`: that forks, which costs a large worker ten milliseconds, where an exec costs one.
        if self.owner is None:
            return []
        program = shutil.which("setpriv")
        if program is None:
            raise SandboxUnavailable("setpriv is not installed.", fix="apt-get install util-linux")
        return [program, f"--reuid={JAIL_ID}", f"--regid={JAIL_ID}", "--clear-groups", "--"]

    def _start(
        self, command: list[str], descriptors: list[int], has_stdin: bool, merge_stderr: bool
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            cwd="/",
            env={},  # /proc/1/environ in the jail is bubblewrap's own environment
            stdin=subprocess.PIPE if has_stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge_stderr else subprocess.PIPE,
            pass_fds=descriptors,
            umask=0o022,
        )


def search_path(extra_paths: Sequence[Path]) -> str:
    """PATH in the jail: the extra folders and their `bin` first, since whoever adds them wants them."""
    folders = [str(folder) for path in extra_paths for folder in (path / "bin", path) if folder.is_dir()]
    return ":".join([*folders, "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"])


class _Handed:
    """Descriptors that one bubblewrap gets to read, closed on our side once it has started.

    `or_else` is our own end of its status: closed only where it does not start.
    """

    def __init__(self, or_else: int) -> None:
        self.descriptors: list[int] = []
        self._or_else = or_else

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        for descriptor in [*self.descriptors, *([self._or_else] if error else [])]:
            os.close(descriptor)

    def adopt(self, descriptor: int) -> None:
        """Takes over a descriptor that is open already."""
        self.descriptors.append(descriptor)

    def file(self, data: bytes) -> str:
        """The number of a descriptor that reads as `data`."""
        descriptor = os.memfd_create("jail", os.MFD_CLOEXEC)
        self.descriptors.append(descriptor)
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return str(descriptor)


class _Box:
    """One started jail: what bubblewrap tells of it, and its end."""

    def __init__(self) -> None:
        self._told = b""
        self._inner: int | None = None  # the pidfd of the jail's process 1

    def hear(self, data: bytes) -> None:
        """Takes in bubblewrap's status: first the jail's process 1, at the end the command's exit code."""
        self._told += data
        if self._inner is None and (pid := self._value("child-pid")):
            try:
                self._inner = os.pidfd_open(pid)
            except ProcessLookupError:
                return

    def kill(self, child: subprocess.Popen[bytes]) -> None:
        """Ends the jail: with its process 1 the kernel ends all of its processes; returns when they are gone."""
        if self._inner is not None:
            with suppress(ProcessLookupError):  # ended already; its descriptor is readable then
                signal.pidfd_send_signal(self._inner, signal.SIGKILL)
            select.select([self._inner], [], [], _DEATH)
            os.close(self._inner)
            self._inner = None
        elif child.poll() is None:
            child.kill()

    def completed(self, attended: Attended, duration: float) -> Completed:
        """The end as the caller wants it. Raises RunFailed where the jail, not the command, is what ended."""
        exit_code = self._value("exit-code")
        if attended.killed_by:
            exit_code = -signal.SIGKILL
        elif exit_code is None:
            words = attended.stderr.data or attended.stdout.data
            last = words.decode("utf-8", "replace").strip().rpartition("\n")[2] or "it was killed from outside"
            raise RunFailed(Failure.SANDBOX_LOST, f"The jail broke: {last[:300]}")
        return Completed(
            exit_code,
            attended.stdout.data,
            attended.stderr.data,
            duration,
            attended.stdout.truncated or attended.stderr.truncated,
            attended.killed_by,
        )

    def _value(self, name: str) -> int | None:
        for line in self._told.splitlines(keepends=True):
            if line.endswith(b"\n") and name in (facts := json.loads(line)):
                return int(facts[name])
        return None


def _frame(command: list[str], extra_paths: Sequence[Path]) -> list[str]:
    """The part of the jail that is the same for every command. Raises SandboxUnavailable for too old a bubblewrap."""
    known = subprocess.run([*command, "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if "--json-status-fd" not in known.stdout or "--size" not in known.stdout:
        raise SandboxUnavailable("bubblewrap is older than 0.7.", fix="install bubblewrap 0.7 or newer")
    frame = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    frame += ["--unshare-net", "--uid", "1000", "--gid", "1000", "--hostname", "box"]
    frame += ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv", "--ro-bind", "/usr", "/usr"]
    if "--disable-userns" in known.stdout:
        frame.append("--disable-userns")  # 0.8; the filter refuses them as well
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        path = Path("/", name)
        if path.is_symlink():
            frame += ["--symlink", f"usr/{name}", str(path)]
        elif path.is_dir():
            frame += ["--ro-bind", str(path), str(path)]
    frame += ["--dir", "/etc"]
    for readable in ("/etc/ld.so.cache", "/etc/alternatives", "/etc/ssl/certs", "/etc/localtime"):
        frame += ["--ro-bind-try", readable, readable]
    frame += ["--proc", "/proc", "--dev", "/dev", "--size", str(_SHM_BYTES), "--tmpfs", "/dev/shm"]
    frame += ["--size", str(_TMP_BYTES), "--tmpfs", "/tmp", "--size", str(_HOME_BYTES), "--tmpfs", HOME]
    for path in extra_paths:
        frame += ["--ro-bind", str(path), str(path)]
    return frame


def _variables(search_path: str, env: Mapping[str, str]) -> list[str]:
    fixed = {"PATH": search_path, "HOME": HOME, "USER": "agent", "TMPDIR": "/tmp", **TOOLS}
    options = []
    for name, value in {**fixed, **env}.items():
        options += ["--setenv", name, value]
    return options


def _joined(options: list[str]) -> bytes:
    return "\0".join(options).encode("utf-8", "surrogateescape") + b"\0"


def _limited(limits: Limits) -> list[str]:
    # Inside, so that processes are counted in the jail's own user namespace. Never --as: node and WebAssembly fail
    # under it.
    return [
        "/usr/bin/prlimit",
        f"--nproc={limits.processes}",
        f"--fsize={limits.file_bytes}",
        f"--nofile={limits.open_files}",
        "--core=0",
        f"--cpu={limits.cpu_seconds}",
        "--",
    ]
