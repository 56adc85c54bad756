"""One repository: its head, its newest tasks, its branches, and how runs on it are checked and handed over."""

import reflex as rx

from asynccoder_ui import repositories_view as view
from asynccoder_ui import routes, theme, views
from asynccoder_ui.branches import branch_list
from asynccoder_ui.components import listing
from asynccoder_ui.components.looks import state_icon
from asynccoder_ui.components.react import ago, elapsed, moment, page_title
from asynccoder_ui.pages.repositories import marks
from asynccoder_ui.repository_view import TABS, RepositoryView
from asynccoder_ui.setup_view import setup_cards
from asynccoder_ui.shell import shell
from backend.services import repository_settings as settings
from backend.services.repository_hooks import HookState


def repository() -> rx.Component:
    """The page."""
    return shell(
        theme.part(
            "page",
            page_title(words=rx.cond(RepositoryView.missing != "", "No such repository", RepositoryView.head.name)),
            rx.cond(
                RepositoryView.missing != "",
                theme.empty(
                    "folder-git-2",
                    RepositoryView.missing,
                    theme.page_button("All repositories", href=routes.REPOSITORIES),
                    tag="h1",
                ),
                theme.stack(
                    listing.trouble(RepositoryView),
                    rx.cond(
                        RepositoryView.is_listed,
                        theme.stack(
                            _head(),
                            _tabs(),
                            rx.match(
                                RepositoryView.tab, ("branches", branch_list()), ("settings", _settings()), _tasks()
                            ),
                            gap="loose",
                        ),
                        rx.fragment(
                            theme.words("unseen", "Repository", tag="h1"),
                            rx.cond(RepositoryView.error == "", theme.skeleton(4, tall=True)),
                        ),
                    ),
                ),
            ),
        ),
        at=routes.REPOSITORIES,
    )


def _head() -> rx.Component:
    head = RepositoryView.head
    return theme.stack(
        theme.page_link("Repositories", href=routes.REPOSITORIES),
        theme.row(
            theme.words("title", head.name, tag="h1"),
            *marks(head),
            theme.grow(),
            rx.cond(
                head.url != "",
                theme.link_button(
                    theme.icon("external-link", 14), "Open on GitHub", href=head.url, target="_blank", rel="noreferrer"
                ),
            ),
            wrap=True,
        ),
        rx.cond(head.description != "", theme.words("soft", head.description, tag="p")),
        theme.words("tiny", head.facts, tag="p"),
        rx.cond(head.note != "", theme.notice(head.note, tone="warn", icon_name="triangle-alert")),
    )


def _tabs() -> rx.Component:
    return theme.part(
        "tabs",
        *[
            theme.tab(words, on=RepositoryView.tab == name, on_click=RepositoryView.show(name))
            for name, words in TABS.items()
        ],
        role="tablist",
    )


def _tasks() -> rx.Component:
    return theme.stack(
        rx.cond(
            RepositoryView.tasks.length() > 0,
            theme.part("list", rx.foreach(RepositoryView.tasks, _task), tag="ul", aria_label="Newest tasks"),
            theme.card(
                theme.row(
                    theme.grow(theme.words("soft", "No tasks on this repository yet.")),
                    theme.page_button("New task", href=routes.HOME, size="sm"),
                )
            ),
        ),
        rx.cond(
            RepositoryView.task_count > RepositoryView.tasks.length(),
            theme.row(
                theme.words("tiny", f"The newest {RepositoryView.tasks.length()} of {RepositoryView.task_count} tasks"),
                theme.page_link("Show all", href=RepositoryView.tasks_href),
            ),
        ),
    )


def _task(item: rx.Var[views.TaskItem]) -> rx.Component:
    return theme.part(
        "entry",
        state_icon(item.look),
        theme.grow(
            theme.page_link(item.title, href=item.href, look="strong to"), theme.words("tiny", item.line, tag="p")
        ),
        theme.words("tiny", rx.cond(item.since != "", elapsed(since=item.since), ago(at=item.at))),
        tag="li",
        key=item.id,
    )


