"""Alice owns, Bob is on her team, Carol must see nothing: the same by REST, by git and on the pages."""

from pathlib import Path

import httpx
import pytest

from tests.backend.localhub.conftest import Clone, RunningHub, Visitor, clone_of, git, plain_http

# Who holds what; None is a stranger without any credentials, "" stands for nothing to see.
MATRIX = {
    ("alice", "alice/sample-shop"): "admin",
    ("bob", "alice/sample-shop"): "",
    ("carol", "alice/sample-shop"): "",
    (None, "alice/sample-shop"): "",
    ("alice", "acme/shop"): "write",
    ("bob", "acme/shop"): "write",
    ("carol", "acme/shop"): "",
    (None, "acme/shop"): "",
    ("alice", "alice/notes"): "admin",
    ("bob", "alice/notes"): "read",
    ("carol", "alice/notes"): "read",
    (None, "alice/notes"): "read",
    ("alice", "bob/dotfiles"): "read",
    ("bob", "bob/dotfiles"): "admin",
}
ROUTES = ("", "/branches", "/branches/main", "/pulls", "/pulls/1", "/pulls/1/files", "/pulls/1/commits", "/hooks")


@pytest.mark.parametrize(("login", "full_name"), list(MATRIX))
def test_the_api_shows_what_one_may_see_and_no_more(shared_hub: RunningHub, login: str | None, full_name: str) -> None:
    level = MATRIX[login, full_name]
    answer = shared_hub.caller(login).get(f"/repos/{full_name}")
    assert answer.status_code == (200 if level else 404)
    if level:
        rights = answer.json()["permissions"]
        assert (rights["pull"], rights["push"], rights["admin"]) == (
            True,
            level in ("write", "admin"),
            level == "admin",
        )


@pytest.mark.parametrize("route", ROUTES)
def test_what_is_hidden_looks_like_what_is_not_there(shared_hub: RunningHub, route: str) -> None:
    for login in ("carol", None):
        caller = shared_hub.caller(login)
        hidden, missing = (caller.get(f"/repos/alice/{name}{route}") for name in ("sample-shop", "no-such-thing"))
        assert (hidden.status_code, hidden.json()) == (missing.status_code, missing.json())
        assert hidden.status_code == 404
    for method, path in (("POST", "/pulls"), ("PATCH", "/pulls/1"), ("PUT", "/pulls/1/merge"), ("POST", "/hooks")):
        answer = shared_hub.caller("carol").request(method, f"/repos/alice/sample-shop{path}", json={})
        assert answer.status_code == 404, path


@pytest.mark.parametrize(("login", "full_name"), list(MATRIX))
def test_git_shows_the_same(shared_hub: RunningHub, login: str | None, full_name: str) -> None:
    level = MATRIX[login, full_name]
    done = git("ls-remote", shared_hub.clone_url(full_name, login), check=False)
    assert (done.returncode == 0) == bool(level)
    assert ("refs/heads/main" in done.stdout) == bool(level)


@pytest.mark.parametrize(("login", "full_name"), list(MATRIX))
def test_the_pages_show_the_same(shared_hub: RunningHub, login: str | None, full_name: str) -> None:
    level = MATRIX[login, full_name]
    visitor = Visitor(shared_hub, login)
    for path in ("", "/pulls", "/branches", "/tree/main", "/blob/main/README.md", "/raw/main/README.md"):
        assert visitor.get(f"/{full_name}{path}").status_code == (200 if level else 404), path
    assert (full_name in visitor.get("/").text) == bool(level)
    may_look = level in ("write", "admin")
    assert (visitor.get(f"/{full_name}/settings/hooks").status_code == 200) == may_look


def test_each_sees_their_own_list(shared_hub: RunningHub) -> None:
    def names(login: str, query: str = "") -> list[str]:
        return [one["full_name"] for one in shared_hub.caller(login).get(f"/user/repos{query}").json()]

    assert names("alice") == ["acme/shop", "alice/notes", "alice/sample-shop"]
    assert names("bob") == ["acme/shop", "bob/dotfiles"]
    assert names("carol") == []
    assert names("alice", "?affiliation=organization_member") == ["acme/shop"]
    assert names("alice", "?affiliation=owner&visibility=public") == ["alice/notes"]
    assert names("alice", "?type=private&direction=desc") == ["alice/sample-shop", "acme/shop"]
    assert names("alice", "?affiliation=collaborator") == []


def test_without_the_scope_repo_private_ones_are_hidden_and_nothing_is_written(shared_hub: RunningHub) -> None:
    caller = shared_hub.caller("alice", scopes="user:email")
    assert [one["full_name"] for one in caller.get("/user/repos").json()] == ["alice/notes"]
    assert caller.get("/repos/alice/sample-shop").status_code == 404
    wish = {"title": "x", "head": "y", "base": "main"}
    assert caller.post("/repos/alice/notes/pulls", json=wish).status_code == 403
    assert caller.get("/repos/alice/notes/hooks").status_code == 404


