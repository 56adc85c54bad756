"""A chart of days that needs no library: columns for the eye, a sentence and a table for everyone."""

import reflex as rx

from asynccoder_ui import theme
from asynccoder_ui.credits_view import Chart, Column


def day_chart(chart: rx.Var[Chart]) -> rx.Component:
    """Credits used per day."""
    return theme.part(
        "chart",
        theme.row(
            theme.words("strong", "Used per day"), theme.grow(), theme.words("tiny", "days in UTC"), tag="figcaption"
        ),
        theme.words("soft", chart.sentence, tag="p"),
        rx.cond(chart.columns.length() > 0, rx.fragment(_columns(chart), _as_table(chart))),
    )


def _columns(chart: rx.Var[Chart]) -> rx.Component:
    return theme.plain(
        "div",
        theme.row(theme.words("tiny", chart.most, " credits", num=True)),
        theme.part("columns", rx.foreach(chart.columns, _column)),
        theme.row(theme.words("tiny", chart.first), theme.grow(), theme.words("tiny", chart.last)),
        custom_attrs={"aria-hidden": "true"},
    )


def _column(column: rx.Var[Column]) -> rx.Component:
    return theme.column(column.percent, f"{column.day}: {column.credits} credits")


def _as_table(chart: rx.Var[Chart]) -> rx.Component:
    return theme.more(
        "As a table",
        theme.table(
            ["Day", "Credits used"],
            rx.foreach(chart.columns, lambda column: theme.table_row(column.day, column.credits)),
            label="Credits used per day",
        ),
    )
