"""Every REST answer and every webhook, held against GitHub's own published description."""

import json
from typing import Any

import httpx
import pytest

from tests.backend.localhub.conftest import Clone, RunningHub, Visitor
from tests.backend.localhub.openapi import Description

SAMPLE = "/repos/alice/sample-shop"
REPO, PULL = "/repos/{owner}/{repo}", "/repos/{owner}/{repo}/pulls/{pull_number}"
SEEN = {"event": "COMMENT", "comments": [{"path": "shop/coupons.py", "line": 1, "body": "x?"}]}
REVIEW = {"event": "COMMENT", "body": "", "comments": [{"path": "README.md", "line": 1, "body": "x?"}]}
WISH = {"title": "Fix", "head": "fix", "base": "main", "body": "Why"}
HOOK = {"config": {"url": "http://127.0.0.1:1/", "secret": "s", "content_type": "json"}, "events": ["ping"]}


@pytest.fixture(scope="module")
def github() -> Description:
    """GitHub's description; the first time it is fetched by npm."""
    return Description()


def body_of(answer: httpx.Response) -> Any:
    return answer.json() if answer.content else None


def check(github: Description, answer: httpx.Response, method: str, route: str, status: int) -> None:
    """The answer is of this status and shape; refusals all say what, where to read on, and their status."""
    assert answer.status_code == status, answer.text
    data = body_of(answer)
    problems = github.problems(method, route, status, data)
    if status >= 400 and problems == [f"{method} {route} never answers {status}"]:
        problems = github.error_problems(data)
    assert not problems, "\n".join([f"{method} {route} {status}", *problems[:10]])
    if status >= 400 and data is not None:
        assert data["message"] and data["documentation_url"].startswith("https://docs.github.com/rest")
        assert data["status"] == str(status)


def test_people_and_their_repositories(shared_hub: RunningHub, github: Description) -> None:
    for login in ("alice", "bob", "carol"):
        for scopes in ("repo,user", "repo,user:email"):
            caller = shared_hub.caller(login, scopes)
            for route in ("/user", "/user/emails", "/user/repos"):
                check(github, caller.get(route), "GET", route, 200)
    for route in ("/user", "/user/emails", "/user/repos"):
        check(github, shared_hub.caller(None).get(route), "GET", route, 401)
        known = shared_hub.caller("alice").get(route).headers["etag"]
        again = shared_hub.caller("alice").get(route, headers={"If-None-Match": known})
        check(github, again, "GET", route, 304)
    check(github, shared_hub.caller("alice", "repo").get("/user/emails"), "GET", "/user/emails", 404)
    wrong = shared_hub.caller("alice").get("/user/repos?type=all&visibility=all")
    check(github, wrong, "GET", "/user/repos", 422)


def test_repositories_and_branches(shared_hub: RunningHub, github: Description) -> None:
    for login, full_name in (
        ("alice", "alice/sample-shop"),
        ("bob", "acme/shop"),
        ("carol", "alice/notes"),
        (None, "bob/dotfiles"),
    ):
        caller = shared_hub.caller(login)
        check(github, caller.get(f"/repos/{full_name}"), "GET", REPO, 200)
        check(github, caller.get(f"/repos/{full_name}/branches"), "GET", f"{REPO}/branches", 200)
        check(github, caller.get(f"/repos/{full_name}/branches/main"), "GET", f"{REPO}/branches/{{branch}}", 200)
    carol = shared_hub.caller("carol")
    check(github, carol.get(SAMPLE), "GET", REPO, 404)
    check(github, carol.get(f"{SAMPLE}/branches"), "GET", f"{REPO}/branches", 404)
    gone = shared_hub.caller("alice").get(f"{SAMPLE}/branches/gone")
    check(github, gone, "GET", f"{REPO}/branches/{{branch}}", 404)


