"""People, for admins: who they are, what they have, and what an admin does about it."""

from typing import Any, ClassVar
from uuid import UUID, uuid4

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import admin_people_view as view
from asynccoder_ui import given, routes, theme
from asynccoder_ui.admin_people_view import Chosen
from asynccoder_ui.admin_tabs import admin_tabs
from asynccoder_ui.components import listing
from asynccoder_ui.components.react import ago, page_title
from asynccoder_ui.gate import signed_in
from asynccoder_ui.lists import Listed, Listing, listed
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from asynccoder_ui.views import Action
from backend.errors import InvalidInput, Refusal
from backend.models import User
from backend.services import credit_requests
from backend.services import people as service
from backend.services.credit_requests import Waiting
from backend.services.people import MOST_REASON, Kind, PersonEntry
from backend.words import Tier

_TIERS = {Tier.FREE: "Free", Tier.PRO: "Pro", Tier.ENTERPRISE: "Enterprise"}
_KINDS = {Kind.ADMIN: "Admins", Kind.DISABLED: "Disabled", Kind.DISCONNECTED: "Not connected to GitHub"}
_SIGN_OUT, _DISABLE, _ENABLE, _TIER = "sign_out", "disable", "enable", "tier "
_ACTIONS = {
    _SIGN_OUT: Action(
        _SIGN_OUT,
        "End all sessions",
        title="Sign this person out everywhere?",
        ask="Every browser of theirs is signed out at once. Runs go on, and they can sign in again.",
    ),
    _DISABLE: Action(
        _DISABLE,
        "Disable",
        tone="bad",
        title="Disable this account?",
        ask="They are signed out, their tokens are refused, and their runs are stopped within seconds and charged for "
        "what they used. What they have stays, and they can be let in again.",
    ),
    _ENABLE: Action(_ENABLE, "Let in again", title="Let this person in again?", ask="They can sign in as before."),
}


def _move(tier: Tier) -> Action:
    return Action(
        f"{_TIER}{tier.value}",
        f"Move to {_TIERS[tier]}",
        title=f"Move this person to {_TIERS[tier]}?",
        ask=f"From now on up to {tier.concurrency} runs of theirs are at work at once.",
    )


def _menu(tier: Tier, *others: str) -> list[Action]:
    return [*(_move(one) for one in Tier if one is not tier), *(_ACTIONS[one] for one in others)]


# By what `admin_people_view.person_item` says of a person. What would be refused is not offered.
_MENUS = {
    f"{tier.value} {kind}": _menu(tier, *others)
    for tier in Tier
    for kind, others in {"self": (_SIGN_OUT,), "other": (_SIGN_OUT, _DISABLE), "disabled": (_ENABLE,)}.items()
}


_Found = Listed[Chosen, PersonEntry, list[Waiting]]


def _read(session: DatabaseSession, user: User, chosen: Chosen, is_first: bool) -> _Found:
    people = service.listing(session, user, chosen.wanted, chosen.number)
    return Listed(chosen, people, credit_requests.waiting(session, user))


def _show(state: "AdminPeople", found: _Found) -> None:
    state.items = [view.person_item(row) for row in found.page.rows]
    state.requests = [view.request_item(row) for row in found.beside]


