"""A person's GitHub token: opened, refreshed before it expires, given up once GitHub refuses it.

A GitHub App's user tokens last eight hours, and what renews one works once.
docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens
"""

import hmac
from datetime import timedelta
from uuid import UUID

from sqlmodel import Session

from backend import clock, crypto, log
from backend.db import lock, transaction
from backend.errors import GitHubError, GitHubUnauthorized
from backend.github import oauth
from backend.models import User
from backend.services import audit, auth
from backend.settings import get_settings
from backend.words import Act

# A push or a clone that begins now must not outlive its token.
REFRESH_BEFORE = timedelta(minutes=20)
_SHUT_OUT = "This account is disabled, so nothing is done in its name."
_RECONNECT = "GitHub is not connected. Sign in with GitHub again."
_log = log.get(__name__)


def opened(user_id: UUID) -> str:
    """The person's token, renewed where it is about to expire. Raises GitHubUnauthorized where they must reconnect, or
    are shut out: then nothing is done in their name.

    Raises GitHubError where it has expired and GitHub cannot renew it just now; what is good still is used meanwhile.
    """
    with transaction() as session:
        user = session.get(User, user_id)
        if user is not None and user.is_shut_out:
            raise GitHubUnauthorized(_SHUT_OUT)
        if user is not None and not _is_due(user):
            return _token(user)
    with transaction() as session:  # the one network call inside a transaction: what renews a token works once
        user = lock(session, User, user_id)
        refusal = _renew(session, user) if _is_due(user) else None
        session.add(user)
    if refusal is not None:
        raise refusal
    return _token(user)


def forget(user_id: UUID, token: str) -> None:
    """Moves a person to "reconnect GitHub" after a 401, so that nothing knocks with the dead token again.

    One that took its place in the meantime stays.
    """
    with transaction() as session:
        user = session.get(User, user_id, with_for_update={"key_share": True})
        if user is None or not user.is_github_connected or not user.github_access_token:
            return
        if hmac.compare_digest(_token(user).encode(), token.encode()):
            _disconnect(session, user)
            session.add(user)


def _is_due(user: User) -> bool:
    expires = user.github_token_expires_at
    return user.is_github_connected and expires is not None and expires - clock.now() < REFRESH_BEFORE


def _renew(session: Session, user: User) -> GitHubError | None:
    """Puts a fresh pair into the row; the error to raise where there is none and the old one is of no use."""
    settings, expires = get_settings(), user.github_token_expires_at
    if not user.github_refresh_token:
        if expires is not None and expires > clock.now():
            return None
        _disconnect(session, user)
        return GitHubUnauthorized(_RECONNECT)
    try:
        fresh = oauth.refresh(
            github_url=settings.github_url,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            refresh_token=crypto.unseal(settings, user.id, user.github_refresh_token),
        )
    except GitHubUnauthorized as error:  # used up: its answer was lost, or it was taken back
        _disconnect(session, user)
        return error
    except GitHubError as error:
        _log.warning("a token could not be renewed", user_id=str(user.id), error=str(error))
        return None if expires is not None and expires > clock.now() else error
    auth.store_token(user, fresh)
    return None


def _disconnect(session: Session, user: User) -> None:
    reason = "GitHub takes the token no more"
    audit.record(session, Act.GITHUB_DISCONNECTED, audit.SERVER, audit.person(user), reason=reason)
    user.is_github_connected = False
    user.updated_at = clock.now()


def _token(user: User) -> str:
    if not user.is_github_connected or not user.github_access_token:
        raise GitHubUnauthorized(_RECONNECT)
    return crypto.unseal(get_settings(), user.id, user.github_access_token)
