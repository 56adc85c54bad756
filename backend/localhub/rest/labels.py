"""Labels on issues and pull requests."""

from typing import Any

from backend.localhub import issues, labels
from backend.localhub.refusals import Refused
from backend.localhub.rest.door import Answer, page, person
from backend.localhub.rest.repositories import place
from backend.localhub.shapes import label as shapes
from backend.localhub.web import Call


def index(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/issues/{number}/labels."""
    with call.hub.store.read() as db:
        row = issues.find_any(db, place(call, db), call.path["number"])
        wanted, headers = page(call, shapes.labels_of(db, row))
        return Answer([shapes.label(call.hub.config, db, one) for one in wanted], headers=headers)


def add(call: Call) -> Answer:
    """POST /repos/{owner}/{repo}/issues/{number}/labels: those that there are not yet are made."""
    names = _names(call.json())
    with call.hub.store.write() as db:
        where, who = place(call, db, "write"), person(call)
        labels.put_on(call.hub, db, where, who, call.path["number"], names)
    call.hub.courier.ring()
    return index(call)


def remove(call: Call) -> Answer:
    """DELETE /repos/{owner}/{repo}/issues/{number}/labels/{name}."""
    with call.hub.store.write() as db:
        where, who = place(call, db, "write"), person(call)
        labels.take_off(call.hub, db, where, who, call.path["number"], call.path["label"])
    call.hub.courier.ring()
    return index(call)


def _names(wish: dict[str, Any]) -> list[str]:
    given = wish.get("labels", [])
    told = [one.get("name") if isinstance(one, dict) else one for one in given] if isinstance(given, list) else [None]
    names = [one for one in told if isinstance(one, str)]
    if len(names) < len(told):
        raise Refused(422, "Invalid request.\n\nFor 'properties/labels', it is not an array of names.")
    return names
