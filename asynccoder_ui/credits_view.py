"""What the credits page holds of the ledger: small frozen values, ready to be drawn."""

from dataclasses import dataclass
from datetime import timedelta

from asynccoder_ui import chosen, routes
from asynccoder_ui.views import iso
from backend import clock
from backend.services.credit_requests import Asked
from backend.services.credits import Balance, Today
from backend.services.ledger import Day, Kind, LedgerRow, Period, Wanted
from backend.words import Tier

_NEWS = timedelta(days=30)
_WORDS = {
    "hold": "held",
    "release": "released",
    "debit": "charged",
    "credit": "granted",
    "bonus": "bonus",
    "refund": "refunded",
}


@dataclass(frozen=True)
class Chosen(chosen.Chosen):
    """The filters of the ledger; without a period, the last 30 days."""

    kind: str = chosen.word(Kind)
    period: str = chosen.word(Period)
    task: str = chosen.identity()

    @property
    def wanted(self) -> Wanted:
        """The filters as the service takes them."""
        return Wanted(Kind(self.kind or Kind.ALL), chosen.optional(self.task), Period(self.period or Period.MONTH))


@dataclass(frozen=True)
class Figures:
    """What is there, what runs hold of it, what may be spent; what is used of the day's share; what the tier gives."""

    balance: str = "–"
    held: str = "–"
    available: str = "–"
    today: str = "–"
    share: str = ""
    tier: str = ""


@dataclass(frozen=True)
class AskedItem:
    """The person's request to the admins; `status` is empty where there is none to tell of."""

    status: str = ""
    words: str = ""
    answer: str = ""
    at: str = ""


@dataclass(frozen=True)
class LedgerItem:
    """A ledger entry: what it did to the balance and to what is held, in words."""

    at: str
    kind: str
    word: str
    description: str
    amount: str
    held: str
    task: str
    href: str


@dataclass(frozen=True)
class Column:
    """A day of the chart: its use in credits, and in percent of the day with most."""

    day: str
    credits: int
    percent: float


@dataclass(frozen=True)
class Chart:
    """What was used each day. Without `columns` nothing was."""

    sentence: str = ""
    columns: tuple[Column, ...] = ()
    most: int = 0
    first: str = ""
    last: str = ""


def ledger_item(row: LedgerRow) -> LedgerItem:
    """A row of the ledger."""
    is_gone = row.task_id is not None and not row.task_title
    return LedgerItem(
        at=iso(row.at),
        kind=row.kind,
        word=_WORDS.get(row.kind, row.kind),
        description=f"{row.description}, for a deleted task" if is_gone else row.description,
        amount=signed(row.amount),
        held=signed(row.held_delta),
        task=row.task_title,
        href=routes.task_page(str(row.task_id)) if row.task_id and row.task_title else "",
    )


def figures(balance: Balance, today: Today, tier: Tier, monthly: int) -> Figures:
    """The four figures, and a sentence about the tier."""
    gives = f"You are in the tier {tier}" + (f", which gives {monthly:,} credits a month." if monthly else ".")
    share = "credits" if today.limit is None else f"of {today.limit:,} a day"
    return Figures(
        f"{balance.credits:,}", f"{balance.held:,}", f"{balance.available:,}", f"{today.used:,}", share, gives
    )


def asked(row: Asked | None) -> AskedItem:
    """The newest request: one that is open, or an answer of no that is news yet."""
    is_told = row is not None and row.status == "declined" and row.decided_at is not None
    if row is None or not (row.status == "open" or (is_told and clock.now() - (row.decided_at or clock.now()) < _NEWS)):
        return AskedItem()
    return AskedItem(row.status, row.words, row.answer, iso(row.decided_at or row.asked_at))


def chart(days: list[Day]) -> Chart:
    """The use of those days as columns, with a sentence that says the same."""
    total = sum(day.credits for day in days)
    top = max(days, key=lambda day: day.credits)
    if top.credits <= 0:
        return Chart(sentence=f"Nothing was used in the last {len(days)} days.")
    columns = tuple(Column(_spelt(day), day.credits, round(100 * max(day.credits, 0) / top.credits, 1)) for day in days)
    sentence = f"{_counted(total)} in the last {len(days)} days, most on {_spelt(top)}: {top.credits:,}."
    return Chart(sentence, columns, top.credits, columns[0].day, columns[-1].day)


def signed(amount: int) -> str:
    """A change with its sign, empty for none."""
    return f"+{amount:,}" if amount > 0 else f"−{-amount:,}" if amount else ""


def _spelt(day: Day) -> str:
    return f"{day.on.day} {day.on:%b}"


def _counted(credits: int) -> str:
    return "1 credit" if credits == 1 else f"{credits:,} credits"
