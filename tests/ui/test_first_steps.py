import asyncio

import pytest

from asynccoder_ui.composer import Composer
from asynccoder_ui.drafts import Drafts
from asynccoder_ui.first_steps import FirstSteps
from backend import db
from backend.services import tasks
from backend.words import Priority, TaskType
from tests.conftest import People
from tests.ui.conftest import Tab, opened

pytestmark = pytest.mark.usefixtures("branches")


def send_and_throw_away(people: People) -> None:
    with db.transaction() as session:
        task = tasks.submit(
            session,
            people.alice,
            tasks.Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Mend it."),
        )
        tasks.cancel(session, people.alice, task.id)
        tasks.archive(session, people.alice, task.id)


def is_new(people: People, login: str) -> bool:
    async def road() -> bool:
        async with opened(people.cookies[login]) as tab:
            await tab.fire(FirstSteps.ask_whether_new)
            return (await tab.state(FirstSteps)).is_new

    return asyncio.run(road())


def test_the_first_steps_are_shown_until_a_first_task_was_sent_even_if_it_is_archived(people: People):
    assert is_new(people, "alice")
    send_and_throw_away(people)
    assert not is_new(people, "alice")
    assert is_new(people, "bob")


@pytest.mark.parametrize(("login", "repository", "words"), [
    ("alice", "alice/sample-shop", "half-cents"), ("bob", "acme/shop", "no test holds"),
])  # fmt: skip
def test_the_example_is_one_that_can_be_done_where_it_is_sent(people: People, login: str, repository: str, words: str):
    async def road() -> tuple[Composer, Tab]:
        async with opened(people.cookies[login]) as tab:
            await tab.fire(Composer.load)
            await tab.fire(FirstSteps.take_example, "")
            return await tab.state(Composer), tab

    composer, tab = asyncio.run(road())
    assert (composer.choice.repository, composer.choice.branch) == (repository, "main")
    assert words in str(tab.got)
    assert composer.price.is_known


def test_without_a_repository_the_example_still_fills_the_box_and_keeps_what_stood_there(people: People):
    async def road() -> tuple[Drafts, Tab]:
        async with opened(people.cookies["carol"]) as tab:
            await tab.fire(FirstSteps.take_example, "Not saved yet")
            await tab.fire(Drafts.show)
            return await tab.state(Drafts), tab

    kept, tab = asyncio.run(road())
    assert "asynccoder-fill" in str(tab.got)
    assert [item.title for item in kept.saved] == ["Not saved yet"]
