"""Every route for everyone: what each person's request gets, cell by cell, on Alice's own things.

Who is asked goes from left to right, so that Alice, who may, comes last; the sync and the sign-out, which change what
there is, come after all else. Strangers get 404, as for what is not there.

- `/health/ready`: no pages are built here, so that it says so to everyone.
- `/metrics` is for admins, by a token of any scope; Alice is the demo's.
- nobody: neither cookie nor token; expired, revoked: Alice's tokens that were; disabled: somebody with both.
- reader: Alice's token that may only read, without a cookie.
- carol: shares nothing; admin: an admin's token, and no repository; both ask for the task that is shared.
- bob-: Alice's private task, and a repository of hers that he cannot reach.
- bob: the task that is shared with whoever reaches its repository, which he does.
- alice: her private task, and her own repository.
"""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlmodel import select

from backend import db
from backend.api.app import app
from backend.github.types import Profile, Token
from backend.models import Announcement, CreditRequest, Machine, PullRequest, TaskRun, User, WebhookDelivery
from backend.services import api_tokens, attachments, auth, deliveries, recorder, tasks
from backend.services.api_tokens import Scope
from backend.settings import get_settings
from backend.words import Priority, TaskType, Visibility
from tests.backend.api.conftest import token
from tests.conftest import People
from tests.pictures import png
from tests.rows import pull_request

