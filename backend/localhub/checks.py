"""Checks of commits: begun, ended, told. At GitHub an app makes them; here whoever plays does."""

import sqlite3

from backend.localhub import access, deliveries
from backend.localhub.hub import Hub
from backend.localhub.refusals import Refused, not_found
from backend.localhub.shapes import check as shapes
from backend.localhub.shapes import hook as hook_shapes
from backend.localhub.shapes.repository import repository as repository_shape
from backend.localhub.store import Account, CheckRun, Pull, every, one, stamp

FIRST_ID = 4_000_000_001
CONCLUSIONS = ("success", "failure", "neutral", "skipped", "cancelled", "timed_out", "action_required")
LONGEST = 65_536  # characters of a name, a summary or a log


def at(db: sqlite3.Connection, repository_id: int, sha: str) -> list[CheckRun]:
    """The newest check of each name at a commit, the oldest first."""
    query = (
        "SELECT * FROM check_run WHERE id IN (SELECT max(id) FROM check_run WHERE repository_id = ? AND head_sha = ?"
        " GROUP BY name) ORDER BY id"
    )
    return every(db, CheckRun, query, repository_id, sha)


def find(db: sqlite3.Connection, repository_id: int, check_id: int) -> CheckRun:
    """A check by its id. Raises Refused (404)."""
    found = one(db, CheckRun, "SELECT * FROM check_run WHERE id = ? AND repository_id = ?", check_id, repository_id)
    if found is None:
        raise not_found()
    return found


def run(
    hub: Hub, db: sqlite3.Connection, pull: Pull, who: Account, name: str, conclusion: str | None, log: str
) -> CheckRun:
    """A check of the pull request's head, which goes on while it has no conclusion. Raises Refused (422)."""
    if conclusion is not None and conclusion not in CONCLUSIONS:
        raise Refused(422, f"A check's conclusion is none or one of {', '.join(CONCLUSIONS)}")
    if not name or max(len(name), len(log)) > LONGEST:
        raise Refused(422, "A check has a name, and that and its log are at most 65536 characters")
    check_id = int(db.execute("SELECT coalesce(max(id) + 1, ?) FROM check_run", (FIRST_ID,)).fetchone()[0])
    status, now = "completed" if conclusion else "in_progress", stamp()
    summary = f"{name}: {conclusion or 'running'}"
    db.execute(
        "INSERT INTO check_run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(check_id, pull.repository_id, pull.head_sha, name, status, conclusion, summary, log, now),
            now if conclusion else None,
        ),
    )
    made = find(db, pull.repository_id, check_id)
    place = access.place_of(db, pull.repository_id)
    shape = shapes.check_run(hub.config, db, place, made)
    payload = hook_shapes.check_run(hub.config, shape, repository_shape(hub.config, db, place), who)
    deliveries.enqueue(db, pull.repository_id, "check_run", payload)
    return made
