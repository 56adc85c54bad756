"""A command in the jail beside the same command without one."""

import subprocess
import tempfile
from pathlib import Path

from backend.sandbox.choose import choose
from backend.workspace.checkout import give
from benchmarks.measure import seconds_each, show

TIMES = 50


def main() -> None:
    """Times /bin/true and a small Python program, bare and jailed."""
    sandbox = choose("auto", ())
    for name, argv in (("true", ["/bin/true"]), ("python3 -c pass", ["/usr/bin/python3", "-c", "pass"])):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            workspace = Path(folder) / "workspace"
            workspace.mkdir()
            Path(folder).chmod(0o711)
            if sandbox.owner:
                give(workspace, sandbox.owner)
            bare = seconds_each(lambda argv=argv: subprocess.run(argv, check=True), TIMES)  # type: ignore[misc]  # bound
            jailed = seconds_each(
                lambda argv=argv, workspace=workspace: sandbox.run(argv, workspace=workspace, timeout=20),  # type: ignore[misc]  # bound
                TIMES,
            )
        show(f"{name}, bare", bare)
        show(f"{name}, in {sandbox.kind}", jailed, bare)


if __name__ == "__main__":
    main()
