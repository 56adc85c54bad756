"""Pull requests: those of one's tasks and of tasks one may see, as GitHub last told them."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import bridge, given, orders, people, routes, theme
from asynccoder_ui import pulls_view as view
from asynccoder_ui import repositories_view as work_view
from asynccoder_ui.components import listing
from asynccoder_ui.components.looks import pull_pill, verdict_pill
from asynccoder_ui.components.react import ago
from asynccoder_ui.gate import leave, signed_in
from asynccoder_ui.lists import Listing, Question
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from asynccoder_ui.views import Option
from backend import events
from backend.errors import AsyncCoderError, SignedOut
from backend.models import User
from backend.services import progress
from backend.services import pull_request_pages as pages
from backend.services import pull_requests as service
from backend.services.paging import Key, Page
from backend.services.progress import Progress
from backend.services.pull_request_pages import PullRow, State, Wanted

_ANY = "all"
_EVERYWHERE = Option(_ANY, "All repositories")
_STATES = [
    (State.ALL.value, "All states"),
    (State.OPEN.value, "Open"),
    (State.DRAFT.value, "Draft"),
    (State.MERGED.value, "Merged"),
    (State.CLOSED.value, "Closed"),
]


@dataclass(frozen=True)
class _Answer(Page[PullRow]):
    work: Progress | None = None
    is_connected: bool = True


class PullRequests(Listing, Session):
    """The list; it follows the person's rings."""

    items: list[view.PullItem] = []
    state: str = State.ALL
    query: str = ""
    repository_id: str = _ANY
    repository_name: str = _EVERYWHERE.label
    repository_options: list[Option] = [_EVERYWHERE]
    is_filtered: bool = False
    sync_work: work_view.Work = work_view.Work()

    @rx.event
    @signed_in
    async def search(self, query: str) -> None:
        """Filters by a part of title, branch, task or repository, or by the number."""
        self.query = query[:200]
        await self._restart()

    @rx.event
    @signed_in
    async def pick_state(self, state: str) -> None:
        """Shows those in one state."""
        self.state = given.one_of(State, state)
        await self._restart()

    @rx.event
    @signed_in
    async def pick_repository(self, repository_id: str) -> None:
        """Shows those of one repository, or of all."""
        self.repository_id = repository_id if repository_id == _ANY else str(given.identity(repository_id))
        names = {option.value: option.label for option in self.repository_options}
        self.repository_name = names.get(self.repository_id, "One repository")
        await self._restart()

    @rx.event
    @signed_in
    async def search_repositories(self, query: str) -> None:
        """Offers the repositories that have any, by a part of the name."""
        found = await self._ask(lambda session, user: pages.offered(session, user, query[:200]))
        self.repository_options = [_EVERYWHERE, *[Option(str(id_), name) for id_, name in found]]

    @rx.event(background=True)
    @signed_in
    async def sync(self) -> Any:
        """Asks GitHub about one's own open ones, at most every ten seconds; how far it is comes with the rings."""
        async with self:
            if self.sync_work.is_running:
                return None
            token = self._token()
            self.sync_work = work_view.work(Progress("running"), "Asking about")
        try:
            person = await people.person_of(token)
            polled = await bridge.outside(lambda: service.sync(person.id))
        except SignedOut:
            return leave()
        except AsyncCoderError as error:
            async with self:
                await self._read()
            return orders.refuse(error)
        async with self:
            await self._read()
        return rx.toast.success(_told(polled))

    def _arrive(self) -> None:
        self.state, self.query = State.ALL, ""
        self.repository_id, self.repository_name = _ANY, _EVERYWHERE.label
        self.repository_options = [_EVERYWHERE]

    def _topics(self, person: UUID) -> tuple[str, ...]:
        return events.user_topic(person), progress.topic(person)

    def _question(self, after: Key | None) -> Question:
        repository = None if self.repository_id == _ANY else UUID(self.repository_id)
        wanted = Wanted(State(self.state), repository, self.query)

        def ask(session: DatabaseSession, user: User) -> _Answer:
            page = pages.entries(session, user, wanted, after=after)
            return _Answer(**vars(page), work=progress.of(user.id, service.SYNC), is_connected=user.is_github_connected)

        return ask

    def _show(self, page: Page[PullRow]) -> None:
        assert isinstance(page, _Answer)
        self.items = [view.pull_item(row) for row in page.rows]
        self.sync_work = work_view.work(page.work, "Asking about", is_connected=page.is_connected)
        self.is_filtered = (self.state, self.repository_id) != (State.ALL, _ANY) or bool(self.query.strip())


def _told(polled: service.Polled) -> str:
    if not polled.wanted:
        return "You have no open pull requests to ask about."
    asked = "1 pull request" if polled.wanted == 1 else f"{polled.wanted:,} pull requests"
    return f"GitHub was asked about {asked}: {polled.changed or 'none'} changed."


def pull_requests() -> rx.Component:
    """The page."""
    return shell(
        theme.part(
            "page",
            theme.row(
                theme.words("title", "Pull requests", tag="h1"),
                theme.grow(),
                listing.work_button(PullRequests.sync_work, "Sync with GitHub", on_click=PullRequests.sync),
                wrap=True,
            ),
            listing.work_notice(
                PullRequests.sync_work, "Asking GitHub about pull requests", back_to=routes.PULL_REQUESTS
            ),
            listing.filters(
                listing.search_field("Search pull requests", on_change=PullRequests.search),
                listing.choice(_STATES, "State", value=PullRequests.state, on_change=PullRequests.pick_state),
                listing.searchable(
                    "Repository",
                    text=PullRequests.repository_name,
                    value=PullRequests.repository_id,
                    options=PullRequests.repository_options,
                    placeholder="Search repositories",
                    icon_name="folder-git-2",
                    on_pick=PullRequests.pick_repository,
                    on_search=PullRequests.search_repositories,
                ),
                label="Filter pull requests",
            ),
            listing.found(
                PullRequests,
                theme.part("list", rx.foreach(PullRequests.items, _item), tag="ul", aria_label="Pull requests"),
                none=theme.empty(
                    "git-pull-request",
                    "No pull requests yet.",
                    theme.words("small", "A task that changes something ends in one.", tag="p"),
                    theme.page_button("New task", href=routes.HOME, variant="primary"),
                ),
                none_fits=theme.empty(
                    "git-pull-request",
                    "No pull request fits.",
                    theme.words("small", "Search for something else, or widen the filters.", tag="p"),
                ),
                is_filtered=PullRequests.is_filtered,
            ),
        ),
        at=routes.PULL_REQUESTS,
    )


def _item(item: rx.Var[view.PullItem]) -> rx.Component:
    return theme.part(
        "entry",
        theme.grow(
            theme.page_link(item.title, href=item.task_href, look="strong to", title=item.task),
            theme.words("tiny", item.facts, tag="p"),
        ),
        theme.part(
            "entry-end",
            verdict_pill(item.verdict),
            pull_pill(item.look, item.state, item.number, item.href),
            theme.words("tiny", ago(at=item.at)),
        ),
        tag="li",
        key=item.id,
    )
