"""What others wrote on GitHub, as its pages show it: nothing that only a machine would read.

A comment in HTML, an attribute, an image's other text, a link's title, a definition that nothing refers to, a character
without a shape: each can carry an order that no person ever sees. Whatever is not certainly shown is left out.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from html import unescape
from html.parser import HTMLParser

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
_SHORT_DEFINITION = re.compile(r"^ {0,3}\[\w{1,3}\]:\s*<?https?://[^\s<>]+>?[ \t]*$", re.MULTILINE)
_FOOTNOTE = re.compile(r"^ {0,3}\[\^([^\]\s]+)\]:.*(?:\n(?!\s*\n|\s*$).+)*", re.MULTILINE)
_HREF = re.compile(r"""href\s*=\s*["']?(https?://[^\s"'<>]+)""", re.IGNORECASE)
_PICTURE = "(an image)"
# What stands in the source of a page and not on it, and says nothing: tags, where links lead, numbers of a list, the
# language of a fence.
_SILENT = re.compile(
    r"""</?[a-z][a-z0-9]*(?:[ ]href="[^"]*")?/?> | \]\((?:[^\s()]|\([^\s()]*\))*\) | \]\[\w{1,3}\] | https?://[^\s<>()]+
    | \(an[ ]image\) | ^(?:[\s>*+-]|\d{1,9}[.)](?=\s))*(?:(?:```+|~~~+)\w*)?""",
    re.MULTILINE | re.VERBOSE,
)
_WORD = re.compile(r"[^\W_]+")
# github.com/gjtorikian/html-pipeline: the elements that GitHub keeps; it drops the tags of others.
_ELEMENTS = """a abbr b bdo blockquote br caption cite code dd del details dfn div dl dt em figcaption figure h1 h2
    h3 h4 h5 h6 hr i ins kbd li mark ol p pre q rp rt ruby s samp small span strike strong sub summary sup table tbody
    td tfoot th thead time tr tt ul var wbr"""
_LANGUAGES = """bash c cpp console cs csharp css diff dockerfile go html http ini java javascript js json jsx kotlin lua
    makefile markdown md php py pycon python rb ruby rust sh shell sql swift text toml ts tsx txt typescript xml yaml"""
_KEPT, _KNOWN = frozenset(_ELEMENTS.split()), frozenset(_LANGUAGES.split())
_LEAVES = frozenset({"inline", "heading_open", "fence", "code_block", "html_block", "hr"})


def without_unseen(words: str) -> str:
    """The text without characters that nobody sees; tabs and line feeds stay."""
    return _UNSEEN.sub("", words)


def with_unseen_spelt(words: str) -> str:
    r"""The text with characters that nobody sees written out, as `\u202e`."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", words)


def visible(markdown: str) -> str:
    """Markdown of GitHub's as far as its page shows it, without outer blanks; empty where it shows nothing.

    It stays Markdown where each of its words is one that the page shows; otherwise it is the page's bare text.
    """
    markdown = markdown[:LONGEST].replace("\r\n", "\n")
    page = _UNSEEN.sub("", _page(markdown)).strip()  # of the whole: one hidden sign may be what hides the next
    words = plain(markdown)
    body = _CODE.sub("", _FOOTNOTE.sub("", words))
    words = _FOOTNOTE.sub(lambda found: found[0] if f"[^{found[1]}]" in body else "", words)
    shown = "\n".join(_shown(words)).strip("\n").rstrip()
    return shown if _counted(_said(shown)) <= _counted(page) else page


def plain(words: str) -> str:
    """A title, a name, a log: without HTML comments and without characters that have no shape. Lines end in LF."""
    return _UNSEEN.sub("", _COMMENT.sub("", words.replace("\r\n", "\n")))


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    return MarkdownIt("commonmark")


class _Text(HTMLParser):
    """The text of a page. What is left in it unread is a tag that never ends, and with it all that follows."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []

    def handle_data(self, data: str) -> None:
        """Text between tags."""
        self.said.append(data)

    def set_cdata_mode(self, elem: str, **how: bool) -> None:
        """No element's content is another language here: GitHub shows a script's tag as text."""


def _page(markdown: str) -> str:
    """The page as bare text."""
    reader = _Text()
    reader.feed(_reader().render(markdown) + "<p></p>")
    return "".join(reader.said)


def _said(shown: str) -> str:
    """The Markdown without what says nothing."""
    return unescape(_SILENT.sub("", _SHORT_DEFINITION.sub("", shown)))


def _counted(words: str) -> Counter[str]:
    return Counter(_WORD.findall(words))


def _shown(words: str) -> Iterator[str]:
    """Line by line: blocks as they are shown, code as it stands, and of what no block holds only blank lines."""
    lines, at = words.split("\n"), 0
    for start, end, token in _blocks(_reader().parse(words)):
        yield from (line for line in lines[at:start] if _is_harmless(line))
        block = "\n".join(lines[max(start, at) : end])
        at = max(at, end)
        if token.type in ("fence", "code_block"):
            yield _without_notes(block, token)
        elif block:
            yield _inline(block, token)
    yield from (line for line in lines[at:] if _is_harmless(line))


def _blocks(tokens: Sequence[Token]) -> list[tuple[int, int, Token]]:
    found = [(token.map[0], token.map[1], token) for token in tokens if token.map and token.type in _LEAVES]
    # A heading's own token comes before that of its words, on the same lines.
    return sorted(found, key=lambda one: (one[0], one[2].type != "inline", -one[1]))


def _is_harmless(line: str) -> bool:
    """A blank line, the mark of an empty list item or quotation, or a plain address that a link refers to."""
    return not line.strip(" \t>-+*#=.0123456789") or bool(_SHORT_DEFINITION.fullmatch(line))


def _without_notes(block: str, token: Token) -> str:
    """Of what follows a fence, the name of a language at most."""
    if token.type != "fence" or not token.info.strip():
        return block
    first, _, rest = block.partition("\n")
    language = token.info.split()[0].lower()
    shown = language if language in _KNOWN else ""
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
    return "".join(piece + (spans[at][0] if at < len(spans) else "") for at, piece in enumerate(pieces))


def _bare(words: str) -> str:
    words = _TITLE.sub(r"\1)", _IMAGE.sub(_PICTURE, _MACHINE.sub("", words)))
    return _TAG.sub(_tag, words)


def _tag(found: "re.Match[str]") -> str:
    """The tag by its name alone, a link with where it leads; nothing for one that GitHub drops."""
    closing, name, attributes, end = found.groups()
    name = name.lower()
    if name == "img":
        return _PICTURE
    href = _HREF.search(attributes) if name == "a" else None
    where = f' href="{href[1]}"' if href else ""
    return f"<{closing}{name}{where}{end}>" if name in _KEPT else ""