def _settings() -> rx.Component:
    chosen = RepositoryView.settings
    return theme.stack(
        theme.stack(
            theme.card(rx.cond(chosen.can_change, _form(), _facts())),
            theme.words(
                "tiny",
                rx.cond(
                    chosen.changed_at != "",
                    rx.fragment("Last changed: ", moment(at=chosen.changed_at), ". "),
                    "Nothing was changed yet: these are the defaults. ",
                ),
                rx.cond(chosen.can_change, "", "People with admin access to the repository can change this."),
                tag="p",
            ),
        ),
        setup_cards(),
        _changes(),
        gap="loose",
    )


def _changes() -> rx.Component:
    """How what happens on GitHub is heard of."""
    told = theme.pill(theme.icon("webhook", 14), "told at once", tone="ok")
    asked = theme.pill(theme.icon("refresh-cw", 14), "asked every minute")
    return theme.stack(
        theme.words("heading", "Changes on GitHub", tag="h2"),
        theme.card(
            theme.stack(
                theme.row(
                    rx.match(
                        RepositoryView.head.hook,
                        (HookState.APP.value, told),
                        (HookState.KEPT.value, told),
                        (
                            HookState.REFUSED.value,
                            theme.pill(theme.icon("triangle-alert", 14), "no webhook", tone="warn"),
                        ),
                        asked,
                    )
                ),
                theme.words("soft", RepositoryView.head.hook_words, tag="p"),
            )
        ),
    )


def _form() -> rx.Component:
    chosen = RepositoryView.settings
    return rx.el.form(
        theme.part(
            "form",
            theme.error_notice(RepositoryView.refused),
            theme.form_row(
                "Test command",
                theme.field(
                    name="test_command",
                    default_value=chosen.test_command,
                    key=chosen.changed_at,
                    placeholder="Found by the repository's files",
                    max_length=settings.MOST_COMMAND,
                    auto_complete="off",
                    spell_check=False,
                ),
                "The worker runs it in a shell, in the jail and without network, on a clean checkout of the final "
                "commit. Empty: found by the repository's files.",
            ),
            theme.form_row(
                "Pull requests are opened as",
                theme.select(
                    view.POLICY_OPTIONS, name="draft_policy", default_value=chosen.draft_policy, key=chosen.changed_at
                ),
            ),
            theme.form_row(
                "Label that starts a task",
                theme.field(
                    name="trigger_label",
                    default_value=chosen.trigger_label,
                    key=chosen.changed_at,
                    placeholder="None does",
                    max_length=settings.MOST_LABEL,
                    auto_complete="off",
                    spell_check=False,
                ),
                "Whoever may push puts it on an issue, or on a pull request to have it reviewed. Empty: no label does.",
            ),
            theme.form_row(
                rx.fragment("A comment that names ", theme.words("mono", chosen.mention)),
                theme.select(
                    view.MENTION_OPTIONS, name="mentions", default_value=chosen.mentions, key=chosen.changed_at
                ),
            ),
            theme.form_row(
                "Second opinion",
                theme.select_from(
                    RepositoryView.opinion_options,
                    name="opinion",
                    default_value=chosen.opinion,
                    key=chosen.changed_at,
                ),
                "Another model reads what was asked for and the diff, once, before the pull request, and remarks on up "
                "to five things. It is paid out of what the run holds, where that is enough.",
            ),
            theme.part("dialog-foot", theme.button("Save", variant="primary", type="submit")),
        ),
        on_submit=RepositoryView.save,
        reset_on_submit=False,
    )


def _facts() -> rx.Component:
    chosen = RepositoryView.settings
    return theme.part(
        "facts",
        theme.plain("dt", "Test command"),
        theme.plain(
            "dd",
            rx.cond(
                chosen.test_command != "",
                theme.words("mono", chosen.test_command),
                "Found by the repository's files",
            ),
        ),
        theme.plain("dt", "Pull requests"),
        theme.plain("dd", chosen.draft_words),
        theme.plain("dt", "Label"),
        theme.plain(
            "dd",
            rx.cond(
                chosen.trigger_label != "",
                rx.fragment(theme.words("mono", chosen.trigger_label), " starts a task"),
                "None starts a task",
            ),
        ),
        theme.plain("dt", "Mention"),
        theme.plain("dd", "A comment that names ", theme.words("mono", chosen.mention), " ", chosen.mention_words),
        theme.plain("dt", "Second opinion"),
        theme.plain("dd", rx.cond(chosen.opinion_model != "", chosen.opinion_model, "Nobody gives one")),
        tag="dl",
    )