class AdminPeople(Listing, Session):
    """The list, and what is done with the people on it. It is read again after each deed."""

    items: list[view.PersonItem] = []
    requests: list[view.RequestItem] = []
    gifts: int = 0  # counts those that were taken, so that their dialog closes
    gift_error: str = ""
    _gift_key: str = ""  # stays until it is taken: an answer that was lost is no second gift
    _reads: ClassVar = listed(routes.ADMIN_PEOPLE, Chosen, _read, _show)

    @rx.event
    @signed_in
    async def act(self, person_id: str, action: str) -> Any:
        """Does one of the menu's actions."""
        person = given.identity(person_id)
        address = self._address()
        await self._ask(lambda session, user: _do(session, user, person, action, address))
        await self._read()
        return rx.toast.success("Done.")

    @rx.event
    @signed_in
    async def begin_gift(self) -> None:
        """Another gift, as its dialog opens."""
        self.gift_error, self._gift_key = "", uuid4().hex

    @rx.event
    @signed_in
    async def give(self, form: dict[str, Any]) -> Any:
        """Gives credits; what one dialog sends twice is one gift."""
        key = self._gift_key = self._gift_key or uuid4().hex
        try:
            person, amount = given.identity(form.get("person")), _amount(form.get("credits"))
            reason, keys = str(form.get("reason", "")), {"key": key, "address": self._address()}
            await self._ask(lambda session, user: service.give(session, user, person, amount, reason, **keys))
        except Refusal as refused:
            self.gift_error = str(refused)
            return None
        self.gifts += 1
        await self._read()
        return rx.toast.success(f"{amount:,} credits were given.")

    @rx.event
    @signed_in
    async def grant(self, form: dict[str, Any]) -> Any:
        """Gives somebody credits who asked for them."""
        try:
            request, amount = given.identity(form.get("request")), _amount(form.get("credits"))
            reason, address = str(form.get("reason", "")), self._address()
            await self._ask(
                lambda session, user: credit_requests.grant(session, user, request, amount, reason, address=address)
            )
        except Refusal as refused:
            self.gift_error = str(refused)
            return None
        return await self._answered(f"{amount:,} credits were given.")

    @rx.event
    @signed_in
    async def decline(self, form: dict[str, Any]) -> Any:
        """Says no to somebody who asked for credits."""
        try:
            request, reason, address = given.identity(form.get("request")), str(form.get("reason", "")), self._address()
            await self._ask(
                lambda session, user: credit_requests.decline(session, user, request, reason, address=address)
            )
        except Refusal as refused:
            self.gift_error = str(refused)
            return None
        return await self._answered("They are told why not.")

    async def _answered(self, words: str) -> Any:
        self.gifts += 1
        await self._read()
        return rx.toast.success(words)


def _do(session: DatabaseSession, user: User, person: UUID, action: str, address: str) -> None:
    if action.startswith(_TIER):
        tier = given.one_of(Tier, action.removeprefix(_TIER))
        service.set_tier(session, user, person, tier, address=address)
        return
    deeds = {_SIGN_OUT: service.sign_out, _DISABLE: service.disable, _ENABLE: service.enable}
    if action not in deeds:
        raise InvalidInput("There is no such action.")
    deeds[action](session, user, person, address=address)


def _amount(value: Any) -> int:
    text = str(value).strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 12):
        raise InvalidInput("Give a whole number of credits.", field="credits")
    return int(text)


def admin_people() -> rx.Component:
    """The page."""
    return shell(
        page_title(words="People"),
        theme.part(
            "page",
            theme.row(
                theme.words("title", "People", tag="h1"),
                theme.grow(),
                listing.clear(AdminPeople),
                wrap=True,
            ),
            admin_tabs(routes.ADMIN_PEOPLE),
            rx.cond(AdminPeople.requests.length() > 0, _requests()),
            listing.filters(
                listing.words("Search people"),
                listing.choice("tier", "Tier", [("", "All tiers"), *((one.value, _TIERS[one]) for one in Tier)]),
                listing.choice("kind", "Kind", [("", "Everyone"), *((one.value, _KINDS[one]) for one in Kind)]),
                label="Filter people",
            ),
            listing.found(
                AdminPeople,
                theme.part("list", rx.foreach(AdminPeople.items, _item), tag="ul", aria_label="People"),
                none=theme.empty("users", "Nobody has signed in yet."),
                none_fits=("users", "Nobody fits.", "Search for something else, or widen the filters."),
            ),
        ),
        at=routes.ADMIN_PEOPLE,
    )


