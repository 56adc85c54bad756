"""Pull requests."""

import sqlite3
from dataclasses import dataclass

from backend.localhub import access
from backend.localhub.access import Place
from backend.localhub.config import Config
from backend.localhub.shapes.label import labels_on
from backend.localhub.shapes.people import Json, node_id, simple_user
from backend.localhub.shapes.repository import api_url, repository, web_url
from backend.localhub.store import Pull


@dataclass(frozen=True)
class Figures:
    """What git counts of a pull request; `mergeable` is None where it is no longer open."""

    commits: int
    changed_files: int
    additions: int
    deletions: int
    mergeable: bool | None


def pull_simple(config: Config, db: sqlite3.Connection, place: Place, pull: Pull) -> Json:
    """`pull-request-simple`, as lists carry it."""
    url, web = api_url(config, place), web_url(config, place)
    author = access.account(db, pull.account_id)
    own, issue = f"{url}/pulls/{pull.number}", f"{url}/issues/{pull.number}"
    links = {
        "self": own,
        "html": f"{web}/pull/{pull.number}",
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{own}/comments",
        "review_comment": f"{url}/pulls/comments{{/number}}",
        "commits": f"{own}/commits",
        "statuses": f"{url}/statuses/{pull.head_sha}",
    }
    return {
        "url": own,
        "id": pull.id,
        "node_id": node_id("PullRequest", pull.id),
        "html_url": links["html"],
        "diff_url": f"{links['html']}.diff",
        "patch_url": f"{links['html']}.patch",
        "issue_url": issue,
        "commits_url": links["commits"],
        "review_comments_url": links["review_comments"],
        "review_comment_url": links["review_comment"],
        "comments_url": links["comments"],
        "statuses_url": links["statuses"],
        "number": pull.number,
        "state": pull.state,
        "locked": False,
        "active_lock_reason": None,
        "title": pull.title,
        "user": simple_user(config, author),
        "body": pull.body,
        "labels": labels_on(config, db, pull),
        "milestone": None,
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "created_at": pull.created_at,
        "updated_at": pull.updated_at,
        "closed_at": pull.closed_at,
        "merged_at": pull.merged_at,
        "merge_commit_sha": pull.merge_commit_sha,
        "head": _end(config, db, place, pull.head_ref, pull.head_sha),
        "base": _end(config, db, place, pull.base_ref, pull.base_sha),
        "_links": {name: {"href": link} for name, link in links.items()},
        "author_association": association(db, place, pull.account_id),
        "auto_merge": None,
        "draft": pull.draft,
    }


def pull_full(config: Config, db: sqlite3.Connection, place: Place, pull: Pull, figures: Figures) -> Json:
    """`pull-request`: one pull request by itself, with what git counts."""
    merger = access.account(db, pull.merged_by) if pull.merged_by else None
    return pull_simple(config, db, place, pull) | {
        "merged": pull.merged_at is not None,
        "mergeable": figures.mergeable,
        "rebaseable": None if figures.mergeable is None else False,
        "mergeable_state": _mergeable_state(pull, figures),
        "merged_by": simple_user(config, merger) if merger else None,
        "comments": _comments(db, pull),
        "review_comments": _review_comments(db, pull),
        "maintainer_can_modify": False,
        "commits": figures.commits,
        "additions": figures.additions,
        "deletions": figures.deletions,
        "changed_files": figures.changed_files,
    }


def _comments(db: sqlite3.Connection, pull: Pull) -> int:
    query = "SELECT count(*) FROM comment WHERE repository_id = ? AND number = ?"
    return int(db.execute(query, (pull.repository_id, pull.number)).fetchone()[0])


def _review_comments(db: sqlite3.Connection, pull: Pull) -> int:
    query = "SELECT count(*) FROM review_comment c JOIN review r ON r.id = c.review_id WHERE r.pull_id = ?"
    return int(db.execute(query, (pull.id,)).fetchone()[0])


def _end(config: Config, db: sqlite3.Connection, place: Place, ref: str, sha: str) -> Json:
    return {
        "label": f"{place.owner.login}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": simple_user(config, place.owner),
        "repo": repository(config, db, place),
    }


def association(db: sqlite3.Connection, place: Place, account_id: int) -> str:
    """`author-association`: what a person is to the repository."""
    if place.owner.id == account_id:
        return "OWNER"
    if place.owner.type == "Organization" and access.is_member(db, place.owner, account_id):
        return "MEMBER"
    return "NONE" if access.granted(db, account_id, place.repository) == "none" else "COLLABORATOR"


def _mergeable_state(pull: Pull, figures: Figures) -> str:
    if figures.mergeable is None:
        return "unknown"
    if not figures.mergeable:
        return "dirty"
    return "draft" if pull.draft else "clean"
