"""Credits: what is there, what runs hold of it, and every entry of the ledger."""

from datetime import datetime

import reflex as rx

from asynccoder_ui import routes, theme, views
from asynccoder_ui.components.react import moment
from asynccoder_ui.gate import signed_in
from asynccoder_ui.session import Session
from asynccoder_ui.shell import Shell, shell
from backend.services import credits as service

_PAGE = 50


class Credits(Session):
    """The ledger, newest first."""

    items: list[views.LedgerItem] = []
    is_listed: bool = False
    has_more: bool = False

    @rx.event
    @signed_in
    async def load(self) -> None:
        """Shows the newest fifty entries."""
        self.items = []
        await self._read(None)

    @rx.event
    @signed_in
    async def more(self) -> None:
        """Shows older entries instead."""
        if self.items:
            await self._read(datetime.fromisoformat(self.items[-1].at))

    async def _read(self, before: datetime | None) -> None:
        rows = await self._ask(lambda session, user: service.ledger(session, user, _PAGE, before))
        self.items = [views.ledger_item(row) for row in rows]
        self.has_more, self.is_listed = len(rows) == _PAGE, True


def credits() -> rx.Component:
    """The page."""
    return shell(
        theme.part(
            "page",
            theme.words("title", "Credits", tag="h1"),
            theme.card(
                theme.stack(
                    theme.row(
                        theme.words("figure", Shell.available),
                        theme.words("muted", "to spend"),
                        rx.cond(Shell.held > 0, theme.words("muted", "and ", Shell.held, " held by runs", num=True)),
                        wrap=True,
                    ),
                    theme.words(
                        "aside",
                        "One credit is one US cent of model cost. A run holds its estimate while it works, is charged "
                        "for what it used, and gives the rest back. A fault on our side is refunded.",
                        tag="p",
                    ),
                )
            ),
            theme.stack(
                theme.words("heading", "Ledger", tag="h2"),
                rx.cond(
                    Credits.is_listed,
                    theme.part("list", rx.foreach(Credits.items, _item), tag="ul"),
                    theme.skeleton(4),
                ),
            ),
            rx.cond(Credits.has_more, theme.row(theme.button("Older entries", size="sm", on_click=Credits.more))),
        ),
        at=routes.CREDITS,
    )


def _item(item: rx.Var[views.LedgerItem]) -> rx.Component:
    return theme.part(
        "entry",
        theme.grow(
            rx.cond(
                item.href != "",
                theme.page_link(item.description, href=item.href, look="strong to"),
                theme.words("strong", item.description),
            ),
            theme.words("tiny", moment(at=item.at), tag="p"),
        ),
        theme.words("muted", item.held, num=True),
        theme.part("amount", theme.words("strong", item.amount, num=True)),
        tag="li",
    )
