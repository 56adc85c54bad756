import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlmodel import select

from asynccoder_ui.branches import Branches
from asynccoder_ui.pages.pull_requests import PullRequests
from asynccoder_ui.pages.repositories import Repositories
from asynccoder_ui.repository_view import RepositoryView
from asynccoder_ui.syncing import Work, connected, work
from backend import db
from backend.models import Repository, RepositorySettings
from backend.services import repositories, repository_syncs, tasks
from backend.services.progress import Progress
from backend.settings import get_settings
from backend.words import Priority, TaskType
from tests.backend.services.test_pull_request_pages import pull
from tests.conftest import People, keep, remote
from tests.github_server import PullServer, pull_server
from tests.ui.conftest import Tab, opened

pytestmark = pytest.mark.usefixtures("branches")
Road = Callable[[Tab], Awaitable[None]]


@pytest.fixture
def github(people: People, environment: pytest.MonkeyPatch) -> Iterator[PullServer]:
    """A GitHub that answers about single pull requests and has no list of repositories."""
    with pull_server() as server:
        environment.setenv("ASYNCCODER_PORT", str(server.server_port - 1))
        get_settings.cache_clear()
        yield server


def visited(page: type[Any], people: People, road: Road | None = None, who: str = "alice", query: str = "") -> Any:
    """The page's State once it is listed and the road was walked."""

    async def walk() -> Any:
        async with opened(people.cookies[who], f"/list?{query}" if query else "/list") as tab:
            following = await tab.start(page.follow)

            async def is_listed() -> bool:
                return bool((await tab.state(page)).is_listed)

            await tab.until(is_listed)
            if road:
                await road(tab)
            following.cancel()
            return await tab.state(page)

    return asyncio.run(walk())


def fire(*steps: Any) -> Road:
    async def road(tab: Tab) -> None:
        for handler, *args in steps:
            await tab.fire(handler, *args)

    return road


def test_each_person_sees_their_repositories_with_what_they_may_do(people: People):
    seen = visited(Repositories, people)
    assert [(item.name, item.access) for item in seen.items] == [
        ("acme/shop", "can push"),
        ("alice/sample-shop", "admin"),
    ]
    assert seen.items[0].href == f"/repositories/{people.shop}" and seen.span == "1–2 of 2"
    nobody = visited(Repositories, people, who="carol")
    assert nobody.is_empty and not nobody.is_filtered and nobody.span == ""


def test_repositories_are_narrowed_and_what_does_not_fit_is_told_apart_from_nothing(people: People):
    seen = visited(Repositories, people, query="access=admin&q=SAMPLE")
    assert [item.name for item in seen.items] == ["alice/sample-shop"] and seen.is_filtered
    for query in ("privacy=public", "archive=archived"):
        seen = visited(Repositories, people, query=query)
        assert seen.is_empty and seen.is_filtered and seen.cleared == "/repositories"


def test_what_is_no_filter_changes_nothing(people: People):
    seen = visited(Repositories, people, query="access=';--&privacy=x&archive=%00&page=0&other=1")
    assert not seen.is_filtered and len(seen.items) == 2
    seen = visited(PullRequests, people, query="state=half-open&repository=../x&page=1e3")
    assert seen.is_listed and not seen.is_filtered


def test_a_hundred_repositories_make_a_page_and_a_reconnect_keeps_it(people: People):
    with db.transaction() as session:
        keep(session, people.alice, *[remote(100 + number, f"acme/tool-{number:03}", "read") for number in range(130)])

    async def reconnect(tab: Tab) -> None:
        with db.transaction() as session:
            last = session.exec(select(Repository).where(Repository.full_name == "acme/tool-129")).one()
            last.description = "Came with the reconnect"
            session.add(last)
        again = await tab.start(Repositories.follow)

        async def is_read_again() -> bool:
            return "Came with the reconnect" in str((await tab.state(Repositories)).items)

        await tab.until(is_read_again)
        again.cancel()

    for road in (None, reconnect):
        seen = visited(Repositories, people, road, query="q=tool&page=2")
        assert (seen.span, len(seen.items), seen.later) == ("101–130 of 130", 30, "")
        assert seen.earlier == "/repositories?q=tool"


