"""States as they look everywhere: one icon, one colour, one word, never the colour alone."""

from typing import Literal

import reflex as rx

from asynccoder_ui import theme

IdleTone = Literal["idle"]
# look → icon, tone
LOOKS: dict[str, tuple[str, theme.Tone | IdleTone]] = {
    "queued": ("clock", "warn"),
    "waiting": ("triangle-alert", "warn"),
    "running": ("loader-circle", "run"),
    "open": ("git-pull-request", "ok"),
    "draft": ("git-pull-request-draft", "idle"),
    "merged": ("git-merge", "merged"),
    "closed": ("git-pull-request-closed", "bad"),
    "unproven": ("triangle-alert", "warn"),
    "answered": ("circle-check", "ok"),
    "unchanged": ("circle-minus", "idle"),
    "failed": ("circle-x", "bad"),
    "stopped": ("ban", "idle"),
}
_VERDICTS: dict[str, tuple[str, theme.Tone, str]] = {
    "verified": ("badge-check", "ok", "verified"),
    "failed": ("circle-x", "bad", "tests fail"),
    "not_run": ("circle-minus", "", "not run"),
    "cannot_run": ("circle-alert", "warn", "cannot run here"),
}
# What others say of a pull request: icon, tone, words.
SIGNALS: dict[str, tuple[str, theme.Tone, str]] = {
    "checks_success": ("check", "ok", "checks pass"),
    "checks_failure": ("circle-x", "bad", "checks fail"),
    "checks_pending": ("clock", "warn", "checks run"),
    "approved": ("thumbs-up", "ok", "approved"),
    "changes_requested": ("message-square-warning", "warn", "changes wanted"),
    "commented": ("message-square", "", "reviewed"),
    "conflict": ("triangle-alert", "bad", "conflict"),
}


def state_icon(look: rx.Var[str]) -> rx.Component:
    """The icon of a task's state."""
    return rx.match(
        look,
        *[
            (name, theme.icon(icon, spin=name == "running", tone=tone))
            for name, (icon, tone) in LOOKS.items()
        ],
        theme.icon("circle-dot", tone="idle"),
    )  # fmt: skip


def state_pill(look: rx.Var[str], word: rx.Var[str]) -> rx.Component:
    """A task's state in a pill."""
    return rx.match(
        look,
        *[
            (name, theme.pill(theme.icon(icon, 14, spin=name == "running"), word, tone=_pill_tone(tone)))
            for name, (icon, tone) in LOOKS.items()
        ],
        theme.pill(word),
    )


def pull_pill(look: rx.Var[str], word: rx.Var[str], number: rx.Var[int], href: rx.Var[str]) -> rx.Component:
    """A pull request in GitHub's colours, leading to it."""

    def linked(name: str) -> rx.Component:
        icon, tone = LOOKS[name]
        return theme.pill_link(theme.icon(icon, 14), word, " #", number, href=href, tone=_pill_tone(tone))

    return rx.match(look, *[(name, linked(name)) for name in ("open", "draft", "merged", "closed")], rx.fragment())


def signal_pills(signals: rx.Var[list[str]]) -> rx.Component:
    """What others say of a pull request: its checks, its reviews, a conflict."""
    drawn = [(name, theme.pill(theme.icon(icon, 14), word, tone=tone)) for name, (icon, tone, word) in SIGNALS.items()]
    return rx.foreach(signals, lambda name: rx.match(name, *drawn, rx.fragment()))


def verdict_pill(verdict: rx.Var[str], otherwise: rx.Var[str] | str = "no evidence") -> rx.Component:
    """The evidence badge: green only for what the worker itself saw pass; `otherwise` stands where there is none."""
    return rx.match(
        verdict,
        *[(name, theme.pill(theme.icon(icon, 14), word, tone=tone)) for name, (icon, tone, word) in _VERDICTS.items()],
        theme.pill(theme.icon("circle-dashed", 14), otherwise),
    )


def _pill_tone(tone: theme.Tone | IdleTone) -> theme.Tone:
    return "" if tone == "idle" else tone
