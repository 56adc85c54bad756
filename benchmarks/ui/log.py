"""A log of 10,000 entries: until the newest can be read, how it scrolls, what one more costs the wire."""

import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import Page

from benchmarks.measure import show
from benchmarks.ui import content
from benchmarks.ui.stack import Stack

ENTRIES = 10_000
TIMES = 5
MORE = 20
_SEEN = f"""
window.seen = null;
new MutationObserver(() => {{
  if (window.seen === null && document.body?.textContent.includes("{content.LAST}")) window.seen = performance.now();
}}).observe(document, {{ childList: true, subtree: true }});
"""
# Upwards through the list for three seconds; the gaps between frames in milliseconds.
_SCROLL = """
async (selector) => {
  const list = document.querySelector(selector);
  const gaps = [];
  let before = performance.now();
  const end = before + 3000;
  while (before < end) {
    list.scrollTop -= 120;
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - before);
    before = now;
  }
  return gaps.slice(1);
}
"""
# The browser's own way with a long list: all rows are there, those out of sight are not laid out.
_BARE = """<!doctype html><meta charset="utf-8"><title>Bare</title>
<style>#list { height: 900px; overflow: auto }
#list > div { content-visibility: auto; contain-intrinsic-size: auto 60px }</style>
<div id="list"></div><script>
const words = (n) => `Step ${n}: I look at module_${n %% 40}.py and run what belongs to it. `.repeat(3);
const rows = Array.from({ length: %d }, (_, n) =>
  Object.assign(document.createElement("div"), { textContent: n === %d ? "%s" : words(n) }));
document.getElementById("list").append(...rows);
rows[rows.length - 1].scrollIntoView();
</script>"""


def measure(stack: Stack) -> None:
    """Prints the three beside a bare list of as many rows."""
    task = content.working(ENTRIES)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "bare.html"
        file.write_text(_BARE % (ENTRIES, ENTRIES - 1, content.LAST), encoding="utf-8")
        bare, bare_gaps = _times(stack, file.as_uri(), "#list")
    ours, gaps = _times(stack, f"{stack.origin}/tasks/{task}", "[data-virtuoso-scroller]")
    print(f"  a log of {ENTRIES:,} entries, each time in a browser with nothing cached")
    show("until the newest row of a bare list", bare)
    show("until the newest entry can be read", ours, bare)
    show("between two frames, scrolling a bare list", bare_gaps)
    show("between two frames, scrolling the log", gaps, bare_gaps)
    said, wire = _one_more(stack, f"{stack.origin}/tasks/{task}", task)
    print(f"  {'one more entry on the wire':<44} {wire:8.0f} bytes, of which it says {said}")


def _times(stack: Stack, address: str, selector: str) -> tuple[list[float], list[float]]:
    seen, gaps = [], []
    for turn in range(TIMES):
        with stack.visit() as context:
            context.add_init_script(_SEEN)
            page = context.new_page()
            page.goto(address)
            page.wait_for_function("window.seen !== null", timeout=60_000)
            seen.append(page.evaluate("window.seen") / 1000)
            if turn == TIMES - 1:
                _wait_whole(page)
                gaps = [gap / 1000 for gap in page.evaluate(_SCROLL, selector)]
    return seen, gaps


def _wait_whole(page: Page) -> None:
    """The older entries have come too."""
    page.wait_for_function("!document.querySelector('.log-bar .btn')?.disabled", timeout=60_000)
    page.wait_for_timeout(500)


def _one_more(stack: Stack, address: str, task: Any) -> tuple[int, float]:
    heard: list[int] = []
    with stack.visit() as context:
        page = context.new_page()
        page.on("websocket", lambda line: line.on("framereceived", lambda said: heard.append(len(said))))
        page.goto(address)
        page.get_by_text(content.LAST).wait_for(timeout=60_000)
        _wait_whole(page)
        costs = []
        for number in range(MORE):
            heard.clear()
            said = content.say(task, f"One more entry, number {number:03}.")
            page.get_by_text(f"number {number:03}.").wait_for(timeout=20_000)
            time.sleep(0.2)
            costs.append(sum(size for size in heard if size > 1))  # pings are one byte
    return said, statistics.median(costs)
