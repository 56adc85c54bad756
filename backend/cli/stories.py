"""What the people of a seeded demo asked for, and what came of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from backend.words import Failure, Outcome, TaskType, Verdict


@dataclass(frozen=True)
class Story:
    """One task: what was asked, what was looked at, what changed (path, old lines, new lines), how it ended."""

    task_type: TaskType
    prompt: str
    title: str
    summary: str
    looked_at: tuple[str, ...]
    path: str = ""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    verdict: Verdict | None = None
    outcome: Outcome | None = None
    failure: Failure | None = None

    @property
    def has_pull(self) -> bool:
        """Whether it led to a pull request."""
        return bool(self.path) and self.failure is None

    @property
    def patch(self) -> str:
        """The change as a unified diff of one file; empty where nothing changed."""
        if not self.path:
            return ""
        head = f"diff --git a/{self.path} b/{self.path}\n--- a/{self.path}\n+++ b/{self.path}\n"
        lines = [f"-{line}" for line in self.before] + [f"+{line}" for line in self.after]
        return f"{head}@@ -12,{len(self.before)} +12,{len(self.after)} @@\n" + "\n".join(lines) + "\n"


STORIES = (
    Story(
        TaskType.DEBUG,
        "Orders placed on the last day of February get a delivery date in the past. Find out why and fix it.",
        "Count delivery days from the order's own date",
        "The date was computed from the first of the month. It now starts from the order's date.",
        ("shop/delivery.py", "tests/test_delivery.py"),
        "shop/delivery.py",
        ("    start = order.placed_at.replace(day=1)", "    return start + timedelta(days=order.days + 27)"),
        ("    return order.placed_at + timedelta(days=order.days)",),
        Verdict.VERIFIED,
        Outcome.MERGED,
    ),
    Story(
        TaskType.DEBUG,
        "The export writes the header twice when there are more than 1,000 rows.",
        "Write the export's header once",
        "Each page of the result wrote its own header. Only the first page does now.",
        ("shop/export.py", "tests/test_export.py"),
        "shop/export.py",
        ("        writer.writeheader()",),
        ("        if page == 0:", "            writer.writeheader()"),
        Verdict.VERIFIED,
        Outcome.MERGED,
    ),
    Story(
        TaskType.ASYNC,
        "Log in with an e-mail address in capitals says that the user is unknown. Make it case-insensitive.",
        "Compare e-mail addresses without regard to case",
        "Addresses are lowered before they are stored and before they are compared. Old rows are migrated.",
        ("accounts/models.py", "accounts/login.py", "tests/test_login.py"),
        "accounts/login.py",
        ("    user = users.get(form.email)",),
        ("    user = users.get(form.email.strip().lower())",),
        Verdict.VERIFIED,
        Outcome.MERGED,
    ),
    Story(
        TaskType.DEBUG,
        "CI fails on Python 3.13: `module 'cgi' not found`. Please replace it.",
        "Parse form bodies with email.message",
        "`cgi` left the standard library. The two uses now go through `email.message`.",
        ("web/forms.py", "pyproject.toml"),
        "web/forms.py",
        ("import cgi", "    kind, options = cgi.parse_header(value)"),
        ("from email.message import Message", "    kind, options = parse_header(value)"),
        Verdict.FAILED,
        Outcome.PR_OPENED,
    ),
    Story(
        TaskType.DOCUMENTATION,
        "Write how to run the tests into the README, with and without Docker.",
        "Say in the README how to run the tests",
        "A section on tests: with and without Docker, and what each of the three suites is for.",
        ("README.md", "Makefile"),
        "README.md",
        (),
        ("## Tests", "", "    make test", "", "With Docker: `docker compose run --rm test`."),
        Verdict.NOT_RUN,
        Outcome.MERGED,
    ),
    Story(
        TaskType.ASK,
        "Where is the shipping price decided, and what would I have to touch to add a second carrier?",
        "Where the shipping price is decided",
        "In `shop/shipping.py`, function `price`. A second carrier needs a row in `CARRIERS` and a branch in `quote`.",
        ("shop/shipping.py", "shop/cart.py"),
        outcome=Outcome.ANSWERED,
    ),
    Story(
        TaskType.ARCHITECT,
        "We want to send invoices by e-mail. How would you build it here? No code yet.",
        "A plan for sending invoices",
        "Render in the request, send from the existing queue, keep the sent mail's id on the invoice: three steps.",
        ("shop/invoices.py", "jobs/__init__.py", "settings.py"),
        outcome=Outcome.ANSWERED,
    ),
    Story(
        TaskType.ASK,
        "Which of our dependencies are not used anywhere any more?",
        "Dependencies that nothing imports",
        "`python-dateutil` and `simplejson` are declared and never imported. Everything else is in use.",
        ("pyproject.toml",),
        outcome=Outcome.ANSWERED,
    ),
    Story(
        TaskType.DEBUG,
        "Somebody said the totals page is slow. Can you see anything?",
        "Nothing to change in the totals page",
        "One query per page and an index that fits. The slowness was not reproduced, so nothing was changed.",
        ("shop/totals.py", "shop/views.py"),
        outcome=Outcome.NO_CHANGES,
    ),
    Story(
        TaskType.ASYNC,
        "Rename `Basket` to `Cart` everywhere, also in the database.",
        "Rename Basket to Cart",
        "The branch was changed by someone else meanwhile, in the same lines.",
        ("shop/models.py", "shop/basket.py"),
        failure=Failure.CONFLICT,
    ),
    Story(
        TaskType.DEBUG,
        "The nightly import dies with a UnicodeDecodeError about once a week.",
        "The nightly import's encoding",
        "The same search gave the same result five times.",
        ("jobs/imports.py",),
        failure=Failure.STUCK,
    ),
    Story(
        TaskType.DEBUG,
        "A cart of 40 lines is charged one cent too little.",
        "Round the cart's total once, at the end",
        "Every line was rounded by itself, which lost half-cents. The sum is rounded now.",
        ("shop/totals.py", "tests/test_totals.py"),
        "shop/totals.py",
        ("    return sum((round(line.net, 2) for line in lines), Decimal(0)) - exempt",),
        ("    net = sum((line.net for line in lines), Decimal(0))", "    return round(net - exempt, 2)"),
        Verdict.VERIFIED,
        Outcome.MERGED,
    ),
)

_AREAS = (
    *("invoices", "returns", "refunds", "gift cards", "subscriptions", "wish lists", "stock", "suppliers", "coupons"),
    *("reviews", "search", "checkout", "shipping labels", "customs", "newsletters", "price lists", "warehouses"),
    *("the admin pages", "the mobile API", "reports", "credit notes", "bundles", "pre-orders", "the archive"),
)


def told(stories: Sequence[Story]) -> Iterator[Story]:
    """The stories, and then again for every part of the shop and every two of them: no title comes twice."""
    yield from stories
    for areas in (*((one,) for one in _AREAS), *permutations(_AREAS, 2)):
        about = " and ".join(areas)
        for story in stories:
            yield replace(
                story, title=f"{story.title} ({', '.join(areas)})", prompt=f"{story.prompt} It is about {about}."
            )