def test_a_pull_requests_whole_life(hub: RunningHub, clone: Clone, github: Description) -> None:
    clone.offer("fix", {"new file.txt": "a\n", "shop/totals.py": "# nothing\n"})
    (clone.path / "image").write_bytes(b"\0\1")
    clone.add({"README.md": "x"})
    clone.push()
    caller, pulls = hub.caller("alice"), f"{SAMPLE}/pulls"
    one = f"{pulls}/1"
    check(github, caller.post(pulls, json=WISH), "POST", f"{REPO}/pulls", 201)
    check(github, caller.post(pulls, json=WISH), "POST", f"{REPO}/pulls", 422)
    check(github, caller.post(pulls, json={"title": "x"}), "POST", f"{REPO}/pulls", 422)
    check(github, hub.caller("carol").post(pulls, json=WISH), "POST", f"{REPO}/pulls", 404)
    check(github, hub.caller("bob").post("/repos/alice/notes/pulls", json=WISH), "POST", f"{REPO}/pulls", 403)
    check(github, caller.get(pulls), "GET", f"{REPO}/pulls", 200)
    check(github, caller.get(f"{pulls}?state=x"), "GET", f"{REPO}/pulls", 422)
    check(github, caller.get(one), "GET", PULL, 200)
    check(github, caller.get(one, headers={"If-None-Match": caller.get(one).headers["etag"]}), "GET", PULL, 304)
    check(github, caller.get(f"{pulls}/2"), "GET", PULL, 404)
    check(github, caller.get(f"{one}/files"), "GET", f"{PULL}/files", 200)
    check(github, caller.get(f"{one}/commits"), "GET", f"{PULL}/commits", 200)
    check(github, caller.post(f"{one}/reviews", json=REVIEW), "POST", f"{PULL}/reviews", 200)
    wrong = REVIEW | {"comments": [{"path": "README.md", "line": 99, "body": "No."}]}
    check(github, caller.post(f"{one}/reviews", json=wrong), "POST", f"{PULL}/reviews", 422)
    check(github, caller.get(f"{one}/reviews"), "GET", f"{PULL}/reviews", 200)
    check(github, caller.get(f"{one}/comments"), "GET", f"{PULL}/comments", 200)
    check(github, caller.get(f"{one}/merge"), "GET", f"{PULL}/merge", 404)
    check(github, caller.patch(one, json={"title": "Other", "state": "closed"}), "PATCH", PULL, 200)
    check(github, caller.get(f"{pulls}?state=all"), "GET", f"{REPO}/pulls", 200)
    check(github, caller.put(f"{one}/merge"), "PUT", f"{PULL}/merge", 405)
    check(github, caller.patch(one, json={"state": "open"}), "PATCH", PULL, 200)
    check(github, caller.patch(one, json={"state": "odd"}), "PATCH", PULL, 422)
    check(github, caller.put(f"{one}/merge", json={"sha": "0" * 40}), "PUT", f"{PULL}/merge", 409)
    check(github, caller.put(f"{one}/merge", json={"merge_method": "x"}), "PUT", f"{PULL}/merge", 422)
    check(github, hub.caller("carol").put(f"{one}/merge"), "PUT", f"{PULL}/merge", 404)
    check(github, caller.put(f"{one}/merge"), "PUT", f"{PULL}/merge", 200)
    check(github, caller.get(f"{one}/merge"), "GET", f"{PULL}/merge", 204)
    check(github, caller.get(one), "GET", PULL, 200)
    check(github, caller.get(SAMPLE), "GET", REPO, 200)


def test_issues_and_their_comments(hub: RunningHub, clone: Clone, github: Description) -> None:
    clone.offer("fix")
    caller, carol = hub.caller("alice"), hub.caller("carol")
    caller.post(f"{SAMPLE}/pulls", json=WISH)
    index, one, comments = (
        f"{REPO}/issues",
        f"{REPO}/issues/{{issue_number}}",
        f"{REPO}/issues/{{issue_number}}/comments",
    )
    for query in ("", "?state=all", "?state=closed&sort=updated&direction=asc", "?per_page=1&page=2"):
        check(github, caller.get(f"{SAMPLE}/issues{query}"), "GET", index, 200)
    check(github, caller.get(f"{SAMPLE}/issues?state=odd"), "GET", index, 422)
    check(github, carol.get(f"{SAMPLE}/issues"), "GET", index, 404)
    for number in (12, 15, 1):  # an open one, a closed one, a pull request
        check(github, caller.get(f"{SAMPLE}/issues/{number}"), "GET", one, 200)
        check(github, caller.get(f"{SAMPLE}/issues/{number}/comments"), "GET", comments, 200)
        check(github, carol.get(f"{SAMPLE}/issues/{number}"), "GET", one, 404)
        check(github, carol.get(f"{SAMPLE}/issues/{number}/comments"), "GET", comments, 404)
    known = caller.get(f"{SAMPLE}/issues/12").headers["etag"]
    check(github, caller.get(f"{SAMPLE}/issues/12", headers={"If-None-Match": known}), "GET", one, 304)
    for path, status in ((f"{SAMPLE}/issues/99", 404), ("/repos/alice/notes/issues/4", 410)):
        check(github, caller.get(path), "GET", one, status)
        check(github, caller.get(f"{path}/comments"), "GET", comments, status)


