"""Issues and their comments. As at GitHub, a pull request is an issue too, with `pull_request` in it."""

import sqlite3

from backend.localhub import issues, pulls
from backend.localhub.access import Place
from backend.localhub.refusals import Refused, invalid
from backend.localhub.rest.door import Answer, choice, page
from backend.localhub.rest.repositories import place
from backend.localhub.shapes import issue as shapes
from backend.localhub.shapes.people import Json
from backend.localhub.store import Issue, Pull
from backend.localhub.web import Call

_STATES = ("open", "closed", "all")


def index(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/issues."""
    state, direction = call.query("state", "open"), choice(call, "direction", ("asc", "desc"), "desc")
    by = {"created": "created_at", "updated": "updated_at"}[choice(call, "sort", ("created", "updated"), "created")]
    if state not in _STATES:
        raise invalid("Issue", field="state")
    with call.hub.store.read() as db:
        where = place(call, db)
        found: list[Issue | Pull] = [*issues.listed(db, where, state), *pulls.listed(db, where, state)]
        found.sort(key=lambda row: (getattr(row, by), row.number), reverse=direction == "desc")
        wanted, headers = page(call, found)
        return Answer([_shape(call, db, where, row) for row in wanted], headers=headers)


def show(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/issues/{number}."""
    with call.hub.store.read() as db:
        where = place(call, db)
        return Answer(_shape(call, db, where, _found(call, db, where)))


def comments(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/issues/{number}/comments, the oldest first; nobody comments on pull requests here."""
    with call.hub.store.read() as db:
        where = place(call, db)
        row = _found(call, db, where)
        if isinstance(row, Pull):
            return Answer([])
        wanted, headers = page(call, issues.comments(db, row))
        shown = [shapes.comment(call.hub.config, db, where, row, one) for one in wanted]
        return Answer(shown, headers=headers)


def _found(call: Call, db: sqlite3.Connection, where: Place) -> Issue | Pull:
    try:
        return issues.find(db, where, call.path["number"])
    except Refused as refusal:
        if refusal.status != 404:
            raise
        return pulls.find(db, where, call.path["number"])


def _shape(call: Call, db: sqlite3.Connection, where: Place, row: Issue | Pull) -> Json:
    if isinstance(row, Pull):
        return shapes.issue_of_pull(call.hub.config, db, where, row)
    return shapes.issue(call.hub.config, db, where, row)
