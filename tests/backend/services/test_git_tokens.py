"""What git is handed for a run that may change nothing: with a GitHub App a token that cannot push."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest

from backend import db, rsa_keys
from backend.errors import RunFailed
from backend.models import Repository
from backend.services import brief, claims, git_tokens, github_tokens, workplace
from backend.services.brief import Brief
from backend.services.lease import Lease
from backend.services.workplace import Workplace
from backend.settings import Settings, get_settings
from backend.words import Failure, TaskType
from backend.workspace import push
from tests.backend.services.reviewing import SHOP, Reviewed
from tests.hub import LocalHub


@pytest.fixture
def facts(reviewed: Reviewed) -> Brief:
    """A review that a worker has claimed."""
    reviewed.send()
    with db.transaction() as session:
        claim = claims.claim(session, "test")
        assert claim is not None
        return brief.read(session, claim)


@contextmanager
def at_work(facts: Brief) -> Iterator[Workplace]:
    with Lease(facts.claim) as lease, workplace.ready(facts, lease) as place:
        yield place


def as_app(token: str, method: str, path: str) -> httpx.Response:
    return httpx.request(method, get_settings().github_api_url + path, headers={"Authorization": f"Bearer {token}"})


def test_a_review_cannot_push_with_what_it_was_given(hub: LocalHub, reviewed: Reviewed, facts: Brief) -> None:
    before = hub.as_person("alice").get(f"/repos/{SHOP}/branches").json()
    with at_work(facts) as place:
        assert place.token.startswith("ghs_") and place.token != github_tokens.opened(reviewed.alice)
        target = (place.checkout.base_sha, place.token, facts.clone_url, get_settings().git_protocols)
        for branch in ("main", "kinder", "asynccoder/new"):
            with pytest.raises(RunFailed) as refused:
                push.push(place.checkout, branch, *target)
            assert refused.value.failure in (Failure.ACCESS_LOST, Failure.PUSH_REJECTED)
    assert hub.as_person("alice").get(f"/repos/{SHOP}/branches").json() == before
    assert as_app(place.token, "GET", f"/repos/{SHOP}").status_code == 200
    assert as_app(place.token, "GET", "/repos/alice/sample-shop/branches").status_code == 404, "another repository"
    for method, path in (("PUT", f"pulls/{reviewed.number}/merge"), ("POST", f"issues/{reviewed.number}/comments")):
        assert as_app(place.token, method, f"/repos/{SHOP}/{path}").status_code == 403


def test_only_a_run_that_may_change_files_gets_its_persons_token(facts: Brief) -> None:
    for task_type in TaskType:
        token = git_tokens.for_clone(replace(facts, task_type=task_type))
        assert (token == github_tokens.opened(facts.user_id)) is task_type.may_edit
        assert token.startswith("ghs_") is not task_type.may_edit


def call_it(facts: Brief, full_name: str) -> None:
    with db.transaction() as session:
        session.get_one(Repository, facts.repository_id).full_name = full_name


def lost(facts: Brief) -> str:
    """What a run's folder is not made ready for."""
    with pytest.raises(RunFailed) as refused, at_work(facts):
        pass
    assert refused.value.failure is Failure.ACCESS_LOST
    return str(refused.value)


def test_the_app_shows_nobody_what_they_may_not_see_themselves(facts: Brief) -> None:
    call_it(facts, "carol/novel")
    assert "does not show it to you" in lost(facts)
    call_it(facts, "alice/sample-shop")
    assert "Another repository is called alice/sample-shop" in lost(facts)
    call_it(facts, SHOP)
    github_tokens.forget(facts.user_id, github_tokens.opened(facts.user_id))
    assert "Sign in with GitHub again" in lost(facts)


def test_an_oauth_app_has_no_such_token_and_a_wrong_key_is_no_reason_to_hand_out_more(
    facts: Brief, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = ("1", rsa_keys.new())
    monkeypatch.setattr(Settings, "github_app", property(lambda settings: wrong))
    with pytest.raises(RunFailed, match="own key") as refused:
        git_tokens.for_clone(facts)
    assert refused.value.failure is Failure.CLONE_FAILED
    monkeypatch.setattr(Settings, "github_app", property(lambda settings: None))
    assert git_tokens.for_clone(facts) == github_tokens.opened(facts.user_id)
