"""A run's copy: whole or not at all, the jail's own, and sharing nothing with the mirror."""

import os
from pathlib import Path

import pytest

from backend.errors import InvalidInput
from backend.workspace import checkpoint
from backend.workspace.checkout import Checkout, Owner, clean_copy, remove, workspaces_root
from backend.workspace.mirror import Mirror
from tests.backend.workspace.conftest import FILES, PROTOCOLS, TOKEN, Hub
from tests.git_server import add_commit, git, make_repository


def everything(folder: Path) -> list[Path]:
    return [Path(root, name) for root, folders, names in os.walk(folder) for name in [*folders, *names]]


def test_the_files_are_there_with_their_modes_and_belong_to_the_jail(checkout: Checkout, owner: Owner | None) -> None:
    tree = checkout.work_tree
    assert (tree / "shop/totals.py").read_text() == FILES["shop/totals.py"]
    assert (tree / "run.sh").stat().st_mode & 0o777 == 0o755
    expected = owner or (os.geteuid(), os.getegid())
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in [tree, *everything(tree)]} == {expected}
    assert checkout.git_dir.stat().st_mode & 0o777 == 0o700
    assert checkout.git_dir.stat().st_uid == os.geteuid()


def test_nothing_in_the_jail_shares_an_inode_with_the_mirror(checkout: Checkout, mirror: Mirror) -> None:
    mine = {path.lstat().st_ino for path in everything(checkout.work_tree)}
    theirs = {path.lstat().st_ino for path in everything(mirror.path)}
    assert mine and theirs and not mine & theirs


def test_the_agents_git_works_and_knows_no_remote(checkout: Checkout) -> None:
    tree = checkout.work_tree
    safe = ("-c", "safe.directory=*")
    assert git(tree, *safe, "status", "--porcelain") == ""
    assert git(tree, *safe, "log", "--format=%s") == "A change"
    assert git(tree, *safe, "remote") == ""
    assert git(tree, *safe, "fsck", "--strict") == ""
    assert not (tree / ".git/objects/info/alternates").exists()
    (tree / "README.md").write_text("# Other\n")
    assert "+# Other" in git(tree, *safe, "diff")


def test_creating_again_replaces_what_was_left(checkout: Checkout, mirror: Mirror, owner: Owner | None) -> None:
    (checkout.work_tree / "left").touch()
    again = Checkout.create(checkout.root, mirror, checkout.base_sha, owner)
    assert not (again.work_tree / "left").exists()


@pytest.mark.parametrize("sha", ["main", "--help", "abc", "HEAD"])
def test_only_a_full_commit_name_is_taken(tmp_path: Path, mirror: Mirror, sha: str) -> None:
    with pytest.raises(InvalidInput):
        Checkout.create(tmp_path / "x", mirror, sha, None)


def test_a_clean_copy_holds_the_commit_and_nothing_else(checkout: Checkout) -> None:
    (checkout.work_tree / "conftest.py").write_text("left lying around")
    (checkout.work_tree / "README.md").write_text("changed")
    clean = clean_copy(checkout, checkout.base_sha, checkout.root / "evidence")
    assert sorted(path.name for path in clean.iterdir()) == ["README.md", "run.sh", "shop", "tests"]
    assert (clean / "README.md").read_text() == FILES["README.md"]
    assert clean_copy(checkout, checkout.base_sha, clean) == clean
    assert checkpoint.write(checkout) != checkout.git(["rev-parse", "HEAD^{tree}"]).decode().strip()


def test_a_hostile_tree_is_removed_whole(tmp_path: Path) -> None:
    root = tmp_path / "run"
    deep = root / "tree"
    deep.mkdir(parents=True)
    (tmp_path / "kept").write_text("kept")
    (deep / "link").symlink_to(tmp_path)
    (deep / "closed").mkdir()
    (deep / "closed/file").touch()
    (deep / "closed").chmod(0)
    remove(root)
    remove(root)
    assert not root.exists()
    assert (tmp_path / "kept").read_text() == "kept"


def test_links_submodules_and_hooks_of_a_repository_do_no_harm(hub: Hub, tmp_path: Path, owner: Owner | None) -> None:
    files = {
        "passwd@": "/etc/passwd",
        "folder@": "../../..",
        ".gitmodules": '[submodule "s"]\n\tpath = s\n\turl = ext::sh -c "touch pwned"\n',
        ".gitattributes": "* filter=evil diff=evil merge=evil\n*.txt ident eol=crlf\n",
        "hooks/post-checkout*": "#!/bin/sh\ntouch pwned\n",
        "a.txt": "$Id$\n",
    }
    base = make_repository(hub.shop.parent / "evil.git", files)
    gitlink = f"commit refs/heads/main\ncommitter B <b@b> 1700000000 +0000\ndata 1\nx\nfrom {base}\nM 160000 {base} s\n"
    git(hub.shop.parent / "evil.git", "fast-import", "--quiet", stdin=gitlink)
    mirror = Mirror(tmp_path / "mirrors", 11)
    mirror.refresh(hub.server.url("evil"), TOKEN, PROTOCOLS)
    sha = mirror.branch_sha("main")
    assert sha is not None
    checkout = Checkout.create(tmp_path / "run", mirror, sha, owner)
    tree = checkout.work_tree
    assert os.readlink(tree / "passwd") == "/etc/passwd"
    assert Path("/etc/passwd").stat().st_uid == 0
    assert os.listdir(tree / "s") == []
    assert not list(tmp_path.rglob("pwned"))
    assert checkpoint.write(checkout) == git(mirror.path, "rev-parse", f"{sha}^{{tree}}")


def test_a_follow_up_starts_where_the_branch_is(hub: Hub, mirror: Mirror, tmp_path: Path) -> None:
    tip = add_commit(hub.shop, {"more": "1"}, branch="asynccoder/1-x")
    mirror.refresh(hub.url, TOKEN, PROTOCOLS)
    assert Checkout.create(tmp_path / "second", mirror, tip, None).base_sha == tip


def test_a_root_services_workspaces_lie_where_the_jail_reaches_them(tmp_path: Path, owner: Owner | None) -> None:
    root = workspaces_root(tmp_path / "data", owner)
    try:
        assert root == workspaces_root(tmp_path / "data", owner)
        assert root.stat().st_mode & 0o777 == (0o711 if owner else 0o700)
        assert root.stat().st_uid == os.geteuid()
    finally:
        remove(root)
