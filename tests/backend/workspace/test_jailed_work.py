"""Checkout, jail and git together: a red test, an edit, a green one, and the proof on a clean copy."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.sandbox import programs
from backend.sandbox.base import Completed, Sandbox
from backend.sandbox.choose import choose
from backend.words import Verdict
from backend.workspace import detect, diff, files, push
from backend.workspace.checkout import Checkout, clean_copy, remove, workspaces_root
from backend.workspace.mirror import Mirror
from tests.backend.workspace.conftest import ME, PROTOCOLS, TOKEN, Hub
from tests.git_server import make_repository

BROKEN = "def total(lines):\n    return sum(round(line) for line in lines)\n"
MENDED = "def total(lines):\n    return round(sum(lines))\n"
TESTS = """import unittest

from shop import total


class Totals(unittest.TestCase):
    def test_halves_add_up(self):
        self.assertEqual(total([0.5, 0.5]), 1)
"""


@pytest.fixture
def jail() -> Sandbox:
    """The jail of this machine."""
    return choose("auto")


@pytest.fixture
def runs(tmp_path: Path, jail: Sandbox) -> Iterator[Path]:
    """Where runs have their folders."""
    root = workspaces_root(tmp_path / "data", jail.owner)
    yield root
    remove(root)


def test_the_worker_sees_red_turn_green_and_hands_it_over(hub: Hub, jail: Sandbox, runs: Path, tmp_path: Path) -> None:
    content = {"shop.py": BROKEN, "tests/__init__.py": "", "tests/test_shop.py": TESTS}
    base = make_repository(hub.shop.parent / "sample.git", content)
    url = hub.server.url("sample")
    mirror = Mirror(tmp_path / "mirrors", 12)
    mirror.refresh(url, TOKEN, PROTOCOLS)
    checkout = Checkout.create(runs / "one", mirror, base, jail.owner)
    command = detect.test_command(checkout.work_tree, programs.available(jail, checkout.work_tree))
    assert command == "python3 -m unittest"

    def tried(workspace: Path) -> Completed:
        return jail.run(["sh", "-c", command], workspace=workspace, timeout=60, merge_stderr=True)

    red = tried(checkout.work_tree)
    assert detect.judge(red.exit_code, red.stdout)[0] is Verdict.FAILED
    files.write_bytes(checkout.work_tree, "shop.py", MENDED.encode(), jail.owner)
    assert tried(checkout.work_tree).exit_code == 0
    inside = jail.run(["git", "status", "--porcelain"], workspace=checkout.work_tree, timeout=20)
    assert inside.stdout == b" M shop.py\n"
    sha = push.commit(checkout, title="Round once", body="", author=ME)
    assert sha is not None
    assert [change.path for change in diff.changed_files(checkout, base, sha)] == ["shop.py"]
    green = tried(clean_copy(checkout, sha, checkout.root / "evidence"))
    assert detect.judge(green.exit_code, green.stdout) == (Verdict.VERIFIED, "")
    assert push.push(checkout, "asynccoder/1-round-once", sha, TOKEN, url, PROTOCOLS) == sha


def test_the_trusted_git_directory_is_out_of_the_jails_reach(
    hub: Hub, mirror: Mirror, jail: Sandbox, runs: Path
) -> None:
    checkout = Checkout.create(runs / "one", mirror, hub.base, jail.owner)
    script = f"cat {checkout.git_dir}/HEAD; touch {checkout.git_dir}/x; ls {mirror.path}; cat ../git/HEAD"
    done = jail.run(["sh", "-c", script], workspace=checkout.work_tree, timeout=20)
    assert done.stdout == b""
    assert not (checkout.git_dir / "x").exists()
