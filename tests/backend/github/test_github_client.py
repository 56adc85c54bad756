"""What the REST client asks of GitHub and makes of its answers."""

from datetime import UTC, datetime
from typing import Any

import pytest

from backend.errors import GitHubError, GitHubNotFound, GitHubUnprocessable
from backend.github.client import GitHub
from backend.github.types import NotModified, RemotePull, RepositoryPage
from backend.words import PullRequestStatus


def rights(**given: bool) -> dict[str, bool]:
    return {"admin": False, "maintain": False, "push": False, "triage": False, "pull": True} | given


def test_the_profile_may_hide_its_email(hub: Any, github: GitHub, reply: Any) -> None:
    person = {"id": 2**40, "login": "octocat", "name": None, "email": None, "avatar_url": "https://x/y.png"}
    hub.api("GET", "/user", reply(200, person))
    me = github.me()
    assert (me.id, me.login, me.name, me.email, me.avatar_url) == (2**40, "octocat", None, None, "https://x/y.png")


def test_every_request_carries_the_token_and_the_api_version(hub: Any, github: GitHub, reply: Any) -> None:
    hub.api("GET", "/user", reply(200, {"id": 1, "login": "octocat"}))
    hub.pull("alice/shop", 7)
    github.me()
    github.pull("alice/shop", 7)
    for asked in hub.asked:
        assert asked.headers["authorization"].split()[1].startswith("gho_")
        assert asked.headers["x-github-api-version"] == "2022-11-28"
        assert asked.headers["user-agent"] == "asynccoder"


def test_a_page_of_repositories_says_how_many_there_are_and_costs_nothing_while_it_is_the_same(
    hub: Any, github: GitHub, reply: Any
) -> None:
    rows = [hub.repository(f"alice/r{n}", id=n) for n in range(3)]
    last = f'<{hub.api_url}/user/repos?page=2>; rel="next", <{hub.api_url}/user/repos?page=7>; rel="last"'

    def page(asked: Any) -> Any:
        if asked.headers.get("if-none-match") == '"e1"':
            return reply(304, None, {"ETag": '"e1"'})
        return reply(200, rows, {"ETag": '"e1"', "Link": last})

    hub.api("GET", "/user/repos", page)
    found = github.repositories(2)
    assert isinstance(found, RepositoryPage)
    assert ([one.github_id for one in found.items], found.etag, found.last) == ([0, 1, 2], '"e1"', 7)
    assert github.repositories(2, found.etag) == NotModified('"e1"')
    asked = hub.asked[0].query
    assert (asked["page"], asked["per_page"], asked["sort"], asked["direction"]) == ("2", "100", "created", "asc")


@pytest.mark.parametrize(
    ("permissions", "level"),
    [
        (rights(admin=True, push=True), "admin"),
        (rights(maintain=True, push=True), "admin"),
        (rights(push=True), "write"),
        (rights(triage=True), "read"),
        (rights(), "read"),
    ],
)
def test_the_access_level_follows_from_the_permissions(
    hub: Any, github: GitHub, permissions: dict[str, bool], level: str
) -> None:
    hub.repository("alice/shop", permissions=permissions)
    assert github.repository("alice/shop").access_level == level


def test_who_may_write_to_another_persons_repository_is_its_collaborator(hub: Any, github: GitHub) -> None:
    organisation = {"login": "acme", "id": 9, "type": "Organization"}
    hub.repository("alice/shop", permissions=rights(push=True))
    hub.repository("acme/shop", permissions=rights(push=True), owner=organisation)
    hub.repository("bob/dotfiles", permissions=rights(admin=True, push=True))
    names = ("alice/shop", "acme/shop", "bob/dotfiles")
    assert [github.repository(name).is_collaborator for name in names] == [True, False, False]


def test_a_repository_of_size_0_is_empty_only_if_it_has_no_branch(hub: Any, github: GitHub) -> None:
    hub.repository("alice/bare", size=0)
    hub.paged("/repos/alice/bare/branches", [])
    hub.repository("alice/tiny", size=0)
    hub.paged("/repos/alice/tiny/branches", [{"name": "main", "commit": {"sha": "c" * 40}, "protected": False}])
    assert github.repository("alice/bare").is_empty
    assert not github.repository("alice/tiny").is_empty


def test_a_repository_without_a_default_branch_counts_as_empty(hub: Any, github: GitHub) -> None:
    hub.repository("alice/odd", default_branch=None)
    found = github.repository("alice/odd")
    assert (found.default_branch, found.is_empty) == ("", True)


def test_an_archived_repository_says_so(hub: Any, github: GitHub) -> None:
    hub.repository("alice/old", archived=True)
    assert github.repository("alice/old").is_archived


