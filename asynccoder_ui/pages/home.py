"""Home: what should be done, where, by whom, for how much."""

import reflex as rx

from asynccoder_ui import routes, theme
from asynccoder_ui.components.composer_form import composer_form, written
from asynccoder_ui.components.react import ago
from asynccoder_ui.components.steps import admins_steps, newcomers_steps
from asynccoder_ui.composer import Composer
from asynccoder_ui.composer_choice import TYPES
from asynccoder_ui.drafts import DraftItem, Drafts
from asynccoder_ui.first_steps import FirstSteps
from asynccoder_ui.shell import shell
from asynccoder_ui.suggestions import suggested


def home() -> rx.Component:
    """Greeting, composer, the six types, what the repository suggests, drafts."""
    return shell(
        theme.part(
            "stage",
            theme.stack(
                theme.words("headline", "What should be done?", tag="h1"),
                theme.words("lede", "Describe it, walk away, come back to a pull request.", tag="p"),
                gap="tight",
            ),
            _first_steps(),
            rx.cond(Composer.github_error != "", _github_trouble()),
            composer_form(),
            theme.error_notice(Composer.error),
            rx.cond(Composer.choice.is_demo, _no_ai()),
            _types(),
            suggested(written("prompt")),
            rx.cond(Drafts.saved.length() > 0, _drafts()),
        ),
        at=routes.HOME,
    )


def _first_steps() -> rx.Component:
    deeds = {"on_example": FirstSteps.take_example(written("prompt")), "on_hide": FirstSteps.hide_steps}
    return rx.cond(
        FirstSteps.steps.is_open,
        admins_steps(FirstSteps.steps, **deeds),
        rx.cond(FirstSteps.is_new, newcomers_steps(**deeds)),
    )


def _github_trouble() -> rx.Component:
    reconnect = theme.link_button("Reconnect GitHub", href=routes.sign_in(routes.HOME), size="sm")
    return theme.trouble(Composer.github_error, reconnect, on_again=Composer.load)


def _drafts() -> rx.Component:
    return theme.stack(
        theme.words("heading", "Drafts", tag="h2"),
        theme.part("list", rx.foreach(Drafts.saved, _draft), tag="ul"),
    )


def _draft(item: rx.Var[DraftItem]) -> rx.Component:
    return theme.part(
        "entry",
        theme.icon("bookmark"),
        theme.grow(
            theme.words("strong", item.title, trunc=True, tag="p"),
            theme.words("tiny", rx.cond(item.where == "", "", item.where + " · "), ago(at=item.at), tag="p"),
        ),
        rx.cond(
            Composer.opened == item.id,
            theme.pill("in the box", tone="line"),
            theme.button("Open", size="sm", on_click=Drafts.open(item.id, written("prompt"), written("images"))),
        ),
        theme.confirm_button(
            theme.icon("x", 14),
            title="Delete this draft?",
            note="What it says is gone then.",
            action="Delete",
            variant="quiet",
            size="icon sm",
            label="Delete this draft",
            on_confirm=Drafts.discard(item.id),
        ),
        tag="li",
        key=item.id,
    )


def _no_ai() -> rx.Component:
    return theme.words(
        "aside",
        "This model is scripted and is no AI: it makes true tool calls in the true jail, and knows its way in the "
        "demo's sample repository alone.",
        tag="p",
    )


def _types() -> rx.Component:
    return theme.part(
        "types",
        *[
            theme.choice_card(
                [theme.icon(icon), name],
                promise,
                on=Composer.choice.task_type == kind.value,
                on_click=Composer.pick_type(kind.value),
            )
            for kind, (icon, name, promise) in TYPES.items()
        ],
        role="radiogroup",
        aria_label="What kind of work",
    )
