"""Whoever tries it alone plays the others: reviews, checks and conflicts come as GitHub tells them."""

import json
from typing import Any

import httpx
import pytest

from tests.backend.localhub.conftest import Clone, RunningHub, Visitor
from tests.backend.localhub.openapi import Description

PULL = "/repos/alice/sample-shop/pulls/1"
PAGE = "/alice/sample-shop/pull/1"
CHECKS = "/repos/{owner}/{repo}/commits/{ref}/check-runs"


@pytest.fixture
def alice(hub: RunningHub, clone: Clone) -> httpx.Client:
    """Alice, who has opened a pull request that changes the README."""
    clone.offer("fix")
    caller = hub.caller("alice")
    caller.post("/repos/alice/sample-shop/pulls", json={"title": "Fix", "head": "fix", "base": "main"})
    hub.receiver.wait(1)
    hub.receiver.forget()
    return caller


def play(hub: RunningHub, what: str, **more: Any) -> int:
    wish = {"repository": "alice/sample-shop", "number": 1, "what": what} | more
    return httpx.post(f"{hub.url}/_control/play", json=wish, trust_env=False).status_code


def told(hub: RunningHub, count: int) -> list[tuple[str, Any]]:
    return [(one.headers["x-github-event"], json.loads(one.body)) for one in hub.receiver.wait(count)]


def test_a_check_is_told_listed_and_shown_and_its_newest_run_counts(hub: RunningHub, alice: httpx.Client) -> None:
    assert play(hub, "check", conclusion=None) == 200
    assert play(hub, "check", conclusion="failure", body="1 failed") == 200
    events = told(hub, 2)
    assert [(name, one["action"]) for name, one in events] == [("check_run", "created"), ("check_run", "completed")]
    sha = alice.get(PULL).json()["head"]["sha"]
    answer = alice.get(f"/repos/alice/sample-shop/commits/{sha}/check-runs").json()
    [run] = answer["check_runs"]
    assert (answer["total_count"], run["conclusion"], run["output"]["text"]) == (1, "failure", "1 failed")
    assert alice.get(f"/repos/alice/sample-shop/check-runs/{run['id']}").json() == run
    assert alice.get("/repos/alice/sample-shop/commits/fix/check-runs").json() == answer
    description = Description()
    assert description.problems("GET", CHECKS, 200, answer) == []
    for name, payload in events:
        assert description.webhook_problems(f"{name.replace('_', '-')}-{payload['action']}", payload) == []
    page = Visitor(hub, "alice").get(PAGE).text
    assert "1 failed" in page and "Make a conflict" in page


def test_a_conflict_is_a_push_to_the_base_and_the_pull_request_cannot_be_merged(
    hub: RunningHub, alice: httpx.Client
) -> None:
    assert alice.get(PULL).json()["mergeable"] is True
    assert play(hub, "conflict") == 200
    assert alice.get(PULL).json()["mergeable"] is False
    [(name, payload)] = told(hub, 1)
    assert (name, payload["ref"]) == ("push", "refs/heads/main")
    assert Description().webhook_problems("push", payload) == []


def test_somebody_else_approves_by_a_button_of_the_page(hub: RunningHub, alice: httpx.Client) -> None:
    visitor = Visitor(hub, "alice")
    visitor.submit(PAGE, f"{PAGE}/play", what="approve", path="", line="")
    [review] = alice.get(f"{PULL}/reviews").json()
    assert (review["state"], review["user"]["login"]) == ("APPROVED", "bob")


@pytest.mark.parametrize(
    "wrong",
    [
        {"what": "dance"},
        {"what": "check", "conclusion": "x"},
        {"what": "check", "number": 9},
        {"what": "comment", "path": "a", "line": -1},
        {"what": "approve", "login": "nobody"},
        {"what": "approve", "login": "alice"},
    ],
)
def test_what_cannot_be_played_leaves_nothing(hub: RunningHub, alice: httpx.Client, wrong: dict[str, Any]) -> None:
    assert play(hub, **wrong) in (404, 422)
    assert alice.get(f"{PULL}/reviews").json() == []


def test_a_commit_that_is_not_there_has_no_checks(alice: httpx.Client) -> None:
    for ref in ("0" * 40, "nothing", "--all"):
        assert alice.get(f"/repos/alice/sample-shop/commits/{ref}/check-runs").status_code == 422
