"""Reviews of pull requests and their comments."""

import sqlite3

from backend.localhub import access
from backend.localhub.access import Place
from backend.localhub.config import Config
from backend.localhub.shapes.people import Json, node_id, simple_user
from backend.localhub.shapes.pull import association
from backend.localhub.shapes.repository import api_url, web_url
from backend.localhub.store import Pull, Review, ReviewComment

_REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


def review(config: Config, db: sqlite3.Connection, place: Place, pull: Pull, row: Review) -> Json:
    """`pull-request-review`."""
    html = f"{web_url(config, place)}/pull/{pull.number}#pullrequestreview-{row.id}"
    own = f"{api_url(config, place)}/pulls/{pull.number}"
    return {
        "id": row.id,
        "node_id": node_id("PullRequestReview", row.id),
        "user": simple_user(config, access.account(db, row.account_id)),
        "body": row.body,
        "state": row.state,
        "html_url": html,
        "pull_request_url": own,
        "author_association": association(db, place, row.account_id),
        "_links": {"html": {"href": html}, "pull_request": {"href": own}},
        "submitted_at": row.submitted_at,
        "commit_id": row.commit_id,
    }


def told(config: Config, db: sqlite3.Connection, place: Place, pull: Pull, row: Review) -> Json:
    """A review as its webhook writes it: the state in small letters, no body as null."""
    shape = review(config, db, place, pull, row)
    return shape | {"state": row.state.lower(), "body": row.body or None, "updated_at": row.submitted_at}


def comment(
    config: Config, db: sqlite3.Connection, place: Place, pull: Pull, review: Review, row: ReviewComment
) -> Json:
    """`pull-request-review-comment`. A head that moved makes it outdated here, whatever became of its line."""
    own = f"{api_url(config, place)}/pulls"
    url = f"{own}/comments/{row.id}"
    html = f"{web_url(config, place)}/pull/{pull.number}#discussion_r{row.id}"
    position = row.diff_hunk.count("\n")
    is_current = review.commit_id == pull.head_sha
    return {
        "url": url,
        "pull_request_review_id": row.review_id,
        "id": row.id,
        "node_id": node_id("PullRequestReviewComment", row.id),
        "diff_hunk": row.diff_hunk,
        "path": row.path,
        "position": position if is_current else None,
        "original_position": position,
        "commit_id": review.commit_id,
        "original_commit_id": review.commit_id,
        "user": simple_user(config, access.account(db, review.account_id)),
        "body": row.body,
        "created_at": row.created_at,
        "updated_at": row.created_at,
        "html_url": html,
        "pull_request_url": f"{own}/{pull.number}",
        "author_association": association(db, place, review.account_id),
        "_links": {
            "self": {"href": url},
            "html": {"href": html},
            "pull_request": {"href": f"{own}/{pull.number}"},
        },
        "start_line": None,
        "original_start_line": None,
        "start_side": None,
        "line": row.line if is_current else None,
        "original_line": row.line,
        "side": row.side,
        "subject_type": "line",
        "reactions": {"url": f"{url}/reactions", "total_count": 0, **dict.fromkeys(_REACTIONS, 0)},
    }
