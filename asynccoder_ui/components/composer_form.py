"""The form that a task is written and sent in, with what it is about, who does it and what it costs."""

import reflex as rx

from asynccoder_ui import theme
from asynccoder_ui.components.issue_offer import issue_offer
from asynccoder_ui.components.react import attach, picker, prompt_box
from asynccoder_ui.composer import Composer
from asynccoder_ui.composer_choice import TYPES
from asynccoder_ui.composer_view import BOX, EFFORT_OPTIONS, PRIORITY_OPTIONS, TYPE_OPTIONS, VISIBILITIES
from asynccoder_ui.drafts import Drafts
from asynccoder_ui.issues import Issues
from asynccoder_ui.review_pick import ReviewPick
from backend.services import attachments
from backend.services.tasks.write import MAX_PROMPT
from backend.words import TaskType

_EXAMPLE = "Totals are off by a cent when a coupon and a tax exemption meet. Find out why, and fix it."
_REVIEW_EXAMPLE = "What should the review look at? With a pull request, nothing needs to be said."


def composer_form() -> rx.Component:
    """The composer of the home page."""
    return theme.composer(
        theme.part(
            "where",
            _repository(),
            rx.cond(
                Composer.choice.task_type == TaskType.PR_REVIEW.value,
                rx.fragment(_pull(), rx.cond(Composer.choice.pull > 0, None, _branch())),
                _branch(),
            ),
            _plan(),
            attach(off=Composer.choice.no_images),
        ),
        prompt_box(
            draft=BOX,
            label="The task",
            placeholder=rx.cond(Composer.choice.task_type == TaskType.PR_REVIEW.value, _REVIEW_EXAMPLE, _EXAMPLE),
            most=MAX_PROMPT,
            taken=Composer.taken,
            most_images=attachments.MOST,
            no_images=Composer.choice.no_images,
            auto_focus=True,
            place=Composer.choice.repository,
            on_pause=Composer.weigh,
            on_mention=Issues.look,
        ),
        issue_offer(written("prompt")),
        theme.part("belt", _type(), _model(), _effort(), _priority(), _more(), _price(), _save(), _send()),
        on_submit=Composer.send,
        label="New task",
    )


def written(field: str) -> rx.Var[str]:
    """What stands in the composer's form at the moment of a click."""
    return rx.Var(f"document.querySelector('form.composer [name={field}]').value").to(str)


def _repository() -> rx.Component:
    return picker(
        theme.icon("folder-git-2"),
        label="Repository",
        text=Composer.choice.repository,
        value=Composer.choice.repository_id,
        options=Composer.repository_options,
        placeholder="Search repositories",
        empty_text=rx.cond(
            Composer.is_ready, "No repository has this in its name.", "Asking GitHub for your repositories…"
        ),
        note="Missing one? Sync them on the Repositories page.",
        on_pick=Composer.pick_repository,
        on_search=Composer.search_repositories,
    )


def _pull() -> rx.Component:
    return picker(
        theme.icon("git-pull-request"),
        label="Pull request",
        text=Composer.choice.pull_label,
        value=rx.cond(Composer.choice.pull > 0, Composer.choice.pull.to_string(), ""),
        options=ReviewPick.options,
        placeholder="Search, or write a number",
        empty_text="No open pull request fits. Any other is found by its number.",
        note=ReviewPick.note,
        disabled=Composer.choice.repository_id == "",
        on_ask=ReviewPick.ask,
        on_pick=ReviewPick.pick,
        on_search=ReviewPick.search,
    )


def _branch() -> rx.Component:
    return picker(
        theme.icon("git-branch"),
        label="Branch",
        text=Composer.choice.branch,
        value=Composer.choice.branch,
        options=Composer.branch_options,
        placeholder="Search branches",
        empty_text="No branch has this in its name.",
        note="The work goes to a new branch; this is where it starts and where the pull request leads.",
        disabled=Composer.choice.repository_id == "",
        on_pick=Composer.pick_branch,
        on_search=Composer.search_branches,
    )


