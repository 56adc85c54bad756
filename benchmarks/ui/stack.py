"""A stack of the benchmark's own: `asynccoder up` on an empty data dir, and Chromium beside it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, sync_playwright
from sqlmodel import select

from backend import db
from backend.models import Repository
from tests.e2e.conftest import CHROMIUM, FLAGS, sign_in
from tests.ports import free_port_pair
from tests.up import Up, as_it

SECONDS_TO_SYNC = 60


@dataclass(frozen=True)
class Stack:
    """What is measured: the origin, the browser, and the cookies of alice, who is signed in."""

    origin: str
    browser: Browser
    cookies: list[dict[str, object]]

    @contextmanager
    def visit(self) -> Iterator[BrowserContext]:
        """A fresh browser profile of alice's: nothing cached."""
        context = self.browser.new_context(viewport={"width": 1440, "height": 960})
        context.add_cookies(self.cookies)  # type: ignore[arg-type]  # as Playwright gave them
        try:
            yield context
        finally:
            context.close()


@contextmanager
def running() -> Iterator[Stack]:
    """Starts everything and ends it. The settings of this process are the stack's, so that content can be written."""
    if CHROMIUM is None:
        raise SystemExit("  These need Chromium: apt-get install chromium.")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        up = Up(Path(folder) / "data", free_port_pair())
        with up.running(), as_it(up), sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=[*FLAGS, "--enable-precise-memory-info"]
            )
            yield Stack(up.origin, browser, _sign_in(browser, up))
            browser.close()


def _sign_in(browser: Browser, up: Up) -> list[dict[str, object]]:
    context = browser.new_context()
    sign_in(context.new_page(), up, "alice")
    up.wait(_has_repositories, SECONDS_TO_SYNC, "alice's repositories")
    cookies = [dict(one) for one in context.cookies()]
    context.close()
    return cookies


def _has_repositories() -> bool:
    with db.transaction() as session:
        return bool(session.exec(select(Repository).where(Repository.full_name == "alice/sample-shop")).first())
