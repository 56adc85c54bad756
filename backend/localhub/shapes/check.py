"""Checks of commits."""

import sqlite3

from backend.localhub.access import Place
from backend.localhub.config import Config
from backend.localhub.shapes.people import Json, node_id
from backend.localhub.shapes.repository import api_url, web_url
from backend.localhub.store import CheckRun, Pull, every


def check_run(config: Config, db: sqlite3.Connection, place: Place, row: CheckRun) -> Json:
    """`check-run`, of no app."""
    own = f"{api_url(config, place)}/check-runs/{row.id}"
    query = "SELECT * FROM pull WHERE repository_id = ? AND head_sha = ? AND state = 'open'"
    pulls = every(db, Pull, query, place.repository.id, row.head_sha)
    number = pulls[0].number if pulls else 0
    html = f"{web_url(config, place)}/pull/{number}#check-{row.id}"
    return {
        "id": row.id,
        "node_id": node_id("CheckRun", row.id),
        "name": row.name,
        "head_sha": row.head_sha,
        "external_id": "",
        "url": own,
        "html_url": html,
        "details_url": html,
        "status": row.status,
        "conclusion": row.conclusion,
        "started_at": row.started_at,
        "completed_at": row.completed_at,
        "output": {
            "title": row.summary,
            "summary": row.summary,
            "text": row.log or None,
            "annotations_count": 0,
            "annotations_url": f"{own}/annotations",
        },
        "check_suite": {"id": row.id},  # each in a suite of its own
        "app": None,
        "pull_requests": [_minimal(config, place, one) for one in pulls],
    }


def _minimal(config: Config, place: Place, pull: Pull) -> Json:
    url = api_url(config, place)
    home = {"id": place.repository.id, "url": url, "name": place.repository.name}
    return {
        "id": pull.id,
        "number": pull.number,
        "url": f"{url}/pulls/{pull.number}",
        "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": home},
        "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": home},
    }
