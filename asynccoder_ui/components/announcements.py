"""What admins tell everybody, above the page."""

from typing import Any

import reflex as rx

from asynccoder_ui import theme
from asynccoder_ui.admin_announcements_view import SaidItem
from backend.models import Tone


def bars(said: rx.Var[list[SaidItem]], on_dismiss: Any) -> rx.Component:
    """A bar for each, with a button that puts it away."""

    def bar(item: rx.Var[SaidItem]) -> rx.Component:
        line = theme.row(
            theme.grow(
                item.words,
                rx.cond(item.link != "", rx.fragment(" ", theme.outward(item.link_words, href=item.link))),
            ),
            theme.icon_button(theme.icon("x", 14), "Put this away", on_click=on_dismiss(item.id)),
        )
        return rx.cond(
            item.tone == Tone.WARNING.value,
            theme.notice(line, tone="warn", icon_name="triangle-alert", key=item.id),
            theme.notice(line, tone="run", icon_name="megaphone", key=item.id),
        )

    return rx.cond(
        said.length() > 0,
        theme.part("announced", rx.foreach(said, bar), tag="section", aria_label="Announcements"),
    )
