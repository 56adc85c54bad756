"""Pull requests from before anybody looked, merged, closed or still open, for `asynccoder seed`: pages that open.

Their base branch stays as it is and no hook is told: the demo's own bug is still there to be found.
"""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from backend.errors import GitError
from backend.localhub import access, git, pulls
from backend.localhub.access import Place, Viewer
from backend.localhub.git import Bare
from backend.localhub.hub import Hub
from backend.localhub.refusals import Refused
from backend.localhub.shapes.repository import web_url
from backend.localhub.store import Account, stamp

_HUB = "Local hub <hub@localhost>"


@dataclass(frozen=True)
class Past:
    """One of them: who proposed what, which lines of one file changed, and when (seconds since the epoch) it ended or,
    where it is open, was made."""

    repository: str
    author: str
    title: str
    body: str
    head: str
    path: str
    before: str
    after: str
    merged: bool
    ended: int
    open: bool = False


def add(hub: Hub, db: sqlite3.Connection, wish: Past) -> dict[str, Any]:
    """Adds one; its id, number, url and head. Raises Refused (422) for an unknown place or person.

    One that is open already is not opened twice.
    """
    place, author = _where(db, wish)
    known = wish.open and next((one for one in pulls.listed(db, place, "open") if one.head_ref == wish.head), None)
    if known:
        return _answer(hub, place, known.id, known.number, known.head_sha)
    branch = place.repository.default_branch
    number = pulls.next_number(db, place)
    bare = hub.repositories.of(place.repository.id)
    base = bare.branch(branch)
    if base is None:
        raise Refused(422, f"{wish.repository} has no commit yet")
    start, head = _commits(bare, author, wish, base, number)
    ended = stamp(datetime.fromtimestamp(wish.ended, UTC))
    pull_id = pulls.next_id(db)
    db.execute(
        "INSERT INTO pull VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(pull_id, place.repository.id, number, wish.title, wish.body, "open" if wish.open else "closed"),
            *(author.id, wish.head, head, branch, start),
            *(head if wish.merged else None, author.id if wish.merged else None),
            *(ended, ended, None if wish.open else ended, ended if wish.merged else None),
        ),
    )
    return _answer(hub, place, pull_id, number, head)


def _answer(hub: Hub, place: Place, pull_id: int, number: int, head_sha: str) -> dict[str, Any]:
    return {"id": pull_id, "number": number, "url": f"{web_url(hub.config, place)}/pull/{number}", "head_sha": head_sha}


def _where(db: sqlite3.Connection, wish: Past) -> tuple[Place, Account]:
    author = access.account_of_login(db, wish.author)
    place = access.place(db, Viewer(author), *wish.repository.split("/", 1)) if "/" in wish.repository else None
    if author is None or place is None:
        raise Refused(422, f"{wish.author} sees no repository {wish.repository} here")
    return place, author


def _commits(bare: Bare, author: Account, wish: Past, base: str, number: int) -> tuple[str, str]:
    """The file as it was and as it became, on a ref that no branch holds; both shas."""
    ref, who = f"refs/pull/{number}/head", f"{author.name} <{author.email or f'{author.login}@localhost'}>"
    old, new = _texts(bare, base, wish)
    at = f"{wish.ended} +0000"
    stream = [
        f"commit {ref}\nmark :1\ncommitter {_HUB} {at}\n{_data('As it was')}from {base}\n{_file(wish, old)}",
        f"commit {ref}\nmark :2\ncommitter {who} {at}\n{_data(wish.title)}from :1\n{_file(wish, new)}",
    ]
    if not wish.merged:  # its branch is still there: it can be opened again
        stream.append(f"reset refs/heads/{wish.head}\nfrom :2\n")
    git.run(["fast-import", "--quiet", "--date-format=raw"], cwd=bare.path, data="\n".join(stream).encode())
    start, head = git.run(["rev-parse", f"{ref}^", ref], cwd=bare.path).decode().split()
    return start, head


def _texts(bare: Bare, base: str, wish: Past) -> tuple[str, str]:
    """The whole file before and after: the branch's own around the changed lines, where it has that file."""
    try:
        text = bare.blob(base, wish.path).decode(errors="replace")
    except GitError:
        text = ""
    if wish.before and wish.before in text:
        return text, text.replace(wish.before, wish.after, 1)
    return text + wish.before, text + wish.after


def _file(wish: Past, text: str) -> str:
    return f"M 100644 inline {wish.path}\n{_data(text)}" if text else ""


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"
