"""Every git that the worker starts, in an environment where nothing of machine, person or repository has a say.

Git reads configuration from many places, and several settings are commands. Here it gets none but what this file says:
no system, user or template configuration, no hooks, no filters, no prompts, and only the protocols the caller allows.
"""

import base64
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from backend import log
from backend.errors import GitError, InvalidInput, Misconfigured

LOCAL = 60.0  # seconds for what does not leave the machine
_LAST_WORDS = 800  # characters of git's own message that an error carries
_TICK = 0.2  # seconds between two questions whether to go on

_CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.quotePath": "false",
    "credential.helper": "",
    "commit.gpgSign": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "fetch.unpackLimit": "1",
    "push.recurseSubmodules": "no",
    "advice.pushUpdateRejected": "false",
    # A submodule's state is asked by a git inside it, which would read a configuration that the agent wrote.
    "diff.ignoreSubmodules": "all",
    # After a redirect git sends its extra headers, and so the token, to wherever it was led.
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
}
# How this machine reaches the world is the operator's to say, for git as for every other client.
_PASSED_ON = ("PATH", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR")
_FORBIDDEN_IN_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)")


def run_git(
    args: Sequence[str],
    *,
    protocols: str = "",
    timeout: float = LOCAL,
    git_dir: Path | None = None,
    work_tree: Path | None = None,
    token: str | None = None,
    cancelled: Callable[[], bool] | None = None,
    stdin: bytes = b"",
    ok: Sequence[int] = (0,),
    env: Mapping[str, str] | None = None,
    keep_open: Sequence[int] = (),
    into: IO[bytes] | None = None,
) -> bytes:
    """Runs git and returns its stdout. `timeout` in seconds; `protocols` as in GIT_ALLOW_PROTOCOL, none by default.

    `token` goes to the server as a header from this one process's environment; `ok` are exit codes that are no error;
    `keep_open` are descriptors (a lock's) that live as long as git does; `into` is a file that stdout goes to instead,
    for what may be larger than memory. Raises GitError, whose words hold no token.
    """
    environment = _environment(protocols, git_dir, work_tree, token) | dict(env or {})
    try:
        child = subprocess.Popen(
            ["git", *args],
            cwd=work_tree or git_dir or "/",
            env=environment,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=into or subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            pass_fds=keep_open,
        )
    except FileNotFoundError as error:
        if error.filename != "git":
            raise GitError(f"git {args[0]} has no folder to run in: {error.filename}") from error
        raise Misconfigured("git is not installed.", fix="apt-get install git") from error
    stdout, stderr = _attend(child, stdin, timeout, cancelled, args[0])
    if child.returncode not in ok:
        words = _without(token, stderr.decode("utf-8", "replace")).strip()
        raise GitError(f"git {args[0]} ended with {child.returncode}: {words[-_LAST_WORDS:]}")
    return stdout or b""


def text(output: bytes) -> str:
    """Git's answer as one stripped string."""
    return output.decode("utf-8", "surrogateescape").strip()


def check_branch(name: str) -> str:
    """The name, where it can be a branch's by the rules of `git check-ref-format`. Raises InvalidInput."""
    is_good = (
        0 < len(name.encode("utf-8", "surrogatepass")) <= 244
        and not name.startswith(("-", "/", "."))
        and not name.endswith(("/", "."))
        and name not in ("@", "HEAD")
        and not _FORBIDDEN_IN_REF.search(name)
    )
    if not is_good:
        raise InvalidInput(f"{name[:80]!r} cannot be the name of a branch.", field="branch")
    return name


def check_clone_url(url: str, protocols: str = "https:http:file") -> str:
    """The URL, where it names a server (or a local folder) and nothing else. Raises InvalidInput."""
    parts = urlsplit(url)
    is_good = (
        parts.scheme in protocols.split(":")
        and "@" not in parts.netloc  # credentials do not travel in URLs
        and not any(ord(character) <= 32 or ord(character) == 127 for character in url)
        and bool(parts.netloc or parts.scheme == "file")
        and not parts.query
        and not parts.fragment
    )
    if not is_good:
        raise InvalidInput("That is not an address a repository can be cloned from.", field="clone_url")
    return url


def check_sha(sha: str) -> str:
    """The object name, where it is one in full. Raises InvalidInput."""
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", sha):
        raise InvalidInput(f"{sha[:80]!r} is not the name of a commit.")
    return sha


def _environment(protocols: str, git_dir: Path | None, work_tree: Path | None, token: str | None) -> dict[str, str]:
    config = dict(_CONFIG)
    if token:
        # GitHub's own form for tokens: https://docs.github.com/apps/…/authenticating-as-a-github-app-installation
        credentials = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        config["http.extraHeader"] = f"Authorization: Basic {credentials}"
    environment = {name: value for name in _PASSED_ON if (value := os.environ.get(name))}
    environment |= {
        "HOME": "/nonexistent",
        "XDG_CONFIG_HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "false",
        "GIT_EDITOR": "true",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_ALLOW_PROTOCOL": protocols or "none",
        "GIT_CONFIG_COUNT": str(len(config)),
    }
    for index, (key, value) in enumerate(config.items()):
        environment[f"GIT_CONFIG_KEY_{index}"] = key
        environment[f"GIT_CONFIG_VALUE_{index}"] = value
    if git_dir:
        environment["GIT_DIR"] = str(git_dir)
    if work_tree:
        environment["GIT_WORK_TREE"] = str(work_tree)
    return environment


def _attend(
    child: subprocess.Popen[bytes], stdin: bytes, timeout: float, cancelled: Callable[[], bool] | None, what: str
) -> tuple[bytes | None, bytes]:
    deadline = time.monotonic() + timeout
    sent: bytes | None = stdin or None
    try:
        while True:
            try:
                return child.communicate(sent, timeout=_TICK)
            except subprocess.TimeoutExpired:
                sent = None  # communicate remembers what it has not written yet
            if cancelled and cancelled():
                raise GitError(f"git {what} was cancelled.")
            if time.monotonic() >= deadline:
                raise GitError(f"git {what} timed out after {timeout:.0f} seconds.")
    finally:
        if child.poll() is None:
            # Its helpers (remote-https, index-pack) are in the same session.
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()


def _without(token: str | None, words: str) -> str:
    if token:
        words = words.replace(token, "[redacted]")
    return log.redact(words)
