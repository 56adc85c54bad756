"""The deny-by-default gate: every event passes here before its handler.

Every public method of a State is an RPC endpoint for whoever has a socket, so each needs a policy: `@public` or
`@signed_in`, under `@rx.event`. What has none is refused. Whose task or repository it is stays the services' question.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import reflex as rx
from reflex.state import BaseState, StateUpdate
from reflex_base.event import Event, EventHandler, EventSpec
from reflex_base.registry import RegistrationContext

from asynccoder_ui import given, orders, people, routes
from backend import crypto, log
from backend.errors import AsyncCoderError, InvalidInput, SignedOut, Unavailable

Policy = Literal["public", "signed_in", "refused"]
F = TypeVar("F", bound=Callable[..., Any])
_log = log.get(__name__)
_MARK = "__gate_policy__"

# Reflex's own handlers, by module and qualified name.
_FRAMEWORK: dict[tuple[str, str], Policy] = {
    ("reflex.state", "State.hydrate"): "public",
    ("reflex.state", "State.hydrate_and_load"): "public",
    ("reflex.state", "State.set_is_hydrated"): "public",
    ("reflex.state", "OnLoadInternalState.on_load_internal"): "public",
    ("reflex.state", "OnLoadInternalState.set_is_hydrated"): "public",
    # Sets only what is declared as client storage, of which there is none.
    ("reflex.state", "UpdateVarsInternalState.update_vars_internal"): "refused",
    # Writes what a browser says into our log: not for strangers.
    ("reflex.state", "FrontendEventExceptionState.handle_frontend_exception"): "signed_in",
    # Sets any variable of any State by name.
    ("reflex.state", "EventHandlerSetVar.setvar"): "refused",
}


def public(handler: F) -> F:
    """Anyone may call this handler, signed in or not."""
    setattr(handler, _MARK, "public")
    return handler


def signed_in(handler: F) -> F:
    """Only a signed-in person may call this handler."""
    setattr(handler, _MARK, "signed_in")
    return handler


def policy_of(handler: EventHandler) -> Policy | None:
    """The handler's policy; None where nobody gave it one, which is refused."""
    function = handler.fn
    if function.__module__.split(".")[0] in ("reflex", "reflex_base"):
        return _FRAMEWORK.get((function.__module__, function.__qualname__))
    policy: Policy | None = getattr(function, _MARK, None)
    return policy


class TabOwner(rx.State):
    """Whose session the tab's State was filled for. A tab keeps its State over sign-out and sign-in as someone else."""

    _session: str | None = None


class Trouble(rx.State):
    """A part of ours is down: said above the page, whichever it is, until an event gets through again."""

    sentence: str = ""

    @rx.event
    @public
    async def tell(self) -> None:
        """Shows it."""
        self.sentence = "The database cannot be reached just now."


class Gate(rx.Middleware):
    """Runs before each event, under the tab's lock."""

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:
        """None lets the event through; an update stops it."""
        token = people.token_in(state.router.headers.cookie)
        await _keep_apart(state, token)
        registered = RegistrationContext.get().event_handlers.get(event.name)
        policy = policy_of(registered.handler) if registered else None
        if policy == "public":
            return None
        if policy != "signed_in":
            _log.warning("an event without leave was refused", event_name=event.name)
            return StateUpdate()
        try:
            await people.person_of(token)
            if registered:
                given.require_fitting(registered.handler, event.payload)
        except SignedOut:
            return _update(leave(come_back=True))
        except InvalidInput as error:
            _log.info("an event was refused for its arguments", event_name=event.name, field=error.field)
            return _update(orders.refuse(error))
        except Unavailable:
            return _update(Trouble.tell())
        except AsyncCoderError as error:
            return _update(orders.refuse(error))
        trouble = await state.get_state(Trouble)
        if trouble.sentence:
            trouble.sentence = ""
        return None


def leave(*, come_back: bool = False) -> EventSpec:
    """A full navigation to the landing page: the socket's cookie is frozen, so a new page must open a new one.

    With `come_back`, signing in there leads back to this page.
    """
    if come_back:
        return rx.call_script(
            "window.location.assign('/?next=' + encodeURIComponent(window.location.pathname + window.location.search))"
        )
    return rx.call_script(f"window.location.assign({routes.LANDING!r})")


async def _keep_apart(state: BaseState, token: str) -> None:
    """Empties the tab's State when another session stands behind it than the one it was filled for."""
    owner = await state.get_state(TabOwner)
    session = crypto.digest(token) if token else ""
    if owner._session == session:
        return
    if owner._session is not None:
        state._get_root_state().reset()
    owner._session = session


def _update(event: EventSpec) -> StateUpdate:
    return StateUpdate(events=Event.from_event_type(event))
