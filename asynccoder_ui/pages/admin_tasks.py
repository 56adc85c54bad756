"""Everyone's tasks, for admins: title, state and cost; stop one, or have one tried again."""

from dataclasses import dataclass
from typing import Any, ClassVar

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import admin_tasks_view as view
from asynccoder_ui import given, routes, theme
from asynccoder_ui.admin_audit_view import PERIODS
from asynccoder_ui.admin_tabs import admin_tabs
from asynccoder_ui.admin_tasks_view import Chosen
from asynccoder_ui.components import listing
from asynccoder_ui.components.looks import state_pill
from asynccoder_ui.components.react import ago, page_title
from asynccoder_ui.facts import type_name
from asynccoder_ui.following import own
from asynccoder_ui.gate import signed_in
from asynccoder_ui.lists import Listing, Windowed, windowed
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from asynccoder_ui.views import Option
from backend import events
from backend.models import User
from backend.services import oversight as service
from backend.services import people, tasks
from backend.services.oversight import OverseenTask, State
from backend.words import Failure, Outcome, TaskType

_STATES = {
    State.ATTENTION: "Waits for its person",
    State.QUEUED: "Queued",
    State.RUNNING: "Running",
    State.DONE: "Done",
    State.FAILED: "Failed",
    State.STOPPED: "Stopped",
}


@dataclass(frozen=True)
class _Beside:
    models: list[Option]
    repository: str  # what the chosen one is called


def _read(
    session: DatabaseSession, user: User, chosen: Chosen, is_first: bool
) -> Windowed[Chosen, OverseenTask, _Beside | None]:
    wanted = chosen.wanted
    found = service.window(session, user, wanted, chosen.after)
    if not is_first:
        return Windowed(chosen, found, None)
    models = [Option(str(id_), name) for id_, name in service.models(session, user)]
    place = wanted.repository_id
    name = service.repository_name(session, user, place) if place else ""
    return Windowed(chosen, found, _Beside(models, name or "One repository"))


def _show(state: "AdminTasks", found: Windowed[Chosen, OverseenTask, _Beside | None]) -> None:
    state.items, state.person = [view.item(row) for row in found.window.rows], found.chosen.person
    if found.beside is not None:
        state.models, state.repository = found.beside.models, found.beside.repository


class AdminTasks(Listing, Session):
    """Everyone's tasks, newest first; read again whenever some run changes its state."""

    items: list[view.OverseenItem] = []
    models: list[Option] = []
    people: list[Option] = []
    repositories: list[Option] = []
    person: str = ""
    repository: str = ""
    _reads: ClassVar = windowed(
        routes.ADMIN_TASKS, Chosen, _read, _show, topics=lambda person: (*own(person), events.WORK_TOPIC)
    )

    @rx.event
    @signed_in
    async def search_people(self, query: str) -> None:
        """Offers people by a part of their name."""
        wanted = people.Wanted(query[:200])
        page = await self._ask(lambda session, user: people.listing(session, user, wanted, size=service.FOUND))
        self.people = [Option(row.username, row.name, detail=f"@{row.username}") for row in page.rows]

    @rx.event
    @signed_in
    async def search_repositories(self, query: str) -> None:
        """Offers repositories by a part of their name."""
        found = await self._ask(lambda session, user: service.repositories(session, user, query[:200]))
        self.repositories = [Option(str(id_), name) for id_, name in found]

    @rx.event
    @signed_in
    async def stop(self, task_id: str) -> Any:
        """Stops somebody's run."""
        task, address = given.identity(task_id), self._address()
        await self._ask(lambda session, user: tasks.stop_for_admin(session, user, task, address=address))
        await self._read()
        return rx.toast.success("It is stopped, or will be within a second.")

    @rx.event
    @signed_in
    async def retry(self, task_id: str) -> Any:
        """Has somebody's task tried again."""
        task, address = given.identity(task_id), self._address()
        await self._ask(lambda session, user: _retry(session, user, task, address))
        await self._read()
        return rx.toast.success("It begins again, in its person's name.")


