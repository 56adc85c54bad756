"""Credits: what is there, what runs hold of it, what was used each day, and every entry of the ledger."""

from dataclasses import dataclass
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import credits_view as view
from asynccoder_ui import routes, theme
from asynccoder_ui.components import listing
from asynccoder_ui.components.chart import day_chart
from asynccoder_ui.components.react import ago, moment
from asynccoder_ui.credits_view import Chosen
from asynccoder_ui.gate import signed_in
from asynccoder_ui.lists import Listed, Listing, listed
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from asynccoder_ui.views import Option
from backend.errors import Refusal
from backend.models import User
from backend.services import credit_requests, ledger
from backend.services.credit_requests import Asked
from backend.services.credits import Balance, Today, balance, today
from backend.services.ledger import Day, Kind, LedgerRow, Period
from backend.settings import get_settings
from backend.words import Tier

_KINDS = [
    ("", "All entries"),
    (Kind.HOLDS.value, "Holds"),
    (Kind.CHARGES.value, "Charges"),
    (Kind.GRANTS.value, "Grants"),
    (Kind.REFUNDS.value, "Refunds"),
]
_PERIODS = [
    (Period.WEEK.value, "Last 7 days"),
    ("", "Last 30 days"),
    (Period.QUARTER.value, "Last 90 days"),
    (Period.ALL.value, "All time"),
]
_CHARTED = 90  # days, where all time is wanted
_ICONS = {
    "hold": "lock",
    "release": "lock-open",
    "debit": "minus",
    "credit": "plus",
    "bonus": "gift",
    "refund": "undo-2",
}


@dataclass(frozen=True)
class _Beside:
    balance: Balance
    today: Today
    tier: Tier
    asked: Asked | None
    days: list[Day]
    task: str | None  # the title of the chosen one


def _read(session: DatabaseSession, user: User, chosen: Chosen, is_first: bool) -> Listed[Chosen, LedgerRow, _Beside]:
    wanted = chosen.wanted
    page = ledger.entries(session, user, wanted, chosen.number)
    days = ledger.used_per_day(session, user, wanted.period.days or _CHARTED, wanted.task_id)
    title = ledger.charged_title(session, user, wanted.task_id) if is_first and wanted.task_id else None
    tier, asked = Tier(user.subscription_tier), credit_requests.newest(session, user)
    beside = _Beside(balance(session, user), today(session, user), tier, asked, days, title)
    return Listed(chosen, page, beside)


def _show(state: "Credits", found: Listed[Chosen, LedgerRow, _Beside]) -> None:
    wanted, beside = found.chosen.wanted, found.beside
    state.items = [view.ledger_item(row) for row in found.page.rows]
    monthly = get_settings().monthly_credits(beside.tier)
    state.figures = view.figures(beside.balance, beside.today, beside.tier, monthly)
    state.chart, state.asked = view.chart(beside.days), view.asked(beside.asked)
    state.csv_href = routes.credits_file(wanted.kind, found.chosen.task, wanted.period)
    if beside.task is not None:
        state.task = beside.task or "One task"


class Credits(Listing, Session):
    """The ledger, newest first, and the use of its period."""

    items: list[view.LedgerItem] = []
    figures: view.Figures = view.Figures()
    chart: view.Chart = view.Chart()
    task: str = ""
    tasks: list[Option] = []
    csv_href: str = ""
    asked: view.AskedItem = view.AskedItem()
    asks: int = 0  # counts those that were taken, so that their dialog closes
    ask_error: str = ""
    _reads: ClassVar = listed(routes.CREDITS, Chosen, _read, _show)

    @rx.event
    @signed_in
    async def search_tasks(self, query: str) -> None:
        """Offers the tasks of the ledger by a part of their title."""
        found = await self._ask(lambda session, user: ledger.charged_tasks(session, user, query[:200]))
        self.tasks = [Option(str(id_), title) for id_, title in found]

    @rx.event
    @signed_in
    async def ask(self, form: dict[str, Any]) -> Any:
        """Asks the admins for credits."""
        words = str(form.get("words", ""))
        try:
            await self._ask(lambda session, user: credit_requests.ask(session, user, words))
        except Refusal as refused:
            self.ask_error = str(refused)
            return None
        self.asks, self.ask_error = self.asks + 1, ""
        await self._read()
        return rx.toast.success("The admins see it.")

    @rx.event
    @signed_in
    async def withdraw(self) -> None:
        """Takes the request back."""
        await self._ask(credit_requests.withdraw)
        await self._read()


