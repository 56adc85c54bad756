"""A command in a jail: what it may, what it may not, and how it ends."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from backend.errors import InvalidInput, StaleFence
from backend.sandbox.base import Limits, Sandbox
from backend.sandbox.bubblewrap import Bubblewrap
from backend.sandbox.choose import build
from backend.sandbox.none import Unjailed
from backend.sandbox.selftest import probes

PROJECT = Path(__file__).resolve().parents[3]
MEGABYTE = 1024 * 1024
# Beats on in a session of its own, deaf to polite signals.
DAEMON = "(setsid sh -c \"trap '' TERM HUP INT; while :; do echo . >> beat; sleep 0.02; done\" >/dev/null 2>&1 &)"


def sh(jail: Sandbox, workspace: Path, script: str, timeout: float = 20, **options: Any) -> tuple[int, str]:
    done = jail.run(["sh", "-c", script], workspace=workspace, timeout=timeout, merge_stderr=True, **options)
    return done.exit_code, done.stdout.decode()


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


def test_nothing_of_the_services_environment_is_seen(
    jail: Sandbox, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASYNCCODER_SECRET_KEYS", "the-key-of-everything")
    _, said = sh(jail, workspace, "env; cat /proc/*/environ | tr '\\0' '\\n'", env={"GIVEN": "this"})
    assert "GIVEN=this" in said
    assert "the-key-of-everything" not in said


def test_a_variable_for_the_command_is_on_no_command_line(bubblewrap: Bubblewrap, workspace: Path) -> None:
    seen: list[bytes] = []

    def look() -> bool:
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.append(entry.read_bytes())
            except OSError:
                continue
        return False

    done = bubblewrap.run(
        ["sh", "-c", "sleep 0.3; echo $SECRET"],
        workspace=workspace,
        timeout=10,
        env={"SECRET": "value-of-a-secret"},
        cancelled=look,
    )
    assert done.stdout == b"value-of-a-secret\n"
    assert any(b"sleep" in line for line in seen)
    assert not any(b"value-of-a-secret" in line for line in seen)


def test_open_descriptors_are_not_inherited(jail: Sandbox, workspace: Path) -> None:
    read, write = os.pipe()
    os.set_inheritable(read, True)
    try:
        code, said = sh(jail, workspace, f"python3 -c 'import os; os.fstat({read})'")
        assert code == 1 and "Bad file descriptor" in said
    finally:
        os.close(read)
        os.close(write)


def test_files_around_the_workspace_are_out_of_reach(jail: Sandbox, workspace: Path) -> None:
    beside = workspace.parent / "another-run"
    beside.mkdir()
    (beside / "secret").write_text("of another task")
    beside.chmod(0o755)
    (workspace / "link").symlink_to(beside / "secret")
    script = f"cat {beside}/secret; cat ../another-run/secret; cat link; ls {beside}; echo x > {beside}/new"
    _, said = sh(jail, workspace, script)
    assert "of another task" not in said
    assert os.listdir(beside) == ["secret"]


def test_sockets_of_this_machine_are_out_of_reach(jail: Sandbox, workspace: Path) -> None:
    name = workspace.parent / "socket"
    with (
        socket.socket(socket.AF_UNIX) as by_path,
        socket.socket(socket.AF_UNIX) as abstract,
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
    ):
        by_path.bind(str(name))
        name.chmod(0o777)
        abstract.bind(f"\0{name}")
        udp.bind(("127.0.0.1", 0))
        for listener in (by_path, abstract, tcp):
            listener.listen()
        script = f"""
import socket
for family, address in ((socket.AF_UNIX, {str(name)!r}), (socket.AF_UNIX, "\\0" + {str(name)!r}),
                        (socket.AF_INET, ("127.0.0.1", {tcp.getsockname()[1]}))):
    try:
        socket.socket(family).connect(address)
        print("reached", address)
    except OSError as error:
        print(error)
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"hello", ("127.0.0.1", {udp.getsockname()[1]}))
except OSError as error:
    print(error)