CELLS = """
                                                  nobody expired revoked disabled reader carol admin bob- bob alice
GET    /api/auth/user                             401    401     401     401      200    200   200   200  200 200
PUT    /api/auth/user                             401    401     401     401      403    200   200   200  200 200
POST   /api/auth/github/connect                   401    401     401     401      403    200   200   200  200 200
GET    /api/repositories                          401    401     401     401      200    200   200   200  200 200
GET    /api/repositories/{repository_id}/branches 401    401     401     401      200    404   404   404  200 200
GET    /api/repositories/{repository_id}/settings 401    401     401     401      200    404   404   404  200 200
PUT    /api/repositories/{repository_id}/settings 401    401     401     401      403    404   404   404  403 200
GET    /api/repositories/{repository_id}/setup    401    401     401     401      200    404   404   404  200 200
PUT    /api/repositories/{repository_id}/setup    401    401     401     401      403    404   404   404  200 200
PUT    /api/repositories/{repository_id}/setup/secrets/{name} 401 401  401  401   403    404   404   404  204 204
DELETE /api/repositories/{repository_id}/setup/secrets/{name} 401 401  401  401   403    404   404   404  204 204
POST   /api/tasks                                 401    401     401     401      403    404   404   404  201 201
GET    /api/tasks                                 401    401     401     401      200    200   200   200  200 200
GET    /api/tasks/{task_id}                       401    401     401     401      200    404   404   404  200 200
GET    /api/tasks/{task_id}/events                401    401     401     401      200    404   404   404  200 200
GET    /api/tasks/{task_id}/results               401    401     401     401      200    404   404   404  200 200
GET    /api/tasks/{task_id}/diff                  401    401     401     401      200    404   404   404  200 200
GET    /api/tasks/{task_id}/patch                 401    401     401     401      200    404   404   404  200 200
GET    /api/tasks/{task_id}/export.html           401    401     401     401      200    404   404   404  200 200
GET    /api/tasks/{task_id}/export.jsonl          401    401     401     401      200    404   404   404  200 200
POST   /api/tasks/{task_id}/follow-ups            401    401     401     401      403    404   404   404  403 201
DELETE /api/tasks/{task_id}/follow-ups/{message_id} 401  401     401     401      403    404   404   404  403 204
PUT    /api/tasks/{task_id}/cancel                401    401     401     401      403    404   404   404  403 200
PUT    /api/tasks/{task_id}/continue              401    401     401     401      403    404   404   404  403 409
PUT    /api/tasks/{task_id}/plan                  401    401     401     401      403    404   404   404  403 409
PUT    /api/tasks/{task_id}                       401    401     401     401      403    404   404   404  403 200
PUT    /api/tasks/{task_id}/archive               401    401     401     401      403    404   404   404  403 200
DELETE /api/tasks/{task_id}/archive               401    401     401     401      403    404   404   404  403 200
POST   /api/tasks/{task_id}/retry                 401    401     401     401      403    404   404   404  403 201
DELETE /api/tasks/{task_id}                       401    401     401     401      403    404   404   404  403 204
PUT    /api/tasks/{task_id}/pull-request/{deed}   401    401     401     401      403    404   404   404  200 200
GET    /api/events                                401    401     401     401      200    200   200   200  200 200
POST   /api/attachments                           401    401     401     401      403    201   201   201  201 201
GET    /api/attachments/{attachment_id}           401    401     401     401      200    404   404   404  404 200
DELETE /api/attachments/{attachment_id}           401    401     401     401      403    404   404   404  404 204
GET    /api/pull-requests                         401    401     401     401      200    200   200   200  200 200
GET    /api/models                                401    401     401     401      200    200   200   200  200 200
GET    /api/credits                               401    401     401     401      200    200   200   200  200 200
GET    /api/credits/ledger                        401    401     401     401      200    200   200   200  200 200
GET    /api/credits/estimate                      401    401     401     401      200    200   200   200  200 200
GET    /api/analytics                             401    401     401     401      200    200   200   200  200 200
GET    /api/analytics.csv                         401    401     401     401      200    200   200   200  200 200
GET    /api/tokens                                401    401     401     401      200    200   200   200  200 200
POST   /api/tokens                                401    401     401     401      403    201   201   201  201 201
DELETE /api/tokens/{token_id}                     401    401     401     401      403    404   404   404  404 204
GET    /api/admin/people                          401    401     401     401      403    403   200   403  403 403
POST   /api/admin/people/{username}/credits       401    401     401     401      403    403   201   403  403 403
GET    /api/credits/request                       401    401     401     401      200    404   404   404  404 200
PUT    /api/credits/request                       401    401     401     401      403    200   200   200  200 200
GET    /api/admin/credit-requests                 401    401     401     401      403    403   200   403  403 403
PUT    /api/admin/credit-requests/{request_id}/grant 401 401     401     401      403    403   204   403  403 403
PUT    /api/admin/credit-requests/{request_id}/decline 401 401   401     401      403    403   409   403  403 403
DELETE /api/credits/request                       401    401     401     401      403    204   204   204  204 204
GET    /api/admin/audit                           401    401     401     401      403    403   200   403  403 403
GET    /api/admin/audit/verification              401    401     401     401      403    403   200   403  403 403
GET    /api/admin/audit/export.jsonl              401    401     401     401      403    403   200   403  403 403
GET    /api/admin/audit/export.csv                401    401     401     401      403    403   200   403  403 403
GET    /api/admin/models                         401    401     401     401      403    403   200   403  403 403
POST   /api/admin/models                         401    401     401     401      403    403   201   403  403 403
PUT    /api/admin/models/prices                  401    401     401     401      403    403   200   403  403 403
PUT    /api/admin/models/found                   401    401     401     401      403    403   422   403  403 403
PUT    /api/admin/models/{model_id}              401    401     401     401      403    403   200   403  403 403
PUT    /api/admin/models/{model_id}/place        401    401     401     401      403    403   200   403  403 403
GET    /api/admin/providers                      401    401     401     401      403    403   200   403  403 403
PUT    /api/admin/providers/{provider}/test      401    401     401     401      403    403   422   403  403 403
GET    /api/admin/setup                           401    401     401     401      403    403   200   403  403 403
GET    /api/admin/caches                          401    401     401     401      403    403   200   403  403 403
PUT    /api/admin/caches/{machine_id}/measurement 401    401     401     401      403    403   204   403  403 403
DELETE /api/admin/caches/{machine_id}/unused      401    401     401     401      403    403   202   403  403 403
DELETE /api/admin/caches/{machine_id}/{kind}/{item} 401  401     401     401      403    403   202   403  403 403
GET    /api/admin/tasks                           401    401     401     401      403    403   200   403  403 403
PUT    /api/admin/tasks/{task_id}/cancel          401    401     401     401      403    403   204   403  403 403
POST   /api/admin/tasks/{task_id}/retry           401    401     401     401      403    403   201   403  403 403
GET    /api/admin/deliveries                      401    401     401     401      403    403   200   403  403 403
GET    /api/admin/deliveries/{delivery_id}        401    401     401     401      403    403   200   403  403 403
PUT    /api/admin/deliveries/{delivery_id}/replay 401    401     401     401      403    403   200   403  403 403
GET    /api/announcements                         401    401     401     401      200    200   200   200  200 200
GET    /api/admin/announcements                   401    401     401     401      403    403   200   403  403 403
POST   /api/admin/announcements                   401    401     401     401      403    403   201   403  403 403
PUT    /api/admin/announcements/{announcement_id} 401    401     401     401      403    403   200   403  403 403
PUT    /api/admin/announcements/{announcement_id}/end 401 401    401     401      403    403   204   403  403 403
DELETE /api/admin/announcements/{announcement_id} 401    401     401     401      403    403   204   403  403 403
POST   /api/webhooks/github                       401    401     401     401      401    401   401   401  401 401
GET    /api/openapi.json                          200    200     200     200      200    200   200   200  200 200
GET    /api/docs                                  200    200     200     200      200    200   200   200  200 200
GET    /files/tasks/{task_id}/patch               401    401     401     401      401    404   404   404  200 200
GET    /files/tasks/{task_id}/export.html         401    401     401     401      401    404   404   404  200 200
GET    /files/tasks/{task_id}/export.jsonl        401    401     401     401      401    404   404   404  200 200
GET    /files/tasks/{task_id}/log                 401    401     401     401      401    404   404   404  200 200
GET    /files/credits.csv                         401    401     401     401      401    200   200   200  200 200
GET    /files/analytics.csv                       401    401     401     401      401    200   200   200  200 200
GET    /files/audit.{format}                      401    401     401     401      401    403   200   403  403 200
POST   /files/attachments                         401    401     401     401      401    201   201   201  201 201
GET    /files/attachments/{attachment_id}         401    401     401     401      401    404   404   404  404 200
DELETE /files/attachments/{attachment_id}         401    401     401     401      401    404   404   404  404 204
POST   /api/repositories/sync                     401    401     401     401      403    202   202   202  202 202
GET    /api/repositories/sync                     401    401     401     401      200    200   200   200  200 200
GET    /health                                    200    200     200     200      200    200   200   200  200 200
GET    /health/live                               200    200     200     200      200    200   200   200  200 200
GET    /health/ready                              503    503     503     503      503    503   503   503  503 503
GET    /metrics                                   401    401     401     401      200    403   200   403  403 200
GET    /auth/sign-in                              303    303     303     303      303    303   303   303  303 303
GET    /auth/callback                             422    422     422     422      422    422   422   422  422 422
POST   /auth/device/code                          200    200     200     200      200    200   200   200  200 200
POST   /auth/device/token                         400    400     400     400      400    400   400   400  400 400
POST   /auth/sign-out                             303    303     303     303      303    303   303   303  303 303
"""
_HEAD, *_ROWS = CELLS.strip("\n").splitlines()
ROLES = _HEAD.split()
EXPECTED = {tuple(row.split()[:2]): dict(zip(ROLES, map(int, row.split()[2:]), strict=True)) for row in _ROWS}
QUERIES = {"/api/credits/estimate": "?type=debug&model_id={model}"}