def _type() -> rx.Component:
    icon = rx.match(
        Composer.choice.task_type,
        *[(kind.value, theme.icon(icon)) for kind, (icon, _, _) in TYPES.items()],
        theme.icon("bug"),
    )
    return picker(
        icon,
        label="Type",
        text=Composer.choice.type_name,
        value=Composer.choice.task_type,
        options=TYPE_OPTIONS,
        on_pick=Composer.pick_type,
    )


def _plan() -> rx.Component:
    return rx.cond(
        Composer.choice.may_plan,
        theme.ticked(
            "Plan first",
            title="It makes a plan and waits: nothing is changed before you have approved it.",
            checked=Composer.choice.plan_first,
            on_change=Composer.pick_plan,
        ),
    )


def _model() -> rx.Component:
    return picker(
        theme.icon("cpu"),
        label="Model",
        text=Composer.choice.model,
        value=Composer.choice.model_id,
        options=Composer.model_options,
        note="The task, its images and the files it reads are sent to the model's provider. The demo model sends "
        "nothing anywhere.",
        on_pick=Composer.pick_model,
    )


def _priority() -> rx.Component:
    return picker(
        theme.icon("flag"),
        label="Priority",
        text=Composer.choice.priority.capitalize(),
        value=Composer.choice.priority,
        options=PRIORITY_OPTIONS,
        on_pick=Composer.pick_priority,
    )


def _effort() -> rx.Component:
    return rx.cond(
        Composer.choice.efforts > 0,
        picker(
            theme.icon("gauge"),
            label="Effort",
            text=rx.cond(Composer.choice.effort == "", "Usual effort", Composer.choice.effort.capitalize()),
            value=Composer.choice.effort,
            options=EFFORT_OPTIONS,
            on_pick=Composer.pick_effort,
        ),
    )


def _more() -> rx.Component:
    target = rx.cond(Composer.choice.target_branch == "", Composer.choice.branch, Composer.choice.target_branch)
    return theme.dialog_button(
        [theme.icon("sliders-horizontal")],
        theme.form_row(
            "Where the pull request leads",
            picker(
                theme.icon("git-pull-request"),
                label="Target branch",
                text=target,
                value=target,
                options=Composer.branch_options,
                placeholder="Search branches",
                empty_text="No branch has this in its name.",
                disabled=Composer.choice.repository_id == "",
                on_pick=Composer.pick_target,
                on_search=Composer.search_branches,
            ),
            "The branch it starts from, unless you choose another.",
        ),
        theme.form_row(
            "Who may read it",
            theme.select(VISIBILITIES, value=Composer.choice.visibility, on_change=Composer.pick_visibility),
            "Prompt, log, changes and cost. Only you can steer it.",
        ),
        title="More about this task",
        label="Target branch and visibility",
        variant="quiet",
        size="icon",
    )


def _save() -> rx.Component:
    return theme.button(
        theme.icon("bookmark"),
        variant="quiet",
        size="icon",
        aria_label="Save as a draft",
        title="Save as a draft",
        on_click=Drafts.save(written("prompt"), written("nonce"), written("images")),
    )


def _price() -> rx.Component:
    return theme.part(
        "estimate",
        rx.cond(
            Composer.price.is_known,
            rx.cond(
                Composer.price.own_key,
                rx.fragment("likely ", rx.el.b(Composer.price.likely), " on your own key"),
                rx.fragment(
                    "likely ",
                    rx.el.b(Composer.price.likely),
                    " credits, holds ",
                    rx.el.b(Composer.price.hold),
                    rx.cond(Composer.price.is_short, theme.words("warning", " · more than you have")),
                ),
            ),
        ),
        title=rx.cond(
            Composer.price.own_key,
            Composer.price.basis + " It asks you before it costs more than " + Composer.price.most,
            Composer.price.basis,
        ),
        custom_attrs={"aria-live": "polite"},
    )


def _send() -> rx.Component:
    return theme.button(
        rx.cond(Composer.is_sending, theme.icon("loader-circle", spin=True), theme.icon("arrow-up")),
        variant="primary",
        size="icon",
        type="submit",
        disabled=Composer.is_sending,
        aria_label="Send the task",
        title="Send (Enter)",
    )
