"""Issues, pull requests as the issues that they are at GitHub too, and comments."""

import sqlite3

from backend.localhub import access
from backend.localhub.access import Place
from backend.localhub.config import Config
from backend.localhub.shapes.people import Json, node_id, simple_user
from backend.localhub.shapes.pull import association
from backend.localhub.shapes.repository import api_url, web_url
from backend.localhub.store import Comment, Issue, Pull


def issue(config: Config, db: sqlite3.Connection, place: Place, row: Issue) -> Json:
    """`issue`."""
    count = db.execute("SELECT count(*) FROM comment WHERE issue_id = ?", (row.id,)).fetchone()[0]
    return _issue(config, db, place, row, "Issue") | {
        "html_url": f"{web_url(config, place)}/issues/{row.number}",
        "comments": count,
        "state_reason": "completed" if row.state == "closed" else None,
    }


def issue_of_pull(config: Config, db: sqlite3.Connection, place: Place, row: Pull) -> Json:
    """`issue` with `pull_request`, by which GitHub tells the two apart."""
    web = f"{web_url(config, place)}/pull/{row.number}"
    links = {
        "url": f"{api_url(config, place)}/pulls/{row.number}",
        "html_url": web,
        "diff_url": f"{web}.diff",
        "patch_url": f"{web}.patch",
        "merged_at": row.merged_at,
    }
    shape = _issue(config, db, place, row, "PullRequest")
    return shape | {"html_url": web, "comments": 0, "state_reason": None, "draft": row.draft, "pull_request": links}


def comment(config: Config, db: sqlite3.Connection, place: Place, issue: Issue, row: Comment) -> Json:
    """`issue-comment`."""
    url = api_url(config, place)
    return {
        "id": row.id,
        "node_id": node_id("IssueComment", row.id),
        "url": f"{url}/issues/comments/{row.id}",
        "html_url": f"{web_url(config, place)}/issues/{issue.number}#issuecomment-{row.id}",
        "issue_url": f"{url}/issues/{issue.number}",
        "user": simple_user(config, access.account(db, row.account_id)),
        "body": row.body,
        "created_at": row.created_at,
        "updated_at": row.created_at,
        "author_association": association(db, place, row.account_id),
    }


def _issue(config: Config, db: sqlite3.Connection, place: Place, row: Issue | Pull, kind: str) -> Json:
    url = f"{api_url(config, place)}/issues/{row.number}"
    return {
        "id": row.id,
        "node_id": node_id(kind, row.id),
        "url": url,
        "repository_url": api_url(config, place),
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "number": row.number,
        "state": row.state,
        "title": row.title,
        "body": row.body,
        "user": simple_user(config, access.account(db, row.account_id)),
        "labels": [],
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "locked": False,
        "active_lock_reason": None,
        "closed_at": row.closed_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "author_association": association(db, place, row.account_id),
    }
