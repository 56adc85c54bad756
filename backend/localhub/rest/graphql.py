"""What the product needs of GitHub's GraphQL API, which REST has not: the end of a draft, resolved conversations."""

import sqlite3
from typing import Any

from backend.localhub import access, pulls, reviews
from backend.localhub.access import Place
from backend.localhub.rest.door import Answer, person
from backend.localhub.shapes.people import node_id
from backend.localhub.store import Pull, every
from backend.localhub.web import Call

MUTATION, CONVERSATIONS = "markPullRequestReadyForReview", "reviewThreads"
_LONGEST_PAGE = 100


def answer(call: Call) -> Answer:
    """POST /api/graphql: a refusal is a 200 with `errors`, as GraphQL has it."""
    person(call)
    wish = call.json()
    query, variables = wish.get("query"), wish.get("variables")
    if isinstance(query, str) and MUTATION in query:
        return _mutated(call, variables)
    if isinstance(query, str) and CONVERSATIONS in query:
        return _conversations(call, variables)
    return _refused("UNKNOWN", f"This hub knows {MUTATION} and a pull request's {CONVERSATIONS}.")


def _mutated(call: Call, variables: Any) -> Answer:
    match variables:
        case {"input": {"pullRequestId": str() as wanted}}:
            return _make_ready(call, wanted)
    return _refused("INVALID", "Variable $input of type MarkPullRequestReadyForReviewInput! was provided invalid value")


def _make_ready(call: Call, wanted: str) -> Answer:
    who = person(call)
    with call.hub.store.write() as db:
        found = _found(call, db, wanted)
        if found is None:
            return _refused("NOT_FOUND", "Could not resolve to a node with that global id.")
        where, pull = found
        if pull.account_id != who.id and not where.allows("write"):
            words = f"{who.login} does not have the correct permissions to execute `MarkPullRequestReadyForReview`"
            return _refused("FORBIDDEN", words)
        if pull.state == "closed":
            return _refused("UNPROCESSABLE", "Pull request is closed")
        pull = pulls.make_ready(call.hub, db, who, pull)
    call.hub.courier.ring()
    return Answer({"data": {MUTATION: {"pullRequest": {"isDraft": pull.draft}}}})


def _conversations(call: Call, variables: Any) -> Answer:
    match variables:
        case {"owner": str() as owner, "name": str() as name, "number": int() as number}:
            after = variables.get("after")
        case _:
            return _refused("INVALID", "Variables $owner, $name and $number were not all provided")
    begin = int(after) if isinstance(after, str) and after.isdigit() else 0
    with call.hub.store.read() as db:
        where = access.place(db, call.viewer, owner, name)
        pull = next((one for one in pulls.listed(db, where) if one.number == number), None) if where else None
        if pull is None:
            return _refused("NOT_FOUND", f"Could not resolve to a PullRequest with the number of {number}.")
        rows = reviews.comments(db, pull)
    shown, rest = rows[begin : begin + _LONGEST_PAGE], len(rows) > begin + _LONGEST_PAGE
    nodes = [
        {"isResolved": bool(row.resolved), "comments": {"nodes": [{"fullDatabaseId": str(row.id)}]}} for row in shown
    ]
    page = {"hasNextPage": rest, "endCursor": str(begin + len(shown))}
    found = {CONVERSATIONS: {"pageInfo": page, "nodes": nodes}}
    return Answer({"data": {"repository": {"pullRequest": found}}})


def _found(call: Call, db: sqlite3.Connection, wanted: str) -> tuple[Place, Pull] | None:
    for pull in every(db, Pull, "SELECT * FROM pull"):
        if node_id("PullRequest", pull.id) == wanted:
            where = access.seen(db, call.viewer, access.place_of(db, pull.repository_id).repository)
            return (where, pull) if where else None
    return None


def _refused(kind: str, message: str) -> Answer:
    errors: list[dict[str, Any]] = [{"type": kind, "message": message}]
    return Answer({"data": None, "errors": errors})
