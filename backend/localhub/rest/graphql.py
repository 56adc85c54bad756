"""The one mutation of GitHub's GraphQL API that the product needs: its REST API cannot end a draft."""

import sqlite3
from typing import Any

from backend.localhub import access, pulls
from backend.localhub.access import Place
from backend.localhub.rest.door import Answer, person
from backend.localhub.shapes.people import node_id
from backend.localhub.store import Pull, every
from backend.localhub.web import Call

MUTATION = "markPullRequestReadyForReview"


def answer(call: Call) -> Answer:
    """POST /api/graphql: a refusal is a 200 with `errors`, as GraphQL has it."""
    person(call)
    wish = call.json()
    query, variables = wish.get("query"), wish.get("variables")
    if not isinstance(query, str) or MUTATION not in query:
        return _refused("UNKNOWN", f"This hub knows one mutation: {MUTATION}.")
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


def _found(call: Call, db: sqlite3.Connection, wanted: str) -> tuple[Place, Pull] | None:
    for pull in every(db, Pull, "SELECT * FROM pull"):
        if node_id("PullRequest", pull.id) == wanted:
            where = access.seen(db, call.viewer, access.place_of(db, pull.repository_id).repository)
            return (where, pull) if where else None
    return None


def _refused(kind: str, message: str) -> Answer:
    errors: list[dict[str, Any]] = [{"type": kind, "path": [MUTATION], "message": message}]
    return Answer({"data": {MUTATION: None}, "errors": errors})