def bodies(people: People) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        ("PUT", "/api/auth/user"): {"preferences": {"priority": "low"}},
        ("PUT", "/api/repositories/{repository_id}/settings"): {"test_command": "pytest"},
        ("POST", "/api/tasks"): {"repository_id": "{repository_id}", "prompt": "Fix it", "model_id": str(people.model)},
        ("POST", "/api/tasks/{task_id}/follow-ups"): {"text": "More"},
        ("PUT", "/api/repositories/{repository_id}/setup"): {"script": "true"},
        ("PUT", "/api/repositories/{repository_id}/setup/secrets/{name}"): {"value": "long enough"},
        ("PUT", "/api/tasks/{task_id}/plan"): {"decision": "approve"},
        ("PUT", "/api/tasks/{task_id}"): {"title": "Named"},
        ("POST", "/api/tasks/{task_id}/retry"): {},
        ("POST", "/api/tokens"): {"name": "more", "scope": "read"},
        ("POST", "/api/admin/announcements"): {"words": "We update at noon."},
        ("PUT", "/api/admin/announcements/{announcement_id}"): {"words": "We update at one."},
        ("POST", "/api/admin/people/{username}/credits"): {"credits": 1, "reason": "why not"},
        ("PUT", "/api/credits/request"): {"words": "For the release"},
        ("PUT", "/api/admin/credit-requests/{request_id}/grant"): {"credits": 1, "reason": "why not"},
        ("PUT", "/api/admin/credit-requests/{request_id}/decline"): {"reason": "why"},
        ("POST", "/api/admin/models"): {"provider": "openai", "name": "another"},
        ("PUT", "/api/admin/models/{model_id}"): {"margin": 100},
        ("PUT", "/api/admin/models/{model_id}/place"): {"by": 1},
    }


