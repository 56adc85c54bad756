"""The local hub for tests: one process of its own a session, back to its seed before each test that asks for it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from backend import db
from backend.github import oauth
from backend.github.types import Token
from backend.models import User
from backend.services import auth
from backend.settings import DEMO_CLIENT_ID, Settings, get_settings
from tests.git_server import git
from tests.ports import free_port_pair

PROJECT = Path(__file__).resolve().parent.parent
SCOPES = ("repo", "read:org", "user:email")
SECONDS_TO_START = 20
_HIDDEN = re.compile(r'<input type="?hidden"? name="(\w+)" value="([^"]*)"')
_KEYS = ("hub-client-secret", "hub-webhook-secret", "hub-app-key")


class LocalHub:
    """A running hub. `port` is its own; the web's, to which it sends webhooks, is the one before."""

    def __init__(self, data_dir: Path, port: int) -> None:
        self.data_dir = data_dir
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.api_url = f"{self.url}/api/v3"
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=20)
        self._settings = Settings(data_dir=data_dir, port=port - 1, github_client_id=None, public_url="")

    @property
    def log(self) -> Path:
        """What the process has said."""
        return self.data_dir / "hub.log"

    @property
    def callback(self) -> str:
        """The one address that a sign-in returns to."""
        return f"http://127.0.0.1:{self.port - 1}/auth/callback"

    @property
    def client_secret(self) -> str:
        """The app's own secret."""
        return self._settings.client_secret

    @property
    def webhook_secret(self) -> str:
        """What webhooks are signed with."""
        return self._settings.webhook_secret

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process of the product's use this hub."""
        return {"ASYNCCODER_PORT": str(self.port - 1), "ASYNCCODER_DATA_DIR": str(self.data_dir)}

    def reset(self) -> None:
        """Back to the seed; webhooks are on again, and no token is good any longer."""
        self.http.cookies.clear()
        self.http.post("/_control/reset").raise_for_status()

    def set_webhooks(self, enabled: bool) -> None:
        """Switches webhooks on or off."""
        self.http.post("/_control/webhooks", json={"enabled": enabled}).raise_for_status()

    def control(self, name: str, /, **wish: Any) -> None:
        """Asks for what tests may ask of the hub beyond what GitHub does."""
        self.http.post(f"/_control/{name}", json=wish).raise_for_status()

    def remaining(self, login: str) -> int:
        """How many requests the person has left in this hour, of which this question is one."""
        return int(self.as_person(login).get("/user").headers["x-ratelimit-remaining"])

    def token(self, login: str, scopes: Sequence[str] = SCOPES) -> Token:
        """A person's token, by the road that a browser and the product take."""
        start = oauth.authorization_url(
            github_url=self.url, client_id=DEMO_CLIENT_ID, redirect_uri=self.callback, scopes=scopes
        )
        returned = self.pick(start.url, login)
        assert returned["state"] == start.state
        return oauth.exchange(
            github_url=self.url,
            client_id=DEMO_CLIENT_ID,
            client_secret=self.client_secret,
            redirect_uri=self.callback,
            code=returned["code"],
            verifier=start.verifier,
        )

    def pick(self, authorize_url: str, login: str) -> dict[str, str]:
        """Picks a person on the authorize page; what the browser is sent back with."""
        page = self.http.get(authorize_url)
        assert page.status_code == 200, page.text
        fields = {name: unescape(value) for name, value in _HIDDEN.findall(page.text)}
        answer = self.http.post("/login/oauth/authorize", data=fields | {"login": login})
        assert answer.status_code == 302, answer.text
        assert answer.headers["location"].startswith(self.callback)
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}

    def as_person(self, login: str) -> "Person":
        """That person with a token."""
        return Person(self, self.token(login).access_token)

    def pulls(self, login: str, full_name: str) -> list[tuple[int, str, str]]:
        """Number, head branch and draft|open|closed|merged of all pull requests, oldest first."""
        return self.as_person(login).pulls(full_name)

    def merge(self, login: str, full_name: str, number: int) -> None:
        """Merges a pull request, as that person."""
        answer = self.as_person(login).put(f"/repos/{full_name}/pulls/{number}/merge")
        assert answer.status_code == 200, answer.text

    def resolve(self, login: str, full_name: str, number: int, comment_id: int, *, resolved: bool = True) -> None:
        """Resolves a conversation on a pull request's page, as that person in a browser, or opens it again."""
        page = f"/{full_name}/pull/{number}"
        self.http.cookies.clear()
        self._press("/login", "/login", login=login)
        self._press(page, f"{page}/conversation/{comment_id}/{'resolve' if resolved else 'unresolve'}")

    def _press(self, page: str, action: str, **fields: str) -> None:
        shown = self.http.get(page).text
        assert f'action="{action}"' in shown, shown
        hidden = {name: unescape(value) for name, value in _HIDDEN.findall(shown)}
        answer = self.http.post(action, data=hidden | fields)
        assert answer.status_code == 303, answer.text

    def commit(self, login: str, full_name: str, path: str, change: Callable[[str], str], branch: str = "main") -> str:
        """Rewrites a file on a branch and pushes that, as that person; gives the commit."""
        return push_change(self.as_person(login).clone_url(full_name), path, change, branch)


