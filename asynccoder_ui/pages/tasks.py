"""Tasks: all of them, filtered and paged; the filters stand in the address, so that a reload and "back" keep them."""

import contextlib
from dataclasses import replace
from typing import Any

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import live, people, routes, tasks_view, theme, views
from asynccoder_ui.components.looks import pull_pill, state_pill
from asynccoder_ui.components.react import ago
from asynccoder_ui.components.task_rows import row_options
from asynccoder_ui.facts import type_name
from asynccoder_ui.gate import leave, signed_in
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from asynccoder_ui.task_menu import TaskMenu
from asynccoder_ui.tasks_view import Chosen, TaskLine
from backend import events
from backend.errors import AsyncCoderError, SignedOut
from backend.models import User
from backend.services import tasks as service
from backend.services.tasks.upkeep import MAX_TITLE
from backend.words import TaskType

_STATES = [
    ("", "Any state"),
    ("attention", "Needs attention"),
    ("queued", "Queued"),
    ("running", "Running"),
    ("done", "Done"),
    ("failed", "Failed"),
    ("stopped", "Stopped"),
    ("archived", "Archived"),
]
_TYPES = [("", "Any type"), *((kind.value, type_name(kind)) for kind in TaskType)]
_PRIORITIES = [("", "Any priority"), ("high", "High"), ("medium", "Medium"), ("low", "Low")]


class TaskList(Session):
    """One page of tasks, read again whenever something of this person's rings."""

    chosen: Chosen = Chosen()
    lines: list[TaskLine] = []
    repositories: list[views.Option] = []
    models: list[views.Option] = []
    span: str = ""
    earlier: str = ""
    later: str = ""
    has_others: bool = False
    cleared: str = routes.TASKS
    is_filtered: bool = False
    is_listed: bool = False
    error: str = ""
    field: int = 0  # counts how often the search field was filled from the address and not by typing
    _typed: str = ""
    _followed: int = 0  # counts visits: only the newest one's loop goes on

    @rx.event(background=True)
    @signed_in
    async def follow(self) -> Any:
        """Reads what the address asks for, and again with every ring."""
        async with self:
            token, chosen = self._token(), tasks_view.chosen(self.router.url.query_parameters)
            self._followed += 1
            visit = self._followed
            if chosen.q != self._typed:
                self._typed, self.field = chosen.q, self.field + 1
            self.chosen, self.cleared = chosen, Chosen(all=chosen.all).address
            self.is_filtered = chosen != Chosen(all=chosen.all, page=chosen.page)
        try:
            person = await people.person_of(token)
            async with contextlib.aclosing(live.changes(events.user_topic(person.id))) as rings:
                async for kinds in rings:
                    answer = await _answer(token, chosen, choices=not kinds)
                    async with self:
                        if self._followed != visit or self.router.url.path.rstrip("/") != routes.TASKS:
                            return None  # the tab shows something else by now
                        self._show(answer)
        except SignedOut:
            return leave()

    @rx.event
    @signed_in
    async def filter(self, name: str, value: str) -> Any:
        """Chooses one of the filters; an empty value is "any"."""
        if name in tasks_view.FILTERS:
            return rx.redirect(self.chosen.but(**{name: value}).address)
        return None

    @rx.event
    @signed_in
    async def search(self, query: str) -> Any:
        """Filters by words, or a part of the title. Typing is no step for the back button."""
        self._typed = query[: tasks_view.MAX_QUERY]
        return rx.redirect(self.chosen.but(q=self._typed).address, replace=True)

    @rx.event
    @signed_in
    async def again(self) -> None:
        """Reads once more after an error."""
        self._show(await _answer(self._token(), self.chosen, choices=True))

    def _show(self, answer: "_Answer | AsyncCoderError") -> None:
        if isinstance(answer, AsyncCoderError):
            self.error = str(answer)
            return
        found, offered = answer
        self.lines = [tasks_view.line(row) for row in found.rows]
        self.span = tasks_view.span(found)
        turn = [replace(self.chosen, page=str(page)).address for page in (found.page - 1, found.page + 1)]
        self.earlier = turn[0] if found.page > 1 else ""
        self.later = turn[1] if found.page < found.pages else ""
        self.is_listed, self.error = True, ""
        if offered is not None:
            self.repositories = tasks_view.options(offered.repositories)
            self.models = tasks_view.options(offered.models)
            self.has_others = offered.has_others


_Answer = tuple[service.Listing, service.Offered | None]


async def _answer(token: str, chosen: Chosen, *, choices: bool) -> _Answer | AsyncCoderError:
    """The page, with what there is to filter by, or why they cannot be shown just now. Raises SignedOut."""

    def read(session: DatabaseSession, user: User) -> _Answer:
        found = service.listing(session, user, tasks_view.filters_of(chosen), int(chosen.page or 1))
        return found, service.offered(session, user) if choices else None

    try:
        return await people.ask(token, read)
    except SignedOut:
        raise
    except AsyncCoderError as error:
        return error


