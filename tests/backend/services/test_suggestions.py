"""What could be done next in a repository, as GitHub shows it to this person."""

from typing import Any
from uuid import UUID

import pytest

from backend import db
from backend.errors import GitHubUnauthorized, NotFound
from backend.services import github_tokens, suggestions, tasks
from backend.services.suggestions import MOST, Act
from backend.words import Priority, TaskType
from tests.conftest import People
from tests.hub import LocalHub, push_change
from tests.rows import pull_request

CHECKS = {
    f"ci/{name}": {"name": name, "stand": stand, "url": "", "id": 1, "rank": [1, 0, 1, 0]}
    for name, stand in (("unit", "failed"), ("style", "failed"), ("docs", "passed"))
}


def with_pull(people: People, **changes: Any) -> UUID:
    """A task of alice's in the team's repository with an open pull request."""
    usual = (people.shop, "main", None, people.model, TaskType.DEBUG, Priority.MEDIUM, "Mend it")
    with db.transaction() as session:
        task = tasks.submit(session, people.alice, tasks.Draft(*usual))
        session.add(
            pull_request(task, 88, **{"title": "Ours", "source_branch": "ours", "url": "http://hub/88", **changes})
        )
        return task.id


def open_pull(hub: LocalHub, login: str, full_name: str, branch: str, title: str, *, draft: bool = False) -> int:
    person = hub.as_person(login)
    push_change(person.clone_url(full_name), f"{branch}.md", lambda _: "Be kind.\n", branch, start="origin/main")
    wish = {"head": branch, "base": "main", "title": title, "body": "", "draft": draft}
    return int(person.ask("POST", f"/repos/{full_name}/pulls", wish).json()["number"])


def test_open_issues_are_suggested_and_open_pull_requests_that_no_task_made(connected: People, hub: LocalHub) -> None:
    number = open_pull(hub, "bob", "acme/shop", "kinder", "Kinder\u202e words")
    open_pull(hub, "bob", "acme/shop", "later", "Not yet", draft=True)
    own = open_pull(hub, "alice", "acme/shop", "mine", "My own")
    tasks_own = open_pull(hub, "alice", "acme/shop", "ours", "A task's")
    with_pull(connected, pr_number=tasks_own, is_mergeable=True)
    found = suggestions.listing(connected.alice.id, connected.shop)
    assert [(one.act, one.number, one.title) for one in found if one.act is Act.REVIEW] == [
        (Act.REVIEW, number, "Kinder words"),
        (Act.REVIEW, own, "My own"),
    ]
    issues = [one for one in found if one.act is Act.START]
    assert 7 in [one.number for one in issues] and len(found) <= MOST
    assert own not in [one.number for one in issues], "a pull request is no issue"
    bobs = suggestions.listing(connected.bob.id, connected.shop)
    assert [one.number for one in bobs if one.act is Act.REVIEW] == [own, number]


@pytest.mark.parametrize(
    ("found", "act", "count"),
    [
        ({"checks_state": "failure", "checks": CHECKS, "is_mergeable": False}, Act.FIX, 2),
        ({"review_state": "changes_requested"}, Act.ADDRESS, 0),
        ({"is_mergeable": False}, Act.RESOLVE, 0),
        ({"checks_state": "success", "review_state": "approved", "is_mergeable": True}, None, 0),
        ({"status": "merged", "checks_state": "failure"}, None, 0),
    ],
)
def test_what_is_stuck_of_ones_own_stands_first(
    connected: People, found: dict[str, Any], act: Act | None, count: int
) -> None:
    task_id = with_pull(connected, **found)
    [first, *_] = suggestions.listing(connected.alice.id, connected.shop)
    if act is None:
        assert first.act in (Act.REVIEW, Act.START)
    else:
        assert (first.act, first.number, first.task_id, first.count) == (act, 88, task_id, count)
    others = suggestions.listing(connected.bob.id, connected.shop)
    assert all(one.task_id is None for one in others), "a task is its owner's to go on with"


def test_github_is_asked_once_a_minute(connected: People, hub: LocalHub) -> None:
    before = suggestions.listing(connected.alice.id, connected.sample)
    open_pull(hub, "bob", "acme/shop", "kinder", "Kinder words")
    github_tokens.forget(connected.alice.id, github_tokens.opened(connected.alice.id))
    assert suggestions.listing(connected.alice.id, connected.sample) == before
    with pytest.raises(GitHubUnauthorized):
        suggestions.listing(connected.alice.id, connected.shop)


def test_whoever_cannot_reach_the_repository_gets_nothing(connected: People) -> None:
    with pytest.raises(NotFound):
        suggestions.listing(connected.carol.id, connected.shop)
