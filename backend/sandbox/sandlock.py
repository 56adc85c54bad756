"""The jail of sandlock: Landlock and a seccomp filter, for machines without bubblewrap or without user namespaces.

https://github.com/multikernel/sandlock (a wheel; Linux 6.12 or newer). Of it only `confine` is used, which puts
Landlock on the process itself: its supervisor answers system calls that programs do not expect to fail, and under 0.9
a shell's pipes break ("Cannot fork", its issue 235). Weaker than bubblewrap: paths keep their names, there is no socket
even to oneself, no System V IPC, no inotify, no extended attributes, no /proc/self, no process limit; a thread's
affinity and priority can be set by itself alone. The mode and times of the user's own files outside can be changed,
and that files exist can be seen, though none can be read or written: builds need those calls, and a filter sees no
path.
"""

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from backend.errors import RunFailed, SandboxUnavailable
from backend.sandbox import processes, seccomp
from backend.sandbox.attend import attend
from backend.sandbox.base import USUAL, Completed, Limits, check_command
from backend.sandbox.bubblewrap import JAIL_ID, TOOLS, search_path
from backend.sandbox.watchdog import Watchdog
from backend.words import Failure

_READABLE = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/dev/urandom", "/dev/random"),
    *("/etc/ld.so.cache", "/etc/alternatives", "/etc/ssl/certs", "/etc/localtime"),
    # Not /proc as a whole: it shows everyone's command lines.
    *("/proc/cpuinfo", "/proc/filesystems", "/proc/loadavg", "/proc/meminfo", "/proc/stat", "/proc/uptime"),
    *("/proc/version", "/proc/sys/kernel/osrelease", "/proc/sys/vm/overcommit_memory", "/sys/devices/system/cpu"),
)
_WRITABLE = ("/dev/null", "/dev/zero", "/dev/full")
_DEATH_SIGNAL, _NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER_MODE = 1, 38, 22, 2  # prctl(2)


class Sandlock:
    """Runs commands under Landlock as an unprivileged uid: our own, or JAIL_ID when we are root."""

    kind = "sandlock"

    def __init__(self, extra_paths: Sequence[Path] = ()) -> None:
        """`extra_paths` are folders outside /usr that the jail may read. Raises SandboxUnavailable."""
        try:
            import sandlock
        except (ImportError, OSError) as error:
            raise SandboxUnavailable(f"sandlock cannot be loaded: {error}.", fix="pip install sandlock") from error
        if sandlock.landlock_abi_version() < sandlock.min_landlock_abi():
            raise SandboxUnavailable("This kernel's Landlock is too old for sandlock.", fix="run Linux 6.12 or newer")
        self._library: Any = sandlock
        self.owner = (JAIL_ID, JAIL_ID) if os.geteuid() == 0 else None
        self._readable = [path for path in (*_READABLE, *map(str, extra_paths)) if os.path.exists(path)]
        self._search_path = search_path(extra_paths)
        self._filter = _Filter(seccomp.program(without_namespaces=True))

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
        """See `Sandbox.run`. HOME and TMPDIR are a private folder that is gone afterwards."""
        started = time.monotonic()
        check_command(argv, env)
        home = self._home(workspace)
        try:
            watchdog = Watchdog(limits, (workspace, home), timeout, lambda: processes.group(child.pid), cancelled)
            child = self._start(argv, workspace, home, limits, env or {}, bool(stdin), merge_stderr)
            attended = attend(
                child,
                stdin=stdin,
                keep=limits.output_bytes,
                watchdog=watchdog,
                kill=lambda: _kill(child.pid),
            )
        except (FileNotFoundError, PermissionError) as error:
            code = 127 if isinstance(error, FileNotFoundError) else 126
            return Completed(code, b"", f"{argv[0]}: {error.strerror}\n".encode(), time.monotonic() - started)
        except (OSError, subprocess.SubprocessError) as error:
            raise RunFailed(Failure.SANDBOX_LOST, f"The jail could not be started: {error}") from error
        finally:
            shutil.rmtree(home, ignore_errors=True)  # the command may have left what cannot be removed
        return Completed(
            -signal.SIGKILL if attended.killed_by else child.returncode,
            attended.stdout.data,
            attended.stderr.data,
            time.monotonic() - started,
            attended.stdout.truncated or attended.stderr.truncated,
            attended.killed_by,
        )

    def _home(self, workspace: Path) -> Path:
        # Beside the workspace, where a killed worker's leftovers are swept up with the run's folder.
        place = workspace.parent if os.access(workspace.parent, os.W_OK) else tempfile.gettempdir()
        home = Path(tempfile.mkdtemp(prefix=".home-", dir=place))
        if self.owner:
            os.chown(home, *self.owner)
        return home

    def _start(
        self,
        argv: Sequence[str],
        workspace: Path,
        home: Path,
        limits: Limits,
        env: Mapping[str, str],
        has_stdin: bool,
        merge_stderr: bool,
    ) -> subprocess.Popen[bytes]:
        policy = self._library.Sandbox(fs_readable=self._readable, fs_writable=[str(workspace), str(home), *_WRITABLE])
        user, group = self.owner or (None, None)

        def enter() -> None:  # in the child, already as the jail's uid, before the command takes its place
            _limit(limits)
            self._library.confine(policy)
            self._filter.install()

        variables = {"PATH": self._search_path, "HOME": str(home), "TMPDIR": str(home), "USER": "agent"}
        return subprocess.Popen(
            argv,
            cwd=workspace,
            env={**variables, **TOOLS, **env},
            stdin=subprocess.PIPE if has_stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge_stderr else subprocess.PIPE,
            user=user,
            group=group,
            extra_groups=[] if self.owner else None,
            umask=0o022,
            start_new_session=True,
            preexec_fn=enter,
        )


class _Filter:
    """A seccomp program in the shape that prctl(2) takes, made ready before any fork."""

    def __init__(self, program: bytes) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._program = ctypes.create_string_buffer(program, len(program))

        class SockFprog(ctypes.Structure):
            _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

        self._fprog = SockFprog(len(program) // 8, ctypes.addressof(self._program))

    def install(self) -> None:
        """Puts the filter on this process for good. Raises OSError."""
        for call in (
            (_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0),  # with us ends at least the command itself
            (_NO_NEW_PRIVILEGES, 1, 0, 0, 0),
            (_SET_SECCOMP, _FILTER_MODE, ctypes.byref(self._fprog), 0, 0),
        ):
            if self._libc.prctl(*call) != 0:
                raise OSError(ctypes.get_errno(), "prctl")


def _limit(limits: Limits) -> None:
    # The process limit would count everything of this user, so it is left to the watchdog.
    for which, value in (
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
    ):
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value))


def _kill(leader: int) -> None:
    """Ends the group, which nobody can leave, and waits until its last process is gone."""
    deadline = time.monotonic() + 10
    with suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(leader, signal.SIGKILL)
            if not processes.group(leader):
                return
