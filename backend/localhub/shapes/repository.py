"""Repositories and branches."""

import sqlite3

from backend.localhub.access import Place
from backend.localhub.config import Config
from backend.localhub.shapes.people import Json, node_id, simple_user

_TEMPLATES = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}

# What the hub does not know, or has switched the same way for every repository.
_CONSTANT: Json = {
    "fork": False,
    "mirror_url": None,
    "homepage": None,
    "license": None,
    "forks": 0,
    "forks_count": 0,
    "stargazers_count": 0,
    "watchers": 0,
    "watchers_count": 0,
    "is_template": False,
    "topics": [],
    "has_issues": True,
    "has_projects": False,
    "has_downloads": False,
    "has_wiki": False,
    "has_pages": False,
    "has_discussions": False,
    "disabled": False,
    "allow_forking": False,
    "web_commit_signoff_required": False,
}


def api_url(config: Config, place: Place) -> str:
    """Where the API knows the repository."""
    return f"{config.api_url}/repos/{place.full_name}"


def web_url(config: Config, place: Place) -> str:
    """Where people look at the repository."""
    return f"{config.base_url}/{place.full_name}"


def repository(config: Config, db: sqlite3.Connection, place: Place) -> Json:
    """`repository`, as lists and pull requests carry it."""
    row, url, web = place.repository, api_url(config, place), web_url(config, place)
    query = (
        "SELECT (SELECT count(*) FROM pull WHERE repository_id = :id AND state = 'open')"
        " + (SELECT count(*) FROM issue WHERE repository_id = :id AND state = 'open')"
    )
    is_open = db.execute(query, {"id": row.id}).fetchone()[0]
    return {
        "id": row.id,
        "node_id": node_id("Repository", row.id),
        "name": row.name,
        "full_name": place.full_name,
        "private": row.private,
        "owner": simple_user(config, place.owner),
        "html_url": web,
        "description": row.description,
        "url": url,
        **_CONSTANT,
        **{name: url + tail for name, tail in _TEMPLATES.items()},
        "git_url": f"{web.replace('http', 'git', 1)}.git",
        "ssh_url": f"git@{web.split('//', 1)[1]}.git",
        "clone_url": f"{web}.git",
        "svn_url": web,
        "archived": row.archived,
        "language": row.language,
        "size": row.size,
        "default_branch": row.default_branch,
        "open_issues": is_open,  # GitHub counts open pull requests among the issues
        "open_issues_count": is_open,
        "visibility": "private" if row.private else "public",
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "pushed_at": row.pushed_at,
        "permissions": {
            "admin": place.allows("admin"),
            "maintain": place.allows("admin"),
            "push": place.allows("write"),
            "triage": place.allows("write"),
            "pull": True,
        },
    }


def full_repository(config: Config, db: sqlite3.Connection, place: Place) -> Json:
    """`full-repository`: one repository by itself."""
    owner = {"organization": simple_user(config, place.owner)} if place.owner.type == "Organization" else {}
    merging = {
        "allow_merge_commit": True,
        "allow_squash_merge": True,
        "allow_rebase_merge": False,
        "allow_auto_merge": False,
        "allow_update_branch": False,
        "delete_branch_on_merge": False,
        "merge_commit_title": "MERGE_MESSAGE",
        "merge_commit_message": "PR_TITLE",
        "squash_merge_commit_title": "COMMIT_OR_PR_TITLE",
        "squash_merge_commit_message": "COMMIT_MESSAGES",
        "use_squash_pr_title_as_default": False,
    }
    numbers = {"network_count": 0, "subscribers_count": 0, "temp_clone_token": None}
    return repository(config, db, place) | owner | (merging if place.allows("write") else {}) | numbers


def short_branch(config: Config, place: Place, name: str, sha: str) -> Json:
    """`short-branch`, as lists carry it; the hub protects no branches."""
    return {
        "name": name,
        "commit": {"sha": sha, "url": f"{api_url(config, place)}/commits/{sha}"},
        "protected": False,
    }
