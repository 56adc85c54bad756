"""What reviewers said of a pull request, each comment below the lines that it is on."""

import sqlite3

from backend.localhub import access, reviews
from backend.localhub.pages.diff import hunk
from backend.localhub.pages.html import Html, avatar, markup, moment, shown_words
from backend.localhub.pages.rich_text import rich_text
from backend.localhub.store import Pull, Review, ReviewComment

_WORDS = {"COMMENTED": "reviewed", "APPROVED": "approved these changes", "CHANGES_REQUESTED": "requested changes"}
_SHOWN = 4  # lines of a hunk above its comment


def said(db: sqlite3.Connection, pull: Pull) -> Html:
    """All reviews, the oldest first; nothing where there is none."""
    found = reviews.listed(db, pull)
    if not found:
        return Html("")
    remarks = reviews.comments(db, pull)
    sections = [_review(db, pull, one, [each for each in remarks if each.review_id == one.id]) for one in found]
    return markup("<h2>Reviews</h2>{sections}", sections=sections)


def _review(db: sqlite3.Connection, pull: Pull, review: Review, remarks: list[ReviewComment]) -> Html:
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
        remarks=[_remark(one) for one in remarks],
    )


def _remark(row: ReviewComment) -> Html:
    return markup(
        '<section class="file" id="discussion_r{id}"><header><h3 class="mono">{path}:{line}</h3></header>{hunk}'
        "{text}</section>",
        id=row.id,
        path=row.path,
        line=row.line,
        hunk=hunk(row.diff_hunk, _SHOWN),
        text=_shown(row.body),
    )


def _shown(text: str) -> Html:
    text = shown_words(text).strip()
    return rich_text(text) if text else Html("")
