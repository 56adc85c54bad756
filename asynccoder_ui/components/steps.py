"""The first steps, as the home page and the admins' setup page draw them."""

from typing import Any

import reflex as rx

from asynccoder_ui import routes, theme

_NEWCOMERS = (
    ("Pick a repository", "The work goes to a branch of its own."),
    ("Say what should be done", "A sentence or two, as to a colleague."),
    ("Send it, and walk away", "The tests are run for you; then a pull request opens."),
)
_SEND = "A sentence or two, then Send. In the demo a scripted model mends a sample repository."
_CONNECT = "Until then everything is a demo on this machine: an app at GitHub, four settings, a restart."
_KEY = "Anthropic’s, OpenAI’s or Google’s, a server of your own, or a key of yours in your Settings."


def newcomers_steps(*, on_example: Any, on_hide: Any) -> rx.Component:
    """Three steps to a first pull request."""
    return theme.part(
        "steps",
        _head("Your first pull request", on_example, on_hide),
        theme.plain("ol", *[theme.first_step(title, promise) for title, promise in _NEWCOMERS]),
        tag="section",
        aria_label="First steps",
    )


def admins_steps(steps: rx.Var[Any], *, on_example: Any, on_hide: Any) -> rx.Component:
    """From the demo to work on one's own repositories with a model."""
    return theme.part(
        "steps",
        _head("First steps", on_example, on_hide),
        steps_list(steps),
        theme.page_link("How each is done", href=f"{routes.ADMIN_SETUP}#first-steps"),
        tag="section",
        aria_label="First steps",
    )


def steps_list(steps: rx.Var[Any]) -> rx.Component:
    """The three steps, each with its true state."""
    return theme.plain(
        "ol",
        theme.first_step("Send the first task", _SEND, done=steps.is_sent),
        theme.first_step("Connect GitHub", _CONNECT, done=steps.is_connected),
        theme.first_step("Add a model’s key", _KEY, done=steps.has_model),
    )


def _head(title: str, on_example: Any, on_hide: Any) -> rx.Component:
    return theme.row(
        theme.words("strong", title, tag="h2"),
        theme.grow(),
        theme.button("Fill in an example", size="sm", on_click=on_example),
        theme.icon_button(theme.icon("x", 14), "Hide the first steps", title="Hide", on_click=on_hide),
    )
