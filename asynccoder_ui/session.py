"""The State every page stands on: who is signed in, and how to ask a service as them."""

from collections.abc import Callable
from typing import Any, TypeVar

import reflex as rx
from reflex_base.event import EventSpec
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import orders, people, routes
from asynccoder_ui.gate import Trouble, leave, public
from backend import log, rate_limit
from backend.errors import AsyncCoderError, SignedOut, Unavailable
from backend.models import User
from backend.settings import get_settings

T = TypeVar("T")
_log = log.get(__name__)


class Session(rx.State):
    """The person at this browser. The cookie is read at the socket's handshake: signing in or out loads a new page."""

    login: str = ""
    name: str = ""
    avatar_url: str = ""
    is_admin: bool = False
    is_demo: bool = False
    sign_in_url: str = routes.sign_in(routes.HOME)

    def __setattr__(self, name: str, value: Any) -> None:
        """Sets a var. Reflex sends every var that was set: one that is equal to what the browser has is left alone."""
        if name in self.__fields__:
            held = self.get_value(name)
            may_have_changed = held is value and isinstance(value, list | dict | set)  # in place
            if type(held) is type(value) and held == value and not may_have_changed:
                return
        super().__setattr__(name, value)

    @rx.event
    @public
    async def greet(self) -> None:
        """Fills in who is here, for pages that strangers see as well."""
        self.is_demo = get_settings().is_demo
        wanted = self.router.url.query_parameters.get("next", routes.HOME)
        self.sign_in_url = routes.sign_in(wanted)
        try:
            person = await people.person_of(self._token())
        except SignedOut:
            self.login = self.name = self.avatar_url = ""  # the tab may have been theirs until a moment ago
            self.is_admin = False
            return
        self._name(person)

    def _name(self, person: people.Person) -> None:
        """Says who is here."""
        self.login, self.name, self.avatar_url = person.login, person.name, person.avatar_url
        self.is_admin = person.is_admin

    def _token(self) -> str:
        return people.token_in(self.router.headers.cookie)

    def _address(self) -> str:
        """From where this browser comes, as the audit log and limits have it."""
        headers = self.router.headers.raw_headers
        return rate_limit.address(headers.get("asgi-scope-client"), headers.get("x-forwarded-for"))

    async def _ask(self, question: Callable[[DatabaseSession, User], T]) -> T:
        """Asks a service as this person, in one transaction. Raises SignedOut and the service's own refusals."""
        return await people.ask(self._token(), question)


def on_error(exception: Exception) -> EventSpec:
    """The answer to an error that a handler did not treat: our own say their sentence, others are logged."""
    if isinstance(exception, SignedOut):
        return leave()
    if isinstance(exception, Unavailable):
        return Trouble.tell()
    if isinstance(exception, AsyncCoderError):
        return orders.refuse(exception)
    _log.error("an event handler failed", exc_info=exception)
    return rx.toast.error("Something went wrong on our side. Try again.")
