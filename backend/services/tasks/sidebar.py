"""The task list beside every page: what needs attention, what runs, what is recent by day."""

from collections.abc import Sequence
from datetime import date, timedelta

from sqlmodel import Session, col, select

from backend import clock, jsonb
from backend.models import Task, User
from backend.services import access
from backend.services.tasks import query as tasks_query
from backend.services.tasks.rows import Group, Sidebar, TaskRow
from backend.words import Status

_NAMES = ("Needs attention", "Running", "Today", "Yesterday", "This week", "Older")


def sidebar(session: Session, user: User, query: str = "", limit: int = 30, *, everyone: bool = False) -> Sidebar:
    """The person's tasks that are not archived, newest first, grouped; `query` searches title and prompt.

    With `everyone`, also those of others that are shared with them.
    """
    listed = (access.visible(user), col(Task.archived_at).is_(None))
    is_others = col(Task.user_id) != user.id
    statement = select(Task.id).where(*listed)
    if not everyone:
        statement = statement.where(~is_others)
    if jsonb.searched(query):
        statement = statement.where(tasks_query.matching(query))
    found = session.exec(statement.order_by(col(Task.updated_at).desc(), col(Task.id)).limit(limit + 1)).all()
    rows = tasks_query.rows(session, user, found[:limit])
    has_others = session.exec(select(Task.id).where(*listed, is_others).limit(1)).first() is not None
    return Sidebar(_grouped(rows), has_more=len(found) > limit, has_others=has_others)


def _grouped(rows: Sequence[TaskRow]) -> list[Group]:
    today = clock.now().date()
    groups: dict[str, list[TaskRow]] = {name: [] for name in _NAMES}
    for row in rows:
        groups[_name(row, today)].append(row)
    return [Group(name, found) for name, found in groups.items() if found]


def _name(row: TaskRow, today: date) -> str:
    if row.waits_for_person:
        return "Needs attention"
    if row.is_alive:
        return "Running"
    if row.status == Status.FAILED and row.updated_at.date() == today:
        return "Needs attention"
    age = today - row.updated_at.date()
    if age <= timedelta(0):
        return "Today"
    if age == timedelta(1):
        return "Yesterday"
    return "This week" if age < timedelta(7) else "Older"
