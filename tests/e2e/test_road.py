"""The road, as a newcomer walks it in a browser: no account, no key, one pull request."""

import re
import time
from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import sign_in
from tests.e2e.keyboard import pick, press, reach
from tests.up import Up

PROMPT = "Totals are off by a cent when several half-cents meet. Find out why and fix it."
DONE = 60_000  # milliseconds: from send to the pull request, with room
NewPage = Callable[[], Page]


def send_task(page: Page, prompt: str = PROMPT, branch: str = "main") -> str:
    """Fills the composer as a person would, and sends; returns the task's address."""
    write_task(page, prompt, branch)
    page.get_by_role("button", name="Send the task").click()
    page.wait_for_url(re.compile("/tasks/"))
    return page.url


def write_task(page: Page, prompt: str = PROMPT, branch: str = "main") -> None:
    """All but the sending."""
    picker = page.get_by_role("button", name=re.compile("^Repository"))
    expect(picker).to_contain_text("/", timeout=30_000)  # once the first sync is done
    picker.click()
    page.get_by_placeholder("Search repositories").fill("sample")
    page.get_by_role("option", name="alice/sample-shop").click()
    branches = page.get_by_role("button", name=re.compile("^Branch"))
    expect(branches).to_contain_text("main")
    if branch != "main":
        branches.click()
        page.get_by_placeholder("Search branches").fill(branch)
        page.get_by_role("option", name=branch).click()
        expect(branches).to_contain_text(branch)
    page.get_by_role("textbox", name="The task").fill(prompt)
    expect(page.get_by_text(re.compile("credits, holds"))).to_be_visible()


def wait_done(page: Page) -> None:
    """Waits until the header says that the run is done."""
    expect(page.get_by_role("main").get_by_text("done", exact=True).filter(visible=True).first).to_be_visible(
        timeout=DONE
    )


def seen(page: Page, words: str | re.Pattern[str], *, exact: bool = False) -> Locator:
    """What of these words is drawn: some stand twice, for the wide and for the narrow page."""
    return page.get_by_text(words, exact=exact).filter(visible=True).first


@pytest.mark.timeout(300)
def test_from_the_landing_page_to_a_merged_pull_request_by_keyboard_alone(stack: Up, new_page: NewPage) -> None:
    page = new_page()
    began = time.monotonic()
    page.goto(stack.origin)
    press(page, page.get_by_role("link", name="Sign in with GitHub").first)
    press(page, page.get_by_role("button", name="alice"))
    page.wait_for_url(f"{stack.origin}/home")
    expect(seen(page, "100 credits")).to_be_visible()
    expect(seen(page, "Demo (scripted, no AI)")).to_be_visible()
    address = _send_by_keyboard(page)
    page.reload()  # in the middle
    expect(seen(page, "Demo (scripted, no AI)")).to_be_visible()
    wait_done(page)
    took = time.monotonic() - began
    print(f"from the landing page to the pull request: {took:.1f} s")
    expect(seen(page, "verified")).to_be_visible()
    pull_request = page.get_by_role("main").get_by_role("link", name="open #1").filter(visible=True).first
    expect(pull_request).to_be_visible()
    expect(page.get_by_text("Workspace ready")).to_have_count(1)  # nothing twice
    press(page, page.get_by_role("tab", name=re.compile("^Changes")))
    expect(seen(page, "shop/totals.py")).to_be_visible()

    # A follow-up: the same branch, the same pull request, a second hold.
    press(page, page.get_by_role("tab", name="Log"), back=True)
    reach(page, page.get_by_role("textbox", name="Follow-up"))
    page.keyboard.type("Add a test for it as well.")
    page.keyboard.press("Enter")
    expect(seen(page, re.compile("^Run 2"))).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()  # the header follows the log
    wait_done(page)
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()

    # Merged on the hub, where the pull request's link leads: the page shows it without a reload.
    with page.context.expect_page() as opened:
        press(page, pull_request)
    hub = opened.value
    hub.wait_for_load_state()
    if hub.get_by_role("button", name=re.compile("alice", re.IGNORECASE)).count():
        press(hub, hub.get_by_role("button", name=re.compile("alice", re.IGNORECASE)).first)
        hub.goto(f"{stack.hub}/alice/sample-shop/pull/1")
    press(hub, hub.get_by_role("button", name=re.compile("Merge")).first)
    expect(hub.get_by_role("button", name=re.compile("Merge"))).to_have_count(
        0
    )  # a page that closes takes its wish along
    hub.close()
    expect(seen(page, re.compile("merged"))).to_be_visible(timeout=10_000)

    _carol_sees_none_of_it(stack, new_page, address)

    press(page, page.get_by_role("button", name="Sign out"), back=True)
    expect(page).to_have_url(f"{stack.origin}/")  # the page also leaves by itself: either may come first
    expect(page.get_by_role("link", name="Sign in with GitHub").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.goto(address)
    expect(page.get_by_role("link", name="Sign in with GitHub").first).to_be_visible()
    expect(page.get_by_text(PROMPT)).to_have_count(0)


def _send_by_keyboard(page: Page) -> str:
    """As `send_task`, without a pointer."""
    picker = page.get_by_role("button", name=re.compile("^Repository"))
    expect(picker).to_contain_text("/", timeout=30_000)  # once the first sync is done
    pick(page, picker, "Search repositories", "sample", "alice/sample-shop")
    branches = page.get_by_role("button", name=re.compile("^Branch"))
    expect(branches).to_contain_text("main")
    reach(page, page.get_by_role("textbox", name="The task"))
    page.keyboard.type(PROMPT)
    expect(page.get_by_text(re.compile("credits, holds"))).to_be_visible()
    press(page, page.get_by_role("button", name="Send the task"))
    page.wait_for_url(re.compile("/tasks/"))
    return page.url


def _carol_sees_none_of_it(stack: Up, new_page: NewPage, address: str) -> None:
    task_id = address.rsplit("/", 1)[1].partition("?")[0]
    carol = new_page()
    sign_in(carol, stack, "carol")
    expect(carol.get_by_text("sample-shop")).to_have_count(0)
    for unknown in (task_id, str(uuid4()), "nonsense"):
        carol.goto(f"{stack.origin}/tasks/{unknown}")
        expect(carol.get_by_text(re.compile("no such task", re.IGNORECASE))).to_be_visible()
        expect(carol.get_by_text(PROMPT[:30])).to_have_count(0)
    cookies = {cookie["name"]: cookie["value"] for cookie in carol.context.cookies()}
    for path in (f"/files/tasks/{task_id}/patch", f"/files/tasks/{uuid4()}/patch"):
        assert httpx.get(stack.origin + path, cookies=cookies, trust_env=False).status_code == 404