def test_what_is_said_and_labelled(hub: RunningHub, clone: Clone, github: Description) -> None:
    clone.offer("fix")
    caller, carol, notes = hub.caller("alice"), hub.caller("carol"), "/repos/alice/notes/issues/3"
    caller.post(f"{SAMPLE}/pulls", json=WISH)
    comments, labels = f"{REPO}/issues/{{issue_number}}/comments", f"{REPO}/issues/{{issue_number}}/labels"
    one, off = f"{REPO}/issues/comments/{{comment_id}}", f"{labels}/{{name}}"
    check(github, caller.post(f"{SAMPLE}/issues", json={"title": "New", "body": "Why"}), "POST", f"{REPO}/issues", 201)
    check(github, caller.post(f"{SAMPLE}/issues", json={"title": " "}), "POST", f"{REPO}/issues", 422)
    for number in (12, 1):  # an issue, a pull request
        made = caller.post(f"{SAMPLE}/issues/{number}/comments", json={"body": "So?"})
        check(github, made, "POST", comments, 201)
        check(github, caller.get(f"{SAMPLE}/issues/{number}/comments"), "GET", comments, 200)
        mine = f"{SAMPLE}/issues/comments/{made.json()['id']}"
        check(github, caller.patch(mine, json={"body": "So!"}), "PATCH", one, 200)
        check(github, caller.get(mine), "GET", one, 200)
        check(github, caller.delete(mine), "DELETE", one, 204)
        check(github, caller.get(mine), "GET", one, 404)
        put = caller.post(f"{SAMPLE}/issues/{number}/labels", json={"labels": ["asynccoder", "50 % / ü"]})
        check(github, put, "POST", labels, 200)
        check(github, caller.get(f"{SAMPLE}/issues/{number}/labels"), "GET", labels, 200)
        check(github, caller.delete(f"{SAMPLE}/issues/{number}/labels/50%20%25%20%2F%20%C3%BC"), "DELETE", off, 200)
        check(github, caller.delete(f"{SAMPLE}/issues/{number}/labels/gone"), "DELETE", off, 404)
        names = [each["name"] for each in caller.get(f"{SAMPLE}/issues/{number}").json()["labels"]]
        assert names == (["asynccoder", "bug"] if number == 12 else ["asynccoder"])
    for body in ({"body": " "}, {"body": "x" * 65_537}, {}):
        check(github, caller.post(f"{SAMPLE}/issues/12/comments", json=body), "POST", comments, 422)
    check(github, carol.post(f"{SAMPLE}/issues/12/comments", json={"body": "x"}), "POST", comments, 404)
    check(github, carol.post(f"{notes}/comments", json={"body": "x"}), "POST", comments, 201)
    check(github, carol.post(f"{notes}/labels", json={"labels": ["x"]}), "POST", labels, 403)
    theirs = caller.get(f"{notes}/comments").json()[0]["id"]
    check(github, carol.patch(f"/repos/alice/notes/issues/comments/{theirs}", json={"body": "x"}), "PATCH", one, 403)


def test_hooks_limits_and_broken_requests(hub: RunningHub, github: Description) -> None:
    caller, hooks = hub.caller("alice"), f"{SAMPLE}/hooks"
    made = caller.post(hooks, json=HOOK)
    check(github, made, "POST", f"{REPO}/hooks", 201)
    check(github, caller.post(hooks, json=HOOK), "POST", f"{REPO}/hooks", 422)
    check(github, caller.get(hooks), "GET", f"{REPO}/hooks", 200)
    one = f"{hooks}/{made.json()['id']}"
    check(github, caller.get(one), "GET", f"{REPO}/hooks/{{hook_id}}", 200)
    check(github, caller.delete(one), "DELETE", f"{REPO}/hooks/{{hook_id}}", 204)
    check(github, caller.delete(one), "DELETE", f"{REPO}/hooks/{{hook_id}}", 404)
    check(github, hub.caller("bob").get("/repos/acme/shop/hooks"), "GET", f"{REPO}/hooks", 404)
    check(github, caller.post(hooks, content=b"{"), "POST", f"{REPO}/hooks", 400)
    hub.control("rate", login="alice", remaining=0)
    check(github, caller.get("/user"), "GET", "/user", 403)


