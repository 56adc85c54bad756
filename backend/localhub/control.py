"""What tests and `asynccoder seed` may ask of the hub beyond what GitHub does: `/_control/…`, never from a page."""

import shutil

from starlette.responses import JSONResponse, Response

from backend.localhub import access, deliveries, keeping, oauth, past, playing, seed, visitors
from backend.localhub.faults import KINDS
from backend.localhub.refusals import Refused
from backend.localhub.store import Account, set_flag
from backend.localhub.web import Call, Handler

_EMPTIED = (
    "delivery",
    "hook",
    "session",
    "code",
    "refresh",
    "token",
    "installation_token",
    "check_run",
    "review_comment",
    "review",
    "pull",
    "comment",
    "labelled",
    "label",
    "issue",
    "access",
    "moved",
    "repository",
    "membership",
    "account",
    "flag",
)


def controlled(route: Handler) -> Handler:
    """Refuses browsers: they always say where a POST comes from."""

    def handler(call: Call) -> Response:
        if "origin" in call.request.headers or "sec-fetch-site" in call.request.headers:
            return JSONResponse({"message": "Not from a browser"}, 403)
        try:
            return route(call)
        except Refused as refusal:
            return JSONResponse(refusal.body, refusal.status)

    return handler


def webhooks(call: Call) -> Response:
    """POST /_control/webhooks {"enabled": bool}: while off, whatever happens is told to nobody, and never will be."""
    enabled = call.json().get("enabled")
    if not isinstance(enabled, bool):
        raise Refused(422, "enabled must be true or false")
    with call.hub.store.write() as db:
        set_flag(db, deliveries.SWITCH, "on" if enabled else "off")
    return JSONResponse({"enabled": enabled})


def reset(call: Call) -> Response:
    """POST /_control/reset: everything as on the first day, signed out and without demo repositories."""
    with call.hub.store.write() as db:
        for table in _EMPTIED:
            db.execute(f"DELETE FROM {table}")  # noqa: S608 names of our own
        shutil.rmtree(call.hub.config.data_dir / "repositories", ignore_errors=True)
    call.hub.rates.clear()
    call.hub.faults.clear()
    seed.seed(call.hub)
    return JSONResponse({"reset": True})


def token(call: Call) -> Response:
    """POST /_control/token {"login": …, "scopes": "repo,user:email"}: a token without the walk through a browser."""
    wish = call.json()
    with call.hub.store.write() as db:
        account = _person(access.account_of_login(db, str(wish.get("login", ""))))
        made = visitors.new_token(db, account, str(wish.get("scopes", "repo,read:org,user:email")))
    return JSONResponse({"token": made})


def expiry(call: Call) -> Response:
    """POST /_control/expiry {"seconds": 28800}: tokens from now on are a GitHub App's, which expire; 0 ends that."""
    seconds = call.json().get("seconds")
    if not isinstance(seconds, int) or seconds < 0:
        raise Refused(422, "seconds must be a whole number")
    with call.hub.store.write() as db:
        set_flag(db, oauth.EXPIRY, str(seconds))
    return JSONResponse({"seconds": seconds})


def revoke(call: Call) -> Response:
    """POST /_control/revoke {"login": …}: takes back every token of a person, as GitHub's "Revoke" does."""
    with call.hub.store.write() as db:
        account = _person(access.account_of_login(db, str(call.json().get("login", ""))))
        db.execute("DELETE FROM token WHERE account_id = ?", (account.id,))
    return JSONResponse({"revoked": account.login})


def rate(call: Call) -> Response:
    """POST /_control/rate {"login": …, "remaining": 0, "seconds": 60}: leaves a person only so many requests."""
    wish = call.json()
    with call.hub.store.read() as db:
        account = _person(access.account_of_login(db, str(wish.get("login", ""))))
    remaining, seconds = wish.get("remaining", 0), wish.get("seconds", 60)
    if not isinstance(remaining, int) or not isinstance(seconds, int):
        raise Refused(422, "remaining and seconds must be whole numbers")
    call.hub.rates.set_remaining(account.id, remaining, seconds)
    return JSONResponse({"remaining": remaining, "seconds": seconds})


def play(call: Call) -> Response:
    """POST /_control/play {"repository": …, "number": …, "what": …, …}: what others do to it, see playing.py."""
    given = call.json()
    owner, _, name = str(given.get("repository", "")).partition("/")
    with call.hub.store.read() as db:
        found = access.place(db, access.Viewer(_person(access.account_of_login(db, owner))), owner, name)
    if found is None or not isinstance(given.get("number"), int):
        raise Refused(422, "There is no such pull request here")
    playing.play(call.hub, found.repository.id, given["number"], playing.wish(given))
    return JSONResponse({"played": given.get("what")})


def keep(call: Call) -> Response:
    """POST /_control/repository {"repository": …, "what": "renamed", …}: what owners do to it, see keeping.py."""
    wish = call.json()
    now = keeping.keep(call.hub, str(wish.get("repository", "")), str(wish.get("what", "")), wish)
    return JSONResponse({"repository": now})


def many(call: Call) -> Response:
    """POST /_control/repositories {"login": …, "count": 1000}: so many more of a person's, empty, but listed."""
    wish = call.json()
    count = wish.get("count")
    if not isinstance(count, int) or not 0 < count <= 10_000:
        raise Refused(422, "count must be a whole number up to 10000")
    keeping.add_many(call.hub, str(wish.get("login", "")), count)
    return JSONResponse({"added": count})


def leave(call: Call) -> Response:
    """POST /_control/leave {"organisation": …, "login": …}: a person is no member of it any more."""
    wish = call.json()
    keeping.leave(call.hub, str(wish.get("organisation", "")), str(wish.get("login", "")))
    return JSONResponse({"left": wish["organisation"]})


def faults(call: Call) -> Response:
    """POST /_control/faults {"kind": "push_cut", "count": 1}: what goes wrong next, see faults.py; without a kind
    nothing more does. Answers with what is still ordered and what has struck."""
    kind, count = call.json().get("kind"), call.json().get("count", 1)
    if kind is not None and (kind not in KINDS or not isinstance(count, int) or not 0 < count <= 1_000):
        raise Refused(422, f"kind is one of {', '.join(KINDS)}, count a whole number up to 1000")
    if kind is not None:
        call.hub.faults.order(kind, count)
    return JSONResponse(call.hub.faults.told())


def past_pulls(call: Call) -> Response:
    """POST /_control/past {"pulls": [{"repository": …, "author": …, …}]}: pull requests of the past, see past.py."""
    try:
        wishes = [past.Past(**wish) for wish in call.json()["pulls"]]
    except (KeyError, TypeError):
        raise Refused(422, "pulls must be a list of pull requests of the past") from None
    made = []
    for wish in wishes:  # a transaction each: thousands take a while, and others want to write too
        with call.hub.store.write() as db:
            made.append(past.add(call.hub, db, wish))
    return JSONResponse({"pulls": made})


def _person(account: Account | None) -> Account:
    if account is None or account.type != "User":
        raise Refused(422, "There is no such person here")
    return account
