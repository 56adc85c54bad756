"""What a person prefers: what the composer begins with, and what they want to be told where.

`users.preferences` is a document that outlives releases: what is not known or does not fit is dropped when it is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from sqlmodel import Session

from backend import clock
from backend.db import lock
from backend.models import User
from backend.services import catalog
from backend.services.news import NewsKind
from backend.words import Effort, Priority, TaskType, Visibility

E = TypeVar("E", bound=StrEnum)


class Channel(StrEnum):
    """Where a person is told of what happened to a task."""

    APP = "app"
    BROWSER = "browser"


@dataclass(frozen=True)
class Notify:
    """The events told in the dashboard, and those told by the browser as well."""

    app: frozenset[NewsKind] = frozenset(NewsKind)
    browser: frozenset[NewsKind] = frozenset(NewsKind)

    def wants(self, event: NewsKind, channel: Channel) -> bool:
        """Whether this event is told there."""
        return event in self.at(channel)

    def at(self, channel: Channel) -> frozenset[NewsKind]:
        """The events told there."""
        return self.app if channel is Channel.APP else self.browser


@dataclass(frozen=True)
class Preferences:
    """A person's choices. `model_id` None: the first model that can be used; `effort` None: the model's own."""

    model_id: UUID | None = None
    task_type: TaskType = TaskType.DEBUG
    priority: Priority = Priority.MEDIUM
    effort: Effort | None = None
    visibility: Visibility = Visibility.PRIVATE
    notify: Notify = field(default_factory=Notify)
    has_hidden_steps: bool = False  # the first steps on the home page


def of(user: User) -> Preferences:
    """The person's preferences; whatever cannot be read is the default."""
    kept = user.preferences or {}
    usual = Preferences()
    told = kept.get("notify")
    return Preferences(
        model_id=_identity(kept.get("model_id")),
        task_type=_word(TaskType, kept.get("task_type"), usual.task_type),
        priority=_word(Priority, kept.get("priority"), usual.priority),
        effort=_word(Effort, kept.get("effort"), usual.effort),
        visibility=_word(Visibility, kept.get("visibility"), usual.visibility),
        notify=_notify(told) if isinstance(told, Mapping) else usual.notify,
        has_hidden_steps=kept.get("has_hidden_steps") is True,
    )


def change(session: Session, user: User, **chosen: Any) -> Preferences:
    """Changes some of them, by the names of `Preferences`, and returns them all; the others stay.

    Raises InvalidInput for a model that this person cannot give a task to.
    """
    if chosen.get("model_id") is not None:
        catalog.usable(session, chosen["model_id"], user)
    row = lock(session, User, user.id)
    return _keep(session, row, replace(of(row), **chosen))


def tell(session: Session, user: User, event: NewsKind, channel: Channel, *, is_wanted: bool) -> Preferences:
    """Says whether an event is told there; twice is once."""
    row = lock(session, User, user.id)
    now = of(row)
    events = now.notify.at(channel) | {event} if is_wanted else now.notify.at(channel) - {event}
    return _keep(session, row, replace(now, notify=replace(now.notify, **{channel.value: events})))


def _keep(session: Session, user: User, chosen: Preferences) -> Preferences:
    user.preferences = {
        "model_id": str(chosen.model_id) if chosen.model_id else None,
        "task_type": chosen.task_type.value,
        "priority": chosen.priority.value,
        "effort": chosen.effort.value if chosen.effort else None,
        "visibility": chosen.visibility.value,
        "has_hidden_steps": chosen.has_hidden_steps,
        "notify": {channel.value: sorted(chosen.notify.at(channel)) for channel in Channel},
    }
    user.updated_at = clock.now()
    session.add(user)
    session.flush()
    return chosen


def _notify(told: Mapping[str, Any]) -> Notify:
    usual = Notify()
    return Notify(**{channel.value: _events(told.get(channel.value), usual.at(channel)) for channel in Channel})


def _events(listed: Any, usual: frozenset[NewsKind]) -> frozenset[NewsKind]:
    if not isinstance(listed, list):
        return usual
    return frozenset(event for event in NewsKind if event.value in listed)


def _identity(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _word(words: type[E], value: Any, usual: Any) -> Any:
    return words(value) if isinstance(value, str) and value in set(words) else usual
