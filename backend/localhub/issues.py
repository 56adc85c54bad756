"""The issues of a repository and what was said below them. They come with the samples; nobody opens one here."""

import sqlite3

from backend.localhub.access import Place
from backend.localhub.refusals import Refused, not_found
from backend.localhub.store import Comment, Issue, every, one


def find(db: sqlite3.Connection, place: Place, number: int) -> Issue:
    """An issue by its number. Raises Refused: 404 where there was none, 410 for one that was deleted, as at GitHub."""
    found = one(db, Issue, "SELECT * FROM issue WHERE repository_id = ? AND number = ?", place.repository.id, number)
    if found is None:
        raise not_found()
    if found.state == "deleted":
        raise Refused(410, "This issue was deleted")
    return found


def listed(db: sqlite3.Connection, place: Place, state: str = "all") -> list[Issue]:
    """A repository's issues, the newest first."""
    query = (
        "SELECT * FROM issue WHERE repository_id = ? AND state <> 'deleted' AND (? = 'all' OR state = ?)"
        " ORDER BY number DESC"
    )
    return every(db, Issue, query, place.repository.id, state, state)


def comments(db: sqlite3.Connection, issue: Issue) -> list[Comment]:
    """What was said below it, the oldest first."""
    return every(db, Comment, "SELECT * FROM comment WHERE issue_id = ? ORDER BY created_at, id", issue.id)
