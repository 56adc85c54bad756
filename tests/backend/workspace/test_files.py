"""Files beneath a root: what is planted there leads nowhere else."""

import os
from pathlib import Path

import pytest

from backend.errors import InvalidInput
from backend.workspace import files


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    (tmp_path / "secret").write_text("the secret")
    return folder


@pytest.mark.parametrize(
    "path",
    ["../secret", "a/../../secret", "/etc/passwd", "a\0b", ".git/config", "a/.GIT/hooks/x", ".git. /x", "", "\ud800"],
)
def test_a_path_that_could_leave_the_tree_is_refused(root: Path, path: str) -> None:
    (root / "a").mkdir()
    for use in (
        lambda: files.read_bytes(root, path, 100),
        lambda: files.write_bytes(root, path, b"x"),
        lambda: files.list_dir(root, path or "/"),
    ):
        with pytest.raises(InvalidInput):
            use()
    assert (root.parent / "secret").read_text() == "the secret"


def test_links_are_never_followed(root: Path) -> None:
    (root / "file").symlink_to(root.parent / "secret")
    (root / "folder").symlink_to(root.parent)
    for path in ("file", "folder/secret"):
        with pytest.raises(InvalidInput, match=r"(symbolic |sym)link"):
            files.read_bytes(root, path, 100)
        with pytest.raises(InvalidInput, match=r"(symbolic |sym)link"):
            files.write_bytes(root, path, b"x")
    assert (root.parent / "secret").read_text() == "the secret"
    assert [(entry.path, entry.kind) for entry in files.walk(root)] == [("file", "symlink"), ("folder", "symlink")]


def test_a_pipe_is_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(InvalidInput, match="not a file"):
        files.read_bytes(root, "pipe", 100)


def test_writing_makes_folders_and_keeps_the_mode(root: Path) -> None:
    files.write_bytes(root, "a/b/run.sh", b"one")
    (root / "a/b/run.sh").chmod(0o755)
    files.write_bytes(root, "a/b/run.sh", b"two")
    assert files.read_bytes(root, "a/b/run.sh", 100) == b"two"
    assert (root / "a/b/run.sh").stat().st_mode & 0o777 == 0o755
    assert os.listdir(root / "a/b") == ["run.sh"]


def test_a_file_over_the_limit_is_refused_with_its_size(root: Path) -> None:
    (root / "big").write_bytes(b"x" * 5000)
    with pytest.raises(InvalidInput, match="5,000 bytes"):
        files.read_bytes(root, "big", 4999)
    assert len(files.read_bytes(root, "big", 5000)) == 5000


def test_what_is_missing_is_said_plainly(root: Path) -> None:
    with pytest.raises(InvalidInput, match="There is no 'a/b'"):
        files.read_bytes(root, "a/b", 10)
    assert files.stat(root, "a/b") is None
    with pytest.raises(InvalidInput, match="too long"):
        files.stat(root, "x" * 300)


def test_the_git_folder_is_not_listed_at_any_depth(root: Path) -> None:
    for folder in (".git", "inner/.Git"):
        (root / folder).mkdir(parents=True)
        (root / folder / "config").touch()
    (root / "inner/file").touch()
    assert [entry.path for entry in files.walk(root)] == ["inner/file"]
    assert [entry.path for entry in files.list_dir(root)] == ["inner"]


def test_a_bottomless_folder_ends_the_walk(root: Path) -> None:
    folder = os.open(root, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=folder)
        inner = os.open("d", os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)
    assert list(files.walk(root)) == []
