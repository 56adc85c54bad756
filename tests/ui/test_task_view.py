import asyncio
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from reflex_base.event import Event

from asynccoder_ui.facts import TaskFacts
from asynccoder_ui.pages.credits import Credits
from asynccoder_ui.pages.repositories import Repositories
from asynccoder_ui.shell import Shell
from asynccoder_ui.task_view import TaskView
from backend import clock, db
from backend.events import ring, task_topic, user_topic
from backend.models import AiModel
from backend.services import auth, claims, runs, tasks
from backend.services.tasks import Draft
from backend.words import Outcome, Priority, Status, TaskType
from tests.conftest import People
from tests.ui.conftest import Tab, opened


@pytest.fixture
def task(people: People) -> UUID:
    draft = Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Mend the totals")
    with db.transaction() as session:
        return tasks.submit(session, people.alice, draft).id


def claim() -> claims.Claim:
    with db.transaction() as session:
        claimed = claims.claim(session, "a worker")
    assert claimed is not None
    return claimed


async def look_of(tab: Tab) -> str:
    return (await tab.state(TaskView)).facts.look


def test_a_task_is_shown_and_follows_its_run_to_the_end(people: People, task: UUID):
    async def road() -> TaskView:
        async with opened(people.cookies["alice"], f"/tasks/{task}") as tab:
            following = await tab.start(TaskView.follow)
            await tab.until(lambda: _is(tab, "queued"))
            claimed = await asyncio.to_thread(claim)
            await tab.until(lambda: _is(tab, "running"))
            end = runs.End(Status.COMPLETED, "Nothing to mend.", outcome=Outcome.NO_CHANGES)
            await asyncio.to_thread(_end, claimed, end)
            await tab.until(lambda: _is(tab, "unchanged"))
            following.cancel()
            return await tab.state(TaskView)

    view = asyncio.run(road())
    assert view.facts.title == "Mend the totals"
    assert view.facts.model == "Demo (scripted, no AI)"
    assert view.facts.word == "no changes"
    assert not view.facts.can_stop
    assert view.run.credit_line.endswith("given back")
    assert view.evidence.verdict == ""


def test_going_to_another_task_and_back_leaves_one_loop_behind(people: People, task: UUID):
    draft = Draft(people.sample, "main", None, people.model, TaskType.ASK, Priority.MEDIUM, "Where are the totals?")
    with db.transaction() as session:
        other = tasks.submit(session, people.alice, draft).id

    async def road() -> tuple[str, int, list[Event]]:
        async with opened(people.cookies["alice"]) as tab:
            visits = []
            for place, title in ((task, "Mend"), (other, "Where"), (task, "Mend")):
                tab.path = f"/tasks/{place}"
                visits.append(await tab.start(TaskView.follow))
                await tab.until(partial(_has_title, tab, title))
            for topic in (task, other):
                ring(task_topic(topic), str(topic), 1, "phase")
            async with asyncio.timeout(5):
                await asyncio.gather(*visits[:2])
            return (await tab.state(TaskView)).facts.title, sum(visit.done() for visit in visits), tab.got

    assert asyncio.run(road()) == ("Mend the totals", 2, [])


async def _has_title(tab: Tab, title: str) -> bool:
    return (await tab.state(TaskView)).facts.title.startswith(title)


def pause(claimed: claims.Claim) -> None:
    until = clock.now() + timedelta(minutes=20)
    with db.transaction() as session:
        runs.park(session, claimed.run_id, claimed.fence, reason="model_rate_limited", until=until)


def test_a_pause_says_when_it_is_over_and_is_ended_by_a_click_or_with_another_model(people: People, task: UUID):
    with db.transaction() as session:
        million = 1_000_000
        session.add(
            AiModel(provider="demo", name="other", display_name="Other", input_price=million, output_price=2 * million)
        )
    pause(claim())

    async def road() -> tuple[TaskFacts, list[str], str, TaskView]:
        async with opened(people.cookies["alice"], f"/tasks/{task}") as tab:
            following = await tab.start(TaskView.follow)
            await tab.until(lambda: _offers(tab, "model_limit"))
            await tab.fire(TaskView.offer_models)
            view = await tab.state(TaskView)
            paused, models, other = view.facts, [one.label for one in view.models], view.models[0].value
            await tab.fire(TaskView.go_on, {})
            await tab.until(lambda: _offers(tab, ""))
            await tab.fire(TaskView.go_on, {})
            refused = (await tab.state(TaskView)).error
            await asyncio.to_thread(lambda: pause(claim()))
            await tab.until(lambda: _offers(tab, "model_limit"))
            await tab.fire(TaskView.go_on, {"model": other})
            await tab.until(lambda: _offers(tab, ""))
            following.cancel()
            return paused, models, refused, await tab.state(TaskView)

    paused, models, refused, view = asyncio.run(road())
    assert paused.goes_on > clock.now().isoformat() and paused.reason == "The model's provider limits the rate"
    assert models == ["Other, $1 in, $2 out per million tokens"]
    assert refused == "This run does not wait for a limit any more."
    assert (view.facts.goes_on, view.facts.model, view.changed, view.error) == ("", "Other", 1, "")


