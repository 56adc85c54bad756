"""GitHub's REST API in the name of one person: repositories, branches, pull requests, issues.

PyGithub does paging, sessions and shapes; httpx the conditional requests that it has no return value for. Nothing is
retried here and nothing waits: a rate limit comes back as GitHubError with `retry_after`, and the caller decides.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Literal

import httpx

from backend.errors import GitHubUnprocessable
from backend.github import graph
from backend.github.connection import PAGE, Connection, checked, items_of
from backend.github.documents import (
    AnnotationDocument,
    CheckDocument,
    CheckWordsDocument,
    CommentDocument,
    HookDocument,
    IssueDocument,
    ProfileDocument,
    RemarkDocument,
    RepositoryDocument,
    ReviewDocument,
    parse_document,
)
from backend.github.failures import as_our_errors
from backend.github.listed import parse_pull, remote_pull
from backend.github.types import (
    Branch,
    LineComment,
    Listed,
    NotModified,
    Profile,
    RemoteCheck,
    RemoteComment,
    RemoteIssue,
    RemotePull,
    RemoteRemark,
    RemoteRepository,
    RemoteReview,
    RepositoryPage,
)

MergeMethod = Literal["merge", "squash"]


class GitHub(Connection):
    """One person's GitHub. Every method raises GitHubError or one of its kinds, and never shows the token."""

    def me(self) -> Profile:
        """The person whose token this is."""
        with as_our_errors():
            person = parse_document(ProfileDocument, self.pygithub.get_user().raw_data)
        return Profile(person.id, person.login, person.name or None, person.email or None, person.avatar_url)

    def organisations(self) -> frozenset[str]:
        """The lower-case logins of those that the person is a member of, as far as the app may see them."""
        with as_our_errors():
            return frozenset(one.login.lower() for one in self.pygithub.get_user().get_orgs())

    def repositories(
        self, page: int = 1, etag: str | None = None, beat: Callable[[], None] = lambda: None
    ) -> RepositoryPage | NotModified:
        """A page of all repositories the person owns, collaborates on or reaches through an organisation.

        The oldest first, so that a new one moves no other. Conditional with an `etag` as `pull` is. An empty one may
        cost a request more; `beat` is called after each.
        """
        path = f"/user/repos?per_page={PAGE}&sort=created&direction=asc&page={page}"
        with as_our_errors():
            answer = self.get_if_changed(path, etag)
            if isinstance(answer, NotModified):
                return answer
            told = [parse_document(RepositoryDocument, one) for one in items_of(answer.json())]
        found = []
        for one in told:
            found.append(self._as_repository(one))
            beat()
        return RepositoryPage(tuple(found), answer.headers.get("etag"), max(page, _last_page(answer)))

    def repository(self, full_name: str) -> RemoteRepository:
        """One repository by `owner/name`; a renamed one is found under its old name too."""
        with as_our_errors():
            told = parse_document(RepositoryDocument, self.get(f"/repos/{checked(full_name)}").json())
        return self._as_repository(told)

    def _as_repository(self, told: RepositoryDocument) -> RemoteRepository:
        """GitHub's size is in kilobytes and late, so for a size of 0 the branches are asked for."""
        is_empty = not told.default_branch
        if told.size == 0 and not is_empty:
            with as_our_errors():
                is_empty = not items_of(self.get(f"/repos/{checked(told.full_name)}/branches?per_page=1").json())
        return told.as_repository(is_empty=is_empty)

    def branches(self, full_name: str) -> list[Branch]:
        """All branches in GitHub's order; none for an empty repository."""
        with as_our_errors():
            found = self.repository_of(full_name).get_branches()
            return [Branch(branch.name, branch.commit.sha, branch.protected) for branch in found]

    def find_pull(self, full_name: str, head_branch: str, base: str) -> RemotePull | None:
        """The pull request from `head_branch` to `base`: the open one, else the newest closed one, else None."""
        with as_our_errors():
            repository = self.repository_of(full_name).complete()  # a moved repository has another owner in `head`
            head = f"{repository.owner.login}:{head_branch}"
            listed = repository.get_pulls(state="all", sort="created", direction="desc", head=head, base=base)
            # GitHub leaves a filter it cannot read aside, so the answer is compared once more.
            ours = [pull for pull in islice(listed, PAGE) if pull.head.ref == head_branch and pull.base.ref == base]
            chosen = next((pull for pull in ours if pull.state == "open"), ours[0] if ours else None)
            return remote_pull(chosen) if chosen else None

    def open_pull(
        self, full_name: str, *, head: str, base: str, title: str, body: str, draft: bool = False
    ) -> RemotePull:
        """Opens a pull request; where the plan has no drafts, an ordinary one (its `status` tells).

        Raises GitHubUnprocessable where one exists already or a branch is missing: ask `find_pull` first.
        """
        with as_our_errors():
            repository = self.repository_of(full_name).complete()  # a POST does not follow a rename
        try:
            with as_our_errors():
                created = repository.create_pull(base=base, head=head, title=title, body=body, draft=draft)
                return parse_pull(created.raw_data)
        except GitHubUnprocessable as error:
            if not (draft and _says_no_drafts(error)):
                raise
        return self.open_pull(full_name, head=head, base=base, title=title, body=body, draft=False)

    def pull(self, full_name: str, number: int, etag: str | None = None) -> RemotePull | NotModified:
        """How a pull request stands; with the `etag` of an earlier look NotModified, which costs no rate limit."""
        with as_our_errors():
            answer = self.get_if_changed(f"/repos/{checked(full_name)}/pulls/{number}", etag)
            if isinstance(answer, NotModified):
                return answer
            return parse_pull(answer.json(), answer.headers.get("etag"))

    def open_pulls(self, full_name: str) -> list[RemotePull]:
        """The hundred open pull requests that changed last, the newest change first."""
        query = f"state=open&sort=updated&direction=desc&per_page={PAGE}"
        with as_our_errors():
            answer = self.get(f"/repos/{checked(full_name)}/pulls?{query}")
            return [parse_pull(one) for one in items_of(answer.json())]

    def update_pull(
        self,
        full_name: str,
        number: int,
        *,
        title: str | None = None,
        body: str | None = None,
        state: Literal["open", "closed"] | None = None,
    ) -> RemotePull:
        """Changes what is given and leaves the rest."""
        change = {
            name: value for name, value in (("title", title), ("body", body), ("state", state)) if value is not None
        }
        with as_our_errors():
            return parse_pull(self.send("PATCH", full_name, f"pulls/{number}", change))

    def merge_pull(self, full_name: str, number: int, *, sha: str, method: MergeMethod = "merge") -> None:
        """Merges it while `sha` is its head.

        Raises GitHubUnprocessable, in GitHub's words, for another head, a conflict, a rule of the repository, a draft.
        """
        with as_our_errors():
            self.send("PUT", full_name, f"pulls/{number}/merge", {"sha": sha, "merge_method": method})

    def mark_ready(self, full_name: str, number: int) -> None:
        """Makes a draft ready for review, which GitHub's REST API cannot. Raises GitHubUnprocessable."""
        with as_our_errors():
            pull = self.get(f"/repos/{checked(full_name)}/pulls/{number}").json()
            graph.mark_ready(self.pygithub.requester, pull["node_id"])

    def issue(self, full_name: str, number: int) -> RemoteIssue:
        """An issue or pull request by its number; one that was moved is found where it is now (its `url` tells)."""
        with as_our_errors():
            answer = self.get(f"/repos/{checked(full_name)}/issues/{number}")
            return parse_document(IssueDocument, answer.json()).as_issue()

    def open_issues(self, full_name: str) -> list[RemoteIssue]:
        """The open issues among the hundred that changed last, the newest change first; pull requests are none."""
        query = f"state=open&sort=updated&direction=desc&per_page={PAGE}"
        with as_our_errors():
            answer = self.get(f"/repos/{checked(full_name)}/issues?{query}")
            found = [parse_document(IssueDocument, one).as_issue() for one in items_of(answer.json())]
            return [issue for issue in found if not issue.is_pull]

    def issue_comments(self, full_name: str, number: int, most: int = PAGE, page: int = 1) -> list[RemoteComment]:
        """The comments below an issue, the oldest first, of the page of that number; `most` a page, at most 100."""
        with as_our_errors():
            where = f"/repos/{checked(full_name)}/issues/{number}/comments"
            answer = self.get(f"{where}?per_page={most}&page={page}")
            return [parse_document(CommentDocument, one).as_comment() for one in items_of(answer.json())]

    def find_comment(
        self, full_name: str, number: int, marker: str, author_id: int, since: datetime, most: int = 300
    ) -> RemoteComment | None:
        """The first comment below an issue since then that has the marker in it and is by that person."""
        moment = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        path = f"/repos/{checked(full_name)}/issues/{number}/comments?since={moment}&per_page={PAGE}"
        with as_our_errors():
            for one in (parse_document(CommentDocument, each).as_comment() for each in self.pages(path, most)):
                if marker in one.body and one.author_id == author_id:
                    return one
        return None

    def comment(self, full_name: str, number: int, body: str) -> RemoteComment:
        """A new comment below an issue or a pull request."""
        with as_our_errors():
            data = self.send("POST", full_name, f"issues/{number}/comments", {"body": body})
            return parse_document(CommentDocument, data).as_comment()

    def edit_comment(self, full_name: str, comment_id: int, body: str) -> None:
        """Other words for a comment. Raises GitHubNotFound where it was deleted."""
        with as_our_errors():
            self.send("PATCH", full_name, f"issues/comments/{comment_id}", {"body": body})

    def checks(self, full_name: str, sha: str, etag: str | None = None) -> Listed[RemoteCheck] | NotModified:
        """The newest check of each name at a commit, at most 300; conditional with an `etag` as `pull` is."""
        path = f"/repos/{checked(full_name)}/commits/{sha}/check-runs?per_page={PAGE}"
        with as_our_errors():
            answer = self.get_if_changed(path, etag)
            if isinstance(answer, NotModified):
                return answer
            told = answer.json()
            found = items_of(told["check_runs"])
            is_whole = len(found) >= int(told["total_count"])
            for page in (2, 3):
                if len(found) == PAGE * (page - 1):
                    found += items_of(self.get(f"{path}&page={page}").json()["check_runs"])
            items = tuple(parse_document(CheckDocument, one).as_check() for one in found)
            return Listed(items, answer.headers.get("etag") if is_whole else None)

    def first_reviews(self, full_name: str, number: int, etag: str | None = None) -> Listed[RemoteReview] | NotModified:
        """A pull request's reviews, at most 300, the oldest first; conditional with an `etag` as `pull` is."""
        path = f"/repos/{checked(full_name)}/pulls/{number}/reviews?per_page={PAGE}"
        with as_our_errors():
            answer = self.get_if_changed(path, etag)
            if isinstance(answer, NotModified):
                return answer
            found = items_of(answer.json())
        if len(found) == PAGE:  # the first page stays as it is when another review comes
            return Listed(tuple(self.reviews(full_name, number, 300)))
        items = tuple(parse_document(ReviewDocument, one).as_review() for one in found)
        return Listed(items, answer.headers.get("etag"))

    def reviews(self, full_name: str, number: int, most: int = 1_000) -> list[RemoteReview]:
        """A pull request's reviews, the oldest first."""
        path = f"/repos/{checked(full_name)}/pulls/{number}/reviews?per_page={PAGE}"
        with as_our_errors():
            return [parse_document(ReviewDocument, one).as_review() for one in self.pages(path, most)]

    def post_review(
        self, full_name: str, number: int, *, body: str, sha: str | None = None, comments: Sequence[LineComment] = ()
    ) -> RemoteReview:
        """Submits a review that neither approves nor refuses, of commit `sha`, of the head where none is given.

        Raises GitHubUnprocessable where a line is none of the diff; then nothing of it is kept.
        """
        wish: dict[str, Any] = {"event": "COMMENT", "body": body}
        if sha:
            wish["commit_id"] = sha
        if comments:
            wish["comments"] = [
                {"path": one.path, "line": one.line, "side": "RIGHT", "body": one.body} for one in comments
            ]
        with as_our_errors():
            data = self.send("POST", full_name, f"pulls/{number}/reviews", wish)
            return parse_document(ReviewDocument, data).as_review()

    def remarks(self, full_name: str, number: int, most: int = 300) -> list[RemoteRemark]:
        """The comments on lines of a pull request, the newest of them, the oldest first."""
        path = f"/repos/{checked(full_name)}/pulls/{number}/comments?sort=created&direction=desc&per_page={PAGE}"
        with as_our_errors():
            found = [parse_document(RemarkDocument, one).as_remark() for one in self.pages(path, most)]
        return sorted(found, key=lambda one: one.created_at)

    def resolved(self, full_name: str, number: int) -> frozenset[int]:
        """The ids of the comments on lines that begin a conversation which is resolved."""
        with as_our_errors():
            return graph.resolved(self.pygithub.requester, checked(full_name), number)

    def check_log(self, full_name: str, check_id: int) -> str:
        """The end of the log of a check that is a job of GitHub Actions, which has its id; others have none."""
        return self.end_of(f"/repos/{checked(full_name)}/actions/jobs/{check_id}/logs")

    def check_words(self, full_name: str, check_id: int) -> str:
        """What a check says of itself, and of lines; empty where it says nothing."""
        path = f"/repos/{checked(full_name)}/check-runs/{check_id}"
        with as_our_errors():
            told = parse_document(CheckWordsDocument, self.get(path).json())
            listed = items_of(self.get(f"{path}/annotations?per_page=30").json()) if told.annotations else []
            notes = [parse_document(AnnotationDocument, one).as_words() for one in listed]
        return "\n".join([*([told.words] if told.words else []), *notes])

    def keep_hook(self, full_name: str, url: str, secret: str, events: Sequence[str]) -> int:
        """The repository's webhook to `url`, made or put right; its id. GitHub never tells a secret: it is set anew.

        Raises GitHubNotFound for whoever may not manage its webhooks.
        """
        with as_our_errors():
            answer = self.get(f"/repos/{checked(full_name)}/hooks?per_page={PAGE}")
            found = [parse_document(HookDocument, one) for one in items_of(answer.json())]
            known = next((one for one in found if one.config.url == url), None)
            wish = {
                "active": True,
                "events": list(events),
                "config": {"url": url, "content_type": "json", "insecure_ssl": "0", "secret": secret},
            }
            verb, where = ("PATCH", f"hooks/{known.id}") if known else ("POST", "hooks")
            data = self.send(verb, full_name, where, wish)
            return parse_document(HookDocument, data).id


def _last_page(answer: httpx.Response) -> int:
    """The number of the last page, 0 where this is it."""
    address = answer.links.get("last", {}).get("url", "")
    number = httpx.URL(address).params.get("page", "")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 7 else 0


def _says_no_drafts(error: GitHubUnprocessable) -> bool:
    # "Draft pull requests are not supported in this repository.": private repositories of the free plan.
    return any("draft pull requests are not supported" in message.lower() for message in error.messages)
