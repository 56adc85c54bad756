"""Issues: the list, and one of them with what was said below it."""

import sqlite3

from starlette.responses import Response

from backend.localhub import access, issues, pulls
from backend.localhub.pages.door import place, to
from backend.localhub.pages.frame import repository_page
from backend.localhub.pages.html import Html, avatar, markup, moment, pill
from backend.localhub.pages.rich_text import rich_text
from backend.localhub.refusals import Refused
from backend.localhub.store import Issue
from backend.localhub.web import Call

_LOOKS = {"open": ("issue", "ok"), "closed": ("delivered", "merged")}


def index(call: Call) -> Response:
    """GET /{owner}/{name}/issues."""
    with call.hub.store.read() as db:
        where = place(call, db)
        rows = [
            markup(
                '<li><a class="row" href="/{full_name}/issues/{number}">{badge}<span class="grow"><b>{title}</b><br>'
                '<span class="aside">#{number} by {author}, {date}</span></span></a></li>',
                full_name=where.full_name,
                number=issue.number,
                badge=_badge(issue),
                title=issue.title,
                author=access.account(db, issue.account_id).login,
                date=moment(issue.created_at),
            )
            for issue in issues.listed(db, where)
        ]
        listing = markup('<ul class="card">{rows}</ul>', rows=rows) if rows else Html('<p class="empty">None yet.</p>')
        return repository_page(call, db, where, "Issues", "Issues", listing)


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
        said = [_said(db, row.account_id, row.created_at, row.body) for row in issues.comments(db, issue)]
        content = markup(
            '<h1>{title} <span class="muted num">#{number}</span></h1><p class="meta">{badge}<span class="soft">'
            "{author} opened it {date}</span></p>{first}{said}",
            title=issue.title,
            number=issue.number,
            badge=_badge(issue),
            author=access.account(db, issue.account_id).login,
            date=moment(issue.created_at),
            first=_said(db, issue.account_id, issue.created_at, issue.body),
            said=said,
        )
        return repository_page(call, db, where, "Issues", f"{issue.title} #{issue.number}", content)


def _said(db: sqlite3.Connection, account_id: int, at: str, text: str | None) -> Html:
    author = access.account(db, account_id)
    return markup(
        '<section class="body"><header>{avatar}<b>{author}</b><span class="aside">{date}</span></header>{text}'
        "</section>",
        avatar=avatar(author, "small"),
        author=author.login,
        date=moment(at),
        text=rich_text(text) if text else Html('<p class="empty">No description.</p>'),
    )


def _badge(issue: Issue) -> Html:
    kind, tone = _LOOKS[issue.state]
    return pill(kind, issue.state, tone)
