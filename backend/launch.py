"""What a child does before it becomes its program. Run as a file, never imported:

    python -I -S launch.py --parent PID [--death-signal N] [--one-uid UID | --user UID:GID] -- PROGRAM [ARGUMENT]...

A launcher and not a `preexec_fn`, which may deadlock in a process with threads. Linux alone knows the death signal and
user namespaces; elsewhere the launcher only execs. Exit 71: the kernel refused; 127: there is no such program.
"""

import argparse
import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1  # prctl(2)
CLONE_NEWUSER = 0x10000000  # unshare(2)
REFUSED = 71  # EX_OSERR of sysexits.h
NOT_FOUND = 127


def _libc(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        sys.exit(_refused(f"{name}: {os.strerror(ctypes.get_errno())}"))


def _refused(sentence: str) -> int:
    print(f"launch: {sentence}", file=sys.stderr)
    return REFUSED


def _become_one_uid(uid: int) -> None:
    # Root seen as one ordinary user: PostgreSQL refuses to run as root, and its files stay root's own 0700.
    outside_uid, outside_gid = os.geteuid(), os.getegid()
    _libc("unshare", CLONE_NEWUSER)
    try:
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")  # user_namespaces(7): before gid_map
        Path("/proc/self/gid_map").write_text(f"{uid} {outside_gid} 1", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{uid} {outside_uid} 1", encoding="ascii")
    except OSError as error:
        sys.exit(_refused(f"user namespace: {error.strerror}"))


def _become_user(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def _die_with(parent: int, number: int) -> None:
    # After every change of user, which clears it (prctl(2)).
    _libc("prctl", PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it was gone before the kernel knew our wish
        sys.exit(128 + number)


def main() -> None:
    """Prepares this process as the options say and execs the program."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--death-signal", type=int, default=0)
    parser.add_argument("--one-uid", type=int)
    parser.add_argument("--user")
    parser.add_argument("program", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    argv = options.program[1:] if options.program[:1] == ["--"] else options.program
    if options.one_uid is not None:
        _become_one_uid(options.one_uid)
    if options.user:
        uid, gid = options.user.split(":")
        _become_user(int(uid), int(gid))
    if options.death_signal and sys.platform == "linux":
        _die_with(options.parent, options.death_signal)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and what is ignored stays so over an exec
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        print(f"launch: {argv[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(NOT_FOUND)


if __name__ == "__main__":
    main()
