"""Who is here: people made at their first sign-in, sessions, and GitHub's token sealed beside them."""

from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from backend import clock, crypto
from backend.db import for_update, lock
from backend.errors import Forbidden, SignedOut
from backend.github.types import Profile, Token
from backend.models import User, WebSession
from backend.services import audit, credits
from backend.settings import get_settings
from backend.words import Act, ObjectKind

SESSION_DAYS = 30
# A session's last_seen_at is written at most this often, so that reading a page does not cost a write.
SEEN_EVERY = timedelta(minutes=5)


def sign_in(
    session: Session,
    profile: Profile,
    token: Token,
    user_agent: str,
    organisations: frozenset[str] = frozenset(),
    *,
    address: str = audit.UNKNOWN,
) -> tuple[User, str]:
    """Makes or refreshes the person, seals the token, opens a session. Returns the person and the cookie's token.

    `organisations` are those that GitHub says the person is in, lower case.

    Raises Forbidden for someone the operator did not allow, or who is disabled.
    """
    settings = get_settings()
    login = profile.login.lower()
    if not is_allowed(login, organisations):
        raise Forbidden("This deployment is limited to certain people. Ask its admin to add you.")
    user = _person(session, profile)
    if user.disabled_at is not None:
        raise Forbidden("This account is disabled. Ask your admin.")
    actor = audit.by(user, address)
    give_role(session, user, "admin" if login in settings.admin_logins else "member", actor)
    user.organisations_checked_at = clock.now()
    _connect(session, user, token, actor)
    session.add(user)
    credits.welcome(session, user)
    cookie = crypto.new_token()
    browser = WebSession(
        user_id=user.id,
        token_hash=crypto.digest(cookie),
        user_agent=user_agent[:200],
        expires_at=clock.now() + timedelta(days=SESSION_DAYS),
    )
    session.add(browser)
    session.flush()
    audit.record(session, Act.SIGN_IN, actor, _browser(browser.id))
    return user, cookie


def note_refusal(session: Session, profile: Profile, reason: str, *, address: str) -> None:
    """Writes down that somebody whom GitHub named was not let in."""
    user = session.exec(select(User).where(User.github_id == profile.id)).first()
    known = audit.Object(ObjectKind.PERSON, str(user.id) if user else f"github:{profile.id}", profile.login)
    actor = audit.Actor(user.id if user else None, profile.login, address)
    audit.record(session, Act.SIGN_IN_REFUSED, actor, known, reason=reason)


def give_role(session: Session, user: User, role: str, actor: audit.Actor) -> None:
    """Makes a person an admin or a member; twice is once."""
    if user.role != role:
        audit.record(session, Act.ROLE_CHANGED, actor, audit.person(user), before=user.role, now=role)
    user.role = role


def is_allowed(login: str, organisations: frozenset[str]) -> bool:
    """Whether the operator lets this person in: everyone, those named, and members of the organisations named."""
    settings = get_settings()
    if not settings.allowed_logins and not settings.allowed_orgs:
        return True
    return login.lower() in named_logins() or bool(organisations & settings.allowed_orgs)


def named_logins() -> frozenset[str]:
    """The logins of those who are let in by their names, lower case."""
    settings = get_settings()
    return settings.allowed_logins | settings.admin_logins


def shut_out(session: Session, user_id: UUID) -> None:
    """Ends every way in of a person who has left the organisations; whoever returns signs in again."""
    user = lock(session, User, user_id)
    drop_token(user)
    session.add(user)
    ended = {}
    for ways in ("sessions", "api_tokens"):
        end = f"UPDATE {ways} SET revoked_at = now() WHERE user_id = :id AND revoked_at IS NULL RETURNING id"  # noqa: S608 ours
        ended[ways] = len(session.execute(text(end), {"id": user_id}).all())
    if any(ended.values()):
        audit.record(session, Act.SHUT_OUT, audit.SERVER, audit.person(user), **ended)


