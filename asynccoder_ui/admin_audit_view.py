"""What the admins' page of the audit log holds of its rows: small frozen values, ready to be drawn."""

import json
from dataclasses import dataclass
from datetime import timedelta

from asynccoder_ui import chosen
from asynccoder_ui.views import iso
from backend import clock
from backend.models import AuditEntry
from backend.services.audit_chain import Verified
from backend.services.audit_reading import Wanted
from backend.services.ledger import Period
from backend.words import Act

PERIODS = [
    ("", "All time"),
    (Period.WEEK.value, "Last 7 days"),
    (Period.MONTH.value, "Last 30 days"),
    (Period.QUARTER.value, "Last 90 days"),
]


@dataclass(frozen=True)
class Chosen(chosen.FromRow):
    """The filters of the audit log."""

    person: str = chosen.login()
    act: str = chosen.word(Act)
    days: str = chosen.word(Period)

    @property
    def wanted(self) -> Wanted:
        """The filters as the service takes them."""
        return wanted(self.person, self.act, self.days, self.q)


def wanted(person: str, act: str, days: str, words: str) -> Wanted:
    """What the log is asked for."""
    back = Period(days).days if days else None
    since = None if back is None else clock.now() - timedelta(days=back)
    return Wanted(actor=person, act=Act(act) if act else None, since=since, words=words)


@dataclass(frozen=True)
class AuditItem:
    """A row: what was done, on what; `more` are its other facts, `details` JSON, empty for none."""

    seq: str
    act: str
    what: str
    who: str
    address: str
    at: str
    object_id: str
    details: str
    hash: str


@dataclass(frozen=True)
class Verdict:
    """What the last look at the whole chain said; `tone` is empty before there was one."""

    tone: str = ""
    words: str = ""
    hash: str = ""
    at: str = ""


class Progress:
    """How far a look at the chain is: written by its thread, read by the page."""

    rows = 0
    newest = 0

    def note(self, rows: int, newest: int) -> None:
        """So many of so many rows were read."""
        self.rows, self.newest = rows, newest

    @property
    def percent(self) -> int:
        """How much of it was read."""
        return self.rows * 100 // self.newest if self.newest else 0


def item(row: AuditEntry) -> AuditItem:
    """A line of the list."""
    return AuditItem(
        seq=f"{row.seq:,}",
        act=spelt(row.act),
        what=f"{spelt(row.object_kind)} {row.object_name}".strip(),
        who=row.login or "nobody",
        address=row.address,
        at=iso(row.at),
        object_id=row.object_id,
        details=json.dumps(row.details, ensure_ascii=False, indent=1) if row.details else "",
        hash=row.hash,
    )


def verdict(found: Verified) -> Verdict:
    """What a look at the chain says."""
    at = iso(clock.now())
    rows = "1 row" if found.rows == 1 else f"{found.rows:,} rows"
    if found.fault is None:
        return Verdict("ok", f"{rows}, unbroken.", found.hash, at)
    return Verdict("bad", f"{found.fault.sentence} Before it, {rows} are in order.", found.hash, at)


def spelt(act: str) -> str:
    """A word of the log as a page spells it."""
    return act.replace("_", " ")
