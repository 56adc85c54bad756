"""What an operator's machines ask: alive, ready, and the figures."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from rq import Worker
from rq.serializers import JSONSerializer
from sqlalchemy import text

from backend import db, ui_build
from backend.api.app import app
from backend.api.routes import health, metrics
from backend.queue import RUNS, queue
from backend.services import tasks
from backend.services.api_tokens import Scope
from backend.settings import get_settings
from backend.words import Priority, TaskType
from tests.backend.api.conftest import Calling, token
from tests.conftest import People

ORIGIN = "http://127.0.0.1:3000"


@pytest.fixture(autouse=True)
def afresh() -> None:
    health.forget()
    metrics.forget()


@pytest.fixture
def here(database: str) -> Iterator[TestClient]:
    """Somebody on this machine."""
    with TestClient(app, base_url=ORIGIN, client=("127.0.0.1", 1)) as client:
        yield client


def built() -> None:
    pages = ui_build.folder(get_settings()) / "web" / "build" / "client"
    pages.mkdir(parents=True)
    (pages / "index.html").touch()


def away(environment: pytest.MonkeyPatch, name: str, url: str) -> None:
    db.dispose()
    environment.setenv(name, url)
    get_settings.cache_clear()


def figures(client: TestClient) -> dict[tuple[str, tuple[str, ...]], float]:
    """Each figure by its name and its labels' values, these in the order of the labels' names."""
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    return {(one.name, tuple(one.labels.values())): one.value for family in families for one in family.samples}


def submit(people: People) -> None:
    with db.transaction() as session:
        draft = tasks.Draft(people.sample, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Fix it")
        tasks.submit(session, people.alice, draft)


def test_a_process_lives_whatever_is_away(here: TestClient, environment: pytest.MonkeyPatch) -> None:
    away(environment, "DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    environment.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    assert (here.get("/health/live").status_code, here.get("/health/ready").status_code) == (200, 503)


def test_it_is_ready_once_all_that_serving_needs_is_there(here: TestClient) -> None:
    answer = here.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "missing", "missing": ["pages"]})
    built()
    assert here.get("/health/ready").status_code == 503  # what was found is told for a second
    health.forget()
    assert (here.get("/health/ready").status_code, here.get("/health/ready").json()["missing"]) == (200, [])


def test_what_is_missing_is_named_without_its_address(here: TestClient, environment: pytest.MonkeyPatch) -> None:
    built()
    away(environment, "DATABASE_URL", "postgresql://nobody:geheim@127.0.0.1:1/none")
    assert here.get("/health/ready").json() == {"status": "missing", "missing": ["database"]}
    assert "geheim" not in here.get("/health/ready").text


def test_without_redis_it_is_not_ready(here: TestClient, environment: pytest.MonkeyPatch) -> None:
    built()
    away(environment, "REDIS_URL", "redis://:geheim@127.0.0.1:1/0")
    assert here.get("/health/ready").json()["missing"] == ["redis"]


def test_a_database_of_another_version_is_not_ready(here: TestClient) -> None:
    built()
    with db.transaction() as session:
        before = session.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    try:
        assert here.get("/health/ready").json()["missing"] == ["schema"]
    finally:
        with db.transaction() as session:
            session.execute(text("UPDATE alembic_version SET version_num = :before"), {"before": before})


def test_the_figures_tell_of_runs_the_line_workers_and_deliveries(people: People, here: TestClient) -> None:
    submit(people)
    with db.transaction() as session:
        session.execute(text("UPDATE task_runs SET created_at = now() - interval '90 seconds'"))
        session.execute(
            text("INSERT INTO webhook_deliveries (delivery_id, event, attempts) VALUES ('a', 'ping', 0), ('b', 'x', 5)")
        )
    waiting = queue(RUNS)
    worker = Worker([waiting], connection=waiting.connection, serializer=JSONSerializer)
    worker.register_birth()
    found = figures(here)
    assert found["asynccoder_runs", ("queued", "pending")] == found["asynccoder_runs_claimable", ()] == 1
    assert found["asynccoder_queue_length", ()] == 1 and 90 <= found["asynccoder_queue_oldest_seconds", ()] < 200
    assert (found["asynccoder_workers", ("runs",)], found["asynccoder_workers", ("chores",)]) == (1, 0)
    assert found["asynccoder_webhook_deliveries", ("waiting",)] == 1
    assert found["asynccoder_webhook_deliveries", ("given_up",)] == 1
    assert found["asynccoder_leases", ("held",)] == 0
    assert found["process_resident_memory_bytes", ()] > 1_000_000
    worker.register_death()


def test_a_running_runs_lease_is_held_until_it_runs_out(people: People, here: TestClient) -> None:
    submit(people)
    running = "UPDATE task_runs SET status = 'running', phase = 'running', lease_expires_at = now() + interval '9 s'"
    with db.transaction() as session:
        session.execute(text(running))
    assert figures(here)["asynccoder_leases", ("held",)] == 1
    with db.transaction() as session:
        session.execute(text(running.replace("+", "-")))
    metrics.forget()
    found = figures(here)
    assert (found["asynccoder_leases", ("held",)], found["asynccoder_leases", ("expired",)]) == (0, 1)


def test_scraping_asks_the_database_once_in_a_few_seconds(
    here: TestClient, statements: list[str], environment: pytest.MonkeyPatch
) -> None:
    now = [1_000.0]
    environment.setattr(metrics, "monotonic", lambda: now[0])
    metrics.forget()
    figures(here)
    asked = len(statements)
    assert asked
    for _ in range(20):
        figures(here)
    assert len(statements) == asked
    now[0] += metrics.FRESH_SECONDS
    figures(here)
    assert len(statements) == 2 * asked


def test_requests_are_counted_by_their_routes_template(people: People, here: TestClient, calling: Calling) -> None:
    def count(*labels: str) -> float:
        return figures(here).get(("asynccoder_http_request_seconds_count", labels), 0.0)

    cells = [("GET", "/api/tasks/{task_id}", "404"), ("GET", "none", "404"), ("other", "none", "404")]
    before = [count(*cell) for cell in cells]
    carol = calling("carol")
    for task_id in ("5f1c3f2e-3a52-4c1c-9d5e-0f9b7e1d2a10", "8c1c3f2e-3a52-4c1c-9d5e-0f9b7e1d2a11"):
        carol.get(f"/api/tasks/{task_id}")
    carol.get("/api/no/such/place")
    carol.request("MADEUP", "/api/no/such/place")
    assert [count(*cell) for cell in cells] == [before[0] + 2, before[1] + 1, before[2] + 1]


def test_without_database_and_redis_the_figures_say_so_and_the_process_still_tells_its_own(
    here: TestClient, environment: pytest.MonkeyPatch
) -> None:
    away(environment, "DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    away(environment, "REDIS_URL", "redis://127.0.0.1:1/0")
    found = figures(here)
    assert (found["asynccoder_database_up", ()], found["asynccoder_redis_up", ()]) == (0, 0)
    assert ("asynccoder_queue_length", ()) not in found and ("process_open_fds", ()) in found


def test_figures_are_for_admins_and_this_machine(people: People, here: TestClient, calling: Calling) -> None:
    assert here.get("/metrics").status_code == 200
    with TestClient(app, base_url=ORIGIN, client=("192.0.2.1", 1)) as stranger:
        assert stranger.get("/metrics").status_code == 401
    assert calling("carol", Scope.READ).get("/metrics").status_code == 403
    assert calling("alice", Scope.READ).get("/metrics").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "192.0.2.9"},
        {"Forwarded": "for=192.0.2.9"},
        {"X-Real-IP": "192.0.2.9"},
        {"Host": "evil.test"},
    ],
)
def test_what_a_proxy_on_this_machine_passes_on_is_not_of_this_machine(
    here: TestClient, headers: dict[str, str]
) -> None:
    assert here.get("/metrics", headers=headers).status_code == 401


def test_behind_a_public_url_even_this_machine_needs_a_token(
    people: People, here: TestClient, environment: pytest.MonkeyPatch
) -> None:
    readable = token(people.alice, Scope.READ)
    environment.setenv("ASYNCCODER_PUBLIC_URL", "https://coder.example.org")
    environment.setenv("GITHUB_CLIENT_ID", "x")
    get_settings.cache_clear()
    # A proxy that adds no header of its own looks exactly like a program on this machine.
    assert here.get("/metrics").status_code == 401
    assert here.get("/metrics", headers={"Authorization": f"Bearer {readable}"}).status_code == 200