def tasks() -> rx.Component:
    """The page."""
    return shell(
        theme.part(
            "page",
            theme.row(
                theme.words("title", "Tasks", tag="h1"),
                theme.grow(),
                rx.cond(TaskList.is_filtered, _clear()),
                rx.cond(TaskList.has_others, _whose()),
                theme.wide_only(theme.page_button(theme.icon("plus"), "New task", href=routes.HOME)),
                wrap=True,
            ),
            _filters(),
            rx.cond(TaskList.error != "", _trouble()),
            rx.cond(
                TaskList.is_listed,
                rx.cond(TaskList.lines.length() > 0, _lines(), _none()),
                rx.cond(TaskList.error == "", theme.skeleton(8)),
            ),
        ),
        at=routes.TASKS,
    )


def _filters() -> rx.Component:
    return theme.part(
        "filters",
        theme.field(
            key=TaskList.field,
            placeholder="Search titles and prompts",
            aria_label="Search tasks by words",
            type="search",
            default_value=TaskList.chosen.q,
            on_change=TaskList.search.debounce(300),
        ),
        _select("state", "State", _STATES),
        _select("type", "Type", _TYPES),
        _select("repository", "Repository", [("", "Any repository")], TaskList.repositories),
        _select("model", "Model", [("", "Any model")], TaskList.models),
        _select("priority", "Priority", _PRIORITIES),
        role="search",
    )


def _whose() -> rx.Component:
    return theme.segments(
        "Whose tasks",
        ("All", TaskList.chosen.all == "1", TaskList.filter("all", "1")),
        ("Mine", TaskList.chosen.all == "", TaskList.filter("all", "")),
    )


def _select(name: str, label: str, fixed: list[tuple[str, str]], more: Any = None) -> rx.Component:
    return theme.select(
        fixed,
        more,
        aria_label=label,
        value=getattr(TaskList.chosen, name),
        on_change=lambda value: TaskList.filter(name, value),
    )


def _clear() -> rx.Component:
    return theme.page_button(theme.icon("x", 14), "Clear filters", href=TaskList.cleared, variant="quiet")


def _trouble() -> rx.Component:
    return theme.notice(
        theme.row(theme.grow(TaskList.error), theme.button("Retry", size="sm", on_click=TaskList.again), wrap=True),
        tone="bad",
        icon_name="circle-alert",
    )


def _lines() -> rx.Component:
    return theme.part(
        "lines",
        theme.table(
            ["State", "Task", "Priority", "Pull request", "Credits", "Sent", theme.words("unseen", "Actions")],
            rx.foreach(TaskList.lines, _line),
            label="Tasks",
        ),
        theme.part(
            "paging",
            theme.words("tiny", TaskList.span, num=True, aria_live="polite"),
            theme.grow(),
            rx.cond(TaskList.earlier != "", _turn(theme.icon("chevron-left", 14), "Previous", href=TaskList.earlier)),
            rx.cond(TaskList.later != "", _turn("Next", theme.icon("chevron-right", 14), href=TaskList.later)),
            tag="nav",
            aria_label="Pages of tasks",
        ),
        custom_attrs={"data-rows": ""},
    )


def _turn(*label: Any, href: rx.Var[str]) -> rx.Component:
    return theme.page_button(
        *label, href=href, size="sm", on_click=rx.call_script("document.getElementById('main').scrollTo(0, 0)")
    )


def _line(item: rx.Var[TaskLine]) -> rx.Component:
    return theme.table_row(
        state_pill(item.look, item.word),
        theme.stack(
            theme.row(
                theme.page_link(item.title, href=item.href, look="strong to"),
                rx.cond(item.is_unread, theme.unread()),
                rx.cond(item.is_shared, theme.pill(theme.icon("users", 14), "shared", tone="line")),
            ),
            theme.words("tiny", item.detail, tag="p", trunc=True),
            gap="tight",
        ),
        theme.words("small", item.priority, theme.narrow_only(" priority")),
        pull_pill(item.pull_look, item.pull_word, item.pull_number, item.pull_href),
        rx.cond(
            item.credits != "", theme.words("small", item.credits, theme.narrow_only(" ", item.credits_unit), num=True)
        ),
        theme.words("muted", ago(at=item.at)),
        rx.cond(
            item.menu != "",
            theme.menu_button(
                theme.icon("ellipsis", 14),
                options=row_options(item.menu),
                label="Actions",
                text=item.title,
                most=MAX_TITLE,
                on_pick=lambda action: TaskMenu.act(item.id, action),
                on_fill=lambda action, text: TaskMenu.fill(item.id, action, text),
            ),
        ),
        key=item.id,
        custom_attrs={"data-row": ""},
    )


def _none() -> rx.Component:
    return rx.cond(
        TaskList.is_filtered,
        theme.empty(
            "search-x", "No task fits these filters.", theme.page_button("Clear the filters", href=TaskList.cleared)
        ),
        theme.empty(
            "inbox",
            "No tasks yet.",
            theme.words("small", "Describe what should be done; what you send appears here.", tag="p"),
            theme.page_button("New task", href=routes.HOME, variant="primary"),
        ),
    )
