"""Labels on issues and pull requests; who is told. One that a repository does not have yet is made, as at GitHub."""

import sqlite3
from collections.abc import Sequence

from backend.localhub import issues, pulls
from backend.localhub.access import Place
from backend.localhub.hub import Hub
from backend.localhub.refusals import Refused, invalid
from backend.localhub.shapes import label as shapes
from backend.localhub.store import Account, Issue, Label, Pull, every, one, stamp

LONGEST = 50  # characters, GitHub's limit


def known(db: sqlite3.Connection, place: Place) -> list[Label]:
    """All labels of a repository."""
    return every(db, Label, "SELECT * FROM label WHERE repository_id = ? ORDER BY name", place.repository.id)


def put_on(hub: Hub, db: sqlite3.Connection, place: Place, who: Account, number: int, names: Sequence[str]) -> None:
    """Puts these on; what is on it already is told to nobody. Raises Refused (404, 410, 422)."""
    for name in names:
        row, label = issues.find_any(db, place, number), made(db, place.repository.id, name)
        values = (place.repository.id, number, label.id)
        if db.execute("INSERT OR IGNORE INTO labelled VALUES (?, ?, ?)", values).rowcount:
            _announce(hub, db, issues.touch(db, row, stamp()), "labeled", label, who)


def take_off(hub: Hub, db: sqlite3.Connection, place: Place, who: Account, number: int, name: str) -> None:
    """Takes one off. Raises Refused (404) for one that is not on it."""
    row = issues.find_any(db, place, number)
    label = next((each for each in shapes.labels_of(db, row) if each.name.lower() == name.lower()), None)
    if label is None:
        raise Refused(404, "Label does not exist")
    values = (place.repository.id, number, label.id)
    db.execute("DELETE FROM labelled WHERE repository_id = ? AND number = ? AND label_id = ?", values)
    _announce(hub, db, issues.touch(db, row, stamp()), "unlabeled", label, who)


def made(db: sqlite3.Connection, repository_id: int, name: str) -> Label:
    """A repository's label of that name, in any case. Raises Refused (422) for what can be none."""
    name = name.strip()
    if not name or len(name) > LONGEST or not name.isprintable():
        raise invalid("Label", field="name")
    db.execute("INSERT OR IGNORE INTO label (repository_id, name) VALUES (?, ?)", (repository_id, name))
    found = one(db, Label, "SELECT * FROM label WHERE repository_id = ? AND name = ?", repository_id, name)
    assert found is not None
    return found


def _announce(hub: Hub, db: sqlite3.Connection, row: Issue | Pull, action: str, label: Label, who: Account) -> None:
    more = {"label": shapes.label(hub.config, db, label)}
    if isinstance(row, Pull):
        pulls.announce(hub, db, row, action, who, more)
    else:
        issues.announce(hub, db, row, action, who, more)
