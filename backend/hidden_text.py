"""What others wrote on GitHub, as its pages show it: nothing that only a machine would read.

A comment in HTML, an attribute, an image's other text, a link's title, a definition that nothing refers to, a character
without a shape: each can carry an order that no person ever sees. Whatever is not certainly shown is left out.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

LONGEST = 70_000  # characters that are looked at; GitHub takes 65,536
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
# Controls but for tab and line feed, soft hyphen, fillers, zero-width and bidirectional signs, variation selectors,
# annotations, musical and shorthand controls, half surrogates, and all of plane 14, where "tags" are.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
# CommonMark 0.31, "Raw HTML"; a tag that is not whole is text.
_ATTRIBUTE = r"""\s+[A-Za-z_:][\w.:-]*(?:\s*=\s*(?:[^\s"'=<>`]+|'[^']*'|"[^"]*"))?"""
_TAG = re.compile(rf"<(/?)([A-Za-z][A-Za-z0-9-]*)((?:{_ATTRIBUTE})*)\s*(/?)>")
_MACHINE = re.compile(r"<\?.*?(?:\?>|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<![A-Za-z].*?(?:>|\Z)", re.DOTALL)
_IMAGE = re.compile(r"!\[(?:[^\[\]\\]|\\.|\[[^\[\]]*\])*\](?:\((?:[^()\\]|\\.|\([^()]*\))*\)|\[[^\[\]]*\])?", re.DOTALL)
_TITLE = re.compile(
    r"""(\]\(\s*(?:<[^<>\n]*>|[^\s()<>]*(?:\([^\s()]*\)[^\s()<>]*)*))\s+(?:"[^"]*"|'[^']*'|\([^()]*\))\s*\)"""
)
_CODE = re.compile(r"(?<![`\\])(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_SHORT_DEFINITION = re.compile(r"\s*\[(?:[\w.-]{1,20}\]:\s*<?https?://[^\s<>]+>?|\^[^\]\s]+\]:\s*\S+)\s*")
_FOOTNOTE = re.compile(r"^ {0,3}\[\^([^\]\s]+)\]:.*(?:\n(?!\s*\n|\s*$).+)*", re.MULTILINE)
_HREF = re.compile(r"""href\s*=\s*["']?(https?://[^\s"'<>]+)""", re.IGNORECASE)
_PICTURE = "(an image)"
_LEAVES = frozenset({"inline", "heading_open", "fence", "code_block", "html_block", "hr"})


def visible(markdown: str) -> str:
    """Markdown of GitHub's as far as its page shows it, without outer blanks; empty where it shows nothing."""
    words = plain(markdown[:LONGEST])
    words = _FOOTNOTE.sub(lambda found: found[0] if words.count(f"[^{found[1]}]") > 1 else "", words)
    return "\n".join(_shown(words)).strip("\n").rstrip()


def plain(words: str) -> str:
    """A title, a name, a log: without HTML comments and without characters that have no shape. Lines end in LF."""
    return _UNSEEN.sub("", _COMMENT.sub("", words.replace("\r\n", "\n")))


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    return MarkdownIt("commonmark")


def _shown(words: str) -> Iterator[str]:
    """Line by line: blocks as they are shown, code as it stands, and of what no block holds only blank lines."""
    lines, at = words.split("\n"), 0
    for start, end, token in _blocks(words):
        yield from (line for line in lines[at:start] if _is_harmless(line))
        block = "\n".join(lines[max(start, at) : end])
        at = max(at, end)
        if token.type in ("fence", "code_block"):
            yield _without_notes(block, token)
        elif block:
            yield _inline(block, token)
    yield from (line for line in lines[at:] if _is_harmless(line))


def _blocks(words: str) -> list[tuple[int, int, Token]]:
    read = _reader().parse(words)
    found = [(token.map[0], token.map[1], token) for token in read if token.map and token.type in _LEAVES]
    # A heading's own token comes before that of its words, on the same lines.
    return sorted(found, key=lambda one: (one[0], one[2].type != "inline", -one[1]))


def _is_harmless(line: str) -> bool:
    """A blank line, the mark of an empty list item or quotation, a plain address or a footnote that is referred to."""
    return not line.strip(" \t>-+*#=.0123456789") or bool(_SHORT_DEFINITION.fullmatch(line))


def _without_notes(block: str, token: Token) -> str:
    """A fence shows the first word after it at most."""
    if token.type != "fence" or not token.info.strip():
        return block
    first, _, rest = block.partition("\n")
    shown = token.info.split()[0][:20] if re.match(r"[\w+#.-]+\s*\Z", token.info.split()[0]) else ""
    return f"{first[: first.index(token.markup) + len(token.markup)]}{shown}\n{rest}"


def _inline(block: str, token: Token) -> str:
    """A block's own words; what is code in them stays as it is where we and the reader agree on what that is."""
    spans = list(_CODE.finditer(block))
    known = [child.content for child in token.children or () if child.type == "code_inline"]
    agreed = [" ".join(one[2].split()) for one in spans] == [" ".join(one.split()) for one in known]
    if not agreed:
        return _bare(block)
    # A private sign stands for each span meanwhile, and cannot be there already: it is taken out first.
    held = _CODE.sub("\ue000", block.replace("\ue000", ""))
    pieces = _bare(held).split("\ue000")
    if len(pieces) != len(spans) + 1:  # one stood within what is not shown
        return _bare(block)
    kept = "".join(piece + (spans[at][0] if at < len(spans) else "") for at, piece in enumerate(pieces))
    return _bare(block) if _has_more(kept) else kept


def _has_more(words: str) -> bool:
    """Whether a page would still leave something of it out."""
    read = _reader().parseInline(words)[0].children or []
    tags = (_TAG.sub(_tag, one.content) != one.content for one in read if one.type == "html_inline")
    return any(tags) or any(one.type == "image" or "title" in one.attrs for one in read)


def _bare(words: str) -> str:
    words = _TITLE.sub(r"\1)", _IMAGE.sub(_PICTURE, _MACHINE.sub("", words)))
    return _TAG.sub(_tag, words)


def _tag(found: "re.Match[str]") -> str:
    """The tag by its name alone, a link with where it leads."""
    closing, name, attributes, end = found.groups()
    if name.lower() == "img":
        return _PICTURE
    href = _HREF.search(attributes) if name.lower() == "a" else None
    return f"<{closing}{name}{f' href={chr(34)}{href[1]}{chr(34)}' if href else ''}{end}>"