def test_no_field_is_made_up(hub: RunningHub, clone: Clone, github: Description) -> None:
    clone.offer("fix")
    caller = hub.caller("alice")
    caller.post(f"{SAMPLE}/pulls", json=WISH)
    caller.post(f"{SAMPLE}/pulls/13/reviews", json=SEEN)
    answers = {
        "pull-request-review": caller.get(f"{SAMPLE}/pulls/13/reviews").json()[0],
        "pull-request-review-comment": caller.get(f"{SAMPLE}/pulls/13/comments").json()[0],
        "full-repository": caller.get("/repos/acme/shop").json(),
        "repository": caller.get("/user/repos").json()[0],
        "pull-request": caller.get(f"{SAMPLE}/pulls/1").json(),
        "pull-request-simple": caller.get(f"{SAMPLE}/pulls").json()[0],
        "issue": caller.get(f"{SAMPLE}/issues/1").json(),
        "label": caller.post(f"{SAMPLE}/issues/12/labels", json={"labels": ["bug"]}).json()[0],
        "issue-comment": caller.get(f"{SAMPLE}/issues/12/comments").json()[0],
        "simple-user": caller.get(SAMPLE).json()["owner"],
        "public-user": caller.get("/user").json(),
        "private-user": hub.caller("alice", "user").get("/user").json(),
        "commit": caller.get(f"{SAMPLE}/pulls/1/commits").json()[0],
        "diff-entry": caller.get(f"{SAMPLE}/pulls/1/files").json()[0],
        "branch-with-protection": caller.get(f"{SAMPLE}/branches/main").json(),
        "hook": caller.post(f"{SAMPLE}/hooks", json=HOOK).json(),
    }
    for schema, data in answers.items():
        assert set(data) <= github.known_fields(schema), (schema, set(data) - github.known_fields(schema))


def test_webhooks_carry_what_github_carries(hub: RunningHub, clone: Clone, github: Description) -> None:
    caller, pulls = hub.caller("alice"), f"{SAMPLE}/pulls"
    own = {"url": f"http://127.0.0.1:{hub.port - 1}/own", "secret": "s", "content_type": "json"}
    caller.post(f"{SAMPLE}/hooks", json={"config": own, "events": ["ping"]})
    clone.offer("fix")
    caller.post(pulls, json=WISH | {"draft": True})
    page = "/alice/sample-shop/pull/1"
    Visitor(hub, "alice").submit(page, f"{page}/ready")
    clone.push("origin/main:refs/heads/old")
    caller.patch(f"{pulls}/1", json={"title": "New", "body": "Other"})
    caller.patch(f"{pulls}/1", json={"base": "old"})
    clone.add({"more": "x"})
    clone.push()
    caller.patch(f"{pulls}/1", json={"state": "closed"})
    caller.patch(f"{pulls}/1", json={"state": "open"})
    caller.post(f"{pulls}/13/reviews", json=SEEN)
    caller.put(f"{pulls}/1/merge")
    caller.post(f"{SAMPLE}/issues", json={"title": "New"})
    for number in (12, 13):
        said = caller.post(f"{SAMPLE}/issues/{number}/comments", json={"body": "So?"}).json()["id"]
        caller.patch(f"{SAMPLE}/issues/comments/{said}", json={"body": "So!"})
        caller.delete(f"{SAMPLE}/issues/comments/{said}")
        for _ in range(2):  # what is on it is told once
            caller.post(f"{SAMPLE}/issues/{number}/labels", json={"labels": ["asynccoder"]})
        caller.delete(f"{SAMPLE}/issues/{number}/labels/asynccoder")
    told = [(one.headers["x-github-event"], json.loads(one.body)) for one in hub.receiver.wait(22)]
    names = [f"{event}-{data['action']}" if "action" in data else event for event, data in told]
    assert names == [
        "ping",
        "pull_request-opened",
        "pull_request-ready_for_review",
        "pull_request-edited",
        "pull_request-edited",
        "pull_request-synchronize",
        "pull_request-closed",
        "pull_request-reopened",
        "pull_request_review-submitted",
        "pull_request_review_comment-created",
        "pull_request-closed",
        "issues-opened",
        *("issue_comment-created", "issue_comment-edited", "issue_comment-deleted"),
        *("issues-labeled", "issues-unlabeled"),
        *("issue_comment-created", "issue_comment-edited", "issue_comment-deleted"),
        *("pull_request-labeled", "pull_request-unlabeled"),
    ]
    for name, (_, data) in zip(names, told, strict=True):
        problems = github.webhook_problems(name.replace("_", "-"), data)
        assert not problems, "\n".join([name, *problems[:10]])


def test_a_wrong_answer_would_be_found(shared_hub: RunningHub, github: Description) -> None:
    good = shared_hub.caller("alice").get(SAMPLE).json()
    for change in ({"owner": None}, {"id": "2001"}, {"pushed_at": "yesterday"}, {"html_url": "x"}, {"license": 3}):
        assert github.problems("GET", REPO, 200, good | change), change
    assert github.problems("GET", REPO, 200, {name: value for name, value in good.items() if name != "size"})
