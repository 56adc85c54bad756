"""The whole product as a newcomer starts it, and a browser beside it."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, TimeoutError, sync_playwright

from tests.ports import free_port_pair
from tests.up import Up

PROJECT = Path(__file__).resolve().parents[2]
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
# Chromium as root needs no sandbox of its own; the rest keeps it from calling home.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_OPEN = pytest.StashKey[list[BrowserContext]]()
BUILT = PROJECT / "build" / "e2e-ui"  # the pages as the last run's `up` built them


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """`asynccoder up` in demo mode on a data dir of its own: pages built, every part real."""
    data_dir = tmp_path_factory.mktemp("up") / "data"
    with _kept_pages(data_dir) as port, Up(data_dir, port).running() as running:
        yield running


@contextmanager
def _kept_pages(data_dir: Path) -> Iterator[int]:
    """Lends the data dir what this clone has built before, if both lie on the same disk; gives the port it is for.

    `up` decides what of it can stay. A clone's first run finds nothing, a second run at the same time neither: they
    build everything, as a newcomer's does.
    """
    pages = data_dir / "ui"
    data_dir.mkdir(mode=0o700)
    with suppress(OSError):
        BUILT.rename(pages)
    told = pages / "port"
    port = free_port_pair(int(told.read_text()) if told.exists() else None)
    yield port
    BUILT.parent.mkdir(exist_ok=True)
    with suppress(OSError):
        told.write_text(str(port))
        pages.rename(BUILT)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Headless Chromium. It ends with these tests: while Playwright runs, no other test can start an event loop."""
    if CHROMIUM is None:
        pytest.fail("Chromium is not installed: `make test` says how.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[[], Page]]:
    """Opens a page in a browser profile of its own at each call; errors of the page's scripts fail the test."""
    contexts = request.node.stash[_OPEN] = list[BrowserContext]()
    broken: list[str] = []

    def create() -> Page:
        context = browser.new_context(viewport={"width": 1440, "height": 960})
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: broken.append(str(error)))
        return page

    yield create
    for context in contexts:
        context.close()
    assert not broken, broken


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failure tells what stood on the open pages."""
    outcome: Any = yield
    report: pytest.TestReport = outcome.get_result()
    if report.failed and report.when == "call":
        for context in item.stash.get(_OPEN, []):
            for page in context.pages:
                with suppress(Error):  # a page that shows nothing any more
                    report.sections.append((f"the page at {page.url}", page.inner_text("body", timeout=2_000)[:2_000]))


def sign_in(page: Page, stack: Up, login: str) -> None:
    """The true road: landing page, the hub's authorize page, back home."""
    page.goto(stack.origin)
    way_in = page.get_by_role("link", name="Sign in with GitHub").first
    for _ in range(2):  # a click while the page is drawn anew is lost; who sees nothing happen clicks again
        way_in.click()
        with suppress(TimeoutError):
            page.wait_for_url(re.compile("/login/"), timeout=10_000)
            break
    page.get_by_role("button", name=login).click()
    page.wait_for_url(f"{stack.origin}/home")
