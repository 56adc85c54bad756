"""The issues of the sample repositories: what people reported before the hub was there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SampleIssue:
    """One issue to be; `comments` are of (login, text). What is `deleted` is there as a number alone."""

    repository_id: int
    number: int
    author: str
    title: str
    body: str | None
    created_at: str
    changed_at: str
    state: str = "open"
    comments: tuple[tuple[str, str], ...] = ()
    labels: tuple[str, ...] = ()


_LOST_CENT = """Three lines of **10.005**, **10.005** and **21.02** should come to 41.03, and the cart says 41.02.

### Steps

1. Put two lines with half a cent each into a cart.
2. Ask for the total.

```python
total([Line(Decimal("10.005")), Line(Decimal("10.005")), Line(Decimal("21.02"))])
# Decimal('41.02')
```

### Expected

Round once, at the end: the tax office adds up before it rounds.
"""

_NEGATIVE = """A line that is exempt for more than it costs makes the total negative, e.g. net 5.00 with 8.00 exempt.

Either `Line` refuses that, or `total` takes nothing below zero. I think refusing is more honest.
"""

_CURRENCIES = """`docs/questions.md` asks it and nobody answers: which currencies have no cents? At least JPY and KRW.

- [ ] a table of currencies and their digits
- [ ] `total` takes the currency
- [ ] the cart's page shows it
"""

_COUPONS = """A customer in Graz used a 10 % coupon on an exempt book.
We took it off the tax first, the accountant says the other way round. The law's text: https://www.ris.bka.gv.at/
"""

ISSUES = (
    SampleIssue(
        2001,
        12,
        "bob",
        "Half cents of single lines are lost in the total",
        _LOST_CENT,
        "2025-01-08T08:12:00Z",
        "2025-01-08T15:40:00Z",
        comments=(
            ("alice", "I see it too: `round` is called on each line. There is a failing test for it already."),
            ("bob", "Then please keep that test as it is and mend `shop/totals.py` alone."),
        ),
        labels=("bug",),
    ),
    SampleIssue(
        2001,
        14,
        "alice",
        "A line may be exempt for more than it costs",
        _NEGATIVE,
        "2025-01-14T10:05:00Z",
        "2025-01-14T10:05:00Z",
        labels=("enhancement",),
    ),
    SampleIssue(
        2001,
        15,
        "alice",
        "The README should say how the tests are run",
        None,
        "2025-01-15T07:30:00Z",
        "2025-01-16T11:00:00Z",
        state="closed",
        comments=(("alice", "Done: `python3 -m unittest`."),),
        labels=("documentation",),
    ),
    SampleIssue(
        2002,
        7,
        "bob",
        "Say which currencies are rounded to whole units",
        _CURRENCIES,
        "2025-01-09T13:00:00Z",
        "2025-01-10T09:20:00Z",
        comments=(("alice", "ISO 4217 lists the digits; no library needed for a dozen of them."),),
        labels=("enhancement",),
    ),
    SampleIssue(
        2002,
        8,
        "alice",
        "Do coupons come off before or after the tax?",
        _COUPONS,
        "2025-01-10T16:45:00Z",
        "2025-01-10T16:45:00Z",
        labels=("question",),
    ),
    SampleIssue(
        2003,
        3,
        "carol",
        "A reading list without books",
        "`reading.md` has a title and nothing below it. What would you begin with?",
        "2025-01-11T18:00:00Z",
        "2025-01-12T08:00:00Z",
        comments=(("alice", "*The Art of PostgreSQL*, then everything by Jeff Atwood."),),
    ),
    SampleIssue(2003, 4, "bob", "Buy now", None, "2025-01-12T02:00:00Z", "2025-01-12T08:01:00Z", state="deleted"),
    SampleIssue(
        2004,
        2,
        "carol",
        "Set `init.defaultBranch` as well",
        "A new repository still begins on `master` here.",
        "2025-01-13T12:00:00Z",
        "2025-01-13T12:00:00Z",
    ),
)
