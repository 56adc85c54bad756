"""`.ci/install` on machines that lack something."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from backend.settings import PROJECT_DIR

TOOLS = ("sh", "cat", "cksum", "dirname", "grep", "sed", "cut", "rm", "git")
WITHOUT_VENV = """#!/bin/sh
case "$2" in
    *"import ensurepip"*) exit 1 ;;
    *version_info*print*|*print*version_info*) echo python3.12-venv ;;
esac
"""
TOO_OLD = "#!/bin/sh\nexit 1\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A fresh clone's files, on a path with a space."""
    root = tmp_path / "a clone"
    (root / ".ci").mkdir(parents=True)
    shutil.copy(PROJECT_DIR / ".ci" / "install", root / ".ci" / "install")
    for name in ("requirements.lock", "requirements-uv.lock", "pyproject.toml"):
        shutil.copy(PROJECT_DIR / name, root / name)
    return root


def install(project: Path, *, python: str | None = None, without: str = "") -> subprocess.CompletedProcess[str]:
    """Runs the installer on a machine that has only the tools above and this python3."""
    tools = project.parent / "bin"
    tools.mkdir(exist_ok=True)
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None
        if name != without:
            (tools / name).symlink_to(found)
    if python is not None:
        (tools / "python3").write_text(python)
        (tools / "python3").chmod(0o755)
    return subprocess.run(
        [".ci/install", "requirements.lock"],
        cwd=project,
        env={"PATH": str(tools), "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("python", "without", "words", "fix"),
    [
        (WITHOUT_VENV, "", "no venv module", "apt install python3.12-venv"),
        (TOO_OLD, "", "Python 3.11 or newer is not installed", "apt install python3 python3-venv"),
        (None, "", "Python 3.11 or newer is not installed", "make PYTHON="),
        (WITHOUT_VENV, "git", "git is not installed", "apt install git"),
    ],
)
def test_what_is_missing_is_named_with_its_fix(
    project: Path, python: str | None, without: str, words: str, fix: str
) -> None:
    done = install(project, python=python, without=without)
    assert done.returncode == 1
    assert words in done.stderr and fix in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert not (project / ".venv").exists()


def test_a_lock_that_is_installed_is_not_installed_again(project: Path) -> None:
    parts = b"".join(
        (project / name).read_bytes() for name in ("requirements.lock", "requirements-uv.lock", "pyproject.toml")
    )
    sums = subprocess.run(["cksum"], input=parts, capture_output=True, check=True).stdout.decode().strip()
    venv = project / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(shutil.which("true") or "/bin/true")
    (venv / "installed-requirements.lock").write_text(f"{project} {sums}")
    done = install(project)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (project / "requirements.lock").write_text("changed")
    assert install_again(project).returncode == 1


def install_again(project: Path) -> subprocess.CompletedProcess[str]:
    shutil.rmtree(project.parent / "bin")
    return install(project, python=TOO_OLD)
