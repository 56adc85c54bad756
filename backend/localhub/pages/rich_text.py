"""Markdown that somebody wrote, as safe HTML: no raw HTML, no pictures, no script links."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from backend.localhub.pages.html import Html, markup

_LINK = re.compile(r"(?i)https?://|mailto:|[^:]*([/?#]|$)")  # to the web, or within the hub
LONGEST = 100_000  # characters; the rest is left out


def rich_text(text: str) -> Html:
    """The text as HTML."""
    tokens = _reader().parse(text[:LONGEST])
    _tame(tokens)
    return Html(f'<div class="prose">{_reader().renderer.render(tokens, _reader().options, {})}</div>')


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    reader.add_render_rule("image", _picture)
    return reader


def _picture(renderer: Any, tokens: Sequence[Token], at: int, options: Any, scope: Mapping[str, Any]) -> str:
    """A link in a picture's place: nothing is fetched for a text that one only reads."""
    token = tokens[at]
    link = '<a href="{source}" rel="nofollow noopener noreferrer">{words}</a>'
    words = renderer.renderInlineAsText(token.children, options, scope) or "picture"
    return str(markup(link, source=token.attrGet("src"), words=words))


def _tame(tokens: Sequence[Token]) -> None:
    """Links say nothing to where they lead; headings begin below the page's own."""
    for token in tokens:
        if token.type == "link_open":
            token.attrSet("rel", "nofollow noopener noreferrer")
            if not _LINK.match(str(token.attrGet("href"))):
                del token.attrs["href"]
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 1)}"
        _tame(token.children or ())
