"""What GitHub tells and does by GraphQL only: the end of a draft, and which conversations on lines are resolved.

docs.github.com/en/graphql/guides/forming-calls-with-graphql
"""

from typing import Any

from github.Requester import Requester

from backend.github.failures import refusal

_READY = (
    "mutation($input: MarkPullRequestReadyForReviewInput!)"
    " { markPullRequestReadyForReview(input: $input) { pullRequest { isDraft } } }"
)
# `databaseId` has 32 bits, and comments have had more of them for years.
_THREADS = (
    "query($owner: String!, $name: String!, $number: Int!, $after: String)"
    " { repository(owner: $owner, name: $name) { pullRequest(number: $number)"
    " { reviewThreads(first: 100, after: $after) { pageInfo { hasNextPage endCursor }"
    " nodes { isResolved comments(first: 1) { nodes { fullDatabaseId } } } } } } }"
)
_MOST_PAGES = 10
_STATUS = {"NOT_FOUND": 404, "RATE_LIMITED": 429}  # GraphQL refuses with a 200 and says why in `type`


def mark_ready(requester: Requester, node_id: str) -> None:
    """Ends a draft. Raises GitHubUnprocessable."""
    _asked(requester, _READY, {"input": {"pullRequestId": node_id}})


def resolved(requester: Requester, full_name: str, number: int) -> frozenset[int]:
    """The ids of the comments that begin a resolved conversation, of the first thousand conversations."""
    owner, _, name = full_name.partition("/")
    found: set[int] = set()
    after: str | None = None
    for _ in range(_MOST_PAGES):
        variables = {"owner": owner, "name": name, "number": number, "after": after}
        threads = _asked(requester, _THREADS, variables)["repository"]["pullRequest"]["reviewThreads"]
        for thread in threads["nodes"]:
            if thread["isResolved"]:
                found.update(int(one["fullDatabaseId"]) for one in thread["comments"]["nodes"])
        if not threads["pageInfo"]["hasNextPage"]:
            break
        after = threads["pageInfo"]["endCursor"]
    return frozenset(found)


def _asked(requester: Requester, query: str, variables: dict[str, Any]) -> Any:
    wish = {"query": query, "variables": variables}
    headers, answer = requester.requestJsonAndCheck("POST", requester.graphql_url, input=wish)
    if errors := answer.get("errors"):
        raise refusal(_STATUS.get(errors[0].get("type"), 422), answer, headers)
    return answer["data"]
