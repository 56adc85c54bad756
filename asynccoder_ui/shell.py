"""What stands around every page of a signed-in person: the sidebar with their tasks, the credits, the way out."""

from dataclasses import dataclass
from typing import ClassVar

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import given, people, routes, theme, views
from asynccoder_ui.admin_announcements_view import SaidItem, said
from asynccoder_ui.chosen import MAX_QUERY
from asynccoder_ui.components import task_rows
from asynccoder_ui.components.announcements import bars
from asynccoder_ui.components.filters import search_field
from asynccoder_ui.components.post_form import post_form
from asynccoder_ui.components.react import announcer, away, notifier, palette, shortcuts
from asynccoder_ui.following import Following, Reads, own
from asynccoder_ui.gate import Trouble, signed_in
from asynccoder_ui.palette import Palette
from asynccoder_ui.people import Question
from asynccoder_ui.session import Session
from asynccoder_ui.task_menu import kind_of
from backend.models import User
from backend.services import announcements, credit_requests, credits, preferences, setup, tasks
from backend.services import news as service
from backend.services.preferences import Channel, Notify
from backend.settings import get_settings

_PAGE = 30
_MOST = 300
PAGES = [
    {"label": "New task", "href": routes.HOME, "keys": "C"},
    {"label": "Tasks", "href": routes.TASKS, "keys": ""},
    {"label": "Repositories", "href": routes.REPOSITORIES, "keys": ""},
    {"label": "Pull requests", "href": routes.PULL_REQUESTS, "keys": ""},
    {"label": "Credits", "href": routes.CREDITS, "keys": ""},
    {"label": "Analytics", "href": routes.ANALYTICS, "keys": ""},
    {"label": "Settings", "href": routes.SETTINGS, "keys": ""},
]
_FOR_ADMINS = [
    {"label": "Admin: people", "href": routes.ADMIN_PEOPLE, "keys": ""},
    {"label": "Admin: queue", "href": routes.ADMIN_QUEUE, "keys": ""},
    {"label": "Admin: models", "href": routes.ADMIN_MODELS, "keys": ""},
    {"label": "Admin: setup", "href": routes.ADMIN_SETUP, "keys": ""},
    {"label": "Admin: caches", "href": routes.ADMIN_CACHES, "keys": ""},
    {"label": "Admin: everyone's tasks", "href": routes.ADMIN_TASKS, "keys": ""},
    {"label": "Admin: deliveries", "href": routes.ADMIN_DELIVERIES, "keys": ""},
    {"label": "Admin: announcements", "href": routes.ADMIN_ANNOUNCEMENTS, "keys": ""},
    {"label": "Admin: audit log", "href": routes.ADMIN_AUDIT, "keys": ""},
]
_NAVIGATION = [
    ("inbox", "Tasks", routes.TASKS),
    ("folder-git-2", "Repositories", routes.REPOSITORIES),
    ("git-pull-request", "Pull requests", routes.PULL_REQUESTS),
    ("coins", "Credits", routes.CREDITS),
    ("chart-column", "Analytics", routes.ANALYTICS),
    ("settings", "Settings", routes.SETTINGS),
]


@dataclass(frozen=True)
class NewsItem:
    """Something to tell, and where: `seq` is its notice's number."""

    seq: int
    kind: str
    title: str
    sentence: str
    href: str
    in_app: bool
    by_browser: bool


@dataclass(frozen=True)
class _Around:
    person: people.Person
    listed: tasks.Sidebar
    balance: credits.Balance
    broken: int
    asks: int
    news: list[NewsItem]
    told: int
    said: list[SaidItem]


def _question(shell: "Shell") -> Question[_Around]:
    return Question(_read, (shell.query, shell._limit, shell.everyone, shell.heard))


def _read(session: DatabaseSession, user: User, query: str, limit: int, everyone: bool, told: int) -> _Around:
    """The list, the balance and the news since the last."""
    rows, newest = ([], service.latest(session, user)) if told < 0 else service.since(session, user, told)
    return _Around(
        people.seen(user),
        tasks.sidebar(session, user, query, limit, everyone=everyone),
        credits.balance(session, user),
        setup.broken(session, user),
        credit_requests.count(session, user),
        _news(rows, preferences.of(user).notify),
        newest,
        [said(row) for row in announcements.current(session, user)],
    )


