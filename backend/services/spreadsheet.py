"""CSV that spreadsheets open without harm."""

import csv
import io
from collections.abc import Iterable

_FORMULA = tuple("=+-@\t\r\n")


def line(cells: Iterable[object]) -> str:
    """One line, with its end."""
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


def inert(words: str) -> str:
    """Words that no spreadsheet takes for a formula. https://owasp.org/www-community/attacks/CSV_Injection"""
    return f"'{words}" if words.startswith(_FORMULA) or words.lstrip().startswith(_FORMULA) else words