@pytest.fixture
def callers(connected: People) -> Iterator[dict[str, TestClient]]:
    """One client a role."""
    people, cookies = connected, dict(connected.cookies)
    with db.transaction() as session:
        for number, login in ((8, "dana"), (9, "erin")):
            profile = Profile(number, login, login.title(), None, None)
            user, cookies[login] = auth.sign_in(session, profile, Token(f"gho_{login}", None, None, ()), "test")
            user.role = "admin" if login == "dana" else "member"
        found = {user.username: user for user in session.exec(select(User))}
    tokens = {login: token(found[login], Scope.ADMIN if login == "dana" else Scope.WRITE) for login in found}
    reader, over, gone = (token(people.alice, Scope.READ), token(people.alice), token(people.alice))
    with db.transaction() as session:
        session.execute(text("UPDATE users SET disabled_at = now() WHERE username = 'erin'"))
        api_tokens.bearer(session, over), api_tokens.bearer(session, gone)
        for row, fact in ((over, "expires_at"), (gone, "revoked_at")):
            session.execute(text(f"UPDATE api_tokens SET {fact} = now() WHERE id = :id"), {"id": _id(session, row)})
    persons = {"disabled": "erin", "carol": "carol", "admin": "dana", "bob-": "bob", "bob": "bob", "alice": "alice"}
    given = {
        "nobody": {},
        "expired": _bearing(over),
        "revoked": _bearing(gone),
        "reader": _bearing(reader),
        **{role: _bearing(tokens[login], cookies[login]) for role, login in persons.items()},
    }
    clients = {role: _client(given[role], f"192.0.2.{number}") for number, role in enumerate(ROLES)}
    yield clients
    for client in clients.values():
        client.close()


@pytest.fixture
def things(connected: People) -> dict[str, dict[str, str]]:
    """What of Alice's each role asks for, by the names in the paths."""
    shared, private = (_task(connected, one) for one in (Visibility.REPOSITORY, Visibility.PRIVATE))
    with db.transaction() as session:
        image, other = (attachments.store(session, connected.alice, "a.png", png()) for _ in range(2))
        kept = api_tokens.create(session, connected.alice, "hers", Scope.READ, 30)[0]
        asked = CreditRequest(user_id=connected.alice.id)
        session.add(asked)
        machine = Machine(host="one", data_dir="/data")
        session.add(machine)
    known = {"attachment_id": str(image.id), "other_image": str(other.id), "deed": "close", "name": "TOKEN_X"}
    known |= {"format": "csv", **_of_admins()}
    known |= {"model_id": str(connected.model), "provider": "anthropic"}
    known |= {"machine_id": str(machine.id), "kind": "mirrors", "item": "11"}
    usual = {**known, "token_id": str(kept.id), "username": "bob", "request_id": str(asked.id)}
    hers = {**usual, **private, "repository_id": str(connected.sample)}
    theirs = {**usual, **shared, "repository_id": str(connected.shop)}
    return {role: theirs if role in ("bob", "carol", "admin") else hers for role in ROLES}