def test_a_renamed_repository_is_found_under_its_old_name(hub: Any, github: GitHub, reply: Any) -> None:
    renamed = hub.repository("alice/new-name")
    hub.api("GET", "/repositories/1296269", reply(200, renamed))
    moved = reply(301, {"message": "Moved Permanently"}, {"Location": f"{hub.api_url}/repositories/1296269"})
    hub.api("GET", "/repos/alice/old-name", moved)
    assert github.repository("alice/old-name").full_name == "alice/new-name"


@pytest.mark.parametrize(
    "name", ["../../user", "alice/..", "alice", "alice/shop/pulls", "alice/a?b", "alice/a#b", "alice/\x00", ""]
)
def test_a_name_that_is_no_repositorys_is_refused_without_asking(hub: Any, github: GitHub, name: str) -> None:
    for ask in (github.repository, github.branches, lambda hostile: github.pull(hostile, 1)):
        with pytest.raises(GitHubNotFound):
            ask(name)
    assert hub.asked == []


def test_branches_come_from_all_pages(hub: Any, github: GitHub) -> None:
    names = [f"feature/{n}" for n in range(130)]
    rows = [{"name": name, "commit": {"sha": f"{n:040x}"}, "protected": n == 0} for n, name in enumerate(names)]
    hub.paged("/repos/alice/shop/branches", rows)
    found = github.branches("alice/shop")
    assert [branch.name for branch in found] == names
    assert found[1].sha == f"{1:040x}"
    assert [branch.is_protected for branch in found[:2]] == [True, False]


def test_an_empty_repository_has_no_branches(hub: Any, github: GitHub) -> None:
    hub.paged("/repos/alice/bare/branches", [])
    assert github.branches("alice/bare") == []


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({}, PullRequestStatus.OPEN),
        ({"draft": True}, PullRequestStatus.DRAFT),
        ({"state": "closed", "closed_at": "2024-05-01T10:00:00Z"}, PullRequestStatus.CLOSED),
        ({"state": "closed", "draft": True, "closed_at": "2024-05-01T10:00:00Z"}, PullRequestStatus.CLOSED),
        ({"state": "closed", "merged_at": "2024-05-01T10:00:00Z"}, PullRequestStatus.MERGED),
    ],
)
def test_a_pull_requests_state_is_one_word(
    hub: Any, github: GitHub, told: dict[str, Any], status: PullRequestStatus
) -> None:
    hub.pull("alice/shop", 7, **told)
    found = github.pull("alice/shop", 7)
    assert isinstance(found, RemotePull)
    assert found.status == status


def test_a_pull_request_is_told_whole(hub: Any, github: GitHub) -> None:
    hub.pull("alice/shop", 7, body=None, user={"login": "bob"})
    assert github.pull("alice/shop", 7) == RemotePull(
        github_id=3_000_000_007,
        number=7,
        title="Amazing new feature",
        body=None,
        source_branch="work-7",
        target_branch="main",
        status=PullRequestStatus.OPEN,
        url=f"{hub.url}/alice/shop/pull/7",
        head_sha="a" * 40,
        merged_at=None,
        closed_at=None,
        updated_at=datetime(2011, 1, 26, 19, 1, 12, tzinfo=UTC),
        etag='W/"pull-7"',
        author="bob",
        source="work-7",
        base_sha="b" * 40,
    )


def test_open_pull_requests_name_a_forks_owner_even_when_fork_and_author_are_gone(hub: Any, github: GitHub) -> None:
    def end(owner: str, repository: str | None) -> dict[str, Any]:
        place = {"full_name": repository} if repository else None
        return {"label": f"{owner}:main", "ref": "main", "sha": "a" * 40, "repo": place}

    base = end("alice", "alice/shop")
    heads = [end("eve", "eve/shop"), end("unknown", None), base]
    rows = [hub.pull("alice/shop", at, head=head, base=base, user=None) for at, head in enumerate(heads, 1)]
    hub.paged("/repos/alice/shop/pulls", rows)
    found = github.open_pulls("alice/shop")
    assert [(one.source, one.author) for one in found] == [("eve:main", ""), ("unknown:main", ""), ("main", "")]


def test_open_issues_are_no_pull_requests(hub: Any, github: GitHub) -> None:
    def row(number: int, **more: Any) -> dict[str, Any]:
        link = f"http://hub/alice/shop/issues/{number}"
        return {"number": number, "title": f"Issue {number}", "state": "open", "html_url": link, **more}

    hub.paged("/repos/alice/shop/issues", [row(9), row(8, pull_request={"url": "x"}), row(3)])
    assert [(one.number, one.title) for one in github.open_issues("alice/shop")] == [(9, "Issue 9"), (3, "Issue 3")]


