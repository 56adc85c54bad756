"""What can be done with a pull request, and who is told. Branches move under the repository's lock, rows with them."""

import sqlite3
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from backend.localhub import access, deliveries
from backend.localhub.access import Place
from backend.localhub.git import Bare, Conflict
from backend.localhub.hub import Hub
from backend.localhub.refusals import Refused, invalid, not_found
from backend.localhub.repositories import main_language
from backend.localhub.shapes import hook as hook_shapes
from backend.localhub.shapes.pull import Figures, pull_full
from backend.localhub.shapes.repository import repository as repository_shape
from backend.localhub.store import Account, Pull, every, one, stamp

FIRST_ID = 5_000_000_001  # as at GitHub, where they no longer fit 32 bits
LONGEST_TITLE, LONGEST_BODY = 256, 65_536  # characters, GitHub's limits


@dataclass(frozen=True)
class Proposal:
    """A pull request to be: branches of one repository by name."""

    head: str
    base: str
    title: str
    body: str | None
    draft: bool


def find(db: sqlite3.Connection, place: Place, number: int) -> Pull:
    """A pull request by its number. Raises Refused (404)."""
    found = one(db, Pull, "SELECT * FROM pull WHERE repository_id = ? AND number = ?", place.repository.id, number)
    if found is None:
        raise not_found()
    return found


def listed(db: sqlite3.Connection, place: Place, state: str = "all") -> list[Pull]:
    """A repository's pull requests, the newest first."""
    query = "SELECT * FROM pull WHERE repository_id = ? AND (? = 'all' OR state = ?) ORDER BY number DESC"
    return every(db, Pull, query, place.repository.id, state, state)


def open_pull(hub: Hub, db: sqlite3.Connection, place: Place, author: Account, wish: Proposal) -> Pull:
    """Opens it. Raises Refused (422) as GitHub does: a branch missing, nothing to merge, one open already."""
    bare = hub.repositories.of(place.repository.id)
    branches = bare.branches()
    check_texts(wish.title, wish.body)
    for field, branch in (("head", wish.head), ("base", wish.base)):
        if branch not in branches:
            raise invalid("PullRequest", field=field)
    head, base = branches[wish.head], branches[wish.base]
    if bare.merge_base(base, head) is None:
        raise _custom(f"The {wish.head} branch has no history in common with {wish.base}")
    if bare.count_between(base, head) == 0:
        raise _custom(f"No commits between {wish.base} and {wish.head}")
    if _open_between(db, place, wish.head, wish.base):
        raise _custom(f"A pull request already exists for {place.owner.login}:{wish.head}.")
    number, pull_id, now = next_number(db, place), next_id(db), stamp()
    db.execute(
        "INSERT INTO pull (id, repository_id, number, title, body, state, draft, account_id, head_ref, head_sha,"
        " base_ref, base_sha, created_at, updated_at) VALUES (?, ?, ?, ?, ?, 'open', ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(pull_id, place.repository.id, number, wish.title, wish.body, wish.draft, author.id),
            *(wish.head, head, wish.base, base, now, now),
        ),
    )
    bare.pin(number, head)
    pull = find(db, place, number)
    announce(hub, db, pull, "opened", author)
    return pull


def next_number(db: sqlite3.Connection, place: Place) -> int:
    """The number of the repository's next pull request: one that no issue has.

    GitHub counts both together. What the hub began with is of before it, so that pull requests begin at 1 and step over
    those numbers.
    """
    own = (place.repository.id,)
    last = "SELECT coalesce(max(number), 0) FROM pull WHERE repository_id = ? AND id >= ?"
    known = "SELECT number FROM issue WHERE repository_id = ? UNION SELECT number FROM pull WHERE repository_id = ?"
    taken = {row[0] for row in db.execute(known, own * 2)}
    first = int(db.execute(last, (*own, FIRST_ID)).fetchone()[0]) + 1
    return next(number for number in count(first) if number not in taken)


def next_id(db: sqlite3.Connection) -> int:
    """The id of the hub's next pull request."""
    return int(db.execute("SELECT max(coalesce(max(id) + 1, ?), ?) FROM pull", (FIRST_ID, FIRST_ID)).fetchone()[0])


