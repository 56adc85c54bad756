"""What a person is told who looks elsewhere: only where they want it, and what came while their tab was away."""

import asyncio
from functools import partial

from sqlmodel import select

from asynccoder_ui.shell import Shell
from backend import db
from backend.models import TaskRun, User
from backend.services import preferences, runs, tasks
from backend.services.news import NewsKind
from backend.services.preferences import Channel
from backend.words import Failure, Priority, Status, TaskType
from tests.conftest import People
from tests.ui.conftest import Tab, opened


def end(people: People, title: str) -> int:
    """Ends a task of alice's; the number of her newest notice."""
    usual = (people.sample, "main", None, people.model, TaskType.ASK, Priority.MEDIUM, title)
    with db.transaction() as session:
        task = tasks.submit(session, session.get_one(User, people.alice.id), tasks.Draft(*usual))
        run = session.exec(select(TaskRun).where(TaskRun.task_id == task.id)).one()
        runs.end(session, run.id, run.fence, runs.End(Status.FAILED, "", failure=Failure.STUCK))
    with db.transaction() as session:
        return session.get_one(User, people.alice.id).notice_seq


def prefer(people: People, channel: Channel) -> None:
    with db.transaction() as session:
        preferences.tell(session, people.alice, NewsKind.FAILED, channel, is_wanted=False)


def test_news_are_told_only_where_they_are_wanted(people: People):
    async def road() -> list[tuple[str, bool, bool]]:
        seen = []
        async with opened(people.cookies["alice"]) as tab:
            following = await tab.start(Shell.follow)
            await tab.until(lambda: _is_listed(tab))
            for channel, title in ((None, "one"), (Channel.BROWSER, "two"), (Channel.APP, "three")):
                if channel:
                    await asyncio.to_thread(prefer, people, channel)
                await asyncio.to_thread(end, people, title)
                await tab.until(partial(_lists, tab, title))
                # What is told nowhere leaves what was told before; the list may be a read ahead of the news.
                await tab.until(partial(_tells, tab, "two" if title == "three" else title))
                seen.append([(one.title, one.in_app, one.by_browser) for one in (await tab.state(Shell)).news][-1])
            following.cancel()
        return seen

    assert asyncio.run(road()) == [("one", True, True), ("two", True, False), ("two", True, False)]


def test_a_tab_that_got_a_state_anew_is_told_what_came_since_it_last_heard(people: People):
    heard = end(people, "before it")
    for title in ("while it was away", "and one more"):
        newest = end(people, title)

    async def road(after: int) -> tuple[list[str], int, int]:
        async with opened(people.cookies["alice"]) as tab:
            following = await tab.start(Shell.follow)
            await tab.until(lambda: _is_listed(tab))
            await tab.fire(Shell.catch_up, after)
            following.cancel()
            shell = await tab.state(Shell)
            return [one.title for one in shell.news], shell.heard, shell.began

    assert asyncio.run(road(heard)) == (["while it was away", "and one more"], newest, newest)
    for nonsense in (newest, newest + 1, -1, 2**70):
        assert asyncio.run(road(nonsense))[0] == [], "nothing came after that"


async def _is_listed(tab: Tab) -> bool:
    return (await tab.state(Shell)).is_listed


async def _tells(tab: Tab, title: str) -> bool:
    return [one.title for one in (await tab.state(Shell)).news][-1:] == [title]


async def _lists(tab: Tab, title: str) -> bool:
    return any(row.title == title for group in (await tab.state(Shell)).groups for row in group.rows)
