"""A person's first visit: an example that leads to a first pull request."""

from typing import Any

import reflex as rx
from sqlmodel import Session

from asynccoder_ui.composer import Composer
from asynccoder_ui.composer_choice import content_of, sample, with_repository
from asynccoder_ui.composer_view import fill_box
from asynccoder_ui.drafts import Drafts
from asynccoder_ui.gate import signed_in
from backend.models import User
from backend.services import drafts, repositories, tasks

# What the scripted model can mend in the demo's sample; elsewhere something that every repository has.
_SAMPLE_PROMPT = "Totals are off by a cent when several half-cents meet. Find out why, and fix it."
_PROMPT = "Find one behaviour that no test holds yet, add a test for it, and mend what it shows."


class FirstSteps(Composer):
    """Shown on the home page until a first task was sent."""

    is_new: bool = False

    @rx.event
    @signed_in
    async def ask_whether_new(self) -> None:
        """Whether this person has never sent a task."""
        self.is_new = await self._ask(tasks.is_newcomer)

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
