"""Credits: what is there, what runs hold of it, what was used each day, and every entry of the ledger."""

from dataclasses import dataclass, field
from uuid import UUID

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import credits_view as view
from asynccoder_ui import given, routes, theme
from asynccoder_ui.components import listing
from asynccoder_ui.components.chart import day_chart
from asynccoder_ui.components.react import moment
from asynccoder_ui.gate import signed_in
from asynccoder_ui.lists import Listing, Question
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from asynccoder_ui.views import Option
from backend import events
from backend.models import User
from backend.services import ledger
from backend.services.credits import Balance, balance
from backend.services.ledger import Day, Kind, LedgerRow, Period, Wanted
from backend.services.paging import Key, Page

_ANY = "all"
_SIZE = 50
_ALL_TASKS = Option(_ANY, "All tasks")
_KINDS = [
    (Kind.ALL.value, "All entries"),
    (Kind.HOLDS.value, "Holds"),
    (Kind.CHARGES.value, "Charges"),
    (Kind.GRANTS.value, "Grants"),
    (Kind.REFUNDS.value, "Refunds"),
]
_PERIODS = [
    (Period.WEEK.value, "Last 7 days"),
    (Period.MONTH.value, "Last 30 days"),
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
class _Answer(Page[LedgerRow]):
    balance: Balance = field(default_factory=lambda: Balance(0, 0))
    days: list[Day] = field(default_factory=list)


class Credits(Listing, Session):
    """The ledger, newest first, and the use of its period."""

    items: list[view.LedgerItem] = []
    figures: view.Figures = view.Figures()
    chart: view.Chart = view.Chart()
    kind: str = Kind.ALL
    period: str = Period.MONTH
    task_id: str = _ANY
    task_title: str = _ALL_TASKS.label
    task_options: list[Option] = [_ALL_TASKS]
    is_filtered: bool = False
    csv_href: str = ""
    _size: int = _SIZE

    @rx.event
    @signed_in
    async def pick_kind(self, kind: str) -> None:
        """Shows entries of one kind."""
        self.kind = given.one_of(Kind, kind)
        await self._restart()

    @rx.event
    @signed_in
    async def pick_period(self, period: str) -> None:
        """Shows entries of the last days."""
        self.period = given.one_of(Period, period)
        await self._restart()

    @rx.event
    @signed_in
    async def pick_task(self, task_id: str) -> None:
        """Shows the entries of one task, or of all."""
        self.task_id = task_id if task_id == _ANY else str(given.identity(task_id))
        self.task_title = next((one.label for one in self.task_options if one.value == self.task_id), "One task")
        await self._restart()

    @rx.event
    @signed_in
    async def search_tasks(self, query: str) -> None:
        """Offers the tasks of the ledger by a part of their title."""
        found = await self._ask(lambda session, user: ledger.charged_tasks(session, user, query[:200]))
        self.task_options = [_ALL_TASKS, *[Option(str(id_), title) for id_, title in found]]

    def _arrive(self) -> None:
        self.kind, self.period = Kind.ALL, Period.MONTH
        self.task_id, self.task_title, self.task_options = _ANY, _ALL_TASKS.label, [_ALL_TASKS]

    def _topics(self, person: UUID) -> tuple[str, ...]:
        return (events.user_topic(person),)

    def _question(self, after: Key | None) -> Question:
        task = None if self.task_id == _ANY else UUID(self.task_id)
        wanted = Wanted(Kind(self.kind), task, Period(self.period))

        def ask(session: DatabaseSession, user: User) -> _Answer:
            page = ledger.entries(session, user, wanted, limit=_SIZE, after=after)
            days = ledger.used_per_day(session, user, wanted.period.days or _CHARTED, task)
            return _Answer(**vars(page), balance=balance(session, user), days=days)

        return ask

    def _show(self, page: Page[LedgerRow]) -> None:
        assert isinstance(page, _Answer)
        self.items = [view.ledger_item(row) for row in page.rows]
        self.figures, self.chart = view.figures(page.balance), view.chart(page.days)
        self.is_filtered = (self.kind, self.period, self.task_id) != (Kind.ALL, Period.ALL, _ANY)
        self.csv_href = routes.credits_file(self.kind, "" if self.task_id == _ANY else self.task_id, self.period)


def credits() -> rx.Component:
    """The page."""
    return shell(
        theme.part(
            "page",
            theme.words("title", "Credits", tag="h1"),
            _figures(),
            _filters(),
            rx.cond(Credits.is_listed, day_chart(Credits.chart)),
            theme.row(theme.words("heading", "Ledger", tag="h2"), theme.grow(), _download()),
            listing.found(
                Credits,
                _table(),
                none=theme.empty("coins", "No entries yet.", theme.words("small", "Send a task to see one.", tag="p")),
                none_fits=theme.empty(
                    "coins", "No entry fits.", theme.words("small", "Choose a longer time or other entries.", tag="p")
                ),
                is_filtered=Credits.is_filtered,
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
                tag="dl",
            ),
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


def _figure(word: str, figure: rx.Var[str]) -> rx.Component:
    return theme.plain(
        "div",
        theme.words("heading", word, tag="dt"),
        theme.plain("dd", theme.words("figure", figure), theme.words("muted", "credits")),
    )


def _download() -> rx.Component:
    return theme.link_button(
        theme.icon("download", 14), "Download CSV", href=Credits.csv_href, size="sm", download="asynccoder-credits.csv"
    )


def _filters() -> rx.Component:
    return listing.filters(
        listing.choice(_KINDS, "Kind of entry", value=Credits.kind, on_change=Credits.pick_kind),
        listing.choice(_PERIODS, "Time", value=Credits.period, on_change=Credits.pick_period),
        listing.searchable(
            "Task",
            text=Credits.task_title,
            value=Credits.task_id,
            options=Credits.task_options,
            placeholder="Search tasks",
            icon_name="list-filter",
            on_pick=Credits.pick_task,
            on_search=Credits.search_tasks,
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
        theme.words("muted", item.held, num=True),
    )
