"""The app in its own name: its JWT, and tokens of an installation that can do less than it was granted."""

import time
from typing import Any

import github as pygithub
import httpx
import pytest

from backend import rsa_keys
from tests.backend.localhub.conftest import RunningHub, git, plain_http
from tests.backend.localhub.openapi import Description
from tests.backend.localhub.test_hub_openapi import check

INSTALLATION = "/repos/{owner}/{repo}/installation"
TOKENS = "/app/installations/{installation_id}/access_tokens"
ALICE = 1001


def jwt(hub: RunningHub, app_id: str = "1", key: str = "", since: int = -30, until: int = 300) -> str:
    sign, now = pygithub.Auth.AppAuth.create_jwt_sign(key or hub.key("hub-app-key"), "RS256"), int(time.time())
    return str(sign({"iat": now + since, "exp": now + until, "iss": app_id}))


def ask(hub: RunningHub, method: str, path: str, token: str, body: Any = None) -> httpx.Response:
    return plain_http().request(method, hub.api + path, json=body, headers={"Authorization": f"Bearer {token}"})


def test_an_installation_gives_tokens_cut_down_to_what_is_asked(shared_hub: RunningHub) -> None:
    github, app, wish = Description(), jwt(shared_hub), f"/app/installations/{ALICE}/access_tokens"
    check(github, ask(shared_hub, "GET", "/repos/alice/sample-shop/installation", app), "GET", INSTALLATION, 200)
    check(github, ask(shared_hub, "GET", "/repos/alice/none/installation", app), "GET", INSTALLATION, 404)
    repository = shared_hub.caller("alice").get("/repos/alice/sample-shop").json()["id"]
    wanted = {"repository_ids": [repository], "permissions": {"contents": "read"}}
    made = ask(shared_hub, "POST", wish, app, wanted)
    check(github, made, "POST", TOKENS, 201)
    assert made.json()["permissions"] == {"contents": "read", "metadata": "read"}
    refused: list[dict[str, Any]] = [
        {"repository_ids": [repository, 1]},
        {"repository_ids": [{}]},
        {"permissions": {"contents": "admin"}},
        {"permissions": {"administration": "read"}},
        {"permissions": {"contents": ["write"]}},
        {"permissions": []},
    ]
    for bad in refused:
        check(github, ask(shared_hub, "POST", wish, app, bad), "POST", TOKENS, 422)
    check(github, ask(shared_hub, "POST", "/app/installations/9/access_tokens", app), "POST", TOKENS, 404)


def test_only_the_apps_own_key_speaks_for_it(shared_hub: RunningHub) -> None:
    path = "/repos/alice/sample-shop/installation"
    good = jwt(shared_hub)
    head, claims, _ = good.split(".")
    bad = {
        "another key": jwt(shared_hub, key=rsa_keys.new()),
        "another app": jwt(shared_hub, app_id="2"),
        "out of date": jwt(shared_hub, since=-900, until=-300),
        "good for too long": jwt(shared_hub, until=9_000),
        "of tomorrow": jwt(shared_hub, since=86_000, until=86_400),
        "without its signature": f"{head}.{claims}.",
        "unsigned": "eyJhbGciOiJub25lIn0." + claims + ".",
        "no JWT": "a.b.c",
        "a person's": shared_hub.token("alice"),
    }
    for what, token in bad.items():
        assert ask(shared_hub, "GET", path, token).status_code == 401, what
    assert ask(shared_hub, "GET", path, good).status_code == 200
    assert ask(shared_hub, "GET", "/user", good).status_code == 401, "the app is no person"


@pytest.mark.parametrize(("contents", "is_pushed"), [("read", False), ("write", True)])
def test_git_reads_with_either_and_pushes_with_write_alone(
    hub: RunningHub, tmp_path: Any, contents: str, is_pushed: bool
) -> None:
    wish = {"permissions": {"contents": contents}}
    token = ask(hub, "POST", f"/app/installations/{ALICE}/access_tokens", jwt(hub), wish).json()["token"]
    url = f"http://x-access-token:{token}@127.0.0.1:{hub.port}/alice/sample-shop.git"
    git("clone", "-q", url, str(tmp_path / "clone"))
    done = git("push", "-q", "origin", "HEAD:refs/heads/new", cwd=tmp_path / "clone", check=False)
    assert (done.returncode == 0) is is_pushed
    branches = hub.caller("alice").get("/repos/alice/sample-shop/branches").json()
    assert ("new" in [one["name"] for one in branches]) is is_pushed
    assert is_pushed or "403" in done.stderr or "not granted" in done.stderr
