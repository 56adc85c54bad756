import asyncio
import inspect
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid5

import pytest
from sqlalchemy import text
from sqlmodel import select

from asynccoder_ui.composer import Composer
from asynccoder_ui.drafts import Drafts
from backend import db
from backend.errors import AsyncCoderError, Unavailable
from backend.models import Task
from backend.services import preferences, repositories, repository_syncs, tasks
from backend.words import Priority, TaskType
from tests.conftest import People, keep, remote
from tests.ui.conftest import Tab, opened

pytestmark = pytest.mark.usefixtures("branches")
FORM = {"prompt": "Totals are off by a cent.", "nonce": "n-1"}


def composed(
    people: People, *steps: Any, who: str = "alice", until: Callable[[Composer, Tab], bool] = lambda *_: True
) -> tuple[Composer, Tab]:
    async def road() -> tuple[Composer, Tab]:
        async with opened(people.cookies[who]) as tab:
            await tab.fire(Composer.load)
            for handler, *args in steps:
                await tab.fire(handler, *args)
                await tab.until(lambda: is_idle(tab))

            async def is_there() -> bool:
                return until(await tab.state(Composer), tab)

            await tab.until(is_there)
            return await tab.state(Composer), tab

    return asyncio.run(road())


async def is_idle(tab: Tab) -> bool:
    return not (await tab.state(Composer)).is_sending


def has_branches(composer: Composer, tab: Tab) -> bool:
    return bool(composer.branch_options)


def tasks_of(people: People) -> list[Task]:
    with db.transaction() as session:
        return list(session.exec(select(Task).where(Task.user_id == people.alice.id)))


def test_the_composer_opens_with_a_repository_its_branch_a_model_and_a_price(people: People):
    composer, _ = composed(people, until=has_branches)
    assert (composer.choice.repository, composer.choice.branch) == ("alice/sample-shop", "main")
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
    composer, _ = composed(people, (Composer.search_branches, "coup"), until=has_branches)
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
    assert composer.taken == FORM["nonce"]
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
    assert composer.taken == ""


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
    pick = Composer.pick_repository, str(people.sample)
    composer, _ = composed(people, pick, who="carol", until=lambda _, tab: "cannot see it" in str(tab.got))
    assert composer.choice.repository == ""


def test_what_was_picked_an_instant_before_sending_is_what_is_sent(people: People):
    async def road() -> None:
        async with opened(people.cookies["alice"]) as tab:
            await tab.fire(Composer.load)
            picked = [
                await tab.start(Composer.pick_repository, str(people.sample)),
                await tab.start(Composer.pick_branch, "feature/coupons"),
                await tab.start(Composer.send, FORM),
            ]
            await asyncio.gather(*picked)
            await tab.until(lambda: _has_sent(tab))

    asyncio.run(road())
    assert [(task.repository_id, task.branch) for task in tasks_of(people)] == [(people.sample, "feature/coupons")]


def test_what_is_searched_while_github_is_asked_stays_listed_and_its_trouble_is_told(people: People):
    change("UPDATE users SET repositories_synced_at = NULL")

    async def road() -> Composer:
        async with opened(people.cookies["alice"]) as tab:
            await tab.start(Composer.load)
            await tab.until(lambda: _is(_is_asked(people.alice.id)))
            await tab.fire(Composer.search_repositories, "sample")
            change("UPDATE repository_syncs SET state = 'failed', trouble = 'GitHub has a fault.'")
            await tab.until(lambda: _is_ready(tab))
            return await tab.state(Composer)

    composer = asyncio.run(road())
    assert [option.label for option in composer.repository_options] == ["alice/sample-shop"]
    assert composer.github_error == "GitHub has a fault."


def test_what_is_out_of_reach_stands_in_the_picker_and_cannot_be_picked(people: People):
    with db.transaction() as session:
        repositories.lose(session, "repository_id = :id", id=people.shop)

    async def road() -> Composer:
        async with opened(people.cookies["alice"]) as tab:
            await tab.start(Composer.load)
            await tab.until(lambda: _is_ready(tab))
            return await tab.state(Composer)

    *_, last = asyncio.run(road()).repository_options
    assert (last.label, last.detail, last.is_disabled) == ("acme/shop", "GitHub no longer shows it to you.", True)


def change(statement: str) -> None:
    with db.transaction() as session:
        session.execute(text(statement))


def _is_asked(user_id: UUID) -> bool:
    with db.transaction() as session:
        return repository_syncs.standing(session, user_id).is_open


async def _is(truth: bool) -> bool:
    return truth


async def _is_ready(tab: Tab) -> bool:
    return (await tab.state(Composer)).is_ready


