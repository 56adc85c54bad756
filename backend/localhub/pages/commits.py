"""Commits: the history of a branch, and one by itself."""

from collections.abc import Sequence

from starlette.responses import Response

from backend.errors import GitError
from backend.localhub import git
from backend.localhub.git import Commit
from backend.localhub.pages.code import resolve
from backend.localhub.pages.diff import diff
from backend.localhub.pages.door import place
from backend.localhub.pages.frame import repository_page
from backend.localhub.pages.html import Html, icon, markup, moment
from backend.localhub.refusals import not_found
from backend.localhub.web import Call

MOST = 100  # commits on one page


def history(call: Call) -> Response:
    """GET /{owner}/{name}/commits/{ref}."""
    with call.hub.store.read() as db:
        where = place(call, db)
        bare = call.hub.repositories.of(where.repository.id)
        ref, sha, _ = resolve(bare, call.path["rest"])
        listing = commit_list(where.full_name, bare.latest(sha, MOST))
        content = markup("<h2>Commits on {ref}</h2>{listing}", ref=ref, listing=listing)
        return repository_page(call, db, where, "Files", f"Commits on {ref}", content)


def commit(call: Call) -> Response:
    """GET /{owner}/{name}/commit/{sha}."""
    sha = call.path["sha"]
    with call.hub.store.read() as db:
        where = place(call, db)
        bare = call.hub.repositories.of(where.repository.id)
        if not git.is_sha(sha):
            raise not_found()
        try:
            made = bare.commit(sha)
        except GitError:
            raise not_found() from None
        title, _, rest = made.message.partition("\n")
        content = markup(
            '<h1>{title}</h1><p class="aside">{author} · {date} · <span class="mono">{sha}</span></p>{body}{diff}',
            title=title,
            author=made.author.name,
            date=moment(made.author.date),
            sha=sha[:7],
            body=markup('<pre class="message">{rest}</pre>', rest=rest.strip()) if rest.strip() else Html(""),
            diff=diff(bare.changes(made.parents[0], sha) if made.parents else bare.first_changes(sha)),
        )
        return repository_page(call, db, where, "Files", title, content)


def commit_list(full_name: str, made: Sequence[Commit]) -> Html:
    """Commits as rows."""
    rows = [
        markup(
            '<li><a class="row" href="/{full_name}/commit/{sha}">{icon}<span class="grow trunc">{message}</span>'
            '<span class="aside wide-only">{author}</span><span class="mono muted">{short}</span></a></li>',
            full_name=full_name,
            sha=commit.sha,
            icon=icon("commit"),
            message=commit.message.split("\n")[0],
            author=commit.author.name,
            short=commit.sha[:7],
        )
        for commit in made
    ]
    return markup('<ul class="card">{rows}</ul>', rows=rows)
