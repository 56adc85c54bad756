"""What stands around the pages: the palette, the keys, the news, and what is drawn where a page broke."""

import re
from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e import looks
from tests.e2e.conftest import sign_in
from tests.e2e.test_road import send_task
from tests.up import Up

NewPage = Callable[[], Page]
PALETTE = "Search tasks, repositories, pull requests"


def open_palette(page: Page, stack: Up, login: str) -> None:
    """Signs in and opens it, once the page listens."""
    sign_in(page, stack, login)
    person = page.get_by_role("complementary", name="Sidebar").get_by_text(f"{login.title()} ")
    expect(person).to_be_visible()  # what listens is drawn with the person's name
    page.keyboard.press("Control+k")
    expect(page.get_by_placeholder(PALETTE)).to_be_focused()


@pytest.mark.timeout(200)
def test_the_palette_finds_and_goes_by_keyboard_alone_and_news_come_to_other_pages(
    stack: Up, new_page: NewPage
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

    expect(page).to_have_title("Say hello to whoever reads the news. · Async Coder")

    page.keyboard.press("Control+k")
    page.get_by_placeholder(PALETTE).fill("say hel")
    expect(page.get_by_role("option", name=re.compile("Say hello"))).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")

    # A server that started anew knows nothing of this tab: what came since is told all the same.
    page.evaluate("sessionStorage.setItem('asynccoder-heard-alice', 1)")
    page.evaluate("['token', 'asynccoder-told-alice'].forEach((name) => sessionStorage.removeItem(name))")
    page.goto(f"{stack.origin}/credits")
    expect(page.locator("[data-sonner-toast]").first).to_contain_text("Say hello")


def test_who_does_not_see_the_page_is_led_past_the_sidebar_told_where_they_are_and_led_back(
    stack: Up, new_page: NewPage
) -> None:
    page = new_page()
    sign_in(page, stack, "bob")
    page.goto(f"{stack.origin}/credits")
    expect(page.get_by_role("heading", name="Credits", level=1)).to_be_visible()
    expect(page).to_have_title("Credits · Async Coder")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    assert page.url == f"{stack.origin}/credits", "the address is the log's to use"

    # A page that is opened without a reload is said; one whose link went away with it keeps the focus in its content.
    page.get_by_role("link", name="Tasks", exact=True).click()
    expect(page.get_by_role("status").filter(has_text=re.compile("^Tasks · Async Coder$"))).to_have_count(1)
    page.get_by_role("main").get_by_role("link", name="New task").first.click()
    expect(page.get_by_role("textbox", name="The task")).to_be_focused()

    # What opens above the page gives the focus back to what opened it.
    for opener, opened in (
        (page.get_by_role("button", name="Repository"), page.get_by_placeholder("Search repositories")),
        (page.get_by_role("button", name="Priority"), page.get_by_role("option", name="High")),
    ):
        opener.focus()
        page.keyboard.press("Enter")
        expect(opened).to_be_visible()
        page.keyboard.press("Escape")
        expect(opened).to_be_hidden()
        expect(opener).to_be_focused()

    # A review may go without a word; what is sent twice is one task, a reload between the two or not.
    page.get_by_role("textbox", name="The task").press("Enter")
    expect(page.get_by_role("alert").first).to_be_visible()
    sent = page.locator("form.composer [name=nonce]").input_value()
    page.reload()
    expect(page.locator("form.composer [name=nonce]")).to_have_value(sent)


def test_a_page_with_an_id_in_its_address_is_drawn_before_any_script_has_run(stack: Up) -> None:
    for address, part in (("tasks", "About this task"), ("repositories", "Sidebar")):
        page = httpx.get(f"{stack.origin}/{address}/{uuid4()}", trust_env=False)
        assert page.status_code == 200
        assert f'aria-label="{part}"' in page.text
        assert 'aria-busy="true"' in page.text


def test_where_a_page_breaks_the_person_gets_a_sentence_and_a_way_on(stack: Up, new_page: NewPage) -> None:
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


def test_the_apis_page_is_in_the_products_looks_and_asks_no_other_host(stack: Up, new_page: NewPage) -> None:
    page = new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{stack.origin}/api/docs")
    page.locator("#create_task summary").first.click()
    expect(page.locator("#create_task pre").first).to_be_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('.handbook')).display") == "grid"
    found = looks.faults(page, where="the API's page")
    assert not found, "\n".join(found)
    assert asked and all(url.startswith(stack.origin) for url in asked)


@pytest.mark.timeout(200)
def test_keys_do_what_the_sheet_says_and_each_task_is_retried_with_its_own_words(stack: Up, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, stack, "alice")
    with stack.resting():
        wanted = ("Look at the first thing.", "Look at the second thing.")
        addresses = {words: _stopped(page, words) for words in wanted}
    for words in addresses:
        page.get_by_role("link", name=re.compile(words.rstrip("."))).first.click()
        page.wait_for_url(addresses[words])
        expect(page.get_by_role("heading", name=words, level=1)).to_be_visible()
        page.get_by_role("button", name="Retry", exact=True).click()
        expect(page.get_by_role("textbox", name="Prompt")).to_have_value(words)
        page.keyboard.press("e")  # what is open keeps its keys
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)

    # J and K walk the sidebar's tasks from the open one; "/" finds a sidebar that was closed.
    page.keyboard.press("j")
    expect(page.get_by_role("link", name=re.compile("Look at the first thing")).first).to_be_focused()
    page.keyboard.press("Control+b")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search tasks")).to_be_focused()
    page.goto(f"{stack.origin}/settings")
    page.get_by_label("Type of task").focus()
    page.keyboard.press("c")
    expect(page.get_by_label("Type of task")).to_be_focused()

    # A new token stays through a reload, and is gone once its page was left.
    page.get_by_role("button", name="New token").click()
    page.get_by_label("Name", exact=True).fill("laptop")
    page.get_by_role("button", name="Make token").click()
    page.get_by_label("The new token").wait_for()
    page.reload()
    page.get_by_label("The new token").wait_for()
    page.get_by_role("link", name="Credits", exact=True).click()
    page.get_by_role("heading", name="Ledger").wait_for()
    page.go_back()
    expect(page.get_by_role("button", name="Revoke").first).to_be_visible()
    expect(page.get_by_label("The new token")).to_have_count(0)


def test_filters_stand_in_the_address_and_none_waits_for_the_server(stack: Up, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, stack, "bob")
    page.goto(f"{stack.origin}/tasks")
    page.get_by_label("Type", exact=True).select_option("ask")
    page.get_by_label("Priority", exact=True).select_option("low")
    expect(page).to_have_url(f"{stack.origin}/tasks?type=ask&priority=low")
    page.reload()
    expect(page.get_by_label("Type", exact=True)).to_have_value("ask")
    page.go_back()
    expect(page.get_by_label("Priority", exact=True)).to_have_value("")
    words = page.get_by_label("Search titles and prompts")
    words.press_sequentially("totals")
    expect(page).to_have_url(f"{stack.origin}/tasks?type=ask&q=totals")
    page.get_by_role("link", name="Clear filters").click()
    expect(words).to_have_value("")
    expect(page).to_have_url(f"{stack.origin}/tasks")


def _stopped(page: Page, words: str) -> str:
    """Sends a task, stops it, and returns its address."""
    page.get_by_role("link", name="New task").first.click()
    address = send_task(page, words)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Retry", exact=True)).to_be_visible()
    return address
