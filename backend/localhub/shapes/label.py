"""Labels."""

import sqlite3
from urllib.parse import quote

from backend.localhub import access
from backend.localhub.config import Config
from backend.localhub.shapes.people import Json, node_id
from backend.localhub.shapes.repository import api_url
from backend.localhub.store import Issue, Label, Pull, every


def label(config: Config, db: sqlite3.Connection, row: Label) -> Json:
    """`label`."""
    place = access.place_of(db, row.repository_id)
    return {
        "id": row.id,
        "node_id": node_id("Label", row.id),
        "url": f"{api_url(config, place)}/labels/{quote(row.name, safe='')}",
        "name": row.name,
        "color": "ededed",
        "default": False,
        "description": None,
    }


def labels_of(db: sqlite3.Connection, row: Issue | Pull) -> list[Label]:
    """The labels that are on it."""
    query = (
        "SELECT label.* FROM label JOIN labelled ON label_id = label.id"
        " WHERE labelled.repository_id = ? AND number = ? ORDER BY name"
    )
    return every(db, Label, query, row.repository_id, row.number)


def labels_on(config: Config, db: sqlite3.Connection, row: Issue | Pull) -> list[Json]:
    """The same, as each of the two shapes carries them."""
    return [label(config, db, each) for each in labels_of(db, row)]
