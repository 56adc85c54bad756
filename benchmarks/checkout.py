"""A second task's start on a repository of 1,996 files, fetch and checkout, beside a bare local `git clone`."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from backend.sandbox.choose import choose
from backend.workspace.checkout import Checkout, remove, workspaces_root
from backend.workspace.git import run_git, text
from backend.workspace.mirror import Mirror
from benchmarks.measure import seconds_each, show

FILES = 1_996
TIMES = 10


def main() -> None:
    """Times mirror refresh plus checkout, and the clone."""
    owner = choose("auto", ()).owner
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        _make(source)
        base = text(run_git(["-C", str(source), "rev-parse", "HEAD"]))
        mirror = Mirror(Path(folder) / "mirrors", 1)
        target = workspaces_root(Path(folder), owner) / "run"

        def start() -> None:
            mirror.refresh(source.as_uri(), None, "file")
            Checkout.create(target, mirror, base, owner)

        def clone() -> None:
            shutil.rmtree(Path(folder) / "clone", ignore_errors=True)
            subprocess.run(["git", "clone", "-q", source.as_uri(), str(Path(folder) / "clone")], check=True)

        bare = seconds_each(clone, TIMES)
        ours = seconds_each(start, TIMES)
        remove(target)
    show("a bare git clone over file://", bare)
    show("mirror refresh and checkout", ours, bare)


def _make(source: Path) -> None:
    for number in range(FILES):
        path = source / f"d{number % 20}" / f"f{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number}\n" * 10)
    who = ["-c", "user.name=Alice", "-c", "user.email=alice@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], [*who, "commit", "-qm", "All of it"]):
        subprocess.run(["git", "-C", str(source), *words], check=True)


if __name__ == "__main__":
    main()
