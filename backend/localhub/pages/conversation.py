"""What issues and pull requests have in common: a row in a list, and what somebody said."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeVar

from backend.localhub import access
from backend.localhub.access import Place
from backend.localhub.pages.html import Html, avatar, markup, moment
from backend.localhub.pages.rich_text import rich_text
from backend.localhub.store import Issue, Pull

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
        text=rich_text(text) if text else Html('<p class="empty">No description.</p>'),
    )
