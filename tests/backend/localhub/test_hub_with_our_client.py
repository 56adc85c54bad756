"""The product's own GitHub client and sign-in against the hub: what they expect is what they get."""

import json

import pytest

from backend.errors import GitHubNotFound, GitHubUnprocessable
from backend.github import oauth
from backend.github.changes import PullRequestChanged
from backend.github.client import GitHub
from backend.github.types import NotModified, RepositoryPage
from backend.github.webhooks import parse, verify
from backend.words import PullRequestStatus
from tests.backend.localhub.conftest import Clone, RunningHub, Visitor, hidden_fields, query_of

SAMPLE = "alice/sample-shop"


def test_our_sign_in_gets_a_token_for_the_person_who_was_chosen(hub: RunningHub) -> None:
    start = oauth.authorization_url(
        github_url=hub.url,
        client_id="async-coder-demo",
        redirect_uri=hub.callback,
        scopes=("repo", "read:org", "user:email"),
    )
    page = start.url.removeprefix(hub.url)
    back = query_of(Visitor(hub).submit(page, "/login/oauth/authorize", login="alice").headers["location"])
    assert back["state"] == start.state
    token = oauth.exchange(
        github_url=hub.url,
        client_id="async-coder-demo",
        client_secret=hub.key("hub-client-secret"),
        redirect_uri=hub.callback,
        code=back["code"],
        verifier=start.verifier,
    )
    assert set(token.scopes) == {"repo", "read:org", "user:email"} and token.expires_at is None
    with GitHub(hub.api, token.access_token) as github:
        assert github.me().login == "alice"


def test_our_client_walks_a_pull_request_from_open_to_merged(hub: RunningHub, clone: Clone) -> None:
    sha = clone.offer("asynccoder/1234abcd-fix")
    with GitHub(hub.api, hub.token("alice")) as github:
        page = github.repositories()
        assert isinstance(page, RepositoryPage) and page.last == 1
        assert isinstance(github.repositories(1, page.etag), NotModified)
        access = {one.full_name: one.access_level for one in page.items}
        assert access == {SAMPLE: "admin", "acme/shop": "write", "alice/notes": "admin"}
        assert not github.repository(SAMPLE).is_empty
        assert {branch.name for branch in github.branches(SAMPLE)} == {"main", "coupons", "asynccoder/1234abcd-fix"}
        assert github.find_pull(SAMPLE, "asynccoder/1234abcd-fix", "main") is None
        made = github.open_pull(
            SAMPLE, head="asynccoder/1234abcd-fix", base="main", title="Fix", body="Why", draft=False
        )
        found = github.find_pull(SAMPLE, "asynccoder/1234abcd-fix", "main")
        assert found and (found.github_id, found.head_sha) == (made.github_id, sha)
        assert isinstance(github.pull(SAMPLE, 1, etag=found.etag), NotModified)
        assert github.update_pull(SAMPLE, 1, title="Better").title == "Better"
        address = f"/{SAMPLE}/pull/1"
        Visitor(hub, "alice").submit(address, f"{address}/merge")
        merged = github.pull(SAMPLE, 1, etag=found.etag)
        assert not isinstance(merged, NotModified) and merged.status is PullRequestStatus.MERGED


def test_our_client_reads_an_issue_and_tells_it_from_a_pull_request(hub: RunningHub, clone: Clone) -> None:
    clone.offer("fix")
    with GitHub(hub.api, hub.token("alice")) as github:
        github.open_pull(SAMPLE, head="fix", base="main", title="Fix", body="Why")
        issue = github.issue(SAMPLE, 12)
        assert (issue.author, issue.is_open, issue.is_pull, issue.comments) == ("bob", True, False, 2)
        assert issue.url == f"{hub.url}/{SAMPLE}/issues/12" and "Round once, at the end" in issue.body
        assert [one.author for one in github.issue_comments(SAMPLE, 12, 1)] == ["alice"]
        assert github.issue(SAMPLE, 1).is_pull
        for full_name, number in ((SAMPLE, 99), ("alice/notes", 4), ("bob/nothing", 1)):
            with pytest.raises(GitHubNotFound):
                github.issue(full_name, number)


def test_pull_requests_step_over_the_numbers_of_issues(hub: RunningHub, clone: Clone) -> None:
    with hub.database() as db:
        db.execute("UPDATE issue SET number = 1 WHERE number = 12 AND repository_id = 2001")
    clone.offer("fix")
    with GitHub(hub.api, hub.token("alice")) as github:
        assert github.open_pull(SAMPLE, head="fix", base="main", title="Fix", body="").number == 2


def test_our_webhook_door_believes_and_understands_it(hub: RunningHub, clone: Clone) -> None:
    clone.offer("fix")
    with GitHub(hub.api, hub.token("alice")) as github:
        made = github.open_pull(SAMPLE, head="fix", base="main", title="Fix", body="Why", draft=True)
    (received,) = hub.receiver.wait(1)
    assert verify(hub.key("hub-webhook-secret"), received.body, received.headers["x-hub-signature-256"])
    told = parse(received.headers["x-github-event"], json.loads(received.body))
    assert isinstance(told, PullRequestChanged)
    assert told.pull.github_id == made.github_id and told.pull.status is PullRequestStatus.DRAFT