def edit(hub: Hub, db: sqlite3.Connection, place: Place, who: Account, pull: Pull, wish: dict[str, Any]) -> Pull:
    """Title, body or base anew. Raises Refused (422)."""
    changed: dict[str, Any] = {
        name: wish[name] for name in ("title", "body") if name in wish and wish[name] != getattr(pull, name)
    }
    changes: dict[str, Any] = {name: {"from": getattr(pull, name) or ""} for name in changed}
    check_texts(changed.get("title", pull.title), changed.get("body"))
    base = wish.get("base", pull.base_ref)
    if base != pull.base_ref:
        sha = hub.repositories.of(place.repository.id).branch(base)
        if sha is None or pull.state == "closed":
            raise invalid("PullRequest", field="base")
        if _open_between(db, place, pull.head_ref, base):
            raise _custom(f"A pull request already exists for base branch '{base}' and head branch '{pull.head_ref}'")
        changed |= {"base_ref": base, "base_sha": sha}
        changes["base"] = {"ref": {"from": pull.base_ref}, "sha": {"from": pull.base_sha}}
    if not changed:
        return pull
    pull = save(db, replace(pull, **changed, updated_at=stamp()))
    announce(hub, db, pull, "edited", who, {"changes": changes})
    return pull


def close(hub: Hub, db: sqlite3.Connection, who: Account, pull: Pull) -> Pull:
    """Closes it unmerged; what is closed stays closed."""
    if pull.state == "closed":
        return pull
    now = stamp()
    pull = save(db, replace(pull, state="closed", closed_at=now, updated_at=now))
    announce(hub, db, pull, "closed", who)
    return pull


def reopen(hub: Hub, db: sqlite3.Connection, place: Place, who: Account, pull: Pull) -> Pull:
    """Opens it again with its branches as they are now. Raises Refused (422)."""
    if pull.state == "open":
        return pull
    branches = hub.repositories.of(place.repository.id).branches()
    head, base = branches.get(pull.head_ref), branches.get(pull.base_ref)
    if pull.merged_at or not head or not base:
        reason = "" if pull.merged_at else f" The {pull.head_ref if not head else pull.base_ref} branch was deleted."
        raise invalid("PullRequest", field="state", message=f"state cannot be changed.{reason}")
    if _open_between(db, place, pull.head_ref, pull.base_ref):
        message = f"state cannot be changed. There is already an open pull request from {pull.head_ref}."
        raise invalid("PullRequest", field="state", message=message)
    hub.repositories.of(place.repository.id).pin(pull.number, head)
    pull = save(db, replace(pull, state="open", closed_at=None, head_sha=head, base_sha=base, updated_at=stamp()))
    announce(hub, db, pull, "reopened", who)
    return pull


def make_ready(hub: Hub, db: sqlite3.Connection, who: Account, pull: Pull) -> Pull:
    """A draft no longer."""
    if not pull.draft or pull.state == "closed":
        return pull
    pull = save(db, replace(pull, draft=False, updated_at=stamp()))
    announce(hub, db, pull, "ready_for_review", who)
    return pull


def observe(hub: Hub, db: sqlite3.Connection, repository_id: int, mover: Account | None = None) -> None:
    """Brings the open pull requests up to where the branches stand now: pushed to, merged by hand, or without a branch.

    Without a `mover` it counts as done by each pull request's author.
    """
    waiting = every(db, Pull, "SELECT * FROM pull WHERE repository_id = ? AND state = 'open'", repository_id)
    bare = hub.repositories.of(repository_id)
    branches = bare.branches() if waiting else {}
    for pull in waiting:
        head, base = branches.get(pull.head_ref), branches.get(pull.base_ref)
        who = mover or access.account(db, pull.account_id)
        if head is None or base is None:
            close(hub, db, who, pull)
        elif base != pull.base_sha and bare.is_ancestor(head, base):
            mark_merged(hub, db, who, replace(pull, head_sha=head), base)
        elif head != pull.head_sha:
            bare.pin(pull.number, head)
            before = {"before": pull.head_sha, "after": head}
            pull = save(db, replace(pull, head_sha=head, base_sha=base, updated_at=stamp()))
            announce(hub, db, pull, "synchronize", who, before)
        elif base != pull.base_sha:
            save(db, replace(pull, base_sha=base))


