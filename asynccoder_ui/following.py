"""Pages that move by themselves: one loop reads what a page shows, and reads it again with every ring."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

import reflex as rx

from asynccoder_ui import live, people
from asynccoder_ui.gate import leave, signed_in
from asynccoder_ui.people import Question
from asynccoder_ui.session import Session
from backend import events
from backend.errors import AsyncCoderError, SignedOut, Unavailable

P = TypeVar("P")
A = TypeVar("A")
# How long after a part of ours was down it is asked again.
AGAIN_SECONDS = 5.0


def own(person: UUID) -> tuple[str, ...]:
    """What rings for a person: their tasks, their credits."""
    return (events.user_topic(person),)


def _stay(page: Any) -> None:
    """A page that forgets nothing when it is visited."""


@dataclass(frozen=True)
class Reads(Generic[P, A]):
    """What a page reads: `question(page)`, which knows all that it needs of the page; other tabs may share the answer.

    `show(page, answer)` keeps the answer. `arrive(page)` begins a visit: another address, or a new connection. What
    `topics` name for the person rings when it is to be read again.
    """

    question: Callable[[P], Question[A]]
    show: Callable[[P, A], None]
    arrive: Callable[[P], None] = _stay
    topics: Callable[[UUID], tuple[str, ...]] = own


class Following(Session, mixin=True):
    """A State `(Following, Session)` that says in `_reads` what it shows."""

    is_listed: bool = False
    error: str = ""
    _reads: ClassVar[Reads[Any, Any]]
    _visits: int = 0  # only the newest one's loop goes on
    _asked: int = 0  # a click's answer is newer than that of a ring before it

    @rx.event(background=True)
    @signed_in
    async def follow(self) -> Any:
        """Reads once the subscription stands, and again with every ring, until the tab shows something else."""
        async with self:
            token = self._token()
            self._visits += 1
            visit = self._visits, self.router.url.path
            self._reads.arrive(self)
        try:
            person = await self._person(token, visit)
            if person is None:
                return None
            async with contextlib.aclosing(live.changes(*self._reads.topics(person.id))) as rings:
                async for kinds in rings:
                    if live.ASK_WHO & kinds:
                        people.forget(token)
                    if not await self._reread(token, visit):
                        return None
        except SignedOut:
            return leave()

    @rx.event
    @signed_in
    async def again(self) -> None:
        """Reads once more, after an error."""
        await self._read()

    async def _read(self) -> None:
        self._asked += 1
        self._take(await people.answer(self._token(), self._reads.question(self)))

    async def _person(self, token: str, visit: tuple[int, str]) -> people.Person | None:
        """Who this is, asked until the database is there. None once the visit is over. Raises SignedOut."""
        while True:
            try:
                return await people.person_of(token)
            except Unavailable as error:
                async with self:
                    if self._is_over(visit):
                        return None
                    self._take(error)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _reread(self, token: str, visit: tuple[int, str]) -> bool:
        """Asks without holding the tab. False once the visit is over. Raises SignedOut."""
        while True:
            async with self:
                if self._is_over(visit):
                    return False
                question, asked = self._reads.question(self), self._asked
            answer = await people.answer(token, question)
            async with self:
                if self._is_over(visit):
                    return False
                if self._asked == asked:
                    self._take(answer)
            if not isinstance(answer, Unavailable):
                return True
            await asyncio.sleep(AGAIN_SECONDS)

    def _is_over(self, visit: tuple[int, str]) -> bool:
        return (self._visits, self.router.url.path) != visit

    def _take(self, answer: Any) -> None:
        if isinstance(answer, AsyncCoderError):
            self.error = str(answer)
            return
        self.error, self.is_listed = "", True
        self._reads.show(self, answer)
