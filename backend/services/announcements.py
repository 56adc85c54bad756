"""What admins tell everybody who is signed in: a sentence or two above each page, until each has read it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID, uuid4, uuid5

import sqlalchemy
from sqlalchemy import delete as removal
from sqlalchemy import or_, text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from backend import clock, hidden_text, jsonb
from backend.db import after_commit, lock
from backend.errors import Conflict, InvalidInput, NotFound
from backend.events import ring
from backend.models import Announcement, AnnouncementDismissal, Tone, User
from backend.services import access, audit
from backend.words import Act, ObjectKind

TOPIC = "announcements"  # rings whenever others are to be seen
MOST_WORDS = 300  # characters
MOST_LINK = 500
MOST_LINK_WORDS = 60
SHOWN = 3  # at once, the newest
LISTED = 200
FURTHEST = timedelta(days=366)  # ahead
_ACT_NAME = 80


@dataclass(frozen=True)
class Draft:
    """What an admin wants to say; aware moments. Without a beginning it begins now, without an end an admin ends it."""

    words: str
    tone: Tone = Tone.INFO
    link: str = ""
    link_words: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True)
class Said:
    """An announcement as everybody reads it. `link` is an address of the web, or empty."""

    id: UUID
    words: str
    tone: Tone
    link: str
    link_words: str
    starts_at: datetime
    ends_at: datetime | None


def current(session: Session, user: User, *, with_dismissed: bool = False) -> list[Said]:
    """Those to be seen now, the newest first; without those that this person has put away."""
    now = clock.now()
    statement = sqlalchemy.select(*(getattr(Announcement, name) for name in Said.__dataclass_fields__)).where(
        col(Announcement.starts_at) <= now, or_(col(Announcement.ends_at).is_(None), col(Announcement.ends_at) > now)
    )
    if not with_dismissed:
        mine = select(AnnouncementDismissal.announcement_id).where(AnnouncementDismissal.user_id == user.id)
        statement = statement.where(col(Announcement.id).not_in(mine))
    newest = statement.order_by(col(Announcement.starts_at).desc(), col(Announcement.id)).limit(SHOWN)
    return [Said(**{**row, "tone": Tone(row["tone"])}) for row in session.execute(newest).mappings()]


def listing(session: Session, user: User) -> list[tuple[Announcement, str]]:
    """The newest 200, past ones and those to come too, each with its author's login. Raises Forbidden."""
    access.require_admin(user)
    found = session.exec(
        select(Announcement, User.username)
        .outerjoin(User, col(User.id) == Announcement.author_id)
        .order_by(col(Announcement.starts_at).desc(), col(Announcement.id).desc())
        .limit(LISTED)
    ).all()
    return [(row, login or "") for row, login in found]


def announce(
    session: Session, user: User, draft: Draft, *, key: str = "", address: str = audit.UNKNOWN
) -> Announcement:
    """Tells everybody; the same key is one announcement. Raises Forbidden, InvalidInput."""
    access.require_admin(user)
    facts = _checked(draft)
    id = uuid5(user.id, f"announcement:{key}") if key else uuid4()
    values = {"id": id, "author_id": user.id, **facts}
    made = session.execute(
        insert(Announcement).values(values).on_conflict_do_nothing().returning(col(Announcement.id))
    ).first()
    row = lock(session, Announcement, id)
    if made is not None:
        _recorded(session, Act.ANNOUNCED, user, address, row)
    return row


def change(
    session: Session,
    user: User,
    announcement_id: UUID,
    draft: Draft,
    *,
    seen: datetime | None = None,
    address: str = audit.UNKNOWN,
) -> Announcement:
    """Says it otherwise; who has put it away sees it again where its words, its link or its tone are others.

    `seen` is its `updated_at` as the admin knew it. Raises Forbidden, NotFound, InvalidInput, or Conflict where another
    admin was faster.
    """
    row = _locked(session, user, announcement_id)
    if seen is not None and seen != row.updated_at:
        raise Conflict("Another admin has changed this announcement meanwhile. Look at it again.")
    facts = _checked(draft, begun=row.starts_at)
    if all(getattr(row, name) == value for name, value in facts.items()):
        return row
    if any(getattr(row, name) != facts[name] for name in ("words", "tone", "link", "link_words")):
        session.execute(removal(AnnouncementDismissal).where(col(AnnouncementDismissal.announcement_id) == row.id))
    for name, value in facts.items():
        setattr(row, name, value)
    row.updated_at = row.rung_at = clock.now()
    session.add(row)
    _recorded(session, Act.ANNOUNCEMENT_CHANGED, user, address, row)
    return row


