"""The whole product as a newcomer starts it, and a browser beside it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.conftest import remove_workspaces
from tests.ports import free_port_pair
from tests.processes import children

PROJECT = Path(__file__).resolve().parents[2]
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
# Chromium as root needs no sandbox of its own; the rest keeps it from calling home.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
START_SECONDS = 240
BUILT = PROJECT / "build" / "e2e-ui"  # the pages as the last run's `up` built them


@dataclass(frozen=True)
class Stack:
    """A running `asynccoder up`."""

    origin: str
    hub: str
    data_dir: Path
    process: subprocess.Popen[bytes]
    output: Path

    def parts(self, words: str) -> list[int]:
        """The process ids of the parts whose command holds these words."""
        return children(self.process.pid, words)

    def kill(self, part: str) -> None:
        """Ends the part whose command holds these words, as the kernel would."""
        os.kill(self.parts(part)[0], signal.SIGKILL)

    @contextmanager
    def resting(self, part: str) -> Iterator[None]:
        """Meanwhile the parts whose command holds these words do nothing."""
        pids = self.parts(part)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def wait_healthy(self, seconds: float = 30) -> None:
        """Waits until the web process answers that all is well."""
        wait_until(lambda: _is_healthy(self.origin), seconds, "the web process to be healthy")


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    """Looks until it holds; fails with `what` after that many seconds."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds} s for {what}")
        time.sleep(0.1)


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """`asynccoder up` in demo mode on a data dir of its own: pages built, every part real."""
    data_dir = tmp_path_factory.mktemp("up") / "data"
    with _kept_pages(data_dir) as port, started(data_dir, port) as running:
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


@contextmanager
def started(data_dir: Path, port: int) -> Iterator[Stack]:
    """`asynccoder up` on this data dir and port until the block ends."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ASYNCCODER_", "GITHUB_", "DATABASE_URL", "REDIS_URL", "ANTHROPIC_", "OPENAI_"))
    }
    environment |= {"ASYNCCODER_DATA_DIR": str(data_dir), "ASYNCCODER_PORT": str(port)}
    output = data_dir.parent / "output"
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "backend.cli", "up"],
            cwd=PROJECT,
            env=environment,
            stdout=sink,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    running = Stack(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}", data_dir, process, output)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _is_healthy(running.origin):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"up did not start:\n{output.read_text(errors='replace')[-4000:]}")
            time.sleep(0.2)
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=20)
        remove_workspaces(data_dir)


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
def new_page(browser: Browser) -> Iterator[Callable[[], Page]]:
    """Opens a page in a browser profile of its own at each call; errors of the page's scripts fail the test."""
    contexts: list[BrowserContext] = []
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


def sign_in(page: Page, stack: Stack, login: str) -> None:
    """The true road: landing page, the hub's authorize page, back home."""
    page.goto(stack.origin)
    page.get_by_role("link", name="Sign in with GitHub").first.click()
    page.get_by_role("button", name=login).click()
    page.wait_for_url(f"{stack.origin}/home")


def _is_healthy(origin: str) -> bool:
    try:
        answer = httpx.get(f"{origin}/health", timeout=5, trust_env=False)
        return answer.status_code == 200 and json.loads(answer.content)["redis"] == "ok"
    except (httpx.HTTPError, ValueError):
        return False
