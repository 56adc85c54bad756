"""The right side of a task's page: evidence, a second opinion, credits, pull request, the run's facts."""

import reflex as rx

from asynccoder_ui import theme
from asynccoder_ui.components.looks import pull_pill, signal_pills, verdict_pill
from asynccoder_ui.components.react import moment
from asynccoder_ui.facts import Remark
from asynccoder_ui.pull_deeds import deed_buttons
from asynccoder_ui.task_view import TaskView


def rail() -> rx.Component:
    """All of them, one below the other."""
    parts = (evidence_card(), opinion_part(), _credits(), _pull(), _run())
    return theme.part("rail", *parts, tag="aside", aria_label="About this task")


def evidence_card(in_full: bool = False) -> rx.Component:
    """The badge with what stands behind it; in full also the sha, the exit code and the log's hash."""
    seen = TaskView.evidence
    return rx.cond(
        seen.verdict != "",
        theme.card(
            theme.stack(
                theme.row(verdict_pill(seen.verdict), theme.grow(), theme.words("tiny", seen.duration, num=True)),
                rx.cond(seen.command != "", theme.words("mono", seen.command, tag="p")),
                theme.words("soft", seen.sentence, tag="p"),
                _weakened(),
                *([_figures(), _log_end()] if in_full else []),
            )
        ),
        theme.card(
            theme.stack(
                theme.row(verdict_pill(seen.verdict, seen.otherwise)), theme.words("aside", seen.sentence, tag="p")
            ),
        ),
    )


def opinion_part() -> rx.Component:
    """What another model remarked on, where one was asked."""
    said = TaskView.opinion
    return rx.cond(
        said.model != "",
        theme.plain(
            "section",
            theme.plain("h2", "Second opinion"),
            theme.stack(
                theme.words("aside", said.model, rx.cond(said.cost != "", " · " + said.cost, ""), tag="p"),
                rx.cond(said.sentence != "", theme.words("soft", said.sentence, tag="p")),
                rx.foreach(said.remarks, _remark),
            ),
        ),
    )


def _remark(one: rx.Var[Remark]) -> rx.Component:
    return theme.stack(
        theme.row(
            rx.match(
                one.tone,
                ("bad", theme.pill(one.severity, tone="bad")),
                ("warn", theme.pill(one.severity, tone="warn")),
                theme.pill(one.severity, tone="line"),
            ),
            theme.words("mono", one.where, trunc=True, title=one.where),
        ),
        theme.words("soft", one.text, tag="p"),
        gap="tight",
    )


def _figures() -> rx.Component:
    seen = TaskView.evidence
    return theme.part(
        "facts",
        *_fact("Commit", theme.words("mono", seen.sha)),
        *_fact("Exit code", theme.words("mono", seen.exit_code)),
        *_fact("Log", theme.words("mono", "sha256:", seen.log_sha256)),
        tag="dl",
    )


def _log_end() -> rx.Component:
    seen = TaskView.evidence
    return rx.cond(
        seen.log_end != "",
        theme.stack(
            theme.words("heading", "The end of the log", tag="h2"),
            theme.part("out", seen.log_end, tab_index=0, role="region", aria_label="The end of the tests' log"),
            gap="tight",
        ),
    )


def _weakened() -> rx.Component:
    weakened = TaskView.evidence.weakened
    return rx.cond(
        weakened.length() > 0,
        theme.notice(
            "Tests removed or skipped: ",
            rx.foreach(weakened, lambda name: theme.words("mono", name, " ")),
            tone="bad",
            icon_name="triangle-alert",
        ),
    )


def _credits() -> rx.Component:
    run = TaskView.run
    return theme.plain(
        "section",
        theme.plain("h2", "Cost"),
        theme.stack(
            theme.row(theme.words("figure", run.figure), theme.words("muted", run.credit_line, num=True)),
            theme.meter(run.percent, "Used of what the run may cost"),
        ),
    )


def _pull() -> rx.Component:
    pull = TaskView.pull
    return theme.plain(
        "section",
        theme.plain("h2", "Pull request"),
        rx.cond(
            pull.number > 0,
            theme.stack(
                theme.row(
                    pull_pill(pull.look, pull.word, pull.number, pull.href),
                    signal_pills(pull.signals),
                    wrap=True,
                    aria_live="polite",
                ),
                deed_buttons(),
            ),
            theme.words("muted", "None"),
        ),
    )


def _run() -> rx.Component:
    facts, run = TaskView.facts, TaskView.run
    return theme.plain(
        "section",
        theme.plain("h2", "Run ", run.number),
        theme.part(
            "facts",
            *_fact("Repository", facts.repository),
            *_fact("Branch", theme.words("mono", facts.branches)),
            *_fact("Type", facts.task_type),
            *_fact("Model", facts.model),
            *_fact("Turns", theme.words("soft", run.steps, num=True)),
            *_fact("Tokens", theme.words("soft", run.tokens, num=True)),
            *_fact("Jail", rx.cond(run.jail != "", run.jail, "not yet")),
            *_fact("Sent", moment(at=facts.sent), " by ", facts.owner),
            rx.cond(run.attempt != "", rx.fragment(*_fact("Attempt", run.attempt))),
            tag="dl",
        ),
    )


def _fact(name: str, *value: object) -> tuple[rx.Component, rx.Component]:
    return theme.plain("dt", name), theme.plain("dd", *value)
