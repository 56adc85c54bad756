import asyncio
import inspect
from contextlib import suppress
from typing import Any

import pytest
from sqlmodel import select

from asynccoder_ui.composer import Composer
from backend import db
from backend.errors import AsyncCoderError
from backend.models import Task
from backend.services import preferences, tasks
from backend.words import Priority, TaskType
from tests.conftest import People, keep, remote
from tests.ui.conftest import Tab, opened

pytestmark = pytest.mark.usefixtures("branches")
FORM = {"prompt": "Totals are off by a cent.", "nonce": "n-1"}


def composed(people: People, *steps: Any, who: str = "alice") -> tuple[Composer, Tab]:
    async def road() -> tuple[Composer, Tab]:
        async with opened(people.cookies[who]) as tab:
            await tab.fire(Composer.load)
            for handler, *args in steps:
                await tab.fire(handler, *args)
                await tab.until(lambda: _is_idle(tab))
            return await tab.state(Composer), tab

    return asyncio.run(road())


async def _is_idle(tab: Tab) -> bool:
    return not (await tab.state(Composer)).is_sending


def tasks_of(people: People) -> list[Task]:
    with db.transaction() as session:
        return list(session.exec(select(Task).where(Task.user_id == people.alice.id)))


def test_the_composer_opens_with_a_repository_its_branch_a_model_and_a_price(people: People):
    composer, _ = composed(people)
    assert (composer.choice.repository, composer.choice.branch) == ("acme/shop", "main")
    assert composer.choice.is_demo
    assert composer.choice.model == "Demo (scripted, no AI)"
    assert [option.value for option in composer.branch_options] == ["main", "feature/coupons"]
    assert composer.price.is_known
    assert composer.price.hold > 0


def test_repositories_are_found_by_a_part_of_their_name(people: People):
    composer, _ = composed(people, (Composer.search_repositories, "SAMPLE"))
    assert [option.label for option in composer.repository_options] == ["alice/sample-shop"]


@pytest.mark.parametrize("query", ["nul \x00", "half \ud83d"])
def test_what_the_database_refuses_is_searched_for_in_vain(people: People, query: str):
    composer, tab = composed(people, (Composer.search_repositories, query))
    assert composer.repository_options == [] and not tab.was_sent_away
    with db.transaction() as session:
        assert tasks.sidebar(session, people.alice, query).groups == []


def test_a_branchs_name_has_an_end(people: People):
    composer, _ = composed(people, (Composer.pick_branch, "x" * 256))
    assert composer.choice.branch == "main"


def test_branches_are_found_by_a_part_of_their_name(people: People):
    composer, _ = composed(people, (Composer.search_branches, "coup"))
    assert [option.label for option in composer.branch_options] == ["feature/coupons"]


def test_a_repository_that_cannot_be_pushed_to_says_so_and_opens_for_questions(people: People):
    with db.transaction() as session:
        keep(session, people.alice, remote(14, "acme/legacy", "read", is_archived=True))
    refused, _ = composed(people, (Composer.search_repositories, "legacy"))
    allowed, _ = composed(people, (Composer.pick_type, "ask"), (Composer.search_repositories, "legacy"))
    assert refused.repository_options[0].is_disabled
    assert "archived" in refused.repository_options[0].detail
    assert not allowed.repository_options[0].is_disabled


def test_sending_starts_the_task_and_leads_to_its_page(people: People):
    composer, tab = composed(people, (Composer.send, FORM))
    [task] = tasks_of(people)
    assert task.prompt == FORM["prompt"]
    assert composer.sent == 1
    assert any(str(task.id) in str(event.payload) for event in tab.got)


def test_the_same_form_sent_twice_is_one_task(people: People):
    composed(people, (Composer.send, FORM), (Composer.send, FORM))
    assert len(tasks_of(people)) == 1


def test_what_breaks_while_it_is_sent_is_said_and_the_same_form_can_be_sent_again(
    people: People, environment: pytest.MonkeyPatch
):
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    with environment.context() as patched:
        patched.setitem(vars(tasks), "send", broken)
        composer, _ = composed(people, (Composer.send, FORM))
    assert "Try again" in composer.error and not composer.is_sending
    assert composer._last_nonce == ""


def test_an_empty_prompt_is_answered_with_a_sentence_and_can_be_sent_again(people: People):
    composer, _ = composed(people, (Composer.send, {**FORM, "prompt": "  "}), (Composer.send, FORM))
    assert composer.error == ""
    assert len(tasks_of(people)) == 1
    empty, _ = composed(people, (Composer.send, {"prompt": "", "nonce": "n-2"}))
    assert empty.error == "Describe what should be done."


