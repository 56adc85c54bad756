"""What could be done next in a repository, as GitHub shows it to this person."""

import pytest

from backend.errors import GitHubUnauthorized, NotFound
from backend.services import auth, suggestions
from backend.services.suggestions import MOST, Act
from tests.conftest import People
from tests.hub import LocalHub, push_change


def open_pull(hub: LocalHub, login: str, full_name: str, branch: str, title: str, *, draft: bool = False) -> int:
    person = hub.as_person(login)
    push_change(person.clone_url(full_name), f"{branch}.md", lambda _: "Be kind.\n", branch, start="origin/main")
    wish = {"head": branch, "base": "main", "title": title, "body": "", "draft": draft}
    return int(person.ask("POST", f"/repos/{full_name}/pulls", wish).json()["number"])


def test_open_issues_are_suggested_and_open_pull_requests_of_others(connected: People, hub: LocalHub) -> None:
    number = open_pull(hub, "bob", "acme/shop", "kinder", "Kinder\u202e words")
    open_pull(hub, "bob", "acme/shop", "later", "Not yet", draft=True)
    own = open_pull(hub, "alice", "acme/shop", "mine", "My own")
    found = suggestions.listing(connected.alice.id, connected.shop)
    assert [(one.act, one.number, one.title) for one in found if one.act is Act.REVIEW] == [
        (Act.REVIEW, number, "Kinder words")
    ]
    issues = [one for one in found if one.act is Act.START]
    assert 7 in [one.number for one in issues] and len(found) <= MOST
    assert own not in [one.number for one in issues], "a pull request is no issue"
    bobs = suggestions.listing(connected.bob.id, connected.shop)
    assert [one.number for one in bobs if one.act is Act.REVIEW] == [own]


def test_github_is_asked_once_a_minute(connected: People, hub: LocalHub) -> None:
    before = suggestions.listing(connected.alice.id, connected.sample)
    open_pull(hub, "bob", "acme/shop", "kinder", "Kinder words")
    auth.forget_token(connected.alice.id)
    assert suggestions.listing(connected.alice.id, connected.sample) == before
    with pytest.raises(GitHubUnauthorized):
        suggestions.listing(connected.alice.id, connected.shop)


def test_whoever_cannot_reach_the_repository_gets_nothing(connected: People) -> None:
    with pytest.raises(NotFound):
        suggestions.listing(connected.carol.id, connected.shop)
