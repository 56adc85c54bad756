"""Webhooks of repositories, made once somebody with admin access works on one, and mended where they are gone.

A GitHub App has one webhook for all of its repositories, and the demo's hub too: then there is nothing to make.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

import sqlalchemy
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import Session, col

from backend import clock, jsonb, log
from backend.db import lock, transaction
from backend.errors import GitHubError, GitHubNotFound, GitHubUnauthorized
from backend.loopback import is_loopback_url
from backend.models import Repository, Task, User, UserRepositoryAccess
from backend.services import repositories
from backend.settings import get_settings

CHORE = "keep_hooks"
CHECK_AGAIN = timedelta(days=1)
WORKED_ON = timedelta(days=30)  # a repository without a task for longer is left as it is
EVENTS = (
    *("check_run", "check_suite", "issue_comment", "issues", "member", "pull_request", "pull_request_review"),
    *("pull_request_review_comment", "push", "repository"),
)
PATH = "/api/webhooks/github"
_MOST_WORDS = 300  # bytes of GitHub's reason
_log = log.get(__name__)


class HookState(StrEnum):
    """How a repository's changes come to us."""

    APP = "app"
    KEPT = "kept"
    WAITING = "waiting"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"


@dataclass(frozen=True)
class Standing:
    """The state, and what to tell of it."""

    state: HookState
    sentence: str


def standing(found: Repository) -> Standing:
    """How a repository's changes come to us, for its page."""
    reason = _without()
    if reason is not None:
        return reason
    if found.hook_trouble:
        words = f"GitHub is asked every minute: its webhook could not be made. {found.hook_trouble}"
        return Standing(HookState.REFUSED, words)
    if found.hook_id is not None:
        return Standing(HookState.KEPT, "GitHub tells of every change at once, by a webhook of this repository.")
    words = "GitHub is asked every minute. The first task of somebody with admin access sets up a webhook."
    return Standing(HookState.WAITING, words)


def are_needed() -> bool:
    """Whether repositories have webhooks of their own here."""
    return _without() is None


def due(session: Session, limit: int = 100) -> list[tuple[UUID, UUID, str]]:
    """Repositories to look after: id, somebody who may manage its webhooks and works on it, and its full name."""
    if _without() is not None:
        return []
    checked = col(Repository.hook_checked_at)
    rows = session.execute(
        sqlalchemy.select(col(Repository.id), col(User.id), col(Repository.full_name))
        .ext(distinct_on(col(Repository.id)))
        .join(Task, col(Task.repository_id) == Repository.id)
        .join(User, col(User.id) == Task.user_id)
        .join(
            UserRepositoryAccess,
            (col(UserRepositoryAccess.repository_id) == Repository.id)
            & (col(UserRepositoryAccess.user_id) == User.id)
            & (col(UserRepositoryAccess.access_level) == "admin"),
        )
        .where(
            col(Repository.is_active),
            ~col(Repository.is_archived),
            col(User.is_github_connected),
            col(User.disabled_at).is_(None),
            col(Task.created_at) > func.now() - WORKED_ON,
            checked.is_(None) | (checked < func.now() - CHECK_AGAIN),
        )
        .order_by(col(Repository.id))
        .limit(limit)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def keep_all() -> int:
    """Makes or mends the webhooks that are due. How many are as they should be."""
    with transaction() as session:
        wanted = due(session)
    return sum(keep(repository_id, user_id, full_name) for repository_id, user_id, full_name in wanted)


def keep(repository_id: UUID, user_id: UUID, full_name: str) -> bool:
    """Makes the repository's webhook, or puts it right, as this person; what came of it is kept. Whether it stands.

    The one that points here already is taken over, so that twice is once.
    """
    settings = get_settings()
    url = f"{settings.origin}{PATH}"
    hook_id, trouble = None, None
    try:
        hook_id = repositories.with_github(
            user_id, lambda github: github.keep_hook(full_name, url, settings.webhook_secret, EVENTS)
        )
    except GitHubUnauthorized:
        return False  # they reconnect, and it is tried again
    except GitHubNotFound:
        trouble = "It does not let this app manage webhooks there."
    except GitHubError as error:
        trouble = jsonb.cut(str(error), _MOST_WORDS)
        _log.info("a webhook could not be made", full_name=full_name, error=trouble)
    with transaction() as session:
        row = lock(session, Repository, repository_id)
        row.hook_id, row.hook_trouble, row.hook_checked_at = hook_id, trouble, clock.now()
        session.add(row)
    return hook_id is not None


def _without() -> Standing | None:
    """Why no repository needs a webhook of its own; None where each does."""
    settings = get_settings()
    if settings.is_demo or settings.github_app_id:
        return Standing(HookState.APP, "GitHub tells of every change at once, by the app's own webhook.")
    if is_loopback_url(settings.origin):
        words = f"GitHub is asked every minute: it cannot reach {settings.origin} with a webhook."
        return Standing(HookState.UNREACHABLE, words)
    return None
