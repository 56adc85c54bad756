"""What there is to see: all repositories, or those of one person."""

from collections.abc import Sequence

from starlette.responses import Response

from backend.localhub import access
from backend.localhub.access import Place
from backend.localhub.pages.html import Html, avatar, icon, markup, moment, page
from backend.localhub.refusals import not_found
from backend.localhub.web import Call


def home(call: Call) -> Response:
    """GET /."""
    with call.hub.store.read() as db:
        found = access.places(db, call.viewer)
    hint = "" if call.viewer.account else "These are public. Sign in to see more."
    content = markup('<h1>Repositories</h1><p class="lede">{hint}</p>{listing}', hint=hint, listing=_listing(found))
    return page(call, "Repositories", content)


def owner(call: Call) -> Response:
    """GET /{owner}."""
    with call.hub.store.read() as db:
        account = access.account_of_login(db, call.path["owner"])
        if account is None:
            raise not_found()
        found = [place for place in access.places(db, call.viewer) if place.owner.id == account.id]
    content = markup(
        '<div class="titles">{avatar}<div><h1>{login}</h1><p class="soft">{name}</p></div></div>{listing}',
        avatar=avatar(account, "large"),
        login=account.login,
        name=account.name,
        listing=_listing(found),
    )
    return page(call, account.login, content)


def missing(call: Call) -> Response:
    """Any other address."""
    raise not_found()


def _listing(found: Sequence[Place]) -> Html:
    if not found:
        return Html('<p class="empty">No repositories to see here.</p>')
    rows = [
        markup(
            '<li><a class="row" href="/{full_name}">{icon}<span class="grow"><b>{full_name}</b> '
            '<span class="pill">{visibility}</span><br><span class="aside">{description}</span></span>'
            '<span class="aside">{pushed}</span></a></li>',
            full_name=place.full_name,
            icon=icon("repository"),
            visibility="private" if place.repository.private else "public",
            description=place.repository.description,
            pushed=moment(place.repository.pushed_at),
        )
        for place in found
    ]
    return markup('<ul class="card">{rows}</ul>', rows=rows)