def _show(shell: "Shell", found: _Around) -> None:
    listed = found.listed
    shell._name(found.person)
    shell.is_demo = get_settings().is_demo
    if shell.heard < 0:
        shell.began = found.told
    shell.news, shell.heard = found.news or shell.news, found.told
    shell.groups = [views.task_group(group, kind_of) for group in listed.groups]
    shell.has_others, shell.has_more = listed.has_others, listed.has_more
    shell.said = found.said
    shell.available, shell.held = found.balance.available, found.balance.held
    shell.broken, shell.asks = found.broken, found.asks


class Shell(Following, Session):
    """The sidebar's list and the balance; both follow the person's rings."""

    groups: list[views.TaskGroup] = []
    has_more: bool = False
    query: str = ""
    everyone: bool = False
    has_others: bool = False
    available: int = 0
    held: int = 0
    broken: int = 0  # parts of the deployment, for admins
    asks: int = 0  # for credits, for admins
    said: list[SaidItem] = []
    news: list[NewsItem] = []
    heard: int = -1  # the number of the newest notice that was read
    began: int = -1  # what it was at first: what came before the page is no news to it
    _limit: int = _PAGE
    _reads: ClassVar = Reads(_question, _show, topics=lambda person: (*own(person), announcements.TOPIC))

    @rx.event
    @signed_in
    async def search(self, query: str) -> None:
        """Filters the list by words of title and prompt."""
        self.query, self._limit = query[:MAX_QUERY], _PAGE
        await self._read()

    @rx.event
    @signed_in
    async def show_everyone(self, everyone: bool) -> None:
        """Lists also what others share with this person, or only their own."""
        self.everyone, self._limit = everyone, _PAGE
        await self._read()

    @rx.event
    @signed_in
    async def catch_up(self, after: int) -> None:
        """Tells what came after notice number `after`, which this tab had heard of before it got a State anew."""
        began = self.began
        if 0 <= after < began:
            self.news = await self._ask(lambda session, user: _missed(session, user, after, began)) or self.news

    @rx.event
    @signed_in
    async def dismiss(self, announcement_id: str) -> None:
        """Puts an announcement out of this person's way, on all their pages."""
        wanted = given.identity(announcement_id)
        await self._ask(lambda session, user: announcements.dismiss(session, user, wanted))
        await self._read()

    @rx.event
    @signed_in
    async def more(self) -> None:
        """Shows the next thirty."""
        self._limit = min(self._limit + _PAGE, _MOST)
        await self._read()


def _missed(session: DatabaseSession, user: User, after: int, began: int) -> list[NewsItem]:
    rows, _ = service.since(session, user, after)
    return _news([row for row in rows if row.seq <= began], preferences.of(user).notify)


def _news(rows: list[service.News], notify: Notify) -> list[NewsItem]:
    """What this person wants to be told, and where."""
    told = [_news_item(row, notify) for row in rows]
    return [item for item in told if item.in_app or item.by_browser]


def _news_item(row: service.News, notify: Notify) -> NewsItem:
    in_app, by_browser = notify.wants(row.kind, Channel.APP), notify.wants(row.kind, Channel.BROWSER)
    href = routes.task_page(str(row.task_id))
    return NewsItem(row.seq, row.kind, row.title, row.sentence, href, in_app, by_browser)


def shell(*content: rx.Component, at: str) -> rx.Component:
    """A page's content beside the sidebar; `at` is the page's route, marked in the navigation."""
    return theme.part(
        "app",
        theme.skip_link("Skip to the content"),
        _sidebar(at),
        theme.part("scrim"),
        theme.part(
            "main", _bar(), _reopen(), bars(Shell.said, Shell.dismiss), *content, tag="main", id="main", tab_index=-1
        ),
        _away(),
        _trouble(),
    )


def around() -> rx.Component:
    """What outlives the change of pages for a signed-in person: the palette, the sheet of keys, the news."""
    return rx.fragment(
        rx.cond(
            Session.login,
            rx.fragment(
                palette(
                    pages=rx.cond(Session.is_admin, [*PAGES, *_FOR_ADMINS], PAGES),
                    found=Palette.found,
                    on_search=Palette.search,
                ),
                shortcuts(),
                announcer(),
                notifier(
                    news=Shell.news,
                    person=Session.login,
                    heard=Shell.heard,
                    began=Shell.began,
                    all_tasks=routes.TASKS,
                    on_missed=Shell.catch_up,
                ),
            ),
        )
    )


