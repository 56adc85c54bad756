"""Reviews of pull requests: kept whole or refused, told, shown."""

import json

import httpx
import pytest

from tests.backend.localhub.conftest import Clone, RunningHub, Visitor

PULLS = "/repos/alice/sample-shop/pulls"
PULL = f"{PULLS}/1"
REMARK = {"path": "shop/new.py", "line": 2, "side": "RIGHT", "body": "Why two?"}


@pytest.fixture
def alice(hub: RunningHub, clone: Clone) -> httpx.Client:
    """Alice, who has opened a pull request that adds `shop/new.py`, three lines, and changes the README."""
    clone.offer("fix", {"shop/new.py": "one = 1\ntwo = 2\nthree = 3\n"})
    caller = hub.caller("alice")
    caller.post(PULLS, json={"title": "Fix", "head": "fix", "base": "main"})
    hub.receiver.wait(1)
    hub.receiver.forget()
    return caller


def review(**changes: object) -> dict[str, object]:
    return {"event": "COMMENT", "body": "Hm.<!-- unseen -->", "comments": [REMARK]} | changes


def test_a_review_is_kept_told_and_shown_with_its_line(hub: RunningHub, alice: httpx.Client) -> None:
    made = alice.post(f"{PULL}/reviews", json=review()).json()
    head = alice.get(PULL).json()
    assert (made["state"], made["commit_id"], made["user"]["login"]) == ("COMMENTED", head["head"]["sha"], "alice")
    assert head["review_comments"] == 1
    [comment] = alice.get(f"{PULL}/comments").json()
    assert (comment["path"], comment["line"], comment["side"]) == ("shop/new.py", 2, "RIGHT")
    assert comment["diff_hunk"].endswith("+one = 1\n+two = 2") and comment["pull_request_review_id"] == made["id"]
    told, remark = hub.receiver.wait(2)
    assert told.headers["x-github-event"] == "pull_request_review"
    assert remark.headers["x-github-event"] == "pull_request_review_comment"
    assert json.loads(remark.body)["comment"] == comment
    assert json.loads(told.body)["review"]["state"] == "commented"
    page = Visitor(hub, "alice").get("/alice/sample-shop/pull/1").text
    assert "Why two?" in page and "shop/new.py:2" in page and "unseen" not in page
    assert [one["id"] for one in alice.get(f"{PULL}/reviews").json()] == [made["id"]]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"comments": [REMARK | {"line": 4}]}, "Line could not be resolved"),
        ({"comments": [REMARK | {"side": "LEFT"}]}, "Line could not be resolved"),
        ({"comments": [REMARK | {"path": "README.txt"}]}, "Path could not be resolved"),
        ({"comments": [REMARK, REMARK | {"line": 0}]}, "Line could not be resolved"),
        ({"comments": [{"path": "a"}]}, "needs path, line and body"),
        ({"comments": "x"}, "not an array"),
        ({"commit_id": "0" * 40}, "commit_id is not part"),
        ({"event": "APPROVE"}, "your own pull request"),
        ({"event": "PENDING"}, "not one of the events"),
        ({"body": "", "comments": []}, "cannot be blank"),
        ({"body": "x" * 70_000}, "too long"),
        ({"body": 3}, "not a string"),
        ({"body": "\ud800"}, "no text"),
    ],
)
def test_a_review_that_is_not_of_the_diff_leaves_nothing_behind(
    hub: RunningHub, alice: httpx.Client, wrong: dict[str, object], said: str
) -> None:
    answer = alice.post(f"{PULL}/reviews", content=json.dumps(review(**wrong)))
    assert answer.status_code == 422 and said in answer.text
    assert alice.get(f"{PULL}/reviews").json() == [] and alice.get(f"{PULL}/comments").json() == []


def test_strangers_may_not_review_and_whoever_may_read_may(hub: RunningHub, alice: httpx.Client) -> None:
    assert hub.caller("carol").post(f"{PULL}/reviews", json=review()).status_code == 404
    assert hub.caller(None).get(f"{PULL}/reviews").status_code == 404
    assert alice.post(f"{PULLS}/99/reviews", json=review()).status_code == 404


def test_a_comment_is_outdated_once_the_head_moved(alice: httpx.Client, clone: Clone) -> None:
    sha = alice.get(PULL).json()["head"]["sha"]
    alice.post(f"{PULL}/reviews", json=review())
    clone.add({"shop/new.py": "nothing\n"})
    clone.push()
    [comment] = alice.get(f"{PULL}/comments").json()
    assert (comment["line"], comment["original_line"], comment["commit_id"]) == (None, 2, sha)
    assert alice.post(f"{PULL}/reviews", json=review(commit_id=sha)).status_code == 200, "an older commit of its own"


def test_a_pull_request_waits_in_the_sample_whose_number_nobody_else_gets(hub: RunningHub, clone: Clone) -> None:
    caller = hub.caller("alice")
    [waiting] = caller.get(PULLS).json()
    assert (waiting["number"], waiting["head"]["ref"], waiting["user"]["login"]) == (13, "coupons", "alice")
    assert [one["filename"] for one in caller.get(f"{PULLS}/13/files").json()] == ["shop/coupons.py"]
    clone.offer("fix")
    assert caller.post(PULLS, json={"title": "Fix", "head": "fix", "base": "main"}).json()["number"] == 1
