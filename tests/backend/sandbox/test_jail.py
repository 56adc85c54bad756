"""A command in a jail: what it may, what it may not, and how it ends."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from backend.errors import InvalidInput, StaleFence
from backend.sandbox.base import Limits, Sandbox
from backend.sandbox.bubblewrap import Bubblewrap
from backend.sandbox.choose import build
from backend.sandbox.none import Unjailed
from backend.sandbox.selftest import probes
from tests.backend.sandbox.conftest import sh

PROJECT = Path(__file__).resolve().parents[3]
MEGABYTE = 1024 * 1024
# Beats on in a session of its own, deaf to polite signals.
DAEMON = "(setsid sh -c \"trap '' TERM HUP INT; while :; do echo . >> beat; sleep 0.02; done\" >/dev/null 2>&1 &)"


def beats_on(workspace: Path) -> bool:
    beat = workspace / "beat"
    assert beat.exists()
    before = beat.stat().st_size
    time.sleep(0.15)
    return beat.stat().st_size > before


def test_every_escape_probe_fails_to_escape(jail: Sandbox) -> None:
    assert [probe for probe in probes(jail) if not probe.passed] == []


def test_a_command_gives_its_exit_code_and_both_streams(jail: Sandbox, workspace: Path) -> None:
    done = jail.run(["sh", "-c", "echo out; echo err >&2; exit 3"], workspace=workspace, timeout=10)
    assert (done.exit_code, done.stdout, done.stderr, done.killed_by) == (3, b"out\n", b"err\n", None)


def test_merged_streams_keep_their_order(jail: Sandbox, workspace: Path) -> None:
    assert sh(jail, workspace, "echo a; echo b >&2; echo c") == (0, "a\nb\nc\n")


def test_a_missing_program_is_127_as_in_a_shell(jail: Sandbox, workspace: Path) -> None:
    assert jail.run(["no-such-program"], workspace=workspace, timeout=10).exit_code == 127


def test_more_input_and_output_than_a_pipe_holds_goes_through(jail: Sandbox, workspace: Path) -> None:
    data = os.urandom(3 * MEGABYTE)
    assert jail.run(["cat"], workspace=workspace, timeout=20, stdin=data).stdout == data


def test_a_command_that_ignores_its_input_ends_well(jail: Sandbox, workspace: Path) -> None:
    done = jail.run(["true"], workspace=workspace, timeout=20, stdin=b"x" * MEGABYTE)
    assert done.exit_code == 0


def test_output_beyond_the_limit_is_dropped_and_said_so(jail: Sandbox, workspace: Path) -> None:
    limits = Limits(output_bytes=1000)
    done = jail.run(["sh", "-c", "yes | head -c 5000000"], workspace=workspace, timeout=20, limits=limits)
    assert (done.exit_code, len(done.stdout), done.truncated) == (0, 1000, True)


def test_pipes_and_background_jobs_of_a_shell_work(jail: Sandbox, workspace: Path) -> None:
    script = "i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo $i | cat | grep -c . ; done | sort -u; sleep 0.01 & wait"
    assert sh(jail, workspace, script) == (0, "1\n")


def test_a_nul_character_in_a_command_is_refused(jail: Sandbox, workspace: Path) -> None:
    with pytest.raises(InvalidInput):
        jail.run(["echo", "a\0b"], workspace=workspace, timeout=10)


def test_a_time_out_ends_the_whole_tree(jail: Sandbox, workspace: Path) -> None:
    done = jail.run(["sh", "-c", f"trap '' TERM; {DAEMON}; sleep 60"], workspace=workspace, timeout=1.5)
    assert (done.killed_by, done.exit_code) == ("timeout", -signal.SIGKILL)
    assert not beats_on(workspace)


def test_what_a_command_leaves_behind_ends_with_it(jail: Sandbox, workspace: Path) -> None:
    assert sh(jail, workspace, f"{DAEMON}; until [ -f beat ]; do sleep 0.02; done; exit 4")[0] == 4
    assert not beats_on(workspace)


def test_cancelling_ends_a_command_and_its_children(jail: Sandbox, workspace: Path) -> None:
    beat = workspace / "beat"
    done = jail.run(["sh", "-c", f"{DAEMON}; sleep 60"], workspace=workspace, timeout=60, cancelled=beat.exists)
    assert done.killed_by == "cancelled"
    assert not beats_on(workspace)


def test_an_error_while_asking_goes_through_and_leaves_nothing_running(jail: Sandbox, workspace: Path) -> None:
    def cancelled() -> bool:
        if (workspace / "beat").exists():
            raise StaleFence("another worker has this run")
        return False

    with pytest.raises(StaleFence):
        jail.run(["sh", "-c", f"{DAEMON}; sleep 60"], workspace=workspace, timeout=60, cancelled=cancelled)
    assert not beats_on(workspace)


def test_a_command_dies_with_a_worker_that_is_killed(jail: Sandbox, workspace: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from backend.sandbox.choose import build\n"
        f"build({jail.kind!r}).run(['sh', '-c', 'while :; do echo . >> beat; sleep 0.02; done'], "
        "workspace=Path(sys.argv[1]), timeout=60)"
    )
    worker = subprocess.Popen([sys.executable, "-c", script, str(workspace)], cwd=PROJECT)
    deadline = time.monotonic() + 20
    while not (workspace / "beat").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    worker.kill()
    worker.wait()
    deadline = time.monotonic() + 5
    while beats_on(workspace):
        assert time.monotonic() < deadline


def test_the_memory_of_a_whole_tree_is_watched(jail: Sandbox, workspace: Path) -> None:
    hog = "python3 -c 'import time; x = bytearray(90 << 20); time.sleep(30)' &"
    limits = Limits(memory_bytes=200 * MEGABYTE)
    done = jail.run(["sh", "-c", f"{hog} {hog} {hog} wait"], workspace=workspace, timeout=30, limits=limits)
    assert done.killed_by == "memory"


def test_memory_within_the_limit_is_left_alone(jail: Sandbox, workspace: Path) -> None:
    grow = "import os, time; x = bytearray(60 << 20); [os.fork() for _ in range(2)]; time.sleep(0.7)"
    limits = Limits(memory_bytes=200 * MEGABYTE)  # four processes that share one block of sixty
    done = jail.run(["python3", "-c", grow], workspace=workspace, timeout=30, limits=limits)
    assert (done.exit_code, done.killed_by) == (0, None)


def test_the_disk_of_the_workspace_is_watched(jail: Sandbox, workspace: Path) -> None:
    script = "mkdir -p deep; i=0; while :; do i=$((i+1)); head -c 4000000 /dev/zero > deep/$i; done"
    done = jail.run(["sh", "-c", script], workspace=workspace, timeout=30, limits=Limits(disk_bytes=40 * MEGABYTE))
    assert done.killed_by == "disk"


def test_the_number_of_files_is_watched(jail: Sandbox, workspace: Path) -> None:
    script = "mkdir many; i=0; while [ $i -lt 2000 ]; do i=$((i+1)); : > many/$i; done; sleep 20"
    done = jail.run(["sh", "-c", script], workspace=workspace, timeout=30, limits=Limits(disk_files=1000))
    assert done.killed_by == "disk"


def test_a_single_file_has_a_size_limit(jail: Sandbox, workspace: Path) -> None:
    code, _ = sh(jail, workspace, "head -c 5000000 /dev/zero > big", limits=Limits(file_bytes=MEGABYTE))
    assert code != 0
    assert (workspace / "big").stat().st_size == MEGABYTE


def test_processes_are_limited(bubblewrap: Bubblewrap, workspace: Path) -> None:
    count = "i=0; while [ $i -lt 100 ]; do i=$((i+1)); sleep 5 & done 2>/dev/null; echo survived"
    code, said = sh(bubblewrap, workspace, count, limits=Limits(processes=40))
    assert code != 0 or "Cannot fork" in said


def test_tests_may_serve_to_themselves(bubblewrap: Bubblewrap, workspace: Path) -> None:
    script = "import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname())"
    assert bubblewrap.run(["python3", "-c", script], workspace=workspace, timeout=10).exit_code == 0


def test_files_made_inside_belong_to_the_jail(jail: Sandbox, workspace: Path) -> None:
    sh(jail, workspace, "mkdir -p a/b; echo x > a/b/c")
    status = (workspace / "a/b/c").stat()
    assert (status.st_uid, status.st_gid) == (jail.owner or (os.geteuid(), os.getegid()))
    assert status.st_uid != 0


def test_an_extra_folder_is_readable_and_first_on_the_path(jail: Sandbox, workspace: Path) -> None:
    extra = workspace.parent / "toolchain"
    (extra / "bin").mkdir(parents=True)
    (extra / "bin/python3").write_text("#!/bin/sh\necho mine\n")
    (extra / "bin/python3").chmod(0o755)
    code, said = sh(build(jail.kind, (extra,)), workspace, f"python3; echo x > {extra}/new || echo refused")
    assert code == 0
    assert said.startswith("mine\n") and said.endswith("refused\n")


def test_many_commands_run_at_once(jail: Sandbox, workspace: Path) -> None:
    ends: list[tuple[int, str]] = []

    def one(number: int) -> None:
        ends.append(sh(jail, workspace, f"echo {number} > {number}; cat {number}"))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == sorted((0, f"{number}\n") for number in range(8))


def test_what_the_kernel_would_refuse_is_refused_before_anything_is_open(jail: Sandbox, workspace: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for argv, env in ((["sh", "-c", "echo \0"], {}), (["true"], {"A": "\0"}), (["sh", "-c", "x" * 140_000], {})):
        with pytest.raises(InvalidInput):
            jail.run(argv, workspace=workspace, timeout=5, env=env)
    assert len(os.listdir("/proc/self/fd")) == before
    assert jail.run(["true", "x" * 130_000], workspace=workspace, timeout=5).exit_code == 0


def test_a_variable_that_cannot_be_handed_over_leaves_nothing_open(jail: Sandbox, workspace: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises((UnicodeEncodeError, InvalidInput)):
        jail.run(["true"], workspace=workspace, timeout=5, env={"A": "\ud83d"})
    assert len(os.listdir("/proc/self/fd")) == before


def test_without_a_jail_the_temporary_home_goes_with_the_command_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> bool:
        raise StaleFence("This run has been taken over.")

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with pytest.raises(StaleFence):
        Unjailed().run(["sleep", "5"], workspace=tmp_path, timeout=9, cancelled=gone)
    assert list(tmp_path.iterdir()) == []


def test_everyday_tools_work_inside(jail: Sandbox, workspace: Path) -> None:
    script = (
        "set -e; git init -q . && git add -A && git -c user.name=a -c user.email=a@b commit -qm one --allow-empty; "
        "python3 -m venv --without-pip env && env/bin/python -c 'print(1)'; "
        "python3 -c 'import subprocess, tempfile; tempfile.TemporaryDirectory(); subprocess.run([\"true\"])'; "
        "tar cf - here | tar tf -; make --version >/dev/null; echo done"
    )
    code, said = sh(jail, workspace, script)
    assert (code, said.splitlines()[-1]) == (0, "done"), said
