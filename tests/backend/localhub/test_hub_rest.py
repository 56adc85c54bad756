"""The REST API's manners: pages, conditions, limits; and what it refuses about pull requests."""

import json
import time
from typing import Any

import httpx
import pytest

from tests.backend.localhub.conftest import Clone, RunningHub, clone_of, git, plain_http

SAMPLE = "/repos/alice/sample-shop"
PULLS = f"{SAMPLE}/pulls"
WISH = {"title": "Fix", "head": "fix", "base": "main"}


def errors_of(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 422, answer.text
    assert answer.json()["message"] == "Validation Failed"
    return answer.json()["errors"]


def test_lists_come_in_pages_with_links(shared_hub: RunningHub) -> None:
    caller = shared_hub.caller("alice")
    names, url, pages = [], "/user/repos?per_page=1&sort=full_name", 0
    while url:
        answer = caller.get(url)
        names += [one["name"] for one in answer.json()]
        url, pages = answer.links.get("next", {}).get("url", ""), pages + 1
    assert names == ["shop", "notes", "sample-shop"] and pages == 3
    middle = caller.get("/user/repos?per_page=1&page=2").links
    assert set(middle) == {"first", "prev", "next", "last"}
    assert middle["last"]["url"].endswith("page=3")
    assert caller.get("/user/repos?page=9").json() == []
    assert "link" not in caller.get("/user/repos").headers


@pytest.mark.parametrize(
    "query", ["per_page=101", "per_page=0", "per_page=x", "per_page=-1", "page=0", "page=99999999999"]
)
def test_odd_page_numbers_do_no_harm(shared_hub: RunningHub, query: str) -> None:
    assert len(shared_hub.caller("alice").get(f"/user/repos?{query}").json()) == 3


def test_what_neither_sqlite_nor_git_can_be_asked_for_is_not_found(shared_hub: RunningHub) -> None:
    caller = shared_hub.caller("alice")
    for path in (f"{PULLS}/99999999999999999999999", f"{SAMPLE}/branches/%00", "/repos/alice/%00"):
        assert caller.get(path).status_code == 404, path
    for path in ("/alice/notes/tree/main/%00", "/alice/notes/pull/99999999999999999999999", "/alice/notes/commits/%00"):
        assert httpx.get(shared_hub.url + path).status_code == 404, path


def test_an_unchanged_answer_is_304_and_costs_nothing(hub: RunningHub, clone: Clone) -> None:
    clone.offer("fix")
    caller = hub.caller("alice")
    assert caller.post(PULLS, json=WISH).status_code == 201
    for path in (SAMPLE, PULLS, f"{PULLS}/1", "/user/repos"):
        first = caller.get(path)
        again = caller.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert again.headers["x-ratelimit-remaining"] == first.headers["x-ratelimit-remaining"]
    known = caller.get(f"{PULLS}/1").headers["etag"]
    caller.patch(f"{PULLS}/1", json={"title": "Better"})
    changed = caller.get(f"{PULLS}/1", headers={"If-None-Match": known})
    assert changed.status_code == 200 and changed.json()["title"] == "Better"


def test_the_hourly_limit_is_told_and_kept(hub: RunningHub) -> None:
    caller = hub.caller("bob")
    first = caller.get("/user").headers
    assert (first["x-ratelimit-limit"], first["x-ratelimit-remaining"]) == ("5000", "4999")
    hub.control("rate", login="bob", remaining=1, seconds=60)
    assert caller.get("/user").status_code == 200
    refused = caller.get("/user")
    assert refused.status_code == 403 and "API rate limit exceeded" in refused.json()["message"]
    assert refused.headers["x-ratelimit-remaining"] == "0"
    left = int(refused.headers["x-ratelimit-reset"]) - time.time()
    assert 0 < left <= 61
    assert hub.caller("alice").get("/user").status_code == 200
    hub.control("rate", login="bob", remaining=0, seconds=1)
    time.sleep(2.1)  # it ends with a whole second, and lasts no less than one
    assert caller.get("/user").status_code == 200


def test_callers_say_who_they_are_and_which_version_they_mean(shared_hub: RunningHub) -> None:
    bare = plain_http()
    del bare.headers["User-Agent"]
    assert bare.get(f"{shared_hub.api}/repos/alice/notes").status_code == 403
    odd = shared_hub.caller("alice").get("/user", headers={"X-GitHub-Api-Version": "1999-01-01"})
    assert odd.status_code == 400


def test_branches_are_listed_and_shown_with_slashes_in_their_names(hub: RunningHub, clone: Clone) -> None:
    sha = clone.offer("feature/a+b")
    caller = hub.caller("alice")
    listed = {one["name"]: one["commit"]["sha"] for one in caller.get(f"{SAMPLE}/branches").json()}
    assert listed["feature/a+b"] == sha and set(listed) == {"coupons", "feature/a+b", "main"}
    one = caller.get(f"{SAMPLE}/branches/feature/a+b").json()
    assert one["commit"]["sha"] == sha and one["commit"]["author"]["login"] == "alice"
    assert caller.get(f"{SAMPLE}/branches?protected=true").json() == []
    for odd in ("gone", "main^", "main~1", "..%2Fmain", "--all", "refs/heads/main", "ma*n"):
        assert caller.get(f"{SAMPLE}/branches/{odd}").status_code == 404, odd


def test_a_pull_request_is_opened_once(hub: RunningHub, clone: Clone) -> None:
    sha = clone.offer("fix")
    caller = hub.caller("alice")
    made = caller.post(PULLS, json=WISH | {"body": "Why", "draft": True})
    assert made.status_code == 201 and made.headers["location"] == made.json()["url"]
    pull = made.json()
    assert pull["id"] > 2**32 and pull["number"] == 1 and pull["draft"] and not pull["merged"]
    assert (pull["head"]["label"], pull["head"]["sha"]) == ("alice:fix", sha)
    assert (pull["commits"], pull["changed_files"], pull["additions"], pull["mergeable"]) == (1, 1, 1, True)
    (error,) = errors_of(caller.post(PULLS, json=WISH))
    assert error["message"] == "A pull request already exists for alice:fix."
    assert caller.get(f"{PULLS}/2").status_code == 404


UNFIT: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"head": "gone"}, {"field": "head", "code": "invalid"}),
    ({"head": "bob:fix"}, {"field": "head", "code": "invalid"}),
    ({"head": "--upload-pack=x"}, {"field": "head", "code": "invalid"}),
    ({"base": "gone"}, {"field": "base", "code": "invalid"}),
    ({"title": ""}, {"field": "title", "code": "missing_field"}),
    ({"title": None}, {"field": "title", "code": "missing_field"}),
    ({"title": "x" * 257}, {"field": "title", "code": "custom"}),
    ({"body": "x" * 65_537}, {"field": "body", "code": "custom"}),
    ({"head": "main"}, {"message": "No commits between main and main", "code": "custom"}),
    ({"head": "same"}, {"message": "No commits between main and same", "code": "custom"}),
]
WRONG_TYPES: list[dict[str, Any]] = [
    {"title": "x"},
    {"title": "x", "head": 3, "base": "main"},
    WISH | {"draft": "yes"},
    WISH | {"body": 7},
    WISH | {"body": "\ud800"},  # half a character: JSON can name it, UTF-8 cannot
]


