"""The composer's issues: what a person's words name is looked up and offered, and put into the box when they accept."""

from typing import Any
from uuid import UUID

import reflex as rx
from reflex_base.event import EventSpec

from asynccoder_ui import orders, people
from asynccoder_ui.composer import Composer
from asynccoder_ui.composer_choice import with_repository
from asynccoder_ui.composer_view import BOX
from asynccoder_ui.gate import signed_in
from backend.errors import Refusal
from backend.services import access, issues

_LONGEST = 500  # characters of a reference


class Issues(Composer):
    """The issue that the composer's text names last. Nothing of it is in the text until it is accepted."""

    offer: str = ""
    refusal: str = ""
    is_importing: bool = False
    _reference: str = ""
    _found: issues.Issue | None = None
    _written: str = ""  # what stood in the box when the offer was taken

    @rx.event
    @signed_in
    async def look(self, reference: str) -> Any:
        """Looks for what is named now; what was offered before is no longer."""
        self._turn_to(reference[:_LONGEST])
        return Issues.ask if self._reference else None

    @rx.event(background=True)
    @signed_in
    async def ask(self) -> Any:
        """Asks GitHub; an answer about what is no longer named, or about another repository, is dropped."""
        async with self:
            token, wanted = self._token(), (self._reference, self.choice.repository_id)
        reference, repository_id = wanted
        if not reference:
            return None
        place = UUID(repository_id) if repository_id else None
        found, refusal = await people.looked_up(token, lambda person: issues.look_up(person, reference, place))
        async with self:
            if wanted == (self._reference, self.choice.repository_id):
                self._found, self.refusal = found, refusal
                self.offer = self._words(found) if found else ""

    @rx.event
    @signed_in
    async def dismiss(self) -> None:
        """Offers it no longer."""
        self._turn_to("")

    @rx.event
    @signed_in
    async def accept(self, written: str) -> Any:
        """Takes the offer, twice is once; its repository is chosen where it is another one."""
        found = self._found
        if found is None or self.is_importing:
            return None
        repository_id, self.is_importing = found.repository_id, True
        if str(repository_id) != self.choice.repository_id:
            try:
                place = await self._ask(lambda session, user: access.repository(session, user, repository_id))
            except Refusal as error:
                self._turn_to("")
                self.refusal = str(error)
                return None
            self._choose(with_repository(self.choice, place))
        self._written = written
        return [Issues.bring, Composer.ask_branches]

    @rx.event(background=True)
    @signed_in
    async def bring(self) -> Any:
        """Puts the accepted issue, with its first comments, into the box."""
        async with self:
            token, found, reference, written = self._token(), self._found, self._reference, self._written
        refusal = "The issue could not be imported. Try again."
        try:
            if found is None:
                return None
            text = await people.outside(token, lambda person: issues.as_prompt(person, found, written))
            refusal = ""
        except Refusal as error:
            refusal = str(error)
            return None
        finally:
            async with self:
                if self._found == found:  # else something else is named by now
                    self._turn_to("")
                    self.refusal = refusal
        return insert(reference, text)

    def _turn_to(self, reference: str) -> None:
        self._reference, self._found, self.offer, self.refusal, self.is_importing = reference, None, "", "", False

    def _words(self, found: issues.Issue) -> str:
        place = "" if str(found.repository_id) == self.choice.repository_id else found.full_name
        return f"Import issue {place}#{found.number}: {found.title}"


def insert(reference: str, text: str) -> EventSpec:
    """Puts a text in the place of the reference, or below what is written by now."""
    return orders.dispatch("asynccoder-insert", {"draft": BOX, "reference": reference, "text": text})
