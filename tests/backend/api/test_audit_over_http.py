"""The audit log over HTTP: for admins' tokens, in slices, verified, and taken away whole."""

import csv
import hashlib
import io
import json

import pytest
from fastapi.testclient import TestClient
from sqlmodel import Session, select

from backend import db
from backend.api.app import app
from backend.models import User
from backend.services import api_tokens, audit
from backend.services.api_tokens import Scope
from backend.settings import get_settings
from backend.words import Act, ObjectKind
from tests.auditing import Tamper, acts, rows, verified
from tests.backend.api.conftest import Calling, token
from tests.conftest import People

GENESIS = "0" * 64


@pytest.fixture
def admin(people: People, calling: Calling) -> TestClient:
    """Bob, as an admin with an admin's token."""
    with db.transaction() as session:
        people.bob.role = session.get_one(User, people.bob.id).role = "admin"
    return calling("bob", Scope.ADMIN)


def write(name: str, count: int = 1) -> None:
    def one(session: Session) -> None:
        alice = session.exec(select(User).where(User.username == "alice")).one()
        thing = audit.Object(ObjectKind.TOKEN, "1", name)
        audit.record(session, Act.TOKEN_MADE, audit.by(alice, "192.0.2.7"), thing, scope="read")

    for _ in range(count):
        with db.transaction() as session:
            one(session)


def test_slices_lead_to_the_next_and_filters_narrow(admin: TestClient) -> None:
    write("laptop", 5)
    first = admin.get("/api/admin/audit", params={"limit": 3, "actor": "alice"})
    second = admin.get(first.links["next"]["url"])
    assert len(first.json()["items"]) == 3 and len(second.json()["items"]) == 2 and "next" not in second.links
    entry = first.json()["items"][0]
    assert (entry["login"], entry["act"], entry["object_name"], entry["address"], entry["details"]) == (
        *("alice", "token_made", "laptop", "192.0.2.7"),
        {"scope": "read"},
    )
    assert admin.get("/api/admin/audit", params={"act": "sign_out"}).json()["items"] == []
    for wrong in ({"act": "nonsense"}, {"since": "yesterday"}, {"since": "2026-01-01T00:00:00"}, {"cursor": "MA"}):
        assert admin.get("/api/admin/audit", params=wrong).status_code == 422, wrong


def test_the_chain_is_verified_and_a_changed_row_named(admin: TestClient, tamper: Tamper) -> None:
    write("laptop", 3)
    told = admin.get("/api/admin/audit/verification").json()
    assert told == {"rows": len(rows()), "hash": rows()[-1].hash, "fault": None}
    tamper("UPDATE audit_log SET login = 'bob' WHERE object_name = 'laptop' AND seq = 3")
    told = admin.get("/api/admin/audit/verification").json()
    assert told["fault"] == {"kind": "changed", "seq": 3, "sentence": "Row 3 was changed."}


def test_what_is_taken_away_can_be_verified_by_whoever_has_it(admin: TestClient) -> None:
    write("é \u2028 \" \\ 'x'", 3)
    told = admin.get("/api/admin/audit/export.jsonl")
    lines = [json.loads(line) for line in told.text.split("\n") if line]
    assert told.headers["content-type"].startswith("application/x-ndjson") and len(lines) == len(rows())
    previous = GENESIS
    for row in lines:
        assert row["previous"] == previous
        covered = [value for name, value in row.items() if name != "hash"]
        text = json.dumps(covered, sort_keys=True, separators=(",", ":"))
        previous = hashlib.sha256(text.encode()).hexdigest()
        assert row["hash"] == previous, text
    assert previous == verified().hash


def test_no_cell_of_the_csv_is_a_formula(admin: TestClient) -> None:
    write("=HYPERLINK(1)")
    told = admin.get("/api/admin/audit/export.csv", params={"actor": "alice"})
    (row,) = csv.DictReader(io.StringIO(told.text, newline=""))
    assert row["object_name"] == "'=HYPERLINK(1)" and json.loads(row["details"]) == {"scope": "read"}
    assert told.headers["content-type"].startswith("text/csv")


def test_credits_from_an_admin_are_written_down_once_with_the_address(people: People, admin: TestClient) -> None:
    for _ in range(2):
        headers = {"Idempotency-Key": "once"}
        given = {"credits": 5, "reason": "why not"}
        assert admin.post("/api/admin/people/carol/credits", json=given, headers=headers).status_code == 201
    row = next(row for row in rows() if row.act == Act.CREDITS_GRANTED)
    assert acts().count("credits_granted") == 1
    assert (row.login, row.object_name, row.details["credits"]) == ("bob", "carol", 5)


def test_the_address_is_what_limits_count_by(people: People) -> None:
    headers = {"Authorization": f"Bearer {token(people.alice)}", "X-Forwarded-For": "198.51.100.4, 203.0.113.9"}
    for peer in ("203.0.113.5", "127.0.0.1"):
        with TestClient(app, base_url=get_settings().origin, headers=headers, client=(peer, 1)) as client:
            assert client.get("/api/auth/user").status_code == 200
            assert client.post("/api/tokens", json={"name": peer, "scope": "read"}).status_code == 201
    found = [(row.act, row.address) for row in rows()][1:]
    assert found == [(act, at) for at in ("203.0.113.5", "203.0.113.9") for act in ("token_used", "token_made")]


def test_a_token_that_is_made_over_http_stands_nowhere_in_the_log(people: People, alice: TestClient) -> None:
    made = alice.post("/api/tokens", json={"name": "more", "scope": "read"}).json()
    assert api_tokens.is_one(made["token"])
    assert all(made["token"][10:] not in row.model_dump_json() for row in rows())
