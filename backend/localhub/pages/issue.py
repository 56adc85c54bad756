"""Issues: the list, and one of them with what was said below it."""

import sqlite3
from collections.abc import Callable

from starlette.responses import Response

from backend.localhub import access, issues, labels, pulls
from backend.localhub.access import Place
from backend.localhub.pages.conversation import labels_line, listing, said, talk
from backend.localhub.pages.door import person, place, to
from backend.localhub.pages.frame import repository_page
from backend.localhub.pages.html import Html, markup, moment, pill
from backend.localhub.refusals import Refused
from backend.localhub.store import Account, Issue, Pull
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
        content = markup(
            '<h1>{title} <span class="muted num">#{number}</span></h1><p class="meta">{badge}<span class="soft">'
            "{author} opened it {date}</span></p>{labels}{first}{talk}",
            title=issue.title,
            number=issue.number,
            badge=_badge(issue),
            author=access.account(db, issue.account_id).login,
            date=moment(issue.created_at),
            first=said(db, issue.account_id, issue.created_at, issue.body),
            labels=labels_line(call, db, where, issue),
            talk=talk(call, db, where, issue),
        )
        return repository_page(call, db, where, "Issues", f"{issue.title} #{issue.number}", content)


def comment(call: Call) -> Response:
    """POST /{owner}/{name}/issues/{number}/comment, of a pull request too."""
    with call.hub.store.write() as db:
        where, who = place(call, db), person(call)
        row = issues.find_any(db, where, call.path["number"])
        issues.say(call.hub, db, row, who, call.form().get("body", "").replace("\r\n", "\n"))
    return _back(call, where, row)


def label(call: Call) -> Response:
    """POST /{owner}/{name}/issues/{number}/label."""
    return _labelled(call, lambda db, where, who, name: labels.put_on(call.hub, db, where, who, _number(call), [name]))


def unlabel(call: Call) -> Response:
    """POST /{owner}/{name}/issues/{number}/unlabel."""
    return _labelled(call, lambda db, where, who, name: labels.take_off(call.hub, db, where, who, _number(call), name))


def _labelled(call: Call, change: Callable[[sqlite3.Connection, Place, Account, str], None]) -> Response:
    with call.hub.store.write() as db:
        where, who = place(call, db, "write"), person(call)
        change(db, where, who, call.form().get("label", ""))
        row = issues.find_any(db, where, _number(call))
    return _back(call, where, row)


def _number(call: Call) -> int:
    return int(call.path["number"])


def _back(call: Call, where: Place, row: Issue | Pull) -> Response:
    call.hub.courier.ring()
    return to(f"/{where.full_name}/{'pull' if isinstance(row, Pull) else 'issues'}/{row.number}")


def _badge(issue: Issue) -> Html:
    kind, tone = _LOOKS[issue.state]
    return pill(kind, issue.state, tone)
