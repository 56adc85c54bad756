"""The database: one engine a process, one `transaction()`, the only commit in the program.

Rows are locked FOR NO KEY UPDATE (`lock`, `for_update`): a foreign key's own share lock, which every insert that names
a person or a task takes, would turn a full FOR UPDATE into a deadlock.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from time import monotonic, sleep
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Engine, Executable, Row, Select, create_engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import configure_mappers
from sqlmodel import Session

from backend import log
from backend.errors import NotFound, StatementRefused, Unavailable
from backend.settings import get_settings

_log = log.get(__name__)
_EFFECTS = "after_commit"
APPLICATION = "asynccoder"  # as the database knows our connections
_LAST = "before_commit"
POOL_SIZE, OVERFLOW = 10, 5
TRIES_WHILE_UP = 5  # of one piece of work, with the database answering a small question after each
T = TypeVar("T")
Rows = TypeVar("Rows", bound=Select[Any])


_kept = POOL_SIZE


def keep(connections: int) -> None:
    """So many connections at most stay open in this process between two transactions; said before the first."""
    global _kept
    _kept = connections


@lru_cache(maxsize=1)
def engine() -> Engine:
    """This process's engine, made at the first use: nothing is open when a worker forks."""
    return create_engine(
        get_settings().resolved_database_url,
        pool_size=_kept,
        max_overflow=OVERFLOW,
        pool_timeout=10,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 5, "application_name": APPLICATION},
    )


def prepare() -> None:
    """Builds what the first query would: before a fork, so that all that follow share it."""
    configure_mappers()


def dispose() -> None:
    """Forgets the engine and its connections: before a fork, and after the server's address changed."""
    if engine.cache_info().currsize:
        engine().dispose()
        engine.cache_clear()


@contextmanager
def transaction() -> Iterator[Session]:
    """One transaction: does what `before_commit` collected, commits, then runs what `after_commit` collected.

    It rolls back on any error. SQLAlchemy's own hooks also fire for savepoints, so the lists are kept here.
    Raises Unavailable when the database cannot be reached.
    """
    session = Session(engine(), expire_on_commit=False)
    effects: list[Callable[[], None]] = []
    last: list[Callable[[], object]] = []
    session.info[_EFFECTS], session.info[_LAST] = effects, last
    try:
        yield session
        for work in last:
            work()
        session.commit()
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        session.rollback()
        raise Unavailable("The database cannot be reached just now.") from error
    except DBAPIError as error:
        session.rollback()
        if error.connection_invalidated:
            raise Unavailable("The database connection was lost.") from error
        raise
    except BaseException:
        session.rollback()
        raise
    finally:
        session.close()
    for effect in effects:
        effect()


def ask(statement: Executable, values: Mapping[str, Any]) -> Row[Any] | None:
    """The first row of a single question, outside a transaction: for what is asked every second, it costs a third.

    Raises Unavailable when the database cannot be reached.
    """
    try:
        with engine().execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            return connection.execute(statement, values).first()
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise Unavailable("The database cannot be reached just now.") from error


def before_commit(session: Session, work: Callable[[], object]) -> None:
    """Does `work` as the last thing of the transaction, in the order given: what it locks is locked after all else.

    What it raises rolls the transaction back. It is done even where a savepoint around this call was rolled back.
    """
    session.info[_LAST].append(work)


def after_commit(session: Session, effect: Callable[[], None]) -> None:
    """Runs `effect` once the transaction is durable, in the order given; never if it rolls back.

    An effect is a ring and must not raise: what is committed stays true whatever becomes of its ring.
    """
    session.info[_EFFECTS].append(effect)


def lock(session: Session, model: type[T], id: UUID) -> T:
    """The row, read anew under a lock that lasts until the commit. Raises NotFound where there is none."""
    found = session.get(model, id, with_for_update={"key_share": True}, populate_existing=True)
    if found is None:
        raise NotFound("This no longer exists.")
    return found


def for_update(statement: Rows) -> Rows:
    """A select whose rows are taken as `lock` takes one: locked until the commit, and read anew."""
    return statement.with_for_update(key_share=True).execution_options(populate_existing=True)


def patiently(work: Callable[[Session], T], *, seconds: float = 120, pause: float = 0.2) -> T:
    """Runs `work(session)` in a transaction, again while the database is away, for at most `seconds`.

    `pause`, in seconds, is the first one; each is twice the one before, up to five.

    A commit whose answer was lost may have happened: `work` must be such that twice is once. Raises Unavailable, or
    StatementRefused where the database is there each time and it is this work that it ends the connection at.
    """
    deadline = monotonic() + seconds
    refused = 0
    while True:
        try:
            with transaction() as session:
                return work(session)
        except Unavailable as error:
            refused = refused + 1 if _answers() else 0
            if refused == TRIES_WHILE_UP:
                raise StatementRefused("The database ends the connection at what it is asked to do.") from error
            if monotonic() + pause > deadline:
                raise
            _log.warning("the database is away, waiting", seconds=round(pause, 1))
            sleep(pause)
            pause = min(pause * 2, 5)


def _answers() -> bool:
    try:
        with engine().connect() as connection:
            connection.execute(text("SELECT 1"))
    except (DBAPIError, PoolTimeout):
        return False
    return True