@pytest.mark.parametrize(("words", "found"), [("coup", "feature/coupons"), ("new", "feature/new")])
def test_a_late_answer_about_branches_shows_those_that_are_searched_by_now(
    people: People, environment: pytest.MonkeyPatch, words: str, found: str
):
    asked, may_answer = threading.Event(), threading.Event()
    true_branches = repositories.branches

    def slowly(*args: Any, fresh: bool) -> Any:
        asked.set()
        assert may_answer.wait(30)
        rows = true_branches(*args)
        return [*rows, repositories.BranchRow("feature/new", False, False)] if fresh else rows

    async def road() -> Composer:
        async with opened(people.cookies["alice"]) as tab:
            await tab.fire(Composer.load)
            await tab.until(lambda: _is(asked.is_set()))
            await tab.fire(Composer.search_branches, words)
            may_answer.set()
            await tab.until(lambda: _lists_branches(tab))
            return await tab.state(Composer)

    with environment.context() as patched:
        patched.setattr(repositories, "branches", slowly)
        composer = asyncio.run(road())
    assert [option.label for option in composer.branch_options] == [found]


def test_an_answer_about_branches_that_was_asked_for_earlier_and_comes_later_is_not_shown(
    people: People, environment: pytest.MonkeyPatch
):
    asked, may_answer = threading.Event(), threading.Event()
    true_branches = repositories.branches

    def first_is_slow(*args: Any, fresh: bool) -> Any:
        rows = true_branches(*args)
        if fresh:
            return [*rows, repositories.BranchRow("feature/new", False, False)]
        if not asked.is_set():
            asked.set()
            assert may_answer.wait(30)
        return rows

    def fails(*_: Any, **__: Any) -> Any:
        raise Unavailable("GitHub does not answer.")

    async def road() -> Composer:
        async with opened(people.cookies["alice"]) as tab:
            with environment.context() as patched:
                patched.setattr(repositories, "branches", fails)
                await tab.fire(Composer.load)
                await tab.until(lambda: _has_failed(tab))
            with environment.context() as patched:
                patched.setattr(repositories, "branches", first_is_slow)
                early = await tab.start(Composer.ask_branches)
                await tab.until(lambda: _is(asked.is_set()))
                await tab.fire(Composer.search_branches, "new")
                await tab.until(lambda: _lists_branches(tab))
                may_answer.set()
                await early
                return await tab.state(Composer)

    assert [option.label for option in asyncio.run(road()).branch_options] == ["feature/new"]


async def _has_failed(tab: Tab) -> bool:
    return (await tab.state(Composer)).error != ""


async def _lists_branches(tab: Tab) -> bool:
    return has_branches(await tab.state(Composer), tab)


def test_a_draft_opened_while_a_task_is_sent_is_neither_used_up_nor_taken_from_the_box(
    people: People, environment: pytest.MonkeyPatch
):
    sending, may_send, true_send = threading.Event(), threading.Event(), tasks.send

    def slowly(*args: Any, **named: Any) -> Any:
        sending.set()
        assert may_send.wait(30)
        return true_send(*args, **named)

    async def road() -> tuple[Composer, Drafts]:
        async with opened(people.cookies["alice"]) as tab:
            await tab.fire(Composer.load)
            for prompt in ("A", "B"):
                await tab.fire(Drafts.save, prompt, f"saved-{prompt}")
            await tab.fire(Drafts.show)
            b, a = (await tab.state(Drafts)).saved
            await tab.fire(Drafts.open, a.id, "")
            await tab.fire(Composer.send, {"prompt": "A", "nonce": "sent-A"})
            await tab.until(lambda: _is(sending.is_set()))
            await tab.fire(Drafts.open, b.id, "")
            await tab.fire(Composer.load)  # a reconnect in the middle
            may_send.set()
            await tab.until(lambda: _has_taken(tab, "sent-A"))
            await tab.fire(Drafts.show)
            return await tab.state(Composer), await tab.state(Drafts)

    with environment.context() as patched:
        patched.setitem(vars(tasks), "send", slowly)
        composer, kept = asyncio.run(road())
    assert [item.title for item in kept.saved] == ["B"]
    assert composer.opened == kept.saved[0].id
    with db.transaction() as session:  # it went with its key
        assert session.get(Task, uuid5(people.alice.id, "sent-A"))


async def _has_taken(tab: Tab, nonce: str) -> bool:
    return (await tab.state(Composer)).taken == nonce


async def _has_sent(tab: Tab) -> bool:
    return (await tab.state(Composer)).taken != ""


@pytest.mark.parametrize(
    ("handler", "given"),
    [
        (Composer.pick_type, "root"),
        (Composer.pick_priority, "now"),
        (Composer.pick_repository, "../etc"),
        (Composer.pick_model, 7),
        (Composer.weigh, float("nan")),
        (Composer.weigh, "a prompt"),
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


def test_the_composer_begins_with_what_the_person_prefers(people: People):
    with db.transaction() as session:
        preferences.change(session, people.alice, task_type=TaskType.ASK, priority=Priority.HIGH)
    composer, _ = composed(people)
    assert (composer.choice.task_type, composer.choice.type_name, composer.choice.priority) == ("ask", "Ask", "high")
