"""Who a browser belongs to: the cookie of a handshake, looked up in the sessions, kept for at most 15 seconds."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from time import monotonic
from typing import Generic, TypeVar
from uuid import UUID

from sqlmodel import Session
from starlette.requests import cookie_parser

from asynccoder_ui import bridge
from backend import crypto
from backend.errors import Refusal, SignedOut
from backend.models import User
from backend.services import auth
from backend.settings import get_settings

T = TypeVar("T")
# A revoked session may still pass the gate for this long; what it asks of a service is refused at once all the same.
REMEMBERED_SECONDS = 15.0
_MOST = 4096


@dataclass(frozen=True)
class Person:
    """The signed-in person, as far as every page needs to know them."""

    id: UUID
    login: str
    name: str
    avatar_url: str
    is_admin: bool


@dataclass(frozen=True)
class Question(Generic[T]):
    """`read(session, user, *wanted)` in one transaction, and `then` with its answer after it.

    Two that are equal may get the same answer: `read` is no closure, and nobody changes an answer.
    """

    read: Callable[..., T]
    wanted: tuple[Hashable, ...] = ()
    then: Callable[[T], T] | None = None

    def __call__(self, session: Session, user: User) -> T:
        """Asks it as this person."""
        return self.read(session, user, *self.wanted)


_remembered: dict[str, tuple[Person, float]] = {}


def token_in(cookies: str) -> str:
    """The session token in a Cookie header; empty without one."""
    # As the API's own requests read it: SimpleCookie stops at the first cookie of another local app that it dislikes.
    return cookie_parser(cookies).get(get_settings().session_cookie, "")


async def person_of(token: str) -> Person:
    """Whose token this is, asked of the database at most every 15 seconds. Raises SignedOut."""
    if not token:
        raise SignedOut("You are signed out.")
    key = crypto.digest(token)
    known = _remembered.get(key)
    if known and known[1] > monotonic():
        return known[0]
    _remembered.pop(key, None)
    person = await ask_together(token, Question(_myself))
    if len(_remembered) >= _MOST:
        _remembered.clear()
    _remembered[key] = (person, monotonic() + REMEMBERED_SECONDS)
    return person


async def ask(token: str, question: Callable[[Session, User], T]) -> T:
    """Asks a service as this token's person: `question(session, user)`, the look-up and the answer in one transaction.

    Raises SignedOut, and whatever the service refuses with.
    """
    if not token:
        raise SignedOut("You are signed out.")
    return await bridge.call(lambda session: question(session, auth.user_of_session(session, token)))


async def ask_together(token: str, question: Question[T]) -> T:
    """As `ask`; what many tabs of one session ask at the same time is read once. No answer is older than its question.

    Raises SignedOut, and whatever the service refuses with.
    """
    if not token:
        raise SignedOut("You are signed out.")

    def read(session: Session) -> T:
        return question(session, auth.user_of_session(session, token))

    return await bridge.call_together((token, question), read, question.then)


async def answer(token: str, question: Question[T]) -> T | Refusal:
    """As `ask_together`, but a refusal is an answer as well. Raises SignedOut."""
    try:
        return await ask_together(token, question)
    except Refusal as error:
        return error


async def outside(token: str, work: Callable[[UUID], T]) -> T:
    """Runs `work(person)`, which asks GitHub or a provider, as `bridge.outside` does. Raises SignedOut, and whatever
    the service refuses with."""
    person = await person_of(token)
    return await bridge.outside(lambda: work(person.id))


async def looked_up(token: str, work: Callable[[UUID], T]) -> tuple[T | None, str]:
    """As `outside`, but where the service refuses, nothing and its words. Raises SignedOut."""
    try:
        return await outside(token, work), ""
    except Refusal as error:
        return None, str(error)


def forget(token: str) -> None:
    """Drops what is remembered of a token: its session has ended."""
    _remembered.pop(crypto.digest(token), None)


def _myself(session: Session, user: User) -> Person:
    return seen(user)


def seen(user: User) -> Person:
    """Of a user what every page needs."""
    return Person(user.id, user.username, user.name, user.avatar_url or "", user.is_admin)
