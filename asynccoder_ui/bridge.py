"""From the event loop into the synchronous services: `call` for one transaction, `outside` for the network.

One blocking call in a handler would freeze every tab. The loop's default executor has six threads on two cores and is
everybody's, so these are our own: one as wide as the connection pool allows, and one for GitHub, so that its slowness
cannot hold up a page that only reads the database.
"""

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import lru_cache
from typing import TypeVar

from sqlmodel import Session

from backend import db
from backend.together import Together

T = TypeVar("T")
# The API's own threads share the pool: two of its connections are left to them.
_DATABASE_THREADS = db.POOL_SIZE - 2
_NETWORK_THREADS = 4


@lru_cache(maxsize=1)
def _database() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_DATABASE_THREADS, thread_name_prefix="ui-db")


@lru_cache(maxsize=1)
def _network() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_NETWORK_THREADS, thread_name_prefix="ui-net")


async def call(question: Callable[[Session], T], then: Callable[[T], T] | None = None) -> T:
    """Runs `question(session)` in one transaction, off the loop, and `then` with its answer after it, as for what Redis
    has to add. What they raise comes back here."""

    def answer() -> T:
        with db.transaction() as session:
            found = question(session)
        return then(found) if then else found

    return await _run(_database(), answer)


_together = Together()


async def call_together(key: Hashable, question: Callable[[Session], T], then: Callable[[T], T] | None = None) -> T:
    """As `call`, but while one transaction of this key goes on, all who ask share the next one's answer or error.

    So no answer is older than its question: what was committed before somebody asked is in it.
    """
    return await _together.ask(key, lambda: call(question, then))


async def outside(work: Callable[[], T]) -> T:
    """Runs a function that talks to GitHub and opens short transactions of its own."""
    return await _run(_network(), work)


async def _run(executor: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    context = copy_context()  # the log's request ids go along
    return await asyncio.get_running_loop().run_in_executor(executor, lambda: context.run(work))
