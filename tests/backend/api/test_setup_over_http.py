"""The deployment's parts and caches over HTTP, for admins' tokens."""

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from backend import db
from backend.models import CacheClearing, User
from backend.services import machines, setup
from backend.services.api_tokens import Scope
from backend.settings import get_settings
from tests.auditing import acts
from tests.backend.api.conftest import Calling
from tests.conftest import People


@pytest.fixture
def admin(people: People, calling: Calling) -> TestClient:
    """Bob, as an admin with an admin's token."""
    with db.transaction() as session:
        people.bob.role = session.get_one(User, people.bob.id).role = "admin"
    return calling("bob", Scope.ADMIN)


def test_every_part_is_told_with_its_state_since_when_and_its_fix(admin: TestClient) -> None:
    assert admin.get("/api/admin/setup").json() == {"parts": [], "seen_at": None}
    setup.check()
    told = admin.get("/api/admin/setup").json()
    parts = {one["name"]: one for one in told["parts"]}
    assert parts["database"]["state"] == "ok" and parts["database"]["since"] and told["seen_at"]
    workers = parts["run workers"]
    assert (workers["state"], workers["command"]) == ("broken", "asynccoder worker runs") and workers["fix"]


def test_caches_are_read_measured_and_emptied(admin: TestClient) -> None:
    machine = machines.tell(get_settings())
    [told] = admin.get("/api/admin/caches").json()["machines"]
    assert told["id"] == str(machine) and told["is_heard"] and told["stores"] == []
    root = f"/api/admin/caches/{machine}"
    first, again = (admin.delete(f"{root}/mirrors/11") for _ in range(2))
    assert first.status_code == 202 and first.json() == again.json()
    assert admin.delete(f"{root}/unused").status_code == 202
    assert admin.put(f"{root}/measurement").status_code == 204
    for wrong in (f"{root}/pages/11", f"{root}/mirrors/x", f"{root}/setups/11", "/api/admin/caches/11/unused"):
        assert admin.delete(wrong).status_code == 422, wrong
    gone = "00000000-0000-4000-8000-000000000000"
    assert admin.delete(f"/api/admin/caches/{gone}/unused").status_code == 404
    with db.transaction() as session:
        assert len(session.exec(select(CacheClearing)).all()) == 2
    assert acts().count("cache_emptied") == 2
    [told] = admin.get("/api/admin/caches").json()["machines"]
    assert {one["state"] for one in told["clearings"]} == {"waiting"}
