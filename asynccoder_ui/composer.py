"""What the composer remembers: what was chosen, what can be chosen, what it would cost. Sending asks one service."""

import contextlib
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any
from uuid import UUID

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import bridge, given, people, routes
from asynccoder_ui.gate import leave, signed_in
from asynccoder_ui.session import Session
from asynccoder_ui.views import Option
from backend.errors import AsyncCoderError, InvalidInput, NotFound, SignedOut
from backend.models import Repository, User
from backend.services import access, catalog, credits, repositories, tasks
from backend.words import Priority, TaskType

# type → icon, name, its one-line promise
TYPES = {
    TaskType.DEBUG: ("bug", "Debug", "A failing test first, then the fix."),
    TaskType.ASK: ("message-circle-question", "Ask", "Answers from the code. Changes nothing."),
    TaskType.DOCUMENTATION: ("file-text", "Documentation", "Touches docs and comments only."),
    TaskType.ARCHITECT: ("drafting-compass", "Architect", "A plan you can approve. No edits."),
    TaskType.PR_REVIEW: ("eye", "Review", "Findings, line by line. No edits."),
    TaskType.ASYNC: ("zap", "Async", "From idea to pull request, alone."),
}
TYPE_OPTIONS = [Option(kind.value, name, detail=promise) for kind, (_, name, promise) in TYPES.items()]
PRIORITY_OPTIONS = [
    Option("high", "High priority", detail="Goes ahead of medium and low."),
    Option("medium", "Medium priority", detail="The usual place in line."),
    Option("low", "Low priority", detail="When nothing else waits."),
]
_SHOWN = 50
_LONGEST_BRANCH = 255  # characters
_ASK_AGAIN = 10.0  # seconds


@dataclass(frozen=True)
class Choice:
    """What is chosen; ids are text, empty while nothing is."""

    repository_id: str = ""
    repository: str = ""
    branch: str = ""
    model_id: str = ""
    model: str = ""
    is_demo: bool = False
    task_type: str = TaskType.DEBUG.value
    type_name: str = "Debug"
    priority: str = Priority.MEDIUM.value


@dataclass(frozen=True)
class Price:
    """Whole credits; `is_known` once there is an estimate, `is_short` when the hold cannot be afforded."""

    is_known: bool = False
    likely: str = ""
    hold: int = 0
    is_short: bool = False


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
        self.repository_options = [_repository_option(row, kind) for row in rows]

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
        self.choice = replace(self.choice, model_id=model_id, model=found.display_name, is_demo=found.is_demo)
        await self._price()

    @rx.event
    @signed_in
    async def pick_type(self, value: str) -> None:
        """Chooses the kind of work; whether a repository can be picked depends on it."""
        kind = given.one_of(TaskType, value)
        self.choice = replace(self.choice, task_type=kind.value, type_name=TYPES[kind][1])
        rows = await self._ask(lambda session, user: repositories.listing(session, user, "", _SHOWN))
        self.repository_options = [_repository_option(row, kind) for row in rows]
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
            self._outgoing = _draft(self.choice, str(form.get("prompt", "")))
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
                if refusal is None:
                    self.sent += 1
                    self._prompt = ""
                else:  # the same form may come again
                    self.error, self._last_nonce = refusal, ""
        return rx.redirect(routes.task_page(str(task_id)))

    async def _show_known(self, token: str) -> None:
        def read(
            session: DatabaseSession, user: User
        ) -> tuple[list[repositories.RepositoryRow], list[catalog.ModelChoice], str]:
            recent = [row.repository for group in tasks.sidebar(session, user, "", 1).groups for row in group.rows]
            rows = repositories.listing(session, user, "", _SHOWN)
            if recent and all(row.full_name != recent[0] for row in rows):
                rows = [*repositories.listing(session, user, recent[0], 1), *rows]
            return rows, catalog.choices(session), recent[0] if recent else ""

        rows, models, recent = await people.ask(token, read)
        async with self:
            kind = TaskType(self.choice.task_type)
            self.github_error = ""
            self._models, self.model_options = models, [_model_option(model) for model in models]
            self.repository_options = [_repository_option(row, kind) for row in rows]
            if not self.choice.model_id and models and models[0].is_available:
                first = models[0]
                self.choice = replace(
                    self.choice, model_id=str(first.id), model=first.display_name, is_demo=first.is_demo
                )
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

    def _choose_repository(self, row: repositories.RepositoryRow | Repository) -> None:
        self.choice = replace(
            self.choice, repository_id=str(row.id), repository=row.full_name, branch=row.default_branch
        )
        self._branches, self.branch_options = [], []

    def _list_branches(self, query: str) -> None:
        found = [row for row in self._branches if query.strip().lower() in row.name.lower()]
        self.branch_options = [_branch_option(row) for row in found[:_SHOWN]]

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
            likely = str(estimate.low) if estimate.low == estimate.high else f"{estimate.low}–{estimate.high}"
            self.price = Price(True, likely, estimate.hold, estimate.hold > balance.available)


def _draft(choice: Choice, prompt: str) -> tasks.Draft:
    if not choice.repository_id:
        raise InvalidInput("Pick a repository first.", field="repository_id")
    if not choice.model_id:
        raise InvalidInput("Pick a model first.", field="model_id")
    return tasks.Draft(
        repository_id=UUID(choice.repository_id),
        branch=choice.branch,
        target_branch=None,
        model_id=UUID(choice.model_id),
        task_type=TaskType(choice.task_type),
        priority=Priority(choice.priority),
        prompt=prompt,
    )


def _repository_option(row: repositories.RepositoryRow, kind: TaskType) -> Option:
    refused = row.is_empty or (bool(row.refusal) and kind.may_edit)
    detail = row.refusal if refused else row.description
    return Option(str(row.id), row.full_name, "private" if row.is_private else "", detail, refused)


def _branch_option(row: repositories.BranchRow) -> Option:
    detail = "Protected: the work goes to a branch of its own." if row.is_protected else ""
    return Option(row.name, row.name, "default" if row.is_default else "", detail)


def _model_option(model: catalog.ModelChoice) -> Option:
    end = "scripted, no AI" if model.is_demo else model.provider
    detail = model.unavailable_reason or f"{model.description} {model.price_line}".strip()
    return Option(str(model.id), model.display_name, end, detail, not model.is_available)