"""
        done = jail.run(["python3", "-c", script], workspace=workspace, timeout=10)
        udp.setblocking(False)
        with pytest.raises(BlockingIOError):
            udp.recv(10)
    assert done.exit_code == 0
    assert b"reached" not in done.stdout


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


# What has no path, tried on a process and on queues and a segment of the jail's own uid.
SAME_USER = """
import ctypes, os, resource
libc = ctypes.CDLL(None, use_errno=True)
victim = int(os.environ["VICTIM"])
def reaches(what, attempt):
    try:
        if attempt() != -1:
            print("reached by", what)
    except OSError:
        pass
reaches("prlimit", lambda: resource.prlimit(victim, resource.RLIMIT_CPU, (1, 1)))
reaches("setpriority", lambda: os.setpriority(os.PRIO_PROCESS, victim, 19))
reaches("affinity", lambda: os.sched_setaffinity(victim, {0}))
reaches("scheduler", lambda: os.sched_setscheduler(victim, os.SCHED_IDLE, os.sched_param(0)))
reaches("ioprio", lambda: libc.syscall(251 if os.uname().machine == "x86_64" else 30, 1, victim, 3 << 13))
reaches("shmctl", lambda: libc.shmctl(int(os.environ["SEGMENT"]), 0, None))
reaches("msgget", lambda: libc.msgget(0x77AC, 0))
reaches("semget", lambda: libc.semget(0x77AC, 1, 0))
reaches("inotify", lambda: libc.inotify_add_watch(libc.inotify_init(), os.environ["BESIDE"].encode(), 0xFFF))
reaches("setxattr", lambda: os.setxattr(os.environ["BESIDE"], "user.a", b"b"))
os.nice(1)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
print("done")
"""


def test_other_processes_and_files_of_the_same_user_are_out_of_reach(jail: Sandbox, workspace: Path) -> None:
    beside = workspace.parent / "beside"
    beside.touch()
    uid = jail.owner[0] if jail.owner else os.geteuid()
    os.chown(beside, uid, -1)
    victim = subprocess.Popen(["python3", "-c", VICTIM], stdout=subprocess.PIPE, user=uid)
    try:
        assert victim.stdout
        segment = victim.stdout.readline().decode().strip()
        env = {"VICTIM": str(victim.pid), "SEGMENT": segment, "BESIDE": str(beside)}
        done = jail.run(["python3", "-c", SAME_USER], workspace=workspace, timeout=10, env=env)
        assert done.stdout == b"done\n", done
    finally:
        victim.terminate()
        victim.communicate()


VICTIM = """
import ctypes, signal, sys, time
libc = ctypes.CDLL(None)
segment, queue, semaphore = libc.shmget(0, 4096, 0o1600), libc.msgget(0x77AC, 0o1600), libc.semget(0x77AC, 1, 0o1600)
def end(*_):
    libc.shmctl(segment, 0, None), libc.msgctl(queue, 0, None), libc.semctl(semaphore, 0, 0)
    sys.exit()
signal.signal(signal.SIGTERM, end)
print(segment, flush=True)
time.sleep(60)
"""


def test_shared_memory_that_no_process_maps_cannot_be_made(jail: Sandbox, workspace: Path) -> None:
    script = "import ctypes; print(ctypes.CDLL(None).shmget(0, ctypes.c_size_t(100 << 20), 0o1600))"
    done = jail.run(["python3", "-c", script], workspace=workspace, timeout=10)
    assert done.stdout == b"-1\n", done


def test_a_jail_that_shares_memory_with_this_machine_fails_its_self_test(tmp_path: Path) -> None:
    failed = {probe.name for probe in probes(Unjailed(), tmp_path) if not probe.passed}
    assert {"has no shared memory with this machine", "cannot limit other processes"} <= failed
