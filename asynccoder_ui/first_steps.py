"""A person's first visit: an example that leads to a first pull request."""

from typing import Any

import reflex as rx

from asynccoder_ui.composer import Composer
from asynccoder_ui.gate import signed_in
from backend.services import repositories, tasks
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
    async def take_example(self) -> Any:
        """Puts an example into the composer; in the demo also the repository that it is about."""
        rows = []
        if get_settings().is_demo:
            rows = await self._ask(lambda session, user: repositories.listing(session, user, _SAMPLE, 1))
        for row in rows:
            self._choose_repository(row)
        self._prompt = self.fill = _SAMPLE_PROMPT if rows else _PROMPT
        self.filled += 1
        await self._price()
        return Composer.ask_branches
