"""The worker's git: what it takes for a name, and that no secret leaves it."""

import base64
import os
import subprocess
import time
from pathlib import Path

import pytest

from backend.errors import GitError, InvalidInput, RunFailed
from backend.words import Failure
from backend.workspace import push
from backend.workspace.checkout import Checkout
from backend.workspace.git import check_branch, check_clone_url, run_git
from backend.workspace.mirror import Mirror
from tests.backend.workspace.conftest import ME, PROTOCOLS, TOKEN, Hub
from tests.git_server import git_server

GOOD = ["main", "dependabot/npm_and_yarn/@babel/core-7", "a.b", "ünïcode", "v1.0-x", "a/b/c", "@x", "1", "a{b}", "x@y"]
BAD = [
    *(
        "",
        "-x",
        "--upload-pack=touch /tmp/x",
        "../..",
        "a..b",
        "a\0b",
        "a b",
        "a~1",
        "a^",
        "a:b",
        "a?",
        "a*",
        "a[",
        "a\\b",
    ),
    *("/a", "a/", "a//b", ".a", "a/.b", "a.", "a.lock", "a.lock/b", "a@{1}", "a\x7f", "a\nb", "x" * 300),
]


@pytest.mark.parametrize("name", GOOD)
def test_a_good_branch_is_one_for_git_too(name: str) -> None:
    assert check_branch(name) == name
    assert subprocess.run(["git", "check-ref-format", f"refs/heads/{name}"], check=False).returncode == 0


@pytest.mark.parametrize("name", BAD)
def test_a_hostile_or_impossible_branch_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        check_branch(name)


@pytest.mark.parametrize(
    "url",
    [
        *("--upload-pack=x", "ext::sh -c x", "ssh://h/x", "https://user:pass@h/x", "https://h/a b", "https:///x", "/x"),
        *("https://h/x?y", "https://h/x\n", "file:///x"),
    ],
)
def test_an_address_that_is_not_a_servers_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        check_clone_url(url, PROTOCOLS)
    assert check_clone_url("https://github.com/a/b.git", PROTOCOLS)


def test_a_protocol_that_is_not_allowed_is_not_spoken(hub: Hub, tmp_path: Path) -> None:
    for protocols in ("", "https"):
        with pytest.raises(GitError, match="not allowed"):
            run_git(["ls-remote", "--", hub.url], token=TOKEN, protocols=protocols)
    with pytest.raises(GitError, match="not allowed"):
        run_git(["ls-remote", "--", f"file://{hub.shop}"], protocols=PROTOCOLS)


def test_the_token_is_on_no_command_line_and_on_no_disk(
    hub: Hub, tmp_path: Path, owner: tuple[int, int] | None
) -> None:
    hidden = base64.b64encode(f"x-access-token:{TOKEN}".encode())
    seen: list[bytes] = []

    def look() -> None:
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.append(entry.read_bytes())
            except OSError:
                continue

    hub.server.on_request = look
    mirror = Mirror(tmp_path / "mirrors", 7)
    mirror.refresh(hub.url, TOKEN, PROTOCOLS)
    checkout = Checkout.create(tmp_path / "run", mirror, hub.base, owner)
    (checkout.work_tree / "new").write_text("x")
    sha = push.commit(checkout, title="New", body="", author=ME)
    assert sha is not None
    push.push(checkout, "asynccoder/1-new", sha, TOKEN, hub.url, PROTOCOLS)
    assert any(b"fetch" in line for line in seen) and any(b"push" in line for line in seen)
    assert not any(TOKEN.encode() in line or hidden in line for line in seen)
    for folder in ("mirrors", "run"):
        for path in (tmp_path / folder).rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert TOKEN.encode() not in content and hidden not in content


def test_the_token_is_in_no_error(hub: Hub, tmp_path: Path) -> None:
    token = "a-token-of-no-known-shape-12345"
    with pytest.raises(RunFailed) as failed:
        Mirror(tmp_path / "mirrors", 7).refresh(hub.url, token, PROTOCOLS)
    assert token not in f"{failed.value} {failed.value.__cause__}"
    with pytest.raises(GitError) as raised:
        run_git(["rev-parse", token], token=token, git_dir=hub.shop)
    assert token not in str(raised.value)


def test_the_token_does_not_follow_a_redirect_to_another_server(hub: Hub, tmp_path: Path) -> None:
    with git_server(tmp_path / "hub", TOKEN) as elsewhere:
        hub.server.moved_to = f"http://localhost:{elsewhere.server_address[1]}"
        with pytest.raises(RunFailed) as failed:
            Mirror(tmp_path / "mirrors", 7).refresh(hub.url, TOKEN, PROTOCOLS)
        assert failed.value.failure is Failure.REPOSITORY_GONE
        assert elsewhere.given == []


def test_git_ends_when_it_is_cancelled_or_takes_too_long(tmp_path: Path) -> None:
    began = time.monotonic()
    stuck = ["-c", "alias.wait=!sleep 60", "wait"]
    with pytest.raises(GitError, match="cancelled"):
        run_git(stuck, cancelled=lambda: True)
    with pytest.raises(GitError, match="timed out"):
        run_git(stuck, timeout=0.3)
    assert time.monotonic() - began < 60, "before it would have ended by itself"


def test_nothing_of_this_machines_configuration_has_a_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = Mallory\n[alias]\n\tx = !touch pwned\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_SSH_COMMAND", "touch pwned")
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    assert run_git(["config", "--get", "user.name"], ok=(1,)) == b""
    assert "GIT_SSH_COMMAND" in os.environ
    with pytest.raises(GitError):
        run_git(["x"])
