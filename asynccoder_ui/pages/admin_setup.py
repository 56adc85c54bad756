"""The deployment's own parts, for admins: how each stands, since when, how to mend it; and what to do first."""

from dataclasses import dataclass
from typing import ClassVar

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import bridge, people, routes, theme
from asynccoder_ui.admin_tabs import admin_tabs
from asynccoder_ui.components import listing
from asynccoder_ui.components.react import ago, page_title, secret
from asynccoder_ui.components.steps import steps_list
from asynccoder_ui.first_steps import Steps, steps_of
from asynccoder_ui.following import Following, Reads
from asynccoder_ui.gate import signed_in
from asynccoder_ui.people import Question
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from asynccoder_ui.views import iso
from backend import events
from backend.errors import Refusal
from backend.models import PartState, User
from backend.services import setup as service

_LOOKS = {
    PartState.BROKEN: ("circle-x", "bad", "broken"),
    PartState.ATTENTION: ("circle-alert", "warn", "attention"),
    PartState.OK: ("circle-check", "ok", "ok"),
    PartState.NOT_SET_UP: ("circle-dashed", "line", "not set up"),
}
_SETTINGS = "GITHUB_CLIENT_ID · GITHUB_CLIENT_SECRET · GITHUB_WEBHOOK_SECRET · ASYNCCODER_ADMINS"


@dataclass(frozen=True)
class PartItem:
    """A part's line. Times are ISO 8601, `at` is empty where there is none."""

    key: str
    name: str
    place: str
    state: str
    words: str
    fix: str
    command: str
    link: str
    at: str
    since: str


def _read(session: DatabaseSession, user: User) -> tuple[service.Setup, service.Checklist]:
    return service.read(session, user), service.checklist(session, user)


def _show(page: "AdminSetup", found: tuple[service.Setup, service.Checklist]) -> None:
    setup, checklist = found
    items = [_item_of(one) for one in setup.parts]
    page.troubled = [one for one in items if one.state in (PartState.BROKEN, PartState.ATTENTION)]
    page.troubled.sort(key=lambda one: one.state != PartState.BROKEN)
    page.well = [one for one in items if one.state == PartState.OK]
    page.absent = [one for one in items if one.state == PartState.NOT_SET_UP]
    page.seen_at, page.steps = iso(setup.seen_at), steps_of(checklist)


def _item_of(one: service.Part) -> PartItem:
    name = one.name[:1].upper() + one.name[1:]
    return PartItem(
        f"{one.name} {one.place}", name, one.place, one.state.value, one.words, one.fix, one.command, one.link,
        iso(one.at), iso(one.since),
    )  # fmt: skip


class AdminSetup(Following, Session):
    """The parts as the web process saw them last, which looks every 15 s; read again when anything is new."""

    troubled: list[PartItem] = []
    well: list[PartItem] = []
    absent: list[PartItem] = []
    seen_at: str = ""
    is_looking: bool = False
    steps: Steps = Steps()
    _reads: ClassVar = Reads(
        lambda page: Question(_read),
        lambda page, found: _show(page, found),
        topics=lambda _: (events.SETUP_TOPIC,),
    )

    @rx.event(background=True)
    @signed_in
    async def check(self) -> None:
        """Looks at everything anew, without what was remembered; the tab goes on meanwhile."""
        async with self:
            if self.is_looking:
                return
            token, self.is_looking = self._token(), True
        try:
            await people.ask(token, service.read)  # for admins
            await bridge.outside(lambda: service.check(anew=True))
        except Refusal as refused:
            async with self:
                self._take(refused)
        else:
            async with self:
                await self._read()
        finally:
            async with self:
                self.is_looking = False


def admin_setup() -> rx.Component:
    """The page."""
    page = AdminSetup
    return shell(
        page_title(words="Setup"),
        theme.part(
            "page",
            theme.row(
                theme.words("title", "Setup", tag="h1"),
                theme.grow(),
                rx.cond(page.seen_at != "", theme.words("tiny", "looked ", ago(at=page.seen_at, in_words=True))),
                _again(),
                wrap=True,
            ),
            admin_tabs(routes.ADMIN_SETUP),
            listing.trouble(page),
            rx.cond(
                page.is_listed,
                theme.stack(
                    _parts(),
                    _first_steps(),
                    gap="loose",
                ),
                rx.cond(page.error == "", theme.skeleton(6)),
            ),
        ),
        at=routes.ADMIN_SETUP,
    )


