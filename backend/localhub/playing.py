"""What others would do to a pull request, for whoever tries the product alone: review it, check it, get in its way."""

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.localhub import access, checks, pulls, reviews
from backend.localhub.access import Place
from backend.localhub.git import FileChange, Signature
from backend.localhub.hub import Hub
from backend.localhub.refusals import Refused
from backend.localhub.store import Account, Pull, stamp

_OLD = re.compile(r"^@@ -(\d+)(?:,(\d+))?", re.MULTILINE)
_EVENTS = {"approve": "APPROVE", "request_changes": "REQUEST_CHANGES", "comment": "COMMENT"}
LOG = "tests/test_cart.py F                                    [100%]\nE   assert total == expected\n1 failed in 0.12s"


@dataclass(frozen=True)
class Wish:
    """`what`: approve, request_changes, comment, check or conflict; by `login`, else by whom it suits."""

    what: str
    login: str
    body: str
    path: str
    line: int
    name: str
    conclusion: str | None


def wish(given: Mapping[str, Any]) -> Wish:
    """What a form or a control call asks for. Raises Refused (422)."""
    line = str(given.get("line") or 0)
    if not line.isascii() or not line.isdigit() or len(line) > 7:
        raise Refused(422, "A line is a whole number")
    texts = {name: str(given.get(name) or "") for name in ("what", "login", "body", "path")}
    conclusion = given.get("conclusion", "failure")
    return Wish(
        **texts, line=int(line), name=str(given.get("name") or "tests"), conclusion=str(conclusion or "") or None
    )


def play(hub: Hub, repository_id: int, number: int, given: Wish) -> None:
    """Does it and tells the hooks. Raises Refused (404, 422)."""
    with hub.repositories.held(repository_id), hub.store.write() as db:
        place = access.place_of(db, repository_id)
        pull = pulls.find(db, place, number)
        who = _who(db, pull, given)
        if given.what in _EVENTS:
            _review(hub, db, place, who, pull, given)
        elif given.what == "check":
            log = LOG if given.conclusion == "failure" else ""
            checks.run(hub, db, pull, who, given.name, given.conclusion, given.body or log)
        elif given.what == "conflict":
            _conflict(hub, db, place, who, pull)
        else:
            raise Refused(422, "That cannot be played")
    hub.courier.ring()


def changed_lines(changes: list[FileChange]) -> list[tuple[str, int]]:
    """The first line of each file's new side that the diff shows."""
    found = [(one.path, re.search(r"^@@ -\S+ \+(\d+)", one.patch or "", re.MULTILINE)) for one in changes]
    return [(path, int(hunk[1])) for path, hunk in found if hunk and int(hunk[1])]


def _who(db: sqlite3.Connection, pull: Pull, given: Wish) -> Account:
    """The one who was named, else somebody who did not write it: nobody may approve their own."""
    if given.login:
        found = access.account_of_login(db, given.login)
        if found is None or found.type != "User":
            raise Refused(422, "There is no such person here")
        return found
    return next(one for one in access.people(db) if one.id != pull.account_id)


def _review(hub: Hub, db: sqlite3.Connection, place: Place, who: Account, pull: Pull, given: Wish) -> None:
    remarks = [reviews.Remark(given.path, given.line, "RIGHT", given.body or "Why so?")] if given.path else []
    body = "" if remarks else given.body or {"approve": "Looks good."}.get(given.what, "Please look at this again.")
    reviews.submit(hub, db, place, who, pull, _EVENTS[given.what], body, "", remarks)


def _conflict(hub: Hub, db: sqlite3.Connection, place: Place, who: Account, pull: Pull) -> None:
    """A commit on the base branch that changes what the pull request changes, otherwise."""
    bare = hub.repositories.of(place.repository.id)
    base = bare.branch(pull.base_ref)
    if base is None or pull.state != "open":
        raise Refused(422, "Only an open pull request can get into a conflict")
    change = next((one for one in bare.changes(base, pull.head_sha) if one.patch and one.status != "renamed"), None)
    if change is None:
        raise Refused(422, "It changes no text")
    text = "" if change.status == "added" else bare.blob(base, change.path).decode(errors="replace")
    author = Signature(who.name or who.login, who.email or f"{who.login}@localhost", stamp())
    sha = bare.commit_file(base, change.path, _otherwise(text, change), f"Change {change.path}", author)
    bare.move(pull.base_ref, sha, base)
    pulls.note_push(hub, db, place.repository.id)
    pulls.tell_push(hub, db, place.repository.id, who, pull.base_ref, base, sha)
    pulls.observe(hub, db, place.repository.id, who)


def _otherwise(text: str, change: FileChange) -> str:
    """The file with the changed lines replaced by another's."""
    hunk = _OLD.search(change.patch or "")
    if hunk is None or not text:
        return "Somebody else wrote this file too.\n"
    start, count = int(hunk[1]), int(hunk[2] or 1)
    lines = text.splitlines(keepends=True)
    return "".join([*lines[: start - 1], "# Somebody else changed this too.\n", *lines[start - 1 + count :]])
