"""The pull request that waits in the sample repository, so that there is one to review on the first day."""

from dataclasses import dataclass

_COUPONS = '''"""Coupons: a percentage off a cart's total."""

from decimal import Decimal


def reduced(total: Decimal, percent: float) -> Decimal:
    """What is left of the total."""
    # TODO: what if somebody has two coupons?
    return round(total * Decimal(1 - percent / 100), 2)
'''

_BODY = """A cart can have a coupon, which takes so many percent off its total.

Where it is entered comes later.
"""


@dataclass(frozen=True)
class SamplePull:
    """One pull request to be, with the files that its one commit adds. Its number is one that no issue has."""

    repository_id: int
    number: int
    author: str
    title: str
    body: str
    branch: str
    files: dict[str, str]
    created_at: str


PULLS = (
    SamplePull(
        2001,
        13,
        "alice",
        "Take coupons off the total",
        _BODY,
        "coupons",
        {"shop/coupons.py": _COUPONS},
        "2025-01-13T16:20:00Z",
    ),
)
