"""Issues, pull requests as the issues that they are at GitHub too, and comments."""

import sqlite3

from backend.localhub import access
from backend.localhub.access import Place
from backend.localhub.config import Config
from backend.localhub.shapes.label import labels_on
from backend.localhub.shapes.people import Json, node_id, simple_user
from backend.localhub.shapes.pull import association
from backend.localhub.shapes.repository import api_url, web_url
from backend.localhub.store import Comment, Issue, Pull


def issue(config: Config, db: sqlite3.Connection, place: Place, row: Issue) -> Json:
    """`issue`."""
    return _issue(config, db, place, row, "Issue") | {
        "html_url": f"{web_url(config, place)}/issues/{row.number}",
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
    return shape | {"html_url": web, "state_reason": None, "draft": row.draft, "pull_request": links}


def any_issue(config: Config, db: sqlite3.Connection, place: Place, row: Issue | Pull) -> Json:
    """Either of the two."""
    return issue_of_pull(config, db, place, row) if isinstance(row, Pull) else issue(config, db, place, row)


def comment(config: Config, db: sqlite3.Connection, place: Place, issue: Issue | Pull, row: Comment) -> Json:
    """`issue-comment`."""
    url = api_url(config, place)
    kind = "pull" if isinstance(issue, Pull) else "issues"
    return {
        "id": row.id,
        "node_id": node_id("IssueComment", row.id),
        "url": f"{url}/issues/comments/{row.id}",
        "html_url": f"{web_url(config, place)}/{kind}/{issue.number}#issuecomment-{row.id}",
        "issue_url": f"{url}/issues/{issue.number}",
        "user": simple_user(config, access.account(db, row.account_id)),
        "body": row.body,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "author_association": association(db, place, row.account_id),
        "performed_via_github_app": None,
        "reactions": _reactions(f"{url}/issues/comments/{row.id}"),
    }


def _reactions(url: str) -> Json:
    """Nobody reacts here."""
    names = ("total_count", "+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
    return {"url": f"{url}/reactions"} | dict.fromkeys(names, 0)


def _issue(config: Config, db: sqlite3.Connection, place: Place, row: Issue | Pull, kind: str) -> Json:
    url = f"{api_url(config, place)}/issues/{row.number}"
    said = "SELECT count(*) FROM comment WHERE repository_id = ? AND number = ?"
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
        "labels": labels_on(config, db, row),
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "locked": False,
        "active_lock_reason": None,
        "comments": db.execute(said, (row.repository_id, row.number)).fetchone()[0],
        "reactions": _reactions(url),
        "closed_at": row.closed_at,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "author_association": association(db, place, row.account_id),
    }
