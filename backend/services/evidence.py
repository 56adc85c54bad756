"""The evidence: what the worker itself saw when it ran the tests on the final commit, in the jail."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend import jsonb
from backend.sandbox.base import Sandbox
from backend.sandbox.programs import available
from backend.words import Verdict
from backend.workspace import detect

TEST_SECONDS = 600
KEPT = 4_000  # characters of the log's end; what went wrong is said there


@dataclass(frozen=True)
class Evidence:
    """What the worker saw when it ran the tests on the final commit in a clean checkout."""

    verdict: Verdict
    command: str | None
    exit_code: int | None
    duration_ms: int
    sha: str
    log_sha256: str
    reason: str
    weakened: list[str]
    log_end: str = ""

    def payload(self) -> dict[str, Any]:
        """As the log and the run keep it."""
        return {**self.__dict__, "verdict": self.verdict.value}


def gather(
    sandbox: Sandbox,
    clean: Path,
    *,
    sha: str,
    command: str | None,
    weakened: list[str],
    cancelled: Callable[[], bool],
    environment: Mapping[str, str],
    furnish: Callable[[], None],
) -> Evidence:
    """Runs the test command, the given one or the one detected, in a clean checkout of commit `sha`.

    `furnish` lays into it what the set-up script added. Raises RunFailed(sandbox_lost) where the jail itself breaks.
    """
    command = command or detect.test_command(clean, available(sandbox, clean, environment))
    if command is None:
        reason = "No test command was found. Set one in the repository's settings."
        return Evidence(Verdict.NOT_RUN, None, None, 0, sha, "", reason, weakened)
    furnish()
    began = time.monotonic()
    done = sandbox.run(
        ["/bin/sh", "-c", command],
        workspace=clean,
        timeout=TEST_SECONDS,
        env=environment,
        cancelled=cancelled,
        merge_stderr=True,
    )
    verdict, reason = detect.judge(done.exit_code, done.stdout, done.killed_by)
    return Evidence(
        verdict=verdict,
        command=command,
        exit_code=done.exit_code,
        duration_ms=int((time.monotonic() - began) * 1000),
        sha=sha,
        log_sha256=hashlib.sha256(done.stdout).hexdigest(),
        reason=reason,
        weakened=weakened,
        log_end=jsonb.clean_text(done.stdout[-4 * KEPT :].decode("utf-8", "replace"))[-KEPT:],
    )
