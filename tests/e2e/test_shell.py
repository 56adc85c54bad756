"""What stands around the pages: the palette, the keys, the news, and what is drawn where a page broke."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Stack, sign_in
from tests.e2e.test_road import send_task

NewPage = Callable[[], Page]
PALETTE = "Search tasks, repositories, pull requests"


def open_palette(page: Page, stack: Stack, login: str) -> None:
    """Signs in and opens it, once the page listens."""
    sign_in(page, stack, login)
    expect(page.get_by_text(re.compile(r"\d+ credits")).filter(visible=True).first).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.get_by_placeholder(PALETTE)).to_be_focused()


@pytest.mark.timeout(200)
def test_the_palette_finds_and_goes_by_keyboard_alone_and_news_come_to_other_pages(
    stack: Stack, new_page: NewPage
) -> None:
    page = new_page()
    open_palette(page, stack, "alice")
    page.keyboard.type("cred")
    expect(page.get_by_role("option", name="Credits")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{stack.origin}/credits")
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    page.wait_for_url(f"{stack.origin}/home")

    # What happens on another page is told where the person is, and leads there.
    address = send_task(page, "Say hello to whoever reads the news.")
    page.goto(f"{stack.origin}/credits")
    toast = page.locator("[data-sonner-toast]").first
    expect(toast).to_contain_text("Say hello", timeout=60_000)
    toast.get_by_role("button", name="Open").click()
    page.wait_for_url(address)

    page.keyboard.press("Control+k")
    page.get_by_placeholder(PALETTE).fill("say hel")
    expect(page.get_by_role("option", name=re.compile("Say hello"))).to_have_attribute("aria-selected", "true")


def test_where_a_page_breaks_the_person_gets_a_sentence_and_a_way_on(stack: Stack, new_page: NewPage) -> None:
    page = new_page()
    open_palette(page, stack, "bob")
    page.evaluate(
        "() => { const was = String.prototype.includes; String.prototype.includes = function (words) {"
        " if (words === 'zzz') throw new Error('on purpose'); return was.apply(this, arguments); }; }"
    )
    page.keyboard.type("zzz")
    expect(page.get_by_role("heading", name="This page broke.")).to_be_visible()
    page.get_by_role("link", name="Go to the dashboard").click()
    expect(page.get_by_role("heading", name="What should be done?")).to_be_visible()
