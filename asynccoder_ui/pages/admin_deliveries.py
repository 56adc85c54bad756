"""GitHub's deliveries, for admins: what came, what became of it, what it said, and once more."""

from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import admin_deliveries_view as view
from asynccoder_ui import given, routes, theme
from asynccoder_ui.admin_deliveries_view import Chosen
from asynccoder_ui.admin_tabs import admin_tabs
from asynccoder_ui.components import listing
from asynccoder_ui.components.react import ago, page_title
from asynccoder_ui.following import own
from asynccoder_ui.gate import signed_in
from asynccoder_ui.lists import Listing, Windowed, windowed
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from backend.models import User
from backend.services import deliveries
from backend.services import delivery_log as service
from backend.services.delivery_log import Around, DeliveryEntry, State

_PILLS: dict[State, tuple[str, theme.Tone]] = {
    State.WAITING: ("clock", "warn"),
    State.FAILED: ("circle-x", "bad"),
    State.DONE: ("check", "ok"),
    State.IGNORED: ("circle-minus", "line"),
}


def _read(
    session: DatabaseSession, user: User, chosen: Chosen, is_first: bool
) -> Windowed[Chosen, DeliveryEntry, Around]:
    page = service.window(session, user, chosen.wanted, chosen.after)
    return Windowed(chosen, page, service.around(session, user))


def _show(state: "AdminDeliveries", found: Windowed[Chosen, DeliveryEntry, Around]) -> None:
    state.items = [view.item(row) for row in found.window.rows]
    state.seen, state.refused = view.seen(found.beside), view.refused(found.beside)


class AdminDeliveries(Listing, Session):
    """The deliveries, newest first; read again when some were tried."""

    items: list[view.DeliveryItem] = []
    seen: list[view.SeenItem] = []
    refused: str = ""
    payload: str = ""
    _reads: ClassVar = windowed(
        routes.ADMIN_DELIVERIES, Chosen, _read, _show, topics=lambda person: (*own(person), deliveries.TOPIC)
    )

    @rx.event
    @signed_in
    async def open_payload(self, delivery_id: str) -> None:
        """Reads what one of them says."""
        self.payload = ""
        wanted = given.identity(delivery_id)
        self.payload = await self._ask(lambda session, user: service.payload(session, user, wanted))

    @rx.event
    @signed_in
    async def apply_again(self, delivery_id: str, even_done: bool) -> Any:
        """Has one tried once more."""
        wanted, address = given.identity(delivery_id), self._address()
        await self._ask(
            lambda session, user: service.again(session, user, wanted, even_done=even_done, address=address)
        )
        await self._read()
        return rx.toast.success("It is tried again at once.")


def admin_deliveries() -> rx.Component:
    """The page."""
    page = AdminDeliveries
    return shell(
        page_title(words="Deliveries"),
        theme.part(
            "page",
            theme.row(theme.words("title", "Deliveries", tag="h1"), theme.grow(), listing.clear(page), wrap=True),
            admin_tabs(routes.ADMIN_DELIVERIES),
            rx.cond(page.refused != "", theme.notice(page.refused, tone="warn", icon_name="shield-alert")),
            rx.cond(page.seen.length() > 0, theme.row(rx.foreach(page.seen, _seen), wrap=True)),
            listing.filters(
                listing.words("Search repositories"),
                listing.choice("event", "Event", [("", "All events"), *((name, name) for name in view.EVENTS)]),
                listing.choice(
                    "state", "State", [("", "Any state"), *((one.value, view.WORDS[one].capitalize()) for one in State)]
                ),
                label="Filter the deliveries",
            ),
            listing.found(
                page,
                theme.part("list", rx.foreach(page.items, _item), tag="ul", aria_label="Deliveries, newest first"),
                none=theme.empty(
                    "webhook",
                    "GitHub has delivered nothing yet.",
                    theme.words(
                        "small", "Webhooks are made by the first task on a repository; see docs/github.md.", tag="p"
                    ),
                ),
                none_fits=("webhook", "No delivery fits.", "Search for something else, or widen the filters."),
            ),
        ),
        at=routes.ADMIN_DELIVERIES,
    )


def _seen(item: rx.Var[view.SeenItem]) -> rx.Component:
    return theme.pill(item.event, " ", ago(at=item.at, in_words=True), tone="line")


def _item(item: rx.Var[view.DeliveryItem]) -> rx.Component:
    return theme.part(
        "entry",
        theme.grow(
            theme.row(theme.words("strong", item.name), _pill(item.state), wrap=True),
            theme.words("tiny", item.facts, tag="p"),
            rx.cond(item.error != "", theme.words("warning", item.error, tag="p")),
        ),
        theme.part(
            "entry-end",
            theme.words(
                "tiny",
                "came ",
                ago(at=item.received_at, in_words=True),
                rx.cond(item.done_at != "", rx.fragment(", done ", ago(at=item.done_at, in_words=True))),
            ),
            rx.cond(item.is_empty, theme.words("tiny", "payload removed"), _ways(item)),
        ),
        tag="li",
        key=item.id,
    )


def _pill(state: rx.Var[str]) -> rx.Component:
    drawn = [
        (one.value, theme.pill(theme.icon(icon, 14), view.WORDS[one], tone=tone))
        for one, (icon, tone) in _PILLS.items()
    ]
    return rx.match(state, *drawn, rx.fragment())


def _ways(item: rx.Var[view.DeliveryItem]) -> rx.Component:
    return rx.fragment(
        theme.dialog_button(
            ["Payload"],
            theme.part("out", AdminDeliveries.payload, tab_index=0, role="region", aria_label="Payload"),
            title=item.name,
            note="What is named like a secret is left out, and characters that nobody sees are spelt.",
            size="sm",
            wide=True,
            on_ask=AdminDeliveries.open_payload(item.id),
        ),
        theme.confirm_button(
            rx.cond(item.was_done, "Apply again", "Try again"),
            title=rx.cond(item.was_done, "Apply this delivery once more?", "Try this delivery again?"),
            note=rx.cond(
                item.was_done,
                "It was applied already. What it says that is older than what is known changes nothing.",
                "It gets all its five attempts back, and is applied once.",
            ),
            action=rx.cond(item.was_done, "Apply again", "Try again"),
            tone="primary",
            size="sm",
            on_confirm=AdminDeliveries.apply_again(item.id, item.was_done),
        ),
    )
