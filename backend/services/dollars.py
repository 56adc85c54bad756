"""Prices as people write them, in US dollars per million tokens, and as the tables hold them, in micro-dollars."""

import re
from decimal import Decimal

from backend.errors import InvalidInput

MICRO = 1_000_000
MOST = 10_000  # dollars per million tokens: more is a slip of the finger
_WRITTEN = re.compile(r"[0-9]{1,5}(\.[0-9]{1,6})?")


def micro(text: str, field: str = "price") -> int:
    """Micro-dollars of `3`, `0.25` or `$15.00`, exactly. Raises InvalidInput for all else, negative or too much."""
    text = text.strip().removeprefix("$")
    if not _WRITTEN.fullmatch(text) or Decimal(text) > MOST:
        sentence = f"A price is dollars per million tokens, such as 3 or 0.25, and at most {MOST:,}."
        raise InvalidInput(sentence, field=field)
    return int(Decimal(text) * MICRO)


def written(asked: int) -> str:
    """Micro-dollars as dollars, exactly and without needless zeros: `0.25`."""
    whole, rest = divmod(asked, MICRO)
    return f"{whole}.{rest:06}".rstrip("0").rstrip(".")
