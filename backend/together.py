"""One answer for all who ask the same at the same time, and never an answer older than its question."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Together:
    """While one question of a key is being answered, all who ask it share the next one's answer or error.

    What was committed before somebody asked is in their answer. All of it on one event loop.
    """

    def __init__(self) -> None:
        self._now: dict[Hashable, asyncio.Future[Any]] = {}
        self._next: dict[Hashable, asyncio.Future[Any]] = {}

    async def ask(self, key: Hashable, question: Callable[[], Awaitable[T]]) -> T:
        """The answer to the question, this one's or that of somebody who asks the same."""
        shared: asyncio.Future[T] | None = self._next.get(key)
        if shared is None or shared.done():  # done already: its loop ended before its turn
            shared = self._next[key] = asyncio.ensure_future(self._answered(key, question))
            shared.add_done_callback(_heard)
        return await asyncio.shield(shared)  # whoever leaves does not take it from the others

    async def _answered(self, key: Hashable, question: Callable[[], Awaitable[T]]) -> T:
        if before := self._now.get(key):
            await asyncio.wait({before})
        self._now[key] = self._next.pop(key)
        try:
            return await question()
        finally:
            del self._now[key]


def _heard(answer: asyncio.Future[Any]) -> None:
    """An error that nobody waits for any more is no one's: asyncio would write it into the log with its trace."""
    if not answer.cancelled():
        answer.exception()
