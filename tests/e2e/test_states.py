"""Each page in each of its states: it says what it should, and nothing about it is ugly, unreadable or out of reach."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e import looks, states
from tests.e2e.conftest import sign_in
from tests.e2e.states import Cell
from tests.up import Up

NewPage = Callable[[], Page]
pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Visitors:
    """Somebody's browser profile by login, `""` for a stranger's, and the ids in the table's addresses."""

    contexts: dict[str, BrowserContext]
    ids: dict[str, str]

    def page(self, login: str) -> Page:
        """A new tab of theirs."""
        page = self.contexts[login].new_page()
        page.emulate_media(reduced_motion="reduce")
        return page


@pytest.fixture(scope="module")
def visitors(stack: Up, browser: Browser) -> Iterator[Visitors]:
    """Alice with a past, Carol without one, and a stranger."""
    contexts = {login: browser.new_context(viewport=looks.WIDE) for login in ("alice", "carol", "")}
    for login, context in contexts.items():
        context.set_default_timeout(20_000)
        if login:
            page = context.new_page()
            sign_in(page, stack, login)
            if login == "alice":  # her repositories are there
                expect(page.get_by_role("button", name="Repository")).to_contain_text("/", timeout=30_000)
            page.close()
    yield Visitors(contexts, states.seed(stack, 12))
    for context in contexts.values():
        context.close()


def test_the_eye_for_faults_sees_them(visitors: Visitors, stack: Up):
    page = visitors.page("carol")
    page.goto(f"{stack.origin}/tasks")
    states.shows(page, "No tasks yet.")
    page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', `<p style='font: 700 15px serif; margin: 5px;"
        " color: #bbb; width: 900px'>odd <button style='padding: 0'>x</button></p>`)"
    )
    found = "\n".join(looks.faults(page, where="tasks"))
    for fault in (
        "font-size: 15px",
        "font-weight: 700",
        "margin-top: 5px",
        "color: rgb(187",
        "color-contrast",
        "in 360 at",
    ):
        assert fault in found
    page.close()


def test_who_has_nothing_yet_is_told_what_to_do_next(visitors: Visitors, stack: Up):
    page, found = visitors.page("carol"), list[str]()
    for cell in states.EMPTY:
        found += _seen(page, stack, cell, visitors.ids)
    assert not found, "\n".join(found)
    page.goto(f"{stack.origin}/home")
    page.get_by_role("button", name="Fill in an example").click()
    expect(page.get_by_role("textbox", name="The task")).not_to_be_empty()
    page.get_by_role("button", name="Hide the first steps").click()
    page.reload()
    states.shows(page, "What should be done?")
    expect(page.get_by_text("Your first pull request")).to_be_hidden()
    page.close()


def test_a_page_waits_in_grey_and_then_holds_to_the_tokens_to_axe_and_to_a_finger(visitors: Visitors, stack: Up):
    page, found = visitors.page("alice"), list[str]()
    answers = states.HeldBack(page)
    for cell in states.FULL:
        if cell.address:
            answers.hold()
            states.go(page, stack, cell, visitors.ids)
            expect(page.locator("[aria-busy=true]").first).to_be_visible()
            answers.release()
        found += _seen(page, stack, cell if cell.tab else replace(cell, address=""), visitors.ids)
    for cell in states.MORE:
        found += _seen(page, stack, cell, visitors.ids)
    looks.with_finger(page, True)
    page.goto(f"{stack.origin}/tasks")
    page.get_by_role("button", name="Show the sidebar").filter(visible=True).click()
    found += looks.faults(page, where="sidebar")
    page.close()
    assert not found, "\n".join(found)


def test_strangers_meet_the_way_in_and_carol_what_is_not_there(visitors: Visitors, stack: Up):
    found = list[str]()
    pages = {login: visitors.page(login) for login in ("", "carol")}
    for cell in states.NO_ACCESS:
        states.go(pages[cell.login], stack, cell, visitors.ids)
        states.shows(pages[cell.login], cell.words)
    found += looks.faults(pages[""], where="landing") + looks.faults(pages["carol"], where="no access")
    pages[""].get_by_role("link", name=states.SIGNED_OUT).first.click()
    states.shows(pages[""], "Sign in to Async Coder")
    found += looks.faults(pages[""], where="sign-in")
    assert not found, "\n".join(found)


def test_where_github_refuses_the_page_says_so_keeps_what_it_knows_and_goes_on_by_itself(visitors: Visitors, stack: Up):
    page = visitors.page("alice")
    page.goto(f"{stack.origin}/repositories")
    states.shows(page, "acme/shop")
    with states.github_refuses(stack, "alice", seconds=20):
        page.get_by_role("button", name="Sync with GitHub").first.click()
        states.shows(page, re.compile("GitHub limits how much may be asked, so this waits"))
        found = looks.faults(page, where="github refuses")
    expect(page.get_by_role("button", name="Sync with GitHub").first).to_be_enabled(timeout=60_000)
    expect(page.get_by_text(re.compile("so this waits"))).to_have_count(0)
    page.close()
    assert not found, "\n".join(found)


def test_a_database_that_refuses_is_named_on_every_page_with_a_way_to_try_again(visitors: Visitors, stack: Up):
    page, found = visitors.page("alice"), list[str]()
    with states.database_refuses(stack):
        for cell in states.ERROR:
            states.go(page, stack, cell, visitors.ids)
            expect(page.get_by_role("alert").filter(has_text=cell.words).first).to_be_visible()
            expect(page.get_by_role("button", name="Try again").first).to_be_visible()
        found += looks.faults(page, where="error")
    page.get_by_role("button", name="Try again").last.click()
    states.shows(page, dict((cell.page, cell.words) for cell in states.FULL)[states.ERROR[-1].page])
    page.close()
    assert not found, "\n".join(found)


def test_who_loses_the_line_is_told_until_it_is_back(visitors: Visitors, stack: Up):
    pages = [visitors.page(cell.login) for cell in states.OFFLINE]
    lines = [states.HeldBack(page) for page in pages]
    full = {cell.page: cell.words for cell in states.FULL}
    for page, cell in zip(pages, states.OFFLINE, strict=True):
        states.go(page, stack, cell, visitors.ids)
        states.shows(page, full[cell.page])
    for line in lines:
        line.cut()
    for page, cell in zip(pages, states.OFFLINE, strict=True):
        expect(page.get_by_text(cell.words).filter(visible=True)).to_have_count(1)
    found = looks.faults(pages[-1], where="offline")
    for line in lines:
        line.mend()
    for page, cell in zip(pages, states.OFFLINE, strict=True):
        expect(page.get_by_text(cell.words)).to_have_count(0, timeout=20_000)  # it is tried every five seconds
        page.close()
    assert not found, "\n".join(found)


def _seen(page: Page, stack: Up, cell: Cell, ids: dict[str, str]) -> list[str]:
    states.go(page, stack, cell, ids)
    states.shows(page, cell.words)
    return looks.faults(page, where=cell.name)