async def _offers(tab: Tab, kind: str) -> bool:
    return (await tab.state(TaskView)).next.kind == kind


def test_carol_sees_nothing_of_alices_task(people: People, task: UUID):
    async def road() -> TaskView:
        async with opened(people.cookies["carol"], f"/tasks/{task}") as tab:
            await tab.fire(TaskView.follow)
            await tab.fire(TaskView.stop)
            await tab.fire(TaskView.send, {"prompt": "mine now", "nonce": "1"})
            return await tab.state(TaskView)

    view = asyncio.run(road())
    assert view.missing == "There is no such task, or you cannot see it."
    assert view.facts.title == ""
    assert view.error == "There is no such task, or you cannot see it."
    with db.transaction() as session:
        assert tasks.page(session, people.alice, task).row.status == Status.PENDING


def test_an_address_that_is_no_task_says_so(people: People):
    async def road() -> str:
        async with opened(people.cookies["alice"], "/tasks/nonsense") as tab:
            await tab.fire(TaskView.follow)
            return (await tab.state(TaskView)).missing

    assert "no such task" in asyncio.run(road())


def test_a_follow_up_waits_with_the_run_and_can_be_taken_back(people: People, task: UUID):
    async def road() -> tuple[list[str], list[str]]:
        async with opened(people.cookies["alice"], f"/tasks/{task}") as tab:
            await asyncio.to_thread(claim)
            following = await tab.start(TaskView.follow)
            await tab.until(lambda: _is(tab, "running"))
            form = {"prompt": "And the refunds", "nonce": "1"}
            await tab.fire(TaskView.send, form)
            await tab.fire(TaskView.send, form)
            await tab.until(lambda: _waiting(tab, 1))
            waiting = (await tab.state(TaskView)).queued
            await tab.fire(TaskView.withdraw, waiting[0].id)
            await tab.until(lambda: _waiting(tab, 0))
            following.cancel()
            return [message.text for message in waiting], [m.text for m in (await tab.state(TaskView)).queued]

    assert asyncio.run(road()) == (["And the refunds"], [])


def test_stopping_a_queued_task_stops_it_at_once(people: People, task: UUID):
    async def road() -> str:
        async with opened(people.cookies["alice"], f"/tasks/{task}") as tab:
            following = await tab.start(TaskView.follow)
            await tab.until(lambda: _is(tab, "queued"))
            await tab.fire(TaskView.stop)
            await tab.until(lambda: _is(tab, "stopped"))
            following.cancel()
            return await look_of(tab)

    assert asyncio.run(road()) == "stopped"


def test_a_page_that_is_open_leaves_when_the_session_ends_elsewhere(people: People, task: UUID):
    async def road() -> bool:
        async with opened(people.cookies["alice"], f"/tasks/{task}") as tab:
            await tab.start(Shell.follow)
            await tab.until(lambda: _is_listed(tab))
            await asyncio.to_thread(_sign_out, people)
            await tab.until(lambda: _left(tab))
            return tab.was_sent_away

    assert asyncio.run(road())


def test_the_sidebar_lists_ones_own_tasks_and_finds_them_by_their_words(people: People, task: UUID):
    async def road(who: str, query: str) -> list[str]:
        async with opened(people.cookies[who]) as tab:
            await tab.fire(Shell.search, query)
            return [row.title for group in (await tab.state(Shell)).groups for row in group.rows]

    assert asyncio.run(road("alice", "")) == ["Mend the totals"]
    assert asyncio.run(road("alice", "totals")) == ["Mend the totals"]
    assert asyncio.run(road("alice", "invoices")) == []
    assert asyncio.run(road("carol", "")) == []


def test_repositories_and_ledger_are_ones_own(people: People, task: UUID):
    async def road(who: str) -> tuple[list[str], list[str]]:
        async with opened(people.cookies[who]) as tab:
            await tab.fire(Repositories.again)
            await tab.fire(Credits.again)
            found, entries = await tab.state(Repositories), await tab.state(Credits)
            return [item.name for item in found.items], [item.description for item in entries.items]

    assert asyncio.run(road("alice")) == (["acme/shop", "alice/sample-shop"], ["Held for the run", "Free credits"])
    assert asyncio.run(road("carol")) == ([], ["Free credits"])


async def _is(tab: Tab, look: str) -> bool:
    return await look_of(tab) == look


async def _waiting(tab: Tab, count: int) -> bool:
    return len((await tab.state(TaskView)).queued) == count


async def _is_listed(tab: Tab) -> bool:
    return (await tab.state(Shell)).is_listed


async def _left(tab: Tab) -> bool:
    return tab.was_sent_away


def _end(claimed: claims.Claim, end: runs.End) -> None:
    with db.transaction() as session:
        runs.end(session, claimed.run_id, claimed.fence, end)


def _sign_out(people: People) -> None:
    with db.transaction() as session:
        auth.sign_out(session, people.cookies["alice"])
    ring(user_topic(people.alice.id), str(people.alice.id), 0, "signed_out")