class Person:
    """A person with a token, at the API and with git."""

    def __init__(self, hub: LocalHub, token: str) -> None:
        self.hub = hub
        self.token = token

    def clone_url(self, full_name: str) -> str:
        """The clone URL with the token in it."""
        return f"http://x-access-token:{self.token}@127.0.0.1:{self.hub.port}/{full_name}.git"

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """One request to the REST API."""
        sent = {"Authorization": f"Bearer {self.token}", **{name.replace("_", "-"): headers[name] for name in headers}}
        return self.hub.http.request(method, self.hub.api_url + path, json=body, headers=sent)

    def get(self, path: str, **headers: str) -> httpx.Response:
        """GET."""
        return self.ask("GET", path, **headers)

    def put(self, path: str, body: Any = None) -> httpx.Response:
        """PUT."""
        return self.ask("PUT", path, body or {})

    def pulls(self, full_name: str) -> list[tuple[int, str, str]]:
        """Number, head branch and state of all pull requests that are none of the samples, oldest first."""
        found = self.get(f"/repos/{full_name}/pulls?state=all&direction=asc&per_page=100").json()
        return [
            (pull["number"], pull["head"]["ref"], _state(pull)) for pull in found if pull["head"]["ref"] != "coupons"
        ]


def push_change(clone_url: str, path: str, change: Callable[[str], str], branch: str = "main", start: str = "") -> str:
    """Rewrites a file (a missing one is empty) and pushes the branch, made anew from `start` if given; the commit."""
    with TemporaryDirectory() as folder:
        here = Path(folder)
        git(here, "clone", "--quiet", clone_url, ".")
        git(here, "checkout", "--quiet", "-B", branch, start or f"origin/{branch}")
        target = here / path
        before = target.read_text(encoding="utf-8") if target.exists() else ""
        target.write_text(change(before), encoding="utf-8")
        git(here, "add", "--all")
        git(here, "-c", "user.name=Alice", "-c", "user.email=alice@example.org", "commit", "-qm", f"Change {path}")
        git(here, "push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")
        return git(here, "rev-parse", "HEAD")


@pytest.fixture(scope="session")
def hub_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    """One hub for the whole session, on a free port, with a data dir of its own."""
    with running_hub(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture
def hub(hub_process: LocalHub, environment: pytest.MonkeyPatch) -> LocalHub:
    """The hub as new, and this test's settings in agreement with it."""
    hub_process.reset()
    environment.setenv("ASYNCCODER_PORT", str(hub_process.port - 1))
    get_settings.cache_clear()
    keys = get_settings().data_dir / "keys"
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in _KEYS:
        (keys / name).write_text((hub_process.data_dir / "keys" / name).read_text(encoding="utf-8"), encoding="utf-8")
    return hub_process


@pytest.fixture
def connected(people: Any, hub: LocalHub) -> Any:
    """The three people with tokens that the hub takes."""
    for person in (people.alice, people.bob, people.carol):
        with db.transaction() as session:
            user = session.get_one(User, person.id)
            auth.store_token(user, hub.token(person.username))
            session.add(user)
    return people


@contextmanager
def running_hub(data_dir: Path) -> Iterator[LocalHub]:
    """A hub as a process of its own, ended by SIGTERM."""
    hub = LocalHub(data_dir, free_port_pair() + 1)
    process = start_hub(hub)
    try:
        wait_until_healthy(hub, process)
        yield hub
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        hub.http.close()


def start_hub(hub: LocalHub) -> "subprocess.Popen[bytes]":
    """Starts the program and returns at once; what it says goes into `hub.log`."""
    foreign = ("ASYNCCODER_", "GITHUB_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    argv = [sys.executable, "-m", "backend.localhub"]
    hub.data_dir.mkdir(parents=True, exist_ok=True)
    with hub.log.open("ab") as said:
        return subprocess.Popen(argv, cwd=PROJECT, env={**kept, **hub.environment}, stderr=said)


def wait_until_healthy(hub: LocalHub, process: "subprocess.Popen[bytes]") -> None:
    """Returns once it serves; fails with its last words where it ends instead."""
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"The local hub ended at once: {hub.log.read_text(encoding='utf-8')[-2000:]}")
        try:
            if hub.http.get("/health").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("The local hub did not become healthy.")


def _state(pull: dict[str, Any]) -> str:
    if pull["merged_at"]:
        return "merged"
    return "draft" if pull["state"] == "open" and pull["draft"] else str(pull["state"])
