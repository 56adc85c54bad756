"""What somebody does first: an example that leads to a first pull request and, for an admin, all that comes after."""

from dataclasses import dataclass
from typing import Any

import reflex as rx
from sqlmodel import Session

from asynccoder_ui.composer import Composer
from asynccoder_ui.composer_choice import content_of, sample, with_repository
from asynccoder_ui.composer_view import fill_box
from asynccoder_ui.drafts import Drafts
from asynccoder_ui.gate import signed_in
from backend.models import User
from backend.services import drafts, preferences, repositories, setup, tasks

# What the scripted model can mend in the demo's sample; elsewhere something that every repository has.
_SAMPLE_PROMPT = "Totals are off by a cent when several half-cents meet. Find out why, and fix it."
_PROMPT = "Find one behaviour that no test holds yet, add a test for it, and mend what it shows."


@dataclass(frozen=True)
class Steps:
    """An admin's steps, each done or not, and what GitHub wants to know; `is_open`: something is left to do."""

    is_open: bool = False
    is_sent: bool = False
    is_connected: bool = False
    has_model: bool = False
    callback_url: str = ""
    webhook_url: str = ""


def steps_of(found: setup.Checklist) -> Steps:
    """As pages hold them."""
    return Steps(
        not found.is_done,
        found.is_sent,
        found.is_connected,
        found.has_model,
        found.callback_url,
        found.webhook_url,
    )


class FirstSteps(Composer):
    """Shown on the home page until they are done, or hidden by their person."""

    is_new: bool = False
    steps: Steps = Steps()

    @rx.event
    @signed_in
    async def ask_whether_new(self) -> None:
        """Whether this person has never sent a task, and how far their deployment is where they are an admin."""

        def read(session: Session, user: User) -> tuple[bool, Steps]:
            if preferences.of(user).has_hidden_steps:
                return False, Steps()
            steps = steps_of(setup.checklist(session, user)) if user.is_admin else Steps()
            return tasks.is_newcomer(session, user), steps

        self.is_new, self.steps = await self._ask(read)

    @rx.event
    @signed_in
    async def hide_steps(self) -> None:
        """Shows them no more, on whichever machine."""
        await self._ask(setup.hide_steps)
        self.is_new, self.steps = False, Steps()

    @rx.event
    @signed_in
    async def take_example(self, written: str) -> Any:
        """Puts an example into the composer, in the demo with the repository that it is about.

        What was written there becomes a draft.
        """
        content, opened = content_of(self.choice, written), self._opened

        def read(session: Session, user: User) -> repositories.RepositoryRow | None:
            if written.strip():
                drafts.save(session, user, content, opened)
            return sample(session, user)

        row = await self._ask(read)
        if row is not None:
            self._choose(with_repository(self.choice, row))
        prompt = _SAMPLE_PROMPT if row is not None else _PROMPT
        self._opened, self.opened, self._length = None, "", len(prompt)
        await self._price()
        return [fill_box(prompt), Drafts.show, Composer.ask_branches]
