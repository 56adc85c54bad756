"""What the composer offers when an issue is named: one button below the text, or why there is none."""

from typing import Any

import reflex as rx

from asynccoder_ui import theme
from asynccoder_ui.issues import Issues


def issue_offer(written: Any) -> rx.Component:
    """The offer, announced and reached by Tab from the text; `written` is what stands there at the click."""
    return theme.plain(
        "div",
        rx.cond(
            Issues.offer != "",
            theme.part(
                "offer",
                theme.button(
                    rx.cond(Issues.is_importing, theme.icon("loader-circle", spin=True), theme.icon("circle-dot")),
                    theme.words("strong", Issues.offer, trunc=True),
                    size="sm",
                    disabled=Issues.is_importing,
                    title=Issues.offer,
                    on_click=Issues.accept(written),
                ),
                theme.icon_button(
                    theme.icon("x", 14),
                    "Do not import it",
                    on_click=Issues.dismiss,
                ),
            ),
            rx.cond(Issues.refusal != "", theme.part("offer", theme.words("tiny", Issues.refusal, tag="p"))),
        ),
        role="status",
    )