def test_an_unchanged_pull_request_is_not_sent_again(hub: Any, github: GitHub, reply: Any) -> None:
    document = hub.pull("alice/shop", 7)

    def conditional(asked: Any) -> Any:
        if asked.headers.get("if-none-match") == 'W/"pull-7"':
            return reply(304, headers={"ETag": 'W/"pull-7"'})
        return reply(200, document, {"ETag": 'W/"pull-7"'})

    hub.api("GET", "/repos/alice/shop/pulls/7", conditional)
    first = github.pull("alice/shop", 7)
    assert isinstance(first, RemotePull)
    assert github.pull("alice/shop", 7, first.etag) == NotModified('W/"pull-7"')
    assert isinstance(github.pull("alice/shop", 7, 'W/"older"'), RemotePull)


def test_a_pull_request_of_a_renamed_repository_is_followed(hub: Any, github: GitHub, reply: Any) -> None:
    document = hub.pull("alice/new-name", 7)
    hub.api("GET", "/repositories/5/pulls/7", reply(200, document))
    moved = reply(301, {"message": "Moved Permanently"}, {"Location": f"{hub.api_url}/repositories/5/pulls/7"})
    hub.api("GET", "/repos/alice/old-name/pulls/7", moved)
    found = github.pull("alice/old-name", 7)
    assert isinstance(found, RemotePull)
    assert found.number == 7


def test_the_open_pull_request_of_a_branch_is_found_before_a_closed_one(hub: Any, github: GitHub) -> None:
    hub.repository("alice/shop")
    head = {"ref": "work", "sha": "a" * 40}
    closed = hub.pull("alice/shop", 9, state="closed", closed_at="2024-05-01T10:00:00Z", head=head)
    opened = hub.pull("alice/shop", 8, head=head)
    hub.paged("/repos/alice/shop/pulls", [closed, opened])
    found = github.find_pull("alice/shop", "work", "main")
    assert found is not None
    assert (found.number, found.etag) == (8, 'W/"pull-8"')
    query = next(asked.query for asked in hub.asked if asked.path.endswith("/pulls"))
    assert (query["head"], query["base"], query["state"]) == ("alice:work", "main", "all")


def test_without_an_open_one_the_newest_closed_pull_request_is_found(hub: Any, github: GitHub) -> None:
    hub.repository("alice/shop")
    head = {"ref": "work", "sha": "a" * 40}
    rows = [hub.pull("alice/shop", n, state="closed", closed_at="2024-05-01T10:00:00Z", head=head) for n in (9, 4)]
    hub.paged("/repos/alice/shop/pulls", rows)
    found = github.find_pull("alice/shop", "work", "main")
    assert found is not None
    assert (found.number, found.status) == (9, PullRequestStatus.CLOSED)


def test_a_pull_request_of_another_branch_is_never_taken_for_ours(hub: Any, github: GitHub) -> None:
    hub.repository("alice/shop")
    elsewhere = {"ref": "release", "sha": "b" * 40}
    mine = {"ref": "work", "sha": "a" * 40}
    rows = [hub.pull("alice/shop", 1), hub.pull("alice/shop", 2, head=mine, base=elsewhere)]
    hub.paged("/repos/alice/shop/pulls", rows)  # a filter that GitHub could not read: it answers with all
    assert github.find_pull("alice/shop", "work", "main") is None


def test_a_pull_request_is_opened(hub: Any, github: GitHub, reply: Any) -> None:
    hub.repository("alice/shop")
    document = hub.pull("alice/shop", 7, draft=True)
    hub.api("POST", "/repos/alice/shop/pulls", reply(201, document))
    made = github.open_pull("alice/shop", head="work-7", base="main", title="T", body="B", draft=True)
    assert (made.number, made.status) == (7, PullRequestStatus.DRAFT)
    sent = {"head": "work-7", "base": "main", "title": "T", "body": "B", "draft": True}
    assert hub.asked[-1].json == sent


def test_where_drafts_are_not_offered_an_ordinary_pull_request_is_opened(hub: Any, github: GitHub, reply: Any) -> None:
    hub.repository("alice/shop")
    document = hub.pull("alice/shop", 7)
    words = "Draft pull requests are not supported in this repository."

    def plan(asked: Any) -> Any:
        if asked.json["draft"]:
            return reply(422, {"message": words, "documentation_url": "https://docs.github.com/rest"})
        return reply(201, document)

    hub.api("POST", "/repos/alice/shop/pulls", plan)
    made = github.open_pull("alice/shop", head="work-7", base="main", title="T", body="B", draft=True)
    assert made.status == PullRequestStatus.OPEN


