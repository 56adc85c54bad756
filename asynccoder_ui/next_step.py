"""The notice above the reply box of a task's page: what its person would best do next."""

from typing import Literal

import reflex as rx

from asynccoder_ui import routes, theme
from asynccoder_ui.bring import bring_button
from asynccoder_ui.components.react import ago, moment
from asynccoder_ui.task_view import TaskView
from backend.services import next_action
from backend.services.back_again import Kind

_FOCUS_REPLY = "document.querySelector('form[aria-label=Follow-up] textarea')?.focus()"


def next_step() -> rx.Component:
    """The notice; nothing where there is no better step than waiting or writing."""
    step = TaskView.next
    return rx.match(
        step.kind,
        (
            next_action.BUDGET,
            _step(
                theme.button(TaskView.run.more, size="sm", variant="primary", on_click=TaskView.add_credits),
                theme.button("Finish now", size="sm", on_click=TaskView.finish_now),
                icon_name="triangle-alert",
                tone="warn",
            ),
        ),
        (
            next_action.PLAN,
            rx.cond(
                TaskView.tab == "plan",
                rx.fragment(),
                _step(
                    theme.button(TaskView.next.button, size="sm", variant="primary", on_click=TaskView.show("plan")),
                    icon_name="list-checks",
                    tone="warn",
                ),
            ),
        ),
        (
            next_action.FIX,
            _take("circle-x", "bad"),
        ),
        (
            next_action.RESOLVE,
            _take("git-merge", "warn"),
        ),
        (
            next_action.BRING,
            _step(
                bring_button(Kind.CHECKS, "Fix the checks"),
                bring_button(Kind.REVIEW, "Address the review"),
                icon_name="message-square-warning",
                tone="warn",
            ),
        ),
        (next_action.LIMIT, _pause()),
        (next_action.MODEL_LIMIT, _pause(_other_model())),
        (
            next_action.REPLY,
            _step(theme.button(step.button, size="sm", on_click=rx.call_script(_FOCUS_REPLY)), icon_name="reply"),
        ),
        (
            next_action.NEW_TASK,
            _step(theme.page_button(step.button, href=routes.HOME, size="sm"), icon_name="git-merge"),
        ),
    )


def _take(icon_name: str, tone: Literal["warn", "bad"]) -> rx.Component:
    button = theme.button(TaskView.next.button, size="sm", variant="primary", on_click=TaskView.take_next)
    return _step(button, icon_name=icon_name, tone=tone)


def _step(*buttons: rx.Component, icon_name: str, tone: Literal["", "warn", "bad"] = "") -> rx.Component:
    return theme.notice(
        theme.row(theme.grow(TaskView.next.sentence), *buttons, wrap=True), tone=tone, icon_name=icon_name
    )


def _pause(*ways: rx.Component) -> rx.Component:
    at = TaskView.facts.goes_on
    return theme.notice(
        theme.row(
            theme.grow(
                TaskView.next.sentence,
                " The run goes on by itself ",
                ago(at=at, in_words=True),
                ", at ",
                moment(at=at),
                ".",
            ),
            theme.row(theme.button(TaskView.next.button, size="sm", on_click=TaskView.go_on({})), *ways),
            wrap=True,
        ),
        tone="warn",
        icon_name="clock",
    )


def _other_model() -> rx.Component:
    return theme.dialog_button(
        ["Use another model"],
        theme.error_notice(TaskView.error),
        rx.cond(
            TaskView.models.length() > 0,
            theme.plain(
                "form",
                theme.part(
                    "form",
                    theme.form_row("Model", theme.select([], TaskView.models, name="model")),
                    theme.part("dialog-foot", theme.button("Go on with it", variant="primary", type="submit")),
                ),
                on_submit=TaskView.go_on,
                reset_on_submit=False,
            ),
            theme.words("small", "There is no other model that this run could be paid with.", tag="p"),
        ),
        title="Go on with another model",
        note="What was done stays, and the run may cost no more than before. Follow-ups use that model too.",
        size="sm",
        done=TaskView.changed,
        on_ask=TaskView.offer_models,
    )