def test_our_client_ends_a_draft_by_graphql_and_merges_the_head_that_it_saw(hub: RunningHub, clone: Clone) -> None:
    sha = clone.offer("fix")
    with GitHub(hub.api, hub.token("bob")) as bob, GitHub(hub.api, hub.token("alice")) as github:
        made = github.open_pull(SAMPLE, head="fix", base="main", title="Fix", body="Why", draft=True)
        assert made.status is PullRequestStatus.DRAFT
        with pytest.raises(GitHubNotFound):
            bob.mark_ready(SAMPLE, made.number)
        with pytest.raises(GitHubUnprocessable, match="still a draft"):
            github.merge_pull(SAMPLE, made.number, sha=sha)
        github.mark_ready(SAMPLE, made.number)
        with pytest.raises(GitHubUnprocessable, match="Head branch was modified"):
            github.merge_pull(SAMPLE, made.number, sha="0" * 40)
        github.merge_pull(SAMPLE, made.number, sha=sha, method="squash")
        with pytest.raises(GitHubUnprocessable, match="closed"):
            github.mark_ready(SAMPLE, made.number)


def test_our_client_knows_which_conversations_are_resolved_page_by_page(hub: RunningHub, clone: Clone) -> None:
    clone.offer("fix")
    page = f"/{SAMPLE}/pull/1"
    with GitHub(hub.api, hub.token("alice")) as github:
        number = github.open_pull(SAMPLE, head="fix", base="main", title="Fix", body="Why").number
        path = hub.caller("alice").get(f"/repos/{SAMPLE}/pulls/1/files").json()[0]["filename"]
        said = [{"path": path, "line": 1, "side": "RIGHT", "body": f"No. {at}"} for at in range(102)]
        wish = {"event": "COMMENT", "body": "", "comments": said}
        assert hub.caller("alice").post(f"/repos/{SAMPLE}/pulls/1/reviews", json=wish).status_code == 200
        assert github.resolved(SAMPLE, number) == frozenset()
        remarks = github.remarks(SAMPLE, number)
        assert len(remarks) == 102 and {one.answers for one in remarks} == {None}
        ids = sorted(one.github_id for one in remarks)
        alice = Visitor(hub, "alice")
        for which in (ids[0], ids[-1]):
            assert alice.submit(page, f"{page}/conversation/{which}/resolve").status_code == 303
        assert github.resolved(SAMPLE, number) == {ids[0], ids[-1]}
        assert alice.get(page).text.count("</svg>resolved</span>") == 2
        alice.submit(page, f"{page}/conversation/{ids[0]}/unresolve")
        assert github.resolved(SAMPLE.upper(), number) == {ids[-1]}
        with pytest.raises(GitHubNotFound):
            github.resolved(SAMPLE, 99)
        with pytest.raises(GitHubNotFound):
            github.resolved("alice/nothing", 1)


def test_only_who_writes_or_asked_for_the_pull_resolves_a_conversation(hub: RunningHub, clone: Clone) -> None:
    clone.offer("fix")
    page = f"/{SAMPLE}/pull/1"
    with GitHub(hub.api, hub.token("alice")) as github:
        github.open_pull(SAMPLE, head="fix", base="main", title="Fix", body="Why")
        path = hub.caller("alice").get(f"/repos/{SAMPLE}/pulls/1/files").json()[0]["filename"]
        said = [{"path": path, "line": 1, "side": "RIGHT", "body": "No"}]
        wish = {"event": "COMMENT", "body": "", "comments": said}
        hub.caller("alice").post(f"/repos/{SAMPLE}/pulls/1/reviews", json=wish)
        (remark,) = github.remarks(SAMPLE, 1)
        action = f"{page}/conversation/{remark.github_id}/resolve"
        alice, bob = Visitor(hub, "alice"), Visitor(hub, "bob")
        hidden = hidden_fields(alice.get(page).text, action)
        assert alice.http.post(f"{page}/conversation/{remark.github_id + 1}/resolve", data=hidden).status_code == 404
        assert alice.http.post(f"{page}/conversation/{remark.github_id}/delete", data=hidden).status_code == 404
        assert action not in bob.get(page).text
        assert bob.http.post(action, data=hidden).status_code in (403, 404)
        assert github.resolved(SAMPLE, 1) == frozenset()


def test_the_hubs_graphql_refuses_with_errors_as_githubs_does(hub: RunningHub, clone: Clone) -> None:
    clone.offer("fix")
    with GitHub(hub.api, hub.token("alice")) as github:
        github.open_pull(SAMPLE, head="fix", base="main", title="Fix", body="Why", draft=True)
    address, mutation = f"{hub.url}/api/graphql", "mutation { markPullRequestReadyForReview }"
    node = hub.caller("alice").get(f"/repos/{SAMPLE}/pulls/1").json()["node_id"]

    def refused(login: str, query: str, variables: object) -> str:
        told = hub.caller(login).post(address, json={"query": query, "variables": variables})
        assert told.status_code == 200
        return str(told.json()["errors"][0]["type"])

    wish = {"input": {"pullRequestId": node}}
    assert refused("alice", "query { viewer { login } }", {}) == "UNKNOWN"
    assert refused("alice", mutation, {"input": {"pullRequestId": 7}}) == "INVALID"
    assert refused("alice", "{ reviewThreads }", {"owner": "alice", "name": "sample-shop"}) == "INVALID"
    assert refused("carol", "{ reviewThreads }", {"owner": "alice", "name": "sample-shop", "number": 99}) == "NOT_FOUND"
    assert refused("alice", mutation, {"input": {"pullRequestId": "x"}}) == "NOT_FOUND"
    assert refused("carol", mutation, wish) in ("NOT_FOUND", "FORBIDDEN")
    assert hub.caller(None).post(address, json={"query": mutation, "variables": wish}).status_code == 401
    assert hub.caller("alice").get(f"/repos/{SAMPLE}/pulls/1").json()["draft"]