def begin(user_id: UUID, *, pages: int, known: int, found: int) -> None:
    """A worker has the person's sync, and is so far."""
    with db.transaction() as session:
        repository_syncs.ask(session, user_id)
    assert repository_syncs._claim() is not None
    with db.transaction() as session:
        values = {"pages": pages, "known": known, "found": found}
        session.execute(
            text("UPDATE repository_syncs SET pages = :pages, pages_known = :known, found = :found"), values
        )
        repository_syncs._tell(session, user_id)


def test_a_sync_that_waits_for_github_says_until_when_and_what_is_out_of_reach_is_listed(people: People):
    begin(people.alice.id, pages=1, known=2, found=100)
    with db.transaction() as session:
        words = {"words": "GitHub limits how much may be asked, so this waits."}
        session.execute(text("UPDATE repository_syncs SET state = 'waiting', trouble = :words"), words)
        repositories.lose(session, "repository_id = :id", id=people.shop)
    seen = visited(Repositories, people)
    assert "limits" in seen.sync_work.wait and seen.sync_work.until and seen.sync_work.is_running
    assert [(one.name, one.reason) for one in seen.gone] == [("acme/shop", "GitHub no longer shows it to you.")]
    assert len(seen.items) == 1
    assert visited(Repositories, people, who="carol").gone == []


def test_a_sync_that_goes_on_is_shown_to_whoever_comes_back_and_not_started_twice(people: People):
    words = "Syncing page 4 of 10, 400 repositories"

    async def road(tab: Tab) -> None:
        begin(people.alice.id, pages=4, known=10, found=400)

        async def is_told() -> bool:
            return (await tab.state(Repositories)).sync_work.words == words

        await tab.until(is_told)
        await tab.fire(Repositories.sync)
        assert (await tab.state(Repositories)).sync_work == Work(True, words, 40)

    visited(Repositories, people, road)
    assert visited(Repositories, people).sync_work.percent == 40, "another visit, another tab"
    assert not visited(Repositories, people, who="bob").sync_work.is_running


def test_a_sync_tells_how_many_there_are_once_a_worker_is_through(people: People):
    async def road(tab: Tab) -> None:
        pressed = await tab.start(Repositories.sync)

        async def is_asked() -> bool:
            with db.transaction() as session:
                return repository_syncs.due(session)

        await tab.until(is_asked)
        assert "up to date" not in str(tab.got)
        with db.transaction() as session:
            session.execute(text("UPDATE repository_syncs SET state = 'done', found = 1001, ended_at = now()"))
        await pressed

        async def is_told() -> bool:
            return "1,001 repositories are up to date." in str(tab.got)

        await tab.until(is_told)

    visited(Repositories, people, road)


def test_a_sync_with_a_dead_token_asks_to_reconnect(people: People):
    with db.transaction() as session:
        people.bob.is_github_connected = False
        session.merge(people.bob)
    for road in (None, fire((Repositories.sync,))):
        seen = visited(Repositories, people, road, who="bob")
        assert seen.sync_work.needs_reconnect and "no longer connected" in seen.sync_work.error
        assert len(seen.items) == 1, "what is known stays"
    assert visited(PullRequests, people, who="bob").sync_work.needs_reconnect


def test_work_tells_how_far_it_is():
    assert work(None, "Syncing") == Work()
    assert work(Progress("running"), "Syncing").words == "Syncing…"
    assert work(Progress("done", 3, 3), "Syncing") == Work()
    assert work(Progress("failed", sentence="GitHub is away."), "Syncing").error == "GitHub is away."
    dead = work(Progress("failed", needs_reconnect=True), "Syncing")
    assert connected(dead, is_connected=True) == Work(), "a new connection has mended it"


