"""Our HTTP: sign-in's refusals, webhooks, downloads, health."""

import csv
import hashlib
import hmac
import io
import json
from collections.abc import Iterator
from io import BytesIO
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlmodel import Session

from backend import db
from backend.api.app import app
from backend.api.routes.auth import PENDING, START, safe_next
from backend.models import CreditTransaction, TaskRun
from backend.services import ledger, recorder, tasks
from backend.settings import get_settings
from backend.words import Priority, TaskType, Visibility
from tests.conftest import People
from tests.cookies import OTHERS

ORIGIN = "http://127.0.0.1:3000"


@pytest.fixture
def client(database: str) -> Iterator[TestClient]:
    with TestClient(app, base_url=ORIGIN, follow_redirects=False) as client:
        yield client


def count(table: str) -> int:
    with db.transaction() as session:
        return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def signed(body: bytes, secret: str | None = None) -> str:
    key = secret if secret is not None else get_settings().webhook_secret
    return "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def post_webhook(client: TestClient, body: bytes, **headers: str) -> int:
    usual = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "ping",
        "X-GitHub-Delivery": str(uuid4()),
        "X-Hub-Signature-256": signed(body),
    }
    return client.post("/api/webhooks/github", content=body, headers={**usual, **headers}).status_code


def test_sign_in_goes_to_the_hub_with_state_and_an_s256_challenge_bound_by_a_sealed_cookie(client: TestClient) -> None:
    answer = client.get("/auth/sign-in?next=/tasks/1")
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert answer.status_code == 303
    assert query["code_challenge_method"] == ["S256"] and query["redirect_uri"] == [f"{ORIGIN}/auth/callback"]
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie
    assert query["state"][0] not in cookie


@pytest.mark.parametrize(
    "query",
    [
        "code=x&state=y",
        "code=x",
        "state=y",
        "",
        "error=access_denied",
        "code=x&state=%00",
        "code=" + "x" * 5000 + "&state=y",
    ],
)
def test_a_callback_without_this_browsers_state_is_refused_without_a_session(client: TestClient, query: str) -> None:
    for prepared in (False, True):
        if prepared:
            client.get("/auth/sign-in")
        answer = client.get(f"/auth/callback?{query}")
        assert answer.status_code == 422
        assert get_settings().session_cookie not in answer.cookies
    assert count("sessions") == 0


def test_a_tampered_sign_in_cookie_is_refused(client: TestClient) -> None:
    state = parse_qs(urlsplit(client.get("/auth/sign-in").headers["location"]).query)["state"][0]
    sealed = client.cookies[PENDING]
    client.cookies.delete(PENDING, domain="127.0.0.1", path="/auth")
    answer = client.get(f"/auth/callback?code=x&state={state}", headers={"Cookie": f"{PENDING}={sealed[:-4]}AAAA"})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/a\nb",
        "",
        "/auth/sign-in",
        "//[",
        "//[::1",
        "/" + "a" * 2000,
    ],
)
def test_after_sign_in_nobody_is_sent_elsewhere(wanted: str) -> None:
    assert safe_next(wanted) == START


def test_a_path_of_ours_is_kept_through_the_sign_in() -> None:
    assert safe_next("/tasks/1?tab=diff#x") == "/tasks/1?tab=diff#x"


def test_sign_out_wants_the_exact_origin_and_ends_the_session(people: People, client: TestClient) -> None:
    name = get_settings().session_cookie
    client.cookies.set(name, people.cookies["alice"])
    for origin in ("http://evil.example", "http://127.0.0.1:3001", "null"):
        assert client.post("/auth/sign-out", headers={"Origin": origin}).status_code == 403
    assert client.post("/auth/sign-out", headers={"Origin": ORIGIN}).status_code == 303
    client.cookies.set(name, people.cookies["alice"])
    assert client.get(f"/files/tasks/{uuid4()}/patch").status_code == 401


def test_a_signed_delivery_is_stored_once_and_a_forged_one_not_at_all(client: TestClient) -> None:
    body = json.dumps({"zen": "Keep it logically awesome."}).encode()
    delivery = str(uuid4())
    assert [post_webhook(client, body, **{"X-GitHub-Delivery": delivery}) for _ in range(2)] == [202, 202]
    assert count("webhook_deliveries") == 1
    right = signed(body)
    for forged in ("", "sha256=", right[:-1], right.upper(), signed(body, "other"), "sha1=abc", right + "0"):
        assert post_webhook(client, body, **{"X-Hub-Signature-256": forged}) == 401
    assert post_webhook(client, body + b" ", **{"X-Hub-Signature-256": right}) == 401
    assert count("webhook_deliveries") == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b"\xff\xfe",
        b'{"a": "\\u0000"}',
        b'{"action": "\\u0000"}',
        b'{"action": "\\ud800"}',
        b'{"a": NaN}',
        b'{"a": [Infinity, -Infinity]}',
        b'{"a": 1e999}',
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b'{"a":' * 900 + b"1" + b"}" * 900,
    ],
)
def test_a_signed_delivery_of_any_body_never_breaks_us(client: TestClient, body: bytes) -> None:
    assert post_webhook(client, body) in (202, 422)


def test_a_delivery_past_25_megabytes_is_refused_without_being_read(client: TestClient) -> None:
    assert post_webhook(client, b"{}", **{"Content-Length": str(26 * 1024 * 1024)}) == 413
    assert count("webhook_deliveries") == 0


