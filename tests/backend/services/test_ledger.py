"""The ledger as people read it: every row once, however the pages fall; filters; what was used each day."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlmodel import Session

from backend import clock, db
from backend.models import CreditTransaction, Task, TaskRun, User
from backend.services import ledger
from backend.services.ledger import Kind, Period, Wanted
from backend.words import Phase, Status, TaskType
from tests.conftest import People

NOON = clock.now().replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)


def write(
    session: Session, user: User, kind: str, amount: int, held: int, *, days: float = 0, task: Task | None = None
):
    entry = CreditTransaction(
        user_id=user.id,
        task_id=task.id if task else None,
        type=kind,
        amount=amount,
        held_delta=held,
        idempotency_key=uuid4().hex,
        description=kind,
        created_at=NOON - timedelta(days=days),
    )
    session.add(entry)
    session.flush()


def make_task(session: Session, people: People, user: User, title: str) -> Task:
    task = Task(
        user_id=user.id,
        repository_id=people.shop,
        ai_model_id=people.model,
        title=title,
        prompt=title,
        branch="main",
        status=Status.COMPLETED,
        phase=Phase.ENDED,
        type=TaskType.DEBUG,
    )
    session.add(task)
    session.flush()
    session.add(TaskRun(task_id=task.id, number=1, prompt=title, status=Status.COMPLETED, phase=Phase.ENDED))
    session.flush()
    return task


def test_rows_of_one_moment_are_never_skipped_nor_shown_twice(people: People) -> None:
    with db.transaction() as session:
        for _ in range(23):
            write(session, people.alice, "credit", 1, 0)
    with db.transaction() as session:
        wanted = Wanted(kind=Kind.GRANTS)
        pages = [ledger.entries(session, people.alice, wanted, number, size=5) for number in range(1, 6)]
        past = ledger.entries(session, people.alice, wanted, 99, size=5)
    assert {(page.total, page.pages) for page in pages} == {(24, 5)}, "with the welcome"
    assert sum(len(page.rows) for page in pages) == 24 and past == pages[-1]
    assert len(list(ledger.every(people.alice, wanted, batch=5))) == 24


def test_a_list_that_fits_its_page_has_no_other(people: People) -> None:
    with db.transaction() as session:
        assert ledger.entries(session, people.alice, size=1).pages == 1


def test_entries_are_filtered_by_what_they_are_their_task_and_their_age(people: People) -> None:
    with db.transaction() as session:
        mine = make_task(session, people, people.alice, "Mend the totals")
        write(session, people.alice, "hold", 0, 9, task=mine)
        write(session, people.alice, "debit", -4, -4, task=mine)
        write(session, people.alice, "release", 0, -5, task=mine)
        write(session, people.alice, "refund", 4, 0, task=mine)
        write(session, people.alice, "credit", 50, 0, days=45)

        def kinds(**filters: object) -> set[str]:
            wanted = Wanted(**filters)  # type: ignore[arg-type]  # a test's values by name
            return {row.kind for row in ledger.entries(session, people.alice, wanted).rows}

        assert kinds(kind=Kind.HOLDS) == {"hold", "release"}
        assert kinds(kind=Kind.CHARGES) == {"debit"}
        assert kinds(kind=Kind.GRANTS) == {"credit", "bonus"}
        assert kinds(kind=Kind.REFUNDS) == {"refund"}
        assert kinds(task_id=mine.id) == {"hold", "debit", "release", "refund"}
        assert "credit" not in kinds(period=Period.MONTH)
        assert "credit" in kinds(period=Period.QUARTER)
        assert [row.task_title for row in ledger.entries(session, people.alice, Wanted(task_id=mine.id)).rows] == [
            "Mend the totals"
        ] * 4


def test_nobody_sees_entries_or_tasks_of_another_persons_ledger(people: People) -> None:
    with db.transaction() as session:
        mine = make_task(session, people, people.alice, "Mend the totals")
        write(session, people.alice, "debit", -4, -4, task=mine)
        for user in (people.bob, people.carol):
            assert [row.kind for row in ledger.entries(session, user).rows] == ["bonus"]
            assert ledger.entries(session, user, Wanted(task_id=mine.id)).rows == []
            assert ledger.charged_tasks(session, user) == []
            assert sum(day.credits for day in ledger.used_per_day(session, user, 30)) == 0
        assert ledger.charged_tasks(session, people.alice, "TOTALS") == [(mine.id, "Mend the totals")]
        for nothing in ("100%", "\x00totals?", "\ud800%"):
            assert ledger.charged_tasks(session, people.alice, nothing) == []


def test_a_deleted_tasks_entries_stay_without_its_title(people: People) -> None:
    with db.transaction() as session:
        mine = make_task(session, people, people.alice, "Mend the totals")
        write(session, people.alice, "debit", -4, -4, task=mine)
        mine.deleted_at = clock.now()
        session.add(mine)
        session.flush()
        [row] = ledger.entries(session, people.alice, Wanted(task_id=mine.id)).rows
        assert (row.amount, row.task_title) == (-4, "")
        assert ledger.charged_tasks(session, people.alice) == []


@pytest.mark.parametrize("days", [7, 30, 90])
def test_use_is_told_for_every_day_and_without_what_was_given_back(people: People, days: int) -> None:
    with db.transaction() as session:
        write(session, people.alice, "debit", -4, -4)
        write(session, people.alice, "debit", -6, -6)
        write(session, people.alice, "refund", 6, 0)
        write(session, people.alice, "debit", -3, -3, days=100)
        used = ledger.used_per_day(session, people.alice, days)
    assert len(used) == days and used[-1].on == clock.now().date()
    assert {day.on: day.credits for day in used if day.credits} == {NOON.date(): 4}


def test_the_download_reads_batch_after_batch_and_misses_none(people: People) -> None:
    with db.transaction() as session:
        for _ in range(11):
            write(session, people.alice, "credit", 1, 0)
    assert len(list(ledger.every(people.alice, Wanted(), batch=4))) == 12


def test_a_task_id_of_nobodys_finds_nothing(people: People) -> None:
    with db.transaction() as session:
        assert ledger.entries(session, people.alice, Wanted(task_id=UUID(int=0))).total == 0


def test_a_download_does_not_count_what_it_reads(people: People, statements: list[str]) -> None:
    with db.transaction() as session:
        for number in range(5):
            write(session, people.alice, "credit", 1, 0, days=number)
    statements.clear()
    assert len(list(ledger.as_csv(people.alice, Wanted(), batch=2))) == 1 + 5 + 1, "heads, entries, the bonus"
    assert not any("count(" in one for one in statements)
