"""Reviews of pull requests, with their comments on lines; who is told. Nobody edits or takes back a review here."""

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from backend.localhub import access, deliveries
from backend.localhub.access import Place
from backend.localhub.git import Bare, FileChange
from backend.localhub.hub import Hub
from backend.localhub.refusals import Refused, not_found
from backend.localhub.shapes import hook as hook_shapes
from backend.localhub.shapes import review as shapes
from backend.localhub.shapes.pull import pull_simple
from backend.localhub.shapes.repository import repository as repository_shape
from backend.localhub.store import Account, Pull, Review, ReviewComment, every, one, stamp

FIRST_ID = 3_000_000_001
LONGEST_BODY = 65_536  # characters, GitHub's limit
STATES = {"COMMENT": "COMMENTED", "APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED"}
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)")


@dataclass(frozen=True)
class Remark:
    """A comment to be: `side` is RIGHT for the new file, LEFT for the old one."""

    path: str
    line: int
    side: str
    body: str


def listed(db: sqlite3.Connection, pull: Pull) -> list[Review]:
    """A pull request's reviews, the oldest first."""
    return every(db, Review, "SELECT * FROM review WHERE pull_id = ? ORDER BY id", pull.id)


def comments(db: sqlite3.Connection, pull: Pull) -> list[ReviewComment]:
    """The comments of all its reviews, the oldest first."""
    query = "SELECT c.* FROM review_comment c JOIN review r ON r.id = c.review_id WHERE r.pull_id = ? ORDER BY c.id"
    return every(db, ReviewComment, query, pull.id)


def submit(
    hub: Hub, db: sqlite3.Connection, place: Place, who: Account, pull: Pull, event: str, body: str, sha: str,
    remarks: Sequence[Remark],
) -> Review:  # fmt: skip
    """Keeps a review with its comments, all or nothing. Raises Refused (422) for what is not of the diff."""
    bare = hub.repositories.of(place.repository.id)
    sha = sha or pull.head_sha
    if event != "COMMENT" and who.id == pull.account_id:
        raise _unprocessable(f"Can not {event.lower().replace('_', ' ')} on your own pull request")
    if event != "APPROVE" and not body and not remarks:
        raise _unprocessable("Body cannot be blank")
    if max(map(len, [body, *(remark.body for remark in remarks)])) > LONGEST_BODY:
        raise _unprocessable("Body is too long (maximum is 65536 characters)")
    if not _belongs(bare, pull, sha):
        raise _unprocessable("commit_id is not part of the pull request")
    changes = {change.path: change for change in bare.changes(pull.base_sha, sha)} if remarks else {}
    hunks = [_hunk(changes, remark) for remark in remarks]
    review_id, now = _next_id(db, "review"), stamp()
    db.execute(
        "INSERT INTO review VALUES (?, ?, ?, ?, ?, ?, ?)", (review_id, pull.id, who.id, body, STATES[event], sha, now)
    )
    for remark, hunk in zip(remarks, hunks, strict=True):
        values = (_next_id(db, "review_comment"), review_id, remark.path, remark.line, remark.side, hunk, remark.body)
        db.execute("INSERT INTO review_comment VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)", (*values, now))
    made = one(db, Review, "SELECT * FROM review WHERE id = ?", review_id)
    assert made is not None
    _announce(hub, db, pull, made, who)
    return made


def resolve(db: sqlite3.Connection, pull: Pull, comment_id: int, *, resolved: bool) -> None:
    """Says of a conversation, one comment here, that it is resolved, or that it is not. Raises Refused (404)."""
    if comment_id not in [row.id for row in comments(db, pull)]:
        raise not_found()
    db.execute("UPDATE review_comment SET resolved = ? WHERE id = ?", (int(resolved), comment_id))


def _announce(hub: Hub, db: sqlite3.Connection, pull: Pull, review: Review, sender: Account) -> None:
    place = access.place_of(db, pull.repository_id)
    repository = repository_shape(hub.config, db, place)
    told = shapes.told(hub.config, db, place, pull, review)
    simple = pull_simple(hub.config, db, place, pull)
    payload = hook_shapes.pull_request_review(hub.config, told, simple, repository, sender)
    deliveries.enqueue(db, pull.repository_id, "pull_request_review", payload)
    for row in comments(db, pull):
        if row.review_id == review.id:
            comment = shapes.comment(hub.config, db, place, pull, review, row)
            remark = hook_shapes.pull_request_review_comment(hub.config, comment, simple, repository, sender)
            deliveries.enqueue(db, pull.repository_id, "pull_request_review_comment", remark)


def _belongs(bare: Bare, pull: Pull, sha: str) -> bool:
    if sha == pull.head_sha:
        return True
    return any(commit.sha == sha for commit in bare.commits_between(pull.base_sha, pull.head_sha))


def _hunk(changes: dict[str, FileChange], remark: Remark) -> str:
    """The hunk up to the line that a comment is on. Raises Refused (422) in GitHub's words."""
    change = changes.get(remark.path)
    if change is None or change.patch is None:
        raise _unprocessable("Path could not be resolved")
    found: list[str] = []
    old = new = 0
    for line in change.patch.split("\n"):
        if hunk := _HUNK.match(line):
            found, old, new = [line], int(hunk[1]), int(hunk[2])
            continue
        found.append(line)
        here = new if remark.side == "RIGHT" else old
        if here == remark.line and line[:1] in (" ", "+" if remark.side == "RIGHT" else "-"):
            return "\n".join(found)
        old, new = old + (line[:1] in " -"), new + (line[:1] in " +")
    raise _unprocessable("Line could not be resolved")


def _next_id(db: sqlite3.Connection, table: str) -> int:
    query = f"SELECT coalesce(max(id) + 1, ?) FROM {table}"  # noqa: S608 names of our own
    return int(db.execute(query, (FIRST_ID,)).fetchone()[0])


def _unprocessable(message: str) -> Refused:
    return Refused(422, "Unprocessable Entity", [message])
