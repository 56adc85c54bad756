"""What a repository's page remembers."""

from functools import partial
from typing import Any, ClassVar
from uuid import UUID

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import given, routes, views
from asynccoder_ui import repositories_view as view
from asynccoder_ui.branches import Branches
from asynccoder_ui.following import Following, Reads
from asynccoder_ui.gate import signed_in
from asynccoder_ui.people import Question
from asynccoder_ui.session import Session
from asynccoder_ui.setup_view import RepositorySetup
from backend.errors import NotFound, Refusal
from backend.models import User
from backend.services import catalog
from backend.services import repository_pages as pages
from backend.services import repository_settings as settings
from backend.services.catalog import ModelChoice
from backend.services.repository_settings import DraftPolicy, SettingsRow

TABS = {"tasks": "Tasks", "branches": "Branches", "settings": "Settings"}
_NOWHERE = "There is no such repository, or you cannot see it."


_Answer = tuple[pages.Shown, SettingsRow, list[ModelChoice]] | str  # or why there is none


def _question(page: "RepositoryView") -> Question[_Answer]:
    return Question(_read, (page._repository_in_address(),))


def _read(session: DatabaseSession, user: User, repository: UUID | None) -> _Answer:
    if repository is None:
        return _NOWHERE
    try:
        shown, chosen = pages.page(session, user, repository), settings.read(session, user, repository)
        return shown, chosen, catalog.choices(session, user) if chosen.can_change else []
    except NotFound as error:
        return str(error)


def _arrive(page: "RepositoryView") -> None:
    """Another repository's page: nothing of the one before."""
    page.missing = page.refused = ""
    if page.head.id != str(page._repository_in_address()):
        page.head, page.tasks, page.is_listed = view.RepositoryItem(), [], False
        page.settings, page.tab = view.SettingsItem(), "tasks"


def _show(page: "RepositoryView", answer: _Answer) -> None:
    if isinstance(answer, str):
        page.missing = answer
        return
    shown, chosen, models = answer
    page.head, page.missing = view.shown_item(shown), ""
    page.tasks, page.task_count = [views.task_item(row) for row in shown.tasks], shown.task_count
    page.tasks_href = routes.tasks_of(page.head.id)
    page.settings = view.settings_item(chosen)
    page.opinion_options = view.opinion_options(chosen, models)


class RepositoryView(Following, Session):
    """The repository in the address."""

    head: view.RepositoryItem = view.RepositoryItem()
    tasks: list[views.TaskItem] = []
    task_count: int = 0
    tasks_href: str = ""
    settings: view.SettingsItem = view.SettingsItem()
    opinion_options: list[views.Option] = []
    tab: str = "tasks"
    missing: str = ""
    refused: str = ""
    _reads: ClassVar = Reads(_question, _show, _arrive)

    @rx.event
    @signed_in
    async def show(self, tab: str) -> Any:
        """Opens a tab; branches and set-up are asked for when somebody wants to see them."""
        self.tab = tab if tab in TABS else "tasks"
        repository = self._repository_in_address()
        opening = {"branches": Branches.open, "settings": RepositorySetup.open}.get(self.tab)
        return opening(str(repository)) if repository and opening else None

    @rx.event
    @signed_in
    async def save(self, form: dict[str, Any]) -> Any:
        """Keeps the settings."""
        repository = self._repository_in_address()
        if repository is None:
            return None
        try:
            wanted = _wanted(form)
            order = partial(_save, repository=repository, wanted={**wanted, "address": self._address()})
            chosen = await self._ask(order)
        except Refusal as error:
            self.refused = str(error)
            return None
        self._asked += 1  # what a ring asks just now knows nothing of it
        self.refused, self.settings = "", view.settings_item(chosen)
        return rx.toast.success("Saved. Runs that start from now on use this.")

    def _repository_in_address(self) -> UUID | None:
        last = self.router.url.path.rstrip("/").rsplit("/", 1)[-1]
        try:
            return UUID(last)
        except ValueError:
            return None


def _wanted(form: dict[str, Any]) -> dict[str, Any]:
    """The form as the service takes it. Raises InvalidInput."""
    opinion = str(form.get("opinion", view.NOBODY))
    return {
        "test_command": str(form.get("test_command", "")),
        "draft_policy": given.one_of(DraftPolicy, str(form.get("draft_policy", ""))),
        "trigger_label": str(form.get("trigger_label", settings.LABEL)),
        "takes_mentions": str(form.get("mentions", view.STARTS)) == view.STARTS,
        "opinion_model_id": None if opinion == view.NOBODY else given.identity(opinion),
    }


def _save(session: DatabaseSession, user: User, repository: UUID, wanted: dict[str, Any]) -> SettingsRow:
    settings.save(session, user, repository, **wanted)
    return settings.read(session, user, repository)