def _sidebar(at: str) -> rx.Component:
    return theme.part(
        "side",
        theme.part(
            "side-head",
            theme.page_link(theme.logo(), href=routes.HOME, look=""),
            theme.grow(),
            _side_button("Hide the sidebar (⌘B)"),
            tag="header",
        ),
        theme.part(
            "side-pad",
            theme.page_button(
                theme.icon("plus"),
                "New task",
                theme.kbd("C"),
                href=routes.HOME,
                variant="primary",
                wide=True,
                custom_attrs={"data-key": "new-task"},
            ),
        ),
        theme.part(
            "nav",
            theme.nav_button(
                "search",
                "Search",
                theme.kbd("⌘K"),
                on_click=rx.call_script('window.dispatchEvent(new Event("asynccoder-palette"))'),
            ),
            *[theme.nav_link(icon, label, href, on=at == href) for icon, label, href in _NAVIGATION],
            rx.cond(
                Session.is_admin,
                theme.nav_link(
                    "shield",
                    "Admin",
                    rx.cond(Shell.broken > 0, routes.ADMIN_SETUP, routes.ADMIN_PEOPLE),
                    rx.cond(
                        Shell.broken > 0,
                        rx.fragment(theme.grow(), _broken()),
                        rx.cond(Shell.asks > 0, rx.fragment(theme.grow(), _asks())),
                    ),
                    on=at.startswith("/admin/"),
                ),
            ),
            tag="nav",
            aria_label="Pages",
        ),
        theme.part(
            "side-pad",
            search_field(value=Shell.query, label="Search tasks", most=MAX_QUERY, mark="search", on_write=Shell.search),
        ),
        theme.part("tasks", task_rows.task_list(Shell), tag="nav", aria_label="Tasks", custom_attrs={"data-rows": ""}),
        _person(),
        tag="aside",
        aria_label="Sidebar",
    )


def _asks() -> rx.Component:
    """How many people ask for credits."""
    return theme.pill(theme.icon("hand-coins", 14), Shell.asks, rx.cond(Shell.asks == 1, " asks", " ask"), tone="warn")


def _broken() -> rx.Component:
    """How many parts of the deployment are broken."""
    return theme.pill(theme.icon("circle-x", 14), Shell.broken, " broken", tone="bad")


def _person() -> rx.Component:
    return theme.part(
        "me",
        theme.avatar(Session.avatar_url, Session.name),
        theme.grow(
            theme.words("strong", Session.name, tag="p", trunc=True),
            theme.page_link(_balance(), href=routes.CREDITS, look=""),
        ),
        theme.icon_button(
            theme.icon("sun-moon"),
            "Change the appearance",
            title="Appearance: system, light, dark",
            on_click=rx.call_script("asynccoder.nextTheme()"),
        ),
        post_form(
            theme.icon_button(
                theme.icon("log-out"),
                "Sign out",
                type="submit",
                custom_attrs={"data-key": "sign-out"},
            ),
            action=routes.SIGN_OUT,
        ),
    )


def _balance() -> rx.Component:
    return theme.words(
        "tiny",
        rx.cond(Shell.is_listed, Shell.available, "…"),
        " credits",
        rx.cond(Shell.held > 0, rx.fragment(" · ", Shell.held, " held")),
        num=True,
    )


def _bar() -> rx.Component:
    return theme.part(
        "bar",
        _side_button("Show the sidebar"),
        theme.logo(),
        theme.grow(),
        rx.cond(Shell.is_listed, theme.pill(Shell.available, " credits")),
        tag="header",
    )


def _reopen() -> rx.Component:
    return theme.reopen(_side_button("Show the sidebar (⌘B)"))


def _side_button(label: str) -> rx.Component:
    return theme.icon_button(
        theme.icon("panel-left"),
        label,
        on_click=rx.call_script("asynccoder.toggleSide()"),
    )


def _trouble() -> rx.Component:
    again = rx.call_script("window.location.reload()")
    return rx.cond(Trouble.sentence != "", theme.part("trouble", theme.trouble(Trouble.sentence, on_again=again)))


def _away() -> rx.Component:
    return away(theme.part("away", theme.notice("Reconnecting…", tone="warn", icon_name="wifi-off")))
