"""Issues and their comments. As at GitHub, a pull request is an issue too, with `pull_request` in it."""

from typing import Any

from backend.localhub import issues, pulls
from backend.localhub.refusals import Refused, invalid
from backend.localhub.rest.door import Answer, choice, page, person
from backend.localhub.rest.repositories import place
from backend.localhub.shapes import issue as shapes
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
        return Answer([shapes.any_issue(call.hub.config, db, where, row) for row in wanted], headers=headers)


def create(call: Call) -> Answer:
    """POST /repos/{owner}/{repo}/issues: by whoever may read it."""
    wish = call.json()
    with call.hub.store.write() as db:
        where, who = place(call, db), person(call)
        title, body = _text(wish, "title"), _text(wish, "body")
        made = issues.open_issue(call.hub, db, where, who, title or "", body)
        answer = shapes.issue(call.hub.config, db, where, made)
    call.hub.courier.ring()
    return Answer(answer, 201)


def show(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/issues/{number}."""
    with call.hub.store.read() as db:
        where = place(call, db)
        return Answer(shapes.any_issue(call.hub.config, db, where, issues.find_any(db, where, call.path["number"])))


def comments(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/issues/{number}/comments, the oldest first, with `since` those that changed then."""
    since = call.query("since")
    with call.hub.store.read() as db:
        where = place(call, db)
        row = issues.find_any(db, where, call.path["number"])
        found = [one for one in issues.comments(db, row) if one.updated_at >= since]
        wanted, headers = page(call, found)
        return Answer([shapes.comment(call.hub.config, db, where, row, one) for one in wanted], headers=headers)


def say(call: Call) -> Answer:
    """POST /repos/{owner}/{repo}/issues/{number}/comments: by whoever may read it."""
    wish = call.json()
    with call.hub.store.write() as db:
        where, who = place(call, db), person(call)
        row = issues.find_any(db, where, call.path["number"])
        made = issues.say(call.hub, db, row, who, _text(wish, "body") or "")
        answer = shapes.comment(call.hub.config, db, where, row, made)
    call.hub.courier.ring()
    return Answer(answer, 201)


def show_comment(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/issues/comments/{comment_id}."""
    with call.hub.store.read() as db:
        where = place(call, db)
        found = issues.find_comment(db, where, call.path["comment_id"])
        row = issues.find_any(db, where, found.number)
        return Answer(shapes.comment(call.hub.config, db, where, row, found))


def edit_comment(call: Call) -> Answer:
    """PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}: one's own, and with write access others'."""
    wish = call.json()
    with call.hub.store.write() as db:
        where, who = place(call, db), person(call)
        found = issues.find_comment(db, where, call.path["comment_id"])
        changed = issues.edit_comment(call.hub, db, where, who, found, _text(wish, "body") or "")
        answer = shapes.comment(call.hub.config, db, where, issues.find_any(db, where, found.number), changed)
    call.hub.courier.ring()
    return Answer(answer)


def remove_comment(call: Call) -> Answer:
    """DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}."""
    with call.hub.store.write() as db:
        where, who = place(call, db), person(call)
        issues.remove_comment(call.hub, db, where, who, issues.find_comment(db, where, call.path["comment_id"]))
    call.hub.courier.ring()
    return Answer(None, 204)


def _text(wish: dict[str, Any], name: str) -> str | None:
    value = wish.get(name)
    if value is not None and not isinstance(value, str):
        raise Refused(422, f"Invalid request.\n\nFor 'properties/{name}', {value!r} is not a string.")
    return value
