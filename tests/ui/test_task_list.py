"""The tasks page, the rows' menus and the retry dialog, as a browser's tab drives them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from asynccoder_ui.pages.tasks import TaskList
from asynccoder_ui.retry import Retry
from asynccoder_ui.shell import Shell
from asynccoder_ui.task_menu import ROW_ACTIONS, TaskMenu, page_actions
from asynccoder_ui.task_view import TaskView
from asynccoder_ui.tasks_view import Chosen
from backend import db, events
from backend.services import tasks
from backend.services.tasks import Draft
from backend.words import Failure, Priority, Status, TaskType, Visibility
from tests.conftest import People
from tests.settled import settle
from tests.ui.conftest import Tab, opened


@pytest.fixture
def task(people: People) -> UUID:
    draft = Draft(people.shop, "main", None, people.model, TaskType.DEBUG, Priority.HIGH, "Mend the totals")
    with db.transaction() as session:
        return tasks.submit(session, people.alice, draft).id


@pytest.fixture
def failed(task: UUID) -> UUID:
    settle(task, Status.FAILED, failure=Failure.STUCK)
    return task


def on_page(people: People, who: str, path: str, road: Callable[[Tab], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with opened(people.cookies[who], path) as tab:
            return await road(tab)

    return asyncio.run(run())


def listed(people: People, path: str, who: str = "alice") -> TaskList:
    async def road(tab: Tab) -> TaskList:
        following = await tab.start(TaskList.follow)
        await tab.until(lambda: _is_listed(tab))
        following.cancel()
        return await tab.state(TaskList)

    found: TaskList = on_page(people, who, path, road)
    return found


async def _is_listed(tab: Tab) -> bool:
    return (await tab.state(TaskList)).is_listed


def share(people: People, task: UUID) -> None:
    with db.transaction() as session:
        tasks.set_visibility(session, people.alice, task, Visibility.REPOSITORY)


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("", ["Mend the totals"]),
        ("?state=failed", ["Mend the totals"]),
        ("?state=attention&type=debug&priority=high&q=totals", ["Mend the totals"]),
        ("?state=running", []),
        ("?type=ask", []),
        ("?q=invoices", []),
        ("?state=nonsense&type=%00&repository=..%2F&model=1&page=-1&all=yes", ["Mend the totals"]),
        ("?page=99999999999999999999", ["Mend the totals"]),
    ],
)
def test_the_address_says_what_is_listed(people: People, failed: UUID, query: str, titles: list[str]):
    assert [line.title for line in listed(people, f"/tasks{query}").lines] == titles


def test_nothing_at_all_and_nothing_that_fits_are_told_apart(people: People, failed: UUID):
    assert listed(people, "/tasks?state=running").is_filtered
    empty = listed(people, "/tasks", "carol")
    assert (empty.lines, empty.is_filtered) == ([], False)


def test_carol_finds_nothing_of_alices_and_bob_only_what_is_shared(people: People, failed: UUID):
    assert listed(people, "/tasks?all=1", "bob").lines == []
    share(people, failed)
    assert listed(people, "/tasks?all=1", "carol").lines == []
    assert listed(people, "/tasks", "bob").lines == []
    [line] = listed(people, "/tasks?all=1", "bob").lines
    assert line.menu == ""
    assert line.detail.startswith("Alice · acme/shop · Debug")


def test_an_address_is_read_as_it_was_written():
    chosen = Chosen(state="failed", repository=str(uuid4()), q="ünïcode & more", all="1", page="3")
    assert chosen.address("/tasks", 3).startswith("/tasks?")
    assert Chosen.of(dict(_pairs(chosen.address("/tasks", 3)))) == chosen
    assert Chosen().address("/tasks") == "/tasks"
    assert chosen.bare == Chosen(all="1"), "whose tasks are listed is no filter"


def test_a_search_that_was_made_while_a_ring_is_answered_stands(people: People, failed: UUID):
    async def road(tab: Tab) -> list[str]:
        following = await tab.start(Shell.follow)
        await tab.until(lambda: _lists_tasks(tab, 1))
        with db.transaction() as session:
            session.execute(text("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"))
            await asyncio.to_thread(events.ring, events.user_topic(people.alice.id), str(failed), 1, "test")
            await tab.until(lambda: _are_waiting(1))
            searching = await tab.start(Shell.search, "invoices")
            await tab.until(lambda: _are_waiting(2))
        await searching
        await tab.until(lambda: _are_waiting(0))
        await asyncio.sleep(0.1)
        following.cancel()
        state = await tab.state(Shell)
        return [state.query, *[group.name for group in state.groups]]

    assert on_page(people, "alice", "/home", road) == ["invoices"]


async def _lists_tasks(tab: Tab, count: int) -> bool:
    return sum(len(group.rows) for group in (await tab.state(Shell)).groups) == count


async def _are_waiting(count: int) -> bool:
    waits = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )

    def look() -> int:
        with db.transaction() as session:
            return int(session.execute(waits).scalar_one())

    return await asyncio.to_thread(look) == count


def test_what_happens_elsewhere_shows_on_the_open_page(people: People, task: UUID):
    async def road(tab: Tab) -> str:
        following = await tab.start(TaskList.follow)
        await tab.until(lambda: _is_listed(tab))
        await asyncio.to_thread(settle, task, Status.FAILED, failure=Failure.STUCK)
        await tab.until(lambda: _has_look(tab, "failed"))
        following.cancel()
        return (await tab.state(TaskList)).lines[0].menu

    assert on_page(people, "alice", "/tasks", road) == "without result"


async def _has_look(tab: Tab, look: str) -> bool:
    return [line.look for line in (await tab.state(TaskList)).lines] == [look]


def row_of(people: People, task: UUID) -> tasks.TaskRow:
    with db.transaction() as session:
        return tasks.page(session, people.alice, task).row


def test_the_menu_does_what_it_says(people: People, failed: UUID):
    async def road(tab: Tab) -> None:
        await tab.fire(TaskMenu.fill, str(failed), "rename", " Round once ")
        await tab.fire(TaskMenu.act, str(failed), "share")
        await tab.fire(TaskMenu.act, str(failed), "archive")

    on_page(people, "alice", "/home", road)
    row = row_of(people, failed)
    assert (row.title, row.is_shared, row.is_archived) == ("Round once", True, True)
    on_page(people, "alice", "/home", lambda tab: tab.fire(TaskMenu.act, str(failed), "retry"))
    assert (row_of(people, failed).is_alive, row_of(people, failed).is_archived) == (True, False)


def test_whoever_reads_a_task_may_export_it_from_its_page(people: People, failed: UUID):
    hers = [one.value for one in page_actions(row_of(people, failed))]
    theirs = [one.value for one in page_actions(replace(row_of(people, failed), is_mine=False))]
    assert theirs == ["export_html", "export_jsonl"] and set(theirs) < set(hers) and hers[-1] == "delete"
    on_page(people, "alice", "/home", lambda tab: tab.fire(TaskMenu.act, str(failed), "export_html"))


@pytest.mark.parametrize("who", ["bob", "carol"])
@pytest.mark.parametrize("action", ["archive", "delete", "retry", "share", "rename"])
def test_nobody_else_gets_anything_done_by_the_menu(people: People, failed: UUID, who: str, action: str):
    share(people, failed)
    before = row_of(people, failed)

    async def road(tab: Tab) -> list[Any]:
        if action == "rename":
            await tab.fire(TaskMenu.fill, str(failed), action, "Mine now")
        else:
            await tab.fire(TaskMenu.act, str(failed), action)
        return [event.payload for event in tab.got]

    assert on_page(people, who, "/home", road) == []  # no word of success; the refusal is the error handler's
    assert row_of(people, failed) == before


def test_nonsense_from_a_socket_changes_nothing(people: People, failed: UUID):
    async def road(tab: Tab) -> str:
        await tab.fire(TaskMenu.act, "../etc", "delete")
        await tab.fire(TaskMenu.act, str(failed), "explode")
        await tab.fire(TaskMenu.fill, str(failed), "rename", "two\nlines")
        name = TaskMenu.get_full_name()
        await tab.fire_raw(f"{name}.act", {"task_id": 7, "action": ["delete"]})
        return " ".join(str(event.payload) for event in tab.got)

    before = row_of(people, failed)
    told = on_page(people, "alice", "/home", road)
    assert told.count("cannot be read") == 1
    assert row_of(people, failed) == before
    assert row_of(people, failed).title == "Mend the totals"


def test_deleting_the_task_that_is_open_leaves_its_page(people: People, failed: UUID):
    async def road(tab: Tab) -> str:
        await tab.fire(TaskMenu.act, str(failed), "delete")
        await tab.fire(TaskView.follow)
        assert (await tab.state(TaskView)).missing
        return " ".join(str(event.payload) for event in tab.got)

    assert "'/tasks'" in on_page(people, "alice", f"/tasks/{failed}", road)


def test_what_was_seen_on_its_page_is_read_in_the_sidebar(people: People, failed: UUID):
    async def road(tab: Tab) -> bool:
        # From another page: a tab's first event also loads the page that it is on.
        await tab.start(Shell.follow)
        await tab.until(lambda: _is_unread(tab, True))
        tab.path = f"/tasks/{failed}"
        await tab.start(Shell.follow)
        await tab.start(TaskView.follow)
        await tab.until(lambda: _is_unread(tab, False))
        return True

    assert on_page(people, "alice", "/home", road)


async def _is_unread(tab: Tab, wanted: bool) -> bool:
    rows = [row for group in (await tab.state(Shell)).groups for row in group.rows]
    return [row.is_unread for row in rows] == [wanted]


def test_the_sidebar_shows_others_tasks_only_when_asked_to(people: People, failed: UUID):
    share(people, failed)

    async def listed_with(tab: Tab, everyone: bool) -> list[tuple[str, str]]:
        await tab.fire(Shell.show_everyone, everyone)
        return [(row.line, row.menu) for group in (await tab.state(Shell)).groups for row in group.rows]

    rows = [("Alice · The model kept repeating itself and was stopped · scripted", "")]
    assert on_page(people, "bob", "/home", lambda tab: listed_with(tab, False)) == []
    assert on_page(people, "bob", "/home", lambda tab: listed_with(tab, True)) == rows
    assert on_page(people, "carol", "/home", lambda tab: listed_with(tab, True)) == []


def test_bob_sees_no_control_that_would_be_refused(people: People, failed: UUID):
    share(people, failed)

    async def road(tab: Tab) -> TaskView:
        following = await tab.start(TaskView.follow)
        await tab.until(lambda: _has_facts(tab))
        following.cancel()
        return await tab.state(TaskView)

    view = on_page(people, "bob", f"/tasks/{failed}", road)
    facts = view.facts
    assert (facts.title, facts.owner, facts.is_mine) == ("Mend the totals", "Alice", False)
    assert not (facts.can_stop or facts.can_follow_up or facts.can_retry or facts.archive)
    assert all(action.value.startswith("export_") for action in view.menu)  # whoever may read may take it away
    own = on_page(people, "alice", f"/tasks/{failed}", road)
    assert own.facts.can_retry
    assert own.facts.archive == "archive"
    changes = [action.value for action in own.menu if not action.value.startswith("export_")]
    assert changes == ["rename", "unshare", "archive", "delete"]


async def _has_facts(tab: Tab) -> bool:
    return bool((await tab.state(TaskView)).facts.id)


def test_the_retry_dialog_offers_what_was_and_sends_what_is_written(people: People, failed: UUID):
    async def road(tab: Tab) -> tuple[Any, ...]:
        await tab.fire(Retry.offer)
        offered = await tab.state(Retry)
        begun = (offered.prompt, offered.model, [one.label for one in offered.models])
        form = {"task": str(failed), "model": str(people.model), "prompt": "Mend them all"}
        refused = []
        for nonsense in ({"model": "nonsense"}, {"task": "../etc"}):
            await tab.fire(Retry.send, {**form, **nonsense})
            refused.append((await tab.state(Retry)).error)
        await tab.fire(Retry.send, form)
        await tab.fire(Retry.send, form)
        after = await tab.state(Retry)
        return begun, refused, after.sent, after.error

    begun, refused, sent, error = on_page(people, "alice", f"/tasks/{failed}", road)
    assert begun[:2] == ("Mend the totals", str(people.model))
    assert begun[2][0].startswith("Demo (scripted, no AI), holds ")
    assert all("nothing with this id" in one for one in refused)
    assert (sent, error) == (1, "This task is still at work.")
    with db.transaction() as session:
        assert tasks.page(session, people.alice, failed).run.number == 2


def test_a_retry_dialog_says_whose_words_it_holds_and_each_opening_is_a_new_form(people: People, failed: UUID):
    other = Draft(people.shop, "main", None, people.model, TaskType.DEBUG, Priority.HIGH, "Mend the taxes")
    with db.transaction() as session:
        second = tasks.submit(session, people.alice, other).id
    settle(second, Status.FAILED, failure=Failure.STUCK)

    async def road(tab: Tab) -> list[tuple[str, str, int]]:
        seen = []
        for task in (failed, second, uuid4()):
            tab.path = f"/tasks/{task}"
            await tab.fire(Retry.offer)
            state = await tab.state(Retry)
            seen.append((state.task, state.prompt, state.offers))
        return seen

    first, then, nowhere = on_page(people, "alice", "/home", road)
    assert (first, then) == ((str(failed), "Mend the totals", 1), (str(second), "Mend the taxes", 2))
    assert nowhere[0] == "", "what cannot be offered shows no form"


@pytest.mark.parametrize("who", ["bob", "carol"])
def test_nobody_else_is_offered_a_retry(people: People, failed: UUID, who: str):
    async def road(tab: Tab) -> tuple[str, str]:
        await tab.fire(Retry.offer)
        await tab.fire(Retry.send, {"task": str(failed), "model": str(people.model), "prompt": "Mine now"})
        state = await tab.state(Retry)
        return state.error, state.task

    assert on_page(people, who, f"/tasks/{failed}", road) == ("There is no such task, or you cannot see it.", "")


def test_every_action_that_cannot_be_undone_asks_first():
    for actions in ROW_ACTIONS.values():
        for action in actions:
            assert bool(action.ask) == (action.value in ("delete", "retry")), action.value
            assert action.value != "delete" or "pull request" in action.ask


def _pairs(address: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(address).query)
