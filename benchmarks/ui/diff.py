"""5,000 changed lines in 25 files: until the first and all are drawn, and the memory, beside a bare `<pre>`."""

import html
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.sync_api import BrowserContext, Page

from benchmarks.measure import show
from benchmarks.ui import content
from benchmarks.ui.stack import Stack

TIMES = 5
# From the click until a line of the first file is drawn.
_FIRST = """
() => new Promise((done) => {
  const began = performance.now();
  const isDrawn = () => document.querySelector(".patch .diff-line");
  const look = () => (isDrawn() ? done(performance.now() - began) : requestAnimationFrame(look));
  look();
})
"""
# A reader's way through all of it: page by page, each drawn before the next.
_ALL = """
async () => {
  const began = performance.now();
  const list = document.querySelector(".changes").closest(".scroll");
  const frame = () => new Promise(requestAnimationFrame);
  while (list.scrollTop + list.clientHeight < list.scrollHeight - 2) {
    list.scrollTop += list.clientHeight;
    await frame();
    await frame();
  }
  return performance.now() - began;
}
"""
_DRAWN = (
    "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now()))))"
)


def measure(stack: Stack) -> None:
    """Prints the times and the memory of both."""
    task, patch = content.changed()
    first, through, held, bare, bare_held = [], [], [], [], []
    with TemporaryDirectory() as folder:
        file = Path(folder) / "bare.html"
        file.write_text(f"<!doctype html><meta charset=utf-8><pre>{html.escape(patch)}</pre>", encoding="utf-8")
        for _ in range(TIMES):
            with stack.visit() as context:
                page = context.new_page()
                page.goto(file.as_uri())
                bare.append(page.evaluate(_DRAWN) / 1000)
                bare_held.append(_megabytes(context, page))
    for _ in range(TIMES):
        with stack.visit() as context:
            page = context.new_page()
            page.goto(f"{stack.origin}/tasks/{task}")
            changes = page.get_by_role("tab", name="Changes")
            changes.wait_for(timeout=60_000)
            changes.click()
            first.append(page.evaluate(_FIRST) / 1000)
            through.append(page.evaluate(_ALL) / 1000)
            held.append(_megabytes(context, page))
    print(f"  {content.LINES:,} changed lines in {content.FILES} files")
    show("a bare <pre> of the patch, drawn", bare)
    show("from the click to the first file", first, bare)
    show("page by page through all of them", through, bare)
    print(f"  {'memory of the page at the end':<44} {max(held):8.1f} MB, of the bare <pre> {max(bare_held):.1f} MB")


def _megabytes(context: BrowserContext, page: Page) -> float:
    wire: Any = context.new_cdp_session(page)
    wire.send("Performance.enable")
    wire.send("HeapProfiler.collectGarbage")
    told = {one["name"]: one["value"] for one in wire.send("Performance.getMetrics")["metrics"]}
    return float(told["JSHeapUsedSize"]) / 1e6
