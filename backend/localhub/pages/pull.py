"""Pull requests: the list, one of them with its change, and what can be done with it."""

import sqlite3
from collections.abc import Callable

from starlette.responses import PlainTextResponse, Response

from backend.localhub import access, merging, pulls
from backend.localhub import reviews as said_of
from backend.localhub.access import Place
from backend.localhub.pages import play, reviews
from backend.localhub.pages.commits import commit_list
from backend.localhub.pages.conversation import labels_line, listing, said, talk
from backend.localhub.pages.diff import diff as drawn_diff
from backend.localhub.pages.door import person, place, to
from backend.localhub.pages.frame import repository_page
from backend.localhub.pages.html import Html, button_form, icon, markup, pill
from backend.localhub.refusals import not_found
from backend.localhub.store import Account, Pull
from backend.localhub.web import Call

_TONES = {"open": "ok", "merged": "merged", "closed": "bad", "draft": ""}


def index(call: Call) -> Response:
    """GET /{owner}/{name}/pulls."""
    with call.hub.store.read() as db:
        where = place(call, db)
        found = listing(db, where, "pull", pulls.listed(db, where), badge)
        return repository_page(call, db, where, "Pull", "Pull requests", found)


def show(call: Call) -> Response:
    """GET /{owner}/{name}/pull/{number}."""
    with call.hub.store.read() as db:
        where = place(call, db)
        pull = pulls.find(db, where, call.path["number"])
        bare = call.hub.repositories.of(where.repository.id)
        made = bare.commits_between(pull.base_sha, pull.head_sha)
        content = markup(
            '<h1>{title} <span class="muted num">#{number}</span></h1><p class="meta">{badge}<span class="soft">'
            '{author} wants to merge {count} into</span> <span class="pill mono">{base}</span>'
            ' <span class="soft">from</span> <span class="pill mono">{head}</span></p>'
            "{labels}{description}{talk}{reviews}{checks}{verdict}{play}<h2>Commits</h2>{commits}<h2>Changes</h2>{diff}",
            title=pull.title,
            number=pull.number,
            badge=badge(pull),
            author=access.account(db, pull.account_id).login,
            count=f"{len(made)} commit{'' if len(made) == 1 else 's'}",
            base=pull.base_ref,
            head=pull.head_ref,
            description=said(db, pull.account_id, pull.created_at, pull.body),
            labels=labels_line(call, db, where, pull),
            talk=talk(call, db, where, pull),
            reviews=reviews.said(call, db, where, pull),
            checks=play.checks_said(db, pull),
            verdict=_verdict(call, db, where, pull),
            play=play.section(call, pull, bare.changes(pull.base_sha, pull.head_sha)),
            commits=commit_list(where.full_name, made),
            diff=drawn_diff(bare.changes(pull.base_sha, pull.head_sha)),
        )
        return repository_page(call, db, where, "Pull", f"{pull.title} #{pull.number}", content)


def diff(call: Call) -> Response:
    """GET /{owner}/{name}/pull/{number}.diff."""
    return _text(call, lambda bare, pull: bare.diff_text(pull.base_sha, pull.head_sha))


def patch(call: Call) -> Response:
    """GET /{owner}/{name}/pull/{number}.patch."""
    return _text(call, lambda bare, pull: bare.patch_text(pull.base_sha, pull.head_sha))


def act(call: Call) -> Response:
    """POST /{owner}/{name}/pull/{number}/{merge, squash, close, reopen, ready}."""
    action = call.path["action"]
    with call.hub.store.read() as db:
        repository_id = place(call, db).repository.id
    with call.hub.repositories.held(repository_id), call.hub.store.write() as db:
        where, who = place(call, db), person(call)
        pull = pulls.find(db, where, call.path["number"])
        is_own = pull.account_id == who.id and action in ("close", "reopen", "ready")
        if not is_own:
            place(call, db, "write")
        _do(call, db, where, who, pull, action)
    call.hub.courier.ring()
    return to(f"/{where.full_name}/pull/{pull.number}")


