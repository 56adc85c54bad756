"""How every list page is drawn: filters, then its rows or why there are none, then the way to the others."""

from typing import Any

import reflex as rx

from asynccoder_ui import routes, theme
from asynccoder_ui.components.react import picker
from asynccoder_ui.lists import Listing
from asynccoder_ui.repositories_view import Work


def filters(*controls: rx.Component, label: str) -> rx.Component:
    """A row of controls that narrow the list."""
    return theme.part("filters", *controls, role="search", aria_label=label)


def choice(options: list[tuple[str, str]], label: str, *, value: Any, on_change: Any) -> rx.Component:
    """One of a few."""
    return theme.select(options, value=value, on_change=on_change, aria_label=label)


def search_field(label: str, *, on_change: Any) -> rx.Component:
    """Words to look for; the server is asked when the hand rests."""
    return theme.field(type="search", placeholder=label, aria_label=label, on_change=on_change.debounce(200))


def found(
    state: type[Listing], rows: rx.Component, *, none: rx.Component, none_fits: rx.Component, is_filtered: Any
) -> rx.Component:
    """The rows, or what stands in their place: grey bars, an error with its button, nothing yet, nothing that fits."""
    return theme.stack(
        rx.cond(
            state.error != "",
            theme.notice(
                theme.row(
                    theme.grow(state.error),
                    theme.button("Try again", size="sm", on_click=state.retry),
                    wrap=True,
                ),
                tone="bad",
                icon_name="circle-alert",
            ),
        ),
        rx.cond(
            state.is_listed,
            rx.cond(state.is_empty, rx.cond(is_filtered, none_fits, none), rows),
            rx.cond(state.error == "", theme.skeleton(6)),
        ),
        _paging(state),
    )


def searchable(
    label: str,
    *,
    text: Any,
    value: Any,
    options: Any,
    on_pick: Any,
    on_search: Any,
    placeholder: str,
    icon_name: str,
) -> rx.Component:
    """One of many, found by a part of its name."""
    return picker(
        theme.icon(icon_name, 14),
        label=label,
        text=text,
        value=value,
        options=options,
        placeholder=placeholder,
        on_pick=on_pick,
        on_search=on_search,
        on_ask=on_search(""),
    )


def work_button(work: rx.Var[Work], label: str, *, on_click: Any) -> rx.Component:
    """Starts long work; while it goes on the button says how far it is."""
    return theme.button(
        rx.cond(work.is_running, theme.icon("loader-circle", 14, spin=True), theme.icon("refresh-cw", 14)),
        theme.plain("span", rx.cond(work.is_running, work.words, label), aria_live="polite"),
        disabled=work.is_running,
        on_click=on_click,
    )


def work_notice(work: rx.Var[Work], label: str, *, back_to: str) -> rx.Component:
    """A bar while the work goes on; why the last one failed, and the way out."""
    return rx.fragment(
        rx.cond(work.is_running, theme.meter(work.percent, label)),
        rx.cond(
            work.error != "",
            theme.notice(
                theme.row(
                    theme.grow(work.error),
                    rx.cond(
                        work.needs_reconnect,
                        theme.link_button("Reconnect GitHub", href=routes.sign_in(back_to), size="sm"),
                    ),
                    wrap=True,
                ),
                tone="bad",
                icon_name="circle-alert",
            ),
        ),
    )


def _paging(state: type[Listing]) -> rx.Component:
    return rx.cond(
        state.is_listed & (~state.is_empty | state.has_previous),
        theme.part(
            "paging",
            theme.words("tiny", state.span, num=True, aria_live="polite"),
            theme.grow(),
            rx.cond(
                state.has_next | state.has_previous,
                rx.fragment(
                    theme.button(
                        theme.icon("chevron-left", 14),
                        "Previous",
                        size="sm",
                        disabled=~state.has_previous,
                        on_click=state.previous_page,
                    ),
                    theme.button(
                        "Next",
                        theme.icon("chevron-right", 14),
                        size="sm",
                        disabled=~state.has_next,
                        on_click=state.next_page,
                    ),
                ),
            ),
            tag="nav",
            aria_label="Pages of the list",
        ),
    )