def note_push(hub: Hub, db: sqlite3.Connection, repository_id: int) -> None:
    """What a push changes of the repository itself."""
    bare, now = hub.repositories.of(repository_id), stamp()
    row = access.place_of(db, repository_id).repository
    sha = bare.branch(row.default_branch)
    language = main_language(bare, sha) if sha else None
    db.execute(
        "UPDATE repository SET pushed_at = ?, updated_at = ?, size = ?, language = ? WHERE id = ?",
        (now, now, bare.size(), language, repository_id),
    )


def tell_push(
    hub: Hub, db: sqlite3.Connection, repository_id: int, who: Account, branch: str, before: str, after: str
) -> None:
    """Tells the hooks that a branch moved."""
    shape = repository_shape(hub.config, db, access.place_of(db, repository_id))
    payload = hook_shapes.push(hub.config, f"refs/heads/{branch}", before, after, shape, who)
    deliveries.enqueue(db, repository_id, "push", payload)


def mark_merged(hub: Hub, db: sqlite3.Connection, who: Account, pull: Pull, merge_sha: str) -> Pull:
    """Its commits are in the base branch now."""
    now = stamp()
    done = replace(pull, state="closed", closed_at=now, merged_at=now, updated_at=now)
    pull = save(db, replace(done, merged_by=who.id, merge_commit_sha=merge_sha))
    announce(hub, db, pull, "closed", who)
    return pull


def figures(bare: Bare, pull: Pull) -> Figures:
    """What git counts of it."""
    is_mergeable = _is_mergeable(bare.path, pull.base_sha, pull.head_sha) if pull.state == "open" else None
    return Figures(*_counts(bare.path, pull.base_sha, pull.head_sha), is_mergeable)


def announce(
    hub: Hub, db: sqlite3.Connection, pull: Pull, action: str, sender: Account, more: dict[str, Any] | None = None
) -> None:
    """Tells the hooks, within the transaction that made the change."""
    place = access.place_of(db, pull.repository_id)
    numbers = figures(hub.repositories.of(pull.repository_id), pull)
    shape = pull_full(hub.config, db, place, pull, numbers)
    payload = hook_shapes.pull_request(
        hub.config, action, shape, repository_shape(hub.config, db, place), sender, more or {}
    )
    deliveries.enqueue(db, pull.repository_id, "pull_request", payload)


def save(db: sqlite3.Connection, pull: Pull) -> Pull:
    """Writes the row as it is now."""
    db.execute(
        "UPDATE pull SET title = ?, body = ?, state = ?, draft = ?, head_sha = ?, base_ref = ?, base_sha = ?,"
        " merge_commit_sha = ?, merged_by = ?, updated_at = ?, closed_at = ?, merged_at = ? WHERE id = ?",
        (
            *(pull.title, pull.body, pull.state, pull.draft, pull.head_sha, pull.base_ref, pull.base_sha),
            *(pull.merge_commit_sha, pull.merged_by, pull.updated_at, pull.closed_at, pull.merged_at, pull.id),
        ),
    )
    return pull


def check_texts(title: str, body: str | None) -> None:
    """Raises Refused (422) for an empty or overlong title or an overlong body."""
    if not title.strip():
        raise invalid("PullRequest", field="title", code="missing_field")
    for field, text, longest in (("title", title, LONGEST_TITLE), ("body", body or "", LONGEST_BODY)):
        if len(text) > longest:
            raise invalid("PullRequest", field=field, message=f"{field} is too long (maximum is {longest} characters)")


def _open_between(db: sqlite3.Connection, place: Place, head: str, base: str) -> bool:
    query = "SELECT 1 FROM pull WHERE repository_id = ? AND head_ref = ? AND base_ref = ? AND state = 'open'"
    return db.execute(query, (place.repository.id, head, base)).fetchone() is not None


def _custom(message: str) -> Refused:
    return invalid("PullRequest", message=message)


@lru_cache(maxsize=512)
def _counts(path: Path, base: str, head: str) -> tuple[int, int, int, int]:
    bare = Bare(path)
    changes = bare.changes(base, head)
    added, removed = sum(change.added for change in changes), sum(change.removed for change in changes)
    return bare.count_between(base, head), len(changes), added, removed


@lru_cache(maxsize=512)
def _is_mergeable(path: Path, base: str, head: str) -> bool:
    try:
        Bare(path).merged_tree(base, head)
    except Conflict:
        return False
    return True
