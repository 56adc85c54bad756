"""Which jail this process uses: the first whose self-test passes, found once."""

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from backend.errors import AsyncCoderError, Misconfigured, SandboxUnavailable
from backend.sandbox.base import Sandbox
from backend.sandbox.bubblewrap import Bubblewrap
from backend.sandbox.none import Unjailed
from backend.sandbox.sandlock import Sandlock
from backend.sandbox.selftest import PROGRAMS_RUN, probes

_FIXES = {
    "bubblewrap": "apt-get install bubblewrap; Ubuntu 24.04: sysctl kernel.apparmor_restrict_unprivileged_userns=0",
    "sandlock": "run Linux 6.7 or newer with Landlock",
}


def choose(preference: str, extra_paths: Sequence[Path] = (), beneath: Path | None = None) -> Sandbox:
    """The jail for `auto`, `bubblewrap`, `sandlock` or `none`. Raises SandboxUnavailable with reason and fix.

    `beneath` is where workspaces will be; the self-test makes its own there.
    """
    # Root's self-test has one place of its own, wherever the workspaces will be.
    return _choose(preference, tuple(extra_paths), beneath if os.geteuid() else None)


@lru_cache(maxsize=8)
def _choose(preference: str, extra_paths: tuple[Path, ...], beneath: Path | None) -> Sandbox:
    if preference == "none":
        return Unjailed()
    reasons, fix = [], ""
    for kind in ("bubblewrap", "sandlock") if preference == "auto" else (preference,):
        try:
            sandbox = build(kind, extra_paths)
            failed = [probe for probe in probes(sandbox, beneath) if not probe.passed]
        except AsyncCoderError as error:
            reasons.append(f"{kind}: {error}")
            fix = fix or (error.fix if isinstance(error, Misconfigured) else _FIXES[kind])
            continue
        if not failed:
            return sandbox
        reasons.append(f"{kind} does not pass: {failed[0].name} ({failed[0].detail}).")
        is_noexec = failed[0].name == PROGRAMS_RUN
        fix = fix or ("Mount the folder of the workspaces without noexec." if is_noexec else _FIXES[kind])
    raise SandboxUnavailable("No jail passes its self-test here. " + " ".join(reasons), fix=fix)


def build(kind: str, extra_paths: Sequence[Path] = ()) -> Sandbox:
    """A jail of that kind, untested. Raises SandboxUnavailable."""
    if kind == "bubblewrap":
        return Bubblewrap(extra_paths)
    if kind == "sandlock":
        return Sandlock(extra_paths)
    if kind == "none":
        return Unjailed()
    raise SandboxUnavailable(f"There is no jail called {kind!r}.", fix="Set ASYNCCODER_SANDBOX to auto.")
