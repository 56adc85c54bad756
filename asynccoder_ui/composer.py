"""What the composer remembers: what was chosen, what can be chosen, what it would cost. Sending asks one service."""

import contextlib
from dataclasses import replace
from time import monotonic
from typing import Any
from uuid import UUID

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import bridge, given, people, routes
from asynccoder_ui.composer_view import (
    TYPES,
    Choice,
    DraftItem,
    Price,
    branch_option,
    choice_of,
    content_of,
    draft_item,
    model_option,
    price_of,
    repository_option,
    task_of,
)
from asynccoder_ui.gate import leave, signed_in
from asynccoder_ui.session import Session
from asynccoder_ui.views import Option
from backend.errors import AsyncCoderError, InvalidInput, NotFound, SignedOut
from backend.models import Repository, User
from backend.services import access, catalog, credits, drafts, preferences, repositories, tasks
from backend.words import Effort, Priority, TaskType, Visibility

_SHOWN = 50
_LONGEST_BRANCH = 255  # characters
_ASK_AGAIN = 10.0  # seconds


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
    sent: int = 0
    saved: list[DraftItem] = []
    fill: str = ""  # the text of an opened draft, for the box to take
    filled: int = 0
    _draft_id: UUID | None = None
    _begun_with: preferences.Preferences | None = None
    _prompt: str = ""
    _branches: list[repositories.BranchRow] = []
    _models: list[catalog.ModelChoice] = []
    _last_nonce: str = ""
    _outgoing: tasks.Draft | None = None
    _asked_at: float = 0.0

    @rx.event(background=True)
    @signed_in
    async def load(self) -> Any:
        """Shows what is known at once, then asks GitHub where that is older than five minutes."""
        async with self:
            token = self._token()
            self.error, self.is_sending, self._last_nonce = "", False, ""
        try:
            person = await people.person_of(token)
            await self._show_known(token)
            try:
                if await bridge.outside_once(person.id, lambda: repositories.refresh_if_stale(person.id)):
                    await self._show_known(token)
            finally:
                async with self:
                    self.is_ready = True
            await self._show_branches(token)
        except SignedOut:
            return leave()
        except AsyncCoderError as error:
            async with self:
                self.github_error, self.is_ready = str(error), True

    @rx.event(background=True)
    @signed_in
    async def pick_repository(self, repository_id: str) -> Any:
        """Chooses a repository with its default branch, then asks for its branches."""
        async with self:
            token, self.error = self._token(), ""
        try:
            wanted = given.identity(repository_id)
            found = await people.ask(token, lambda session, user: access.repository(session, user, wanted))
            async with self:
                self._choose_repository(found)
            await self._show_branches(token)
        except SignedOut:
            return leave()
        except AsyncCoderError as error:
            async with self:
                self.error = str(error)

    @rx.event
    @signed_in
    async def search_repositories(self, query: str) -> None:
        """Filters the repositories by a part of their name, in SQL."""
        kind = TaskType(self.choice.task_type)
        rows = await self._ask(lambda session, user: repositories.listing(session, user, query[:200], _SHOWN))
        self.repository_options = [repository_option(row, kind) for row in rows]

    @rx.event(background=True)
    @signed_in
    async def search_branches(self, query: str) -> Any:
        """Filters the branches. One that is not listed may be new: then GitHub is asked, at most every ten seconds."""
        async with self:
            self._list_branches(query)
            token, is_listed = self._token(), bool(self.branch_options or not query.strip())
            if is_listed or monotonic() - self._asked_at < _ASK_AGAIN:
                return None
            self._asked_at = monotonic()
        try:
            await self._show_branches(token, query, fresh=True)
        except SignedOut:
            return leave()
        except AsyncCoderError as error:
            async with self:
                self.error = str(error)

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
        self._choose_model(found)
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
    async def save_draft(self, prompt: str) -> Any:
        """Keeps what is written and chosen for later, in place of the draft it was opened from."""
        content, known = content_of(self.choice, prompt), self._draft_id
        self._draft_id = await self._ask(lambda session, user: drafts.save(session, user, content, known))
        await self._show_drafts()
        return rx.toast.success("The draft is saved.")

    @rx.event
    @signed_in
    async def open_draft(self, draft_id: str) -> Any:
        """Puts a draft back into the composer."""
        wanted = given.identity(draft_id)
        rows = await self._ask(drafts.listing)
        found = next((row for row in rows if row.id == wanted), None)
        if found is None:
            return rx.toast.error("This draft is gone: it was sent or deleted elsewhere.")
        self.choice, self._draft_id = choice_of(found.content), found.id
        self.fill, self.filled = str(found.content.get("prompt", "")), self.filled + 1
        self._prompt = self.fill
        await self._price()
        return Composer.ask_branches

    @rx.event(background=True)
    @signed_in
    async def ask_branches(self) -> Any:
        """Lists the branches of the repository that a draft was written for."""
        async with self:
            token = self._token()
        try:
            await self._show_branches(token)
        except SignedOut:
            return leave()
        except AsyncCoderError as error:
            async with self:
                self.error = str(error)

    @rx.event
    @signed_in
    async def discard_draft(self, draft_id: str) -> None:
        """Throws a draft away."""
        wanted = given.identity(draft_id)
        await self._ask(lambda session, user: drafts.discard(session, user, wanted))
        self._draft_id = None if self._draft_id == wanted else self._draft_id
        await self._show_drafts()

    @rx.event
    @signed_in
    async def pick_type(self, value: str) -> None:
        """Chooses the kind of work; whether a repository can be picked depends on it."""
        kind = given.one_of(TaskType, value)
        self.choice = replace(self.choice, task_type=kind.value, type_name=TYPES[kind][1])
        rows = await self._ask(lambda session, user: repositories.listing(session, user, "", _SHOWN))
        self.repository_options = [repository_option(row, kind) for row in rows]
        await self._price()

    @rx.event
    @signed_in
    async def pick_priority(self, value: str) -> None:
        """Chooses the priority."""
        self.choice = replace(self.choice, priority=given.one_of(Priority, value).value)

    @rx.event
    @signed_in
    async def weigh(self, prompt: str) -> None:
        """Estimates anew once the writing pauses."""
        self._prompt = prompt
        await self._price()

    @rx.event
    @signed_in
    async def send(self, form: dict[str, Any]) -> Any:
        """Takes the task as it is chosen now. The same form twice is one task."""
        nonce = str(form.get("nonce", ""))
        if self.is_sending or (nonce and nonce == self._last_nonce):
            return None
        self.error = ""
        try:
            self._outgoing = task_of(self.choice, str(form.get("prompt", "")))
        except InvalidInput as error:
            self.error = str(error)
            return None
        self._last_nonce, self.is_sending = nonce, True
        return Composer.deliver

    @rx.event(background=True)
    @signed_in
    async def deliver(self) -> Any:
        """Sends what `send` took, off the tab's line: GitHub may be asked. Leads to the task's page."""
        async with self:
            token, draft, self._outgoing, key = self._token(), self._outgoing, None, self._last_nonce
        if draft is None:
            return None
        refusal: str | None = "It could not be sent. Try again: it is sent once."
        try:
            person = await people.person_of(token)
            task_id = await bridge.outside(lambda: tasks.send(person.id, draft, key=key))
            refusal = None
        except SignedOut:
            return leave()
        except AsyncCoderError as error:
            refusal = str(error)
            return None
        finally:
            async with self:
                self.is_sending = False
                sent_draft = self._draft_id if refusal is None else None
                if refusal is None:
                    self.sent += 1
                    self._prompt, self._draft_id = "", None
                else:  # the same form may come again
                    self.error, self._last_nonce = refusal, ""
        if sent_draft is not None:
            await people.ask(token, lambda session, user: drafts.discard(session, user, sent_draft))
        return rx.redirect(routes.task_page(str(task_id)))

    async def _show_known(self, token: str) -> None:
        def read(
            session: DatabaseSession, user: User
        ) -> tuple[list[repositories.RepositoryRow], list[catalog.ModelChoice], str, preferences.Preferences]:
            recent = [row.repository for group in tasks.sidebar(session, user, "", 1).groups for row in group.rows]
            rows = repositories.listing(session, user, "", _SHOWN)
            if recent and all(row.full_name != recent[0] for row in rows):
                rows = [*repositories.listing(session, user, recent[0], 1), *rows]
            return rows, catalog.choices(session, user), recent[0] if recent else "", preferences.of(user)

        rows, models, recent, preferred = await people.ask(token, read)
        async with self:
            await self._show_drafts()
            self._begin_with(preferred)
            kind = TaskType(self.choice.task_type)
            self.github_error = ""
            self._models, self.model_options = models, [model_option(model) for model in models]
            self.repository_options = [repository_option(row, kind) for row in rows]
            usable = [model for model in models if model.is_available]
            if not self.choice.model_id and usable:
                self._choose_model(next((one for one in usable if one.id == preferred.model_id), usable[0]))
            if not self.choice.repository_id:
                open_rows = [row for row in rows if not row.refusal]
                chosen = next((row for row in open_rows if row.full_name == recent), next(iter(open_rows), None))
                if chosen:
                    self._choose_repository(chosen)
            await self._price()

    async def _show_branches(self, token: str, query: str = "", *, fresh: bool = False) -> None:
        async with self:
            wanted = self.choice.repository_id
        if not wanted:
            return
        person = await people.person_of(token)
        rows = await bridge.outside(lambda: repositories.branches(person.id, UUID(wanted), fresh=fresh))
        async with self:
            if self.choice.repository_id == wanted:
                self._branches = rows
                self._list_branches(query)

    def _begin_with(self, preferred: preferences.Preferences) -> None:
        """The person's defaults, once a tab and again when they have changed: what was chosen since stays."""
        wanted = replace(preferred, notify=preferences.Notify())
        if self._begun_with == wanted:
            return
        self._begun_with = wanted
        self.choice = replace(
            self.choice,
            model_id="",
            task_type=preferred.task_type.value,
            type_name=TYPES[preferred.task_type][1],
            priority=preferred.priority.value,
            effort=preferred.effort.value if preferred.effort else "",
            visibility=preferred.visibility.value,
        )

    async def _show_drafts(self) -> None:
        self.saved = [draft_item(row) for row in await self._ask(drafts.listing)]

    def _choose_model(self, model: catalog.ModelChoice) -> None:
        self.choice = replace(
            self.choice,
            model_id=str(model.id),
            model=model.display_name,
            is_demo=model.is_demo,
            efforts=len(model.efforts),
            effort=self.choice.effort if model.efforts else "",
        )

    def _choose_repository(self, row: repositories.RepositoryRow | Repository) -> None:
        self.choice = replace(
            self.choice,
            repository_id=str(row.id),
            repository=row.full_name,
            branch=row.default_branch,
            target_branch="",
        )
        self._branches, self.branch_options = [], []

    def _list_branches(self, query: str) -> None:
        found = [row for row in self._branches if query.strip().lower() in row.name.lower()]
        self.branch_options = [branch_option(row) for row in found[:_SHOWN]]

    async def _price(self) -> None:
        if not self.choice.model_id:
            return
        model, kind, prompt = UUID(self.choice.model_id), TaskType(self.choice.task_type), self._prompt
        with contextlib.suppress(NotFound):  # an unpriced model has no estimate
            estimate, balance = await self._ask(
                lambda session, user: (
                    credits.estimate(session, model, kind, prompt),
                    credits.balance(session, user),
                )
            )
            own_key = any(one.own_key for one in self._models if one.id == model)
            self.price = price_of(estimate, balance.available, own_key=own_key)