def test_what_cannot_be_a_pull_request_is_refused_with_the_field(hub: RunningHub, clone: Clone) -> None:
    clone.offer("fix")
    clone.push("origin/main:refs/heads/same")
    caller = hub.caller("alice")
    for changes, expected in UNFIT:
        (error,) = errors_of(caller.post(PULLS, json=WISH | changes))
        assert error["resource"] == "PullRequest"
        assert {name: error.get(name) for name in expected} == expected, changes
    for wish in WRONG_TYPES:
        answer = caller.post(PULLS, content=json.dumps(wish).encode())
        assert answer.status_code == 422 and answer.json()["message"].startswith("Invalid request."), wish
    assert [one["number"] for one in caller.get(PULLS).json()] == [13], "the one that waits in the sample"


def test_broken_bodies_are_400(shared_hub: RunningHub) -> None:
    caller = shared_hub.caller("alice")
    assert caller.post(PULLS, content=b"{").json()["message"] == "Problems parsing JSON"
    assert caller.post(PULLS, content=b"\xff\xfe").status_code == 400
    assert caller.post(PULLS, content=b"[]").json()["message"] == "Body should be a JSON object"
    assert caller.post(PULLS, content=b"9" * 5000).status_code == 400
    assert caller.post(PULLS, content=b" " * 2_000_001).status_code == 413


def test_lists_are_filtered_as_asked(hub: RunningHub, clone: Clone) -> None:
    caller = hub.caller("alice")
    for branch in ("one", "two"):
        clone.offer(branch)
        assert caller.post(PULLS, json=WISH | {"head": branch, "title": branch}).status_code == 201
    caller.patch(f"{PULLS}/1", json={"state": "closed"})

    def numbers(query: str) -> list[int]:
        return [one["number"] for one in caller.get(f"{PULLS}?{query}").json() if one["number"] != 13]

    assert numbers("") == [2] and numbers("state=closed") == [1]
    assert numbers("state=all") == [2, 1] and numbers("state=all&direction=asc") == [1, 2]
    assert numbers("state=all&sort=updated") == [2, 1] or numbers("state=all&sort=updated") == [1, 2]
    assert numbers("state=all&head=alice:one") == [1] and numbers("head=alice:one") == []
    assert numbers("head=two") == [2], "a head without its owner is left aside, as GitHub does"
    assert numbers("head=bob:two") == [] and numbers("base=other") == [] and numbers("base=main") == [2]
    assert errors_of(caller.get(f"{PULLS}?state=merged"))[0]["field"] == "state"


