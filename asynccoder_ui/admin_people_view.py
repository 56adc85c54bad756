"""What the admins' page of people holds of the services' rows: small frozen values, ready to be drawn."""

from dataclasses import dataclass

from asynccoder_ui import chosen
from asynccoder_ui.views import iso
from backend.services.credit_requests import Waiting
from backend.services.people import Kind, PersonEntry, Wanted
from backend.words import Tier


@dataclass(frozen=True)
class Chosen(chosen.Chosen):
    """The filters of the people."""

    tier: str = chosen.word(Tier)
    kind: str = chosen.word(Kind)

    @property
    def wanted(self) -> Wanted:
        """The filters as the service takes them."""
        return Wanted(self.q, Tier(self.tier) if self.tier else None, Kind(self.kind) if self.kind else None)


@dataclass(frozen=True)
class PersonItem:
    """A person's line. `menu` names what the menu offers; `at` is when a browser of theirs last asked for something."""

    id: str
    name: str
    login: str
    avatar_url: str
    is_admin: bool
    is_disabled: bool
    is_connected: bool
    tier: str
    balance: str
    held: str
    facts: str
    at: str
    menu: str


@dataclass(frozen=True)
class RequestItem:
    """Somebody who asks for credits."""

    id: str
    name: str
    words: str
    facts: str
    at: str


def request_item(row: Waiting) -> RequestItem:
    """A line above the list."""
    facts = f"@{row.username} · has {row.credits:,} credits · {row.used:,} used"
    return RequestItem(str(row.id), row.name, row.words, facts, iso(row.asked_at))


def person_item(row: PersonEntry) -> PersonItem:
    """A line of the list."""
    tasks = "1 task" if row.tasks == 1 else f"{row.tasks:,} tasks"
    facts = [f"@{row.username}", tasks, f"{row.at_work} at work" if row.at_work else "", f"{row.used:,} credits used"]
    offers = "disabled" if row.disabled_at else "self" if row.is_self else "other"
    return PersonItem(
        id=str(row.id),
        name=row.name,
        login=row.username,
        avatar_url=row.avatar_url,
        is_admin=row.is_admin,
        is_disabled=row.disabled_at is not None,
        is_connected=row.is_connected,
        tier=row.tier.value,
        balance=f"{row.credits:,} credits",
        held=f"{row.held:,} held" if row.held else "",
        facts=" · ".join(filter(None, facts)),
        at=iso(row.seen_at),
        menu=f"{row.tier.value} {offers}",
    )