def _item(item: rx.Var[view.PersonItem]) -> rx.Component:
    return theme.part(
        "entry",
        theme.avatar(item.avatar_url, item.name),
        theme.grow(
            theme.row(
                theme.words("strong", item.name, trunc=True),
                rx.cond(item.is_admin, theme.pill("admin", tone="run")),
                rx.cond(item.tier != Tier.FREE.value, theme.pill(item.tier, tone="line")),
                rx.cond(item.is_disabled, theme.pill("disabled", tone="bad")),
                rx.cond(item.is_connected, rx.fragment(), theme.pill("not connected", tone="warn")),
                wrap=True,
            ),
            theme.words("tiny", item.facts, tag="p"),
        ),
        theme.part(
            "entry-end",
            theme.words(
                "tiny",
                item.balance,
                rx.cond(item.held != "", rx.fragment(" · ", item.held)),
                num=True,
            ),
            theme.words("tiny", rx.cond(item.at != "", rx.fragment("seen ", ago(at=item.at, in_words=True)))),
            _gift(item),
            theme.menu_button(
                theme.icon("ellipsis", 14),
                options=_options(item.menu),
                label="Actions for " + item.name,
                on_pick=lambda action: AdminPeople.act(item.id, action),
            ),
        ),
        tag="li",
        key=item.id,
    )


def _requests() -> rx.Component:
    return theme.stack(
        theme.words("heading", "Requests for credits", tag="h2"),
        theme.part("list", rx.foreach(AdminPeople.requests, _request), tag="ul", aria_label="Who asks for credits"),
    )


def _request(item: rx.Var[view.RequestItem]) -> rx.Component:
    return theme.part(
        "entry",
        theme.grow(
            theme.words("strong", item.name, tag="p", trunc=True),
            rx.cond(item.words != "", theme.words("soft", item.words, tag="p")),
            theme.words("tiny", item.facts, tag="p"),
        ),
        theme.part(
            "entry-end",
            theme.words("tiny", "asked ", ago(at=item.at, in_words=True)),
            _answer(item, "Give", AdminPeople.grant, _amount_row()),
            _answer(item, "Decline", AdminPeople.decline),
        ),
        tag="li",
        key=item.id,
    )


def _amount_row() -> rx.Component:
    field = theme.field(name="credits", input_mode="numeric", required=True, default_value="100", auto_focus=True)
    return theme.form_row("Credits", field)


def _answer(item: rx.Var[view.RequestItem], word: str, deed: Any, *rows: rx.Component) -> rx.Component:
    """A dialog that answers a request; a gift needs no reason."""
    return theme.dialog_button(
        [word],
        theme.error_notice(AdminPeople.gift_error),
        theme.plain(
            "form",
            rx.el.input(type="hidden", name="request", value=item.id, read_only=True),
            theme.part(
                "form",
                *rows,
                theme.form_row(
                    "Reason", theme.field(name="reason", required=not rows, max_length=credit_requests.MOST_REASON)
                ),
                theme.part("dialog-foot", theme.button(word, variant="primary", type="submit")),
            ),
            on_submit=deed,
            reset_on_submit=False,
        ),
        title=f"{word} credits: " + item.name if rows else "Decline: " + item.name,
        note="They read the reason, with your login.",
        size="sm",
        done=AdminPeople.gifts,
        on_ask=AdminPeople.begin_gift,
    )


def _gift(item: rx.Var[view.PersonItem]) -> rx.Component:
    return theme.dialog_button(
        ["Give credits"],
        theme.error_notice(AdminPeople.gift_error),
        theme.plain(
            "form",
            rx.el.input(type="hidden", name="person", value=item.id, read_only=True),
            theme.part(
                "form",
                theme.form_row(
                    "Credits", theme.field(name="credits", input_mode="numeric", required=True, auto_focus=True)
                ),
                theme.form_row(
                    "Reason",
                    theme.field(name="reason", required=True, max_length=MOST_REASON),
                ),
                theme.part("dialog-foot", theme.button("Give", variant="primary", type="submit")),
            ),
            on_submit=AdminPeople.give,
            reset_on_submit=False,
        ),
        title="Give credits to " + item.name,
        note="The reason and your login stand in their ledger.",
        size="sm",
        done=AdminPeople.gifts,
        on_ask=AdminPeople.begin_gift,
    )


def _options(kind: rx.Var[str]) -> rx.Var[Any]:
    options = rx.match(kind, *[(name, rx.Var.create(menu)) for name, menu in _MENUS.items()], rx.Var.create([]))
    assert isinstance(options, rx.Var)
    return options