def credits() -> rx.Component:
    """The page."""
    return shell(
        theme.part(
            "page",
            theme.words("title", "Credits", tag="h1"),
            _figures(),
            _asked(),
            _filters(),
            rx.cond(Credits.is_listed, day_chart(Credits.chart)),
            theme.row(
                theme.words("heading", "Ledger", tag="h2"), theme.grow(), listing.clear(Credits), _download(), wrap=True
            ),
            listing.found(
                Credits,
                _table(),
                none=theme.empty(
                    "coins",
                    "No entries in the last 30 days.",
                    theme.page_button("Show all", href=Chosen(period=Period.ALL).address(routes.CREDITS)),
                ),
                none_fits=("coins", "No entry fits.", "Choose a longer time or other entries."),
            ),
        ),
        at=routes.CREDITS,
    )


def _figures() -> rx.Component:
    return theme.card(
        theme.stack(
            theme.part(
                "figures",
                _figure("Balance", Credits.figures.balance),
                _figure("Held", Credits.figures.held),
                _figure("Available", Credits.figures.available),
                _figure("Used or held today", Credits.figures.today, Credits.figures.share),
                tag="dl",
            ),
            theme.row(theme.grow(theme.words("soft", Credits.figures.tier)), _ask(), wrap=True),
            theme.words(
                "aside",
                "One credit is one US cent of model cost; a run holds its estimate while it works, so that it cannot "
                "cost more than was agreed. When it ends it is charged for what it used, the rest is released, and "
                "a fault on our side is refunded.",
                tag="p",
            ),
            gap="loose",
        )
    )


def _figure(word: str, figure: rx.Var[str], of: Any = "credits") -> rx.Component:
    return theme.plain(
        "div",
        theme.words("heading", word, tag="dt"),
        theme.plain("dd", theme.words("figure", figure), theme.words("muted", of)),
    )


def _ask() -> rx.Component:
    return rx.cond(
        Credits.asked.status != "open",
        theme.dialog_button(
            [theme.icon("hand-coins", 14), "Ask for credits"],
            theme.error_notice(Credits.ask_error),
            theme.plain(
                "form",
                theme.part(
                    "form",
                    theme.form_row(
                        "What for",
                        theme.field(name="words", max_length=credit_requests.MOST_WORDS, auto_focus=True),
                        "The admins read it. It may stay empty.",
                    ),
                    theme.part("dialog-foot", theme.button("Ask", variant="primary", type="submit")),
                ),
                on_submit=Credits.ask,
                reset_on_submit=True,
            ),
            title="Ask for credits",
            note="An admin gives them, or says why not.",
            size="sm",
            done=Credits.asks,
        ),
    )


def _asked() -> rx.Component:
    asked = Credits.asked
    words = rx.cond(asked.words != "", rx.fragment(": ", asked.words), "")
    return rx.match(
        asked.status,
        (
            "open",
            theme.notice(
                theme.row(
                    theme.grow("You asked the admins for credits ", ago(at=asked.at, in_words=True), words),
                    theme.button("Withdraw", size="sm", on_click=Credits.withdraw),
                    wrap=True,
                ),
                icon_name="hand-coins",
            ),
        ),
        (
            "declined",
            theme.notice(
                "An admin declined your request ", ago(at=asked.at, in_words=True), ": ", asked.answer,
                tone="warn", icon_name="hand-coins",
            ),
        ),
    )  # fmt: skip


def _download() -> rx.Component:
    return theme.link_button(
        theme.icon("download", 14), "Download CSV", href=Credits.csv_href, size="sm", download="asynccoder-credits.csv"
    )


def _filters() -> rx.Component:
    return listing.filters(
        listing.choice("kind", "Kind of entry", _KINDS),
        listing.choice("period", "Time", _PERIODS),
        listing.searchable(
            "task",
            "Task",
            "All tasks",
            text=Credits.task,
            options=Credits.tasks,
            on_search=Credits.search_tasks,
            placeholder="Search tasks",
            icon_name="list-filter",
        ),
        label="Filter the ledger",
    )


def _table() -> rx.Component:
    heads = ["When", "What", "For", "Credits", "Held"]
    return theme.part("ledger", theme.table(heads, rx.foreach(Credits.items, _item), label="Ledger, newest first"))


def _item(item: rx.Var[view.LedgerItem]) -> rx.Component:
    return theme.table_row(
        theme.words("tiny", moment(at=item.at)),
        rx.match(
            item.kind,
            *[
                (kind, theme.pill(theme.icon(icon, 14), item.word, tone="ok" if kind == "refund" else "line"))
                for kind, icon in _ICONS.items()
            ],
            theme.pill(item.word, tone="line"),
        ),
        rx.cond(
            item.href != "",
            theme.stack(
                theme.page_link(item.task, href=item.href, look="strong to"),
                theme.words("tiny", item.description),
                gap="tight",
            ),
            item.description,
        ),
        theme.words("strong", item.amount, num=True),
        rx.cond(item.held != "", theme.words("muted", item.held, num=True)),
    )
