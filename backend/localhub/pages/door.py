"""What every page shares: who looks, forms that are ours, and refusals as a page."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from backend.localhub import access, visitors
from backend.localhub.access import Level, Place
from backend.localhub.pages import sign_in
from backend.localhub.pages.html import markup, page
from backend.localhub.refusals import Refused, not_found
from backend.localhub.store import Account
from backend.localhub.web import Call, Handler


def shown(route: Callable[[Call], Response]) -> Handler:
    """A page behind the door: it knows who looks, and a POST carries the form's token."""

    def handler(call: Call) -> Response:
        with call.hub.store.read() as db:
            call = replace(call, viewer=visitors.page_viewer(db, call.request))
        try:
            call.require_possible_path()
            if call.request.method == "POST":
                visitors.check_csrf(call.hub, call.request, call.form())
            return route(call)
        except Refused as refusal:
            return refused(call, refusal)

    return handler


def refused(call: Call, refusal: Refused) -> Response:
    """A refusal as a page; to a stranger it offers the sign-in, whatever the page is or is not."""
    if refusal.status == 404:
        words = "There is nothing here, or nothing that you may see. Look as someone else:"
        offer = sign_in.people_form(call, call.request.url.path)
        title = "Not found"
    else:
        words, offer, title = refusal.sentence, markup(""), "Refused"
    content = markup("<h1>{title}</h1><p class='lede'>{words}</p>{offer}", title=title, words=words, offer=offer)
    return page(call, title, content, status=refusal.status, is_narrow=True)


def place(call: Call, db: sqlite3.Connection, level: Level = "read") -> Place:
    """The repository that the path names. Raises Refused (404, 403)."""
    found = access.place(db, call.viewer, call.path["owner"], call.path["name"])
    if found is None:
        raise not_found()
    if not found.allows(level):
        raise Refused(403, f"This needs {level} access to {found.full_name}")
    return found


def person(call: Call) -> Account:
    """Who acts. Raises Refused (403)."""
    if call.viewer.account is None:
        raise Refused(403, "Sign in first")
    return call.viewer.account


def to(path: str) -> Response:
    """Leads a browser to a page of ours after a form."""
    return RedirectResponse(quote(path, safe="/#?=&%"), 303)
