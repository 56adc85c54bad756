"""No jail at all, where the operator typed `ASYNCCODER_SANDBOX=none`: commands run as this user, with its network."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from backend.sandbox import processes
from backend.sandbox.attend import attend
from backend.sandbox.base import USUAL, Completed, Limits, check_command
from backend.sandbox.bubblewrap import TOOLS
from backend.sandbox.watchdog import Watchdog

_MARK = "ASYNCCODER_COMMAND"


class Unjailed:
    """Runs commands without a jail: limits, time-outs and the end of the whole tree, but no walls."""

    kind = "none"
    owner: tuple[int, int] | None = None

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
        """See `Sandbox.run`; the network is not off."""
        started = time.monotonic()
        check_command(argv, env)
        mark = f"{_MARK}={secrets.token_hex(16)}"
        home = tempfile.mkdtemp(prefix="asynccoder-home-")
        name, _, value = mark.partition("=")
        watchdog = Watchdog(limits, (workspace,), timeout, lambda: processes.marked(mark.encode()), cancelled)
        try:
            child = subprocess.Popen(
                [*_limited(limits), *argv],
                cwd=workspace,
                env={**_variables(home), **(env or {}), name: value},
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if merge_stderr else subprocess.PIPE,
                start_new_session=True,
            )
            attended = attend(
                child,
                stdin=stdin,
                keep=limits.output_bytes,
                watchdog=watchdog,
                kill=lambda: _kill(child, mark.encode()),
            )
        except (FileNotFoundError, PermissionError) as error:
            code = 127 if isinstance(error, FileNotFoundError) else 126
            return Completed(code, b"", f"{argv[0]}: {error.strerror}\n".encode(), time.monotonic() - started)
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


def _limited(limits: Limits) -> list[str]:
    program = shutil.which("prlimit")  # not on macOS, where the watchdog alone stands
    if program is None:
        return []
    # The process limit counts everything of this user here, so it is left out.
    caps = (f"--fsize={limits.file_bytes}", f"--nofile={limits.open_files}", "--core=0", f"--cpu={limits.cpu_seconds}")
    return [program, *caps, "--"]


def _variables(home: str) -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": home, **TOOLS}


def _kill(child: subprocess.Popen[bytes], mark: bytes) -> None:
    """Ends the session and, where /proc shows them, those that left it: the mark in their environment stays."""
    with suppress(ProcessLookupError, PermissionError):  # all ended already; macOS says so with EPERM
        os.killpg(child.pid, signal.SIGKILL)
    while left := [pid for pid in processes.marked(mark) if pid != child.pid]:
        processes.kill(left)
