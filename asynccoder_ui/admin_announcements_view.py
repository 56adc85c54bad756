"""What pages hold of announcements: small frozen values, and what an admin's form says."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asynccoder_ui import given
from asynccoder_ui.views import iso, web_address
from backend import clock
from backend.errors import InvalidInput
from backend.models import Announcement, Tone
from backend.services.announcements import Draft, Said


@dataclass(frozen=True)
class SaidItem:
    """An announcement above the page; `link` is an address of the web, or empty."""

    id: str
    words: str
    tone: str
    link: str
    link_words: str


@dataclass(frozen=True)
class AnnouncementItem:
    """An admin's line. Moments are ISO 8601; `starts` and `ends` as the form's fields want them, in UTC."""

    id: str
    words: str
    tone: str
    link: str
    link_words: str
    state: str
    facts: str
    starts_at: str
    ends_at: str
    starts: str
    ends: str
    version: str


def said(row: Said) -> SaidItem:
    """A bar."""
    return SaidItem(str(row.id), row.words, row.tone.value, web_address(row.link), row.link_words)


def item(found: tuple[Announcement, str]) -> AnnouncementItem:
    """A line of the list."""
    row, login = found
    now = clock.now()
    is_over = row.ends_at is not None and row.ends_at <= now
    return AnnouncementItem(
        id=str(row.id),
        words=row.words,
        tone=row.tone,
        link=web_address(row.link),
        link_words=row.link_words,
        state="over" if is_over else "to come" if row.starts_at > now else "shown",
        facts=f"by @{login}" if login else "",
        starts_at=iso(row.starts_at),
        ends_at=iso(row.ends_at),
        starts=_field(row.starts_at),
        ends=_field(row.ends_at),
        version=iso(row.updated_at),
    )


def draft(form: dict[str, Any]) -> Draft:
    """What the form says. Raises InvalidInput."""
    return Draft(
        words=str(form.get("words", "")),
        tone=given.one_of(Tone, form.get("tone", "")),
        link=str(form.get("link", "")),
        link_words=str(form.get("link_words", "")),
        starts_at=moment(form.get("starts_at"), "starts_at"),
        ends_at=moment(form.get("ends_at"), "ends_at"),
    )


def moment(value: Any, name: str = "version") -> datetime | None:
    """A moment, in UTC where it says nothing else; None for nothing. Raises InvalidInput."""
    text = str(value or "").strip()
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text[:40])
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput("This is no date and time.", field=name) from error


def _field(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M") if at else ""
