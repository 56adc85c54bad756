"""A page driven by its keys alone, as by a person without a pointer."""

from playwright.sync_api import Locator, Page, expect

MOST_STOPS = 150
# What of the element that has the focus would leave a person looking for it; empty where it is plain to see. The box
# of a prompt and a picker's field show it by the frame around them.
_UNSEEN = """
() => {
  const at = document.activeElement;
  if (!at || at === document.body) return "";
  const style = getComputedStyle(at), isFramed = at.matches(":is(.composer:focus-within, .pop) :is(textarea, input)");
  if (isFramed || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0)) return "";
  return `no ring around ${at.outerHTML.slice(0, 120)}`;
}
"""
_HAS_FOCUS = "element => element === document.activeElement"


def reach(page: Page, target: Locator, *, back: bool = False) -> None:
    """Presses Tab until the target has the focus; each stop on the way shows that it has it."""
    expect(target).to_be_visible()
    for _ in range(MOST_STOPS):
        if target.evaluate(_HAS_FOCUS):
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
        unseen = page.evaluate(_UNSEEN)
        assert not unseen, unseen
    raise AssertionError(f"{MOST_STOPS} stops do not lead to {target}")


def press(page: Page, target: Locator, *, back: bool = False) -> None:
    """Reaches the target and presses Enter on it."""
    reach(page, target, back=back)
    page.keyboard.press("Enter")


def pick(page: Page, picker: Locator, placeholder: str, words: str, option: str) -> None:
    """Opens a picker, writes some of the words and takes what is marked then; the focus is back at the picker."""
    press(page, picker, back=True)
    expect(page.get_by_placeholder(placeholder)).to_be_focused()
    page.keyboard.type(words)
    expect(page.get_by_role("option", name=option)).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(picker).to_be_focused()
    expect(picker).to_contain_text(option)
