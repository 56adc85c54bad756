"""Analytics for programs: one's own for whoever has a token, everyone's for an admin's."""

import csv
import io
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from backend import db
from backend.api.app import app
from backend.services import analytics_rollup, tasks
from backend.services.api_tokens import Scope
from backend.settings import get_settings
from backend.words import Outcome, Priority, Status, TaskType
from tests.backend.api.conftest import Calling
from tests.conftest import People
from tests.settled import settle

HERS = {"bob": "shop", "alice": "sample"}


@pytest.fixture
def two(people: People) -> dict[str, UUID]:
    """A task of Alice's that was answered, and one of Bob's that waits."""
    made = {}
    for who, place in HERS.items():
        draft = tasks.Draft(getattr(people, place), "main", None, people.model, TaskType.ASK, Priority.MEDIUM, "Why?")
        with db.transaction() as session:
            made[who] = tasks.submit(session, getattr(people, who), draft).id
    settle(made["alice"], Status.COMPLETED, outcome=Outcome.ANSWERED)
    analytics_rollup.refresh_all()
    return made


def test_ones_own_figures_lead_to_ones_own_tasks(alice: TestClient, two: dict[str, UUID]) -> None:
    told = alice.get("/api/analytics?days=7").json()
    assert (told["figures"]["tasks"], told["figures"]["answered"], told["figures"]["success_rate"]) == (1, 1, 100.0)
    assert len(told["per_day"]) == 7 and told["per_day"][-1]["figures"]["tasks"] == 1
    [cell] = told["cells"]
    assert cell["repository"] == "alice/sample-shop" and cell["figures"]["credits_per_merge"] is None
    for url in (told["tasks_url"], cell["tasks_url"], f"{told['tasks_url']}&outcome=answered&status=completed"):
        assert [one["id"] for one in alice.get(url).json()["items"]] == [str(two["alice"])]
    assert alice.get(f"{told['tasks_url']}&pull_request=any").json()["items"] == []


def test_everyones_are_for_an_admins_token_alone(calling: Calling, two: dict[str, UUID]) -> None:
    for path in ("/api/analytics", "/api/analytics.csv"):
        assert calling("bob").get(f"{path}?scope=all").json()["code"] == "insufficient_scope"
        refused = calling("alice").get(f"{path}?scope=all")  # an admin, with a token that may only write
        assert refused.status_code == 403 and 'scope="admin"' in refused.headers["www-authenticate"]
    told = calling("alice", Scope.ADMIN).get("/api/analytics?scope=all").json()
    assert told["figures"]["tasks"] == 2 and {one["repository"] for one in told["cells"]} == {
        "alice/sample-shop",
        "acme/shop",
    }


def test_an_admin_who_is_none_any_more_gets_their_own_alone(
    calling: Calling, people: People, two: dict[str, UUID]
) -> None:
    client = calling("alice", Scope.ADMIN)
    with db.transaction() as session:
        session.execute(text("UPDATE users SET role = 'member'"))
    assert client.get("/api/analytics?scope=all").status_code == 403
    assert client.get("/api/analytics").json()["figures"]["tasks"] == 1


def test_csv_has_a_line_for_each_model_type_and_repository(alice: TestClient, two: dict[str, UUID]) -> None:
    answer = alice.get("/api/analytics.csv?days=90")
    assert answer.headers["content-type"].startswith("text/csv")
    [line] = csv.DictReader(io.StringIO(answer.text))
    assert (line["type"], line["repository"], line["tasks"], line["answered"]) == ("ask", "alice/sample-shop", "1", "1")
    assert (line["success_rate"], line["merge_rate"], line["seconds_to_merge"]) == ("100.0", "", "")


def test_a_repository_called_like_a_formula_stays_words(alice: TestClient, two: dict[str, UUID]) -> None:
    with db.transaction() as session:
        session.execute(text("UPDATE repositories SET full_name = '=HYPERLINK(1)'"))
    [line] = csv.DictReader(io.StringIO(alice.get("/api/analytics.csv").text))
    assert line["repository"] == "'=HYPERLINK(1)"


@pytest.mark.parametrize("query", ["days=8", "scope=team", "days=all"])
def test_what_is_no_period_or_scope_is_refused_by_name(alice: TestClient, two: dict[str, UUID], query: str) -> None:
    answer = alice.get(f"/api/analytics?{query}")
    assert (answer.status_code, answer.json()["field"]) == (422, query.partition("=")[0])


def test_the_browsers_download_refuses_everyones_to_who_is_no_admin(people: People, two: dict[str, UUID]) -> None:
    def got(who: str, query: str) -> tuple[int, int]:
        with TestClient(app, base_url=get_settings().origin) as client:
            client.cookies.set(get_settings().session_cookie, people.cookies[who])
            answer = client.get(f"/files/analytics.csv?{query}")
            return answer.status_code, len(answer.text.splitlines())

    assert got("bob", "scope=own") == (200, 2) and got("bob", "scope=all")[0] == 403
    assert got("alice", "scope=all&days=7") == (200, 3)


def test_the_last_day_there_is_can_be_asked_for(alice: TestClient, two: dict[str, UUID]) -> None:
    for query in ("last_day=9999-12-31", "first_day=0001-01-01"):
        assert len(alice.get(f"/api/tasks?{query}").json()["items"]) == 1
    assert alice.get("/api/tasks?last_day=0001-01-01").json()["items"] == []
