"""The buttons of a pull request, from a tab: what GitHub did is on the page, what it refused in a sentence."""

import asyncio
from functools import partial
from itertools import product
from uuid import UUID

import pytest
from sqlmodel import select

from asynccoder_ui.bring import Bring
from asynccoder_ui.components.looks import SIGNALS
from asynccoder_ui.pages.pull_requests import PullRequests
from asynccoder_ui.pull_deeds import MENUS, PullDeeds
from asynccoder_ui.task_view import TaskView
from asynccoder_ui.views import pull_menu, pull_signals
from backend import db
from backend.github.client import GitHub
from backend.models import Task, TaskMessage
from backend.services import pull_requests, tasks
from backend.settings import get_settings
from backend.words import ChecksState, Outcome, Priority, PullRequestStatus, ReviewState, Status, TaskType, Visibility
from tests.conftest import People, keep, remote
from tests.hub import LocalHub, push_change
from tests.settled import settle
from tests.ui.conftest import Tab, opened

SHOP = "acme/shop"


@pytest.fixture
def task(connected: People, hub: LocalHub) -> UUID:
    """A task of Alice's, shared with the team, with an open pull request on the hub."""
    draft = tasks.Draft(connected.shop, "main", None, connected.model, TaskType.DEBUG, Priority.MEDIUM, "Take notes")
    with db.transaction() as session:
        task_id = tasks.submit(session, connected.alice, draft).id
    settle(task_id, Status.COMPLETED, outcome=Outcome.PR_OPENED)
    url = hub.as_person("alice").clone_url(SHOP)
    push_change(url, "NOTES.md", lambda _: "Notes\n", branch="fix", start="origin/main")
    with GitHub(get_settings().github_api_url, hub.token("alice").access_token) as github:
        made = github.open_pull(SHOP, head="fix", base="main", title="Notes", body="")
    with db.transaction() as session:
        pull_requests.observe(session, connected.shop, made, task_id=task_id)
        session.get_one(Task, task_id).visibility = Visibility.REPOSITORY
    return task_id


async def pull_of(tab: Tab) -> tuple[str, str]:
    pull = (await tab.state(TaskView)).pull
    return pull.word, pull.menu


async def follow(tab: Tab, menu: str) -> "asyncio.Task[None]":
    following = await tab.start(TaskView.follow)
    await tab.until(lambda: _offers(tab, menu))
    return following


async def _offers(tab: Tab, menu: str) -> bool:
    return (await tab.state(TaskView)).facts.id != "" and (await pull_of(tab))[1] == menu


def test_a_merge_is_on_the_page_without_a_reload(connected: People, task: UUID) -> None:
    async def road() -> tuple[str, str]:
        async with opened(connected.cookies["alice"], f"/tasks/{task}") as tab:
            following = await follow(tab, "open")
            sha = (await tab.state(TaskView)).pull.sha
            await tab.fire(PullDeeds.do, str(task), "merge", sha)
            await tab.until(lambda: _offers(tab, ""))
            following.cancel()
            assert (await tab.state(PullDeeds)).busy == ""
            return await pull_of(tab)

    assert asyncio.run(road()) == ("merged", "")


def test_a_refusal_is_told_and_the_buttons_are_free_again(connected: People, hub: LocalHub, task: UUID) -> None:
    moved = hub.commit("alice", SHOP, "NOTES.md", lambda _: "Other notes\n", branch="fix")

    async def road() -> tuple[str, str]:
        async with opened(connected.cookies["alice"], f"/tasks/{task}") as tab:
            following = await follow(tab, "open")
            shown = (await tab.state(TaskView)).pull.sha
            await tab.fire(PullDeeds.do, str(task), "merge", shown)
            told = next(str(event.payload) for event in tab.got if "pushed to it" in str(event.payload))
            await tab.until(lambda: _shows(tab, moved))  # the page has the head that a second click would merge
            following.cancel()
            return told, (await tab.state(PullDeeds)).busy

    told, busy = asyncio.run(road())
    assert moved[:7] in told and busy == ""


async def _shows(tab: Tab, sha: str) -> bool:
    return (await tab.state(TaskView)).pull.sha == sha


def test_who_may_only_read_the_repository_is_offered_nothing(connected: People, task: UUID) -> None:
    with db.transaction() as session:
        keep(session, connected.bob, remote(12, SHOP, "read"))

    async def road() -> tuple[str, list[str], bool]:
        async with opened(connected.cookies["bob"], f"/tasks/{task}") as tab:
            following = await follow(tab, "")
            await tab.fire(PullDeeds.do, str(task), "close", "")
            following.cancel()
            tab.path = "/pull-requests"
            listing = await tab.start(PullRequests.follow)
            await tab.until(lambda: _is_listed(tab))
            listing.cancel()
            menus = [item.menu for item in (await tab.state(PullRequests)).items]
            return (await pull_of(tab))[0], menus, any("may push" in str(event.payload) for event in tab.got)

    assert asyncio.run(road()) == ("open", [""], True)


async def _is_listed(tab: Tab) -> bool:
    return (await tab.state(PullRequests)).is_listed


def test_what_is_no_deed_or_no_task_is_refused(connected: People, task: UUID) -> None:
    async def road() -> str:
        async with opened(connected.cookies["alice"], f"/tasks/{task}") as tab:
            for wish, words in (
                ((str(task), "explode"), "none of merge"),
                (("nothing", "merge"), "nothing with this id"),
            ):
                await tab.fire(PullDeeds.do, *wish, "")
                await tab.until(partial(_is_told, tab, words))
            return (await tab.state(PullDeeds)).busy

    assert asyncio.run(road()) == ""


async def _is_told(tab: Tab, words: str) -> bool:
    return any(words in str(event.payload) for event in tab.got)


def test_a_review_is_put_into_the_reply_box_and_nothing_is_sent(connected: People, hub: LocalHub, task: UUID) -> None:
    wish = {"event": "COMMENT", "body": "Say more"}
    number = hub.pulls("alice", SHOP)[-1][0]
    hub.as_person("bob").ask("POST", f"/repos/{SHOP}/pulls/{number}/reviews", wish).raise_for_status()

    async def road() -> tuple[str, str]:
        async with opened(connected.cookies["alice"], f"/tasks/{task}") as tab:
            await tab.fire(Bring.fetch, "review")
            await tab.until(partial(_is_told, tab, "asynccoder-fill"))
            await tab.fire(Bring.fetch, "checks")
            await tab.until(partial(_is_told, tab, "No check fails"))
            await tab.fire(Bring.fetch, "rain")
            await tab.until(partial(_is_told, tab, "none of review"))
            return str(tab.got[0].payload), (await tab.state(Bring)).busy

    told, busy = asyncio.run(road())
    assert "Say more" in told and str(task) in told and busy == ""
    with db.transaction() as session:
        assert session.exec(select(TaskMessage)).all() == []


def test_every_menu_and_pill_that_a_row_names_is_drawn_and_what_conflicts_is_not_merged() -> None:
    for status, verdict, conflicts in product(PullRequestStatus, ("", "failed"), (False, True)):
        menu = pull_menu(status, verdict, may_push=True, conflicts=conflicts)
        offered = [action.value for action in MENUS[menu]] if menu else []
        assert ("merge" in offered) == (status == PullRequestStatus.OPEN and not conflicts)
        assert pull_menu(status, verdict, may_push=False, conflicts=conflicts) == ""
    for checks, review in product([None, *ChecksState], [None, *ReviewState]):
        assert set(pull_signals("open", checks, review, True)) <= set(SIGNALS)
        assert pull_signals("merged", checks, review, True) == []
