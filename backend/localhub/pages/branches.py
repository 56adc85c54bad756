"""The branches of a repository."""

from urllib.parse import quote

from starlette.responses import Response

from backend.localhub.pages.door import place
from backend.localhub.pages.frame import repository_page
from backend.localhub.pages.html import Html, icon, markup
from backend.localhub.web import Call


def branches(call: Call) -> Response:
    """GET /{owner}/{name}/branches."""
    with call.hub.store.read() as db:
        where = place(call, db)
        found = call.hub.repositories.of(where.repository.id).branches()
        rows = [
            markup(
                '<li><a class="row" href="{link}">{icon}<span class="grow mono">{name}</span>{default}'
                '<span class="mono muted">{sha}</span></a></li>',
                link=quote(f"/{where.full_name}/tree/{name}"),
                icon=icon("branch"),
                name=name,
                default=Html('<span class="pill">default</span>')
                if name == where.repository.default_branch
                else Html(""),
                sha=sha[:7],
            )
            for name, sha in found.items()
        ]
        listing = markup('<ul class="card">{rows}</ul>', rows=rows) if rows else Html('<p class="empty">None yet.</p>')
        return repository_page(call, db, where, "Branches", "Branches", listing)
