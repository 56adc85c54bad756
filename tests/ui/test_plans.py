"""Plan first in the dashboard: ticked in the composer, read and answered on the task's page."""

import asyncio
from functools import partial
from uuid import UUID

import pytest

from asynccoder_ui import facts
from asynccoder_ui.composer import Composer
from asynccoder_ui.drafts import Drafts
from asynccoder_ui.task_view import TaskView
from backend import db
from backend.models import Task
from backend.services import tasks
from backend.words import Decision, Phase, Priority, Status, TaskType, Visibility
from tests.backend.services.road import run_of
from tests.backend.services.test_plans import STEPS, decisions, propose, submitted
from tests.conftest import People
from tests.ui.conftest import Tab, opened
from tests.ui.test_composer import composed, tasks_of
from tests.ui.test_log_rows import event, js

SENT = (Composer.send, {"prompt": "Totals are off by a cent.", "nonce": "n-1"})


@pytest.fixture
def waiting(people: People) -> UUID:
    task_id = submitted(people)
    propose()
    return task_id


def seen(people: People, task_id: UUID, *answers: tuple, who: str = "alice", plan: int = 1) -> list[TaskView]:
    """The page of somebody who gives these answers, in as many tabs: each as its tab then stood."""

    async def road() -> list[TaskView]:
        async with opened(people.cookies[who], f"/tasks/{task_id}") as first:
            tabs = [first, *(first.another(f"tab-{number}") for number in range(2, len(answers) + 1))]
            following = [await tab.start(TaskView.follow) for tab in tabs]
            for tab in tabs:
                await tab.until(partial(_shows, tab, plan))
            for tab, answer in zip(tabs, answers, strict=False):
                await tab.fire(TaskView.decide, *answer)
            views = [await tab.state(TaskView) for tab in tabs]
            for one in following:
                one.cancel()
            return views

    return asyncio.run(road())


async def _shows(tab: Tab, number: int) -> bool:
    return (await tab.state(TaskView)).plan.number == number


@pytest.mark.usefixtures("branches")
def test_the_tick_goes_along_with_the_task(people: People) -> None:
    composed(people, (Composer.pick_plan, True), (Composer.pick_type, "async"), SENT)
    assert [(one.type, one.plan_first) for one in tasks_of(people)] == [("async", True)]


@pytest.mark.usefixtures("branches")
def test_a_question_is_asked_without_a_plan_and_the_tick_is_there_again_for_other_work(people: People) -> None:
    composer, _ = composed(people, (Composer.pick_plan, True), (Composer.pick_type, "ask"), SENT)
    assert [one.plan_first for one in tasks_of(people)] == [False]
    assert (composer.choice.plan_first, composer.choice.may_plan) == (True, False)
    again, _ = composed(people, (Composer.pick_plan, True), (Composer.pick_type, "ask"), (Composer.pick_type, "debug"))
    assert (again.choice.plan_first, again.choice.may_plan) == (True, True)


@pytest.mark.usefixtures("branches")
def test_a_draft_keeps_the_tick(people: People) -> None:
    async def road() -> tuple[bool, bool]:
        async with opened(people.cookies["alice"]) as tab:
            for handler, *args in (
                *((Composer.load,), (Composer.pick_plan, True), (Drafts.save, "Half a thought", "n-1")),
                *((Composer.pick_plan, False), (Drafts.show,)),
            ):
                await tab.fire(handler, *args)
            before = (await tab.state(Composer)).choice.plan_first
            await tab.fire(Drafts.open, (await tab.state(Drafts)).saved[0].id, "")
            return before, (await tab.state(Composer)).choice.plan_first

    assert asyncio.run(road()) == (False, True)


def test_a_plan_that_waits_is_what_the_page_opens_with(people: People, waiting: UUID) -> None:
    (view,) = seen(people, waiting)
    assert (view.tab, view.facts.look, view.facts.word) == ("plan", "waiting", "waiting for approval")
    assert (view.plan.text, view.plan.may_decide, view.next.kind) == (STEPS, True, "plan")
    assert view.facts.task_type == "Debug, planned first" and not view.facts.wants_credits


