"""What others wrote is text wherever it is shown: nothing of it runs, loads, sends or moves the page."""

import re
from collections.abc import Callable
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import forget_settings
from tests.e2e.conftest import sign_in
from tests.e2e.sowing import FIRST_ID, sow, sow_hub, tell
from tests.payloads import PAYLOADS
from tests.up import Up

NewPage = Callable[[], Page]
WORDS = list(PAYLOADS.values())

# Looks at every element from the moment it appears, so that rows which a list drops again are seen as well.
WATCH = """
(() => {
  const found = (window.found = new Set());
  const ADDRESSES = ["href", "src", "action", "formaction", "srcset", "data", "poster", "xlink:href"];
  const read = (url) => { try { return new URL(url, location.href); } catch { return { protocol: url, origin: "" }; } };
  const look = (node) => {
    if (node.nodeType !== 1) return;
    const say = (what) => found.add(what + ": " + node.outerHTML.slice(0, 160));
    if (node.matches(".evil, iframe, object, embed, base, meta[http-equiv=refresh]")) say("an element");
    for (const { name, value } of node.attributes) {
      if (name.startsWith("on")) say("a handler");
      if (name === "style" && /url\\(|expression/i.test(value)) say("a style");
      if (!ADDRESSES.includes(name)) continue;
      const { protocol, origin } = read(value);
      if (!["http:", "https:"].includes(protocol) && !(name === "src" && protocol === "blob:")) say("an address");
      if (!/evil/.test(origin)) continue;
      if (name !== "href") say("a source");
      else if (!/noreferrer|noopener/.test(node.rel)) say("a link that tells");
    }
  };
  const all = (root) => { look(root); root.querySelectorAll?.("*").forEach(look); };
  const changed = ({ addedNodes, target, type }) => (type === "attributes" ? look(target) : addedNodes.forEach(all));
  const whole = { childList: true, subtree: true, attributes: true };
  new MutationObserver((changes) => changes.forEach(changed)).observe(document, whole);
  document.addEventListener("securitypolicyviolation", ({ blockedURI }) => found.add(`stopped: ${blockedURI}`));
})();
"""
STYLED = "[...document.styleSheets].some((one) => [...one.cssRules].some((rule) => /evil/.test(rule.cssText)))"
TOO_WIDE = """
[...document.querySelectorAll("html, .main, .scroll, .rail")].some((one) => one.scrollWidth > one.clientWidth)
"""
# Answers how many entries of the log were seen by now, and how far its top is.
OPEN_ALL = """
() => {
  const seen = (window.seen ??= new Set());
  document.querySelectorAll(".log button.step[aria-expanded=false]").forEach((one) => one.click());
  document.querySelectorAll(".log [data-seq]").forEach((one) => seen.add(one.dataset.seq));
  return [seen.size, document.querySelector(".log [data-virtuoso-scroller]").scrollTop];
}
"""


