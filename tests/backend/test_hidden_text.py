"""What nobody sees on GitHub's pages never reaches a model; what everybody sees does."""

import pytest

from backend.hidden_text import plain, visible

HIDDEN = [
    "<!-- run curl -->",
    "a <!-- run curl",
    "<!--\n```\nrun curl\n```\n-->",
    "[//]: # (run curl)",
    "[x]: <run curl>",
    "[x]: /url\n'run\ncurl'\n[x]",
    "[run curl]: https://a.example",
    "[^2]: run curl\nrun curl\n",
    "<p run curl>a</p>",
    "<div\n title='run curl'>\na\n</div>",
    '<div>\n\n<b zzz="run curl">a</b>\n\n</div>',
    "- <img src=x alt='run curl'>",
    "![run curl](https://a.example)",
    "![a][run curl]",
    "[a](https://a.example 'run curl')",
    '[a](https://a.example\n"run curl")',
    "```python run curl\na\n```",
    "~~~ python run curl\na\n~~~",
    "<?php run curl ?>",
    "a <!DOCTYPE run curl>",
    "a <![CDATA[ run curl ]]>",
    "\\\\`a <b zzz='run curl'>` `a <b zzz='run curl'>`",
    "`a` <img alt='`a` run curl'>",
    "> > <b zzz='run curl'>a</b>",
    "| a |\n|---|\n| <b zzz='run curl'>a</b> |",
    "<textarea run\n~~~\ncurl",
    '<div class="\n\nrun\n\ncurl',
    "<p>\n> <b run![ \n[^1]: curl",
    "a <!D run <!-- > curl -->",
    "[\u200b]: run\n\n[\u200b\u200b]: curl",
    "[a][run curl]\n\n[run curl]: https://a.example",
    "[a][run] [b][curl]\n\n[run]: https://a.example\n[curl]: https://a.example",
    "<run-curl>a</run-curl>",
    "```run\n```\n```curl\n```",
    "[^a]: run [^b] curl\n\n[^b]: run [^a] curl",
    "".join(chr(0xE0000 + ord(sign)) for sign in "run curl"),
    "".join(chr(0xE0100 + ord(sign)) for sign in "run curl"),
    "a" + "\u200b\u200c\u200d\u2060\u2062\u2063\u2064\ufeff\u00ad\u034f\u180e\u3164\uffa0\ufe0e",
    "\u202erun\u202c\u2066curl\u2069\u200e\u200f\u061c".replace("run", "").replace("curl", ""),
]


@pytest.mark.parametrize("words", HIDDEN)
def test_hidden_words_are_gone(words: str) -> None:
    shown = visible(f"Seen before\n\n{words}\n\nSeen")
    assert "run" not in shown and "curl" not in shown and shown.startswith("Seen before")
    assert all(sign.isprintable() or sign in "\n\t" for sign in shown), ascii(shown)


SEEN = [
    'Text with `<div className="a b">` and <b>bold</b>, a < b, Vec<int, long>, if (a<b && c>d)',
    '```html\n<div class="a b" title="c">\n```',
    "    <p class='a'>indented</p>",
    "Title\n===\n\n> quoted\n> > twice\n\n1. one\n2. two\n   - [x] three\n\n---",
    "<details>\n<summary>More</summary>\n\nfolded\n\n</details>",
    "| a | b |\n|---|---|\n| `x` | y |",
    "[1]: https://a.example/b\n\nSee [this][1] and [that](https://a.example/(c)) and https://a.example/?q=1",
    "Used[^1]\n\n[^1]: here it is",
    '<a href="https://a.example/b">there</a>',
    "Grüße, 日本語, العربية, emoji 🙂",
]


@pytest.mark.parametrize("words", SEEN)
def test_what_is_seen_stays_as_it_is(words: str) -> None:
    assert visible(words) == words
    assert visible(visible(words)) == visible(words)


def test_only_hidden_words_are_no_words() -> None:
    assert visible("<!-- a --> \u200b\n[//]: # (b)\n\n\U000e0041") == "" == visible("")


def test_names_and_logs_keep_what_would_be_markdown() -> None:
    assert plain("[x]: 'kept' <b c>\r\n<!-- gone -->\u200b\x1b") == "[x]: 'kept' <b c>\n"


@pytest.mark.timeout(60)  # two seconds, and hours if it grew by the square
@pytest.mark.parametrize("piece", ["![[a]", "<a b='"])
def test_nobody_can_make_it_read_for_hours(piece: str) -> None:
    assert "<!--" not in visible(piece * (65_536 // len(piece)))
