"""The "…" menu of a task, wherever the task is listed: what it offers, and what it does."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any
from uuid import UUID

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import given, routes
from asynccoder_ui.gate import signed_in
from asynccoder_ui.session import Session
from asynccoder_ui.views import Action
from backend.models import User
from backend.services import tasks
from backend.words import Visibility


class Do(StrEnum):
    """The actions of the menu that need no words."""

    RETRY = "retry"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"
    SHARE = "share"
    UNSHARE = "unshare"
    DELETE = "delete"


_STEPS: dict[Do, tuple[Callable[[DatabaseSession, User, UUID], object], str]] = {
    Do.RETRY: (tasks.retry, "It is in the queue again."),
    Do.ARCHIVE: (tasks.archive, "Archived. It stays under Tasks, Archived."),
    Do.UNARCHIVE: (tasks.unarchive, "It is back in the list."),
    Do.SHARE: (
        lambda session, user, task: tasks.set_visibility(session, user, task, Visibility.REPOSITORY),
        "Whoever has access to the repository can read it now.",
    ),
    Do.UNSHARE: (
        lambda session, user, task: tasks.set_visibility(session, user, task, Visibility.PRIVATE),
        "Only you can read it now.",
    ),
    Do.DELETE: (tasks.delete, "The task is deleted."),
}
RENAME = "rename"
# What the browser fetches by itself, by the kind of file.
_EXPORTS = {"export_html": "html", "export_jsonl": "jsonl"}
_RENAME = Action(RENAME, "Rename", title="Rename the task", field="Title")
_RETRY = Action(
    Do.RETRY,
    "Retry",
    title="Try this task again?",
    ask="A new run starts with the same prompt and model. It holds its estimate in credits, like any run.",
)
_ARCHIVE = Action(Do.ARCHIVE, "Archive")
_UNARCHIVE = Action(Do.UNARCHIVE, "Bring back from the archive")
_SHARE = Action(
    Do.SHARE,
    "Share with the repository",
    title="Share this task?",
    ask="Everyone with access to the repository can then read its prompt, log, changes and cost. "
    "Only you can steer it.",
)
_UNSHARE = Action(Do.UNSHARE, "Make private", detail="Now readable by whoever has access to the repository")
_EXPORT = [
    Action("export_html", "Export as a page", detail="One HTML file that opens anywhere, without secrets"),
    Action("export_jsonl", "Export the log", detail="JSON lines, for asynccoder replay"),
]
_DELETE = Action(
    Do.DELETE,
    "Delete",
    tone="bad",
    title="Delete this task?",
    ask="Its log, its changes and its messages are gone for good, for everyone. "
    "A pull request it opened stays on GitHub, and what it cost stays in the ledger.",
)
# By what `kind_of` says of a task. What would be refused is not offered.
ROW_ACTIONS = {
    "alive": [_RENAME],
    "without result": [_RENAME, _RETRY, _ARCHIVE, _DELETE],
    "ended": [_RENAME, _ARCHIVE, _DELETE],
    "archived": [_RENAME, _UNARCHIVE, _DELETE],
}


def kind_of(row: tasks.TaskRow) -> str:
    """Which actions its row offers; empty for whoever may only read it."""
    if not row.is_mine:
        return ""
    if row.is_alive:
        return "alive"
    if row.is_archived:
        return "archived"
    return "without result" if row.can_retry else "ended"


def page_actions(row: tasks.TaskRow) -> list[Action]:
    """The menu of the task's own page, where retrying has a dialog of its own; whoever reads it may export it."""
    listed = ROW_ACTIONS.get(kind_of(row))
    if listed is None:
        return _EXPORT
    sharing = _UNSHARE if row.is_shared else _SHARE
    others = [one for one in listed if one.value not in (RENAME, Do.RETRY, Do.DELETE)]
    return [_RENAME, sharing, *others, *_EXPORT, *(one for one in listed if one.value == Do.DELETE)]


class TaskMenu(Session):
    """Does what was picked. What changed comes back to the lists and the page with their rings."""

    @rx.event
    @signed_in
    async def act(self, task_id: str, action: str) -> Any:
        """Does one of the actions; the page of a task that was deleted is left."""
        task = given.identity(task_id)
        if action in _EXPORTS:
            return rx.download(url=routes.export_file(str(task), _EXPORTS[action]))
        do = given.one_of(Do, action)
        step, done = _STEPS[do]
        await self._ask(lambda session, user: step(session, user, task))
        told = rx.toast.success(done)
        if do is Do.DELETE and routes.task_in(self.router.url.path) == task:
            return [rx.redirect(routes.TASKS), told]
        return told

    @rx.event
    @signed_in
    async def fill(self, task_id: str, action: str, text: str) -> None:
        """Does what needs words: renaming."""
        task = given.identity(task_id)
        if action == RENAME:
            await self._ask(lambda session, user: tasks.rename(session, user, task, text))
