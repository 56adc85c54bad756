"""A task's page: what was asked, what happens, what changed, whether it holds, where it went."""

from typing import Any

import reflex as rx

from asynccoder_ui import routes, theme
from asynccoder_ui.components.looks import pull_pill, signal_pills, state_pill, verdict_pill
from asynccoder_ui.components.rail import evidence_card, opinion_part, rail
from asynccoder_ui.components.react import (
    answer,
    attach,
    changes,
    elapsed,
    moment,
    page_title,
    plan,
    prompt_box,
    run_log,
    shots,
)
from asynccoder_ui.next_step import next_step
from asynccoder_ui.pull_deeds import deed_buttons
from asynccoder_ui.retry import retry_button
from asynccoder_ui.shell import shell
from asynccoder_ui.task_menu import TaskMenu
from asynccoder_ui.task_view import TaskView
from backend.engine.tools import MAX_PLAN
from backend.services.tasks.plans import MAX_WORDS
from backend.services.tasks.upkeep import MAX_TITLE
from backend.services.tasks.write import MAX_PROMPT


def task() -> rx.Component:
    """The page, or the one sentence that there is none."""
    return shell(
        page_title(words=rx.cond(TaskView.missing != "", "No such task", TaskView.facts.title)),
        rx.cond(
            TaskView.missing != "",
            _nowhere(),
            theme.part("task-page", rx.cond(TaskView.facts.id != "", _head(), _head_to_come()), _columns()),
        ),
        at=routes.TASK,
    )


def _head() -> rx.Component:
    return theme.part(
        "head",
        theme.part(
            "head-row",
            theme.words("title", TaskView.facts.title, tag="h1"),
            state_pill(TaskView.facts.look, TaskView.facts.word),
            rx.cond(TaskView.facts.can_stop, _stop()),
            rx.cond(TaskView.facts.can_retry, retry_button()),
            rx.cond(TaskView.facts.archive != "", _archive()),
            rx.cond(TaskView.menu.length() > 0, _menu()),
            custom_attrs={"aria-live": "polite"},
        ),
        _meta(),
        _glance(),
        _tabs(),
        tag="header",
    )


def _stop() -> rx.Component:
    """Asks before a run is given up that has cost something; Escape presses it."""
    return theme.confirm_button(
        theme.icon("square", 14),
        "Stop",
        title="Stop this run?",
        note=TaskView.facts.stop_note,
        action="Stop the run",
        asks=TaskView.facts.is_paid,
        escape=True,
        size="sm",
        on_confirm=TaskView.stop,
    )


def _archive() -> rx.Component:
    label = rx.cond(TaskView.facts.archive == "archive", "Archive", "Bring back from the archive")
    return theme.icon_button(
        rx.cond(TaskView.facts.archive == "archive", theme.icon("archive", 14), theme.icon("archive-restore", 14)),
        label,
        on_click=TaskMenu.act(TaskView.facts.id, TaskView.facts.archive),
        custom_attrs={"data-key": "archive"},
    )


def _menu() -> rx.Component:
    return theme.menu_button(
        theme.icon("ellipsis", 14),
        options=TaskView.menu,
        label="More actions",
        text=TaskView.facts.title,
        most=MAX_TITLE,
        on_pick=lambda action: TaskMenu.act(TaskView.facts.id, action),
        on_fill=lambda action, text: TaskMenu.fill(TaskView.facts.id, action, text),
    )


def _meta() -> rx.Component:
    return theme.part(
        "meta",
        rx.cond(
            TaskView.facts.reason != "",
            theme.words(
                "strong",
                TaskView.facts.reason,
                rx.cond(TaskView.facts.goes_on != "", rx.fragment(" until ", moment(at=TaskView.facts.goes_on))),
            ),
        ),
        rx.cond(TaskView.facts.archive == "unarchive", theme.pill(theme.icon("archive", 14), "archived", tone="line")),
        rx.cond(TaskView.facts.is_shared, _shared()),
        rx.cond(TaskView.facts.plan_first, theme.pill(theme.icon("list-checks", 14), "plan first", tone="line")),
        rx.cond(
            TaskView.facts.review != "",
            theme.pill_link(theme.icon("eye", 14), TaskView.facts.review, href=TaskView.facts.review_href, tone="line"),
        ),
        theme.plain("span", TaskView.facts.repository),
        theme.words("mono", TaskView.facts.branches, trunc=True),
        theme.plain("span", TaskView.facts.model),
        rx.cond(TaskView.facts.script_label != "", theme.pill(TaskView.facts.script_label, tone="line")),
        rx.cond(TaskView.facts.since != "", elapsed(since=TaskView.facts.since, until=TaskView.facts.until)),
    )


def _shared() -> rx.Component:
    whose = rx.cond(TaskView.facts.is_mine, "shared", f"{TaskView.facts.owner}'s, to read")
    return theme.pill(theme.icon("users", 14), whose, tone="line")


def _glance() -> rx.Component:
    """The rail in one line, where there is no room for it."""
    return theme.part(
        "glance",
        verdict_pill(TaskView.evidence.verdict, TaskView.evidence.otherwise),
        theme.pill(TaskView.run.glance),
        pull_pill(TaskView.pull.look, TaskView.pull.word, TaskView.pull.number, TaskView.pull.href),
    )


def _tabs() -> rx.Component:
    count = rx.cond(
        TaskView.facts.file_count > 0, theme.words("muted", " ", TaskView.facts.file_count, num=True), rx.fragment()
    )
    return theme.part(
        "tabs",
        _tab("log", "Log"),
        rx.cond(TaskView.plan.number > 0, _tab("plan", "Plan")),
        rx.cond(TaskView.facts.answer != "", _tab("answer", TaskView.facts.answer)),
        _tab("changes", "Changes", count),
        _tab("evidence", "Evidence"),
        _tab("pull", "Pull request"),
        _tab("details", "Details", rail=True),
        role="tablist",
    )