def branches_of(people: People, repository: str, query: str | None = None, who: str = "alice") -> Branches:
    async def road() -> Branches:
        async with opened(people.cookies[who]) as tab:
            await tab.fire(Branches.open, repository)
            if query is not None:
                await tab.fire(Branches.search, query)

            async def is_there() -> bool:
                return not (await tab.state(Branches)).is_loading

            await tab.until(is_there)
            return await tab.state(Branches)

    return asyncio.run(road())


def test_branches_come_when_asked_for_with_their_marks_and_can_be_searched(people: People):
    seen = branches_of(people, str(people.shop))
    assert [(item.name, item.is_default, item.is_protected) for item in seen.items] == [
        ("main", True, True),
        ("feature/coupons", False, False),
    ]
    assert seen.note == "2 branches"
    assert [item.name for item in branches_of(people, str(people.shop), " COUP ").items] == ["feature/coupons"]
    assert branches_of(people, str(people.shop), "zzz").note == "No branch has this in its name."


def test_branches_of_a_repository_one_cannot_reach_are_not_told(people: People):
    for who, repository in (("carol", people.shop), ("bob", people.sample), ("alice", uuid4())):
        seen = branches_of(people, str(repository), who=who)
        assert seen.items == [] and "no such repository" in seen.error
    assert branches_of(people, "../main").items == []


def shown(people: People, path: str, *steps: Any, who: str = "alice") -> RepositoryView:
    async def road() -> RepositoryView:
        async with opened(people.cookies[who], path) as tab:
            following = await tab.start(RepositoryView.follow)
            await tab.until(lambda: _is_read(tab))
            for handler, *args in steps:
                await tab.fire(handler, *args)
            following.cancel()
            return await tab.state(RepositoryView)

    return asyncio.run(road())


async def _is_read(tab: Tab) -> bool:
    return (await tab.state(RepositoryView)).is_listed


def test_a_repository_has_a_page_for_whoever_can_reach_it(people: People):
    path = f"/repositories/{people.shop}"
    for who in ("alice", "bob"):
        seen = shown(people, path, who=who)
        assert (seen.head.name, seen.missing, seen.settings.can_change) == ("acme/shop", "", False)
        assert seen.head.url.endswith("/acme/shop")
        assert seen.head.hook == "app" and "at once" in seen.head.hook_words
    for who, address in (("carol", path), ("alice", "/repositories/nonsense"), ("bob", f"/repositories/{uuid4()}")):
        seen = shown(people, address, who=who)
        assert seen.missing and seen.head.name == ""


def test_a_repositorys_page_moves_with_its_tasks(people: People):
    async def road() -> None:
        async with opened(people.cookies["alice"], f"/repositories/{people.shop}") as tab:
            following = await tab.start(RepositoryView.follow)
            await tab.until(lambda: _is_read(tab))
            draft = tasks.Draft(people.shop, "main", None, people.model, TaskType.ASK, Priority.LOW, "Where are they?")

            def submit() -> None:
                with db.transaction() as session:
                    tasks.submit(session, people.alice, draft)

            await asyncio.to_thread(submit)

            async def has_one() -> bool:
                seen = await tab.state(RepositoryView)
                return [item.title for item in seen.tasks] == ["Where are they?"] and seen.task_count == 1

            await tab.until(has_one)
            following.cancel()

    asyncio.run(road())


