"""Who may still use a deployment that is limited: GitHub is asked again about organisations, and who has left is out.

A person who is named, or an admin, needs no organisation; who is named no more is out without a question. While GitHub
cannot be reached nobody is shut out; where it takes a person's token no more, nobody can tell that they are a member,
so they sign in again.
"""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, literal, text
from sqlmodel import Session, col, or_, select

from backend import log
from backend.db import transaction
from backend.errors import Forbidden, GitHubError, GitHubUnauthorized, Unavailable
from backend.models import ApiToken, User, WebSession
from backend.services import auth, repositories, sessions
from backend.settings import get_settings

CHORE = "check_members"
CHECK_AGAIN = timedelta(minutes=30)
_NO_MEMBER = "GitHub does not say that you are a member of an organisation that may use this deployment."
_NOT_NAMED = "You may no longer use this deployment. Ask its admin to add you."
_log = log.get(__name__)


def due(session: Session, limit: int = 100) -> list[UUID]:
    """People with a way in who are not named, and whose membership was not asked for half an hour."""
    if not _is_limited():
        return []
    ways = [
        select(way.user_id).where(col(way.revoked_at).is_(None), col(way.expires_at) > func.now())
        for way in (WebSession, ApiToken)
    ]
    endless = select(ApiToken.user_id).where(col(ApiToken.revoked_at).is_(None), col(ApiToken.expires_at).is_(None))
    checked = col(User.organisations_checked_at)
    found = session.exec(
        select(User.id)
        .where(
            col(User.deleted_at).is_(None),
            col(User.disabled_at).is_(None),
            or_(checked.is_(None), checked < func.now() - CHECK_AGAIN, literal(not get_settings().allowed_orgs)),
            or_(*(col(User.id).in_(way) for way in (*ways, endless))),
            func.lower(User.username).not_in(auth.named_logins()),
        )
        .order_by(checked.nulls_first(), col(User.id))
        .limit(limit)
    )
    return list(found)


def check_all(may_go_on: Callable[[], bool] = lambda: True) -> bool:
    """Asks about all who are due, until other chores wait. Returns whether some are left."""
    with transaction() as session:
        wanted = due(session)
    for number, user_id in enumerate(wanted, start=1):
        try:
            check(user_id)
        except GitHubError as error:
            _log.warning("a membership could not be asked for", user_id=str(user_id), error=str(error))
            _note(user_id)  # GitHub is away or limits us: the others first
        except Forbidden:
            _log.info("shut out", user_id=str(user_id))
        except Unavailable:
            raise
        except Exception:  # the others must not wait for this one
            _log.exception("a membership could not be checked", user_id=str(user_id))
            _note(user_id)
        if number < len(wanted) and not may_go_on():
            return True
    return False


def check(user_id: UUID) -> None:
    """Asks GitHub, where the deployment is limited; whoever has left is out at once.

    Raises Forbidden then, GitHubError where GitHub does not answer.
    """
    if not _is_limited():
        return
    with transaction() as session:
        login = session.get_one(User, user_id).username
    if login.lower() in auth.named_logins():
        return
    if get_settings().allowed_orgs and _is_member(user_id, login):
        _note(user_id)
        return
    with transaction() as session:
        auth.shut_out(session, user_id)
        sessions.tell_signed_out(session, user_id)
    raise Forbidden(_NO_MEMBER if get_settings().allowed_orgs else _NOT_NAMED)


def _is_limited() -> bool:
    return bool(get_settings().allowed_logins or get_settings().allowed_orgs)


def _is_member(user_id: UUID, login: str) -> bool:
    try:
        organisations = repositories.with_github(user_id, lambda github: github.organisations())
    except GitHubUnauthorized:
        return False
    return auth.is_allowed(login, organisations)


def _note(user_id: UUID) -> None:
    with transaction() as session:
        session.execute(text("UPDATE users SET organisations_checked_at = now() WHERE id = :id"), {"id": user_id})