def _again() -> rx.Component:
    return theme.button(
        rx.cond(
            AdminSetup.is_looking,
            theme.icon("loader-circle", 14, spin=True),
            theme.icon("refresh-cw", 14),
        ),
        theme.plain("span", rx.cond(AdminSetup.is_looking, "Looking…", "Check again"), aria_live="polite"),
        size="sm",
        disabled=AdminSetup.is_looking,
        on_click=AdminSetup.check,
    )


def _parts() -> rx.Component:
    page = AdminSetup
    nobody = theme.empty("activity", "Nobody has looked yet.", theme.words("small", "Check again looks now.", tag="p"))
    return rx.cond(
        page.seen_at == "",
        nobody,
        theme.stack(
            rx.cond(
                page.troubled.length() > 0,
                _section("To mend", page.troubled),
                theme.notice("Everything that is set up works.", icon_name="circle-check"),
            ),
            rx.cond(page.well.length() > 0, _section("Well", page.well)),
            rx.cond(page.absent.length() > 0, _section("Not set up", page.absent)),
            gap="loose",
        ),
    )


def _section(name: str, items: rx.Var[list[PartItem]]) -> rx.Component:
    return theme.stack(
        theme.words("heading", name, " ", theme.words("tiny", items.length(), num=True), tag="h2"),
        theme.part("list", rx.foreach(items, _item), tag="ul", aria_label=name),
    )


def _item(item: rx.Var[PartItem]) -> rx.Component:
    return theme.part(
        "entry",
        theme.grow(
            theme.row(
                theme.words("strong", item.name, tag="p"),
                theme.words("small", item.words),
                wrap=True,
            ),
            rx.cond(item.place != "", theme.words("tiny", item.place, tag="p", trunc=True)),
            rx.cond(item.fix != "", theme.words("aside", item.fix, tag="p")),
            rx.cond(item.command != "", secret(text=item.command, label="What to type")),
            rx.cond(item.link != "", theme.page_link("Open its page", href=item.link)),
        ),
        theme.part(
            "entry-end",
            rx.cond(item.at != "", theme.words("tiny", "last ", ago(at=item.at, in_words=True))),
            theme.words("tiny", "since ", ago(at=item.since)),
            _state(item.state),
        ),
        tag="li",
        key=item.key,
    )


def _state(state: rx.Var[str]) -> rx.Component:
    shown = [
        (kind.value, theme.pill(theme.icon(icon, 14), word, tone=tone)) for kind, (icon, tone, word) in _LOOKS.items()
    ]
    found = rx.match(state, *shown, rx.fragment())
    assert isinstance(found, rx.Component)
    return found


def _first_steps() -> rx.Component:
    steps = AdminSetup.steps
    return theme.stack(
        theme.words("heading", "First steps", tag="h2", id="first-steps"),
        theme.part("steps", steps_list(steps), tag="section", aria_label="First steps"),
        theme.part(
            "card",
            theme.stack(
                theme.words("strong", "What GitHub asks for", tag="h3"),
                theme.words(
                    "aside",
                    "Make an OAuth app or a GitHub App at GitHub with these two addresses. Where others reach this "
                    "deployment, set ASYNCCODER_PUBLIC_URL first: it stands in both.",
                    tag="p",
                ),
                theme.words("tiny", "Callback URL", tag="p"),
                secret(text=steps.callback_url, label="Callback URL"),
                theme.words("tiny", "Webhook URL, content type application/json", tag="p"),
                secret(text=steps.webhook_url, label="Webhook URL"),
                theme.words("tiny", "Put into the environment or .env what the app’s page at GitHub gives", tag="p"),
                theme.words("mono", _SETTINGS, tag="p"),
                theme.words(
                    "tiny",
                    "A model’s key: ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY; then start again",
                    tag="p",
                ),
                secret(text="asynccoder up", label="The command to start again"),
                theme.words(
                    "aside", "docs/github.md says more; `asynccoder doctor` checks it before the start.", tag="p"
                ),
            ),
        ),
    )