def end(session: Session, user: User, announcement_id: UUID, *, address: str = audit.UNKNOWN) -> None:
    """Takes it from the pages now; twice is once. Raises Forbidden, NotFound."""
    row, now = _locked(session, user, announcement_id), clock.now()
    if row.ends_at is not None and row.ends_at <= now:
        return
    row.starts_at, row.ends_at = min(row.starts_at, now), now
    row.updated_at = row.rung_at = now
    session.add(row)
    _recorded(session, Act.ANNOUNCEMENT_ENDED, user, address, row)


def delete(session: Session, user: User, announcement_id: UUID, *, address: str = audit.UNKNOWN) -> None:
    """Removes it; its words stand in the audit log. Raises Forbidden, NotFound."""
    row = _locked(session, user, announcement_id)
    _recorded(session, Act.ANNOUNCEMENT_DELETED, user, address, row)
    session.delete(row)


def dismiss(session: Session, user: User, announcement_id: UUID) -> None:
    """Puts it out of this person's way; twice is once, and one that is gone is nothing to them."""
    there = sqlalchemy.select(sqlalchemy.literal(user.id), col(Announcement.id)).where(
        col(Announcement.id) == announcement_id
    )
    adding = insert(AnnouncementDismissal).from_select(["user_id", "announcement_id"], there.with_for_update(read=True))
    session.execute(adding.on_conflict_do_nothing())


def ring_due(session: Session) -> int:
    """Has open pages look again where one has begun or ended since they were told. Returns how many."""
    turned = "(starts_at <= now() AND starts_at > rung_at) OR (ends_at <= now() AND ends_at > rung_at)"
    found = session.execute(
        text(f"UPDATE announcements SET rung_at = now() WHERE {turned} RETURNING 1")  # noqa: S608  # our own words
    ).all()
    if found:
        _ring(session)
    return len(found)


def _checked(draft: Draft, begun: datetime | None = None) -> dict[str, object]:
    """The columns. Raises InvalidInput."""
    now = clock.now()
    starts_at = draft.starts_at or begun or now
    if abs(starts_at - now) > FURTHEST and starts_at != begun:
        raise InvalidInput("Begin within a year.", field="starts_at")
    if draft.ends_at is not None and draft.ends_at <= starts_at:
        raise InvalidInput("It has to end after it begins.", field="ends_at")
    if draft.ends_at is not None and draft.ends_at - now > 2 * FURTHEST:
        raise InvalidInput("End within two years, or leave the end open.", field="ends_at")
    words = _plain(draft.words, MOST_WORDS, "words")
    if not words:
        raise InvalidInput("Say something.", field="words")
    link, link_words = _link(draft)
    told = {"words": words, "tone": draft.tone.value, "link": link, "link_words": link_words}
    return {**told, "starts_at": starts_at, "ends_at": draft.ends_at}


def _link(draft: Draft) -> tuple[str, str]:
    link = _plain(draft.link, MOST_LINK, "link")
    if not link:
        return "", ""
    try:
        parts = urlsplit(link)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        is_good = False
    if not is_good or " " in link:
        raise InvalidInput("A link is an address such as https://example.org/page.", field="link")
    return link, _plain(draft.link_words, MOST_LINK_WORDS, "link_words") or (parts.hostname or "")[:MOST_LINK_WORDS]


def _plain(words: str, most: int, name: str) -> str:
    """On one line, without what nobody sees. Raises InvalidInput."""
    if len(words) > 10 * most:
        raise InvalidInput(f"This is too long: at most {most} characters.", field=name)
    plain = " ".join(hidden_text.without_unseen(jsonb.clean_text(words)).split())
    if len(plain) > most:
        raise InvalidInput(f"This is too long: at most {most} characters, and it has {len(plain)}.", field=name)
    return plain


def _locked(session: Session, user: User, announcement_id: UUID) -> Announcement:
    access.require_admin(user)
    try:
        return lock(session, Announcement, announcement_id)
    except NotFound as error:
        raise NotFound("There is no such announcement.") from error


def _recorded(session: Session, act: Act, user: User, address: str, row: Announcement) -> None:
    """Writes it down and has every open page look."""
    what = audit.Object(ObjectKind.ANNOUNCEMENT, str(row.id), row.words[:_ACT_NAME])
    until = None if row.ends_at is None else row.ends_at.isoformat()
    told = {"words": row.words, "tone": row.tone, "link": row.link, "from": row.starts_at.isoformat(), "until": until}
    audit.record(session, act, audit.by(user, address), what, **told)
    _ring(session)


def _ring(session: Session) -> None:
    after_commit(session, lambda: ring(TOPIC, "", 0, TOPIC))
