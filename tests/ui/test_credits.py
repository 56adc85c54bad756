import asyncio
from typing import Any
from uuid import uuid4

import pytest

from asynccoder_ui import credits_view
from asynccoder_ui.pages.credits import Credits
from backend import db
from backend.clock import now
from backend.models import CreditTransaction, User
from backend.services import credits, tasks
from backend.services.ledger import Day, LedgerRow
from backend.words import Priority, TaskType
from tests.conftest import People
from tests.ui.conftest import Tab, opened


def page(people: People, *steps: Any, who: str = "alice") -> tuple[Credits, Tab]:
    async def road() -> tuple[Credits, Tab]:
        async with opened(people.cookies[who], "/credits") as tab:
            following = await tab.start(Credits.follow)
            await tab.until(lambda: _is_listed(tab))
            for handler, *args in steps:
                await tab.fire(handler, *args)
            following.cancel()
            return await tab.state(Credits), tab

    return asyncio.run(road())


async def _is_listed(tab: Tab) -> bool:
    return (await tab.state(Credits)).is_listed


def submit(people: People, title: str = "Mend the totals") -> str:
    draft = tasks.Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, title)
    with db.transaction() as session:
        return str(tasks.submit(session, people.alice, draft).id)


def grant(user: User, count: int) -> None:
    at = now()
    with db.transaction() as session:
        for _ in range(count):
            session.add(
                CreditTransaction(
                    user_id=user.id, type="credit", amount=1, held_delta=0, idempotency_key=uuid4().hex, created_at=at
                )
            )


def test_each_entry_leads_to_its_task(people: People):
    task = submit(people)
    shown, _ = page(people)
    assert [(item.word, item.href) for item in shown.items] == [("held", f"/tasks/{task}"), ("bonus", "")]
    assert shown.items[0].task == "Mend the totals"
    assert shown.span == "1–2 of 2"


def test_entries_are_narrowed_by_kind_time_and_task_and_the_download_with_them(people: People):
    task = submit(people)
    submit(people, "Another one")
    shown, _ = page(people, (Credits.pick_kind, "holds"), (Credits.pick_period, "7"), (Credits.search_tasks, ""),
                    (Credits.pick_task, task))  # fmt: skip
    assert [item.href for item in shown.items] == [f"/tasks/{task}"]
    assert shown.task_title == "Mend the totals" and shown.is_filtered
    assert shown.csv_href == f"/files/credits.csv?type=holds&days=7&task={task}"
    shown, _ = page(people, (Credits.pick_kind, "refunds"))
    assert shown.is_empty and shown.is_filtered


@pytest.mark.parametrize(
    ("handler", "value"), [(Credits.pick_kind, "bribes"), (Credits.pick_period, "8"), (Credits.pick_task, "'; --")]
)
def test_what_is_no_filter_is_refused_and_changes_nothing(people: People, handler: Any, value: str):
    shown, _ = page(people, (handler, value))
    assert (shown.kind, shown.period, shown.task_id) == ("all", "30", "all") and len(shown.items) == 1


def test_pages_follow_each_other_and_come_back(people: People):
    grant(people.alice, 70)
    first, _ = page(people)
    assert (len(first.items), first.span, first.has_next, first.has_previous) == (50, "1–50 of 71", True, False)
    second, _ = page(people, (Credits.next_page,), (Credits.next_page,))
    assert (len(second.items), second.span, second.has_next) == (21, "51–71 of 71", False)
    back, _ = page(people, (Credits.next_page,), (Credits.previous_page,), (Credits.previous_page,))
    assert back.span == "1–50 of 71"


def test_another_filter_starts_at_the_first_page(people: People):
    grant(people.alice, 70)
    shown, _ = page(people, (Credits.next_page,), (Credits.pick_kind, "grants"))
    assert shown.span == "1–50 of 71"


def test_a_settlement_appears_by_itself(people: People):
    async def road() -> None:
        async with opened(people.cookies["alice"], "/credits") as tab:
            following = await tab.start(Credits.follow)
            await tab.until(lambda: _is_listed(tab))
            await asyncio.to_thread(submit, people)

            async def has_two() -> bool:
                return len((await tab.state(Credits)).items) == 2

            await tab.until(has_two)
            following.cancel()

    asyncio.run(road())


def test_nobody_sees_the_entries_or_tasks_of_another(people: People):
    task = submit(people)
    for who in ("bob", "carol"):
        shown, _ = page(people, (Credits.search_tasks, ""), (Credits.pick_task, task), who=who)
        assert shown.items == [] and [option.label for option in shown.task_options] == ["All tasks"]
        assert not shown.chart.columns


def test_the_chart_says_in_words_what_it_draws():
    today = now().date()
    days = [Day(today.replace(day=1), 4), Day(today.replace(day=2), 31), Day(today.replace(day=3), -2)]
    drawn = credits_view.chart(days)
    assert drawn.sentence.startswith("33 credits in the last 3 days, most on 2 ") and drawn.sentence.endswith(": 31.")
    assert [column.percent for column in drawn.columns] == [12.9, 100.0, 0.0]
    assert credits_view.chart([Day(today, 0)]).columns == ()


def test_an_entry_of_a_deleted_task_leads_nowhere(people: People):
    item = credits_view.ledger_item(LedgerRow(now(), "debit", -4, -4, "Task execution", people.sample, ""))
    assert (item.href, item.description) == ("", "Task execution, for a deleted task")
    assert (item.amount, item.held) == ("−4", "−4")


def test_what_is_available_is_the_balance_without_what_is_held(people: People):
    submit(people)
    with db.transaction() as session:
        balance = credits.balance(session, people.alice)
    assert balance.credits == balance.available + balance.held
