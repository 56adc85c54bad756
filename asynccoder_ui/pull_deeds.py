"""The buttons of a pull request: merge, ready for review, close, open again. What changed comes back with the rings."""

from dataclasses import replace
from typing import Any

import reflex as rx

from asynccoder_ui import given, orders, people, theme
from asynccoder_ui.gate import signed_in
from asynccoder_ui.session import Session
from asynccoder_ui.task_view import TaskView
from asynccoder_ui.views import Action
from backend.errors import Refusal
from backend.services import pull_request_actions as service
from backend.services.pull_request_actions import Deed
from backend.words import PullRequestStatus

_LONGEST_SHA = 64
_ACTIONS = {
    Deed.MERGE: Action(
        Deed.MERGE,
        "Merge",
        title="Merge this pull request?",
        ask="GitHub merges it as it stands here, with a merge commit in your name.",
    ),
    Deed.SQUASH: Action(
        Deed.SQUASH,
        "Squash and merge",
        title="Squash and merge this pull request?",
        ask="GitHub makes one commit of it as it stands here, in your name.",
    ),
    Deed.READY: Action(
        Deed.READY,
        "Ready for review",
        title="Mark it ready for review?",
        ask="It is a draft no longer: GitHub asks its reviewers, and it can be merged.",
    ),
    Deed.CLOSE: Action(
        Deed.CLOSE,
        "Close",
        tone="bad",
        title="Close this pull request without merging it?",
        ask="Its branch stays, and it can be opened again.",
    ),
    Deed.REOPEN: Action(
        Deed.REOPEN, "Open again", title="Open this pull request again?", ask="GitHub tells those who follow it."
    ),
}


def _menu(status: PullRequestStatus) -> list[Action]:
    return [_ACTIONS[deed] for deed in service.offered(status, may_push=True)]


def _warned(action: Action) -> Action:
    if action.value not in (Deed.MERGE, Deed.SQUASH):
        return action
    return replace(action, ask=f"{action.ask} The worker's own run of the tests failed on it.")


# By what `views.pull_menu` says of a pull request. What would be refused is not offered.
MENUS = {
    PullRequestStatus.OPEN.value: _menu(PullRequestStatus.OPEN),
    "unproven": [_warned(action) for action in _menu(PullRequestStatus.OPEN)],
    "stuck": [_ACTIONS[Deed.CLOSE]],
    PullRequestStatus.DRAFT.value: _menu(PullRequestStatus.DRAFT),
    PullRequestStatus.CLOSED.value: _menu(PullRequestStatus.CLOSED),
}


class PullDeeds(Session):
    """Does what was picked, one at a time in a tab."""

    busy: str = ""  # the id of the task whose pull request GitHub is asked about

    @rx.event(background=True)
    @signed_in
    async def do(self, task_id: str, deed: str, sha: str) -> Any:
        """Asks GitHub; a merge is of the head `sha` and of no other."""
        task, wanted = given.identity(task_id), given.one_of(Deed, deed)
        async with self:
            if self.busy:
                return None
            token, self.busy = self._token(), task_id
        try:
            await people.outside(token, lambda person: service.do(person, task, wanted, sha[:_LONGEST_SHA]))
        except Refusal as error:
            return orders.refuse(error)
        finally:
            async with self:
                self.busy = ""
        return None


def deed_buttons() -> rx.Component:
    """Of the task's pull request: the likeliest in sight, the others in a menu."""
    return rx.match(
        TaskView.pull.menu,
        *[(kind, _buttons(first, others)) for kind, (first, *others) in MENUS.items()],
        rx.fragment(),
    )


def deed_menu(task_id: rx.Var[str], kind: rx.Var[str], sha: rx.Var[str], number: rx.Var[int]) -> rx.Component:
    """Of a pull request in a list: all of them in a menu."""
    return rx.cond(
        kind != "",
        _more(task_id, sha, _options(kind), f"Actions of #{number}"),
    )


def _buttons(first: Action, others: list[Action]) -> rx.Component:
    pull, task = TaskView.pull, TaskView.facts.id
    if first.tone == "bad":  # never in sight by itself
        return _more(task, pull.sha, rx.Var.create([first, *others]), "Actions of this pull request")
    return theme.row(
        theme.confirm_button(
            rx.cond(PullDeeds.busy != "", theme.icon("loader-circle", 14, spin=True)),
            first.label,
            title=first.title,
            note=first.ask,
            action=first.label,
            tone="primary",
            size="sm",
            disabled=PullDeeds.busy != "",
            on_confirm=PullDeeds.do(task, first.value, pull.sha),
        ),
        _more(task, pull.sha, rx.Var.create(others), "More for this pull request") if others else rx.fragment(),
    )


def _more(task_id: rx.Var[str], sha: rx.Var[str], options: rx.Var[Any], label: Any) -> rx.Component:
    return theme.menu_button(
        theme.icon("ellipsis", 14),
        options=options,
        label=label,
        disabled=PullDeeds.busy != "",
        on_pick=lambda deed: PullDeeds.do(task_id, deed, sha),
    )


def _options(kind: rx.Var[str]) -> rx.Var[Any]:
    options = rx.match(kind, *[(name, rx.Var.create(menu)) for name, menu in MENUS.items()], rx.Var.create([]))
    assert isinstance(options, rx.Var)
    return options
