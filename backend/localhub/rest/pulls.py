"""Pull requests: listed, opened, changed, merged; their files and commits."""

import sqlite3
from collections.abc import Callable
from typing import Any

from backend.localhub import merging, pulls
from backend.localhub.access import Place
from backend.localhub.refusals import Refused, invalid
from backend.localhub.rest.door import Answer, choice, page, person
from backend.localhub.rest.repositories import place
from backend.localhub.shapes import commit as commit_shapes
from backend.localhub.shapes.pull import pull_full, pull_simple
from backend.localhub.store import Pull
from backend.localhub.web import Call

_SORTS: dict[str, Callable[[Pull], Any]] = {
    "created": lambda pull: (pull.created_at, pull.number),
    "updated": lambda pull: (pull.updated_at, pull.number),
    "popularity": lambda pull: pull.number,  # nobody comments here
    "long-running": lambda pull: (pull.created_at, pull.number),
}
_STATES = ("open", "closed", "all")


def index(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/pulls."""
    state, sort = call.query("state", "open"), choice(call, "sort", tuple(_SORTS), "created")
    if state not in _STATES:
        raise invalid("PullRequest", field="state")
    default = "desc" if call.query("sort") in ("", "created") else "asc"
    direction = choice(call, "direction", ("asc", "desc"), default)
    with call.hub.store.read() as db:
        where = place(call, db)
        found = [pull for pull in pulls.listed(db, where, state) if _fits(call, where, pull)]
        found.sort(key=_SORTS[sort], reverse=direction == "desc")
        wanted, headers = page(call, found)
        return Answer([pull_simple(call.hub.config, db, where, pull) for pull in wanted], headers=headers)


def create(call: Call) -> Answer:
    """POST /repos/{owner}/{repo}/pulls."""
    wish = call.json()
    with call.hub.store.write() as db:
        where, who = place(call, db), person(call)
        missing = [name for name in ("head", "base") if not isinstance(wish.get(name), str)]
        if missing:
            names = ", ".join(f'"{name}"' for name in missing)
            raise Refused(422, f"Invalid request.\n\n{names} wasn't supplied.")
        if not isinstance(wish.get("title"), str):
            raise invalid("PullRequest", field="title", code="missing_field")
        _check_write(call, db)
        head = _branch_of(where, wish["head"])
        proposal = pulls.Proposal(head, wish["base"], wish["title"], _text(wish, "body"), _bool(wish, "draft"))
        pull = pulls.open_pull(call.hub, db, where, who, proposal)
        answer = _full(call, db, where, pull)
    call.hub.courier.ring()
    return Answer(answer, 201, {"Location": answer["url"]})


def show(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/pulls/{number}."""
    with call.hub.store.read() as db:
        where = place(call, db)
        return Answer(_full(call, db, where, pulls.find(db, where, call.path["number"])))


def update(call: Call) -> Answer:
    """PATCH /repos/{owner}/{repo}/pulls/{number}: by its author or by who may push."""
    wish = call.json()
    with call.hub.store.write() as db:
        where, who = place(call, db), person(call)
        pull = pulls.find(db, where, call.path["number"])
        if pull.account_id != who.id:
            _check_write(call, db)
        changes: dict[str, Any] = {name: _text(wish, name) for name in ("title", "body", "base") if name in wish}
        if changes.get("title", "") is None or changes.get("base", "") is None:
            raise invalid("PullRequest", field="title" if changes.get("title", "") is None else "base")
        state = wish.get("state", pull.state)
        if state not in ("open", "closed"):
            raise invalid("PullRequest", field="state")
        pull = pulls.edit(call.hub, db, where, who, pull, changes)
        if state == "closed":
            pull = pulls.close(call.hub, db, who, pull)
        else:
            pull = pulls.reopen(call.hub, db, where, who, pull)
        answer = _full(call, db, where, pull)
    call.hub.courier.ring()
    return Answer(answer)


def merge(call: Call) -> Answer:
    """PUT /repos/{owner}/{repo}/pulls/{number}/merge."""
    given = call.json()
    with call.hub.store.read() as db:
        repository_id = place(call, db, "write").repository.id
    with call.hub.repositories.held(repository_id), call.hub.store.write() as db:
        where, who = place(call, db, "write"), person(call)
        pull = pulls.find(db, where, call.path["number"])
        wish = merging.Wish(
            method=_text(given, "merge_method") or "merge",
            title=_text(given, "commit_title"),
            message=_text(given, "commit_message"),
            sha=_text(given, "sha"),
        )
        pull = merging.merge(call.hub, db, where, who, pull, wish)
    call.hub.courier.ring()
    return Answer({"sha": pull.merge_commit_sha, "merged": True, "message": "Pull Request successfully merged"})


def is_merged(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/pulls/{number}/merge: 204 if it is, else 404."""
    with call.hub.store.read() as db:
        pull = pulls.find(db, place(call, db), call.path["number"])
    return Answer(None, 204 if pull.merged_at else 404)


def files(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/pulls/{number}/files."""
    with call.hub.store.read() as db:
        where = place(call, db)
        pull = pulls.find(db, where, call.path["number"])
    changes = call.hub.repositories.of(where.repository.id).changes(pull.base_sha, pull.head_sha)
    wanted, headers = page(call, changes)
    shown = [commit_shapes.diff_entry(call.hub.config, where, pull.head_sha, change) for change in wanted]
    return Answer(shown, headers=headers)


def commits(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/pulls/{number}/commits."""
    with call.hub.store.read() as db:
        where = place(call, db)
        pull = pulls.find(db, where, call.path["number"])
        bare = call.hub.repositories.of(where.repository.id)
        wanted, headers = page(call, bare.commits_between(pull.base_sha, pull.head_sha))
        shown = [commit_shapes.commit(call.hub.config, db, where, commit) for commit in wanted]
    return Answer(shown, headers=headers)


def _full(call: Call, db: sqlite3.Connection, where: Place, pull: Pull) -> dict[str, Any]:
    numbers = pulls.figures(call.hub.repositories.of(where.repository.id), pull)
    return pull_full(call.hub.config, db, where, pull, numbers)


def _fits(call: Call, where: Place, pull: Pull) -> bool:
    head, base = call.query("head"), call.query("base")
    if ":" in head:  # GitHub leaves a head without its owner aside
        owner, _, ref = head.partition(":")
        if owner.lower() != where.owner.login.lower() or ref != pull.head_ref:
            return False
    return not base or base == pull.base_ref


def _check_write(call: Call, db: sqlite3.Connection) -> None:
    place(call, db, "write")


def _branch_of(where: Place, head: str) -> str:
    """`branch` or `owner:branch`; there are no forks, so any other owner has nothing here."""
    owner, colon, ref = head.partition(":")
    if not colon:
        return head
    if owner.lower() != where.owner.login.lower():
        raise invalid("PullRequest", field="head")
    return ref


def _text(wish: dict[str, Any], name: str) -> str | None:
    value = wish.get(name)
    if value is not None and not (isinstance(value, str) and _is_text(value)):
        raise Refused(422, f"Invalid request.\n\nFor 'properties/{name}', {value!r} is not a string.")
    return value


def _is_text(value: str) -> bool:
    """Whether it can be written down: JSON can name halves of a character, and UTF-8 cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bool(wish: dict[str, Any], name: str) -> bool:
    value = wish.get(name, False)
    if not isinstance(value, bool):
        raise Refused(422, f"Invalid request.\n\nFor 'properties/{name}', {value!r} is not a boolean.")
    return value
