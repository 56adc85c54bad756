"""A `.git` that the agent poisoned, and folders that are repositories: the worker's git does not so much as look."""

from pathlib import Path

import pytest

from backend.workspace import checkpoint, diff, push
from backend.workspace.checkout import Checkout, Owner, clean_copy
from tests.backend.workspace.conftest import ME, PROTOCOLS, TOKEN, Hub
from tests.git_server import git

POISON = {
    "fsmonitor": '[core]\n\tfsmonitor = "touch {mark}"\n',
    "hooksPath": "[core]\n\thooksPath = {tree}/hooks\n",
    "worktree": "[core]\n\tworktree = /etc\n",
    "editor and pager": '[core]\n\teditor = "touch {mark}"\n\tpager = "touch {mark}"\n',
    "ssh and askpass": '[core]\n\tsshCommand = "touch {mark}"\n\taskPass = "touch {mark}"\n',
    "filter": '[filter "evil"]\n\tclean = "touch {mark}; cat"\n\tsmudge = "touch {mark}; cat"\n',
    "filter process": '[filter "evil"]\n\tprocess = "touch {mark}"\n\trequired = true\n',
    "diff driver": '[diff "evil"]\n\tcommand = "touch {mark}"\n\ttextconv = "touch {mark}"\n',
    "external diff": '[diff]\n\texternal = "touch {mark}"\n',
    "merge driver": '[merge "evil"]\n\tdriver = "touch {mark}"\n',
    "insteadOf": '[url "ext::sh -c touch% {mark} "]\n\tinsteadOf = http\n\tpushInsteadOf = http\n',
    "proxy": '[http]\n\tproxy = http://127.0.0.1:1\n[remote "origin"]\n\tproxy = http://127.0.0.1:1\n',
    "credential helper": '[credential]\n\thelper = "!touch {mark}"\n',
    "include": "[include]\n\tpath = {tree}/more\n",
    "gpg": '[gpg]\n\tprogram = "touch {mark}"\n[commit]\n\tgpgSign = true\n[user]\n\tsigningKey = x\n',
    "alias": '[alias]\n\tdiff-tree = "!touch {mark}"\n',
    "receivepack": '[remote "origin"]\n\treceivepack = "touch {mark}"\n\tuploadpack = "touch {mark}"\n\tvcs = ext\n',
}


def poison(folder: Path, config: str) -> None:
    """Writes the configuration, and every hook, and attributes that call for every driver."""
    (folder / "config").write_text(config)
    for name in ("pre-commit", "post-checkout", "pre-push", "reference-transaction", "post-index-change"):
        hook = folder / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {folder.parent.parent}/pwned\n")
        hook.chmod(0o755)
    (folder / "info").mkdir(exist_ok=True)
    (folder / "info/attributes").write_text("* filter=evil diff=evil merge=evil\n")
    (folder / "info/exclude").write_text("*\n")


@pytest.mark.parametrize("what", POISON)
def test_a_poisoned_configuration_has_no_effect(
    hub: Hub, checkout: Checkout, owner: Owner | None, tmp_path: Path, what: str
) -> None:
    mark = tmp_path / "pwned"
    tree = checkout.work_tree
    config = POISON[what].format(mark=mark, tree=tree)
    (tree / "more").write_text(POISON["fsmonitor"].format(mark=mark))
    (tree / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
    poison(tree / ".git", config)
    inner = tree / "inner"
    inner.mkdir()
    git(inner, "init", "--quiet")
    (inner / "file").write_text("x")
    poison(inner / ".git", config)
    (tree / "new.txt").write_text("new\n")
    checkpoint.write(checkout)
    sha = push.commit(checkout, title="New", body="", author=ME)
    assert sha is not None
    changes = diff.changed_files(checkout, checkout.base_sha, sha)
    assert [change.path for change in changes] == [".gitattributes", "more", "new.txt"]
    clean_copy(checkout, sha, checkout.root / "evidence")
    assert push.push(checkout, "asynccoder/1-new", sha, TOKEN, hub.url, PROTOCOLS) == sha
    assert git(hub.shop, "show", "asynccoder/1-new:new.txt") == "new"
    assert not mark.exists() and not (checkout.root / "pwned").exists()


def test_a_work_tree_without_or_with_a_false_git_folder_is_no_matter(checkout: Checkout) -> None:
    tree = checkout.work_tree
    (tree / ".git").rename(tree / "was-git")
    (tree / ".git").write_text("gitdir: /etc\n")
    (tree / "new").write_text("x")
    assert push.commit(checkout, title="New", body="", author=ME) is not None


def test_a_submodule_that_the_agent_filled_is_left_alone(checkout: Checkout, tmp_path: Path) -> None:
    mark = tmp_path / "pwned"
    sub = checkout.work_tree / "sub"
    sub.mkdir()
    checkout.git(["update-index", "--add", "--cacheinfo", f"160000,{checkout.base_sha},sub"])
    before = checkpoint.write(checkout)
    git(sub, "init", "--quiet")
    (sub / "f").write_text("x")
    git(sub, "add", "-A")
    git(sub, "-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "x")
    (sub / ".git/config").write_text(POISON["fsmonitor"].format(mark=mark))
    assert checkpoint.write(checkout) == before
    assert not mark.exists()
