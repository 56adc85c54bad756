"""GitHub's door: every event that GitHub documents is taken when signed, nothing else leaves a trace, twice is once."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from backend import db
from backend.api.app import app
from backend.services import deliveries
from backend.settings import get_settings
from tests.backend.services.test_webhook_effects import shown
from tests.conftest import People

# docs.github.com/en/webhooks/webhook-events-and-payloads, all of its headings
DOCUMENTED = """
branch_protection_configuration branch_protection_rule check_run check_suite code_scanning_alert commit_comment create
custom_property custom_property_values delete dependabot_alert deploy_key deployment deployment_protection_rule
deployment_review deployment_status discussion discussion_comment fork github_app_authorization gollum installation
installation_repositories installation_target issue_comment issue_dependencies issues label marketplace_purchase member
membership merge_group meta milestone org_block organization package page_build personal_access_token_request ping
project project_card project_column projects_v2 projects_v2_item projects_v2_status_update public pull_request
pull_request_review pull_request_review_comment pull_request_review_thread push registry_package release repository
repository_advisory repository_dispatch repository_import repository_ruleset repository_vulnerability_alert
secret_scanning_alert secret_scanning_alert_location secret_scanning_scan security_advisory security_and_analysis
sponsorship star status sub_issues team team_add watch workflow_dispatch workflow_job workflow_run
"""
EVENTS = DOCUMENTED.split()
SHA, AT = "a" * 40, "2026-01-01T12:00:00Z"
REPOSITORY = {
    "id": 11,
    "name": "sample-shop",
    "full_name": "alice/sample-shop",
    "private": True,
    "owner": {"id": 1, "login": "alice"},
    "html_url": "https://github.com/alice/sample-shop",
    "clone_url": "https://github.com/alice/sample-shop.git",
    "default_branch": "main",
    "updated_at": AT,
}
ISSUE = {"id": 1, "number": 1, "title": "T", "body": None, "user": None, "state": "open", "html_url": "https://x"}
ISSUE |= {"labels": [], "updated_at": "2026-01-01T12:00:00Z"}
COMMENT = {"id": 1, "body": "hm", "user": {"id": 2, "login": "bob", "type": "User"}, "html_url": "https://x"}
COMMENT |= {"created_at": "2026-01-01T12:00:00Z", "updated_at": "2026-01-01T12:00:00Z"}
REVIEW = {"id": 1, "user": {"login": "bob"}, "state": "approved", "html_url": "https://x", "submitted_at": AT}
OWN: dict[str, dict[str, Any]] = {
    "check_run": {
        "check_run": {
            "id": 1,
            "name": "t",
            "head_sha": SHA,
            "status": "queued",
            "conclusion": None,
            "pull_requests": [],
        }
    },
    "check_suite": {"check_suite": {"id": 1, "head_sha": SHA, "head_branch": None, "status": "queued"}},
    "installation": {"installation": {"id": 1}, "repositories": [{"id": 99, "full_name": "a/b"}]},
    "installation_repositories": {"installation": {"id": 1}, "repositories_added": [], "repositories_removed": []},
    "issues": {"issue": ISSUE},
    "issue_comment": {"issue": ISSUE, "comment": COMMENT},
    "member": {"member": {"id": 2, "login": "bob"}},
    "organization": {
        "action": "member_removed",
        "organization": {"id": 3, "login": "acme"},
        "membership": {"state": "active", "role": "member", "user": {"id": 2, "login": "bob"}},
    },
    "ping": {"zen": "Keep it logically awesome.", "hook_id": 1, "hook": {"type": "Repository", "id": 1}},
    "pull_request": {"number": 1, "pull_request": shown()},
    "pull_request_review": {"review": REVIEW, "pull_request": shown()},
    "pull_request_review_comment": {"comment": {"id": 1, "body": "hm", "path": "a"}, "pull_request": shown()},
    "repository": {},
    "push": {"ref": "refs/heads/main", "before": SHA, "after": SHA, "deleted": False, "forced": True, "commits": []},
}


@pytest.fixture
def client(database: str) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://127.0.0.1:3000") as client:
        yield client


def post(client: TestClient, event: str, body: bytes, **headers: str) -> int:
    right = "sha256=" + hmac.new(get_settings().webhook_secret.encode(), body, hashlib.sha256).hexdigest()
    usual = {"Content-Type": "application/json", "X-GitHub-Event": event, "X-GitHub-Delivery": str(uuid4())}
    sent = usual | {"X-Hub-Signature-256": right} | {name.replace("_", "-"): headers[name] for name in headers}
    raw = {name.encode(): value.encode("latin-1") for name, value in sent.items() if value}
    return client.post("/api/webhooks/github", content=body, headers=raw).status_code


def payload(event: str) -> bytes:
    common = {"action": "created", "repository": REPOSITORY, "sender": {"id": 1, "login": "alice", "type": "User"}}
    return json.dumps(common | OWN.get(event, {event: {"id": 1}})).encode()


def stored() -> list[tuple[str, str | None]]:
    with db.transaction() as session:
        return [(row[0], row[1]) for row in session.execute(text("SELECT event, error FROM webhook_deliveries"))]


def test_every_documented_event_is_taken_signed_and_only_signed_and_applied(people: People, client: TestClient) -> None:
    for event in EVENTS:
        assert post(client, event, payload(event), X_Hub_Signature_256="sha256=" + "0" * 64) == 401, event
    assert stored() == []
    for event in EVENTS:
        assert post(client, event, payload(event)) == 202, event
    deliveries.apply_all()
    assert sorted(stored()) == sorted((event, None) for event in EVENTS), "none in error"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X_Hub_Signature_256": ""}, 401),
        ({"X_Hub_Signature_256": "sha256=abc"}, 401),
        ({"X_Hub_Signature_256": "sha256=\xff\xfe"}, 401),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": ""}, 415),
        ({"X_GitHub_Event": ""}, 422),
        ({"X_GitHub_Delivery": ""}, 422),
        ({"X_GitHub_Delivery": "x" * 101}, 422),
    ],
)
def test_what_is_wrong_with_a_header_leaves_no_row(client: TestClient, headers: dict[str, str], status: int) -> None:
    assert post(client, "ping", payload("ping"), **headers) == status
    assert stored() == []


def test_a_signature_is_taken_whole_and_in_lower_case(client: TestClient) -> None:
    body = payload("push")
    right = hmac.new(get_settings().webhook_secret.encode(), body, hashlib.sha256).hexdigest()
    for wrong in (f"sha256={right[:-1]}", f"sha256={right.upper()}", f"SHA256={right}", right, f"sha256={right} "):
        if wrong.strip() != f"sha256={right}":  # HTTP itself takes blanks off
            assert post(client, "push", body, X_Hub_Signature_256=wrong) == 401
    assert stored() == []


def test_a_form_is_refused_however_well_it_is_signed(client: TestClient) -> None:
    form = urlencode({"payload": payload("ping").decode()}).encode()
    assert post(client, "ping", form, Content_Type="application/x-www-form-urlencoded") == 415
    assert stored() == []


def test_a_body_past_25_megabytes_is_refused_though_it_hides_its_length(client: TestClient) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(26):
            yield b" " * 1024 * 1024

    answer = client.post("/api/webhooks/github", content=pieces(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413 and stored() == []


def test_one_delivery_fifty_times_at_once_is_one_effect(people: People, client: TestClient) -> None:
    told, name = payload("pull_request_review"), str(uuid4())
    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(lambda _: post(client, "ping", told, X_GitHub_Delivery=name), range(50)))
    assert statuses == [202] * 50 and len(stored()) == 1
    with ThreadPoolExecutor(10) as pool:
        list(pool.map(lambda _: deliveries.apply_all(), range(10)))
    with db.transaction() as session:
        attempts = session.execute(text("SELECT attempts, processed_at IS NOT NULL FROM webhook_deliveries")).one()
    assert attempts[1]
