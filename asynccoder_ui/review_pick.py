"""Which pull request a review looks at: those that are open, and any other by its number."""

from collections.abc import Callable
from uuid import UUID

import reflex as rx

from asynccoder_ui import people
from asynccoder_ui.composer import Composer
from asynccoder_ui.composer_choice import with_pull
from asynccoder_ui.composer_view import pull_option
from asynccoder_ui.gate import signed_in
from asynccoder_ui.views import Option
from backend.errors import InvalidInput
from backend.services import pull_choices
from backend.services.pull_choices import PullChoice

_SHOWN = 50
_NONE = Option("", "No pull request", detail="The code of the branch.")


class ReviewPick(Composer):
    """The picker of the composer's pull requests; what it lists belongs to one repository."""

    options: list[Option] = []
    note: str = ""
    _repository: str = ""
    _pulls: list[PullChoice] = []
    _query: str = ""

    @rx.event(background=True)
    @signed_in
    async def ask(self) -> None:
        """Lists the chosen repository's open pull requests; GitHub is asked where the answer is over a minute old."""
        async with self:
            token, wanted = self._token(), self.choice.repository_id
            if self._repository != wanted:
                self._repository, self._pulls, self.options, self.note = wanted, [], [], ""
            self._query = ""
        if not wanted:
            return
        await self._answer(token, wanted, lambda user_id: pull_choices.listing(user_id, UUID(wanted)), is_all=True)

    @rx.event(background=True)
    @signed_in
    async def search(self, query: str) -> None:
        """Filters them by number, title, author or branch; a number that is not listed is looked up on GitHub."""
        async with self:
            self._query = query[:200]
            self._list()
            number = self._number()
            token, wanted = self._token(), self._repository
            if number is None or not wanted or any(pull.number == number for pull in self._pulls):
                return
        await self._answer(
            token, wanted, lambda user_id: [pull_choices.find(user_id, UUID(wanted), number)], is_all=False
        )

    @rx.event
    @signed_in
    async def pick(self, number: str) -> None:
        """Chooses one that is listed, or none."""
        found = next((pull for pull in self._pulls if str(pull.number) == number), None)
        if number and (found is None or self._repository != self.choice.repository_id):
            raise InvalidInput("This pull request is not listed any more. Open the list again.")
        self.choice = with_pull(self.choice, found)

    async def _answer(
        self, token: str, wanted: str, question: Callable[[UUID], list[PullChoice]], *, is_all: bool
    ) -> None:
        found, refusal = await people.looked_up(token, question)
        async with self:
            if self._repository != wanted:
                return
            known = [] if is_all and found is not None else self._pulls
            self._pulls = [*known, *(one for one in found or [] if one not in known)]
            self._list()
            self.note = refusal

    def _number(self) -> int | None:
        words = self._query.strip().removeprefix("#")
        return int(words) if words.isascii() and words.isdigit() and len(words) < 10 else None

    def _list(self) -> None:
        words = self._query.strip().lower()
        fitting = [pull for pull in self._pulls if words in _searchable(pull)]
        self.options = [*([] if words else [_NONE]), *(pull_option(pull) for pull in fitting[:_SHOWN])]
        self.note = ""


def _searchable(pull: PullChoice) -> str:
    return f"#{pull.number} {pull.title} {pull.author} {pull.source} {pull.target}".lower()
