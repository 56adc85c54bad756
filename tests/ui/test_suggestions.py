"""What the home page suggests: what is listed, what a click does, and what is refused."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from asynccoder_ui.composer import Composer
from asynccoder_ui.suggestions import Suggestions, item_of
from backend.errors import GitHubError
from backend.services import issues, suggestions
from backend.services.pull_choices import PullChoice
from backend.services.suggestions import Act, Suggestion
from tests.conftest import People
from tests.ui.conftest import Tab, opened

PULL = PullChoice(7, "Round once", "bob", "fix/rounding", "main", "open")
FOUND = [Suggestion(Act.REVIEW, 7, "Round once", PULL), Suggestion(Act.START, 12, "Half cents")]
T = TypeVar("T")
pytestmark = pytest.mark.usefixtures("branches")


def at_home(people: People, road: Callable[[Tab], Awaitable[T]]) -> T:
    async def whole() -> T:
        async with opened(people.cookies["alice"]) as tab:
            await tab.fire(Composer.load)
            await tab.fire(Composer.pick_repository, str(people.shop))
            return await road(tab)

    return asyncio.run(whole())


@pytest.fixture
def listed(environment: pytest.MonkeyPatch) -> list[Any]:
    asked: list[Any] = []

    def listing(user_id: object, repository_id: object) -> list[Suggestion]:
        asked.append(repository_id)
        return FOUND

    environment.setattr(suggestions, "listing", listing)
    return asked


def test_they_are_listed_for_the_chosen_repository_and_gone_with_it(people: People, listed: list[Any]):
    async def road(tab: Tab) -> tuple[list[Any], str, int]:
        await tab.fire(Suggestions.ask)
        state = await tab.state(Suggestions)
        lines, place = [(one.number, one.label) for one in state.items], state.place
        await tab.fire(Composer.pick_repository, str(people.sample))
        await tab.fire(Suggestions.review, 7)
        return lines, place, (await tab.state(Composer)).choice.pull

    lines, place, pull = at_home(people, road)
    assert lines == [(7, "Review pull request #7"), (12, "Start on issue #12")]
    assert place == "acme/shop" and pull == 0, "what was listed belongs to the other one"


@pytest.mark.parametrize(
    ("act", "pill", "tone"),
    [(Act.FIX, "2 checks fail", "bad"), (Act.ADDRESS, "changes requested", "warn"), (Act.RESOLVE, "conflict", "warn")],
)
def test_what_is_stuck_leads_to_its_task(act: Act, pill: str, tone: str):
    task_id = uuid4()
    item = item_of(Suggestion(act, 88, "Ours", task_id=task_id, count=2))
    assert (item.pill, item.tone, item.words, item.href) == (pill, tone, "#88 Ours", f"/tasks/{task_id}")
    assert item_of(Suggestion(Act.FIX, 88, "Ours", count=1)).pill == "1 check fails"


def test_review_chooses_the_kind_and_the_pull_request(people: People, listed: list[Any]):
    async def road(tab: Tab) -> Any:
        await tab.fire(Suggestions.ask)
        await tab.fire(Suggestions.review, 7)
        return (await tab.state(Composer)).choice

    choice = at_home(people, road)
    assert (choice.task_type, choice.pull, choice.pull_label) == ("pr_review", 7, "#7 Round once")


@pytest.mark.parametrize("number", [12, 99, -1])
def test_only_what_is_suggested_is_reviewed(people: People, listed: list[Any], number: int):
    async def road(tab: Tab) -> Any:
        await tab.fire(Suggestions.ask)
        await tab.fire(Suggestions.review, number)
        return (await tab.state(Composer)).choice

    assert at_home(people, road).pull == 0


def test_start_puts_the_issue_into_the_box(people: People, listed: list[Any], environment: pytest.MonkeyPatch):
    wanted: list[Any] = []
    environment.setattr(issues, "look_up", lambda user_id, reference, place: wanted.append((reference, place)))
    environment.setattr(issues, "as_prompt", lambda user_id, issue, written: f"{written} and the issue")

    async def road(tab: Tab) -> str:
        await tab.fire(Suggestions.ask)
        await tab.fire(Suggestions.start, 12, "Mine")
        await tab.until(lambda: _came(tab))
        return str(tab.got)

    assert "Mine and the issue" in at_home(people, road)
    assert wanted == [("#12", people.shop)]


def test_what_github_refuses_is_told_and_the_next_click_tries_again(
    people: People, environment: pytest.MonkeyPatch, listed: list[Any]
):
    def refuse(*_: object) -> None:
        raise GitHubError("GitHub limits how often it can be asked.")

    environment.setattr(issues, "look_up", refuse)

    async def road(tab: Tab) -> Suggestions:
        await tab.fire(Suggestions.ask)
        await tab.fire(Suggestions.start, 12, "")
        return await tab.state(Suggestions)

    state = at_home(people, road)
    assert "limits" in state.note and state.starting == 0 and len(state.items) == 2


def test_where_github_cannot_be_asked_the_list_says_why(people: People, environment: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise GitHubError("GitHub did not answer.")

    environment.setattr(suggestions, "listing", refuse)

    async def road(tab: Tab) -> Suggestions:
        await tab.fire(Suggestions.ask)
        return await tab.state(Suggestions)

    state = at_home(people, road)
    assert (state.items, state.note) == ([], "GitHub did not answer.")


async def _came(tab: Tab) -> bool:
    return "asynccoder-insert" in str(tab.got)