def test_a_patch_is_for_whoever_may_see_the_task(people: People, client: TestClient) -> None:
    draft = tasks.Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Fix it")
    with db.transaction() as session:
        task = tasks.submit(session, people.alice, draft)
        _keep_patch(session, task.id)
    url = f"/files/tasks/{task.id}/patch"
    answers = {}
    for login in ("alice", "bob", "carol"):
        answers[login] = client.get(url, headers={"Cookie": f"{get_settings().session_cookie}={people.cookies[login]}"})
    assert answers["alice"].content == b"diff --git a/x b/x\n"
    assert answers["alice"].headers["content-disposition"].startswith("attachment")
    assert [answers[login].status_code for login in ("bob", "carol")] == [404, 404]
    assert client.get(url).status_code == 401


def test_the_patch_of_a_shared_task_is_for_the_team_and_of_a_deleted_one_for_nobody(
    people: People, client: TestClient
) -> None:
    draft = tasks.Draft(people.shop, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Fix it")
    with db.transaction() as session:
        task = tasks.submit(session, people.alice, draft)
        _keep_patch(session, task.id)
        tasks.set_visibility(session, people.alice, task.id, Visibility.REPOSITORY)

    def answers() -> list[int]:
        cookies = [f"{get_settings().session_cookie}={people.cookies[login]}" for login in ("alice", "bob", "carol")]
        return [client.get(f"/files/tasks/{task.id}/patch", headers={"Cookie": one}).status_code for one in cookies]

    assert answers() == [200, 200, 404]
    with db.transaction() as session:
        tasks.cancel(session, people.alice, task.id)
        tasks.delete(session, people.alice, task.id)
    assert answers() == [404, 404, 404]


def test_a_log_opens_with_its_newest_entries_for_whoever_may_see_the_task(people: People, client: TestClient) -> None:
    draft = tasks.Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Fix it")
    with db.transaction() as session:
        task_id = tasks.submit(session, people.alice, draft).id
    url = f"/files/tasks/{task_id}/log"
    answers = {
        login: client.get(url, headers={"Cookie": f"{get_settings().session_cookie}={people.cookies[login]}"})
        for login in ("alice", "bob", "carol")
    }
    opening = answers["alice"].json()
    assert [entry["seq"] for entry in opening["events"]] == [1, 2] and opening["has_older"] is False
    assert answers["alice"].headers["cache-control"] == "no-store"
    assert [answers[login].status_code for login in ("bob", "carol")] == [404, 404]
    assert client.get(url).status_code == 401


def test_the_ledger_is_downloaded_with_its_filters_and_is_ones_own(people: People, client: TestClient) -> None:
    title = '=HYPERLINK("http://evil.example","Mend, please")'
    draft = tasks.Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, title)
    with db.transaction() as session:
        task_id = tasks.submit(session, people.alice, draft).id
    client.cookies.set(get_settings().session_cookie, people.cookies["alice"])
    answer = client.get("/files/credits.csv")
    assert (
        answer.headers["content-type"].startswith("text/csv") and "attachment" in answer.headers["content-disposition"]
    )
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["type"], row["credits"], row["task_id"]) for row in rows] == [
        ("hold", "0", str(task_id)),
        ("bonus", "100", ""),
    ]
    assert rows[0]["task"].startswith("'=HYPERLINK"), "no spreadsheet takes it for a formula"
    narrowed = client.get(f"/files/credits.csv?type=holds&days=7&task={task_id}").text
    assert len(narrowed.splitlines()) == 2
    for wrong in ("type=bribes", "days=8", "task=1"):
        assert client.get(f"/files/credits.csv?{wrong}").status_code == 422
    client.cookies.set(get_settings().session_cookie, people.cookies["carol"])
    assert len(client.get(f"/files/credits.csv?task={task_id}").text.splitlines()) == 1, "the heads alone"
    client.cookies.clear()
    assert client.get("/files/credits.csv").status_code == 401


@pytest.mark.parametrize("words", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1"])
def test_no_cell_of_words_begins_as_a_formula(people: People, words: str) -> None:
    with db.transaction() as session:
        session.add(
            CreditTransaction(
                user_id=people.alice.id, type="credit", amount=1, held_delta=0, idempotency_key="k", description=words
            )
        )
    told = csv.DictReader(io.StringIO("".join(ledger.as_csv(people.alice, ledger.Wanted())), newline=""))
    assert next(iter(told))["description"] == f"'{words}"


@pytest.mark.parametrize("other", OTHERS)
def test_the_cookies_of_other_local_apps_lock_nobody_out(people: People, client: TestClient, other: bytes) -> None:
    own = f"{get_settings().session_cookie}={people.cookies['alice']}".encode()
    url = f"/files/tasks/{uuid4()}/patch"
    for cookies in (other + b"; " + own, own + b"; " + other):
        assert client.get(url, headers=[(b"cookie", cookies)]).status_code == 404


def _keep_patch(session: Session, task_id: object) -> None:
    run = session.get(TaskRun, session.execute(text("SELECT id FROM task_runs")).scalar_one())
    assert run is not None and run.task_id == task_id
    recorder.keep_patch(session, run, recorder.pack_patch(BytesIO(b"diff --git a/x b/x\n")))


def test_health_names_each_part(client: TestClient) -> None:
    answer = client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"database": "ok", "redis": "ok"})


def test_health_says_when_the_database_is_away(client: TestClient, environment: pytest.MonkeyPatch) -> None:
    db.dispose()
    environment.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    get_settings.cache_clear()
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["database"]) == (503, "away")


def test_an_unknown_path_is_a_problem_document(client: TestClient) -> None:
    answer = client.get("/api/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"