def test_a_pull_request_is_changed_closed_and_reopened(hub: RunningHub, clone: Clone) -> None:
    clone.offer("fix")
    caller = hub.caller("alice")
    caller.post(PULLS, json=WISH)
    changed = caller.patch(f"{PULLS}/1", json={"title": "New", "body": "Because"}).json()
    assert (changed["title"], changed["body"], changed["state"]) == ("New", "Because", "open")
    closed = caller.patch(f"{PULLS}/1", json={"state": "closed"}).json()
    assert closed["state"] == "closed" and closed["closed_at"] and closed["mergeable"] is None
    assert caller.post(PULLS, json=WISH).status_code == 201
    refused = caller.patch(f"{PULLS}/1", json={"state": "open"})
    assert "already an open pull request" in errors_of(refused)[0]["message"]
    caller.patch(f"{PULLS}/2", json={"state": "closed"})
    assert caller.patch(f"{PULLS}/1", json={"state": "open"}).json()["closed_at"] is None
    for wish in ({"state": "merged"}, {"base": "gone"}, {"title": ""}):
        assert caller.patch(f"{PULLS}/1", json=wish).status_code == 422
    assert caller.patch(f"{PULLS}/99", json={}).status_code == 404


def test_the_files_of_a_change_are_told_as_git_sees_them(hub: RunningHub, clone: Clone) -> None:
    git("checkout", "-q", "-b", "fix", cwd=clone.path)
    git("mv", "tests/test_totals.py", "tests/test_sums.py", cwd=clone.path)
    (clone.path / "shop/__init__.py").unlink()
    (clone.path / "image.bin").write_bytes(bytes(range(256)))
    clone.add({"ünïcode name.txt": "a\nb\n", "README.md": "# Other\n"})
    clone.push()
    caller = hub.caller("alice")
    caller.post(PULLS, json=WISH)
    files = {one["filename"]: one for one in caller.get(f"{PULLS}/1/files").json()}
    assert {name: one["status"] for name, one in files.items()} == {
        "README.md": "modified",
        "image.bin": "added",
        "shop/__init__.py": "removed",
        "tests/test_sums.py": "renamed",
        "ünïcode name.txt": "added",
    }
    assert files["tests/test_sums.py"]["previous_filename"] == "tests/test_totals.py"
    assert "patch" not in files["image.bin"] and files["image.bin"]["changes"] == 0
    assert files["ünïcode name.txt"]["patch"] == "@@ -0,0 +1,2 @@\n+a\n+b"
    first = caller.get(f"{PULLS}/1/files?per_page=2")
    assert len(first.json()) == 2 and "next" in first.links


def test_only_the_author_or_who_may_push_changes_a_pull_request(hub: RunningHub, clone: Clone, tmp_path: Any) -> None:
    notes = clone_of(hub, "alice/notes", "alice", tmp_path / "notes")
    notes.offer("fix")
    url = "/repos/alice/notes/pulls"
    assert hub.caller("bob").post(url, json=WISH).status_code == 403
    assert hub.caller("alice").post(url, json=WISH).status_code == 201
    assert hub.caller("bob").get(f"{url}/1").status_code == 200, "it is public"
    assert hub.caller("bob").patch(f"{url}/1", json={"state": "closed"}).status_code == 403
    assert hub.caller("bob").put(f"{url}/1/merge").status_code == 403
    for method, path in (("POST", ""), ("PATCH", "/1"), ("PUT", "/1/merge")):
        assert hub.caller(None).request(method, url + path, json=WISH).status_code == 401


def test_what_is_pushed_is_seen_at_once(hub: RunningHub, clone: Clone) -> None:
    caller = hub.caller("alice")
    clone.offer("fix")
    caller.post(PULLS, json=WISH)
    before = caller.get(f"{PULLS}/1").json()
    sha = clone.add({"more": "x"})
    clone.push()
    after = caller.get(f"{PULLS}/1").json()
    assert after["head"]["sha"] == sha != before["head"]["sha"] and after["commits"] == 2
    clone.push("+origin/main:refs/heads/other", "+HEAD:refs/heads/main")
    merged = caller.get(f"{PULLS}/1").json()
    assert merged["merged"] and merged["merge_commit_sha"] == sha, "its commits are in the base branch now"
    clone.offer("gone")
    caller.post(PULLS, json=WISH | {"head": "gone"})
    clone.push(":gone")
    assert caller.get(f"{PULLS}/2").json()["state"] == "closed", "its branch is deleted"
    assert "was deleted" in errors_of(caller.patch(f"{PULLS}/2", json={"state": "open"}))[0]["message"]


def test_unknown_routes_are_not_found(shared_hub: RunningHub) -> None:
    for method, path in (("GET", "/orgs/acme"), ("DELETE", SAMPLE), ("GET", f"{PULLS}/x"), ("PUT", "/user")):
        answer = shared_hub.caller("alice").request(method, path)
        assert (answer.status_code, answer.json()["message"]) == (404, "Not Found")
