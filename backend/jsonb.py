"""Words and values as text and jsonb take them, and as they fit an entry of the log.

PostgreSQL refuses NUL, which becomes U+FFFD, and half a surrogate pair, which becomes a question mark.
"""

import json
import re
from bisect import bisect_right
from math import isfinite
from typing import Any

MAX_PAYLOAD = 64 * 1024  # bytes of one entry's payload in the log
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def clean_text(words: str) -> str:
    """The text without what PostgreSQL refuses."""
    return words.replace("\x00", "\ufffd").encode(errors="replace").decode()


def searched(words: str) -> str:
    """What somebody looks for, as texts are kept, without outer blanks."""
    return clean_text(words).strip()


def without_direction(words: str) -> str:
    """The text without what shows the words after it in another order than they are written (UAX #9, controls)."""
    return _DIRECTIONS.sub("", words)


def clean(value: Any, longest: int | None = None) -> Any:
    """The JSON value without what jsonb refuses; strings over `longest` characters are cut."""
    match value:
        case str():
            words = clean_text(value)
            return words if longest is None or len(words) <= longest else words[:longest] + "…"
        case dict():
            return {clean(str(key), longest): clean(inner, longest) for key, inner in value.items()}
        case list() | tuple():
            return [clean(inner, longest) for inner in value]
        case float() if not isfinite(value):
            return str(value)
        case int() | float() | None:
            return value
    return str(value)


def fit(value: Any, most: int = MAX_PAYLOAD * 7 // 8) -> Any:
    """The value cleaned, its long strings cut to `most` bytes in all: a payload that has room for a little more."""
    longest = most
    fitting = clean(value, longest)
    while size(fitting) > most and longest > 16:
        longest //= 2
        fitting = clean(fitting, longest)
    return fitting


def cut(words: str, most: int = MAX_PAYLOAD // 2) -> str:
    """The text cleaned, in at most `most` bytes as the log counts them, and a note where it was cut."""
    words = clean_text(words)
    if size(words) <= most:
        return words
    kept = bisect_right(range(min(len(words), most)), most, key=lambda end: size(words[:end])) - 1
    return words[: max(kept, 0)] + "\n\n(cut here: it was longer than the log keeps)"


def size(value: Any) -> int:
    """The bytes of a clean value as JSON, which is how the log counts: a control character is six of them."""
    return len(json.dumps(value, ensure_ascii=False).encode())
