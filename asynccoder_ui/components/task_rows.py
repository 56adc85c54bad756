"""A task as the sidebar shows it: two lines, the dot of what is unread, and its menu."""

from typing import TYPE_CHECKING, Any

import reflex as rx

from asynccoder_ui import routes, theme, views
from asynccoder_ui.components import react
from asynccoder_ui.components.listing import trouble
from asynccoder_ui.components.looks import state_icon
from asynccoder_ui.task_menu import ROW_ACTIONS, TaskMenu
from backend.services.tasks.upkeep import MAX_TITLE

if TYPE_CHECKING:
    from asynccoder_ui.shell import Shell


def task_list(state: "type[Shell]") -> rx.Component:
    """The sidebar's list: groups of rows, or why there are none."""
    return rx.fragment(
        rx.cond(state.has_others, _whose(state)),
        trouble(state),
        rx.cond(
            state.is_listed,
            rx.cond(state.groups.length() > 0, rx.foreach(state.groups, _group), _none(state)),
            rx.cond(state.error == "", theme.part("side-pad", theme.skeleton(6))),
        ),
        rx.cond(state.has_more, theme.button("Load more", variant="quiet", size="sm", wide=True, on_click=state.more)),
        theme.part("side-more", theme.page_link("Archived", href=f"{routes.TASKS}?state=archived")),
    )


def _whose(state: "type[Shell]") -> rx.Component:
    return theme.segments(
        "Whose tasks",
        ("All", state.everyone, state.show_everyone(True)),
        ("Mine", ~state.everyone, state.show_everyone(False)),
    )


def _none(state: "type[Shell]") -> rx.Component:
    words = rx.cond(state.query != "", "No task has these words.", "No tasks yet. What you send appears here.")
    return theme.part("side-group", words)


def _group(listed: rx.Var[views.TaskGroup]) -> rx.Component:
    return rx.fragment(
        theme.part("side-group", rx.el.h2(listed.name), theme.words("tiny", listed.count, num=True)),
        rx.foreach(listed.rows, _item),
    )


def row_options(kind: rx.Var[str]) -> rx.Var[Any]:
    """The actions of a row, which the page knows beforehand: the State says only of which kind it is."""
    options = rx.match(
        kind, *[(name, rx.Var.create(actions)) for name, actions in ROW_ACTIONS.items()], rx.Var.create([])
    )
    assert isinstance(options, rx.Var)
    return options


def _item(item: rx.Var[views.TaskItem]) -> rx.Component:
    return react.task_row(
        theme.task_link(
            state_icon(item.look),
            theme.words("strong", item.title, trunc=True, title=item.title),
            theme.plain(
                "span",
                rx.cond(item.is_unread, theme.unread()),
                rx.cond(item.since != "", react.elapsed(since=item.since), react.ago(at=item.at)),
            ),
            theme.words("tiny", item.line, trunc=True),
            href=item.href,
            on=rx.State.router.url.path == item.href,
            key=item.id,
        ),
        href=item.href,
        title=item.title,
        options=row_options(item.menu),
        most=MAX_TITLE,
        on_pick=lambda action: TaskMenu.act(item.id, action),
        on_fill=lambda action, text: TaskMenu.fill(item.id, action, text),
        key=item.id,
    )
