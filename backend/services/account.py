"""A person's account: letting go of GitHub, and leaving altogether."""

from sqlalchemy import delete, text
from sqlmodel import Session, col, select

from backend import clock
from backend.db import for_update, lock
from backend.errors import InvalidInput
from backend.models import (
    ApiToken,
    Attachment,
    DeviceGrant,
    Draft,
    IdempotencyKey,
    LostAccess,
    Notice,
    ProviderKey,
    RepositoryPage,
    RepositorySync,
    Task,
    TaskRead,
    User,
    UserRepositoryAccess,
    WebSession,
)
from backend.services import audit, auth, runs, sessions
from backend.services.runs import End
from backend.words import Act, Status, Visibility

# Everything that is about the person alone. The ledger, and what they did in public, stays.
_PERSONAL = (
    *(WebSession, ApiToken, ProviderKey, Draft, Attachment, TaskRead, Notice, UserRepositoryAccess),
    *(IdempotencyKey, DeviceGrant, RepositorySync, RepositoryPage, LostAccess),
)


def disconnect_github(session: Session, user: User, *, address: str = audit.UNKNOWN) -> None:
    """Forgets GitHub's tokens; twice is once. Until the next sign-in nothing of this person's reaches GitHub."""
    user = lock(session, User, user.id)
    if user.is_github_connected:
        audit.record(session, Act.GITHUB_DISCONNECTED, audit.by(user, address), audit.person(user))
    auth.drop_token(user)


def delete_account(session: Session, user: User, typed_login: str, *, address: str = audit.UNKNOWN) -> None:
    """Stops what still works, then empties the account in place and signs it out everywhere.

    Gone: name, e-mail, login, picture, preferences, tokens, keys, sessions, drafts, attachments, and with them whatever
    private tasks hold: nobody can read those any more. Tasks that were shared with a repository stay to its people, of
    a deleted account. The ledger stays, and GitHub's number of the account, so that free credits are given once (see
    docs/decisions/0005). The audit log keeps the login under
    which they acted (docs/decisions/0013). Raises InvalidInput where the typed login is another.
    """
    if typed_login.strip() != user.username:
        raise InvalidInput("This is not your login, so nothing was deleted.", field="login")
    _stop_runs(session, user)
    user = lock(session, User, user.id)
    if user.deleted_at is None:
        audit.record(session, Act.ACCOUNT_DELETED, audit.by(user, address), audit.person(user))
    for table in _PERSONAL:
        session.execute(delete(table).where(col(table.user_id) == user.id))
    session.execute(text("UPDATE repositories SET owner_id = NULL WHERE owner_id = :id"), {"id": user.id})
    session.execute(
        text(
            "UPDATE tasks SET deleted_at = now() WHERE user_id = :id AND visibility = :private AND deleted_at IS NULL"
        ),
        {"id": user.id, "private": Visibility.PRIVATE},
    )
    _empty(user)
    session.add(user)
    session.flush()
    sessions.tell_signed_out(session, user.id)


def _stop_runs(session: Session, user: User) -> None:
    """Ends every run that is alive, charged for what it used; its worker is refused at its next step.

    All tasks are locked before the person: one by one would be task, person, task, against everyone else's order.
    """
    is_alive = col(Task.status).in_([Status.PENDING, Status.RUNNING])
    tasks = session.exec(for_update(select(Task).where(Task.user_id == user.id, is_alive).order_by(col(Task.id)))).all()
    for task in tasks:
        run = runs.alive(session, task.id)
        if run is not None:
            run.cancelled_by, run.cancel_requested_at = user.id, clock.now()
            runs.end(session, run.id, run.fence, End(Status.CANCELLED, "Stopped: the account was deleted."))


def _empty(user: User) -> None:
    auth.drop_token(user)
    # Longer than a login of GitHub's can be: nobody's name is taken.
    user.username = f"deleted-{user.id.hex}"
    user.display_name = "Deleted account"
    user.email = user.avatar_url = user.repositories_synced_at = None
    user.preferences = {}
    user.role = "member"
    user.deleted_at = clock.now()