def test_a_prompt_of_a_megabyte_is_refused_with_a_sentence(people: People):
    composer, _ = composed(people, (Composer.send, {"prompt": "x" * 1_000_000, "nonce": "n-3"}))
    assert "at most 32,000 characters" in composer.error
    assert tasks_of(people) == []


def test_a_hold_that_cannot_be_afforded_is_said_before_and_refused_after_sending(people: People):
    with db.transaction() as session:
        people.alice.credits = 3
        session.add(people.alice)
    composer, _ = composed(people, (Composer.send, FORM))
    assert composer.price.is_short
    assert "3 are available" in composer.error
    assert tasks_of(people) == []


def test_another_persons_repository_cannot_be_picked_by_its_id(people: People):
    composer, _ = composed(people, (Composer.pick_repository, str(people.sample)), who="carol")
    assert composer.choice.repository == ""
    assert "cannot see it" in composer.error


def test_what_was_picked_an_instant_before_sending_is_what_is_sent(people: People):
    async def road() -> None:
        async with opened(people.cookies["alice"]) as tab:
            await tab.fire(Composer.load)
            picked = [await tab.start(Composer.pick_branch, "feature/coupons"), await tab.start(Composer.send, FORM)]
            await asyncio.gather(*picked)
            await tab.until(lambda: _has_sent(tab))

    asyncio.run(road())
    assert [task.branch for task in tasks_of(people)] == ["feature/coupons"]


async def _has_sent(tab: Tab) -> bool:
    return (await tab.state(Composer)).sent == 1


@pytest.mark.parametrize(
    ("handler", "given"),
    [
        (Composer.pick_type, "root"),
        (Composer.pick_priority, "now"),
        (Composer.pick_repository, "../etc"),
        (Composer.pick_model, 7),
        (Composer.weigh, float("nan")),
        (Composer.send, None),
        (Composer.search_branches, ["x"]),
    ],
)
def test_arguments_of_a_wrong_kind_change_nothing_and_are_no_fault_of_ours(people: People, handler: Any, given: Any):
    name, argument = f"{Composer.get_full_name()}.{handler.fn.__name__}", list(inspect.signature(handler.fn).parameters)

    async def road() -> tuple[Any, Any, Tab]:
        async with opened(people.cookies["alice"]) as tab:
            await tab.fire(Composer.load)
            before = (await tab.state(Composer)).choice
            with suppress(AsyncCoderError):
                await tab.fire_raw(name, {argument[1]: given})
            with suppress(AsyncCoderError):
                await tab.fire_raw(name, {})
            composer = await tab.state(Composer)
            return before, composer.choice, tab

    before, after, tab = asyncio.run(road())
    assert after == before
    assert tasks_of(people) == []
    assert "Something went wrong on our side" not in str([event.payload for event in tab.got])


def test_a_saved_draft_is_opened_with_all_that_was_chosen_and_gone_once_it_is_sent(people: People):
    async def road() -> tuple[Composer, list[str]]:
        async with opened(people.cookies["alice"]) as tab:
            await tab.fire(Composer.load)
            await tab.fire(Composer.pick_branch, "feature/coupons")
            await tab.fire(Composer.pick_target, "main")
            await tab.fire(Composer.pick_visibility, "repository")
            await tab.fire(Composer.save_draft, "Half a thought")
            saved = (await tab.state(Composer)).saved
            await tab.fire(Composer.pick_branch, "main")
            await tab.fire(Composer.pick_visibility, "private")
            await tab.fire(Composer.open_draft, saved[0].id)
            opened_one = await tab.state(Composer)
            assert opened_one.fill == "Half a thought"
            await tab.fire(Composer.send, {"prompt": "A whole thought", "nonce": "d-1"})
            await tab.until(lambda: _has_sent(tab))
            await tab.until(lambda: _is_idle(tab))
            await tab.fire(Composer.load)
            return await tab.state(Composer), [item.title for item in saved]

    composer, saved = asyncio.run(road())
    assert saved == ["Half a thought"]
    assert composer.saved == []
    [task] = tasks_of(people)
    assert (task.branch, task.target_branch, task.visibility) == ("feature/coupons", "main", "repository")


def test_the_composer_begins_with_what_the_person_prefers(people: People):
    with db.transaction() as session:
        preferences.change(session, people.alice, task_type=TaskType.ASK, priority=Priority.HIGH)
    composer, _ = composed(people)
    assert (composer.choice.task_type, composer.choice.type_name, composer.choice.priority) == ("ask", "Ask", "high")
