"""A person's first visit: an example that leads to a first pull request."""

from typing import Any

import reflex as rx
from sqlmodel import Session

from asynccoder_ui.composer import Composer
from asynccoder_ui.composer_choice import content_of, with_repository
from asynccoder_ui.composer_view import fill_box
from asynccoder_ui.drafts import Drafts
from asynccoder_ui.gate import signed_in
from backend.models import User
from backend.services import drafts, repositories, tasks
from backend.settings import get_settings

# The demo's repository with a bug, and what its scripted model can mend; elsewhere something that every repository has.
_SAMPLE = "sample-shop"
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
        content, opened, is_demo = content_of(self.choice, written), self._opened, get_settings().is_demo

        def read(session: Session, user: User) -> list[repositories.RepositoryRow]:
            if written.strip():
                drafts.save(session, user, content, opened)
            return repositories.listing(session, user, _SAMPLE, 1) if is_demo else []

        rows = await self._ask(read)
        for row in rows:
            self._choose(with_repository(self.choice, row))
        prompt = _SAMPLE_PROMPT if rows else _PROMPT
        self._opened, self.opened, self._length = None, "", len(prompt)
        await self._price()
        return [fill_box(prompt), Drafts.show, Composer.ask_branches]