def test_of_two_tabs_the_second_is_told_what_happened(people: People, waiting: UUID) -> None:
    first, second = seen(people, waiting, ("approve", 1, "1. Mine.", ""), ("discard", 1, "", ""))
    assert (first.error, first.answered, first.tab) == ("", 1, "log")
    assert "was approved already" in second.error and second.answered == 1
    assert [(one["decision"], one["plan"]) for one in decisions(waiting)] == [("approve", "1. Mine.")]
    assert run_of(waiting).phase == Phase.QUEUED


def test_what_a_socket_can_send_decides_nothing(people: People, waiting: UUID) -> None:
    for wrong in (("maybe", 1, "", ""), ("approve", 2, "", ""), ("approve", -(10**30), "", ""), ("change", 1, "", " ")):
        seen(people, waiting, wrong)
    assert decisions(waiting) == []


def test_a_reader_looks_and_cannot_decide(people: People, waiting: UUID) -> None:
    with db.transaction() as session:
        tasks.set_visibility(session, people.alice, waiting, Visibility.REPOSITORY)
    (view,) = seen(people, waiting, ("approve", 1, "", ""), who="bob")
    assert (view.plan.text, view.plan.may_decide, view.plan.waits, view.tab) == (STEPS, False, True, "log")
    assert "Only the person" in view.error and decisions(waiting) == []


def test_afterwards_the_page_shows_what_was_approved_and_by_whom(people: People, waiting: UUID) -> None:
    with db.transaction() as session:
        tasks.decide(session, people.alice, waiting, tasks.Said(Decision.APPROVE, "Mind the tax.", "1. Mine."))
    (view,) = seen(people, waiting)
    assert view.plan == facts.Plan(
        *(1, "Mend it", "1. Mine.", "approve", "Mind the tax.", "Alice", True, view.plan.until, False, False)
    )
    assert view.tab == "log" and view.next.kind == ""


def test_the_log_shows_the_plan_and_what_was_said_of_it_and_no_tool_of_it() -> None:
    said = {"number": 1, "by": "Alice", "text": "Mind the tax.", "plan": "1. Mine.", "is_edited": True}
    log = [
        event(1, "phase", phase="running", reason="planning"),
        event(2, "tool_started", call_id="a", name="propose_plan", args={"title": "T", "plan": "P"}),
        event(3, "tool_result", call_id="a", name="propose_plan", is_error=False),
        event(4, "plan", number=1, title="Mend it", text="1. Theirs."),
        event(5, "phase", phase="parked", reason="approval"),
        event(6, "plan_decided", decision="approve", **said),
        event(7, "tool_result", call_id="b", name="propose_plan", is_error=True, text="A plan is approved already."),
    ]
    rows = js("return rows.take(rows.empty(), given).rows", log)
    assert [row["kind"] for row in rows] == ["plan", "note", "decided", "tools"]
    assert rows[2]["text"] == "Alice approved the plan, with changes of their own:\n\n1. Mine.\n\nMind the tax."
    told = js("return rows.asMarkdown(rows.take(rows.empty(), given).rows)", log)
    assert "### Plan 1: Mend it\n\n1. Theirs." in told and "> 1. Mine." in told
    assert js("return rows.tailText(rows.take(rows.empty(), given))", log[:1]) == "The model reads and makes a plan"


def test_a_task_that_was_sent_without_a_plan_shows_none(people: People) -> None:
    usual = (people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Fix it")
    with db.transaction() as session:
        task: Task = tasks.submit(session, people.alice, tasks.Draft(*usual))
        page = tasks.page(session, people.alice, task.id)
    assert (page.plan, page.plan_first, page.row.status) == (None, False, Status.PENDING)
    assert facts.plan(page) == facts.Plan()
