"""Charts of recharts in the theme's colours. They are for the eye: each has its figures in a table beside it."""

from typing import Any

import reflex as rx

from asynccoder_ui import theme

_HEIGHT = 200
_TEXT = {"fontSize": "12px", "fill": "var(--ink-3)"}
_CARD = {
    "background": "var(--raised)",
    "border": "1px solid var(--line-strong)",
    "borderRadius": "var(--r-s)",
    "boxShadow": "var(--shadow)",
    "font": "var(--t-xs) var(--sans)",
}


def bars(data: rx.Var[Any], *series: tuple[str, str, str], of: str) -> rx.Component:
    """A column for each value of `of`, with the series `(key, name, token of its colour)` upon each other."""
    return theme.plain(
        "div",
        rx.recharts.bar_chart(
            rx.recharts.cartesian_grid(vertical=False, stroke="var(--line)"),
            rx.recharts.x_axis(data_key=of, tick=_TEXT, tick_line=False, stroke="var(--line-strong)", min_tick_gap=24),
            rx.recharts.y_axis(tick=_TEXT, tick_line=False, axis_line=False, width=36, allow_decimals=False),
            rx.recharts.graphing_tooltip(
                content_style=_CARD,
                label_style={"color": "var(--ink)"},
                item_style={"padding": 0},
                cursor={"fill": "var(--hover)"},
                separator=": ",
                is_animation_active=False,
            ),
            *[
                rx.recharts.bar(
                    data_key=key, name=name, fill=f"var(--{colour})", stack_id="all", is_animation_active=False
                )
                for key, name, colour in series
            ],
            data=data.to(list[dict[str, Any]]),
            margin={"top": 8, "right": 4, "bottom": 0, "left": 0},
            width="100%",
            height=_HEIGHT,
            max_bar_size=48,
            custom_attrs={"accessibilityLayer": False},
        ),
        custom_attrs={"aria-hidden": "true"},
    )


def legend(*series: tuple[str, str, str]) -> rx.Component:
    """Which colour is which."""
    return theme.part(
        "legend",
        *[
            theme.row(theme.plain("span", style={"background": f"var(--{colour})"}), theme.words("tiny", name))
            for _, name, colour in series
        ],
        custom_attrs={"aria-hidden": "true"},
    )
