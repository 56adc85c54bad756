"""Checkpoints: the work tree as it is, on this machine and on the next."""

import os
from pathlib import Path

import pytest

from backend.errors import GitError
from backend.workspace import checkpoint
from backend.workspace.checkout import Checkout, Owner
from backend.workspace.mirror import Mirror
from tests.backend.workspace.conftest import PROTOCOLS, TOKEN, Hub
from tests.git_server import add_commit


def change_everything(tree: Path) -> None:
    """New, changed, deleted, renamed, binary, executable, linked; files become folders and the other way round."""
    (tree / "README.md").unlink()
    (tree / "README.md").mkdir()
    (tree / "README.md/inner").write_text("x")
    (tree / "shop/__init__.py").unlink()
    (tree / "shop/totals.py").unlink()
    (tree / "shop").rmdir()
    (tree / "shop").symlink_to("/etc")
    (tree / "run.sh").chmod(0o644)
    (tree / "tests/test_totals.py").rename(tree / "tests/with space\nand newline.py")
    (tree / "binary").write_bytes(bytes(range(256)) * 50)
    (tree / "no newline").write_text("end")
    (tree / "crlf").write_bytes(b"a\r\nb\r\n")
    (tree / "ünï").write_text("ü\n")
    os.mkfifo(tree / "pipe")
    (tree / ".gitignore").write_text("ignored\n")
    (tree / "ignored").write_text("x")


def exported(checkout: Checkout) -> bytes:
    data = checkpoint.export(checkout, checkpoint.write(checkout), 1_000_000)
    assert data is not None
    return data


def test_a_checkpoint_is_restored_byte_for_byte(
    checkout: Checkout, mirror: Mirror, owner: Owner | None, tmp_path: Path
) -> None:
    change_everything(checkout.work_tree)
    tree = checkpoint.write(checkout)
    data = exported(checkout)
    other = Checkout.create(tmp_path / "elsewhere", mirror, checkout.base_sha, owner)
    assert checkpoint.restore(other, data) == tree
    assert checkpoint.write(other) == tree
    assert os.readlink(other.work_tree / "shop") == "/etc"
    assert (other.work_tree / "binary").read_bytes() == (checkout.work_tree / "binary").read_bytes()
    assert not (other.work_tree / "ignored").exists() and not (other.work_tree / "pipe").exists()
    if owner:
        assert (other.work_tree / "binary").stat().st_uid == owner[0]


def test_an_untouched_tree_is_the_bases_and_an_empty_diff(checkout: Checkout) -> None:
    assert checkpoint.write(checkout) == checkout.git(["rev-parse", "HEAD^{tree}"]).decode().strip()
    assert checkpoint.restore(checkout, exported(checkout)) == checkpoint.write(checkout)


def test_a_change_back_is_no_change(checkout: Checkout) -> None:
    before = checkpoint.write(checkout)
    readme = checkout.work_tree / "README.md"
    content = readme.read_bytes()
    readme.write_bytes(b"other")
    assert checkpoint.write(checkout) != before
    readme.write_bytes(content)
    assert checkpoint.write(checkout) == before


def test_a_diff_of_another_base_is_refused(hub: Hub, checkout: Checkout, mirror: Mirror, tmp_path: Path) -> None:
    (checkout.work_tree / "shop/totals.py").write_text("changed\n")
    data = exported(checkout)
    other = add_commit(hub.shop, {"shop/totals.py": "theirs\n"})
    mirror.refresh(hub.url, TOKEN, PROTOCOLS)
    with pytest.raises(GitError):
        checkpoint.restore(Checkout.create(tmp_path / "elsewhere", mirror, other, None), data)


def test_names_that_git_refuses_and_files_nobody_may_read_do_not_stop_a_checkpoint(checkout: Checkout) -> None:
    tree = checkout.work_tree
    for name in (".g\u200cit", "git~1", ".git "):
        (tree / name).write_text("x")
    (tree / "inner").mkdir()
    (tree / "inner/.GIT").mkdir()
    (tree / "inner/.GIT/config").write_text("x")
    (tree / ".gitmodules").symlink_to("README.md")
    (tree / "closed").write_text("closed\n")
    (tree / "closed").chmod(0)
    (tree / "closed folder").mkdir()
    (tree / "closed folder/file").write_text("x")
    (tree / "closed folder").chmod(0)
    named = checkout.git(["ls-tree", "-r", "--name-only", checkpoint.write(checkout)]).decode().splitlines()
    assert "closed" in named
    assert not any("git" in name for name in named)
