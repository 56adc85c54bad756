"""Issues: the list, and one of them with what was said below it."""

from starlette.responses import Response

from backend.localhub import access, issues, pulls
from backend.localhub.pages.conversation import listing, said
from backend.localhub.pages.door import place, to
from backend.localhub.pages.frame import repository_page
from backend.localhub.pages.html import Html, markup, moment, pill
from backend.localhub.refusals import Refused
from backend.localhub.store import Issue
from backend.localhub.web import Call

_LOOKS = {"open": ("issue", "ok"), "closed": ("delivered", "merged")}


def index(call: Call) -> Response:
    """GET /{owner}/{name}/issues."""
    with call.hub.store.read() as db:
        where = place(call, db)
        found = listing(db, where, "issues", issues.listed(db, where), _badge)
        return repository_page(call, db, where, "Issues", "Issues", found)


def show(call: Call) -> Response:
    """GET /{owner}/{name}/issues/{number}; a pull request's number leads to its own page, as at GitHub."""
    with call.hub.store.read() as db:
        where = place(call, db)
        try:
            issue = issues.find(db, where, call.path["number"])
        except Refused as refusal:
            if refusal.status != 404:
                raise
            return to(f"/{where.full_name}/pull/{pulls.find(db, where, call.path['number']).number}")
        comments = [said(db, row.account_id, row.created_at, row.body) for row in issues.comments(db, issue)]
        content = markup(
            '<h1>{title} <span class="muted num">#{number}</span></h1><p class="meta">{badge}<span class="soft">'
            "{author} opened it {date}</span></p>{first}{comments}",
            title=issue.title,
            number=issue.number,
            badge=_badge(issue),
            author=access.account(db, issue.account_id).login,
            date=moment(issue.created_at),
            first=said(db, issue.account_id, issue.created_at, issue.body),
            comments=comments,
        )
        return repository_page(call, db, where, "Issues", f"{issue.title} #{issue.number}", content)


def _badge(issue: Issue) -> Html:
    kind, tone = _LOOKS[issue.state]
    return pill(kind, issue.state, tone)
