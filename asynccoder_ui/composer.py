"""What the composer remembers: what was chosen, what can be chosen, what it would cost. Sending asks one service."""

from dataclasses import replace
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import given, people, routes, syncing
from asynccoder_ui.composer_choice import Choice, Known, begun, known, task_of, with_model, with_repository, with_type
from asynccoder_ui.composer_view import Price, branch_option, gone_option, model_option, priced, repository_option
from asynccoder_ui.gate import signed_in
from asynccoder_ui.session import Session
from asynccoder_ui.views import Option
from backend.errors import InvalidInput, Refusal, Unavailable
from backend.models import User
from backend.services import access, attachments, catalog, drafts, preferences, repositories, repository_syncs, tasks
from backend.services.tasks.write import MAX_PROMPT
from backend.words import Effort, Priority, TaskType, Visibility

_SHOWN = 50
_LONGEST_QUERY = 200  # characters
_LONGEST_BRANCH = 255  # characters
_ASK_AGAIN = 10.0  # seconds


class Outgoing(NamedTuple):
    """What `send` took, with the draft it was written in: what is opened meanwhile is no part of it."""

    task: tasks.Draft
    key: str
    opened: drafts.Version | None


class Composer(Session):
    """The home page's composer."""

    choice: Choice = Choice()
    repository_options: list[Option] = []
    branch_options: list[Option] = []
    model_options: list[Option] = []
    price: Price = Price()
    error: str = ""
    github_error: str = ""
    is_ready: bool = False
    is_sending: bool = False
    taken: str = ""  # the nonce of what was sent or saved last: the box that holds it is emptied
    opened: str = ""  # the id of the draft in the box
    _opened: drafts.Version | None = None
    _begun_with: preferences.Preferences | None = None
    _length: int = 0  # of the prompt, in characters
    _images: int = 0  # that go with it
    _searched: str = ""  # for repositories
    _rows: list[repositories.RepositoryRow] = []
    _gone: list[repositories.GoneRow] = []  # that this person reached once
    _searched_branch: str = ""
    _branches: list[repositories.BranchRow] = []
    _asking: int = 0  # which question about branches was asked last: only its answer is shown
    _asked_at: float = 0.0
    _models: list[catalog.ModelChoice] = []
    _outgoing: Outgoing | None = None

    @rx.event(background=True)
    @signed_in
    async def load(self) -> Any:
        """Shows what is known at once, then asks GitHub where that is older than five minutes."""
        async with self:
            token, self._searched, self._searched_branch = self._token(), "", ""
            self.error, self.github_error, self.is_sending = "", "", False
        try:
            await self._show_known()
            if await people.ask(token, lambda session, user: repository_syncs.ask_if_stale(session, user.id)):
                standing = await syncing.ended(token)
                await self._show_known()
                async with self:
                    self.github_error = standing.trouble
        except Unavailable:
            raise
        except Refusal as error:
            async with self:
                self.github_error = str(error)
            return None
        finally:
            async with self:
                self.is_ready = True
        return Composer.ask_branches

    @rx.event
    @signed_in
    async def pick_repository(self, repository_id: str) -> Any:
        """Chooses a repository with its default branch, then asks for its branches."""
        wanted, self.error = given.identity(repository_id), ""
        found = await self._ask(lambda session, user: access.repository(session, user, wanted))
        self._choose(with_repository(self.choice, found))
        return Composer.ask_branches

    @rx.event
    @signed_in
    async def search_repositories(self, query: str) -> None:
        """Filters the repositories by a part of their name, in SQL."""
        wanted = self._searched = query[:_LONGEST_QUERY]
        self._rows, self._gone = await self._ask(
            lambda session, user: (
                repositories.listing(session, user, wanted, _SHOWN),
                repositories.gone(session, user, wanted, _SHOWN),
            )
        )
        self._list_repositories()

    @rx.event
    @signed_in
    async def search_branches(self, query: str) -> Any:
        """Filters the branches. One that is not listed may be new: then GitHub is asked, at most every ten seconds."""
        self._searched_branch = query[:_LONGEST_QUERY]
        self._list_branches()
        return None if self.branch_options else Composer.ask_branches

    @rx.event(background=True)
    @signed_in
    async def ask_branches(self) -> Any:
        """Lists the chosen repository's branches; of those that are listed, none that fits may be one too few."""
        async with self:
            token, wanted, is_listed = self._token(), self.choice.repository_id, bool(self._branches)
            if not wanted or self.branch_options or (is_listed and monotonic() - self._asked_at < _ASK_AGAIN):
                return None
            self._asked_at = monotonic() if is_listed else self._asked_at
            self._asking = asking = self._asking + 1
        found, refusal = await people.looked_up(
            token, lambda person: repositories.branches(person, UUID(wanted), fresh=is_listed)
        )
        async with self:
            if self._asking != asking:
                return None
            self._branches, self.error = (self._branches, refusal) if found is None else (found, self.error)
            self._list_branches()
            is_missed = found and not is_listed and self._searched_branch and not self.branch_options
        return Composer.ask_branches if is_missed else None

    @rx.event
    @signed_in
    async def pick_branch(self, name: str) -> None:
        """Chooses a branch. One that is not listed is looked for when the task is sent."""
        if len(name) > _LONGEST_BRANCH:
            raise InvalidInput(f"A branch's name has at most {_LONGEST_BRANCH} characters.", field="branch")
        self.choice = replace(self.choice, branch=name)

    @rx.event
    @signed_in
    async def pick_model(self, model_id: str) -> None:
        """Chooses a model and tells what it would cost."""
        found = next((row for row in self._models if str(row.id) == model_id), None)
        if found is None:
            return
        self.choice = with_model(self.choice, found)
        await self._price()

    @rx.event
    @signed_in
    async def pick_effort(self, value: str) -> None:
        """Chooses how hard the model should think; empty leaves it to the model."""
        self.choice = replace(self.choice, effort=given.one_of(Effort, value).value if value else "")

    @rx.event
    @signed_in
    async def pick_target(self, name: str) -> None:
        """Chooses where the pull request leads, if not to the branch that the work starts from."""
        self.choice = replace(self.choice, target_branch="" if name == self.choice.branch else name)

    @rx.event
    @signed_in
    async def pick_visibility(self, value: str) -> None:
        """Chooses who may read the task."""
        self.choice = replace(self.choice, visibility=given.one_of(Visibility, value).value)

    @rx.event
    @signed_in
    async def pick_type(self, value: str) -> None:
        """Chooses the kind of work; whether a repository can be picked depends on it."""
        self.choice = with_type(self.choice, given.one_of(TaskType, value))
        self._list_repositories()
        await self._price()

    @rx.event
    @signed_in
    async def pick_plan(self, is_wanted: bool) -> None:
        """Chooses whether nothing is changed before a plan was approved."""
        self.choice = replace(self.choice, plan_first=is_wanted)

    @rx.event
    @signed_in
    async def pick_priority(self, value: str) -> None:
        """Chooses the priority."""
        self.choice = replace(self.choice, priority=given.one_of(Priority, value).value)

    @rx.event
    @signed_in
    async def weigh(self, length: int, images: int = 0) -> None:
        """Estimates anew once the writing pauses, for that many characters and images."""
        self._length, self._images = max(0, min(length, MAX_PROMPT)), max(0, min(images, attachments.MOST))
        await self._price()

    @rx.event
    @signed_in
    async def send(self, form: dict[str, Any]) -> Any:
        """Takes the task as it is chosen now. The same form twice is one task."""
        if self.is_sending:
            return None
        self.error = ""
        try:
            wanted = task_of(self.choice, str(form.get("prompt", "")), given.identities(form.get("images", "")))
        except InvalidInput as error:
            self.error = str(error)
            return None
        self._outgoing = Outgoing(wanted, str(form.get("nonce", "")), self._opened)
        self.is_sending = True
        return Composer.deliver

    @rx.event(background=True)
    @signed_in
    async def deliver(self) -> Any:
        """Sends what `send` took, off the tab's line: GitHub may be asked. Leads to the task's page."""
        async with self:
            token, going, self._outgoing = self._token(), self._outgoing, None
        if going is None:
            return None
        refusal = "It could not be sent. Try again: it is sent once."
        try:
            task_id = await people.outside(
                token, lambda person: tasks.send(person, going.task, key=going.key, opened=going.opened)
            )
            refusal = ""
        except Refusal as error:
            refusal = str(error)
            return None
        finally:
            async with self:
                self.is_sending, self.error = False, refusal
                if not refusal:
                    self._let_go(going.key, going.opened)
        return rx.redirect(routes.task_page(str(task_id)))

    async def _show_known(self) -> None:
        """One transaction, with the tab locked: what somebody searches or picks meanwhile comes before or after it."""
        async with self:
            choice, begun_with, searched = self.choice, self._begun_with, self._searched
            length, images = self._length, self._images

            def read(session: DatabaseSession, user: User) -> tuple[Known, Choice, Price]:
                found = known(session, user, searched, _SHOWN)
                first = begun(choice, found, anew=found.preferred != begun_with)
                return found, first, priced(session, user, first, found.models, length, images)

            found, first, self.price = await self._ask(read)
            self._begun_with, self._models, self._rows = found.preferred, found.models, found.rows
            self._gone = found.gone
            self.model_options = [model_option(model) for model in found.models]
            self._choose(first)
            self._list_repositories()

    def _choose(self, choice: Choice) -> None:
        """Takes a choice as a whole; another repository's branches are not known yet."""
        if choice.repository_id != self.choice.repository_id:
            self._branches, self.branch_options, self._asking = [], [], self._asking + 1
        self.choice = choice

    def _let_go(self, nonce: str, opened: drafts.Version | None) -> None:
        """The box that still holds what had this nonce is emptied; what was opened since stays."""
        self.taken = nonce
        if self._opened == opened:
            self._opened, self.opened, self._length, self._images = None, "", 0, 0

    def _list_repositories(self) -> None:
        kind = TaskType(self.choice.task_type)
        rows = [repository_option(row, kind) for row in self._rows]
        self.repository_options = [*rows, *(gone_option(row) for row in self._gone)][:_SHOWN]

    def _list_branches(self) -> None:
        found = repositories.branches_named(self._branches, self._searched_branch)
        self.branch_options = [branch_option(row) for row in found[:_SHOWN]]

    async def _price(self) -> None:
        choice, models, length, images = self.choice, self._models, self._length, self._images
        self.price = await self._ask(lambda session, user: priced(session, user, choice, models, length, images))
