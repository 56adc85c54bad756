"""`asynccoder up` as a person meets it: what it refuses, and how it ends."""

import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backend.data_dir import running, since
from backend.embedded import SERVERS, socket_folder
from backend.settings import PROJECT_DIR
from tests.ports import free_port_pair
from tests.servers import embedded_settings

# `up` without the pages, which take long to build: everything else is the real thing.
WITHOUT_PAGES = """
import asyncio
from backend.cli import stack, up
from backend.settings import get_settings
settings = get_settings()
def compose():
    return [*stack.servers(settings), stack.migrations(settings), *stack.workers(settings), stack.scheduler()]
asyncio.run(up.supervise(settings, compose))
"""
# The servers, and something that idles as the last part.
SERVERS_ALONE = """
import asyncio
from backend.cli import stack, up
from backend.parts import Part
from backend.settings import get_settings
settings = get_settings()
asyncio.run(up.supervise(settings, lambda: [*stack.servers(settings), Part("scheduler", ("sleep", "600"))]))
"""
OURS = ("ASYNCCODER_", "DATABASE_URL", "REDIS_URL", "GITHUB_")


def environment(data_dir: Path, **extra: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    ours = {"ASYNCCODER_DATA_DIR": str(data_dir), "ASYNCCODER_PORT": str(free_port_pair()), "ASYNCCODER_WORKERS": "1"}
    return {**plain, **ours, **extra}


def refused(data_dir: Path, *arguments: str, **extra: str) -> tuple[int, str]:
    """Runs `asynccoder up`, which must say no by itself: exit code and its words."""
    done = subprocess.run(
        [sys.executable, "-m", "backend.cli", "up", *arguments],
        env=environment(data_dir, **extra),
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    words = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in words
    assert words.startswith("asynccoder: ")
    assert len(words.splitlines()) == 2, words
    return done.returncode, words


@contextmanager
def up(data_dir: Path, program: str = SERVERS_ALONE, **options: object) -> Iterator[subprocess.Popen[str]]:
    """A running `up` until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=PROJECT_DIR,
        text=True,
        start_new_session=True,
        **{  # type: ignore[call-overload]  # Popen's overloads do not know which of these are given
            "env": environment(data_dir),
            "stdout": subprocess.PIPE,
            "stderr": subprocess.STDOUT,
            **options,
        },
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def children(data_dir: Path, pid: int) -> dict[str, int]:
    """What that `up` says it has started; empty while there is no record of it."""
    try:
        record = json.loads((data_dir / "run" / "up.json").read_text())
    except (OSError, ValueError):
        return {}
    return {child["name"]: child["pid"] for child in record["children"] if record["pid"] == pid}


def wait_for_all(process: subprocess.Popen[str], data_dir: Path) -> list[int]:
    """Waits for the last part; gives every process of the tree beneath `up`."""
    wait_until(lambda: "scheduler" in children(data_dir, process.pid) or process.poll() is not None)
    assert process.poll() is None, process.stdout.read() if process.stdout else ""
    time.sleep(0.5)
    return descendants(process.pid)


def descendants(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, open_ones = [], [pid]
    while open_ones:
        more = parents.get(open_ones.pop(), [])
        found += more
        open_ones += more
    return found


def nothing_left(data_dir: Path, pids: list[int]) -> bool:
    return all(since(pid) is None for pid in pids) and running(data_dir) is None


def no_sockets(data_dir: Path) -> bool:
    settings = embedded_settings(data_dir)
    return not any(socket_folder(settings, server).exists() for server in SERVERS)


def test_a_taken_port_is_refused_with_its_holder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        _, words = refused(tmp_path, "--port", str(server.getsockname()[1]))
    assert f"(process {os.getpid()})" in words


def test_the_local_githubs_taken_port_is_refused_as_well(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        _, words = refused(tmp_path, "--port", str(server.getsockname()[1] - 1))
    assert "local GitHub" in words


def test_a_data_dir_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    assert "ASYNCCODER_DATA_DIR" in refused(Path("/proc/nowhere"))[1]
    (tmp_path / "file").touch()
    assert "ASYNCCODER_DATA_DIR" in refused(tmp_path / "file")[1]


def test_a_second_up_says_who_holds_the_data_dir_and_exits_with_75(tmp_path: Path) -> None:
    with up(tmp_path) as process:
        wait_until(lambda: bool(children(tmp_path, process.pid)))
        code, words = refused(tmp_path)
        assert code == 75
        assert f"process {process.pid}" in words


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("mysql://somewhere/db", "not a PostgreSQL address"),
        ("postgresql://nobody@127.0.0.1:1/db", "DATABASE_URL does not work"),
        ("postgresql://", "DATABASE_URL does not work"),
    ],
)
def test_a_wrong_database_url_is_refused_without_its_password(tmp_path: Path, url: str, what: str) -> None:
    assert what in refused(tmp_path, DATABASE_URL=url)[1]


def test_a_wrong_database_password_is_refused_and_not_shown(tmp_path: Path, database_url: str) -> None:
    wrong = database_url.replace("asynccoder:", "asynccoder:never-show-this", 1)
    _, words = refused(tmp_path, DATABASE_URL=wrong)
    assert "password authentication failed" in words
    assert "never-show-this" not in words


@pytest.mark.parametrize(
    ("url", "what"),
    [("somewhere", "not a Redis address"), ("redis://127.0.0.1:1/0", "REDIS_URL does not work")],
)
def test_a_wrong_redis_url_is_refused(tmp_path: Path, url: str, what: str) -> None:
    assert what in refused(tmp_path, REDIS_URL=url)[1]


def test_a_machine_without_git_is_refused(tmp_path: Path) -> None:
    assert "apt install git" in refused(tmp_path, PATH=str(tmp_path))[1]


def test_demo_mode_refuses_a_public_url(tmp_path: Path) -> None:
    assert "GITHUB_CLIENT_ID" in refused(tmp_path, ASYNCCODER_PUBLIC_URL="https://coder.example.org")[1]


def test_a_half_configured_github_app_is_refused(tmp_path: Path) -> None:
    assert "GITHUB_CLIENT_SECRET" in refused(tmp_path, GITHUB_CLIENT_ID="x")[1]


def test_a_setting_that_is_no_number_is_refused_by_name(tmp_path: Path) -> None:
    assert "ASYNCCODER_WORKERS" in refused(tmp_path, ASYNCCODER_WORKERS="many")[1]


def test_a_demo_repository_that_is_none_is_refused(tmp_path: Path) -> None:
    assert "not a git repository" in refused(tmp_path / "data", "--demo-repo", str(tmp_path))[1]


def test_a_demo_repository_without_a_commit_is_refused_with_the_fix(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path / "empty")], check=True)
    words = refused(tmp_path / "data", "--demo-repo", str(tmp_path / "empty"))[1]
    assert "has no commit yet" in words and "git -C" in words


def test_a_refusal_leaves_neither_lock_nor_sockets(tmp_path: Path) -> None:
    refused(tmp_path, REDIS_URL="somewhere")
    assert running(tmp_path) is None
    assert not (tmp_path / "run" / "up.json").exists()
    assert no_sockets(tmp_path)


def test_ctrl_c_ends_everything_within_ten_seconds(tmp_path: Path) -> None:
    data_dir = tmp_path / "a data dir"
    with up(data_dir, WITHOUT_PAGES) as process:
        pids = wait_for_all(process, data_dir)
        assert len(pids) >= 6
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0
        assert time.monotonic() - begun < 10
        assert process.stdout is not None and "Traceback" not in process.stdout.read()
    assert nothing_left(data_dir, pids)
    assert list((data_dir / "run").iterdir()) == []
    assert no_sockets(data_dir)


def test_a_signal_while_it_still_starts_ends_it_too(tmp_path: Path) -> None:
    with up(tmp_path) as process:
        wait_until(lambda: "postgres" in children(tmp_path, process.pid))
        pids = descendants(process.pid)
        process.terminate()
        assert process.wait(15) == 0
    assert nothing_left(tmp_path, pids)


def test_a_closed_terminal_ends_everything(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with up(tmp_path, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=lambda: _take_terminal(theirs)) as process:
        os.close(theirs)
        pids = wait_for_all(process, tmp_path)
        os.close(ours)
        assert process.wait(15) == 0
    assert nothing_left(tmp_path, pids)


def _take_terminal(descriptor: int) -> None:
    import fcntl
    import termios

    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)


def test_a_reader_that_goes_away_changes_nothing(tmp_path: Path) -> None:
    with up(tmp_path) as process:
        assert process.stdout is not None
        process.stdout.close()
        pids = wait_for_all(process, tmp_path)
        process.stdout = None
        process.terminate()
        assert process.wait(15) == 0
    assert nothing_left(tmp_path, pids)


def test_a_killed_supervisor_leaves_no_process_and_the_next_start_works(tmp_path: Path) -> None:
    with up(tmp_path, WITHOUT_PAGES) as process:
        pids = wait_for_all(process, tmp_path)
        process.kill()
        process.wait()
        wait_until(lambda: nothing_left(tmp_path, pids), 10)
    with up(tmp_path) as process:
        wait_for_all(process, tmp_path)
        process.terminate()
        assert process.wait(15) == 0


def test_a_machine_without_a_jail_starts_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("git", "sh"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / "bin" / name).symlink_to(found)
    env = environment(tmp_path / "data", PATH=str(tmp_path / "bin"), ASYNCCODER_SANDBOX="bubblewrap")
    with up(tmp_path / "data", env=env) as process:
        wait_for_all(process, tmp_path / "data")
        process.terminate()
        assert process.wait(15) == 0
        assert process.stdout is not None
        words = process.stdout.read()
    assert "Tasks fail until that is mended" in words
    assert "bubblewrap" in words