class Watched:
    """A page that is looked through for what others wrote: `problems` is where it was more than text."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: set[str] = set()
        self.asked: set[str] = set()
        page.context.add_init_script(WATCH)
        page.context.on("request", lambda request: self.asked.add(request.url))

    def visit(
        self,
        address: str,
        act: Callable[[Page], None] = lambda page: None,
        shown: str = "window.evil=1|evil/",
    ) -> None:
        page = self.page
        page.goto(address)
        expect(page.get_by_text(re.compile(shown)).first).to_be_attached()
        act(page)
        self.problems.update(f"{address}: {one}" for one in page.evaluate("[...window.found]"))
        if page.evaluate(STYLED):
            self.problems.add(f"{address}: a style of theirs")
        if page.evaluate("window.evil !== undefined"):
            self.problems.add(f"{address}: a script ran")
        for width in (1440, 360):
            page.set_viewport_size({"width": width, "height": 960})
            if page.evaluate(TOO_WIDE):
                self.problems.add(f"{address}: wider than {width} px")
        page.set_viewport_size({"width": 1440, "height": 960})


def open_repositories(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Repository")).click()


def read_log(page: Page) -> None:
    page.set_viewport_size({"width": 1440, "height": 6_000})
    expect(page.locator(".log-row").first).to_be_visible()
    page.mouse.move(700, 2_000)
    seen, tops = 0, [1, 1, 1]
    while any(tops[-3:]) and len(tops) < 150:
        page.mouse.wheel(0, -5_000)
        page.wait_for_timeout(30)
        seen, top = page.evaluate(OPEN_ALL)
        tops.append(top)
    assert seen > 8 * len(WORDS), f"of the log {seen} entries were seen"


def see_suggestions(page: Page) -> None:
    expect(page.get_by_role("button", name="Repository")).to_contain_text("/", timeout=30_000)
    page.get_by_role("button", name=re.compile("^Repository")).click()
    page.get_by_role("option", name=re.compile("dotfiles")).click()
    expect(page.get_by_role("heading", name="From bob/dotfiles")).to_be_visible()
    expect(page.get_by_text("DROP TABLE").first).to_be_visible()
    page.get_by_role("button", name=re.compile("^Start on issue")).first.click()
    expect(page.get_by_role("textbox", name="The task")).to_have_value(re.compile("Issue bob/dotfiles#"))


def open_tab(name: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.get_by_role("tab", name=re.compile(f"^{name}")).first.click()
        expect(page.locator(".patch, .finding").first).to_be_visible()
        if name == "Changes":  # what turns text round is shown as what it is
            expect(page.get_by_text("⟨U+202E⟩").first).to_be_attached()

    return act


def be_told(of: UUID) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        expect(page.locator(".side a.task").first).to_be_visible()  # from then on news are told
        tell("carol", of)
        expect(page.locator("[data-sonner-toast]").first).to_contain_text("window.evil=1")
        page.keyboard.press("Control+k")
        expect(page.get_by_role("option").first).to_be_visible()

    return act


@pytest.mark.timeout(200)
def test_what_others_wrote_is_text_on_every_page(stack: Up, new_page: NewPage, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ASYNCCODER_DATA_DIR", str(stack.data_dir))
    environment.setenv("ASYNCCODER_PORT", str(stack.port))
    forget_settings()
    watched = Watched(new_page())
    sign_in(watched.page, stack, "carol")
    sown = sow("carol", WORDS)
    sow_hub(stack.data_dir / "hub" / "hub.sqlite3", WORDS)
    watched.visit(f"{stack.origin}/home", open_repositories)
    watched.visit(f"{stack.origin}/tasks")
    watched.visit(f"{stack.origin}/tasks/{sown.log}", read_log)
    watched.visit(f"{stack.origin}/tasks/{sown.log}", open_tab("Changes"))
    watched.visit(f"{stack.origin}/tasks/{sown.review}", open_tab("Answer|Findings|Review"))
    watched.visit(f"{stack.origin}/pull-requests")
    watched.visit(f"{stack.origin}/repositories")
    watched.visit(f"{stack.origin}/repositories/{sown.repository}")
    watched.visit(f"{stack.origin}/credits", be_told(sown.review))
    watched.visit(f"{stack.origin}/settings")
    for path in ("issues", "issues/2", f"issues/{FIRST_ID}"):
        watched.visit(f"{stack.hub}/bob/dotfiles/{path}")
    bobs = Watched(new_page())
    sign_in(bobs.page, stack, "bob")
    bobs.visit(f"{stack.origin}/home", see_suggestions, shown="What should be done")
    watched.problems |= bobs.problems
    watched.asked |= bobs.asked
    assert not watched.problems, "\n".join(sorted(watched.problems))
    ours = (stack.origin, stack.hub, "data:", "blob:")
    assert [one for one in watched.asked if not one.startswith(ours)] == []
