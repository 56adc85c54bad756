"""What the admins' page of GitHub's deliveries holds of the services' rows: small frozen values, ready to be drawn."""

from dataclasses import dataclass

from asynccoder_ui import chosen
from asynccoder_ui.views import iso
from backend.github.webhooks import READERS
from backend.services.delivery_log import Around, DeliveryEntry, State, Wanted

EVENTS = ("ping", *sorted(READERS))
WORDS = {
    State.WAITING: "waiting",
    State.FAILED: "failed",
    State.DONE: "applied",
    State.IGNORED: "ignored",
}


@dataclass(frozen=True)
class Chosen(chosen.FromMoment):
    """The filters of the deliveries."""

    event: str = chosen.login()
    state: str = chosen.word(State)

    @property
    def wanted(self) -> Wanted:
        """The filters as the service takes them."""
        return Wanted(self.event, State(self.state) if self.state else None, self.q)


@dataclass(frozen=True)
class DeliveryItem:
    """A delivery's line. `done_at` is empty until it was applied or ignored; `was_done` says that it was."""

    id: str
    name: str
    facts: str
    state: str
    error: str
    received_at: str
    done_at: str
    was_done: bool
    is_empty: bool


@dataclass(frozen=True)
class SeenItem:
    """When an event came last."""

    event: str
    at: str


def item(row: DeliveryEntry) -> DeliveryItem:
    """A line of the list."""
    tries = "" if row.attempts < 2 else f"tried {row.attempts} times"
    return DeliveryItem(
        id=str(row.id),
        name=f"{row.event} {row.action}".strip(),
        facts=" · ".join(filter(None, (row.repository, row.delivery_id, tries))),
        state=row.state.value,
        error=row.error,
        received_at=iso(row.received_at),
        done_at=iso(row.processed_at),
        was_done=row.processed_at is not None,
        is_empty=row.is_empty,
    )


def seen(found: Around) -> list[SeenItem]:
    """The events, the newest first."""
    return [SeenItem(one.event, iso(one.at)) for one in found.seen]


def refused(found: Around) -> str:
    """How many were refused, in a sentence; empty for none."""
    if found.refused is None:
        return "Redis cannot be asked how many were refused."
    if not found.refused:
        return ""
    words = "delivery was" if found.refused == 1 else "deliveries were"
    return (
        f"{found.refused:,} {words} refused in the last 7 days, because the signature did not fit: compare the "
        "webhook's secret on GitHub with GITHUB_WEBHOOK_SECRET. Such are counted alone, and not kept."
    )
