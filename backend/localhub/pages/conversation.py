"""What issues and pull requests have in common: a row in a list, and what somebody said."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeVar

from backend.localhub import access, issues, labels
from backend.localhub.access import Place
from backend.localhub.pages.html import Html, avatar, csrf_field, markup, moment, shown_words
from backend.localhub.pages.rich_text import rich_text
from backend.localhub.shapes.label import labels_of
from backend.localhub.store import Issue, Label, Pull
from backend.localhub.web import Call

Row = TypeVar("Row", Issue, Pull)


def listing(db: sqlite3.Connection, where: Place, kind: str, rows: Sequence[Row], badge: Callable[[Row], Html]) -> Html:
    """All of them, each leading to its own page; `kind` is that of its address."""
    if not rows:
        return Html('<p class="empty">None yet.</p>')
    items = [
        markup(
            '<li><a class="row" href="/{full_name}/{kind}/{number}">{badge}<span class="grow"><b>{title}</b><br>'
            '<span class="aside">#{number} by {author}, {date}</span></span></a></li>',
            full_name=where.full_name,
            kind=kind,
            number=row.number,
            badge=badge(row),
            title=row.title,
            author=access.account(db, row.account_id).login,
            date=moment(row.created_at),
        )
        for row in rows
    ]
    return markup('<ul class="card">{items}</ul>', items=items)


def said(db: sqlite3.Connection, account_id: int, at: str, text: str | None) -> Html:
    """Somebody's words, with who said them and when."""
    author = access.account(db, account_id)
    return markup(
        '<section class="body"><header>{avatar}<b>{author}</b><span class="aside">{date}</span></header>{text}'
        "</section>",
        avatar=avatar(author, "small"),
        author=author.login,
        date=moment(at),
        text=rich_text(shown_words(text)) if text else Html('<p class="empty">No description.</p>'),
    )


def talk(call: Call, db: sqlite3.Connection, where: Place, row: Issue | Pull) -> Html:
    """What was said below it, and where to say more: whoever looks, once they are signed in."""
    comments = [said(db, one.account_id, one.created_at, one.body) for one in issues.comments(db, row)]
    if call.viewer.account is None:
        return markup("{comments}", comments=comments)
    return markup(
        '{comments}<section class="say"><form method="post" action="/{full_name}/issues/{number}/comment">{csrf}'
        '<label for="said" class="aside">Comment. “@asynccoder” and what is to be done starts a task.</label>'
        '<textarea id="said" name="body" rows="4" maxlength="65536" required></textarea>'
        '<button class="button primary">Comment</button></form></section>',
        comments=comments,
        full_name=where.full_name,
        number=row.number,
        csrf=csrf_field(call),
    )


def labels_line(call: Call, db: sqlite3.Connection, where: Place, row: Issue | Pull) -> Html:
    """Its labels; whoever has write access takes them off and puts others on."""
    root, may_write = f"/{where.full_name}/issues/{row.number}", where.allows("write")
    shown = [_label(call, root, one, may_write) for one in labels_of(db, row)]
    if not may_write:
        return markup('<div class="labels">{shown}</div>', shown=shown) if shown else Html("")
    return markup(
        '<div class="labels">{shown}<form method="post" action="{root}/label">{csrf}<input name="label"'
        ' value="asynccoder" maxlength="50" required list="known-labels" aria-label="Label">'
        '<datalist id="known-labels">{known}</datalist><button class="button">Add label</button></form></div>',
        shown=shown,
        root=root,
        csrf=csrf_field(call),
        known=[markup('<option value="{name}">', name=one.name) for one in labels.known(db, where)],
    )


def _label(call: Call, root: str, label: Label, may_write: bool) -> Html:
    if not may_write:
        return markup('<span class="pill">{name}</span>', name=label.name)
    return markup(
        '<span class="pill">{name}<form method="post" action="{root}/unlabel">{csrf}'
        '<input type="hidden" name="label" value="{name}">'
        '<button aria-label="Take {name} off" title="Take it off">×</button></form></span>',
        root=root,
        csrf=csrf_field(call),
        name=label.name,
    )
