"""Orders to a browser that carry somebody's words.

Reflex takes `<reflex.Var>` in an event's text for a reference of its own, and looks for one that it does not know for
ever (reflex_base, `LiteralStringVar.create`): no such text may reach it.
"""

import json
from typing import Any

import reflex as rx
from reflex_base.event import EventSpec

_TAG = "<reflex.Var>"


def dispatch(event: str, detail: dict[str, Any]) -> EventSpec:
    """Tells the page's scripts of an event of ours."""
    words = json.dumps(detail).replace("<", "\\u003c")
    return rx.call_script(f"window.dispatchEvent(new CustomEvent({event!r}, {{ detail: {words} }}))")


def refuse(sentence: object) -> EventSpec:
    """A refusal's sentence as a toast."""
    return rx.toast.error(str(sentence).replace(_TAG, "‹reflex.Var›"))