def converse(call: Call) -> Response:
    """POST /{owner}/{name}/pull/{number}/conversation/{comment_id}/{resolve, unresolve}."""
    action, comment_id = call.path["action"], call.path["comment_id"]
    if action not in ("resolve", "unresolve"):
        raise not_found()
    with call.hub.store.write() as db:
        where, who = place(call, db), person(call)
        pull = pulls.find(db, where, call.path["number"])
        if pull.account_id != who.id:
            place(call, db, "write")
        said_of.resolve(db, pull, comment_id, resolved=action == "resolve")
    return to(f"/{where.full_name}/pull/{pull.number}#discussion_r{comment_id}")


def badge(pull: Pull) -> Html:
    """Its state as picture, colour and word."""
    state = "merged" if pull.merged_at else "draft" if pull.draft and pull.state == "open" else pull.state
    return pill(state, state, _TONES[state])


def _do(call: Call, db: sqlite3.Connection, where: Place, who: Account, pull: Pull, action: str) -> None:
    if action in ("merge", "squash"):
        merging.merge(call.hub, db, where, who, pull, merging.Wish(method=action))
    elif action == "close":
        pulls.close(call.hub, db, who, pull)
    elif action == "reopen":
        pulls.reopen(call.hub, db, where, who, pull)
    elif action == "ready":
        pulls.make_ready(call.hub, db, who, pull)
    else:
        raise not_found()


def _verdict(call: Call, db: sqlite3.Connection, where: Place, pull: Pull) -> Html:
    """How it stands, and the buttons that change that."""
    root = f"/{where.full_name}/pull/{pull.number}"
    may_write = where.allows("write")
    is_author = call.viewer.account is not None and call.viewer.account.id == pull.account_id
    if pull.merged_at:
        by = access.account(db, pull.merged_by).login if pull.merged_by else "somebody"
        words, tone, buttons = f"Merged by {by} into {pull.base_ref}.", "merged", []
    elif pull.state == "closed":
        words, tone = "Closed without a merge.", "bad"
        buttons = [button_form(call, f"{root}/reopen", "Reopen")] if may_write or is_author else []
    else:
        is_mergeable = pulls.figures(call.hub.repositories.of(where.repository.id), pull).mergeable
        words, tone = _openly(pull, bool(is_mergeable))
        buttons = _open_buttons(call, root, pull, bool(is_mergeable) and may_write, may_write or is_author)
    if pull.state == "open" and not buttons:
        words += " Someone with write access can merge it."
    return markup(
        '<section class="verdict {tone}">{icon}<p class="grow">{words}</p>{buttons}</section>',
        tone=tone,
        icon=icon("merged" if pull.merged_at else "closed" if pull.state == "closed" else "open"),
        words=words,
        buttons=markup('<div class="buttons">{all}</div>', all=buttons) if buttons else Html(""),
    )


def _openly(pull: Pull, is_mergeable: bool) -> tuple[str, str]:
    if not is_mergeable:
        return f"It conflicts with {pull.base_ref} and cannot be merged as it is.", "bad"
    if pull.draft:
        return "A draft: still being worked on.", ""
    return f"No conflicts with {pull.base_ref}.", "ok"


def _open_buttons(call: Call, root: str, pull: Pull, may_merge: bool, may_close: bool) -> list[Html]:
    buttons = []
    if pull.draft and may_close:
        buttons.append(button_form(call, f"{root}/ready", "Ready for review", "primary"))
    elif may_merge:
        buttons.append(button_form(call, f"{root}/merge", "Merge pull request", "primary"))
    if may_close:
        buttons.append(button_form(call, f"{root}/close", "Close"))
    return buttons


def _text(call: Call, make: Callable[..., str]) -> Response:
    with call.hub.store.read() as db:
        where = place(call, db)
        pull = pulls.find(db, where, call.path["number"])
    return PlainTextResponse(make(call.hub.repositories.of(where.repository.id), pull))
