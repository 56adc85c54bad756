"""A repository's webhook is made on first use by somebody who may, mended where it is gone, and not tried in vain."""

import pytest
from sqlalchemy import text

from backend import db
from backend.models import Repository
from backend.services import repository_hooks, tasks
from backend.services.repository_hooks import HookState
from backend.settings import get_settings
from backend.words import Priority, TaskType
from tests.conftest import People
from tests.hub import LocalHub

HOOKS = "/repos/alice/sample-shop/hooks"


def live(environment: pytest.MonkeyPatch, origin: str, hub: LocalHub) -> None:
    """A deployment with an OAuth app at an Enterprise Server, which is the hub."""
    values = {"GITHUB_CLIENT_ID": "id", "GITHUB_CLIENT_SECRET": "secret", "GITHUB_WEBHOOK_SECRET": "signs"}
    values |= {"GITHUB_URL": hub.url, "GITHUB_API_URL": hub.api_url, "ASYNCCODER_PUBLIC_URL": origin}
    for name, value in values.items():
        environment.setenv(name, value)
    get_settings.cache_clear()


def send(people: People, login: str, repository: str) -> None:
    with db.transaction() as session:
        where, who = getattr(people, repository), getattr(people, login)
        draft = tasks.Draft(where, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Fix it")
        tasks.submit(session, who, draft)


def row(people: People) -> Repository:
    with db.transaction() as session:
        return session.get_one(Repository, people.sample)


def due() -> list[str]:
    with db.transaction() as session:
        return [full_name for _, _, full_name in repository_hooks.due(session)]


def test_the_first_task_of_an_admin_makes_it_due_and_nobody_elses(
    connected: People, hub: LocalHub, environment: pytest.MonkeyPatch
) -> None:
    send(connected, "bob", "shop")
    send(connected, "alice", "sample")
    live(environment, "https://coder.example", hub)
    assert due() == ["alice/sample-shop"]
    assert repository_hooks.standing(row(connected)).state is HookState.WAITING
    with db.transaction() as session:
        session.execute(text("UPDATE repositories SET hook_checked_at = now()"))
    assert due() == []


def test_where_github_cannot_reach_us_or_the_app_has_its_own_nothing_is_tried_and_that_is_said(
    connected: People, hub: LocalHub, environment: pytest.MonkeyPatch
) -> None:
    send(connected, "alice", "sample")
    assert due() == [] and repository_hooks.standing(row(connected)).state is HookState.APP
    live(environment, f"http://127.0.0.1:{hub.port - 1}", hub)
    assert due() == [] and repository_hooks.standing(row(connected)).state is HookState.UNREACHABLE
    live(environment, "https://coder.example", hub)
    environment.setenv("GITHUB_APP_ID", "7")
    get_settings.cache_clear()
    assert due() == [] and repository_hooks.standing(row(connected)).state is HookState.APP


def test_it_is_made_once_mended_and_taken_over(connected: People, hub: LocalHub) -> None:
    alice = hub.as_person("alice")
    for _ in range(2):
        assert repository_hooks.keep(connected.sample, connected.alice.id, "alice/sample-shop")
    [made] = alice.get(HOOKS).json()
    assert row(connected).hook_id == made["id"] and made["config"]["content_type"] == "json"
    assert made["config"]["url"].endswith("/api/webhooks/github") and "check_run" in made["events"]
    alice.ask("PATCH", f"{HOOKS}/{made['id']}", {"active": False, "events": ["push"]})
    assert repository_hooks.keep(connected.sample, connected.alice.id, "alice/sample-shop")
    [mended] = alice.get(HOOKS).json()
    assert mended["id"] == made["id"] and mended["active"] and mended["events"] == made["events"]
    alice.ask("DELETE", f"{HOOKS}/{made['id']}")
    assert repository_hooks.keep(connected.sample, connected.alice.id, "alice/sample-shop")
    assert [one["id"] for one in alice.get(HOOKS).json()] == [row(connected).hook_id]


def test_what_github_refuses_is_kept_and_told(connected: People) -> None:
    assert not repository_hooks.keep(connected.sample, connected.bob.id, "alice/sample-shop")
    assert row(connected).hook_id is None and "manage webhooks" in (row(connected).hook_trouble or "")
    repository_hooks.keep(connected.sample, connected.alice.id, "alice/sample-shop")
    assert row(connected).hook_trouble is None
