"""What owners do with repositories and their people, for whoever tries the product: each is told to the hooks."""

import sqlite3
from collections.abc import Mapping
from typing import Any

from backend.localhub import access, deliveries
from backend.localhub.access import Place
from backend.localhub.hub import Hub
from backend.localhub.refusals import Refused
from backend.localhub.shapes.hook import member, repository_event
from backend.localhub.shapes.repository import repository
from backend.localhub.store import Account, every, one, stamp
from backend.localhub.store import Repository as Row

FIRST_MANY_ID = 500_000
_SWITCHES = {
    "archived": ("archived", 1), "unarchived": ("archived", 0), "deleted": ("deleted", 1),
    "privatized": ("private", 1), "publicized": ("private", 0),
}  # fmt: skip


def keep(hub: Hub, full_name: str, what: str, given: Mapping[str, Any]) -> str:
    """Does it and tells it; the repository's full name since. Raises Refused (422).

    `what` is GitHub's word: renamed (to `name`), transferred (to `owner`), edited (its `description`), archived,
    unarchived, deleted, privatized, publicized; or member_added and member_removed, of `login`.
    """
    with hub.store.write() as db:
        place = _place(db, full_name)
        if what in ("member_added", "member_removed"):
            _change_member(hub, db, place, what, given)
        else:
            _change(db, place, what, given)
            place = access.place_of(db, place.repository.id)
            payload = repository_event(hub.config, what, repository(hub.config, db, place), place.owner)
            deliveries.enqueue(db, place.repository.id, "repository", payload)
    hub.courier.ring()
    return place.full_name


def add_many(hub: Hub, login: str, count: int) -> None:
    """So many repositories of a person, which are listed and have nothing in them."""
    with hub.store.write() as db:
        owner, now = _account(db, login), stamp()
        first = db.execute("SELECT max(?, coalesce(max(id) + 1, 0)) FROM repository", (FIRST_MANY_ID,)).fetchone()[0]
        db.executemany(
            "INSERT INTO repository VALUES (?, ?, ?, NULL, 1, 'main', 'Python', 1, NULL, ?, ?, ?, 0, 0)",
            [(number, owner.id, f"repository-{number}", now, now, now) for number in range(first, first + count)],
        )


def leave(hub: Hub, organisation: str, login: str) -> None:
    """A person is no member of the organisation any more; who reaches what stays as it is."""
    with hub.store.write() as db:
        ids = (_account(db, organisation).id, _account(db, login).id)
        db.execute("DELETE FROM membership WHERE organisation_id = ? AND account_id = ?", ids)


def _change(db: sqlite3.Connection, place: Place, what: str, given: Mapping[str, Any]) -> None:
    column: str
    value: str | int
    if what in _SWITCHES:
        column, value = _SWITCHES[what]
    elif what == "renamed":
        column, value = "name", str(given.get("name") or "")
    elif what == "edited":
        column, value = "description", str(given.get("description") or "")
    elif what == "transferred":
        column, value = "owner_id", _account(db, str(given.get("owner", ""))).id
    else:
        raise Refused(422, "That cannot be done to a repository")
    if value == "":
        raise Refused(422, "It needs another value")
    if what in ("renamed", "transferred"):  # the old name leads on until somebody takes it
        db.execute("INSERT OR REPLACE INTO moved VALUES (?, ?)", (place.full_name, place.repository.id))
    change = f"UPDATE repository SET {column} = ?, updated_at = ? WHERE id = ?"  # noqa: S608 names of our own
    db.execute(change, (value, stamp(), place.repository.id))


def _change_member(hub: Hub, db: sqlite3.Connection, place: Place, what: str, given: Mapping[str, Any]) -> None:
    who = _account(db, str(given.get("login", "")))
    ids = (place.repository.id, who.id)
    db.execute("DELETE FROM access WHERE repository_id = ? AND account_id = ?", ids)
    if what == "member_added":
        db.execute("INSERT INTO access VALUES (?, ?, ?)", (*ids, str(given.get("level") or "write")))
    told = member(hub.config, what.removeprefix("member_"), who, repository(hub.config, db, place), sender=place.owner)
    deliveries.enqueue(db, place.repository.id, "member", told)


def _place(db: sqlite3.Connection, full_name: str) -> Place:
    for row in every(db, Row, "SELECT * FROM repository"):
        place = access.place_of(db, row.id)
        if place.full_name.lower() == full_name.lower():
            return place
    raise Refused(422, "There is no such repository here")


def _account(db: sqlite3.Connection, login: str) -> Account:
    found = one(db, Account, "SELECT * FROM account WHERE login = ?", login)
    if found is None:
        raise Refused(422, "There is no such account here")
    return found
