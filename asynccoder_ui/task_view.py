"""What a task's page remembers. The log and the changes are not here: they come over their own socket."""

import contextlib
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import facts as shown
from asynccoder_ui import given, live, people, routes, views
from asynccoder_ui.gate import signed_in
from asynccoder_ui.session import Session
from asynccoder_ui.task_menu import page_actions
from backend import events
from backend.errors import NotFound, Refusal, Unavailable
from backend.hub import DELTA, Ring
from backend.models import User
from backend.services import catalog, next_action, reviews, tasks
from backend.words import Decision, EventKind

TABS = ("log", "plan", "answer", "changes", "evidence", "pull", "details")
# Entries that only the log shows. A model's turn is none: the figures beside it move.
_UNSEEN = frozenset({DELTA, EventKind.TOOL_STARTED, EventKind.TOOL_RESULT, EventKind.NOTE, EventKind.CHECKPOINT})
_QUEUED = "queued"
_NOWHERE = "There is no such task, or you cannot see it."


class TaskView(Session):
    """One task, read again whenever it rings."""

    facts: shown.TaskFacts = shown.TaskFacts()
    run: shown.RunFacts = shown.RunFacts()
    evidence: shown.Evidence = shown.Evidence()
    opinion: shown.Opinion = shown.Opinion()
    pull: shown.Pull = shown.Pull()
    plan: shown.Plan = shown.Plan()
    answered: int = 0  # counts answers to a plan that came to an end
    queued: list[shown.Message] = []
    menu: list[views.Action] = []
    next: shown.NextAction = shown.NextAction()
    tab: str = "log"
    error: str = ""
    missing: str = ""
    taken: str = ""  # the nonce of the follow-up that was taken last
    reviewed: int = 0  # counts reviews that were taken
    models: list[views.Option] = []  # that a paused run could go on with
    changed: int = 0  # counts changes of the model
    _more_key: str = ""  # stays until it is taken: an answer that was lost is no second hold
    _followed: int = 0  # counts visits: only the newest one's loop goes on

    @rx.event(background=True)
    @signed_in
    async def follow(self) -> None:
        """Subscribes, reads, and reads again with every ring of the task or, for its credits, of the person."""
        async with self:
            token, task = self._token(), self._task_in_address()
            self._followed += 1
            visit = self._followed
            if self.facts.id != str(task):  # another task's page: nothing of the one before
                self.facts, self.run, self.queued = shown.TaskFacts(), shown.RunFacts(), []
                self.evidence, self.pull, self.tab = shown.Evidence(), shown.Pull(), "log"
                self.opinion = shown.Opinion()
                self.next, self.plan = shown.NextAction(), shown.Plan()
            self.error, self.missing = "", "" if task else _NOWHERE
        if task is None:
            return
        try:
            person = await people.person_of(token)
            topics = events.task_topic(task), events.user_topic(person.id)
            look: str | None = _QUEUED

            def wanted(ring: Ring) -> bool:
                return _moves(ring, task, in_line=look == _QUEUED)

            async with contextlib.aclosing(live.changes(*topics, wanted=wanted)) as rings:
                async for _ in rings:
                    look = await self._show(token, task, visit)
                    if look is None:
                        return  # the tab shows something else by now
        except NotFound as error:
            async with self:
                self.missing = str(error)

    @rx.event
    @signed_in
    async def show(self, tab: str) -> None:
        """Opens a tab."""
        self.tab = tab if tab in TABS else "log"

    @rx.event
    @signed_in
    async def send(self, form: dict[str, Any]) -> None:
        """Sends a follow-up: a message of the run that is alive, otherwise the next run. The same form twice is one."""
        nonce = str(form.get("nonce", ""))
        if nonce and nonce == self.taken:
            return
        text, images = str(form.get("prompt", "")), given.identities(form.get("images", ""))
        if await self._steer(
            lambda session, user, task: tasks.follow_up(session, user, task, text, key=nonce, images=images)
        ):
            self.taken = nonce

    @rx.event
    @signed_in
    async def send_review(self, comments: list[dict[str, Any]]) -> None:
        """Sends comments on lines of the changes as one follow-up."""
        if await self._steer(lambda session, user, task: reviews.send(session, user, task, comments)):
            self.reviewed += 1

    @rx.event
    @signed_in
    async def take_next(self) -> None:
        """Does what the notice above the reply box offers."""
        await self._steer(next_action.take)

    @rx.event
    @signed_in
    async def withdraw(self, message_id: str) -> None:
        """Takes a waiting message back."""
        message = given.identity(message_id)
        await self._steer(lambda session, user, task: tasks.withdraw(session, user, message))

    @rx.event
    @signed_in
    async def stop(self) -> None:
        """Stops the run."""
        await self._steer(lambda session, user, task: tasks.cancel(session, user, task))

    @rx.event
    @signed_in
    async def decide(self, decision: str, number: int, plan: str, words: str) -> None:
        """Answers the plan that is shown: `plan` is what it was edited to, empty where it is approved as it is."""
        said = tasks.Said(given.one_of(Decision, decision), words, plan or None, number)
        if await self._steer(lambda session, user, task: tasks.decide(session, user, task, said)):
            self.tab = "log"
        self.answered += 1

    @rx.event
    @signed_in
    async def finish_now(self) -> None:
        """Lets the run hand over what it has."""
        await self._steer(lambda session, user, task: tasks.finish_now(session, user, task))

    @rx.event
    @signed_in
    async def add_credits(self) -> None:
        """Holds as much again for a run that has used its hold up."""
        if not self.facts.wants_credits:
            return
        key = self._more_key = self._more_key or uuid4().hex
        if await self._steer(lambda session, user, task: tasks.add_credits(session, user, task, key=key)):
            self._more_key = ""
            self.facts = shown.TaskFacts(**{**vars(self.facts), "wants_credits": False})

    @rx.event
    @signed_in
    async def go_on(self, form: dict[str, Any]) -> None:
        """Ends a pause now, with the model that the form names, if it names one."""
        model = given.identity(form["model"]) if form.get("model") else None
        if await self._steer(lambda session, user, task: tasks.go_on(session, user, task, model_id=model)) and model:
            self.changed += 1

    @rx.event
    @signed_in
    async def offer_models(self) -> None:
        """Reads the models that the run could go on with, as the dialog opens."""
        found: list[catalog.ModelChoice] = []

        def read(session: DatabaseSession, user: User, task: UUID) -> None:
            found.extend(tasks.other_models(session, user, task))

        self.models = []
        if await self._steer(read):
            self.models = [views.Option(str(one.id), f"{one.display_name}, {one.price_line}") for one in found]

    async def _steer(self, order: Callable[[DatabaseSession, User, UUID], object]) -> bool:
        """Gives an order about this page's task; a refusal is shown. Whether it was taken."""
        task = self._task_in_address()
        self.error = ""
        if task is None:
            return False
        try:
            await self._ask(lambda session, user: order(session, user, task))
        except Refusal as error:
            self.error = str(error)
            return False
        return True

    async def _show(self, token: str, task: UUID, visit: int) -> str | None:
        """Reads the task, shows it and says how it looks. None, and nothing is shown, once the tab has moved on."""
        try:
            page = await people.ask_together(token, people.Question(_seen, (task,)))
        except Unavailable as error:
            async with self:
                self.error = str(error) if self._followed == visit else self.error
            return _QUEUED
        async with self:
            if self._followed != visit or self._task_in_address() != task:
                return None
            if self.facts.id == "":
                self.tab = shown.first_tab(page)
            self.facts = shown.task_facts(page)
            self.next = shown.next_step(page)
            self.run = shown.run_facts(page)
            self.evidence = shown.evidence(page.evidence, page.row.status)
            self.opinion = shown.opinion(page.opinion)
            self.pull = shown.pull(page.pull_request, page.evidence.verdict if page.evidence else "")
            plan = shown.plan(page)
            if plan != self.plan:  # it is long, and rings are many
                self.plan = plan
            self.menu = page_actions(page.row)
            self.queued = [
                shown.Message(str(message.id), message.text, message.images) for message in page.queued_messages
            ]
            return self.facts.look

    def _task_in_address(self) -> UUID | None:
        return routes.task_in(self.router.url.path)


def _moves(ring: Ring, task: UUID, *, in_line: bool) -> bool:
    """Whether the page shows something of what rang; while it waits in line, also of the person's other tasks."""
    if ring.topic == events.task_topic(task):
        return ring.kind not in _UNSEEN
    return in_line or ring.id == str(task) or ring.kind in live.ASK_WHO


def _seen(session: DatabaseSession, user: User, task: UUID) -> tasks.TaskPage:
    """The page; who sees it here has read it."""
    page = tasks.page(session, user, task)
    if page.row.is_unread:
        tasks.mark_read(session, user, task, page.seq)
    return page
