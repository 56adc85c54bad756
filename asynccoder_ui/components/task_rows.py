"""A task as the sidebar shows it: two lines, the dot of what is unread, and its menu."""

from typing import Any

import reflex as rx

from asynccoder_ui import theme, views
from asynccoder_ui.components import react
from asynccoder_ui.components.looks import state_icon
from asynccoder_ui.task_menu import ROW_ACTIONS, TaskMenu
from backend.services.tasks.upkeep import MAX_TITLE


def group(listed: rx.Var[views.TaskGroup]) -> rx.Component:
    """A heading with its rows."""
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
        title=item.title,
        options=row_options(item.menu),
        most=MAX_TITLE,
        on_pick=lambda action: TaskMenu.act(item.id, action),
        on_fill=lambda action, text: TaskMenu.fill(item.id, action, text),
        key=item.id,
    )
