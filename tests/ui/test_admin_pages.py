"""The admins' pages of everyone's tasks, of GitHub's deliveries and of announcements; and the bars everybody reads."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import reflex as rx

from asynccoder_ui.pages.admin_announcements import AdminAnnouncements
from asynccoder_ui.pages.admin_deliveries import AdminDeliveries
from asynccoder_ui.pages.admin_tasks import AdminTasks
from asynccoder_ui.shell import Shell
from backend import db
from backend.services import announcements, deliveries
from backend.services.announcements import Draft
from backend.words import Status
from jobs import tasks as chores
from tests import auditing
from tests.backend.services.test_deliveries import body
from tests.backend.services.worker import run_of, submit
from tests.conftest import People
from tests.ui.conftest import Tab, opened

ADMINS_ONLY = "This is for admins. Ask your admin."
FORM = {"words": "We update at noon.", "tone": "info", "link": "", "link_words": "", "starts_at": "", "ends_at": ""}
Page = Any


async def followed(tab: Tab, page: Page) -> "asyncio.Task[None]":
    visit = await tab.start(page.follow)

    async def is_told() -> bool:
        state = await tab.state(page)
        return state.is_listed or state.error != ""

    await tab.until(is_told)
    return visit


def visited(people: People, page: Page, address: str, *steps: Any, who: str = "alice") -> Any:
    async def walk() -> rx.State:
        async with opened(people.cookies[who], address) as tab:
            visit = await followed(tab, page)
            for handler, *args in steps:
                await tab.fire(handler, *args)
            visit.cancel()
            return await tab.state(page)

    return asyncio.run(walk())


def state_of(task: UUID) -> str:
    with db.transaction() as session:
        return run_of(task, session).status


def store(github_id: int = 1) -> None:
    with db.transaction() as session:
        deliveries.store(session, f"delivery-{github_id}", "pull_request", body(github_id))


def test_an_admin_stops_somebodys_task_and_has_it_tried_again(people: People):
    task = submit(people, "Bob's", who=people.bob)
    stopped = visited(people, AdminTasks, "/admin/tasks?person=bob", (AdminTasks.stop, str(task)))
    [item] = stopped.items
    assert (item.title, item.href, item.word, item.can_retry) == ("Bob's", "", "stopped", True)
    again = visited(people, AdminTasks, "/admin/tasks?state=stopped", (AdminTasks.retry, str(task)))
    assert again.items == [] and state_of(task) == Status.PENDING
    assert auditing.acts() == ["run_stopped", "run_retried"]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", 1),
        ("state=queued&type=ask&days=7&q=bob", 1),
        ("state=x&type=y&outcome=z&failure=0&model=1&repository=2&days=3&page=4_5", 1),
        ("page=999999999999999999_00000000000000000000000000000000", 1),
        ("q=%00&person=%00", 0),
    ],
)
def test_garbage_in_the_address_narrows_nothing(people: People, query: str, shown: int):
    submit(people, "Bob's", who=people.bob)
    seen = visited(people, AdminTasks, f"/admin/tasks?{query}")
    assert (len(seen.items), seen.error) == (shown, "")


def test_pickers_find_people_and_repositories(people: People):
    steps = (AdminTasks.search_people, "CAR"), (AdminTasks.search_repositories, "SHOP")
    seen = visited(people, AdminTasks, "/admin/tasks", *steps)
    assert [one.value for one in seen.people] == ["carol"]
    assert [one.label for one in seen.repositories] == ["acme/shop", "alice/sample-shop"]


def test_a_delivery_is_read_and_applied_again_by_its_button_alone(people: People):
    store()
    chores.apply_deliveries()
    listed = visited(people, AdminDeliveries, "/admin/deliveries?event=pull_request")
    [item] = listed.items
    assert (item.state, item.was_done, [one.event for one in listed.seen]) == ("done", True, ["pull_request"])
    steps = (AdminDeliveries.open_payload, item.id), (AdminDeliveries.apply_again, item.id, False)
    refused = visited(people, AdminDeliveries, "/admin/deliveries", *steps)
    assert '"title": "Round once"' in refused.payload and refused.items[0].state == "done"
    again = visited(people, AdminDeliveries, "/admin/deliveries", (AdminDeliveries.apply_again, item.id, True))
    assert again.items[0].state == "waiting" and auditing.acts() == ["delivery_replayed"]


def test_an_announcement_appears_on_an_open_page_and_goes_where_it_is_put_away(people: People):
    async def walk() -> tuple[str, list[Any], list[Any]]:
        async with opened(people.cookies["bob"]) as bob:
            carol = bob.another("carols")
            carol.cookie = people.cookies["carol"]
            visits = [await bob.start(Shell.follow), await carol.start(Shell.follow)]
            await bob.until(lambda: _listed(bob))
            await carol.until(lambda: _listed(carol))
            await asyncio.to_thread(_announce, people)
            for tab in (bob, carol):
                await tab.until(lambda tab=tab: _says(tab, 1))  # type: ignore[misc]
            [said] = (await bob.state(Shell)).said
            await bob.fire(Shell.dismiss, said.id)
            result = said.words, (await bob.state(Shell)).said, (await carol.state(Shell)).said
            for visit in visits:
                visit.cancel()
            return result

    words, of_bob, of_carol = asyncio.run(walk())
    assert words == "We update at noon." and of_bob == [] and len(of_carol) == 1


async def _listed(tab: Tab) -> bool:
    return (await tab.state(Shell)).is_listed


async def _says(tab: Tab, count: int) -> bool:
    return len((await tab.state(Shell)).said) == count


def _announce(people: People) -> None:
    with db.transaction() as session:
        people.alice.role = "admin"
        announcements.announce(session, people.alice, Draft("We update at noon."))


def test_a_form_that_is_sent_twice_is_one_announcement_and_is_edited_ended_and_deleted(people: People):
    at = "/admin/announcements"
    first = visited(
        people, AdminAnnouncements, at,
        (AdminAnnouncements.begin,), (AdminAnnouncements.save, FORM), (AdminAnnouncements.save, FORM),
    )  # fmt: skip
    [item] = first.items
    assert (item.state, item.facts, first.form_error) == ("shown", "by @alice", "")
    edit = FORM | {"id": item.id, "version": item.version, "words": "At one.", "ends_at": "2199-01-01T00:00"}
    assert visited(people, AdminAnnouncements, at, (AdminAnnouncements.save, edit)).form_error.startswith("End within")
    edit |= {"ends_at": ""}
    seen = visited(people, AdminAnnouncements, at, (AdminAnnouncements.save, edit))
    assert [one.words for one in seen.items] == ["At one."]
    late = visited(people, AdminAnnouncements, at, (AdminAnnouncements.save, edit | {"words": "Late."}))
    assert late.form_error.startswith("Another admin has changed")
    over = visited(people, AdminAnnouncements, at, (AdminAnnouncements.end, item.id))
    assert over.items[0].state == "over"
    assert visited(people, AdminAnnouncements, at, (AdminAnnouncements.delete, item.id)).items == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"words": ""},
        {"words": "x" * 200_000},
        {"tone": "loud"},
        {"link": "javascript:alert(1)"},
        {"starts_at": "yesterday"},
        {"ends_at": "0001-01-01T00:00+23:59"},
        {"id": "nonsense"},
    ],
)
def test_a_form_that_says_nonsense_is_refused_with_a_sentence(people: People, wrong: dict[str, str]):
    at, steps = "/admin/announcements", (AdminAnnouncements.save, FORM | wrong)
    seen = visited(people, AdminAnnouncements, at, steps)
    assert seen.form_error and seen.items == [] and auditing.rows() == []


Deed = tuple[Page, str, Callable[[str], list[Any]]]
DEEDS: list[Deed] = [
    (AdminTasks, "/admin/tasks", lambda id: [
        (AdminTasks.stop, id), (AdminTasks.retry, id),
        (AdminTasks.search_people, ""), (AdminTasks.search_repositories, ""),
    ]),
    (AdminDeliveries, "/admin/deliveries", lambda id: [
        (AdminDeliveries.open_payload, id), (AdminDeliveries.apply_again, id, True),
    ]),
    (AdminAnnouncements, "/admin/announcements", lambda id: [
        (AdminAnnouncements.save, FORM), (AdminAnnouncements.end, id), (AdminAnnouncements.delete, id),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("page", "address", "steps"), DEEDS)
def test_others_see_nothing_and_change_nothing(
    people: People, page: Page, address: str, steps: Callable[[str], list[Any]]
):
    task = submit(people, who=people.bob)
    store()
    seen = visited(people, page, address, *steps(str(task)), who="bob")
    assert seen.items == [] and seen.error == ADMINS_ONLY and not getattr(seen, "payload", "")
    assert not getattr(seen, "people", []) and not getattr(seen, "repositories", [])
    assert auditing.rows() == [] and state_of(task) == Status.PENDING
