"""Starting: what is there the first time, what stays, what is finished after a crash, and the operator's own code."""

import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

import tests.hub
from backend.errors import Misconfigured
from backend.localhub import access, deliveries, pulls, seed
from backend.localhub.__main__ import open_hub
from backend.localhub.access import Viewer
from backend.localhub.config import Config
from backend.localhub.hub import Hub
from tests.backend.localhub.conftest import BUG, PROJECT, Clone, RunningHub, git
from tests.backend.localhub.receiver import receiver_with_free_port_behind
from tests.conftest import forget_settings

ALICE = "alice"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """A hub of this test's own, without a process."""
    return Config(
        port=1,
        data_dir=tmp_path / "hub",
        base_url="http://127.0.0.1:1",
        app_origin="http://127.0.0.1:2",
        client_id="app",
        client_secret="secret",
        webhook_secret="secret",
        app_id="1",
        app_key="",
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A repository of the operator's."""
    path = tmp_path / "My project!"
    path.mkdir()
    git("init", "-q", "-b", "trunk", cwd=path)
    (path / "main.go").write_text("package main\n")
    git("add", "-A", cwd=path)
    git("commit", "-q", "-m", "First", cwd=path)
    git("branch", "feature/x", cwd=path)
    git("tag", "v1", cwd=path)
    return path


def test_the_sample_is_the_one_that_the_demo_model_knows(hub: RunningHub, clone: Clone) -> None:
    files = git("ls-files", cwd=clone.path).stdout.split()
    assert files == ["README.md", "shop/__init__.py", "shop/totals.py", "tests/__init__.py", "tests/test_totals.py"]
    totals = clone.path / "shop/totals.py"
    assert totals.read_text().count(BUG + "\n") == 1
    command = ["python3", "-m", "unittest"]
    before = subprocess.run(command, cwd=clone.path, capture_output=True, text=True)
    assert before.returncode == 1 and "failures=1" in before.stderr
    mended = (
        "    net = sum((line.net for line in lines), Decimal(0))\n"
        "    # Rounded once, at the end: half-cents of single lines must not be lost.\n"
        "    return round(net - exempt, 2)"
    )
    totals.write_text(totals.read_text().replace(BUG, mended))
    after = subprocess.run(command, cwd=clone.path, capture_output=True, text=True)
    assert after.returncode == 0 and "Ran 4 tests" in after.stderr


def test_a_second_start_keeps_what_people_did(config: Config) -> None:
    hub = Hub(config)
    seed.seed(hub)
    with hub.store.write() as db:
        db.execute("UPDATE repository SET description = 'Mine' WHERE id = 2001")
    first = hub.repositories.of(2001).branches()
    hub.close()
    again = Hub(config)
    seed.seed(again)
    with again.store.read() as db:
        assert access.place_of(db, 2001).repository.description == "Mine"
        assert len(access.places(db, Viewer(access.account_of_login(db, ALICE)))) == 4
    assert again.repositories.of(2001).branches() == first
    again.close()


def test_the_samples_have_the_same_commits_everywhere(config: Config, hub: RunningHub, clone: Clone) -> None:
    own = Hub(config)
    seed.seed(own)
    sha = git("rev-parse", "origin/main", cwd=clone.path).stdout.strip()
    assert own.repositories.of(2001).branch("main") == sha
    own.close()


def test_a_merge_that_a_crash_cut_in_two_is_finished_at_the_next_start(config: Config) -> None:
    hub = Hub(config)
    seed.seed(hub)
    bare = hub.repositories.of(2001)
    base = bare.branches()["main"]
    commit = bare.commit(base)
    head = bare.write_commit(commit.tree, [base], "Empty", commit.author)
    bare.move("fix", head, "0" * 40)
    with hub.store.write() as db:
        where = access.place_of(db, 2001)
        alice = access.account_of_login(db, ALICE)
        assert alice
        pulls.open_pull(hub, db, where, alice, pulls.Proposal("fix", "main", "Fix", None, False))
    merged = bare.write_commit(commit.tree, [base, head], "Merge", commit.author)
    bare.move("main", merged, base)  # and here the power went
    hub.close()
    again = Hub(config)
    seed.seed(again)
    with again.store.read() as db:
        pull = pulls.find(db, access.place_of(db, 2001), 1)
        told = [row[0] for row in db.execute("SELECT action FROM delivery ORDER BY id")]
    assert pull.merged_at and pull.merge_commit_sha == merged and told == ["opened", "closed"]
    again.close()


def test_a_demo_repository_comes_with_branches_tags_and_a_name_of_its_own(config: Config, source: Path) -> None:
    hub = Hub(config)
    seed.seed(hub)
    assert seed.add_demo_repository(hub, source) == "alice/My-project"
    assert seed.add_demo_repository(hub, source) == "alice/My-project", "the second time it is the same one"
    with hub.store.read() as db:
        found = access.place(db, Viewer(access.account_of_login(db, ALICE)), ALICE, "my-project")
    assert found and found.repository.private and found.repository.default_branch == "trunk"
    assert found.repository.language == "Go"
    bare = hub.repositories.of(found.repository.id)
    assert set(bare.branches()) == {"trunk", "feature/x"} and "refs/tags/v1" in bare.refs()
    assert str(source) not in (bare.path / "config").read_text()
    twin = source.parent / "other" / "My project!"
    twin.parent.mkdir()
    git("clone", "-q", str(source), str(twin))
    assert seed.add_demo_repository(hub, twin) == "alice/My-project-2"
    hub.close()


def test_new_commits_come_along_and_the_hubs_own_stay(config: Config, source: Path) -> None:
    hub = Hub(config)
    seed.seed(hub)
    seed.add_demo_repository(hub, source)
    bare = hub.repositories.of(seed.FIRST_DEMO_ID)
    (source / "more.go").write_text("package main\n")
    git("add", "-A", cwd=source)
    git("commit", "-q", "-m", "More", cwd=source)
    seed.add_demo_repository(hub, source)
    newest = git("rev-parse", "HEAD", cwd=source).stdout.strip()
    assert bare.branch("trunk") == newest
    merged = bare.write_commit(bare.commit(newest).tree, [newest], "Merged here", bare.commit(newest).author)
    bare.move("trunk", merged, newest)
    git("branch", "later", cwd=source)
    seed.add_demo_repository(hub, source)
    assert bare.branch("trunk") == merged and bare.branch("later") == newest
    hub.close()


def test_an_empty_folder_or_one_on_no_branch_is_refused_with_the_fix(
    config: Config, source: Path, tmp_path: Path
) -> None:
    hub = Hub(config)
    seed.seed(hub)
    git("checkout", "-q", "--detach", cwd=source)
    for path in (tmp_path / "nothing", tmp_path, source):
        with pytest.raises(Misconfigured) as refused:
            seed.add_demo_repository(hub, path)
        assert refused.value.fix and str(path) in str(refused.value)
    hub.close()


def test_a_repository_without_a_commit_is_refused_with_the_fix(config: Config, tmp_path: Path) -> None:
    git("init", "-q", "-b", "main", cwd=tmp_path)
    hub = Hub(config)
    seed.seed(hub)
    with pytest.raises(Misconfigured, match="has no commit on main yet") as refused:
        seed.add_demo_repository(hub, tmp_path)
    assert "first commit" in refused.value.fix
    hub.close()


def test_the_hooks_of_a_demo_repository_never_run(config: Config, source: Path, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    for name in ("post-checkout", "reference-transaction", "pre-receive", "update", "post-update"):
        hook = source / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch '{witness}'\n")
        hook.chmod(0o755)
    git("config", "core.fsmonitor", f"touch '{witness}'", cwd=source)
    git("config", "uploadpack.packObjectsHook", f"touch '{witness}';", cwd=source)
    witness.unlink(missing_ok=True)
    hub = Hub(config)
    seed.seed(hub)
    seed.add_demo_repository(hub, source)
    assert not witness.exists()
    hub.close()


def test_what_cannot_start_says_why_and_how_to_mend_it(
    environment: pytest.MonkeyPatch, tmp_path: Path, running_hub: RunningHub
) -> None:
    def refusal(*demo_repos: Path, **settings: str) -> str:
        for name, value in settings.items():
            environment.setenv(name, value)
        forget_settings()
        with pytest.raises(Misconfigured) as refused:
            open_hub(list(demo_repos))
        assert refused.value.fix
        return str(refused.value)

    assert f"Port {running_hub.port}, which" in refusal(ASYNCCODER_PORT=str(running_hub.port - 1))
    environment.setenv("ASYNCCODER_PORT", "1")
    assert "cannot be used as a demo repository" in refusal(tmp_path / "gone")
    app = ("GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET", "GITHUB_WEBHOOK_SECRET", "ASYNCCODER_ADMINS")
    assert "A GitHub app is configured" in refusal(**dict.fromkeys(app, "x"))


def test_a_refusal_to_start_is_two_lines_and_no_traceback(tmp_path: Path) -> None:
    settings = {"ASYNCCODER_DATA_DIR": str(tmp_path), "ASYNCCODER_HOST": "0.0.0.0", "PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "backend.localhub"]
    done = subprocess.run(command, cwd=PROJECT, env=settings, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 2 and "Demo mode" in done.stderr


@pytest.mark.parametrize("path", ["_control/webhooks", "alice/sample-shop.git/git-upload-pack"])
def test_half_a_request_does_not_keep_the_hub_alive(tmp_path: Path, path: str) -> None:
    with socket.socket() as caller, tests.hub.running_hub(tmp_path / "data") as hub:
        caller.connect(("127.0.0.1", hub.port))
        head = f"POST /{path} HTTP/1.1\r\nHost: 127.0.0.1:{hub.port}\r\nContent-Length: 9\r\nExpect: 100-continue"
        caller.sendall(f"{head}\r\n\r\n".encode())
        assert b" 100 " in caller.recv(100), "it waits for the body now"
        caller.sendall(b"half")
    # SIGTERM was sent, and the process was waited for.


def test_what_nobody_answered_ends_with_the_hub_and_is_told_again_by_the_next(config: Config) -> None:
    receiver, port = receiver_with_free_port_behind()
    receiver.pause.clear()
    config = replace(config, app_origin=f"http://127.0.0.1:{port - 1}")
    hub = Hub(config)
    seed.seed(hub)
    with hub.store.write() as db:
        deliveries.enqueue(db, 2001, "pull_request", {"action": "opened"})
    hub.courier.start()
    receiver.wait(1)
    began = time.monotonic()
    hub.close()
    assert time.monotonic() - began < 3
    again = Hub(config)
    again.courier.start()
    first, second = receiver.wait(2)
    assert first.headers["x-github-delivery"] == second.headers["x-github-delivery"]
    receiver.pause.set()
    again.close()
    receiver.shutdown()


def test_a_hub_of_before_gets_its_issues_and_keeps_the_rest(config: Config) -> None:
    hub = Hub(config)
    seed.seed(hub)
    with hub.store.write() as db:
        db.execute("UPDATE repository SET description = 'Mine' WHERE id = 2001")
        tables = "comment labelled label issue review_comment review check_run refresh installation_token moved"
        for table in tables.split():
            db.execute(f"DROP TABLE {table}")
        db.execute("ALTER TABLE token DROP COLUMN expires_at")
        for column in ("archived", "deleted"):
            db.execute(f"ALTER TABLE repository DROP COLUMN {column}")
        db.execute("PRAGMA user_version = 1")
    hub.close()
    again = Hub(config)
    seed.seed(again)
    seed.seed(again)
    with again.store.read() as db:
        assert db.execute("SELECT description FROM repository WHERE id = 2001").fetchone()[0] == "Mine"
        assert db.execute("SELECT count(*) FROM issue WHERE repository_id = 2001").fetchone()[0] == 3
        assert db.execute("SELECT count(*) FROM comment").fetchone()[0] == 5
    again.close()
