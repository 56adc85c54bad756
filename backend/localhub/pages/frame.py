"""The head of a repository's pages: its name and its tabs."""

import sqlite3

from starlette.responses import Response

from backend.localhub.access import Place
from backend.localhub.pages.html import Html, avatar, markup, page
from backend.localhub.web import Call


def repository_page(call: Call, db: sqlite3.Connection, place: Place, tab: str, title: str, content: Html) -> Response:
    """A page of a repository, under one of its tabs."""
    root = f"/{place.full_name}"
    tabs = [
        ("Files", root),
        (f"Issues {_open(db, place, 'issue')}", f"{root}/issues"),
        (f"Pull requests {_open(db, place, 'pull')}", f"{root}/pulls"),
        ("Branches", f"{root}/branches"),
    ]
    if place.allows("write"):
        tabs.append(("Webhooks", f"{root}/settings/hooks"))
    links = [
        markup(
            '<a href="{link}"{current}>{name}</a>',
            link=link,
            name=name,
            current=Html(' aria-current="page"') if name.split(" ")[0] == tab else Html(""),
        )
        for name, link in tabs
    ]
    head = markup(
        '<div class="repository">{avatar}<a class="soft" href="/{owner}">{owner}</a><span class="muted">/</span>'
        '<a class="name" href="{root}">{name}</a><span class="pill">{visibility}</span></div>'
        '<nav class="tabs" aria-label="Repository">{links}</nav>{content}',
        avatar=avatar(place.owner, "small"),
        owner=place.owner.login,
        root=root,
        name=place.repository.name,
        visibility="private" if place.repository.private else "public",
        links=links,
        content=content,
    )
    return page(call, f"{title} · {place.full_name}", head)


def _open(db: sqlite3.Connection, place: Place, table: str) -> int:
    query = f"SELECT count(*) FROM {table} WHERE repository_id = ? AND state = 'open'"  # noqa: S608 names of our own
    return int(db.execute(query, (place.repository.id,)).fetchone()[0])
