"""How every list page is drawn: filters, then its rows or why there are none, then the way to the others."""

from typing import Any

import reflex as rx

from asynccoder_ui import routes, theme
from asynccoder_ui.chosen import MAX_QUERY
from asynccoder_ui.components.filters import filter_field, filter_fold, filter_picker, filter_segments, filter_select
from asynccoder_ui.components.react import moment
from asynccoder_ui.following import Following
from asynccoder_ui.lists import Listing
from asynccoder_ui.syncing import Syncing, Work
from asynccoder_ui.views import Option


def filters(*controls: rx.Component, label: str) -> rx.Component:
    """A row of controls that narrow the list."""
    return theme.part("filters", *controls, role="search", aria_label=label)


def folded(*controls: rx.Component, names: list[str]) -> rx.Component:
    """More controls than a phone has room for; `names` as in the address."""
    return filter_fold(*controls, names=names)


def words(label: str) -> rx.Component:
    """Words to look for."""
    return filter_field(label=label, most=MAX_QUERY)


def choice(name: str, label: str, options: list[tuple[str, str]], more: Any = None) -> rx.Component:
    """One of a few; the empty value is what is usual. `more` are Options of the State."""
    listed = {} if more is None else {"more": more}
    return filter_select(name=name, label=label, options=[Option(*one) for one in options], **listed)


def segments(name: str, label: str, options: list[tuple[str, str]]) -> rx.Component:
    """One of two or three, all in sight."""
    return filter_segments(name=name, label=label, options=[Option(*one) for one in options])


def searchable(
    name: str, label: str, any_one: str, *, text: Any, options: Any, on_search: Any, placeholder: str, icon_name: str
) -> rx.Component:
    """One of many, found by a part of its name."""
    return filter_picker(
        theme.icon(icon_name, 14),
        name=name,
        label=label,
        any=any_one,
        text=text,
        options=options,
        placeholder=placeholder,
        on_search=on_search,
    )


def clear(state: type[Listing]) -> rx.Component:
    """The way back to the whole list, while something is left out."""
    return rx.cond(
        state.is_filtered,
        theme.page_button(theme.icon("x", 14), "Clear filters", href=state.cleared, variant="quiet"),
    )


def trouble(state: type[Following]) -> rx.Component:
    """Why it cannot be read just now, and the way to try again."""
    return rx.cond(state.error != "", theme.trouble(state.error, on_again=state.again))


def found(
    state: type[Listing], rows: rx.Component, *, none: rx.Component, none_fits: tuple[str, str, str]
) -> rx.Component:
    """The rows, or what stands in their place: grey bars, an error with its button, nothing yet, nothing that fits.

    `none_fits` is an icon, what is said and what to do.
    """
    icon_name, title, advice = none_fits
    nothing = theme.empty(
        icon_name,
        title,
        theme.words("small", advice, tag="p"),
        theme.page_button("Clear the filters", href=state.cleared),
    )
    return theme.stack(
        trouble(state),
        rx.cond(
            state.is_listed,
            rx.cond(state.is_empty, rx.cond(state.is_filtered, nothing, none), theme.stack(rows, _paging(state))),
            rx.cond(state.error == "", theme.skeleton(6)),
        ),
    )


def sync_button(state: type[Syncing], label: str) -> rx.Component:
    """Asks GitHub; while it goes on the button says how far it is."""
    work = state.sync_work
    return theme.button(
        rx.cond(work.is_running, theme.icon("loader-circle", 14, spin=True), theme.icon("refresh-cw", 14)),
        theme.plain("span", rx.cond(work.is_running, work.words, label), aria_live="polite"),
        disabled=work.is_running,
        on_click=state.sync,
    )


def sync_notice(state: type[Syncing], label: str, *, back_to: str) -> rx.Component:
    """A bar while the work goes on; why the last one failed, and the way out."""
    work: rx.Var[Work] = state.sync_work
    return rx.fragment(
        rx.cond(work.is_running, theme.meter(work.percent, label)),
        rx.cond(
            work.wait != "",
            theme.notice(work.wait, " It goes on by itself: ", moment(at=work.until), tone="warn", icon_name="clock"),
        ),
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
    return theme.part(
        "paging",
        theme.words("tiny", state.span, num=True, aria_live="polite"),
        theme.grow(),
        rx.cond(state.earlier != "", _turn(theme.icon("chevron-left", 14), "Previous", href=state.earlier)),
        rx.cond(state.later != "", _turn("Next", theme.icon("chevron-right", 14), href=state.later)),
        tag="nav",
        aria_label="Pages of the list",
    )


def _turn(*label: Any, href: rx.Var[str]) -> rx.Component:
    return theme.page_button(
        *label, href=href, size="sm", on_click=rx.call_script("document.getElementById('main').scrollTo(0, 0)")
    )
