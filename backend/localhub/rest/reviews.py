"""Reviews of a pull request: listed, submitted, their comments."""

from typing import Any

from backend.localhub import pulls, reviews
from backend.localhub.refusals import Refused
from backend.localhub.rest.door import Answer, page, person
from backend.localhub.rest.repositories import place
from backend.localhub.reviews import Remark
from backend.localhub.shapes import review as shapes
from backend.localhub.web import Call


def index(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/pulls/{number}/reviews."""
    with call.hub.store.read() as db:
        where = place(call, db)
        pull = pulls.find(db, where, call.path["number"])
        wanted, headers = page(call, reviews.listed(db, pull))
        return Answer([shapes.review(call.hub.config, db, where, pull, one) for one in wanted], headers=headers)


def create(call: Call) -> Answer:
    """POST /repos/{owner}/{repo}/pulls/{number}/reviews: by whoever may read it; `event` must be given here."""
    wish = call.json()
    with call.hub.store.write() as db:
        where, who = place(call, db), person(call)
        pull = pulls.find(db, where, call.path["number"])
        event = wish.get("event")
        if event not in reviews.STATES:
            raise Refused(422, f"Invalid request.\n\nFor 'properties/event', {event!r} is not one of the events.")
        listed = wish.get("comments", [])
        if not isinstance(listed, list):
            raise Refused(422, "Invalid request.\n\nFor 'properties/comments', it is not an array.")
        remarks = [_remark(one) for one in listed]
        body, sha = _text(wish, "body"), _text(wish, "commit_id")
        made = reviews.submit(call.hub, db, where, who, pull, event, body, sha, remarks)
        answer = shapes.review(call.hub.config, db, where, pull, made)
    call.hub.courier.ring()
    return Answer(answer)


def comments(call: Call) -> Answer:
    """GET /repos/{owner}/{repo}/pulls/{number}/comments: what reviews say of lines, the oldest first."""
    with call.hub.store.read() as db:
        where = place(call, db)
        pull = pulls.find(db, where, call.path["number"])
        known = {one.id: one for one in reviews.listed(db, pull)}
        wanted, headers = page(call, reviews.comments(db, pull))
        config = call.hub.config
        shown = [shapes.comment(config, db, where, pull, known[one.review_id], one) for one in wanted]
        return Answer(shown, headers=headers)


def _remark(given: Any) -> Remark:
    match given:
        case {"path": str() as path, "body": str() as body, "line": int() as line} if body:
            side = given.get("side", "RIGHT")
        case _:
            raise Refused(422, "Invalid request.\n\nA comment needs path, line and body.")
    if side not in ("RIGHT", "LEFT"):
        raise Refused(422, f"Invalid request.\n\nFor 'properties/side', {side!r} is not a side.")
    return Remark(_possible(path), line, side, _possible(body))


def _text(wish: dict[str, Any], name: str) -> str:
    value = wish.get(name)
    if value is not None and not isinstance(value, str):
        raise Refused(422, f"Invalid request.\n\nFor 'properties/{name}', {value!r} is not a string.")
    return _possible(value or "")


def _possible(value: str) -> str:
    """Raises Refused (422) for halves of a character, which JSON can name and UTF-8 cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Refused(422, "Invalid request.\n\nThat is no text.") from None
    return value
