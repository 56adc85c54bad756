"""From the worker's commit to the DOM, with 50 open tabs of one person on the same page: every tab reads every time.

One is a browser's, whose MutationObserver says when; the others are true sockets that opened as it did.
"""

import contextlib
import json
import re
import time
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, WebSocket
from simple_websocket import Client

from benchmarks import followers
from benchmarks.measure import show
from benchmarks.ui import content, echo
from benchmarks.ui.stack import Stack

TABS = 50
TIMES = 20
REST_SECONDS = 0.4
_WATCH = """
window.wanted = null;
new MutationObserver(() => {
  if (window.wanted && document.body?.textContent.includes(window.wanted)) {
    window.wanted = null;
    window.at = performance.timeOrigin + performance.now();
  }
}).observe(document, { childList: true, subtree: true, characterData: true });
"""


class Line:
    """A socket of the measured tab: what was said on it, and the largest thing heard."""

    def __init__(self, socket: WebSocket) -> None:
        self.address = socket.url
        self.says: list[str] = []
        self.heard = 0
        socket.on("framesent", self._say)
        socket.on("framereceived", self._hear)

    def _say(self, said: str | bytes) -> None:
        if isinstance(said, str) and said != "3":
            self.says.append(said)

    def _hear(self, said: str | bytes) -> None:
        self.heard = max(self.heard, len(said))


def measure(stack: Stack) -> None:
    """Prints p50 and p95 of each page beside the echo of a payload of its size."""
    task = content.working(60)

    def titled(words: str) -> float:
        return content.rename(task, words)

    pages: tuple[tuple[str, str, Callable[[str], float], str], ...] = (
        ("home, in the sidebar", "/home", titled, "Home"),
        ("the tasks page", "/tasks", titled, "Listed"),
        ("a task's page", f"/tasks/{task}", titled, "Opened"),
        ("a task's log", f"/tasks/{task}", lambda words: content.note(task, words), "Said"),
    )
    print(f"  commit to DOM, {TABS} tabs of one person on the same page, {TIMES} times each")
    sizes: list[int] = []
    taken = {name: _page(stack, path, act, word, sizes) for name, path, act, word in pages}
    with echo.running() as host:
        bare = _echo(stack, host, max(sizes))
    show(f"a plain echo of {max(sizes):,} bytes", bare)
    for name, each in taken.items():
        show(name, each, bare)


def _page(stack: Stack, path: str, act: Callable[[str], float], word: str, sizes: list[int]) -> list[float]:
    with stack.visit() as context:
        page, lines = _open(context, stack.origin + path)
        cookie = "; ".join(f"{one['name']}={one['value']}" for one in stack.cookies)
        sockets = [{"address": line.address, "says": [_anew(said) for said in line.says]} for line in lines]
        token = next((found for line in lines if (found := re.search(r"token=([\w-]+)", line.address))), None)
        assert token is not None, [line.address for line in lines]
        others = {"cookie": cookie, "origin": stack.origin, "token": token[1], "sockets": sockets, "count": TABS - 1}
        with followers.opened(others):
            time.sleep(1)
            for line in lines:
                line.heard = 0
            taken = _times(page, act, word)
        sizes.append(max(line.heard for line in lines))
    return taken


def _anew(said: str) -> str:
    """As a tab says it that has not read the log over HTTP before: it is answered with the newest entries."""
    return re.sub(r'("after":)\d+', r"\g<1>0", said)


def _open(context: BrowserContext, address: str) -> tuple[Page, list[Line]]:
    context.add_init_script(_WATCH)
    page = context.new_page()
    lines: list[Line] = []
    page.on("websocket", lambda socket: lines.append(Line(socket)))
    page.goto(address)
    page.wait_for_timeout(3000)
    return page, [line for line in lines if line.says]


def _times(page: Page, act: Callable[[str], float], word: str) -> list[float]:
    taken = []
    for number in range(TIMES + 3):
        wanted = f"{word} number {number}."
        page.evaluate("(words) => { window.at = 0; window.wanted = words; }", wanted)
        committed = act(wanted)
        page.wait_for_function("window.at > 0", timeout=20_000)
        taken.append(page.evaluate("window.at") / 1000 - committed)
        time.sleep(REST_SECONDS)
    return taken[3:]  # the first ones fill caches


def _echo(stack: Stack, host: str, size: int) -> list[float]:
    with contextlib.ExitStack() as exits:
        context = exits.enter_context(stack.visit())
        page, _ = _open(context, f"http://{host}/")
        others = {"cookie": "", "origin": "", "token": "none", "sockets": echo.opening(host), "count": TABS - 1}
        exits.enter_context(followers.opened(others))
        line = Client(f"ws://{host}/")
        exits.callback(line.close)
        payload = json.dumps({"filler": "x" * size})

        def act(words: str) -> float:
            began = time.time()
            line.send(words + payload)
            return began

        return _times(page, act, "Echo")
