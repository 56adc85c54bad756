"""Lists that GitHub can be asked about: long work that tells how far it is, to every tab, and outlives its page."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import orders, people
from asynccoder_ui.chosen import Chosen
from asynccoder_ui.following import Reads, own
from asynccoder_ui.gate import signed_in
from asynccoder_ui.lists import Listed, Listing, listed
from backend.errors import Refusal
from backend.models import User
from backend.services import progress
from backend.services.progress import Progress

R = TypeVar("R")
B = TypeVar("B")
T = TypeVar("T")
C = TypeVar("C", bound=Chosen)


@dataclass(frozen=True)
class Work:
    """Long work as a page shows it; `error` is why the last one failed."""

    is_running: bool = False
    words: str = ""
    percent: int = 0
    error: str = ""
    needs_reconnect: bool = False


@dataclass(frozen=True)
class Sync(Generic[T]):
    """What is done for a person, under its name in `progress`; `told` says what came of it, `verb` what goes on."""

    name: str
    verb: str
    work: Callable[[UUID], T]
    told: Callable[[T], str]


@dataclass(frozen=True)
class _Synced(Generic[C, R, B]):
    found: Listed[C, R, B]
    user_id: UUID
    is_connected: bool  # whether GitHub still takes their token
    work: Progress | None = None


class Syncing(Listing, mixin=True):
    """A list with a sync; a State `(Syncing, Session)` says in `_sync` which."""

    sync_work: Work = Work()
    _sync: ClassVar[Sync[Any]]

    @rx.event(background=True)
    @signed_in
    async def sync(self) -> Any:
        """Asks GitHub; how far it is comes with the rings, to every tab. It outlives this page."""
        async with self:
            if self.sync_work.is_running:
                return None
            token, sync = self._token(), self._sync
            self.sync_work = work(Progress("running"), sync.verb)
        try:
            told = rx.toast.success(sync.told(await people.outside(token, sync.work)))
        except Refusal as error:
            told = orders.refuse(f"GitHub was not asked to the end. {error}")
        async with self:
            await self._read()
        return told


def synced(
    route: str,
    sync: Sync[Any],
    filters: type[C],
    read: Callable[[DatabaseSession, User, C, bool], Listed[C, R, B]],
    show: Callable[[Any, Listed[C, R, B]], None],
) -> Reads[Any, Listed[C, R, _Synced[C, R, B]]]:
    """What a list with a sync reads: as `listed`, and how far the sync is."""

    def ask(session: DatabaseSession, user: User, chosen: C, is_first: bool) -> Listed[C, R, _Synced[C, R, B]]:
        found = read(session, user, chosen, is_first)
        return Listed(chosen, found.page, _Synced(found, user.id, user.is_github_connected))

    def add_progress(asked: Listed[C, R, _Synced[C, R, B]]) -> Listed[C, R, _Synced[C, R, B]]:
        beside = replace(asked.beside, work=progress.of(asked.beside.user_id, sync.name))
        return replace(asked, beside=beside)

    def keep(state: Any, asked: Listed[C, R, _Synced[C, R, B]]) -> None:
        beside = asked.beside
        state.sync_work = work(beside.work, sync.verb, is_connected=beside.is_connected)
        show(state, beside.found)

    def topics(person: UUID) -> tuple[str, ...]:
        return *own(person), progress.topic(person)

    return listed(route, filters, ask, keep, topics=topics, then=add_progress)


def work(progress: Progress | None, verb: str, *, is_connected: bool = True) -> Work:
    """How far some work is: "Syncing 120 of 1,000". A failure that a new connection has mended is forgotten."""
    if progress is not None and progress.state == "running":
        words = f"{verb} {progress.done:,} of {progress.total:,}" if progress.total else f"{verb}…"
        return Work(True, words, round(100 * progress.done / progress.total) if progress.total else 0)
    if not is_connected:
        return Work(error="GitHub is no longer connected. Connect it again to go on.", needs_reconnect=True)
    if progress is None or progress.state == "done" or progress.needs_reconnect:
        return Work()
    return Work(error=progress.sentence)
