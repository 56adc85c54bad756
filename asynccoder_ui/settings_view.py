"""What the settings page remembers and changes. Secrets pass through events and are kept in no variable, but for a new
API token, which is there until it was copied."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import reflex as rx
from reflex_base.event import EventSpec
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import given, people
from asynccoder_ui import settings_items as shown
from asynccoder_ui.gate import leave, signed_in
from asynccoder_ui.session import Session
from asynccoder_ui.views import Option
from backend.errors import InvalidInput, Refusal
from backend.models import User
from backend.services import account, api_tokens, catalog, preferences, provider_keys, sessions
from backend.services.api_tokens import Scope
from backend.services.news import NewsKind
from backend.services.preferences import Channel
from backend.settings import get_settings
from backend.words import Effort, Priority, TaskType, Visibility

SAVED = "Saved"


def _optional(read: Callable[[str], Any], value: str) -> Any:
    return read(value) if value else None


# A default by its name: what reads the select's value.
_DEFAULTS: dict[str, Callable[[str], Any]] = {
    "model_id": partial(_optional, given.identity),
    "task_type": partial(given.one_of, TaskType),
    "priority": partial(given.one_of, Priority),
    "effort": partial(_optional, partial(given.one_of, Effort)),
    "visibility": partial(given.one_of, Visibility),
}


class SettingsPage(Session):
    """What all sections share: what became of the last change."""

    said: shown.Said = shown.Said()
    profile: shown.Profile = shown.Profile()

    @rx.event
    @signed_in
    async def hush(self) -> None:
        """A dialog opens: what was said before is over."""
        self.said = shown.Said()

    async def _change(self, section: str, order: Callable[[DatabaseSession, User], Any], done: str = SAVED) -> Any:
        """Asks a service for a change and says in its section what came of it; None where it was refused."""
        try:
            answer = await self._ask(order)
        except Refusal as error:
            self.said = shown.Said(section, str(error), is_bad=True)
            return None
        self.said = shown.Said(section, done)
        return True if answer is None else answer


class Preferred(SettingsPage):
    """Profile, defaults, notifications."""

    defaults: shown.Defaults = shown.Defaults()
    models: list[Option] = []
    told: list[shown.ToldItem] = []
    is_read: bool = False

    @rx.event
    @signed_in
    async def load(self) -> None:
        """Reads everything of these sections."""
        settings = get_settings()
        self.profile, chosen, models = await self._ask(
            lambda session, user: (
                shown.profile(user, settings),
                preferences.of(user),
                catalog.choices(session, user),
            )
        )
        self.said = shown.Said()
        self._show(chosen)
        self.models = shown.model_options(models, self.defaults.model_id)
        self.is_read = True

    @rx.event
    @signed_in
    async def choose(self, name: str, value: str) -> None:
        """Changes one default."""
        if name not in _DEFAULTS:
            raise InvalidInput("There is no such default.")
        chosen = {name: _DEFAULTS[name](value)}
        kept = await self._change("defaults", lambda session, user: preferences.change(session, user, **chosen))
        if kept:
            self._show(kept)

    @rx.event
    @signed_in
    async def tell(self, kind: str, channel: str, is_wanted: bool) -> None:
        """Says whether an event is told there."""
        event, where = given.one_of(NewsKind, kind), given.one_of(Channel, channel)
        kept = await self._change(
            "notifications",
            lambda session, user: preferences.tell(session, user, event, where, is_wanted=is_wanted),
        )
        if kept:
            self._show(kept)

    def _show(self, chosen: preferences.Preferences) -> None:
        self.defaults, self.told = shown.defaults(chosen), shown.told_items(chosen.notify)


class Access(SettingsPage):
    """Signed-in browsers, API tokens, provider keys, GitHub, the account's end."""

    sessions: list[shown.SessionItem] = []
    tokens: list[shown.TokenItem] = []
    keys: list[shown.KeyItem] = []
    is_listed: bool = False
    new_token: str = ""
    new_token_name: str = ""
    made: int = 0
    kept: int = 0
    testing: str = ""  # the provider that is being asked
    _new_token_id: UUID | None = None

    @rx.event
    @signed_in
    async def load(self) -> None:
        """Reads everything of these sections. A token that was not copied yet stays: this may be a new connection."""
        self._show(await self._ask(_listed(self._token())))

    @rx.event
    @signed_in
    async def end_session(self, session_id: str) -> None:
        """Signs one of the person's browsers out."""
        end = partial(sessions.end, session_id=given.identity(session_id), address=self._address())
        await self._act("sessions", end, "Signed out there")

    @rx.event
    @signed_in
    async def end_others(self) -> None:
        """Signs every browser out but this one."""
        end = partial(sessions.end_others, token=self._token(), address=self._address())
        count = await self._act("sessions", end)
        if count is not None:
            self.said = shown.Said("sessions", f"{count} signed out" if count else "There was no other")

    @rx.event
    @signed_in
    async def make_token(self, form: dict[str, Any]) -> None:
        """Makes an API token and shows it once. The same form twice is one token: it says how many were made before."""
        if form.get("made") != str(self.made):
            return
        name = str(form.get("name", ""))
        scope, days = given.one_of(Scope, form.get("scope")), _days(form.get("days"))
        make = partial(api_tokens.create, name=name, scope=scope, days=days, address=self._address())
        made = await self._act("tokens", make, "")
        if made:
            row, self.new_token = made
            self.new_token_name, self._new_token_id, self.made = row.name, row.id, self.made + 1

    @rx.event
    @signed_in
    async def hide_token(self) -> None:
        """Takes the new token's text away: it was copied, or its page was left."""
        self.new_token, self.new_token_name, self._new_token_id = "", "", None

    @rx.event
    @signed_in
    async def revoke_token(self, token_id: str) -> None:
        """Ends an API token."""
        wanted = given.identity(token_id)
        revoke = partial(api_tokens.revoke, token_id=wanted, address=self._address())
        done = await self._act("tokens", revoke, "Revoked")
        if done and wanted == self._new_token_id:
            self.new_token, self.new_token_name, self._new_token_id = "", "", None

    @rx.event(background=True)
    @signed_in
    async def keep_key(self, form: dict[str, Any]) -> EventSpec | None:
        """Tests a key with its provider and keeps it if it works."""
        provider, key = str(form.get("provider", "")), str(form.get("key", ""))
        keep = partial(provider_keys.keep, provider=provider, key=key, address=self._address())
        return await self._with_provider(provider, keep, "Kept: the provider took it")

    @rx.event(background=True)
    @signed_in
    async def test_key(self, provider: str) -> EventSpec | None:
        """Tests the kept key again."""
        return await self._with_provider(provider, lambda user_id: provider_keys.test(user_id, provider), "It works")

    @rx.event
    @signed_in
    async def remove_key(self, provider: str) -> None:
        """Forgets a key."""
        remove = partial(provider_keys.remove, provider=provider, address=self._address())
        await self._act("keys", remove, "Removed")

    @rx.event
    @signed_in
    async def disconnect_github(self) -> None:
        """Forgets GitHub's tokens."""
        settings, address = get_settings(), self._address()

        def disconnect(session: DatabaseSession, user: User) -> shown.Profile:
            account.disconnect_github(session, user, address=address)
            return shown.profile(user, settings)

        self.profile = await self._change("github", disconnect, "Disconnected") or self.profile

    @rx.event
    @signed_in
    async def delete_account(self, login: str) -> EventSpec | None:
        """Deletes the account of the person who typed their login, and leaves."""
        delete = partial(account.delete_account, typed_login=login, address=self._address())
        done = await self._change("account", delete)
        if not done:
            return None
        people.forget(self._token())
        return leave()

    async def _with_provider(self, provider: str, work: Callable[[Any], None], done: str) -> EventSpec | None:
        """Lets a provider be asked, off the tab's line, once at a time; says in the section what came of it."""
        async with self:
            if self.testing:
                return None
            token, self.testing, self.said = self._token(), provider, shown.Said()
        said = shown.Said("keys", done)
        try:
            await people.outside(token, work)
        except Refusal as error:
            said = shown.Said("keys", str(error), is_bad=True)
        finally:
            async with self:
                self.testing = ""
        async with self:
            self.said = said
            self.kept += 0 if said.is_bad else 1
            self._show(await self._ask(_listed(token)))
        return None

    async def _act(self, section: str, order: Callable[[DatabaseSession, User], Any], done: str = SAVED) -> Any:
        """As `_change`, and shows in the same transaction's words what is there now."""
        read = _listed(self._token())
        answer = await self._change(section, lambda session, user: (order(session, user), read(session, user)), done)
        if answer is None:
            return None
        self._show(answer[1])
        return True if answer[0] is None else answer[0]

    def _show(self, listed: "_Listed") -> None:
        browsers, tokens, keys = listed
        self.sessions = [shown.session_item(row) for row in browsers]
        self.tokens = [shown.token_item(row) for row in tokens]
        self.keys = shown.key_items(keys, get_settings())
        self.is_listed = True


_Listed = tuple[list[sessions.SessionRow], list[api_tokens.TokenRow], list[provider_keys.KeyRow]]


def _listed(token: str) -> Callable[[DatabaseSession, User], _Listed]:
    """What asks for the browsers, of which `token` is this one, the API tokens and the provider keys."""
    return lambda session, user: (
        sessions.listing(session, user, token),
        api_tokens.listing(session, user),
        provider_keys.listing(session, user),
    )


def _days(value: Any) -> int | None:
    """The days of a choice of the form. Raises InvalidInput."""
    if value == "never":
        return None
    if not isinstance(value, str) or not value.isdecimal() or len(value) > 4:
        raise InvalidInput("A token ends after 30, 90 or 365 days, or never.", field="days")
    return int(value)
