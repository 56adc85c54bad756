import asyncio
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest
from sqlmodel import select

from asynccoder_ui.composer import Composer
from asynccoder_ui.drafts import Drafts
from asynccoder_ui.facts import task_facts
from asynccoder_ui.review_pick import ReviewPick
from backend import db, redis
from backend.cache import Cache
from backend.errors import InvalidInput
from backend.models import Draft
from backend.services import pull_choices, repositories, tasks
from backend.services.pull_choices import PullChoice
from backend.settings import get_settings
from backend.words import Priority, TaskType
from tests.conftest import People
from tests.ui.conftest import Tab, opened

OPEN = [
    PullChoice(7, "Round once", "bob", "fix/rounding", "main", "open"),
    PullChoice(9, "Kinder words", "carol", "eve:kinder", "next", "draft"),
]
pytestmark = pytest.mark.usefixtures("branches", "pulls")


@pytest.fixture
def pulls(people: People) -> None:
    """GitHub's answer about the shop's pull requests, as the cache keeps it."""
    cache = Cache(redis.client(get_settings().resolved_redis_url))
    cache.set_json(f"user:{people.alice.id}:pulls:{people.shop}", [asdict(one) for one in OPEN], 60)


def picked(
    people: People, *steps: Any, until: Callable[[ReviewPick], bool] = lambda _: True
) -> tuple[ReviewPick, Composer, Tab]:
    async def road() -> tuple[ReviewPick, Composer, Tab]:
        async with opened(people.cookies["alice"]) as tab:
            await tab.fire(Composer.load)
            await tab.fire(Composer.pick_repository, str(people.shop))
            await tab.fire(Composer.pick_type, "pr_review")
            for handler, *args in steps:
                await tab.fire(handler, *args)

            async def is_there() -> bool:
                return until(await tab.state(ReviewPick))

            await tab.until(is_there)
            return await tab.state(ReviewPick), await tab.state(Composer), tab

    return asyncio.run(road())


def test_the_open_pull_requests_are_listed_with_author_and_branches(people: People):
    pick, _, _ = picked(people, (ReviewPick.ask,))
    assert [(one.value, one.label, one.end) for one in pick.options] == [
        ("", "No pull request", ""), ("7", "#7 Round once", ""), ("9", "#9 Kinder words", "draft"),
    ]  # fmt: skip
    assert pick.options[2].detail == "carol: next ← eve:kinder"


@pytest.mark.parametrize(
    ("words", "found"), [("kinder", ["9"]), ("BOB", ["7"]), ("#7", ["7"]), ("rounding", ["7"]), ("nothing", [])]
)
def test_they_are_searched_by_all_that_is_shown(people: People, words: str, found: list[str]):
    pick, _, _ = picked(people, (ReviewPick.ask,), (ReviewPick.search, words))
    assert [one.value for one in pick.options] == found


def test_a_number_that_is_not_listed_is_looked_up_and_said_to_be_merged_or_not_there(
    people: People, environment: pytest.MonkeyPatch
):
    def find(user_id: object, repository_id: object, number: int) -> PullChoice:
        if number == 3:
            return replace(OPEN[0], number=3, status="merged")
        raise InvalidInput(f"There is no pull request #{number} in acme/shop.")

    with environment.context() as patched:
        patched.setattr(pull_choices, "find", find)
        pick, composer, _ = picked(people, (ReviewPick.ask,), (ReviewPick.search, "#3"), (ReviewPick.pick, "3"))
        gone, _, _ = picked(people, (ReviewPick.ask,), (ReviewPick.search, "99"), until=lambda pick: pick.note != "")
    assert [(one.value, one.end) for one in pick.options] == [("3", "merged")]
    assert composer.choice.pull_label == "#3 Round once"
    assert gone.options == [] and "no pull request #99" in gone.note


def sent(people: People, environment: pytest.MonkeyPatch, *steps: Any) -> list[tasks.Draft]:
    taken: list[tasks.Draft] = []

    def send(user_id: object, draft: tasks.Draft, **_: Any) -> None:
        taken.append(draft)
        raise InvalidInput("Seen.")

    with environment.context() as patched:
        patched.setitem(vars(tasks), "send", send)
        picked(people, *steps, until=lambda _: bool(taken))
    return taken


def test_a_review_goes_with_its_number_and_needs_no_words(people: People, environment: pytest.MonkeyPatch):
    steps = (ReviewPick.ask,), (ReviewPick.pick, "7"), (Composer.send, {"prompt": " ", "nonce": "n"})
    [draft] = sent(people, environment, *steps)
    assert (draft.pull_number, draft.prompt) == (7, "Review pull request #7.")


@pytest.mark.parametrize("step", [(Composer.pick_type, "ask"), (ReviewPick.pick, "")])
def test_without_a_pull_request_or_a_review_no_number_goes(
    people: People, environment: pytest.MonkeyPatch, step: tuple[Any, str]
):
    steps = (ReviewPick.ask,), (ReviewPick.pick, "7"), step, (Composer.send, {"prompt": "Why?", "nonce": "n"})
    [draft] = sent(people, environment, *steps)
    assert (draft.pull_number, draft.branch) == (None, "main")


def test_another_repository_has_other_pull_requests(people: People):
    steps = (ReviewPick.ask,), (ReviewPick.pick, "7"), (Composer.pick_repository, str(people.sample))
    _, composer, _ = picked(people, *steps)
    assert (composer.choice.pull, composer.choice.pull_label) == (0, "")
    _, composer, _ = picked(people, *steps, (ReviewPick.pick, "7"))
    assert composer.choice.pull == 0, "what is listed still is the other one's"


def test_a_draft_keeps_the_number_and_not_the_title(people: People):
    picked(people, (ReviewPick.ask,), (ReviewPick.pick, "7"), (Drafts.save, "Is it sound?", "n"))
    with db.transaction() as session:
        [draft] = session.exec(select(Draft))
        assert "Round" not in str(draft.content)
    _, composer, _ = picked(people, (Drafts.open, str(draft.id), ""))
    assert (composer.choice.pull, composer.choice.pull_label) == (7, "#7")


def test_the_tasks_page_says_what_is_reviewed_and_leads_there(people: People):
    usual = (people.shop, "main", None, people.model, TaskType.PR_REVIEW, Priority.MEDIUM, "Is it sound?")
    with db.transaction() as session:
        task = tasks.submit(session, people.alice, tasks.Draft(*usual, pull_number=7))
        facts = task_facts(tasks.page(session, people.alice, task.id))
        shop = repositories.listing(session, people.alice, "shop")[0]
    assert (facts.review, facts.review_href) == ("Review of #7", f"http://127.0.0.1:3001/{shop.full_name}/pull/7")
