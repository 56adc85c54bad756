"""`make screenshots`: every page of the table in both themes and three widths, from what `asynccoder seed` wrote.

All pictures go to build/screenshots, which git ignores; the ones that README shows also to docs/screenshots.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.e2e import states
from tests.e2e.conftest import CHROMIUM, FLAGS, PROJECT, sign_in
from tests.e2e.states import Cell
from tests.e2e.test_road import seen, send_task, wait_done
from tests.ports import free_port_pair
from tests.up import Up

ALL = PROJECT / "build" / "screenshots"
SHOWN = PROJECT / "docs" / "screenshots"
# README's own: the one pair, light and dark.
FOR_README = ("task-true-1440-light", "task-true-1440-dark")
SIZES = (
    ViewportSize(width=1440, height=960),
    ViewportSize(width=768, height=1024),
    ViewportSize(width=360, height=780),
)
TASKS = 40


def main() -> None:
    """Takes all of them."""
    shutil.rmtree(ALL, ignore_errors=True)
    ALL.mkdir(parents=True)
    SHOWN.mkdir(exist_ok=True)
    with (
        TemporaryDirectory() as folder,
        Up(Path(folder) / "data", free_port_pair()).running() as stack,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with signed_in(browser, stack, "alice") as page:
            _doors(page, stack)
            page.goto(f"{stack.origin}/home")
            states.shows(page, "credits, holds")
            _take(page, "home-empty")
            ids = states.seed(stack, TASKS)
            _pages(page, stack, [*states.FULL, *states.MORE], ids)
            _true_task(page, stack)
        browser.close()
    for name in FOR_README:
        shutil.copy(ALL / f"{name}.png", SHOWN)
    print(f"{len(list(ALL.iterdir()))} pictures in {ALL.relative_to(PROJECT)}")


@contextmanager
def signed_in(browser: Browser, stack: Up, login: str) -> Iterator[Page]:
    """A page of theirs that moves nothing."""
    page = browser.new_context(viewport=SIZES[0], reduced_motion="reduce").new_page()
    sign_in(page, stack, login)
    expect(page.get_by_role("button", name="Repository")).to_contain_text("/", timeout=30_000)
    yield page
    page.context.close()


def _doors(page: Page, stack: Up) -> None:
    stranger = page.context.browser.new_context(reduced_motion="reduce").new_page()  # type: ignore[union-attr]
    stranger.goto(stack.origin)
    states.shows(stranger, states.SIGNED_OUT)
    _take(stranger, "landing")
    stranger.get_by_role("link", name=states.SIGNED_OUT).first.click()
    states.shows(stranger, "Sign in to Async Coder")
    _take(stranger, "sign-in")
    stranger.context.close()


def _pages(page: Page, stack: Up, cells: list[Cell], ids: dict[str, str]) -> None:
    for cell in cells:
        states.go(page, stack, cell, ids)
        states.shows(page, cell.words)
        _take(page, cell.name)


def _true_task(page: Page, stack: Up) -> None:
    page.goto(f"{stack.origin}/home")
    with stack.resting():
        send_task(page)
        states.shows(page, "queued")
        _take(page, "task-waiting")
    expect(seen(page, "Workspace ready")).to_be_visible(timeout=60_000)
    _take(page, "task-running", SIZES[:1])
    wait_done(page)
    _take(page, "task-true")
    page.get_by_role("tab", name="Changes").click()
    states.shows(page, "against")
    _take(page, "task-true-changes")


def _take(page: Page, name: str, sizes: tuple[ViewportSize, ...] = SIZES) -> None:
    for size in sizes:
        page.set_viewport_size(size)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            page.wait_for_timeout(150)  # lists and charts follow the width
            page.screenshot(path=ALL / f"{name}-{size['width']}-{theme}.png")
    page.set_viewport_size(SIZES[0])


if __name__ == "__main__":
    main()