def test_everyone_gets_what_their_cell_says(
    connected: People, callers: dict[str, TestClient], things: dict[str, dict[str, str]]
) -> None:
    wrong = []
    for (method, path), cells in EXPECTED.items():
        for role, status in cells.items():
            got = _ask(connected, callers[role], method, path, things[role])
            if got != status:
                wrong.append(f"{method} {path} as {role}: {got}, not {status}")
    assert not wrong, "\n".join(wrong)


def test_no_route_is_without_cells_and_no_cells_without_a_route() -> None:
    there = {(method, context.path) for context in iter_route_contexts(app.routes) for method in context.methods or ()}
    assert there - {("HEAD", path) for _, path in there} == set(EXPECTED)


def _client(headers: dict[str, str], address: str) -> TestClient:
    """Each from an address of its own: refusals are counted by it."""
    origin = get_settings().origin
    return TestClient(app, base_url=origin, follow_redirects=False, headers=headers, client=(address, 1))


def _ask(people: People, client: TestClient, method: str, path: str, named: dict[str, str]) -> int:
    body = bodies(people).get((method, path))
    headers = {"Origin": get_settings().origin}
    if (method, path) == ("DELETE", "/api/tasks/{task_id}"):
        named = {**named, "task_id": named["ended_task"]}
    if (method, path) == ("POST", "/api/admin/tasks/{task_id}/retry"):
        named = {**named, "task_id": named["stopped_task"]}
    if path == "/files/attachments/{attachment_id}":
        named = {**named, "attachment_id": named["other_image"]}
    url = path.format(**named) + QUERIES.get(path, "").format(model=people.model)
    if path in ("/files/attachments", "/api/attachments"):
        headers["Content-Type"] = "image/png"
        return client.request(method, url, content=png(), headers=headers).status_code
    filled = {name: _filled(value, named) for name, value in body.items()} if body else body
    return client.request(method, url, json=filled, headers=headers).status_code


def _filled(value: Any, named: dict[str, str]) -> Any:
    return value.format(**named) if isinstance(value, str) and re.fullmatch(r"\{\w+\}", value) else value


def _bearing(token: str, cookie: str = "") -> dict[str, str]:
    cookies = {"Cookie": f"{get_settings().session_cookie}={cookie}"} if cookie else {}
    return {"Authorization": f"Bearer {token}", **cookies}


def _id(session: Any, text: str) -> UUID:
    return api_tokens.bearer(session, text).token_id


def _task(people: People, visibility: Visibility) -> dict[str, str]:
    """A task of Alice's in the team's repository, with a patch, a message that waits and a closed pull request; and one
    that ended.
    """
    usual = (people.shop, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Fix it")
    with db.transaction() as session:
        task = tasks.submit(session, people.alice, tasks.Draft(*usual, visibility=visibility))
        message = tasks.follow_up(session, people.alice, task.id, "And more")
        run = session.exec(select(TaskRun).where(TaskRun.task_id == task.id)).one()
        recorder.keep_patch(session, run, recorder.pack_patch(BytesIO(b"diff --git a/x b/x\n")))
        number = len(session.exec(select(PullRequest)).all()) + 1
        session.add(pull_request(task, number, status="closed"))
        ended = tasks.submit(session, people.alice, tasks.Draft(*usual, visibility=visibility))
        tasks.cancel(session, people.alice, ended.id)
        stopped = tasks.submit(session, people.alice, tasks.Draft(*usual, visibility=visibility))
        tasks.cancel(session, people.alice, stopped.id)
        ids: dict[str, Any] = {"task_id": task, "message_id": message, "ended_task": ended, "stopped_task": stopped}
        return {name: str(one.id) for name, one in ids.items()}


def _of_admins() -> dict[str, str]:
    """A delivery that waits and an announcement."""
    with db.transaction() as session:
        deliveries.store(session, "a-delivery", "ping", {"zen": "Keep it logically awesome."})
        row = WebhookDelivery.delivery_id == "a-delivery"
        said = Announcement(words="We update at noon.")
        session.add(said)
        session.flush()
        return {
            "delivery_id": str(session.exec(select(WebhookDelivery.id).where(row)).one()),
            "announcement_id": str(said.id),
        }
