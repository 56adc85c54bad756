"""What every list page remembers: which page of it is shown, what may follow, and why it cannot be shown just now."""

import contextlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import live, people
from asynccoder_ui.gate import leave, signed_in
from asynccoder_ui.session import Session
from backend.errors import AsyncCoderError, SignedOut
from backend.models import User
from backend.services.paging import Key, Page

Question = Callable[[DatabaseSession, User], Page[Any]]


class Listing(Session, mixin=True):
    """A list paged in SQL. A State `(Listing, Session)` says what is asked, shows the rows and names its topics."""

    is_listed: bool = False
    error: str = ""
    span: str = ""  # "101–200 of 1,234"
    is_empty: bool = False
    has_next: bool = False
    has_previous: bool = False
    _size: int = 100
    _starts: list[Key] = []  # after which rows the pages before this one, and this one, begin
    _after: Key | None = None
    _visits: int = 0
    _asked: int = 0

    @rx.event
    @signed_in
    async def next_page(self) -> None:
        """Shows what follows."""
        if self._after is not None:
            self._starts = [*self._starts, self._after]
            await self._read()

    @rx.event
    @signed_in
    async def previous_page(self) -> None:
        """Shows what came before."""
        self._starts = self._starts[:-1]
        await self._read()

    @rx.event
    @signed_in
    async def retry(self) -> None:
        """Asks again."""
        await self._read()

    @rx.event(background=True)
    @signed_in
    async def follow(self) -> Any:
        """Lists from the start, and the same page again whenever something of this person's rings."""
        async with self:
            token = self._token()
            self._visits += 1
            visit = self._visits
            self._arrive()
            self._starts, self.is_listed, self.error = [], False, ""
        try:
            person = await people.person_of(token)
            async with contextlib.aclosing(live.changes(*self._topics(person.id))) as rings:
                async for _ in rings:
                    if not await self._reread(token, visit):
                        return None  # a newer visit follows by itself
        except SignedOut:
            return leave()
        except AsyncCoderError as error:
            async with self:
                self.error = str(error)
        return None

    def _arrive(self) -> None:
        """Forgets the filters of the visit before."""

    def _topics(self, person: UUID) -> tuple[str, ...]:
        """What is followed."""
        raise NotImplementedError

    def _question(self, after: Key | None) -> Question:
        """What is asked for the page that begins after `after`; it must not read the State when it is called."""
        raise NotImplementedError

    def _show(self, page: Page[Any]) -> None:
        """Keeps the rows as they are drawn."""
        raise NotImplementedError

    async def _restart(self) -> None:
        """Shows the first page of what the filters now say."""
        self._starts = []
        await self._read()

    async def _read(self) -> None:
        self._take(await _answer(self._token(), self._next_question()))

    async def _reread(self, token: str, visit: int) -> bool:
        """Asks without holding the tab; what was asked for since then wins. False once a newer visit has begun."""
        async with self:
            question, asked = self._next_question(), self._asked
        answer = await _answer(token, question)
        async with self:
            if self._visits != visit:
                return False
            if self._asked == asked:
                self._take(answer)
        return True

    def _next_question(self) -> Question:
        self._asked += 1
        return self._question(self._starts[-1] if self._starts else None)

    def _take(self, answer: "Page[Any] | AsyncCoderError") -> None:
        if isinstance(answer, AsyncCoderError):
            self.error = str(answer)
            return
        before = self._size * len(self._starts)
        self.error, self.is_listed, self.is_empty = "", True, not answer.rows
        self._after = answer.after
        self.has_next, self.has_previous = answer.after is not None, bool(self._starts)
        self.span = f"{before + 1:,}–{before + len(answer.rows):,} of {answer.total:,}" if answer.rows else ""
        self._show(answer)


async def _answer(token: str, question: Question) -> Page[Any] | AsyncCoderError:
    """A page, or why there is none just now. Raises SignedOut."""
    try:
        return await people.ask(token, question)
    except SignedOut:
        raise
    except AsyncCoderError as error:
        return error
