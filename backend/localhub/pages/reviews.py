"""What reviewers said of a pull request, each comment below the lines that it is on."""

import sqlite3

from backend.localhub import access, reviews
from backend.localhub.access import Place
from backend.localhub.pages.diff import hunk
from backend.localhub.pages.html import Html, avatar, button_form, markup, moment, pill, shown_words
from backend.localhub.pages.rich_text import rich_text
from backend.localhub.store import Pull, Review, ReviewComment
from backend.localhub.web import Call

_WORDS = {"COMMENTED": "reviewed", "APPROVED": "approved these changes", "CHANGES_REQUESTED": "requested changes"}
_SHOWN = 4  # lines of a hunk above its comment


def said(call: Call, db: sqlite3.Connection, where: Place, pull: Pull) -> Html:
    """All reviews, the oldest first; nothing where there is none."""
    found = reviews.listed(db, pull)
    if not found:
        return Html("")
    remarks = reviews.comments(db, pull)
    is_author = call.viewer.account is not None and call.viewer.account.id == pull.account_id
    may_resolve = is_author or where.allows("write")
    root = f"/{where.full_name}/pull/{pull.number}/conversation"
    drawn = {row.id: _remark(row, _resolving(call, root, row) if may_resolve else Html("")) for row in remarks}
    sections = [
        _review(db, pull, one, [drawn[each.id] for each in remarks if each.review_id == one.id]) for one in found
    ]
    return markup("<h2>Reviews</h2>{sections}", sections=sections)


def _review(db: sqlite3.Connection, pull: Pull, review: Review, remarks: list[Html]) -> Html:
    author = access.account(db, review.account_id)
    outdated = "" if review.commit_id == pull.head_sha else ", outdated"
    return markup(
        '<section class="body" id="pullrequestreview-{id}"><header>{avatar}<b>{author}</b> {what}'
        '<span class="aside">{date}, of <span class="mono">{sha}</span>{outdated}</span></header>{text}{remarks}'
        "</section>",
        id=review.id,
        avatar=avatar(author, "small"),
        author=author.login,
        what=_WORDS[review.state],
        date=moment(review.submitted_at),
        sha=review.commit_id[:7],
        outdated=outdated,
        text=_shown(review.body),
        remarks=remarks,
    )


def _remark(row: ReviewComment, button: Html) -> Html:
    return markup(
        '<section class="file" id="discussion_r{id}"><header><h3 class="mono grow">{path}:{line}</h3>{state}{button}'
        "</header>{hunk}{text}</section>",
        state=pill("delivered", "resolved", "ok") if row.resolved else Html(""),
        button=button,
        id=row.id,
        path=row.path,
        line=row.line,
        hunk=hunk(row.diff_hunk, _SHOWN),
        text=_shown(row.body),
    )


def _resolving(call: Call, root: str, row: ReviewComment) -> Html:
    if row.resolved:
        return button_form(call, f"{root}/{row.id}/unresolve", "Unresolve")
    return button_form(call, f"{root}/{row.id}/resolve", "Resolve conversation")


def _shown(text: str) -> Html:
    text = shown_words(text).strip()
    return rich_text(text) if text else Html("")
