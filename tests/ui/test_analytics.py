"""The analytics page: every figure leads to a list of just its tasks."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from asynccoder_ui import analytics_view as view
from asynccoder_ui import tasks_view
from asynccoder_ui.pages.analytics import Analytics
from asynccoder_ui.pages.tasks import TaskList
from backend import clock, db
from backend.models import AiModel, Task, TaskRun
from backend.services import analytics_report, analytics_rollup, tasks
from backend.services.analytics_figures import recommendations
from backend.services.analytics_report import Days, Scope
from backend.services.tasks import Filters, Opened
from backend.words import Outcome, Priority, Status, TaskType
from tests.cells import CHEAP, DEAR, cell
from tests.conftest import People
from tests.rows import pull_request
from tests.settled import settle
from tests.ui.conftest import Tab, opened


def page(people: People, query: str = "", who: str = "alice") -> Analytics:
    async def road() -> Analytics:
        async with opened(people.cookies[who], f"/analytics{query}") as tab:
            following = await tab.start(Analytics.follow)
            await tab.until(lambda: _is_there(tab))
            following.cancel()
            return await tab.state(Analytics)

    return asyncio.run(road())


async def _is_there(tab: Tab) -> bool:
    state = await tab.state(Analytics)
    return state.is_listed or state.error != ""


def submit(people: People, who: str = "alice", place: str = "sample") -> UUID:
    draft = tasks.Draft(getattr(people, place), "main", None, people.model, TaskType.ASK, Priority.MEDIUM, "Why?")
    with db.transaction() as session:
        return tasks.submit(session, getattr(people, who), draft).id


@pytest.fixture
def many(people: People) -> None:
    """Tasks of Alice's of every state, outcome and type, some archived, one deleted; of Bob's one."""
    with db.transaction() as session:
        models = session.exec(select(AiModel.id).order_by(AiModel.name).limit(2)).all()
        for number, kind in enumerate([*TaskType, *TaskType, *TaskType]):
            place = (people.sample, people.shop)[number % 2]
            _add(session, number, kind, user_id=people.alice.id, repository_id=place, ai_model_id=models[number % 2])
        session.execute(text("UPDATE tasks SET archived_at = now() WHERE credits_used % 5 = 0"))
        session.execute(text("UPDATE tasks SET deleted_at = now() WHERE credits_used = 7"))
    submit(people, "bob", "shop")
    analytics_rollup.refresh_all()


def _add(session: Session, number: int, kind: TaskType, **where: Any) -> None:
    status = list(Status)[number % 5]
    outcome = [*Outcome][number % 6] if status is Status.COMPLETED else None
    task = Task(
        **where, title="A task", prompt="A task", branch="main", type=kind, status=status, outcome=outcome,
        credits_used=number, created_at=clock.now() - timedelta(days=number),
    )  # fmt: skip
    session.add(task)
    session.flush()
    session.add(TaskRun(task_id=task.id, number=1, prompt="", status=status))
    if number % 3 == 0:
        session.add(pull_request(task, number + 1, status="merged" if number % 2 else "open"))


def count(people: People, href: str) -> int:
    """How many tasks the page at this address lists."""
    filters = tasks_view.Chosen.of(dict(parse_qsl(urlsplit(href).query))).filters
    with db.transaction() as session:
        return tasks.listing(session, people.alice, filters).total


@pytest.mark.parametrize("query", ["", "?days=7", "?days=90"])
def test_every_figure_leads_to_just_its_tasks(people: People, many: None, query: str) -> None:
    shown = page(people, query)
    parts = [*shown.states, *shown.outcomes, *shown.types, *shown.models, *shown.repositories]
    for part in parts:
        assert count(people, part.href) == int(part.tasks), part
    assert sum(int(part.tasks) for part in shown.states) == sum(int(part.tasks) for part in shown.types)
    for day in shown.days:
        assert count(people, day.href) == day.tasks == day.done + day.failed + day.stopped + day.alive, day
    for line in shown.cells:
        assert count(people, line.href) == int(line.tasks), line
        if line.merges != "–":
            assert count(people, line.merged_href) == int(line.merges.split()[-1]), line
    by_name = {figure.label: figure for figure in shown.figures}
    for name in ("Tasks", "Pull requests"):
        assert count(people, by_name[name].href) == int(by_name[name].value)
    done, failed = (int(shown.states[place].tasks) for place in (0, 1))
    assert by_name["Success rate"].value == f"{100 * done / (done + failed):.0f}%"
    assert count(people, by_name["Success rate"].href) == done
    merged = count(people, by_name["Merge rate"].href)
    assert by_name["Merge rate"].value == f"{100 * merged / int(by_name['Pull requests'].value):.0f}%"


def test_everyones_page_is_for_admins(people: People, many: None) -> None:
    mine, everyone = page(people, "?days=90"), page(people, "?days=90&scope=all")
    assert not mine.is_all and everyone.is_all
    assert int(everyone.figures[0].value) == int(mine.figures[0].value) + 1
    assert "all=1" in everyone.figures[0].href and "all=1" not in mine.figures[0].href
    assert everyone.csv_href == "/files/analytics.csv?scope=all&days=90"
    refused = page(people, "?scope=all", who="bob")
    assert refused.error == "Only admins see everyone's figures." and not refused.figures


@pytest.mark.parametrize("query", ["?days=8", "?scope=team", "?days='; --"])
def test_what_is_no_period_or_scope_changes_nothing(people: People, many: None, query: str) -> None:
    shown = page(people, query)
    assert shown.csv_href == "/files/analytics.csv?scope=own&days=30" and len(shown.days) == 30


def test_who_has_sent_nothing_is_told_so(people: People, many: None) -> None:
    assert page(people, who="carol").is_empty


def test_a_page_follows_what_was_summed_anew(people: People) -> None:
    async def road() -> None:
        async with opened(people.cookies["alice"], "/analytics") as tab:
            following = await tab.start(Analytics.follow)
            await tab.until(lambda: _is_there(tab))
            await asyncio.to_thread(submit, people)
            await asyncio.to_thread(analytics_rollup.refresh_all)

            async def has_one() -> bool:
                return (await tab.state(Analytics)).figures[0].value == "1"

            await tab.until(has_one)
            following.cancel()

    asyncio.run(road())


def test_the_tasks_page_says_what_a_figure_left_out(people: People) -> None:
    settle(submit(people), Status.COMPLETED, outcome=Outcome.ANSWERED)
    filters = Filters(first=date(2026, 1, 2), last=date(2026, 1, 31), outcome=Outcome.PR_OPENED, with_archived=True)
    href = tasks_view.tasks_with(filters)

    async def road() -> TaskList:
        async with opened(people.cookies["alice"], href) as tab:
            following = await tab.start(TaskList.follow)

            async def is_there() -> bool:
                return (await tab.state(TaskList)).is_listed

            await tab.until(is_there)
            following.cancel()
            return await tab.state(TaskList)

    shown = asyncio.run(road())
    sent = "sent from 2 Jan 2026 until 31 Jan 2026 (UTC)"
    assert shown.narrowing == f"pull request opened, {sent}, archived ones too"
    assert shown.is_empty and shown.is_filtered and shown.cleared == "/tasks"


def test_an_address_of_filters_is_read_as_it_was_written() -> None:
    filters = Filters(
        status=Status.FAILED, task_type=TaskType.ASK, repository_id=uuid4(), model_id=uuid4(), everyone=True,
        outcome=Outcome.MERGED, pull=Opened.MERGED, first=date(2026, 1, 2), last=date(2026, 1, 2), with_archived=True,
    )  # fmt: skip
    query = dict(parse_qsl(urlsplit(tasks_view.tasks_with(filters)).query))
    assert tasks_view.Chosen.of(query).filters == filters
    for bad in ({"first": "2026-02-30"}, {"last": "tomorrow"}, {"outcome": "praised"}, {"pull": "1"}, {"status": "x"}):
        assert tasks_view.Chosen.of(bad).filters == Filters()


def test_a_recommendation_names_work_and_model_with_its_cost(people: People, many: None) -> None:
    with db.transaction() as session:
        report = analytics_report.report(session, people.alice, Scope.OWN, Days.QUARTER)
    found = recommendations([cell("Thrifty", CHEAP), cell("Lavish", DEAR)])
    [sentence] = view.advice(replace(report, recommendations=found))
    assert sentence.startswith("Debug on acme/shop: take Thrifty. A merged pull request costs 5.0 credits with it (± ")
    assert sentence.endswith(", 21.0 with Lavish.")
