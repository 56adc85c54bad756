"""One repository, its branches and its webhooks."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from backend.localhub import access, deliveries
from backend.localhub.access import Level, Place
from backend.localhub.refusals import Moved, Refused, invalid, not_found
from backend.localhub.rest.door import Answer, page, person
from backend.localhub.shapes import commit as commit_shapes
from backend.localhub.shapes import hook as hook_shapes
from backend.localhub.shapes.repository import full_repository, repository, short_branch
from backend.localhub.store import Delivery, Hook, every, one, stamp
from backend.localhub.web import Call
from backend.loopback import is_loopback_url

EVENTS = (  # what GitHub has to tell; the hub does not tell all of it
    *("*", "ping", "check_run", "check_suite", "issue_comment", "issues", "member", "pull_request"),
    *("pull_request_review", "pull_request_review_comment", "push", "repository"),
)


def place(call: Call, db: sqlite3.Connection, level: Level = "read") -> Place:
    """The repository that the path names. Raises Refused: 404 where it is hidden, 403 where one may only look."""
    owner, name = call.path["owner"], call.path["name"]
    found = access.place(db, call.viewer, owner, name)
    if found is None:
        moved = access.moved(db, call.viewer, owner, name)
        raise Moved(call.request.method == "GET", f"{owner}/{name}", moved.full_name) if moved else not_found()
    if not found.allows(level):
        person(call)
        raise Refused(403, f"Must have {'push' if level == 'write' else level} access to the repository.")
    return found


def show(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}."""
    with call.hub.store.read() as db:
        return Answer(full_repository(call.hub.config, db, place(call, db)))


def branches(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/branches."""
    with call.hub.store.read() as db:
        where = place(call, db)
    found = call.hub.repositories.of(where.repository.id).branches()
    listed = [] if call.query("protected") == "true" else list(found.items())
    wanted, headers = page(call, listed)
    return Answer([short_branch(call.hub.config, where, name, sha) for name, sha in wanted], headers=headers)


def branch(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/branches/{branch}."""
    with call.hub.store.read() as db:
        where = place(call, db)
        bare = call.hub.repositories.of(where.repository.id)
        sha = bare.branch(call.path["branch"])
        if sha is None:
            raise Refused(404, "Branch not found")
        return Answer(commit_shapes.branch(call.hub.config, db, where, call.path["branch"], bare.commit(sha)))


def hooks(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/hooks. GitHub hides them from those who may not manage them."""
    with call.hub.store.read() as db:
        where = _hook_place(call, db)
        found = every(db, Hook, "SELECT * FROM hook WHERE repository_id = ? ORDER BY id", where.repository.id)
        wanted, headers = page(call, found)
        return Answer([_hook(call, db, where, row) for row in wanted], headers=headers)


def hook(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/hooks/{hook_id}."""
    with call.hub.store.read() as db:
        where = _hook_place(call, db)
        return Answer(_hook(call, db, where, _found_hook(db, where, call.path["hook_id"])))


def create_hook(call: Call) -> Answer:
    """POST /repos/{owner}/{repo}/hooks; the new hook is pinged."""
    wish = call.json()
    with call.hub.store.write() as db:
        where, who = _hook_place(call, db), person(call)
        settings = wish.get("config")
        given: dict[str, Any] = settings if isinstance(settings, dict) else {}
        url, events = given.get("url"), wish.get("events", ["push"])
        _check_hook(wish, url, events)
        query = "SELECT * FROM hook WHERE repository_id = ? AND url = ? AND events = ?"
        if one(db, Hook, query, where.repository.id, url, ",".join(events)):
            raise invalid("Hook", message="Hook already exists on this repository")
        now = stamp()
        made = db.execute(
            "INSERT INTO hook (repository_id, url, secret, content_type, insecure_ssl, events, active, created_at,"
            " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(where.repository.id, url, str(given.get("secret", "")), str(given.get("content_type", "form"))),
                *(str(given.get("insecure_ssl", "0")), ",".join(events), bool(wish.get("active", True)), now, now),
            ),
        )
        row = _found_hook(db, where, made.lastrowid or 0)
        payload = hook_shapes.ping(call.hub.config, row, repository(call.hub.config, db, where), who)
        deliveries.enqueue(db, where.repository.id, "ping", payload, hook_id=row.id)
        answer = _hook(call, db, where, row)
    call.hub.courier.ring()
    return Answer(answer, 201, {"Location": answer["url"]})


def update_hook(call: Call) -> Answer:
    """PATCH /repos/{owner}/{repo}/hooks/{hook_id}: a new `config` takes the whole place of the old one."""
    wish = call.json()
    with call.hub.store.write() as db:
        where = _hook_place(call, db)
        row = _found_hook(db, where, call.path["hook_id"])
        given = wish.get("config")
        old = {"url": row.url, "secret": row.secret, "content_type": row.content_type, "insecure_ssl": row.insecure_ssl}
        settings: dict[str, Any] = given if isinstance(given, dict) else old
        events = wish.get("events", row.events.split(","))
        _check_hook(wish, settings.get("url"), events)
        db.execute(
            "UPDATE hook SET url = ?, secret = ?, content_type = ?, insecure_ssl = ?, events = ?, active = ?,"
            " updated_at = ? WHERE id = ?",
            (
                *(settings["url"], str(settings.get("secret", "")), str(settings.get("content_type", "form"))),
                *(str(settings.get("insecure_ssl", "0")), ",".join(events), bool(wish.get("active", row.active))),
                *(stamp(), row.id),
            ),
        )
        return Answer(_hook(call, db, where, _found_hook(db, where, row.id)))


def remove_hook(call: Call) -> Answer:
    """DELETE /repos/{owner}/{repo}/hooks/{hook_id}."""
    with call.hub.store.write() as db:
        where = _hook_place(call, db)
        db.execute("DELETE FROM hook WHERE id = ?", (_found_hook(db, where, call.path["hook_id"]).id,))
    return Answer(None, 204)


def _hook_place(call: Call, db: sqlite3.Connection) -> Place:
    found = place(call, db)
    if not found.allows("admin") or not call.viewer.has_scope("repo", "write:repo_hook", "admin:repo_hook"):
        raise not_found()
    return found


def _found_hook(db: sqlite3.Connection, where: Place, hook_id: int) -> Hook:
    found = one(db, Hook, "SELECT * FROM hook WHERE id = ? AND repository_id = ?", hook_id, where.repository.id)
    if found is None:
        raise not_found()
    return found


def _hook(call: Call, db: sqlite3.Connection, where: Place, row: Hook) -> dict[str, Any]:
    query = "SELECT * FROM delivery WHERE hook_id = ? AND finished_at IS NOT NULL ORDER BY id DESC LIMIT 1"
    return hook_shapes.hook(call.hub.config, where, row, one(db, Delivery, query, row.id))


def _check_hook(wish: dict[str, Any], url: Any, events: Any) -> None:
    if wish.get("name", "web") != "web":
        raise invalid("Hook", field="name")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise invalid("Hook", field="url", code="missing_field" if not url else "invalid")
    if not is_loopback_url(url):  # nothing that the hub knows leaves this machine
        raise invalid("Hook", message="url is not supported because this hub only delivers on its own machine")
    if not isinstance(events, Sequence) or isinstance(events, str) or not events:
        raise invalid("Hook", field="events")
    if unknown := [event for event in events if event not in EVENTS]:
        raise invalid("Hook", message=f"The hub does not know these events: {unknown}")
