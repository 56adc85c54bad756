"""A stack of the benchmark's own: `asynccoder up` on an empty data dir, and Chromium beside it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from sqlmodel import select

from backend import db
from backend.models import Repository
from backend.settings import PROJECT_DIR, get_settings
from tests.ports import free_port_pair

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
# Chromium as root needs no sandbox of its own; the rest keeps it from calling home and tells how much memory it holds.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--enable-precise-memory-info"]
START_SECONDS = 300
_OURS = ("ASYNCCODER_", "GITHUB_", "DATABASE_URL", "REDIS_URL", "ANTHROPIC_", "OPENAI_", "COMPATIBLE_")


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
    port = free_port_pair()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder, _environment(folder, port):
        output = Path(folder) / "output"
        with output.open("wb") as sink:
            process = subprocess.Popen(
                [sys.executable, "-m", "backend.cli", "up"],
                cwd=PROJECT_DIR,
                stdout=sink,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        try:
            origin = f"http://127.0.0.1:{port}"
            _wait_healthy(origin, process, output)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                yield Stack(origin, browser, _sign_in(browser, origin))
                browser.close()
        finally:
            db.dispose()
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=30)


@contextmanager
def _environment(folder: str, port: int) -> Iterator[None]:
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(_OURS)]:
        del os.environ[name]
    os.environ |= {"ASYNCCODER_DATA_DIR": f"{folder}/data", "ASYNCCODER_PORT": str(port)}
    get_settings.cache_clear()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before
        get_settings.cache_clear()


def _wait_healthy(origin: str, process: "subprocess.Popen[bytes]", output: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{origin}/health", timeout=5, trust_env=False).json()["redis"] == "ok":
                return
        except (httpx.HTTPError, ValueError, KeyError):
            pass
        time.sleep(0.2)
    raise SystemExit(f"  up did not start:\n{output.read_text(errors='replace')[-2000:]}")


def _sign_in(browser: Browser, origin: str) -> list[dict[str, object]]:
    context = browser.new_context()
    page = context.new_page()
    page.goto(origin)
    page.get_by_role("link", name="Sign in with GitHub").first.click()
    page.get_by_role("button", name="alice").click()
    page.wait_for_url(f"{origin}/home")
    _wait_for_repositories()
    cookies = [dict(one) for one in context.cookies()]
    context.close()
    return cookies


def _wait_for_repositories() -> None:
    """They come after the sign-in, in the background."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with db.transaction() as session:
            if session.exec(select(Repository).where(Repository.full_name == "alice/sample-shop")).first():
                return
        time.sleep(0.2)
    raise SystemExit("  alice's repositories did not come.")
