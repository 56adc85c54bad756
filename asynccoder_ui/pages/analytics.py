"""Analytics: what the tasks of the last days came to, for oneself or, for admins, for everyone."""

from typing import Any, ClassVar
from uuid import UUID

import reflex as rx

from asynccoder_ui import analytics_view as view
from asynccoder_ui import routes, theme
from asynccoder_ui.analytics_view import Chosen
from asynccoder_ui.components import charts, listing
from asynccoder_ui.following import Following, Reads
from asynccoder_ui.people import Question
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from backend.services import analytics_report, analytics_rollup
from backend.services.analytics_report import Report, Scope

_PERIODS = [("7", "7 days"), ("", "30 days"), ("90", "90 days")]
_SCOPES = [("", "Mine"), ("all", "Everyone")]
_STATES = (
    *(("done", "Done", "ok"), ("failed", "Failed", "bad")),
    *(("stopped", "Stopped", "ink-3"), ("alive", "Waiting or running", "accent")),
)


def _question(state: "Analytics") -> Question[Report]:
    return Question(analytics_report.report, Chosen.of(state.router.url.query_parameters).wanted)


def _show(state: "Analytics", report: Report) -> None:
    state.is_all = report.scope is Scope.ALL
    state.period, state.csv_href = view.period(report), routes.analytics_file(report.scope, report.days)
    state.is_empty = not report.figures.tasks
    state.figures, state.days = view.figures(report), view.days(report)
    state.states, state.outcomes = view.states(report), view.outcomes(report)
    state.types, state.models, state.repositories = view.types(report), view.models(report), view.repositories(report)
    state.cells, state.advice = view.cells(report), view.advice(report)
    state.more = max(0, len(report.cells) - view.MOST_CELLS)


def _topics(person: UUID) -> tuple[str, ...]:
    return (analytics_rollup.topic(person),)


class Analytics(Following, Session):
    """The report of the period and scope that the address names."""

    is_all: bool = False
    is_empty: bool = False
    period: str = ""
    csv_href: str = ""
    figures: list[view.Figure] = []
    days: list[view.DayLine] = []
    states: list[view.Part] = []
    outcomes: list[view.Part] = []
    types: list[view.Part] = []
    models: list[view.Part] = []
    repositories: list[view.Part] = []
    cells: list[view.CellLine] = []
    more: int = 0
    advice: list[str] = []
    _reads: ClassVar = Reads(_question, _show, topics=_topics)


def analytics() -> rx.Component:
    """The page."""
    return shell(
        theme.part(
            "page",
            theme.row(
                theme.words("title", "Analytics", tag="h1"),
                theme.grow(),
                rx.cond(Session.is_admin, listing.segments("scope", "Whose tasks", _SCOPES)),
                listing.segments("days", "Time", _PERIODS),
                wrap=True,
            ),
            rx.cond(
                Analytics.error != "",
                theme.trouble(
                    Analytics.error,
                    theme.page_button("Show mine", href=routes.ANALYTICS, size="sm"),
                    on_again=Analytics.again,
                ),
            ),
            rx.cond(
                Analytics.is_listed,
                rx.cond(Analytics.is_empty, _nothing(), _report()),
                rx.cond(Analytics.error == "", theme.skeleton(6)),
            ),
        ),
        at=routes.ANALYTICS,
    )


def _nothing() -> rx.Component:
    return theme.empty(
        "chart-column",
        "No tasks in this time.",
        theme.words("small", "What you send is counted here, on the day it was sent.", tag="p"),
        theme.page_button("New task", href=routes.HOME, variant="primary"),
    )


def _report() -> rx.Component:
    return theme.stack(
        theme.words(
            "aside",
            "Tasks sent ",
            Analytics.period,
            ". Days are in UTC; a task counts on the day it was sent, whatever happens to it later, and not at all once"
            " it is deleted. Each figure leads to its tasks",
            rx.cond(Analytics.is_all, ", as far as you may read them", ""),
            ".",
            tag="p",
        ),
        theme.part("stats", rx.foreach(Analytics.figures, _figure), tag="dl"),
        _chart("Tasks per day", _STATES),
        _chart("Credits per day", (("credits", "Credits", "accent"),)),
        _as_table(),
        theme.part(
            "panels",
            _parts("State", Analytics.states),
            _parts("Outcome", Analytics.outcomes),
            _parts("Type", Analytics.types, has_credits=True),
            _parts("Model", Analytics.models, has_credits=True),
            _parts("Repository", Analytics.repositories, has_credits=True),
        ),
        _worth(),
        gap="loose",
    )


