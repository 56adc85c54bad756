"""The person whose token it is: themselves, their addresses, their repositories."""

import sqlite3
from collections.abc import Callable
from typing import Any

from backend.localhub import access
from backend.localhub.access import Place
from backend.localhub.refusals import Refused, invalid, not_found
from backend.localhub.rest.door import Answer, choice, page, person
from backend.localhub.shapes.people import organization, private_user, public_user
from backend.localhub.shapes.repository import repository
from backend.localhub.store import Account, Repository, every
from backend.localhub.web import Call

_SORTS: dict[str, Callable[[Place], Any]] = {
    "created": lambda place: place.repository.created_at,
    "updated": lambda place: place.repository.updated_at,
    "pushed": lambda place: place.repository.pushed_at,
    "full_name": lambda place: place.full_name.lower(),
}
_AFFILIATIONS = ("owner", "collaborator", "organization_member")


def me(call: Call) -> Answer:
    """GET /user."""
    who = person(call)
    with call.hub.store.read() as db:
        own = every(db, Repository, "SELECT * FROM repository WHERE owner_id = ?", who.id)
    public = sum(not one.private for one in own)
    if not call.viewer.has_scope("user"):
        return Answer(public_user(call.hub.config, who, public_repos=public))
    size = sum(one.size for one in own)
    private = len(own) - public
    return Answer(private_user(call.hub.config, who, public_repos=public, private_repos=private, disk_usage=size))


def emails(call: Call) -> Answer:
    """GET /user/emails: needs `user:email`, and is not there without it."""
    who = person(call)
    if not call.viewer.has_scope("user", "user:email"):
        raise not_found()
    address = who.email or f"{who.id}+{who.login}@users.noreply.localhost"
    visibility = "public" if who.email else "private"
    listed = [{"email": address, "primary": True, "verified": True, "visibility": visibility}]
    wanted, headers = page(call, listed)
    return Answer(wanted, headers=headers)


def organisations(call: Call) -> Answer:
    """GET /user/orgs: needs `read:org`, else it is refused."""
    who = person(call)
    if not call.viewer.has_scope("read:org", "user"):
        raise Refused(403, "You need at least read:org scope or user scope to list your organizations.")
    query = "SELECT a.* FROM account a JOIN membership m ON a.id = m.organisation_id WHERE m.account_id = ? ORDER BY id"
    with call.hub.store.read() as db:
        wanted, headers = page(call, every(db, Account, query, who.id))
    return Answer([organization(call.hub.config, one) for one in wanted], headers=headers)


def repositories(call: Call) -> Answer:
    """GET /user/repos: what the person owns, was let into, or reaches through an organisation."""
    who, given = person(call), call.request.query_params
    if "type" in given and ("visibility" in given or "affiliation" in given):
        message = "If you specify visibility or affiliation, you cannot specify type."
        raise Refused(422, message)
    sort = choice(call, "sort", tuple(_SORTS), "full_name")
    direction = choice(call, "direction", ("asc", "desc"), "asc" if sort == "full_name" else "desc")
    with call.hub.store.read() as db:
        found = [place for place in access.places(db, call.viewer) if _is_wanted(db, call, who, place)]
        found.sort(key=_SORTS[sort], reverse=direction == "desc")
        wanted, headers = page(call, found)
        return Answer([repository(call.hub.config, db, place) for place in wanted], headers=headers)


def _is_wanted(db: sqlite3.Connection, call: Call, who: Account, place: Place) -> bool:
    affiliation = _affiliation(db, who, place)
    kind = call.query("type", "all")
    by_type = {"owner": {"owner"}, "member": {"collaborator", "organization_member"}}
    asked = set(call.query("affiliation", ",".join(_AFFILIATIONS)).replace(" ", "").split(","))
    if not asked <= set(_AFFILIATIONS):
        raise invalid("Repository", field="affiliation")
    visibility = call.query("visibility", kind if kind in ("public", "private") else "all")
    shown = "private" if place.repository.private else "public"
    return affiliation in by_type.get(kind, asked) and visibility in ("all", shown)


def _affiliation(db: sqlite3.Connection, who: Account, place: Place) -> str | None:
    if place.owner.id == who.id:
        return "owner"
    if access.granted(db, who.id, place.repository) == "none":
        return None
    is_member = place.owner.type == "Organization" and access.is_member(db, place.owner, who.id)
    return "organization_member" if is_member else "collaborator"
