"""The sample repositories, file by file. The scripted demo model knows `alice/sample-shop` by heart."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sample:
    """One repository to be: its files, and who may do what beside its owner."""

    id: int
    owner: str
    name: str
    description: str
    is_private: bool
    files: dict[str, str]
    access: dict[str, str] = field(default_factory=dict)
    branch: str = "main"


_SHOP_README = """# Sample shop

The totals of a shopping cart, small enough to read in a minute.

- `shop/totals.py` adds up a cart: lines with a net price, some of it exempt from tax.
- `tests/test_totals.py` says what must come out. One of the tests fails: somewhere half a cent is lost.

Run the tests with

    python3 -m unittest
"""

_TOTALS = '''"""Totals of a cart."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Line:
    """One line of a cart: its net price and how much of it is exempt from tax."""

    net: Decimal
    exempt: Decimal = Decimal(0)


def total(lines: list[Line]) -> Decimal:
    """The cart's total, in whole cents."""
    exempt = sum((line.exempt for line in lines), Decimal(0))
    return sum((round(line.net, 2) for line in lines), Decimal(0)) - exempt
'''

_TEST_TOTALS = '''"""What a cart comes to."""

import unittest
from decimal import Decimal

from shop.totals import Line, total


class Totals(unittest.TestCase):
    def test_an_empty_cart_costs_nothing(self) -> None:
        self.assertEqual(total([]), Decimal("0.00"))

    def test_whole_cents_simply_add_up(self) -> None:
        lines = [Line(Decimal("19.90")), Line(Decimal("5.10"))]
        self.assertEqual(total(lines), Decimal("25.00"))

    def test_what_is_exempt_is_taken_off(self) -> None:
        lines = [Line(Decimal("40.00"), exempt=Decimal("8.00")), Line(Decimal("2.50"))]
        self.assertEqual(total(lines), Decimal("34.50"))

    def test_half_cents_of_single_lines_are_not_lost(self) -> None:
        lines = [Line(Decimal("10.005")), Line(Decimal("10.005")), Line(Decimal("21.02"), exempt=Decimal("0.00"))]
        self.assertEqual(total(lines), Decimal("41.03"))


if __name__ == "__main__":
    unittest.main()
'''

_ACME_README = """# Acme shop

The team's shop. Alice and Bob write here; it is private to Acme.

Open questions stand in `docs/questions.md`.
"""

_ACME_QUESTIONS = """# Open questions

1. Which currencies do we round to whole units?
2. Do coupons come off before or after the tax?
"""

SAMPLES = (
    Sample(
        2001,
        "alice",
        "sample-shop",
        "A small cart with a rounding mistake in it",
        True,
        {
            "README.md": _SHOP_README,
            "shop/__init__.py": "",
            "shop/totals.py": _TOTALS,
            "tests/__init__.py": "",
            "tests/test_totals.py": _TEST_TOTALS,
        },
    ),
    Sample(
        2002,
        "acme",
        "shop",
        "The team's shop",
        True,
        {
            "README.md": _ACME_README,
            "docs/questions.md": _ACME_QUESTIONS,
            "shop/__init__.py": "",
            "shop/totals.py": _TOTALS,
            "tests/__init__.py": "",
            "tests/test_totals.py": _TEST_TOTALS,
        },
        access={"alice": "write", "bob": "write"},
    ),
    Sample(
        2003,
        "alice",
        "notes",
        "Notes for everyone to read",
        False,
        {
            "README.md": "# Notes\n\nThings worth keeping.\n\n- [Reading list](reading.md)\n",
            "reading.md": "# Reading list\n",
        },
    ),
    Sample(
        2004,
        "bob",
        "dotfiles",
        "Bob's settings",
        False,
        {"README.md": "# Dotfiles\n\nCopy what you like.\n", "gitconfig": "[pull]\n\trebase = true\n"},
    ),
)
