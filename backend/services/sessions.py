"""Browsers that are signed in: which they are, and how to end them from another one."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import true, update
from sqlmodel import Session, col, select

from backend import clock, crypto
from backend.db import after_commit
from backend.errors import NotFound
from backend.events import ring, user_topic
from backend.models import User, WebSession
from backend.services import audit
from backend.words import Act, ObjectKind

SIGNED_OUT = "signed_out"  # rung for a person when one of their sessions ends: their pages ask anew who they are
SHOWN = 100
# In this order: Edge, Opera and Samsung's browser call themselves Chrome as well, and Chrome calls itself Safari.
_BROWSERS = (
    (r"\bEdgA?/", "Edge"),
    (r"\bOPR/", "Opera"),
    (r"\bSamsungBrowser/", "Samsung Internet"),
    (r"\b(?:Firefox|FxiOS)/", "Firefox"),
    (r"\b(?:Chrome|CriOS|Chromium)/|HeadlessChrome", "Chrome"),
    (r"\bSafari/", "Safari"),
    (r"\bcurl/", "curl"),
)
# Android and ChromeOS call themselves Linux, an iPhone like Mac OS X.
_SYSTEMS = (
    (r"iPhone", "iPhone"),
    (r"iPad", "iPad"),
    (r"Android", "Android"),
    (r"\bCrOS\b", "ChromeOS"),
    (r"Windows", "Windows"),
    (r"Mac OS X|Macintosh", "macOS"),
    (r"Linux|X11", "Linux"),
)


@dataclass(frozen=True)
class SessionRow:
    """A signed-in browser. `last_seen_at` is written at most every five minutes."""

    id: UUID
    browser: str
    started_at: datetime
    last_seen_at: datetime
    is_this: bool


def listing(session: Session, user: User, token: str) -> list[SessionRow]:
    """The person's signed-in browsers, the one with this cookie first, then those seen last."""
    here = crypto.digest(token)
    rows = session.exec(
        select(WebSession)
        .where(
            WebSession.user_id == user.id,
            col(WebSession.revoked_at).is_(None),
            col(WebSession.expires_at) > clock.now(),
        )
        .order_by((col(WebSession.token_hash) == here).desc(), col(WebSession.last_seen_at).desc())
        .limit(SHOWN)
    )
    return [
        SessionRow(
            row.id, browser_in_words(row.user_agent), row.created_at, row.last_seen_at, is_this=row.token_hash == here
        )
        for row in rows
    ]


def end(session: Session, user: User, session_id: UUID, *, address: str = audit.UNKNOWN) -> None:
    """Signs one of the person's browsers out, at its next event; twice is once. Raises NotFound."""
    found = session.get(WebSession, session_id)
    if found is None or found.user_id != user.id:
        raise NotFound("There is no such session.")
    if _end(session, user, col(WebSession.id) == session_id):
        ended = audit.Object(ObjectKind.SESSION, str(session_id), browser_in_words(found.user_agent))
        audit.record(session, Act.SESSION_ENDED, audit.by(user, address), ended)


def end_others(session: Session, user: User, token: str, *, address: str = audit.UNKNOWN) -> int:
    """Signs every browser of the person out but the one with this cookie. Returns how many."""
    count = _end(session, user, col(WebSession.token_hash) != crypto.digest(token))
    return _noted(session, user, count, audit.by(user, address))


def end_all(session: Session, user: User, actor: audit.Actor) -> int:
    """Signs a person out of every browser. Returns of how many."""
    return _noted(session, user, _end(session, user, true()), actor)


def tell_signed_out(session: Session, user_id: UUID) -> None:
    """After commit, rings for the pages and sockets of a person, of whom some session has ended."""
    after_commit(session, lambda: ring(user_topic(user_id), str(user_id), 0, SIGNED_OUT))


def browser_in_words(user_agent: str) -> str:
    """`Firefox on Linux`: what a person recognises a browser by."""
    browser = next((name for pattern, name in _BROWSERS if re.search(pattern, user_agent)), "")
    system = next((name for pattern, name in _SYSTEMS if re.search(pattern, user_agent)), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or (f"A browser on {system}" if system else "An unknown browser")


def _noted(session: Session, user: User, count: int, actor: audit.Actor) -> int:
    if count:
        audit.record(session, Act.SESSION_ENDED, actor, audit.person(user), sessions=count)
    return count


def _end(session: Session, user: User, which: object) -> int:
    ended = session.execute(
        update(WebSession)
        .where(
            col(WebSession.user_id) == user.id,
            col(WebSession.revoked_at).is_(None),
            col(WebSession.expires_at) > clock.now(),
            which,  # type: ignore[arg-type]  # a condition
        )
        .values(revoked_at=clock.now())
        .returning(col(WebSession.id))
    ).all()
    if ended:
        tell_signed_out(session, user.id)
    return len(ended)
