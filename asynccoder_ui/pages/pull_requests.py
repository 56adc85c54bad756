"""Pull requests: those of one's tasks and of tasks one may see, as GitHub last told them."""

from typing import ClassVar
from uuid import UUID

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import people, routes, theme
from asynccoder_ui import pulls_view as view
from asynccoder_ui.components import listing
from asynccoder_ui.components.looks import pull_pill, signal_pills, verdict_pill
from asynccoder_ui.components.react import ago
from asynccoder_ui.gate import signed_in
from asynccoder_ui.lists import Listed
from asynccoder_ui.pull_deeds import deed_menu
from asynccoder_ui.pulls_view import Chosen
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from asynccoder_ui.syncing import Sync, Syncing, synced, work
from asynccoder_ui.views import Option
from backend.models import User
from backend.services import progress
from backend.services import pull_request_pages as pages
from backend.services import pull_requests as service
from backend.services.pull_request_pages import PullRow, State

_STATES = [
    ("", "All states"),
    (State.OPEN.value, "Open"),
    (State.DRAFT.value, "Draft"),
    (State.MERGED.value, "Merged"),
    (State.CLOSED.value, "Closed"),
]
_WIDEN = "Search for something else, or widen the filters."


async def _run(token: str) -> str:
    polled = await people.outside(token, service.sync)
    if not polled.wanted:
        return "You have no open pull requests to ask about."
    asked = "1 pull request" if polled.wanted == 1 else f"{polled.wanted:,} pull requests"
    return f"GitHub was asked about {asked}: {polled.changed or 'none'} changed."


def _read(session: DatabaseSession, user: User, chosen: Chosen, is_first: bool) -> Listed[Chosen, PullRow, str | None]:
    name = pages.offered_name(session, user, UUID(chosen.repository)) if is_first and chosen.repository else None
    return Listed(chosen, pages.entries(session, user, chosen.wanted, chosen.number), name)


def _show(state: "PullRequests", found: Listed[Chosen, PullRow, str | None]) -> None:
    state.items = [view.pull_item(row) for row in found.page.rows]
    if found.beside is not None:
        state.repository = found.beside or "One repository"


_VERB = "Asking about"
_SYNC = Sync(_VERB, lambda person: work(progress.of(person, service.SYNC), _VERB), _run)


class PullRequests(Syncing, Session):
    """The list; it follows the person's rings."""

    items: list[view.PullItem] = []
    repository: str = ""  # the name of the chosen one
    repositories: list[Option] = []
    _sync: ClassVar = _SYNC
    _reads: ClassVar = synced(routes.PULL_REQUESTS, _SYNC, Chosen, _read, _show)

    @rx.event
    @signed_in
    async def search_repositories(self, query: str) -> None:
        """Offers the repositories that have any, by a part of the name."""
        found = await self._ask(lambda session, user: pages.offered(session, user, query[:200]))
        self.repositories = [Option(str(id_), name) for id_, name in found]


def pull_requests() -> rx.Component:
    """The page."""
    return shell(
        theme.part(
            "page",
            theme.row(
                theme.words("title", "Pull requests", tag="h1"),
                theme.grow(),
                listing.clear(PullRequests),
                listing.sync_button(PullRequests, "Sync with GitHub"),
                wrap=True,
            ),
            listing.sync_notice(PullRequests, "Asking GitHub about pull requests", back_to=routes.PULL_REQUESTS),
            listing.filters(
                listing.words("Search pull requests"),
                listing.choice("state", "State", _STATES),
                listing.searchable(
                    "repository",
                    "Repository",
                    "All repositories",
                    text=PullRequests.repository,
                    options=PullRequests.repositories,
                    on_search=PullRequests.search_repositories,
                    placeholder="Search repositories",
                    icon_name="folder-git-2",
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
                none_fits=("git-pull-request", "No pull request fits.", _WIDEN),
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
            signal_pills(item.signals),
            verdict_pill(item.verdict),
            pull_pill(item.look, item.state, item.number, item.href),
            theme.words("tiny", ago(at=item.at)),
            deed_menu(item.task_id, item.menu, item.sha, item.number),
        ),
        tag="li",
        key=item.id,
    )
