"""What goes wrong when a test orders it."""

import subprocess
from pathlib import Path

import httpx
import pytest

from tests.backend.localhub.conftest import Clone, RunningHub, git, plain_http

PULLS = "/repos/alice/sample-shop/pulls"
WISH = {"title": "Fix", "head": "fix", "base": "main"}


def order(hub: RunningHub, **wish: object) -> httpx.Response:
    with plain_http() as http:
        return http.post(f"{hub.url}/_control/faults", json=wish)


def test_a_pull_request_whose_answer_is_lost_is_there_once(hub: RunningHub, clone: Clone) -> None:
    clone.offer("fix")
    assert order(hub, kind="open_answer_lost").json()["ordered"] == {"open_answer_lost": 1}
    with pytest.raises(httpx.TransportError):
        hub.caller("alice").post(PULLS, json=WISH)
    assert hub.caller("alice").post(PULLS, json=WISH).status_code == 422, "there is one already"
    assert order(hub).json() == {"ordered": {}, "struck": {"open_answer_lost": 1}}


@pytest.mark.parametrize("kind, has_arrived", [("push_503", False), ("push_cut", False), ("push_answer_lost", True)])
def test_a_push_breaks_before_it_arrives_or_after(hub: RunningHub, clone: Clone, kind: str, has_arrived: bool) -> None:
    order(hub, kind=kind)
    with pytest.raises(subprocess.CalledProcessError):
        clone.offer("fix")
    listed = hub.caller("alice").get("/repos/alice/sample-shop/branches").json()
    assert ("fix" in [one["name"] for one in listed]) == has_arrived


def test_requests_are_limited_and_refused_once_each(hub: RunningHub) -> None:
    where = "/repos/alice/sample-shop"
    for kind in ("rest_502", "rest_403_limited", "rest_429"):
        order(hub, kind=kind)
    answers = [hub.caller("alice").get(where) for _ in range(4)]
    assert [one.status_code for one in answers] == [502, 403, 429, 200]
    assert answers[1].headers["x-ratelimit-remaining"] == "0" and answers[2].headers["retry-after"] == "2"
    assert order(hub, kind="earthquake").status_code == order(hub, kind="rest_502", count=0).status_code == 422


def test_a_webhook_comes_twice_or_never(hub: RunningHub, clone: Clone) -> None:
    order(hub, kind="hook_lost")
    order(hub, kind="hook_twice")
    clone.offer("fix")
    hub.caller("alice").post(PULLS, json=WISH)
    hub.caller("alice").patch(f"{PULLS}/1", json={"title": "Mend"})
    heads = [one.headers["x-github-delivery"] for one in hub.receiver.wait(2)]
    assert len(set(heads)) == 1


def test_a_clone_breaks_off(hub: RunningHub, tmp_path: Path) -> None:
    order(hub, kind="clone_cut")
    with pytest.raises(subprocess.CalledProcessError):
        git("clone", hub.clone_url("alice/sample-shop", "alice"), str(tmp_path / "again"))
    git("clone", hub.clone_url("alice/sample-shop", "alice"), str(tmp_path / "again"))
