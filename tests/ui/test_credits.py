import asyncio
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from asynccoder_ui import credits_view
from asynccoder_ui.pages.credits import Credits
from backend import db
from backend.clock import now
from backend.models import CreditTransaction, User
from backend.services import credit_requests, credits, tasks
from backend.services.ledger import Day, LedgerRow
from backend.words import Priority, TaskType
from tests.conftest import People
from tests.ui.conftest import Tab, opened


def page(people: People, query: str = "", who: str = "alice") -> Credits:
    async def road() -> Credits:
        async with opened(people.cookies[who], f"/credits{query}") as tab:
            following = await tab.start(Credits.follow)
            await tab.until(lambda: _is_listed(tab))
            await tab.fire(Credits.search_tasks, "")
            following.cancel()
            return await tab.state(Credits)

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
    shown = page(people)
    assert [(item.word, item.href) for item in shown.items] == [("held", f"/tasks/{task}"), ("bonus", "")]
    assert shown.items[0].task == "Mend the totals"
    assert shown.span == "1–2 of 2"


def test_entries_are_narrowed_by_kind_time_and_task_and_the_download_with_them(people: People):
    task = submit(people)
    submit(people, "Another one")
    shown = page(people, f"?kind=holds&period=7&task={task}")
    assert [item.href for item in shown.items] == [f"/tasks/{task}"]
    assert shown.task == "Mend the totals" and shown.is_filtered and shown.cleared == "/credits"
    assert shown.csv_href == f"/files/credits.csv?type=holds&days=7&task={task}"
    assert [option.label for option in shown.tasks] == ["Another one", "Mend the totals"]
    shown = page(people, "?kind=refunds")
    assert shown.is_empty and shown.is_filtered
    assert page(people).csv_href == "/files/credits.csv?type=all&days=30"


@pytest.mark.parametrize("query", ["?kind=bribes", "?period=8", "?task='; --", "?page=-1", "?page=²"])
def test_what_is_no_filter_changes_nothing(people: People, query: str):
    shown = page(people, query)
    assert len(shown.items) == 1 and not shown.is_filtered


def test_pages_follow_each_other_and_come_back(people: People):
    grant(people.alice, 70)
    first = page(people)
    assert (len(first.items), first.span, first.earlier) == (50, "1–50 of 71", "")
    second = page(people, urlsplit(first.later)._replace(path="").geturl())
    assert (len(second.items), second.span, second.later) == (21, "51–71 of 71", "")
    assert second.earlier == "/credits"
    past = page(people, "?page=99&kind=grants")
    assert (past.span, past.earlier) == ("51–71 of 71", "/credits?kind=grants"), "the last page there is"


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
        shown = page(people, f"?task={task}", who=who)
        assert shown.items == [] and shown.tasks == [] and shown.task == "One task"
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


def test_credits_are_asked_for_withdrawn_and_a_no_is_read(people: People):
    async def road() -> list[tuple[str, str]]:
        async with opened(people.cookies["bob"], "/credits") as tab:
            following = await tab.start(Credits.follow)
            await tab.until(lambda: _is_listed(tab))
            seen = []
            await tab.fire(Credits.ask, {"words": "For the release"})
            seen.append((await tab.state(Credits)).asked)
            await tab.fire(Credits.withdraw)
            seen.append((await tab.state(Credits)).asked)
            await tab.fire(Credits.ask, {"words": ""})
            with db.transaction() as session:
                (one,) = credit_requests.waiting(session, people.alice)
                credit_requests.decline(session, people.alice, one.id, "Next month")

            async def is_answered() -> bool:
                return (await tab.state(Credits)).asked.status == "declined"

            await tab.until(is_answered)
            seen.append((await tab.state(Credits)).asked)
            following.cancel()
            return [(one.status, one.words or one.answer) for one in seen]

    assert asyncio.run(road()) == [("open", "For the release"), ("", ""), ("declined", "Next month")]
