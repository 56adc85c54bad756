"""What looks.js and axe find fault with on the page that is open."""

from importlib.resources import files
from pathlib import Path
from typing import Literal
from weakref import WeakKeyDictionary

from playwright.sync_api import CDPSession, Page, ViewportSize

_LOOKS = Path(__file__).with_name("looks.js").read_text(encoding="utf-8")
_AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
_sessions: WeakKeyDictionary[Page, CDPSession] = WeakKeyDictionary()
TOUCH = 44  # pixels, as house style and WCAG 2.5.5 want it
WIDE, NARROW = ViewportSize(width=1440, height=960), ViewportSize(width=360, height=780)


def faults(page: Page, *, where: str) -> list[str]:
    """All that is wrong with it, in light on a wide screen and in dark on a phone; `where` stands before each."""
    page.evaluate(_LOOKS)
    if page.evaluate("!window.axe"):
        page.evaluate("source => { (0, eval)(source); }", _AXE)
    found = []
    both: tuple[tuple[Literal["light", "dark"], bool], ...] = (("light", False), ("dark", True))
    for theme, is_phone in both:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        with_finger(page, is_phone)
        found += [f"{where}, {theme}: {fault}" for fault in _looked_at(page, is_phone)]
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    with_finger(page, False)
    return found


def with_finger(page: Page, is_phone: bool) -> None:
    """A phone's size and pointer, or a desk's."""
    page.set_viewport_size(NARROW if is_phone else WIDE)
    session = _sessions.get(page) or page.context.new_cdp_session(page)  # what it emulates ends with it
    _sessions[page] = session
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": is_phone})


def _looked_at(page: Page, is_phone: bool) -> list[str]:
    asked = ["looks.outsideTokens()", "looks.moving()", "looks.unheard()", "looks.unreadable()"]
    asked += [f"looks.tooSmall({TOUCH})", "looks.tooWide()"] if is_phone else []
    return [fault for question in asked for fault in page.evaluate(question)]
