"""The landing page: what this is, and the way in."""

from typing import Any

import reflex as rx

from asynccoder_ui import routes, theme
from asynccoder_ui.session import Session

_PROMISES = (
    (
        "git-pull-request",
        "A pull request, not a chat",
        "The worker commits, pushes and opens it. You read a diff, as you would from a colleague.",
    ),
    (
        "badge-check",
        "Evidence, not a claim",
        "The tests are run again on the final commit, apart from the model. The badge says what they said.",
    ),
    (
        "shield",
        "A guest in a jail",
        "The model's commands run without network, secrets or git credentials. A hold caps what a task may cost.",
    ),
)
# GitHub's mark, from its Octicons (MIT).
_MARK = (
    "M8 0C3.58 0 0 3.58 0 8c0 3.54 2.29 6.53 5.47 7.59.4.07.55-.17.55-.38 0-.19-.01-.82-.01-1.49-2.01.37-2.53-.49-2.69"
    "-.94-.09-.23-.48-.94-.82-1.13-.28-.15-.68-.52-.01-.53.63-.01 1.08.58 1.23.82.72 1.21 1.87.87 2.33.66.07-.52.28-.87"
    ".51-1.07-1.78-.2-3.64-.89-3.64-3.95 0-.87.31-1.59.82-2.15-.08-.2-.36-1.02.08-2.12 0 0 .67-.21 2.2.82.64-.18 1.32"
    "-.27 2-.27.68 0 1.36.09 2 .27 1.53-1.04 2.2-.82 2.2-.82.44 1.1.16 1.92.08 2.12.51.56.82 1.27.82 2.15 0 3.07-1.87"
    " 3.75-3.65 3.95.29.25.54.73.54 1.48 0 1.07-.01 1.93-.01 2.2 0 .21.15.46.55.38A8.01 8.01 0 0 0 16 8c0-4.42-3.58-8"
    "-8-8Z"
)


def landing() -> rx.Component:
    """Signed in or not; the button says which."""
    return theme.part(
        "landing",
        theme.part(
            "landing-head",
            theme.logo(),
            theme.grow(),
            rx.cond(Session.login != "", theme.page_button("Open the dashboard", href=routes.HOME, size="sm")),
            tag="header",
        ),
        theme.part("hero", _words(), _specimen(), _promises(), tag="main"),
        theme.part(
            "landing-foot",
            theme.plain("span", "Async Coder runs on your own machine. MIT licence."),
            tag="footer",
        ),
    )


def _words() -> rx.Component:
    return theme.part(
        "hero-words",
        theme.words(
            "display",
            "Write the task. ",
            rx.el.br(),
            "Walk away. ",
            rx.el.br(),
            "Come back to ",
            rx.el.br(),
            "a pull request.",
            tag="h1",
        ),
        theme.words(
            "lede",
            "Pick a repository, a branch and a model, and say what should be done. A worker does it in a jail, "
            "proves it with your own tests, and shows every step.",
            tag="p",
        ),
        rx.cond(
            Session.login != "",
            theme.page_button(
                "Open the dashboard", theme.icon("arrow-right"), href=routes.HOME, variant="primary", size="lg"
            ),
            theme.link_button(
                _github_mark(), "Sign in with GitHub", href=Session.sign_in_url, variant="primary", size="lg"
            ),
        ),
        rx.cond(
            Session.is_demo,
            theme.words(
                "aside",
                "Demo mode: a small GitHub on this machine stands in for the real one. No account and no key are "
                "needed; the demo model is scripted and is no AI.",
                tag="p",
            ),
        ),
    )


def _github_mark() -> rx.Component:
    return rx.el.svg(
        rx.el.path(d=_MARK),
        width="16",
        height="16",
        fill="currentColor",
        custom_attrs={"viewBox": "0 0 16 16", "aria-hidden": "true"},
    )


def _step(icon: str, *text: Any, end: Any = None) -> rx.Component:
    return theme.part(
        "step", theme.icon(icon), theme.part("step-text", *text), theme.part("step-end", *([end] if end else []))
    )


def _specimen() -> rx.Component:
    """A picture of a finished task, drawn with the task page's own parts."""
    command = theme.words("mono", "python3 -m unittest")
    added, removed = theme.words("added", "+3 ", num=True), theme.words("removed", "−1", num=True)
    return theme.part(
        "specimen",
        theme.row(
            theme.words("strong", "Fix rounding in tax totals"),
            theme.grow(),
            theme.pill(theme.icon("badge-check", 14), "verified", tone="ok"),
        ),
        theme.part("you", "Totals are off by a cent when a coupon and a tax exemption meet. Find out why, and fix it."),
        _step("file-search", "Read 4 files ", theme.words("muted", "totals.py, tax.py, coupon.py")),
        _step("terminal", command, end=theme.pill("exit 1", tone="bad")),
        _step("pencil", "Edited ", theme.words("mono", "shop/totals.py "), added, removed),
        _step("terminal", command, end=theme.pill("exit 0", tone="ok")),
        _step(
            "git-pull-request",
            "Opened ",
            theme.words("strong", "#319 Round totals once, after exemptions"),
            end="19 credits",
        ),
        custom_attrs={"aria-label": "An example of a finished task", "role": "img"},
    )


def _promises() -> rx.Component:
    return theme.part(
        "promises",
        *[
            theme.stack(
                theme.row(theme.icon(icon), theme.words("strong", title, tag="h2")),
                theme.words("soft", text, tag="p"),
                gap="tight",
            )
            for icon, title, text in _PROMISES
        ],
    )
