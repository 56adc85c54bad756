"""Commits, changed files and branches with their commit."""

import sqlite3
from datetime import UTC, datetime
from urllib.parse import quote

from backend.localhub.access import Place
from backend.localhub.config import Config
from backend.localhub.git import Commit, FileChange, Signature
from backend.localhub.shapes.people import Json, node_id, simple_user
from backend.localhub.shapes.repository import api_url, web_url
from backend.localhub.store import Account, one, stamp


def commit(config: Config, db: sqlite3.Connection, place: Place, made: Commit) -> Json:
    """`commit`."""
    url, web = api_url(config, place), web_url(config, place)
    return {
        "sha": made.sha,
        "node_id": node_id("Commit", place.repository.id) + made.sha,
        "commit": {
            "author": _git_user(made.author),
            "committer": _git_user(made.committer),
            "message": made.message,
            "tree": {"sha": made.tree, "url": f"{url}/git/trees/{made.tree}"},
            "url": f"{url}/git/commits/{made.sha}",
            "comment_count": 0,
            "verification": {
                "verified": False,
                "reason": "unsigned",
                "signature": None,
                "payload": None,
                "verified_at": None,
            },
        },
        "url": f"{url}/commits/{made.sha}",
        "html_url": f"{web}/commit/{made.sha}",
        "comments_url": f"{url}/commits/{made.sha}/comments",
        "author": _account(config, db, made.author),
        "committer": _account(config, db, made.committer),
        "parents": [
            {"sha": sha, "url": f"{url}/commits/{sha}", "html_url": f"{web}/commit/{sha}"} for sha in made.parents
        ],
    }


def branch(config: Config, db: sqlite3.Connection, place: Place, name: str, made: Commit) -> Json:
    """`branch-with-protection`; the hub protects no branches."""
    url, web, path = api_url(config, place), web_url(config, place), quote(name)
    return {
        "name": name,
        "commit": commit(config, db, place, made),
        "_links": {"self": f"{url}/branches/{path}", "html": f"{web}/tree/{path}"},
        "protected": False,
        "protection": {
            "enabled": False,
            "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []},
        },
        "protection_url": f"{url}/branches/{path}/protection",
    }


def diff_entry(config: Config, place: Place, head_sha: str, change: FileChange) -> Json:
    """`diff-entry`; `patch` is left out for binaries and very large files, as GitHub does."""
    url, web, path = api_url(config, place), web_url(config, place), quote(change.path)
    entry = {
        "sha": change.sha,
        "filename": change.path,
        "status": change.status,
        "additions": change.added,
        "deletions": change.removed,
        "changes": change.added + change.removed,
        "blob_url": f"{web}/blob/{head_sha}/{path}",
        "raw_url": f"{web}/raw/{head_sha}/{path}",
        "contents_url": f"{url}/contents/{path}?ref={head_sha}",
    }
    if change.patch is not None:
        entry["patch"] = change.patch
    if change.old_path is not None:
        entry["previous_filename"] = change.old_path
    return entry


def _git_user(who: Signature) -> Json:
    return {"name": who.name, "email": who.email, "date": stamp(datetime.fromisoformat(who.date).astimezone(UTC))}


def _account(config: Config, db: sqlite3.Connection, who: Signature) -> Json | None:
    found = one(db, Account, "SELECT * FROM account WHERE email = ? AND type = 'User'", who.email)
    return simple_user(config, found) if found else None
