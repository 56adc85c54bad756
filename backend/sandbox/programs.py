"""Which interpreters, compilers and test runners a jail has."""

from collections.abc import Mapping
from pathlib import Path

from backend.sandbox.base import Sandbox

_LOOKED_FOR = (
    "python3",
    "python",
    "node",
    "npm",
    "pnpm",
    "yarn",
    "bun",
    "go",
    "cargo",
    "make",
    "git",
    "rg",
    "mvn",
    "gradle",
)
_TIMEOUT = 20.0  # seconds


def available(sandbox: Sandbox, workspace: Path, env: Mapping[str, str] | None = None) -> frozenset[str]:
    """Names of what can be run in the jail; "pytest" where its Python can import it. One jailed command."""
    script = "\n".join(f"command -v {name} >/dev/null && echo {name}" for name in _LOOKED_FOR)
    script += "\npython3 -c 'import pytest' 2>/dev/null && echo pytest\ntrue"
    done = sandbox.run(["sh", "-c", script], workspace=workspace, timeout=_TIMEOUT, env=env)
    return frozenset(done.stdout.decode("ascii", "replace").split())
