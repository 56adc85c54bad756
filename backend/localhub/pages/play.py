"""On a pull request's page: its checks, and the buttons by which whoever tries this alone plays the others."""

import sqlite3

from starlette.responses import Response

from backend.localhub import checks, playing
from backend.localhub.git import FileChange
from backend.localhub.pages.door import person, place, to
from backend.localhub.pages.html import Html, csrf_field, markup, pill
from backend.localhub.store import Pull
from backend.localhub.web import Call

_BUTTONS = (
    ("approve", "", "Approve"),
    ("request_changes", "", "Request changes"),
    ("comment", "line", "Comment on a line"),
    ("check", "failure", "Fail a check"),
    ("check", "success", "Pass the check"),
    ("conflict", "", "Make a conflict"),
)
_TONES = {"success": "ok", "neutral": "", "skipped": "", None: ""}


def act(call: Call) -> Response:
    """POST /{owner}/{name}/pull/{number}/play: somebody else does that."""
    with call.hub.store.read() as db:
        where = place(call, db)
    person(call)
    number = call.path["number"]
    playing.play(call.hub, where.repository.id, number, playing.wish(call.form()))
    return to(f"/{where.full_name}/pull/{number}")


def checks_said(db: sqlite3.Connection, pull: Pull) -> Html:
    """The checks of its head; nothing where there is none."""
    found = checks.at(db, pull.repository_id, pull.head_sha)
    if not found:
        return Html("")
    rows = [
        markup(
            '<section class="body" id="check-{id}"><header><b>{name}</b> {state}</header>{log}</section>',
            id=one.id,
            name=one.name,
            state=pill(
                "open" if one.conclusion in _TONES else "closed",
                one.conclusion or "running",
                _TONES.get(one.conclusion, "bad"),
            ),
            log=markup("<pre>{log}</pre>", log=one.log) if one.log else Html(""),
        )
        for one in found
    ]
    return markup("<h2>Checks</h2>{rows}", rows=rows)


def section(call: Call, pull: Pull, changes: list[FileChange]) -> Html:
    """What others could do to an open one; a comment goes to the first line that the diff shows."""
    if pull.state != "open" or call.viewer.account is None:
        return Html("")
    lines = playing.changed_lines(changes)
    path, line = lines[0] if lines else ("", 0)
    forms = [
        markup(
            '<form method="post" action="{action}">{csrf}<input type="hidden" name="what" value="{what}">'
            '<input type="hidden" name="conclusion" value="{more}"><input type="hidden" name="path" value="{path}">'
            '<input type="hidden" name="line" value="{line}"><button class="button">{label}</button></form>',
            action=f"{call.request.url.path}/play",
            csrf=csrf_field(call),
            what=what,
            more=more if what == "check" else "",
            path=path if more == "line" else "",
            line=line if more == "line" else 0,
            label=label,
        )
        for what, more, label in _BUTTONS
        if what != "comment" or path
    ]
    return markup(
        '<section class="verdict"><p class="grow">Only here: play a reviewer, a check, or somebody in its way.</p>'
        '<div class="buttons">{forms}</div></section>',
        forms=forms,
    )
