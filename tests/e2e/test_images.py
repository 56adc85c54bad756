"""Images in a browser: pasted, dropped, chosen, refused, there after a reload, and large in the log."""

import base64
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import sign_in
from tests.pictures import large_png, png
from tests.up import Up

# As a browser tells of a paste or a drop: with the files in its hands.
_GIVE = """([kind, name, content]) => {
  const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
  const held = new DataTransfer();
  held.items.add(new File([bytes], name, { type: 'image/png' }));
  const options = { bubbles: true, cancelable: true };
  const box = document.querySelector('form.composer textarea');
  box.dispatchEvent(kind === 'paste'
    ? new ClipboardEvent('paste', { ...options, clipboardData: held })
    : new DragEvent('drop', { ...options, dataTransfer: held }));
}"""


def give(page: Page, kind: str, name: str, content: bytes) -> None:
    page.evaluate(_GIVE, [kind, name, base64.b64encode(content).decode()])


@pytest.mark.timeout(300)
def test_images_are_attached_kept_through_a_reload_and_shown_in_the_log(
    stack: Up, new_page: Callable[[], Page], tmp_path: Path
) -> None:
    page = new_page()
    sign_in(page, stack, "bob")
    expect(page.get_by_role("button", name=re.compile("^Repository"))).to_contain_text("/", timeout=30_000)
    expect(page.get_by_text(re.compile("credits, holds"))).to_be_visible()
    shots = page.get_by_role("list", name="Attached images").locator("img")
    give(page, "paste", "pasted.png", png(60, 40))
    expect(shots).to_have_count(1, timeout=20_000)
    give(page, "drop", "dropped.png", png(40, 60))
    expect(shots).to_have_count(2)
    for name, content in (
        ("chosen.png", png()),
        ("page.png", b"<html>hello</html>"),
        ("big.png", large_png(6_000_000)),
    ):
        (tmp_path / name).write_bytes(content)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Attach images").click()
    chooser.value.set_files([tmp_path / name for name in ("page.png", "chosen.png", "big.png")])
    expect(shots).to_have_count(3)
    expect(page.get_by_role("alert").filter(has_text="page.png: This is no PNG")).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="big.png is larger than 5 MB.")).to_be_visible()

    page.reload()
    expect(shots).to_have_count(3)
    page.get_by_role("button", name="Remove dropped.png").click()
    expect(shots).to_have_count(2)

    page.get_by_role("radio", name=re.compile("^Ask")).click()
    page.get_by_role("textbox", name="The task").fill("What do these show?")
    page.get_by_role("button", name="Send the task").click()
    page.wait_for_url(re.compile("/tasks/"))
    page.get_by_role("button", name="Image 1 of 2: show it large").click()
    large = page.get_by_role("dialog").get_by_role("img", name="Image 1 of 2")
    expect(large).to_have_js_property("naturalWidth", 60)
    page.keyboard.press("Escape")
    expect(page.get_by_text("A script cannot look at the images that came along.")).to_be_visible(timeout=30_000)
    page.goto(f"{stack.origin}/home")
    expect(page.get_by_role("textbox", name="The task")).to_have_value("")
    expect(shots).to_have_count(0)