def _tab(name: str, *label: Any, rail: bool = False) -> rx.Component:
    return theme.tab(*label, on=TaskView.tab == name, rail=rail, on_click=TaskView.show(name))


def _columns() -> rx.Component:
    return theme.part(
        "cols",
        theme.part(
            "work",
            rx.match(
                TaskView.tab,
                ("changes", _changes()),
                ("plan", theme.part("scroll", _plan())),
                ("answer", theme.part("scroll", answer(task=TaskView.facts.id, version=TaskView.facts.files_version))),
                ("evidence", theme.part("scroll", evidence_card(in_full=True), opinion_part())),
                ("pull", theme.part("scroll", _pull())),
                ("details", theme.part("scroll", rail())),
                run_log(model=TaskView.facts.model),
            ),
            theme.part(
                "foot",
                rx.cond(TaskView.facts.id != "", theme.error_notice(TaskView.error)),
                next_step(),
                _waiting(),
                _reply(),
            ),
        ),
        rx.cond(TaskView.facts.id != "", rail(), _rail_to_come()),
    )


def _changes() -> rx.Component:
    return theme.part(
        "scroll",
        changes(
            task=TaskView.facts.id,
            version=TaskView.facts.files_version,
            base=TaskView.facts.base,
            patch_href=TaskView.facts.patch_href,
            branch=TaskView.facts.work_branch,
            may_review=TaskView.facts.can_follow_up,
            reviewed=TaskView.reviewed,
            on_review=TaskView.send_review,
        ),
    )


def _plan() -> rx.Component:
    shown = TaskView.plan
    return rx.cond(
        shown.number > 0,
        plan(
            task=TaskView.facts.id,
            number=shown.number,
            title=shown.title,
            text=shown.text,
            decision=shown.decision,
            words=shown.words,
            by=shown.by,
            is_edited=shown.is_edited,
            until=shown.until,
            waits=shown.waits,
            may_decide=shown.may_decide,
            most=MAX_PLAN,
            most_words=MAX_WORDS,
            answered=TaskView.answered,
            on_decide=TaskView.decide,
        ),
    )


def _pull() -> rx.Component:
    return rx.cond(
        TaskView.pull.number > 0,
        theme.stack(
            theme.card(
                theme.row(
                    pull_pill(TaskView.pull.look, TaskView.pull.word, TaskView.pull.number, TaskView.pull.href),
                    signal_pills(TaskView.pull.signals),
                    theme.words("strong", TaskView.pull.title),
                    theme.grow(),
                    deed_buttons(),
                    wrap=True,
                ),
            ),
            theme.words("heading", "Try it on your own machine", tag="h2"),
            theme.part(
                "out", "git fetch origin ", TaskView.facts.work_branch, "\ngit switch ", TaskView.facts.work_branch
            ),
            theme.row(
                theme.link_button(
                    "Open on GitHub",
                    theme.icon("external-link", 14),
                    href=TaskView.pull.href,
                    target="_blank",
                    rel="noreferrer",
                )
            ),
        ),
        theme.empty(
            "git-pull-request",
            "No pull request yet.",
            theme.words("small", "It is opened once the changes are committed and the tests have been run.", tag="p"),
        ),
    )


def _waiting() -> rx.Component:
    return rx.foreach(
        TaskView.queued,
        lambda message: theme.part(
            "queued",
            theme.icon("clock", 14),
            theme.grow(theme.words("small", message.text, trunc=True, tag="p")),
            shots(images=message.images),
            theme.icon_button(
                theme.icon("x", 14),
                "Withdraw this message",
                title="Withdraw",
                on_click=TaskView.withdraw(message.id),
            ),
            key=message.id,
        ),
    )


def _reply() -> rx.Component:
    return rx.cond(
        TaskView.facts.can_follow_up,
        theme.composer(
            theme.row(
                theme.grow(
                    prompt_box(
                        draft=TaskView.facts.id,
                        label="Follow-up",
                        placeholder=rx.cond(
                            TaskView.plan.may_decide,
                            "Add something to read once the plan is answered…",
                            rx.cond(TaskView.facts.can_stop, "Add something for this run to read…", "Add a follow-up…"),
                        ),
                        most=MAX_PROMPT,
                        taken=TaskView.taken,
                        most_images=TaskView.facts.most_images,
                        no_images=TaskView.facts.no_images,
                    )
                ),
                theme.part(
                    "belt",
                    theme.wide_only(theme.kbd("⌘↵")),
                    attach(off=TaskView.facts.no_images),
                    theme.button(
                        theme.icon("arrow-up"), variant="primary", size="icon", type="submit", aria_label="Send"
                    ),
                ),
            ),
            on_submit=TaskView.send,
            label="Follow-up",
            small=True,
        ),
        rx.cond(TaskView.facts.no_more != "", theme.notice(TaskView.facts.no_more)),
    )


def _nowhere() -> rx.Component:
    return theme.empty(
        "search-x",
        TaskView.missing,
        theme.words("small", "Tasks are private unless whoever started them shares them.", tag="p"),
        theme.page_button("New task", href=routes.HOME, variant="primary"),
        tag="h1",
    )


def _head_to_come() -> rx.Component:
    trouble = theme.trouble(TaskView.error, on_again=TaskView.follow)
    return theme.part(
        "head",
        theme.words("unseen", "Task", tag="h1"),
        rx.cond(TaskView.error != "", trouble, theme.skeleton(2)),
        tag="header",
    )


def _rail_to_come() -> rx.Component:
    return theme.part("rail", theme.skeleton(3, tall=True), tag="aside", aria_label="About this task")
