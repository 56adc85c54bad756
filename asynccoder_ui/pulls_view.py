"""What the pull requests page holds of the services' rows: small frozen values, ready to be drawn."""

from dataclasses import dataclass

from asynccoder_ui import chosen, routes
from asynccoder_ui.views import iso, pull_menu, pull_signals, web_address
from backend.services.pull_request_pages import PullRow, State, Wanted
from backend.words import PullRequestStatus


@dataclass(frozen=True)
class Chosen(chosen.Chosen):
    """The filters of the pull requests."""

    state: str = chosen.word(State)
    repository: str = chosen.identity()

    @property
    def wanted(self) -> Wanted:
        """The filters as the service takes them."""
        return Wanted(State(self.state or State.ALL), chosen.optional(self.repository), self.q)


@dataclass(frozen=True)
class PullItem:
    """A pull request; `look` names icon and colour, `state` the word, `href` leads to GitHub.

    `menu` names what it offers (see pull_deeds).
    """

    id: str
    number: int
    title: str
    look: str
    state: str
    href: str
    task: str
    task_href: str
    facts: str
    verdict: str
    at: str
    task_id: str
    menu: str
    sha: str
    signals: list[str]


def pull_item(row: PullRow) -> PullItem:
    """A line of the list."""
    facts = [row.repository, f"{row.source_branch} → {row.target_branch}", "" if row.is_mine else f"by {row.owner}"]
    if not row.is_reachable and row.status != PullRequestStatus.MERGED:  # which nothing changes any more
        facts.append("out of reach, as last seen")
    return PullItem(
        id=str(row.id),
        number=row.number,
        title=row.title,
        look=row.status.value,
        state=row.status.value,
        href=web_address(row.url),
        task=row.task_title,
        task_href=routes.task_page(str(row.task_id)),
        facts=" · ".join(filter(None, facts)),
        verdict=row.verdict,
        at=iso(row.updated_at),
        task_id=str(row.task_id),
        menu=pull_menu(row.status, row.verdict, may_push=row.may_push, conflicts=row.conflicts),
        sha=row.head_sha,
        signals=pull_signals(row.status, row.checks_state, row.review_state, row.conflicts),
    )
