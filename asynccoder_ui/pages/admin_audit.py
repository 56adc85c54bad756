"""The audit log, for admins: who did what, on what, from where; whether its chain is whole; a copy to take away."""

import asyncio
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import admin_audit_view as view
from asynccoder_ui import people, routes, theme
from asynccoder_ui.admin_audit_view import Chosen
from asynccoder_ui.admin_tabs import admin_tabs
from asynccoder_ui.components import listing
from asynccoder_ui.components.react import moment, page_title
from asynccoder_ui.gate import leave, signed_in
from asynccoder_ui.lists import Listing, Windowed, windowed
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from asynccoder_ui.views import Option
from backend.errors import AsyncCoderError, SignedOut
from backend.models import AuditEntry, User
from backend.services import audit_reading as service
from backend.services import people as known
from backend.words import Act

_LOOK_SECONDS = 0.3  # between two looks at how far it is
_FOUND = 10


def _read(session: DatabaseSession, user: User, chosen: Chosen, is_first: bool) -> Windowed[Chosen, AuditEntry, None]:
    return Windowed(chosen, service.window(session, user, chosen.wanted, chosen.after), None)


def _show(state: "AdminAudit", found: Windowed[Chosen, AuditEntry, None]) -> None:
    chosen = found.chosen
    state.items = [view.item(row) for row in found.window.rows]
    state.person = chosen.person
    asked = {"person": chosen.person, "act": chosen.act, "days": chosen.days, "q": chosen.q}
    state.csv_href, state.json_href = (routes.audit_file(kind, asked) for kind in ("csv", "jsonl"))


class AdminAudit(Listing, Session):
    """The rows, newest first, and what the last look at the chain said."""

    items: list[view.AuditItem] = []
    person: str = ""
    people: list[Option] = []
    csv_href: str = ""
    json_href: str = ""
    is_verifying: bool = False
    percent: int = 0
    verdict: view.Verdict = view.Verdict()
    _reads: ClassVar = windowed(routes.ADMIN_AUDIT, Chosen, _read, _show)

    @rx.event
    @signed_in
    async def search_people(self, query: str) -> None:
        """Offers people by a part of their name, and those who act without an account."""
        wanted = known.Wanted(query[:200])
        page = await self._ask(lambda session, user: known.listing(session, user, wanted, size=_FOUND))
        found = [Option(row.username, row.name, detail=f"@{row.username}") for row in page.rows]
        beside = [Option(login, login, detail="no account") for login in ("operator", "server")]
        self.people = [*found, *(one for one in beside if query.strip().lower() in one.value)]

    @rx.event(background=True)
    @signed_in
    async def verify(self) -> Any:
        """Looks at the whole chain, some seconds for a million rows; the page says how far it is."""
        async with self:
            if self.is_verifying:
                return None
            self.is_verifying, self.percent, self.verdict = True, 0, view.Verdict()
            token, progress = self._token(), view.Progress()
        verdict = view.Verdict("bad", "The look at the chain broke off. Try again.")
        try:
            look = asyncio.ensure_future(
                people.ask(token, lambda session, user: service.verify(session, user, progress.note))
            )
            while not (await asyncio.wait({look}, timeout=_LOOK_SECONDS))[0]:
                async with self:
                    self.percent = progress.percent
            verdict = view.verdict(look.result())
        except SignedOut:
            return leave()
        except AsyncCoderError as error:
            verdict = view.Verdict("bad", str(error))
        finally:
            async with self:
                self.is_verifying, self.verdict = False, verdict
        return None


def admin_audit() -> rx.Component:
    """The page."""
    page = AdminAudit
    return shell(
        page_title(words="Audit log"),
        theme.part(
            "page",
            theme.row(
                theme.words("title", "Audit log", tag="h1"),
                theme.grow(),
                listing.clear(page),
                _file("CSV", page.csv_href, "asynccoder-audit.csv"),
                _file("JSON lines", page.json_href, "asynccoder-audit.jsonl"),
                _verify(),
                wrap=True,
            ),
            admin_tabs(routes.ADMIN_AUDIT),
            _verdict(),
            listing.filters(
                listing.words("Search objects, logins, addresses"),
                listing.folded(
                    listing.searchable(
                        "person",
                        "Person",
                        "Everyone",
                        text=page.person,
                        options=page.people,
                        on_search=page.search_people,
                        placeholder="Search people",
                        icon_name="user",
                    ),
                    listing.choice("act", "Act", [("", "All acts"), *((act.value, view.spelt(act)) for act in Act)]),
                    listing.choice("days", "Time", view.PERIODS),
                    names=["person", "act", "days"],
                ),
                label="Filter the audit log",
            ),
            listing.found(
                page,
                theme.part("list", rx.foreach(page.items, _item), tag="ul", aria_label="Audit log, newest first"),
                none=theme.empty("scroll-text", "Nothing was done yet."),
                none_fits=("scroll-text", "No row fits.", "Search for something else, or widen the filters."),
            ),
        ),
        at=routes.ADMIN_AUDIT,
    )


def _verify() -> rx.Component:
    running = AdminAudit.is_verifying
    return theme.button(
        rx.cond(running, theme.icon("loader-circle", 14, spin=True), theme.icon("link", 14)),
        rx.cond(running, "Verifying", "Verify chain"),
        size="sm",
        disabled=running,
        on_click=AdminAudit.verify,
    )


def _verdict() -> rx.Component:
    page, found = AdminAudit, AdminAudit.verdict
    said = theme.grow(
        theme.words("strong", found.words, tag="p"),
        theme.words("tiny", "Looked at ", moment(at=found.at), ". Hash of the last row in order:", tag="p"),
        theme.words("mono", found.hash, tag="p"),
    )
    return rx.cond(
        page.is_verifying,
        theme.meter(page.percent, "Verifying the chain"),
        rx.match(
            found.tone,
            ("ok", theme.notice(said, icon_name="badge-check")),
            ("bad", theme.notice(said, tone="bad", icon_name="circle-alert")),
            rx.fragment(),
        ),
    )


def _file(label: str, href: rx.Var[str], name: str) -> rx.Component:
    return theme.link_button(theme.icon("download", 14), label, href=href, size="sm", download=name)


def _item(item: rx.Var[view.AuditItem]) -> rx.Component:
    return theme.part(
        "entry",
        theme.grow(
            theme.row(
                theme.words("strong", item.act),
                theme.words("soft", item.what),
                wrap=True,
            ),
            theme.more(
                "Details",
                theme.words("tiny", "Row ", item.seq, ", object ", item.object_id, tag="p"),
                rx.cond(item.details != "", theme.part("out", item.details, tab_index=0)),
                theme.words("tiny", "Hash ", item.hash, tag="p"),
            ),
        ),
        theme.part(
            "entry-end",
            theme.words("small", "@", item.who),
            theme.words("tiny", item.address),
            theme.words("tiny", moment(at=item.at)),
        ),
        tag="li",
        key=item.seq,
    )