def test_a_second_pull_request_for_a_branch_is_refused_in_githubs_words(hub: Any, github: GitHub, reply: Any) -> None:
    hub.repository("alice/shop")
    said = "A pull request already exists for alice:work."
    error = {"resource": "PullRequest", "code": "custom", "message": said}
    hub.api("POST", "/repos/alice/shop/pulls", reply(422, {"message": "Validation Failed", "errors": [error]}))
    with pytest.raises(GitHubUnprocessable) as raised:
        github.open_pull("alice/shop", head="work", base="main", title="T", body="B")
    assert raised.value.messages == (said,)
    assert said in str(raised.value)
    assert hub.paths().count("POST /repos/alice/shop/pulls") == 1


def test_a_missing_head_is_named_by_resource_field_and_code(hub: Any, github: GitHub, reply: Any) -> None:
    hub.repository("alice/shop")
    error = {"resource": "PullRequest", "field": "head", "code": "invalid"}
    hub.api("POST", "/repos/alice/shop/pulls", reply(422, {"message": "Validation Failed", "errors": [error]}))
    with pytest.raises(GitHubUnprocessable) as raised:
        github.open_pull("alice/shop", head="gone", base="main", title="T", body="B")
    assert raised.value.messages == ("PullRequest head invalid",)


def test_an_update_sends_only_what_changes(hub: Any, github: GitHub, reply: Any) -> None:
    hub.repository("alice/shop")
    document = hub.pull("alice/shop", 7, title="New")
    hub.api("PATCH", "/repos/alice/shop/pulls/7", reply(200, document))
    assert github.update_pull("alice/shop", 7, title="New").title == "New"
    assert hub.asked[-1].json == {"title": "New"}


def test_an_answer_in_another_shape_is_githubs_fault(hub: Any, github: GitHub, reply: Any) -> None:
    hub.api("GET", "/repos/alice/shop/pulls/7", reply(200, {"id": "seven"}))
    hub.api("GET", "/repos/alice/shop", reply(200, ["surprise"]))
    hub.api("GET", "/user", reply(200, b"<html>captive portal</html>"))
    asks = (lambda: github.pull("alice/shop", 7), lambda: github.repository("alice/shop"), github.me)
    for ask in asks:
        with pytest.raises(GitHubError) as raised:
            ask()
        assert raised.value.status == 502


def an_issue(**changes: Any) -> dict[str, Any]:
    return {
        "number": 12,
        "title": "Half cents are lost",
        "body": None,
        "user": None,
        "state": "closed",
        "comments": 3,
        "html_url": "https://github.com/alice/shop/issues/12",
    } | changes


def test_an_issue_may_have_no_body_and_an_author_who_is_gone(hub: Any, github: GitHub, reply: Any) -> None:
    hub.api("GET", "/repos/alice/shop/issues/12", reply(200, an_issue()))
    found = github.issue("alice/shop", 12)
    assert (found.body, found.author, found.is_open, found.is_pull, found.comments) == ("", "", False, False, 3)


def test_a_pull_request_says_that_it_is_none(hub: Any, github: GitHub, reply: Any) -> None:
    hub.api("GET", "/repos/alice/shop/issues/12", reply(200, an_issue(pull_request={"url": "https://x"})))
    assert github.issue("alice/shop", 12).is_pull


def test_only_as_many_comments_are_asked_for_as_are_wanted(hub: Any, github: GitHub, reply: Any) -> None:
    said = [{"id": 1, "user": {"id": 2, "login": "bob"}, "body": "Round once."}, {"id": 2, "user": None, "body": None}]
    hub.api("GET", "/repos/alice/shop/issues/12/comments", reply(200, said))
    assert [(one.author, one.body) for one in github.issue_comments("alice/shop", 12, 5)] == [
        ("bob", "Round once."),
        ("", ""),
    ]
    assert hub.asked[-1].query == {"per_page": "5", "page": "1"}


@pytest.mark.parametrize("answer", [{"message": "odd"}, ["odd"], b"<html>", [{"user": "bob"}]])
def test_comments_of_another_shape_are_githubs_fault(hub: Any, github: GitHub, reply: Any, answer: Any) -> None:
    hub.api("GET", "/repos/alice/shop/issues/12/comments", reply(200, answer))
    hub.api("GET", "/repos/alice/shop/issues/12", reply(200, answer))
    with pytest.raises(GitHubError):
        github.issue_comments("alice/shop", 12)
    with pytest.raises(GitHubError):
        github.issue("alice/shop", 12)