def _retry(session: DatabaseSession, user: User, task: Any, address: str) -> None:
    tasks.retry_for_admin(session, user, task, address=address)


def admin_tasks() -> rx.Component:
    """The page."""
    page = AdminTasks
    return shell(
        page_title(words="Everyone's tasks"),
        theme.part(
            "page",
            theme.row(theme.words("title", "Everyone's tasks", tag="h1"), theme.grow(), listing.clear(page), wrap=True),
            admin_tabs(routes.ADMIN_TASKS),
            _filters(),
            listing.found(
                page,
                theme.part("list", rx.foreach(page.items, _item), tag="ul", aria_label="Everyone's tasks"),
                none=theme.empty("inbox", "Nobody has sent a task yet."),
                none_fits=("search-x", "No task fits.", "Search for something else, or widen the filters."),
            ),
        ),
        at=routes.ADMIN_TASKS,
    )


def _filters() -> rx.Component:
    page = AdminTasks
    return listing.filters(
        listing.words("Search titles"),
        listing.folded(
            listing.choice("state", "State", [("", "Any state"), *((one.value, _STATES[one]) for one in State)]),
            listing.choice("type", "Type", [("", "Any type"), *((one.value, type_name(one)) for one in TaskType)]),
            listing.choice(
                "outcome", "Outcome", [("", "Any outcome"), *((one.value, view.spelt(one)) for one in Outcome)]
            ),
            listing.choice(
                "failure", "Failure", [("", "Any failure"), *((one.value, view.spelt(one)) for one in Failure)]
            ),
            listing.choice("model", "Model", [("", "Any model")], page.models),
            listing.choice("days", "Time", PERIODS),
            _one_of("person", "Person", "Everyone", page.person, page.people, page.search_people, "user"),
            _one_of(
                "repository",
                "Repository",
                "Any repository",
                page.repository,
                page.repositories,
                page.search_repositories,
                "folder-git-2",
            ),
            names=["state", "type", "outcome", "failure", "model", "days", "person", "repository"],
        ),
        label="Filter everyone's tasks",
    )


def _one_of(name: str, label: str, any_one: str, text: Any, options: Any, on_search: Any, icon: str) -> rx.Component:
    return listing.searchable(
        name,
        label,
        any_one,
        text=text,
        options=options,
        on_search=on_search,
        placeholder=f"Search by {label.lower()}",
        icon_name=icon,
    )


def _item(item: rx.Var[view.OverseenItem]) -> rx.Component:
    return theme.part(
        "entry",
        theme.grow(
            rx.cond(
                item.href != "",
                theme.page_link(item.title, href=item.href, look="strong to"),
                theme.words("strong", item.title, tag="p", trunc=True),
            ),
            theme.words("tiny", item.facts, tag="p"),
            rx.cond(item.why != "", theme.words("tiny", item.why, tag="p")),
        ),
        theme.part(
            "entry-end",
            state_pill(item.look, item.word),
            rx.cond(item.credits != "", theme.words("tiny", item.credits, num=True)),
            theme.words("tiny", ago(at=item.at, in_words=True)),
            rx.cond(item.can_stop, _stop(item)),
            rx.cond(item.can_retry, _retry_button(item)),
        ),
        tag="li",
        key=item.id,
    )


def _stop(item: rx.Var[view.OverseenItem]) -> rx.Component:
    return theme.confirm_button(
        "Stop",
        title="Stop this run?",
        note=item.title + ": it is charged for what it used, and its person is told that an admin stopped it.",
        action="Stop the run",
        size="sm",
        on_confirm=AdminTasks.stop(item.id),
    )


def _retry_button(item: rx.Var[view.OverseenItem]) -> rx.Component:
    return theme.confirm_button(
        "Retry",
        title="Try this task again?",
        note=item.title
        + ": it begins again in its person's name, and they pay for it as if they had asked: with their credits, or "
        "with their own key. Its log says that you had it tried again.",
        action="Try again",
        tone="primary",
        size="sm",
        on_confirm=AdminTasks.retry(item.id),
    )