def reconnect(session: Session, user_id: UUID, profile: Profile, token: Token, *, address: str = audit.UNKNOWN) -> None:
    """Seals a new token for a person who asked for it over the API; no session begins.

    Raises Forbidden where GitHub's person is another one, and for one who is disabled or has deleted their account.
    """
    user = lock(session, User, user_id)
    if user.is_shut_out:
        raise Forbidden("This account is disabled. Ask your admin.")
    if user.github_id != profile.id:
        raise Forbidden(f"This connects {user.username}, and GitHub says that you are {profile.login}.")
    _connect(session, user, token, audit.by(user, address))
    session.add(user)


def drop_token(user: User) -> None:
    """Forgets what GitHub gave us for this person; the next sign-in connects again."""
    user.github_access_token = user.github_refresh_token = user.github_token_expires_at = None
    user.github_scopes = ""
    user.is_github_connected = False
    user.updated_at = clock.now()


def store_token(user: User, token: Token) -> None:
    """Seals a fresh token of GitHub's into the person's row."""
    settings = get_settings()
    user.github_access_token = crypto.seal(settings, user.id, token.access_token)
    user.github_refresh_token = crypto.seal(settings, user.id, token.refresh_token) if token.refresh_token else None
    user.github_token_expires_at = token.expires_at
    user.github_scopes = " ".join(token.scopes)  # a GitHub App's has none: its permissions are the app's
    user.is_github_connected = True
    user.updated_at = clock.now()


def user_of_session(session: Session, token: str) -> User:
    """The person whose browser this is. Raises SignedOut for an unknown or ended session or a disabled person."""
    row = session.exec(
        select(WebSession, User)
        .join(User, col(User.id) == WebSession.user_id)
        .where(WebSession.token_hash == crypto.digest(token))
    ).first()
    now = clock.now()
    if row is None or row[0].revoked_at or row[0].expires_at <= now or row[1].is_shut_out:
        raise SignedOut("You are signed out.")
    web_session, user = row
    if now - web_session.last_seen_at > SEEN_EVERY:
        web_session.last_seen_at = now
        session.add(web_session)
    return user


def sign_out(session: Session, token: str, *, address: str = audit.UNKNOWN) -> UUID | None:
    """Revokes the session and returns whose it was; None where it was none or had ended."""
    ended = session.execute(
        text(
            "UPDATE sessions SET revoked_at = now() WHERE token_hash = :hash AND revoked_at IS NULL"
            " RETURNING id, user_id"
        ),
        {"hash": crypto.digest(token)},
    ).first()
    if ended is None:
        return None
    user = session.get_one(User, ended.user_id)
    audit.record(session, Act.SIGN_OUT, audit.by(user, address), _browser(ended.id))
    return user.id


def _connect(session: Session, user: User, token: Token, actor: audit.Actor) -> None:
    """Keeps the token; that GitHub is connected is written down where it was not."""
    if not user.is_github_connected:
        audit.record(session, Act.GITHUB_CONNECTED, actor, audit.person(user))
    store_token(user, token)


def _browser(session_id: UUID) -> audit.Object:
    return audit.Object(ObjectKind.SESSION, str(session_id), "")


def _person(session: Session, profile: Profile) -> User:
    user = session.exec(for_update(select(User).where(User.github_id == profile.id))).first()
    stale = session.exec(
        for_update(select(User).where(User.username == profile.login, User.github_id != profile.id))
    ).first()
    if stale is not None:  # GitHub gave this name to someone else: the stale holder gives way
        stale.username = f"{stale.username}-{stale.github_id}"
        session.add(stale)
        session.flush()
    if user is None:
        host = urlsplit(get_settings().github_url).hostname or "github.com"
        session.execute(
            text(
                "INSERT INTO users (github_id, github_host, username) VALUES (:id, :host, :name)"
                " ON CONFLICT (github_id) DO NOTHING"
            ),
            {"id": profile.id, "host": host, "name": profile.login},
        )
        user = session.exec(for_update(select(User).where(User.github_id == profile.id))).one()
    user.deleted_at = None  # whoever deleted their account and comes back: see docs/decisions/0005
    user.username = profile.login
    user.display_name = profile.name
    user.email = profile.email
    user.avatar_url = profile.avatar_url
    return user
