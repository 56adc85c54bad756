"""The tasks page: what fits, how many, which page."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from backend import db
from backend.services import tasks
from backend.services.tasks import Filters, State
from backend.words import Failure, Outcome, Priority, Status, TaskType, Visibility
from tests.conftest import People
from tests.settled import settle

ASK = tasks.Draft(uuid4(), "main", None, uuid4(), TaskType.ASK, Priority.MEDIUM, "Where is the rounding?")


def submit(people: People, prompt: str, **changes: object) -> UUID:
    draft = replace(ASK, repository_id=people.sample, model_id=people.model, prompt=prompt)
    with db.transaction() as session:
        session.execute(text("UPDATE users SET credits = 10000"))
        return tasks.submit(session, people.alice, replace(draft, **changes)).id  # type: ignore[arg-type]


def titles(people: People, filters: Filters = Filters(), who: str = "alice") -> list[str]:  # noqa: B008
    with db.transaction() as session:
        return [row.title for row in tasks.listing(session, getattr(people, who), filters).rows]


@pytest.fixture
def seven(people: People) -> dict[str, UUID]:
    """One task of Alice's in each state; the shop's is shared."""
    made = {name: submit(people, f"A task that is {name}") for name in ("done", "stopped", "archived", "parked")}
    made["failed"] = submit(people, "A task that is failed", repository_id=people.shop, task_type=TaskType.DEBUG)
    made["old"] = submit(people, "A task that is old", repository_id=people.shop)
    made["running"] = submit(people, "A task that is running", priority=Priority.HIGH)
    made["queued"] = submit(people, "A task that is queued")
    settle(made["done"], Status.COMPLETED, outcome=Outcome.ANSWERED)
    settle(made["stopped"], Status.CANCELLED)
    settle(made["archived"], Status.COMPLETED, outcome=Outcome.ANSWERED)
    settle(made["failed"], Status.FAILED, failure=Failure.STUCK)
    settle(made["old"], Status.FAILED, failure=Failure.STUCK)
    with db.transaction() as session:
        tasks.archive(session, people.alice, made["archived"])
        tasks.set_visibility(session, people.alice, made["failed"], Visibility.REPOSITORY)
        session.execute(
            text("UPDATE tasks SET updated_at = now() - interval '3 days' WHERE id = :id"), {"id": made["old"]}
        )
        session.execute(text("UPDATE tasks SET status = 'running' WHERE id = :id"), {"id": made["running"]})
        session.execute(
            text("UPDATE tasks SET phase = 'parked', reason = 'budget' WHERE id = :id"), {"id": made["parked"]}
        )
    return made


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (None, ["queued", "running", "old", "failed", "parked", "stopped", "done"]),
        (State.ATTENTION, ["failed", "parked"]),
        (State.QUEUED, ["queued"]),
        (State.RUNNING, ["running"]),
        (State.DONE, ["done"]),
        (State.FAILED, ["old", "failed"]),
        (State.STOPPED, ["stopped"]),
        (State.ARCHIVED, ["archived"]),
    ],
)
def test_each_state_shows_its_own_newest_first(
    people: People, seven: dict[str, UUID], state: State | None, expected: list[str]
) -> None:
    assert titles(people, Filters(state=state)) == [f"A task that is {name}" for name in expected]


def test_filters_narrow_each_other(people: People, seven: dict[str, UUID]) -> None:
    assert titles(people, Filters(task_type=TaskType.DEBUG)) == ["A task that is failed"]
    assert titles(people, Filters(priority=Priority.HIGH)) == ["A task that is running"]
    assert titles(people, Filters(repository_id=people.shop)) == ["A task that is old", "A task that is failed"]
    assert titles(people, Filters(repository_id=people.shop, task_type=TaskType.DEBUG)) == ["A task that is failed"]
    assert titles(people, Filters(repository_id=people.shop, state=State.DONE)) == []
    assert len(titles(people, Filters(model_id=people.model))) == 7
    assert titles(people, Filters(model_id=uuid4())) == []


@pytest.mark.parametrize("query", ["RUNNING", "that is runn", " running ", '"is running"'])
def test_words_and_parts_of_the_title_are_found(people: People, seven: dict[str, UUID], query: str) -> None:
    assert titles(people, Filters(query=query)) == ["A task that is running"]


@pytest.mark.parametrize("query", ["%", "_", "\x00%", "'; DROP TABLE tasks; --", "\ud800zzz", "(((", "a" * 10_000])
def test_a_hostile_search_finds_nothing_and_breaks_nothing(people: People, seven: dict[str, UUID], query: str) -> None:
    assert titles(people, Filters(query=query)) == []
    with db.transaction() as session:
        assert tasks.sidebar(session, people.alice, query).groups == []


def test_others_tasks_come_with_all_and_only_where_shared(people: People, seven: dict[str, UUID]) -> None:
    assert titles(people, Filters(), "bob") == []
    assert titles(people, Filters(everyone=True), "bob") == ["A task that is failed"]
    assert titles(people, Filters(everyone=True), "carol") == []


def test_what_there_is_to_filter_by_is_what_one_may_see(people: People, seven: dict[str, UUID]) -> None:
    with db.transaction() as session:
        alice, bob, carol = (tasks.offered(session, who) for who in (people.alice, people.bob, people.carol))
    assert [name for _, name in alice.repositories] == ["acme/shop", "alice/sample-shop"]
    assert [name for _, name in bob.repositories] == ["acme/shop"]
    assert (alice.has_others, bob.has_others, carol.has_others) == (False, True, False)
    assert (carol.repositories, carol.models) == ([], [])


def test_pages_hold_fifty_and_end_with_the_last(people: People) -> None:
    for number in range(52):
        submit(people, f"Task {number}")
    with db.transaction() as session:
        pages = {page: tasks.listing(session, people.alice, Filters(), page) for page in (-3, 1, 2, 99)}
    assert (len(pages[1].rows), pages[1].total, pages[1].pages) == (50, 52, 2)
    assert [row.title for row in pages[2].rows] == ["Task 1", "Task 0"]
    assert pages[-3].number == 1
    assert (pages[99].number, len(pages[99].rows)) == (2, 2)