def test_addresses_need_their_scope_and_the_whole_profile_its_own(shared_hub: RunningHub) -> None:
    assert shared_hub.caller("alice", scopes="repo").get("/user/emails").status_code == 404
    emails = shared_hub.caller("carol").get("/user/emails").json()
    assert emails[0]["primary"] and emails[0]["visibility"] == "private"
    assert shared_hub.caller("carol").get("/user").json()["email"] is None
    assert "two_factor_authentication" not in shared_hub.caller("alice").get("/user").json()
    whole = shared_hub.caller("alice", scopes="user").get("/user").json()
    assert whole["owned_private_repos"] == 1 and whole["public_repos"] == 1


@pytest.mark.parametrize(
    "header", ["Bearer gho_" + "x" * 36, "token nonsense", "Bearer", "Basic !!!", "Basic YTpi", "Digest abc", ""]
)
def test_bad_credentials_are_told_as_such_even_for_what_is_public(shared_hub: RunningHub, header: str) -> None:
    http = plain_http(headers={"Authorization": header})
    for path in ("/user", "/repos/alice/notes", "/no/such/route"):
        answer = http.get(shared_hub.api + path)
        assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")


def test_nobody_in_particular_has_no_profile(shared_hub: RunningHub) -> None:
    for path in ("/user", "/user/repos", "/user/emails"):
        answer = shared_hub.caller(None).get(path)
        assert (answer.status_code, answer.json()["message"]) == (401, "Requires authentication")


def test_a_revoked_token_is_bad_everywhere_at_once(hub: RunningHub) -> None:
    caller = hub.caller("alice")
    url = hub.clone_url("alice/sample-shop", "alice")
    hub.control("revoke", login="alice")
    assert caller.get("/user").status_code == 401
    assert git("ls-remote", url, check=False).returncode != 0


def test_git_asks_strangers_for_credentials_and_tells_others_that_nothing_is_there(shared_hub: RunningHub) -> None:
    path = f"{shared_hub.url}/alice/sample-shop.git/info/refs?service=git-upload-pack"
    stranger = plain_http().get(path)
    assert stranger.status_code == 401 and stranger.headers["www-authenticate"].startswith("Basic")
    carol = httpx.BasicAuth("x-access-token", shared_hub.token("carol"))
    assert plain_http(auth=carol).get(path).status_code == 404
    assert plain_http(auth=httpx.BasicAuth("x", "wrong")).get(path).status_code == 401
    missing = plain_http().get(path.replace("sample-shop", "no-such-thing"))
    assert (missing.status_code, missing.text) == (stranger.status_code, stranger.text)


def test_who_may_only_read_cannot_push(hub: RunningHub, tmp_path: Path) -> None:
    notes = clone_of(hub, "alice/notes", "bob", tmp_path / "notes")
    notes.commit("mine", {"x": "y"})
    refused = git("push", "origin", "mine", cwd=notes.path, check=False)
    assert refused.returncode != 0 and "403" in refused.stderr
    git("remote", "set-url", "origin", hub.clone_url("alice/notes"), cwd=notes.path)
    assert git("push", "origin", "mine", cwd=notes.path, check=False).returncode != 0
    assert [one["name"] for one in hub.caller("alice").get("/repos/alice/notes/branches").json()] == ["main"]


def test_the_dumb_protocol_and_other_files_are_not_served(shared_hub: RunningHub) -> None:
    auth = httpx.BasicAuth("x-access-token", shared_hub.token("alice"))
    root = f"{shared_hub.url}/alice/sample-shop.git"
    assert plain_http(auth=auth).get(f"{root}/info/refs").status_code == 403
    assert plain_http(auth=auth).get(f"{root}/info/refs?service=git-upload-archive").status_code == 403
    for path in ("HEAD", "config", "objects/info/packs", "../2001.git/config", "%2e%2e/hub.sqlite3"):
        assert plain_http(auth=auth).get(f"{root}/{path}").status_code == 404, path


def test_pull_requests_refs_can_be_fetched_but_not_pushed_to(hub: RunningHub, clone: Clone) -> None:
    sha = clone.offer("fix")
    hub.caller("alice").post("/repos/alice/sample-shop/pulls", json={"title": "Fix", "head": "fix", "base": "main"})
    assert f"{sha}\trefs/pull/1/head" in git("ls-remote", "origin", cwd=clone.path).stdout
    done = git("push", "origin", "HEAD:refs/pull/1/head", cwd=clone.path, check=False)
    assert done.returncode != 0 and "hidden ref" in done.stderr


def test_a_large_push_arrives_whole(hub: RunningHub, clone: Clone) -> None:
    # Over http.postBuffer git sends in chunks, without a length, and compressed.
    text = "".join(f"{number * 7919 % 1_000_003}\n" for number in range(400_000))
    clone.commit("large", {"numbers.txt": text})
    clone.push()
    other = clone.path.parent / "other"
    git("clone", "-q", "--branch", "large", hub.clone_url("alice/sample-shop", "alice"), str(other))
    assert (other / "numbers.txt").read_text() == text
