"""Announcements, for admins: what everybody reads above each page, from when until when."""

from typing import Any, ClassVar
from uuid import uuid4

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import admin_announcements_view as view
from asynccoder_ui import given, routes, theme
from asynccoder_ui.admin_announcements_view import AnnouncementItem
from asynccoder_ui.admin_tabs import admin_tabs
from asynccoder_ui.components import listing
from asynccoder_ui.components.react import moment, page_title
from asynccoder_ui.following import Following, Reads
from asynccoder_ui.gate import signed_in
from asynccoder_ui.people import Question
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from backend.errors import Refusal
from backend.models import Announcement, Tone, User
from backend.services import announcements as service

_STATES: dict[str, theme.Tone] = {"shown": "ok", "to come": "run", "over": "line"}


def _show(page: "AdminAnnouncements", found: list[tuple[Announcement, str]]) -> None:
    page.items = [view.item(one) for one in found]


class AdminAnnouncements(Following, Session):
    """All of them, the newest first; read again whenever anybody changes one."""

    items: list[AnnouncementItem] = []
    taken: int = 0  # counts the forms that were taken, so that their dialog closes
    form_error: str = ""
    _key: str = ""  # stays until it is taken: an answer that was lost is no second announcement
    _reads: ClassVar = Reads(lambda page: Question(_listed), _show, topics=lambda _: (service.TOPIC,))

    @rx.event
    @signed_in
    async def begin(self) -> None:
        """A form opens."""
        self.form_error, self._key = "", uuid4().hex

    @rx.event
    @signed_in
    async def save(self, form: dict[str, Any]) -> Any:
        """Says it, or says it otherwise; what one form sends twice is one announcement."""
        key, address = self._key or uuid4().hex, self._address()
        self._key = key
        try:
            draft, seen = view.draft(form), view.moment(form.get("version"))
            known = given.identity(form["id"]) if form.get("id") else None
            await self._ask(lambda session, user: _save(session, user, known, draft, seen, key, address))
        except Refusal as refused:
            self.form_error = str(refused)
            return None
        self.taken += 1
        await self._read()
        return rx.toast.success("Saved.")

    @rx.event
    @signed_in
    async def end(self, announcement_id: str) -> None:
        """Takes one from the pages now."""
        wanted, address = given.identity(announcement_id), self._address()
        await self._ask(lambda session, user: service.end(session, user, wanted, address=address))
        await self._read()

    @rx.event
    @signed_in
    async def delete(self, announcement_id: str) -> None:
        """Removes one."""
        wanted, address = given.identity(announcement_id), self._address()
        await self._ask(lambda session, user: service.delete(session, user, wanted, address=address))
        await self._read()


def _listed(session: DatabaseSession, user: User) -> list[tuple[Announcement, str]]:
    return service.listing(session, user)


def _save(
    session: DatabaseSession, user: User, known: Any, draft: service.Draft, seen: Any, key: str, address: str
) -> None:
    if known is None:
        service.announce(session, user, draft, key=key, address=address)
    else:
        service.change(session, user, known, draft, seen=seen, address=address)


def admin_announcements() -> rx.Component:
    """The page."""
    page = AdminAnnouncements
    return shell(
        page_title(words="Announcements"),
        theme.part(
            "page",
            theme.row(
                theme.words("title", "Announcements", tag="h1"),
                theme.grow(),
                _form([theme.icon("megaphone", 14), "Announce"], None),
                wrap=True,
            ),
            admin_tabs(routes.ADMIN_ANNOUNCEMENTS),
            listing.trouble(page),
            rx.cond(
                page.is_listed,
                rx.cond(
                    page.items.length() > 0,
                    theme.part("list", rx.foreach(page.items, _item), tag="ul", aria_label="Announcements"),
                    theme.empty(
                        "megaphone",
                        "Nothing was announced yet.",
                        theme.words(
                            "small", "What you announce stands above everybody's pages until they put it away.", tag="p"
                        ),
                    ),
                ),
                rx.cond(page.error == "", theme.skeleton(4)),
            ),
        ),
        at=routes.ADMIN_ANNOUNCEMENTS,
    )


def _item(item: rx.Var[AnnouncementItem]) -> rx.Component:
    return theme.part(
        "entry",
        theme.grow(
            theme.row(
                theme.words("strong", item.words),
                rx.match(
                    item.state, *[(name, theme.pill(name, tone=tone)) for name, tone in _STATES.items()], rx.fragment()
                ),
                rx.cond(item.tone == Tone.WARNING.value, theme.pill("warning", tone="warn")),
                wrap=True,
            ),
            rx.cond(item.link != "", theme.words("tiny", item.link_words, ": ", item.link, tag="p")),
            theme.words(
                "tiny",
                "from ",
                moment(at=item.starts_at),
                rx.cond(item.ends_at != "", rx.fragment(" until ", moment(at=item.ends_at)), " until you end it"),
                " ",
                item.facts,
                tag="p",
            ),
        ),
        theme.part(
            "entry-end",
            _form(["Change"], item),
            rx.cond(
                item.state == "shown",
                theme.button("End now", size="sm", on_click=AdminAnnouncements.end(item.id)),
            ),
            theme.confirm_button(
                theme.icon("trash-2", 14),
                label="Delete",
                title="Delete this announcement?",
                note="Its words stay in the audit log alone.",
                action="Delete",
                size="icon sm",
                on_confirm=AdminAnnouncements.delete(item.id),
            ),
        ),
        tag="li",
        key=item.id,
    )


def _form(trigger: list[Any], item: rx.Var[AnnouncementItem] | None) -> rx.Component:
    def filled(name: str) -> dict[str, Any]:
        return {"name": name} if item is None else {"name": name, "default_value": getattr(item, name)}

    def moment_of(name: str, value: str) -> dict[str, Any]:
        told = {} if item is None else {"default_value": getattr(item, value)}
        return {"name": name, "type": "datetime-local", **told}

    hidden = [
        rx.el.input(type="hidden", name=name, value=getattr(item, value), read_only=True)
        for name, value in (("id", "id"), ("version", "version"))
        if item is not None
    ]
    tones = [(Tone.INFO.value, "Information"), (Tone.WARNING.value, "Warning")]
    return theme.dialog_button(
        trigger,
        theme.error_notice(AdminAnnouncements.form_error),
        theme.plain(
            "form",
            *hidden,
            theme.part(
                "form",
                theme.form_row(
                    "Words",
                    theme.text_area(**filled("words"), required=True, max_length=service.MOST_WORDS, rows="3"),
                    "A sentence or two; everybody who is signed in reads them.",
                ),
                theme.form_row("Tone", theme.select(tones, **filled("tone"))),
                theme.form_row(
                    "Link",
                    theme.field(**filled("link"), type="url", max_length=service.MOST_LINK, placeholder="https://"),
                    "If there is more to read.",
                ),
                theme.form_row("Words of the link", theme.field(**filled("link_words"), max_length=60)),
                theme.form_row("From, in UTC", theme.field(**moment_of("starts_at", "starts")), "Empty: now."),
                theme.form_row(
                    "Until, in UTC", theme.field(**moment_of("ends_at", "ends")), "Empty: until an admin ends it."
                ),
                theme.part("dialog-foot", theme.button("Announce", variant="primary", type="submit")),
            ),
            on_submit=AdminAnnouncements.save,
            reset_on_submit=False,
        ),
        title="Announce something" if item is None else "Change the announcement",
        size="sm",
        **({"variant": "primary"} if item is None else {}),
        done=AdminAnnouncements.taken,
        on_ask=AdminAnnouncements.begin,
    )
