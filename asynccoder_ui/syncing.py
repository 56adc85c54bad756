"""Lists that GitHub can be asked about: long work that tells how far it is, to every tab, and outlives its page."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from time import monotonic
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
from backend.services import progress, repository_syncs
from backend.services.progress import Progress
from backend.services.repository_syncs import Standing

_PATIENCE_SECONDS = 60
_LOOK_SECONDS = 0.4
R = TypeVar("R")
B = TypeVar("B")
T = TypeVar("T")
C = TypeVar("C", bound=Chosen)


@dataclass(frozen=True)
class Work:
    """Long work as a page shows it; `error` is why the last one failed, `wait` why it goes on at `until` only."""

    is_running: bool = False
    words: str = ""
    percent: int = 0
    error: str = ""
    needs_reconnect: bool = False
    wait: str = ""
    until: str = ""


@dataclass(frozen=True)
class Sync:
    """What is done for a person: `known` says how far it is; `run` does it as whoever has the token.

    What that returns is told, unless it is empty.
    """

    verb: str
    known: Callable[[UUID], Work]
    run: Callable[[str], Awaitable[str]]


@dataclass(frozen=True)
class _Synced(Generic[C, R, B]):
    found: Listed[C, R, B]
    user_id: UUID
    is_connected: bool  # whether GitHub still takes their token
    work: Work = Work()


class Syncing(Listing, mixin=True):
    """A list with a sync; a State `(Syncing, Session)` says in `_sync` which."""

    sync_work: Work = Work()
    _sync: ClassVar[Sync]

    @rx.event(background=True)
    @signed_in
    async def sync(self) -> Any:
        """Asks GitHub; how far it is comes with the rings, to every tab. It outlives this page."""
        async with self:
            if self.sync_work.is_running:
                return None
            token, sync = self._token(), self._sync
            self.sync_work = Work(True, f"{sync.verb}…")
        try:
            words = await sync.run(token)
            told = rx.toast.success(words) if words else None
        except Refusal as error:
            told = orders.refuse(f"GitHub was not asked to the end. {error}")
        async with self:
            await self._read()
        return told


def synced(
    route: str,
    sync: Sync,
    filters: type[C],
    read: Callable[[DatabaseSession, User, C, bool], Listed[C, R, B]],
    show: Callable[[Any, Listed[C, R, B]], None],
) -> Reads[Any, Listed[C, R, _Synced[C, R, B]]]:
    """What a list with a sync reads: as `listed`, and how far the sync is."""

    def ask(session: DatabaseSession, user: User, chosen: C, is_first: bool) -> Listed[C, R, _Synced[C, R, B]]:
        found = read(session, user, chosen, is_first)
        return Listed(chosen, found.page, _Synced(found, user.id, user.is_github_connected))

    def add_progress(asked: Listed[C, R, _Synced[C, R, B]]) -> Listed[C, R, _Synced[C, R, B]]:
        return replace(asked, beside=replace(asked.beside, work=sync.known(asked.beside.user_id)))

    def keep(state: Any, asked: Listed[C, R, _Synced[C, R, B]]) -> None:
        beside = asked.beside
        state.sync_work = connected(beside.work, is_connected=beside.is_connected)
        show(state, beside.found)

    def topics(person: UUID) -> tuple[str, ...]:
        return *own(person), progress.topic(person)

    return listed(route, filters, ask, keep, topics=topics, then=add_progress)


async def ended(token: str) -> Standing:
    """How this person's sync ended, or how it stands after a minute, or once it has to wait.

    It is looked at, not listened for: then it is seen with Redis away too. Raises SignedOut.
    """
    deadline = monotonic() + _PATIENCE_SECONDS
    while True:
        standing = await people.ask_together(token, people.Question(_standing))
        if not standing.is_open or standing.trouble or monotonic() > deadline:
            return standing
        await asyncio.sleep(_LOOK_SECONDS)


def _standing(session: DatabaseSession, user: User) -> Standing:
    return repository_syncs.standing(session, user.id)


def connected(known: Work, *, is_connected: bool) -> Work:
    """The work as it is told to whom GitHub still knows, or not. A failure that a new connection has mended is gone."""
    if known.is_running:
        return known
    if not is_connected:
        return Work(error="GitHub is no longer connected. Connect it again to go on.", needs_reconnect=True)
    return Work() if known.needs_reconnect else known


def work(progress: Progress | None, verb: str) -> Work:
    """How far some work is: "Asking about 12 of 30"."""
    if progress is None or progress.state == "done":
        return Work()
    if progress.state == "running":
        words = f"{verb} {progress.done:,} of {progress.total:,}" if progress.total else f"{verb}…"
        return Work(True, words, round(100 * progress.done / progress.total) if progress.total else 0)
    return Work(error=progress.sentence, needs_reconnect=progress.needs_reconnect)
