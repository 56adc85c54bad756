"""A hub as `up` starts it, the app's webhook door beside it, and three people who call."""

import base64
import hashlib
import os
import re
import secrets
import shutil
import signal
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.backend.localhub.receiver import Receiver, receiver_with_free_port_behind

PROJECT = Path(__file__).resolve().parents[3]
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
SCOPES = "repo,read:org,user:email"
BUG = "    return sum((round(line.net, 2) for line in lines), Decimal(0)) - exempt"


def plain_http(**options: Any) -> httpx.Client:
    """A client for this machine, which speaks no TLS and so needs no certificates of the world."""
    return httpx.Client(trust_env=False, verify=NO_TLS, **options)


@dataclass
class RunningHub:
    """The hub's process and what its tests need to know of it."""

    process: subprocess.Popen[Any]
    port: int
    data_dir: Path
    receiver: Receiver
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def api(self) -> str:
        return f"{self.url}/api/v3"

    @property
    def callback(self) -> str:
        return f"http://127.0.0.1:{self.port - 1}/auth/callback"

    def key(self, name: str) -> str:
        return (self.data_dir / "keys" / name).read_text().strip()

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 30
        while not _is_healthy(self):
            assert self.process.poll() is None and time.monotonic() < deadline, "the hub did not start"
            time.sleep(0.05)

    def reset(self) -> None:
        assert plain_http().post(f"{self.url}/_control/reset").status_code == 200
        self.tokens.clear()
        self.receiver.forget()

    def control(self, name: str, **wish: Any) -> Any:
        answer = plain_http().post(f"{self.url}/_control/{name}", json=wish)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def token(self, login: str, scopes: str = SCOPES) -> str:
        if (login, scopes) not in self.tokens:
            self.tokens[login, scopes] = self.control("token", login=login, scopes=scopes)["token"]
        return self.tokens[login, scopes]

    def caller(self, login: str | None, scopes: str = SCOPES) -> httpx.Client:
        """The REST API in someone's name."""
        headers = {"Authorization": f"Bearer {self.token(login, scopes)}"} if login else {}
        return plain_http(base_url=self.api, headers=headers)

    def clone_url(self, full_name: str, login: str | None = None) -> str:
        who = f"x-access-token:{self.token(login)}@" if login else ""
        return f"http://{who}127.0.0.1:{self.port}/{full_name}.git"

    def database(self) -> sqlite3.Connection:
        return sqlite3.connect(self.data_dir / "hub" / "hub.sqlite3", isolation_level=None)


class Visitor:
    """A browser without a screen: cookies, and the forms that a page shows."""

    def __init__(self, hub: RunningHub, login: str | None = None) -> None:
        self.http = plain_http(base_url=hub.url)
        if login:
            answer = self.submit("/login", "/login", login=login)
            assert answer.status_code == 303, answer.text

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def submit(self, page: str, action: str, **fields: str) -> httpx.Response:
        """Sends the form of a page that leads to `action`, with its hidden fields."""
        return self.http.post(action, data=hidden_fields(self.get(page).text, action) | fields)


def hidden_fields(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that leads there."""
    form = re.search(rf'<form method="post" action="{re.escape(action)}">(.*?)</form>', page, re.DOTALL)
    assert form, f"no form to {action}"
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form[1])
    return {unescape(name): unescape(value) for name, value in found}


def pkce() -> tuple[str, str]:
    """A verifier and its challenge."""
    verifier = secrets.token_urlsafe(48)
    digest = hashlib.sha256(verifier.encode()).digest()
    return verifier, base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def query_of(location: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def git(*arguments: str, cwd: Path | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    """git as anyone's, without this machine's settings."""
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Alice Weber",
        "GIT_AUTHOR_EMAIL": "alice@example.org",
        "GIT_COMMITTER_NAME": "Alice Weber",
        "GIT_COMMITTER_EMAIL": "alice@example.org",
    }
    return subprocess.run(
        ["git", *arguments], cwd=cwd, env=environment, check=check, capture_output=True, text=True, timeout=30
    )


@dataclass(frozen=True)
class Clone:
    """A clone that someone works in."""

    path: Path

    def commit(self, branch: str, files: dict[str, str], *, onto: str = "origin/main") -> str:
        """The files as a commit on a new branch; its sha."""
        git("checkout", "-q", "-B", branch, onto, cwd=self.path)
        return self.add(files)

    def add(self, files: dict[str, str]) -> str:
        for name, text in files.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_text(text)
        git("add", "-A", cwd=self.path)
        git("commit", "-q", "-m", f"Change {', '.join(files)}", cwd=self.path)
        return git("rev-parse", "HEAD", cwd=self.path).stdout.strip()

    def push(self, *what: str) -> None:
        git("push", "-q", "origin", *(what or ("HEAD",)), cwd=self.path)

    def offer(self, branch: str, files: dict[str, str] | None = None) -> str:
        """A pushed branch with a change."""
        sha = self.commit(branch, files or {f"{branch.replace('/', '-')}.txt": "new\n"})
        self.push()
        return sha


@pytest.fixture(scope="session")
def running_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """One process for all tests; `hub` gives it back to each as on the first day."""
    receiver, port = receiver_with_free_port_behind()
    data_dir = tmp_path_factory.mktemp("hub") / "data"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ASYNCCODER_", "GITHUB_"))}
    environment |= {"ASYNCCODER_DATA_DIR": str(data_dir), "ASYNCCODER_PORT": str(port - 1)}
    process = subprocess.Popen([sys.executable, "-m", "backend.localhub"], cwd=PROJECT, env=environment)
    running = RunningHub(process, port, data_dir, receiver)
    running.wait_until_it_answers()
    yield running
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=5) == 0
    receiver.shutdown()


@pytest.fixture
def hub(running_hub: RunningHub) -> RunningHub:
    """A hub as on its first day."""
    running_hub.reset()
    return running_hub


@pytest.fixture(scope="module")
def shared_hub(running_hub: RunningHub) -> RunningHub:
    """A hub as on its first day for the tests of one file that only look."""
    running_hub.reset()
    return running_hub


@pytest.fixture(scope="session")
def first_clone(running_hub: RunningHub, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A clone of the sample, and the token it was made with. The sample's commits are the same after each reset."""
    running_hub.reset()
    path = tmp_path_factory.mktemp("first") / "clone"
    clone_of(running_hub, "alice/sample-shop", "alice", path)
    return path, running_hub.token("alice")


@pytest.fixture
def clone(first_clone: tuple[Path, str], hub: RunningHub, tmp_path: Path) -> Clone:
    """Alice's clone of the sample: a copy, which is faster than git."""
    path, token = first_clone
    shutil.copytree(path, tmp_path / "clone", symlinks=True)
    config = tmp_path / "clone" / ".git" / "config"
    config.write_text(config.read_text().replace(token, hub.token("alice")))
    return Clone(tmp_path / "clone")


def clone_of(hub: RunningHub, full_name: str, login: str, path: Path) -> Clone:
    git("clone", "-q", hub.clone_url(full_name, login), str(path))
    return Clone(path)


def _is_healthy(hub: RunningHub) -> bool:
    try:
        return plain_http(timeout=2).get(f"{hub.url}/health").status_code == 200
    except httpx.HTTPError:
        return False
