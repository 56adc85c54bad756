"""What every REST route shares: who calls, the hourly limit, conditional requests, pages of a list, refusals as JSON.

GitHub's documentation: "Getting started with the REST API", "Using pagination", "Best practices".
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.responses import Response

from backend.localhub import visitors
from backend.localhub.access import Viewer
from backend.localhub.refusals import Moved, Refused
from backend.localhub.store import Account
from backend.localhub.web import Call, Handler

VERSIONS = ("2022-11-28",)
DEFAULT_PAGE, LARGEST_PAGE = 30, 100
Item = TypeVar("Item")


@dataclass(frozen=True)
class Answer:
    """What a route has to say; `data` None is an empty body."""

    data: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Route = Callable[[Call], Answer]


def rest(route: Route, identify: Callable[[sqlite3.Connection, Call], Viewer] | None = None) -> Handler:
    """The route behind the door; `identify` tells who calls where that is no token of somebody's."""

    def handler(call: Call) -> Response:
        account_id: int | None = None
        scopes: frozenset[str] | None = None
        try:
            call.require_possible_path()
            viewer = _identify(call, identify or _by_token)
            account_id, scopes = viewer.counted, viewer.scopes
            _check_limit(call, account_id)
            answer = route(replace(call, viewer=viewer))
        except Moved as moved:
            answer = Answer(moved.body, moved.status, {"Location": _elsewhere(call, moved)})
        except Refused as refusal:
            answer = Answer(refusal.body, refusal.status)
        return _response(call, answer, account_id, scopes)

    return handler


def person(call: Call) -> Account:
    """Who calls. Raises Refused: 401 for nobody, 403 for the app itself, which may only look."""
    if call.viewer.installation:
        raise Refused(403, "Resource not accessible by integration")
    if call.viewer.account is None:
        raise Refused(401, "Requires authentication")
    return call.viewer.account


def page(call: Call, items: Sequence[Item]) -> tuple[list[Item], dict[str, str]]:
    """The wanted page of a list, and the Link header that leads to the others."""
    per_page = min(_number(call.query("per_page"), DEFAULT_PAGE), LARGEST_PAGE)
    current = _number(call.query("page"), 1)
    last = max(1, -(-len(items) // per_page))
    wanted = list(items[(current - 1) * per_page : current * per_page])
    links = []
    if current > 1:
        links += [("first", 1), ("prev", min(current - 1, last))]
    if current < last:
        links += [("next", current + 1), ("last", last)]
    header = ", ".join(f'<{_address(call, number)}>; rel="{name}"' for name, number in links)
    return wanted, {"Link": header} if header else {}


def choice(call: Call, name: str, allowed: Sequence[str], default: str) -> str:
    """A parameter with a few known words; GitHub takes the default for unknown ones."""
    value = call.query(name, default)
    return value if value in allowed else default


def _by_token(db: sqlite3.Connection, call: Call) -> Viewer:
    return visitors.api_viewer(db, call.request)


def _identify(call: Call, identify: Callable[[sqlite3.Connection, Call], Viewer]) -> Viewer:
    headers = call.request.headers
    if not headers.get("user-agent"):
        raise Refused(403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent.")
    version = headers.get("x-github-api-version", VERSIONS[0])
    if version not in VERSIONS:
        raise Refused(400, f"The API version `{version}` is not supported.")
    with call.hub.store.read() as db:
        return identify(db, call)


def _check_limit(call: Call, account_id: int | None) -> None:
    rate = call.hub.rates.take(account_id)
    if rate.used > rate.limit:
        whose = f"user ID {account_id}" if account_id else "127.0.0.1"
        raise Refused(403, f"API rate limit exceeded for {whose}.")


def _response(call: Call, answer: Answer, account_id: int | None, scopes: frozenset[str] | None) -> Response:
    headers = {"X-GitHub-Request-Id": hashlib.sha256(str(id(call)).encode()).hexdigest()[:16].upper()}
    headers |= {"X-GitHub-Api-Version-Selected": VERSIONS[0], "X-GitHub-Media-Type": "github.v3; format=json"}
    headers |= {"Vary": "Accept, Authorization", **answer.headers}
    if scopes is not None:
        headers["X-OAuth-Scopes"] = ", ".join(sorted(scopes))
    body = b"" if answer.data is None else json.dumps(answer.data, ensure_ascii=False).encode()
    rate = call.hub.rates.look(account_id)
    if call.request.method == "GET" and answer.status == 200:
        etag = f'W/"{hashlib.sha256(body).hexdigest()}"'
        headers |= {"ETag": etag, "Cache-Control": "private, max-age=60, s-maxage=60"}
        if _matches(call.request.headers.get("if-none-match", ""), etag):
            if account_id:
                rate = call.hub.rates.give_back(account_id)
            return Response(status_code=304, headers=headers | rate.headers)
    kind = "application/json; charset=utf-8" if body else None
    return Response(body, answer.status, headers | rate.headers, media_type=kind)


def _matches(wanted: str, etag: str) -> bool:
    """RFC 9110: If-None-Match compares weakly."""
    strong = etag.removeprefix("W/")
    return any(one.strip().removeprefix("W/") in (strong, "*") for one in wanted.split(","))


def _elsewhere(call: Call, moved: Moved) -> str:
    path = call.request.url.path.replace(f"/repos/{moved.before}", f"/repos/{moved.full_name}", 1)
    query = f"?{call.request.url.query}" if call.request.url.query else ""
    return f"{call.hub.config.base_url}{path}{query}"


def _number(text: str, default: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 8 and int(text) > 0 else default


def _address(call: Call, number: int) -> str:
    query = {**dict(call.request.query_params), "page": number}
    return f"{call.hub.config.base_url}{call.request.url.path}?{urlencode(query)}"
