"""Tasks: all of them, filtered and paged; the filters stand in the address, so that a reload and "back" keep them."""

from typing import ClassVar

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import routes, tasks_view, theme, views
from asynccoder_ui.components import listing
from asynccoder_ui.components.looks import pull_pill, state_pill
from asynccoder_ui.components.react import ago
from asynccoder_ui.components.task_rows import row_options
from asynccoder_ui.facts import type_name
from asynccoder_ui.lists import Listed, Listing, listed
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from asynccoder_ui.task_menu import TaskMenu
from asynccoder_ui.tasks_view import Chosen, TaskLine
from backend.models import User
from backend.services import tasks as service
from backend.services.tasks.upkeep import MAX_TITLE
from backend.words import Priority, TaskType

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


def _read(
    session: DatabaseSession, user: User, chosen: Chosen, is_first: bool
) -> Listed[Chosen, service.TaskRow, service.Offered | None]:
    page = service.listing(session, user, chosen.filters, chosen.number)
    return Listed(chosen, page, service.offered(session, user) if is_first else None)


def _show(state: "TaskList", found: Listed[Chosen, service.TaskRow, service.Offered | None]) -> None:
    state.narrowing = found.chosen.narrowing
    state.lines, offered = [tasks_view.line(row) for row in found.page.rows], found.beside
    if offered is not None:
        state.repositories = tasks_view.options(offered.repositories)
        state.models = tasks_view.options(offered.models)
        state.has_others = offered.has_others


class TaskList(Listing, Session):
    """One page of tasks."""

    lines: list[TaskLine] = []
    repositories: list[views.Option] = []
    models: list[views.Option] = []
    has_others: bool = False
    narrowing: str = ""
    _reads: ClassVar = listed(routes.TASKS, Chosen, _read, _show)


def tasks() -> rx.Component:
    """The page."""
    return shell(
        theme.part(
            "page",
            theme.row(
                theme.words("title", "Tasks", tag="h1"),
                theme.grow(),
                listing.clear(TaskList),
                rx.cond(TaskList.has_others, listing.segments("all", "Whose tasks", [("1", "All"), ("", "Mine")])),
                theme.wide_only(theme.page_button(theme.icon("plus"), "New task", href=routes.HOME)),
                wrap=True,
            ),
            listing.filters(
                listing.words("Search titles and prompts"),
                listing.folded(
                    listing.choice("state", "State", _STATES),
                    listing.choice("type", "Type", _TYPES),
                    listing.choice("repository", "Repository", [("", "Any repository")], TaskList.repositories),
                    listing.choice("model", "Model", [("", "Any model")], TaskList.models),
                    listing.choice("priority", "Priority", _PRIORITIES),
                    names=["state", "type", "repository", "model", "priority"],
                ),
                label="Filter tasks",
            ),
            rx.cond(
                TaskList.narrowing != "",
                theme.row(
                    theme.pill(theme.icon("list-filter", 14), "Only those: ", TaskList.narrowing, tone="line"),
                    wrap=True,
                ),
            ),
            listing.found(
                TaskList,
                _lines(),
                none=theme.empty(
                    "inbox",
                    "No tasks yet.",
                    theme.words("small", "Describe what should be done; what you send appears here.", tag="p"),
                    theme.page_button("New task", href=routes.HOME, variant="primary"),
                ),
                none_fits=(
                    "search-x",
                    "No task fits these filters.",
                    "Search for something else, or widen the filters.",
                ),
            ),
        ),
        at=routes.TASKS,
    )


def _lines() -> rx.Component:
    return theme.part(
        "lines",
        theme.table(
            ["State", "Task", "Priority", "Pull request", "Credits", "Sent", theme.words("unseen", "Actions")],
            rx.foreach(TaskList.lines, _line),
            label="Tasks",
        ),
        custom_attrs={"data-rows": ""},
    )


def _line(item: rx.Var[TaskLine]) -> rx.Component:
    return theme.table_row(
        rx.cond(  # where room is short, the pull request's own pill says it
            (item.pull_number > 0) & (item.look == item.pull_look),
            theme.wide_only(state_pill(item.look, item.word)),
            state_pill(item.look, item.word),
        ),
        theme.stack(
            theme.row(
                theme.page_link(item.title, href=item.href, look="strong to"),
                rx.cond(item.is_unread, theme.unread()),
                rx.cond(item.is_shared, theme.pill(theme.icon("users", 14), "shared", tone="line")),
            ),
            theme.words("tiny", item.detail, tag="p", trunc=True),
            gap="tight",
        ),
        rx.cond(
            item.priority == Priority.MEDIUM.value,
            theme.wide_only(theme.words("small", item.priority)),  # the usual one says nothing where room is short
            theme.words("small", item.priority, theme.narrow_only(" priority")),
        ),
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