def test_an_admin_changes_the_settings_and_others_are_refused(people: People):
    form = {"test_command": "make test", "draft_policy": "draft"}
    mine = shown(people, f"/repositories/{people.sample}", (RepositoryView.save, form))
    assert (mine.settings.test_command, mine.settings.draft_policy, mine.refused) == ("make test", "draft", "")
    assert (mine.settings.trigger_label, mine.settings.mentions) == ("asynccoder", "starts")
    form |= {"trigger_label": " agent: do it ", "mentions": "nothing"}
    mine = shown(people, f"/repositories/{people.sample}", (RepositoryView.save, form))
    assert (mine.settings.trigger_label, mine.settings.mentions) == ("agent: do it", "nothing")
    assert mine.opinion_options[0].label == "Nobody" and mine.settings.opinion == "nobody"
    form |= {"opinion": str(people.model)}
    mine = shown(people, f"/repositories/{people.sample}", (RepositoryView.save, form))
    assert (mine.settings.opinion, mine.settings.opinion_model) == (str(people.model), "Demo (scripted, no AI)")
    for who in ("alice", "bob", "carol"):
        seen = shown(people, f"/repositories/{people.shop}", (RepositoryView.save, form), who=who)
        assert seen.refused
    with db.transaction() as session:
        assert session.get(RepositorySettings, people.shop) is None


@pytest.mark.parametrize(
    "form",
    [
        {"test_command": "make\x00test", "draft_policy": "draft"},
        {"test_command": "x" * 1001, "draft_policy": "draft"},
        {"test_command": "make test", "draft_policy": "sometimes"},
        {"test_command": "make test"},
        {"test_command": "make test", "draft_policy": "draft", "trigger_label": "x" * 51},
        {"test_command": "make test", "draft_policy": "draft", "trigger_label": "a\nb"},
        {"test_command": "make test", "draft_policy": "draft", "opinion": "somebody"},
        {"test_command": "make test", "draft_policy": "draft", "opinion": "5f1c3f2e-3a52-4c1c-9d5e-0f9b7e1d2a10"},
        {},
    ],
)
def test_settings_that_cannot_be_are_refused_with_their_sentence(people: People, form: dict[str, Any]):
    seen = shown(people, f"/repositories/{people.sample}", (RepositoryView.save, form))
    assert seen.refused and seen.settings.test_command == ""


def test_tabs_that_are_none_lead_to_the_tasks(people: People):
    assert shown(people, f"/repositories/{people.shop}", (RepositoryView.show, "secrets")).tab == "tasks"


def test_pull_requests_are_listed_narrowed_and_ones_own(people: People):
    pull(people, 7, verdicts=("failed",))
    seen = visited(PullRequests, people)
    [item] = seen.items
    assert (item.state, item.verdict, item.number, item.href) == ("open", "failed", 7, "")
    assert item.task_href.startswith("/tasks/") and "acme/shop" in item.facts
    assert visited(PullRequests, people, query="state=merged").is_empty
    assert len(visited(PullRequests, people, query="q=%237").items) == 1
    narrowed = visited(
        PullRequests, people, fire((PullRequests.search_repositories, "")), query=f"repository={people.shop}"
    )
    assert (narrowed.repository, len(narrowed.items)) == ("acme/shop", 1)
    assert [one.label for one in narrowed.repositories] == ["acme/shop"]
    for who in ("bob", "carol"):
        seen = visited(PullRequests, people, who=who, query=f"repository={people.shop}")
        assert seen.items == [] and seen.repository == "One repository", "not even its name"


def test_a_pull_request_out_of_reach_is_shown_as_it_was_last_seen_and_offers_nothing(people: People):
    pull(people, 7)
    assert "out of reach" not in visited(PullRequests, people).items[0].facts
    with db.transaction() as session:
        repositories.lose(session, "repository_id = :id", id=people.shop)
    [item] = visited(PullRequests, people).items
    assert item.facts.endswith("out of reach, as last seen") and (item.state, item.menu) == ("open", "")


def test_a_sync_shows_what_github_says_and_a_second_one_at_once_is_refused(people: People, github: PullServer):
    pull(people, 7)

    async def road(tab: Tab) -> None:
        await tab.fire(PullRequests.sync)
        await tab.fire(PullRequests.sync)

    seen = visited(PullRequests, people, road)
    assert [item.title for item in seen.items] == ["Pull request 7, as GitHub has it"]
    assert not seen.sync_work.is_running and seen.sync_work.error == ""
    assert len(github.asked) == 1
