"""The issues of a repository; what is said below them, and below pull requests, which are issues too; who is told."""

import sqlite3
from dataclasses import replace

from backend.localhub import access, deliveries, pulls
from backend.localhub.access import Place
from backend.localhub.hub import Hub
from backend.localhub.refusals import Refused, invalid, not_found
from backend.localhub.shapes import hook as hook_shapes
from backend.localhub.shapes import issue as shapes
from backend.localhub.shapes.people import Json
from backend.localhub.shapes.repository import repository as repository_shape
from backend.localhub.store import Account, Comment, Issue, Pull, every, one, stamp

LONGEST_TITLE, LONGEST_BODY = 256, 65_536  # characters, GitHub's limits


def find(db: sqlite3.Connection, place: Place, number: int) -> Issue:
    """An issue by its number. Raises Refused: 404 where there was none, 410 for one that was deleted, as at GitHub."""
    found = one(db, Issue, "SELECT * FROM issue WHERE repository_id = ? AND number = ?", place.repository.id, number)
    if found is None:
        raise not_found()
    if found.state == "deleted":
        raise Refused(410, "This issue was deleted")
    return found


def find_any(db: sqlite3.Connection, place: Place, number: int) -> Issue | Pull:
    """An issue or a pull request: they share their numbers. Raises Refused (404, 410)."""
    try:
        return find(db, place, number)
    except Refused as refusal:
        if refusal.status != 404:
            raise
        return pulls.find(db, place, number)


def listed(db: sqlite3.Connection, place: Place, state: str = "all") -> list[Issue]:
    """A repository's issues, the newest first."""
    query = (
        "SELECT * FROM issue WHERE repository_id = ? AND state <> 'deleted' AND (? = 'all' OR state = ?)"
        " ORDER BY number DESC"
    )
    return every(db, Issue, query, place.repository.id, state, state)


def open_issue(hub: Hub, db: sqlite3.Connection, place: Place, author: Account, title: str, body: str | None) -> Issue:
    """Opens one. Raises Refused (422) for an empty or overlong title or an overlong body."""
    if not title.strip():
        raise invalid("Issue", field="title", code="missing_field")
    _check_length("Issue", "title", title, LONGEST_TITLE)
    _check_length("Issue", "body", body or "", LONGEST_BODY)
    query = (
        "SELECT max(number) FROM (SELECT number FROM issue WHERE repository_id = :id"
        " UNION SELECT number FROM pull WHERE repository_id = :id UNION SELECT 0)"
    )
    number = int(db.execute(query, {"id": place.repository.id}).fetchone()[0]) + 1
    issue_id, now = int(db.execute("SELECT coalesce(max(id), 0) + 1 FROM issue").fetchone()[0]), stamp()
    db.execute(
        "INSERT INTO issue VALUES (?, ?, ?, ?, ?, 'open', ?, ?, ?, NULL)",
        (issue_id, place.repository.id, number, title, body, author.id, now, now),
    )
    made = find(db, place, number)
    announce(hub, db, made, "opened", author, {})
    return made


def comments(db: sqlite3.Connection, row: Issue | Pull) -> list[Comment]:
    """What was said below it, the oldest first."""
    query = "SELECT * FROM comment WHERE repository_id = ? AND number = ? ORDER BY created_at, id"
    return every(db, Comment, query, row.repository_id, row.number)


def find_comment(db: sqlite3.Connection, place: Place, comment_id: int) -> Comment:
    """A comment by its id. Raises Refused (404)."""
    query = "SELECT * FROM comment WHERE id = ? AND repository_id = ?"
    found = one(db, Comment, query, comment_id, place.repository.id)
    if found is None:
        raise not_found()
    return found


def say(hub: Hub, db: sqlite3.Connection, row: Issue | Pull, who: Account, body: str) -> Comment:
    """A new comment. Raises Refused (422)."""
    _check_comment(body)
    now = stamp()
    query = (
        "INSERT INTO comment (repository_id, number, account_id, body, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?) RETURNING id"
    )
    values = (row.repository_id, row.number, who.id, body, now, now)
    made = Comment(int(db.execute(query, values).fetchone()[0]), *values)
    row = touch(db, row, now)
    _announce_comment(hub, db, row, "created", made, who)
    return made


def edit_comment(hub: Hub, db: sqlite3.Connection, place: Place, who: Account, comment: Comment, body: str) -> Comment:
    """Other words. Raises Refused: 403 for another's without write access, 422."""
    _require_own(place, who, comment)
    _check_comment(body)
    changed = replace(comment, body=body, updated_at=stamp())
    db.execute("UPDATE comment SET body = ?, updated_at = ? WHERE id = ?", (body, changed.updated_at, comment.id))
    row = find_any(db, place, comment.number)
    _announce_comment(hub, db, row, "edited", changed, who, {"changes": {"body": {"from": comment.body}}})
    return changed


def remove_comment(hub: Hub, db: sqlite3.Connection, place: Place, who: Account, comment: Comment) -> None:
    """Takes it away. Raises Refused (403)."""
    _require_own(place, who, comment)
    db.execute("DELETE FROM comment WHERE id = ?", (comment.id,))
    _announce_comment(hub, db, find_any(db, place, comment.number), "deleted", comment, who)


def touch(db: sqlite3.Connection, row: Issue | Pull, now: str) -> Issue | Pull:
    """It changed just now."""
    table = "pull" if isinstance(row, Pull) else "issue"
    db.execute(f"UPDATE {table} SET updated_at = ? WHERE id = ?", (now, row.id))  # noqa: S608 names of our own
    return replace(row, updated_at=now)


def announce(hub: Hub, db: sqlite3.Connection, row: Issue, action: str, sender: Account, more: Json) -> None:
    """Tells the hooks of an issue."""
    place = access.place_of(db, row.repository_id)
    payload = hook_shapes.issue(
        hub.config,
        action,
        shapes.issue(hub.config, db, place, row),
        repository_shape(hub.config, db, place),
        sender,
        more,
    )
    deliveries.enqueue(db, row.repository_id, "issues", payload)


def _announce_comment(
    hub: Hub, db: sqlite3.Connection, row: Issue | Pull, action: str, comment: Comment, who: Account,
    more: Json | None = None,
) -> None:  # fmt: skip
    place = access.place_of(db, row.repository_id)
    payload = hook_shapes.issue_comment(
        hub.config,
        action,
        shapes.comment(hub.config, db, place, row, comment),
        shapes.any_issue(hub.config, db, place, row),
        repository_shape(hub.config, db, place),
        who,
        more or {},
    )
    deliveries.enqueue(db, row.repository_id, "issue_comment", payload)


def _require_own(place: Place, who: Account, comment: Comment) -> None:
    if comment.account_id != who.id and not place.allows("write"):
        raise Refused(403, "Must have push access to change another's comment.")


def _check_comment(body: str) -> None:
    if not body.strip():
        raise invalid("IssueComment", field="body", code="missing_field")
    _check_length("IssueComment", "body", body, LONGEST_BODY)


def _check_length(resource: str, field: str, text: str, longest: int) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise invalid(resource, field=field) from None
    if len(text) > longest:
        raise invalid(resource, field=field, message=f"{field} is too long (maximum is {longest} characters)")