def _figure(one: rx.Var[view.Figure]) -> rx.Component:
    return theme.plain(
        "div",
        theme.words("heading", one.label, tag="dt"),
        theme.plain("dd", theme.page_link(theme.words("figure", one.value), href=one.href, look="strong to")),
        rx.cond(one.note != "", theme.words("tiny", one.note, tag="dd")),
    )


def _chart(title: str, series: tuple[tuple[str, str, str], ...]) -> rx.Component:
    return theme.part(
        "chart",
        theme.row(
            theme.words("strong", title, tag="h2"),
            theme.grow(),
            charts.legend(*series) if len(series) > 1 else theme.words("tiny", "of the tasks sent that day"),
            wrap=True,
        ),
        charts.bars(Analytics.days, *series, of="day"),
    )


def _as_table() -> rx.Component:
    heads = ["Day", "Tasks", "Done", "Failed", "Stopped", "Waiting or running", "Merged", "Credits"]

    def line(one: rx.Var[view.DayLine]) -> rx.Component:
        counts = (one.done, one.failed, one.stopped, one.alive, one.merged, one.credits)
        return theme.table_row(one.day, theme.page_link(one.tasks, href=one.href), *counts)

    table = theme.table(heads, rx.foreach(Analytics.days, line), label="Each day")
    return theme.more("Each day as a table", theme.part("numbers", table))


def _parts(what: str, parts: rx.Var[list[view.Part]], *, has_credits: bool = False) -> rx.Component:
    def line(one: rx.Var[view.Part]) -> rx.Component:
        cells: list[Any] = [one.name, theme.page_link(one.tasks, href=one.href), one.share]
        return theme.table_row(*cells, *([one.credits] if has_credits else []))

    heads = [what, "Tasks", "Share", *(["Credits"] if has_credits else [])]
    label = f"By {what.lower()}"
    return theme.stack(
        theme.words("heading", label, tag="h2"),
        theme.part("numbers", theme.table(heads, rx.foreach(parts, line), label=label)),
    )


def _worth() -> rx.Component:
    heads = ["Model", "Type", "Repository", "Tasks", "Success", "Merged", "Credits", "Credits per merge"]
    return theme.stack(
        theme.row(
            theme.words("heading", "What a merged pull request costs", tag="h2"),
            theme.grow(),
            theme.link_button(
                theme.icon("download", 14),
                "Download CSV",
                href=Analytics.csv_href,
                size="sm",
                download="asynccoder-analytics.csv",
            ),
            wrap=True,
        ),
        rx.foreach(Analytics.advice, lambda sentence: theme.notice(sentence, tone="run", icon_name="lightbulb")),
        theme.words("aside", view.RULE, tag="p"),
        theme.part(
            "numbers worth",
            theme.table(heads, rx.foreach(Analytics.cells, _cell), label="By model, type and repository"),
        ),
        rx.cond(
            Analytics.more > 0,
            theme.words(
                "tiny", "The ", view.MOST_CELLS, " lines with most tasks; the download has ", Analytics.more, " more."
            ),
        ),
    )


def _cell(one: rx.Var[view.CellLine]) -> rx.Component:
    return theme.table_row(
        theme.words("strong", one.model),
        one.task_type,
        one.repository,
        theme.page_link(one.tasks, theme.narrow_only(" tasks"), href=one.href),
        theme.plain("span", one.success, theme.narrow_only(" success")),
        rx.cond(
            one.merges == "–",
            theme.wide_only(one.merges),
            theme.page_link(one.merges, theme.narrow_only(" merged"), href=one.merged_href),
        ),
        theme.plain("span", one.credits, theme.narrow_only(" credits")),
        rx.cond(
            one.per_merge == "–",
            theme.wide_only(one.per_merge),
            theme.words("strong", one.per_merge, theme.narrow_only(" credits per merge")),
        ),
    )
