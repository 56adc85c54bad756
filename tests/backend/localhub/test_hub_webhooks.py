"""What the app is told: signed, once per change, again when asked."""

import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import pytest

from backend.localhub.deliveries import sign
from tests.backend.localhub.conftest import Clone, RunningHub, Visitor, git
from tests.backend.localhub.receiver import Receiver

PULLS = "/repos/alice/sample-shop/pulls"
WISH = {"title": "Fix", "head": "fix", "base": "main"}
PAGE = "/alice/sample-shop/settings/hooks"


@pytest.fixture
def opened(hub: RunningHub, clone: Clone) -> Clone:
    """A pull request from `fix`, whose first webhook has arrived and is forgotten."""
    clone.offer("fix")
    hub.caller("alice").post(PULLS, json=WISH)
    hub.receiver.wait(1)
    hub.receiver.forget()
    return clone


def next_payload(receiver: Receiver) -> Any:
    """The payload of the one webhook that comes next."""
    (received,) = receiver.wait(1)
    receiver.forget()
    return json.loads(received.body)


def test_the_signature_is_githubs() -> None:
    # docs.github.com, "Validating webhook deliveries": the test vector.
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert sign("It's a Secret to Everybody", b"Hello, World!") == expected


def test_an_opened_pull_request_is_told_signed_and_by_name(hub: RunningHub, clone: Clone) -> None:
    clone.offer("fix")
    pull = hub.caller("alice").post(PULLS, json=WISH | {"title": "Grüße"}).json()
    (received,) = hub.receiver.wait(1)
    secret = hub.key("hub-webhook-secret").encode()
    expected = "sha256=" + hmac.new(secret, received.body, hashlib.sha256).hexdigest()
    assert received.headers["x-hub-signature-256"] == expected
    assert received.path == "/api/webhooks/github"
    assert received.headers["x-github-event"] == "pull_request"
    assert received.headers["content-type"] == "application/json"
    assert received.headers["user-agent"].startswith("GitHub-Hookshot/")
    assert UUID(received.headers["x-github-delivery"])
    told = json.loads(received.body)
    assert (told["action"], told["number"], told["sender"]["login"]) == ("opened", 1, "alice")
    assert told["pull_request"]["id"] == pull["id"] and told["pull_request"]["title"] == "Grüße"
    assert told["repository"]["full_name"] == "alice/sample-shop" and "organization" not in told


def test_each_change_is_told_once_with_its_action(hub: RunningHub, opened: Clone) -> None:
    caller, receiver = hub.caller("alice"), hub.receiver
    before = git("rev-parse", "HEAD", cwd=opened.path).stdout.strip()
    after = opened.add({"more": "x"})
    opened.push()
    told = next_payload(receiver)
    assert (told["action"], told["before"], told["after"]) == ("synchronize", before, after)
    caller.patch(f"{PULLS}/1", json={"title": "Better", "body": "Because"})
    told = next_payload(receiver)
    assert told["action"] == "edited"
    assert told["changes"] == {"title": {"from": "Fix"}, "body": {"from": ""}}
    caller.patch(f"{PULLS}/1", json={"title": "Better"})  # no change, nothing to tell
    caller.patch(f"{PULLS}/1", json={"state": "closed"})
    told = next_payload(receiver)
    assert (told["action"], told["pull_request"]["merged"]) == ("closed", False)
    caller.patch(f"{PULLS}/1", json={"state": "open"})
    assert next_payload(receiver)["action"] == "reopened"
    caller.put(f"{PULLS}/1/merge")
    told = next_payload(receiver)
    assert (told["action"], told["pull_request"]["merged"]) == ("closed", True)
    assert told["pull_request"]["merged_by"]["login"] == "alice" and told["pull_request"]["merge_commit_sha"]
    opened.add({"even": "more"})
    opened.push()  # to a branch whose pull request is over
    time.sleep(0.2)
    assert receiver.received == []


def test_a_draft_that_becomes_ready_is_told(hub: RunningHub, clone: Clone) -> None:
    clone.offer("fix")
    hub.caller("alice").post(PULLS, json=WISH | {"draft": True})
    assert next_payload(hub.receiver)["pull_request"]["draft"]
    page = "/alice/sample-shop/pull/1"
    assert Visitor(hub, "alice").submit(page, f"{page}/ready").status_code == 303
    told = next_payload(hub.receiver)
    assert (told["action"], told["pull_request"]["draft"]) == ("ready_for_review", False)


def test_a_team_repository_is_told_with_its_organisation(hub: RunningHub, clone: Clone) -> None:
    git("remote", "set-url", "origin", hub.clone_url("acme/shop", "bob"), cwd=clone.path)
    git("fetch", "-q", cwd=clone.path)
    clone.offer("fix")
    hub.caller("bob").post("/repos/acme/shop/pulls", json=WISH)
    told = next_payload(hub.receiver)
    assert told["organization"]["login"] == "acme" and told["pull_request"]["author_association"] == "MEMBER"


def test_a_door_that_was_closed_is_tried_again_with_the_same_id(hub: RunningHub, clone: Clone) -> None:
    hub.receiver.answers = [503]
    clone.offer("fix")
    hub.caller("alice").post(PULLS, json=WISH)
    tries = hub.receiver.wait(2)
    assert len({one.headers["x-github-delivery"] for one in tries}) == 1
    assert len({one.body for one in tries}) == 1


def test_what_was_delivered_stands_on_a_page_and_can_be_sent_again(hub: RunningHub, opened: Clone) -> None:
    visitor = Visitor(hub, "alice")
    deadline = time.monotonic() + 20
    while "delivered" not in (page := visitor.get(PAGE).text) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "pull_request.opened" in page and "1 try, 202" in page
    with hub.database() as db:
        ((number, guid),) = db.execute("SELECT id, guid FROM delivery").fetchall()
    assert guid in page
    assert visitor.submit(PAGE, f"{PAGE}/{number}/redeliver").status_code == 303
    (again,) = hub.receiver.wait(1)
    assert again.headers["x-github-delivery"] == guid
    assert Visitor(hub, "bob").http.post(f"{PAGE}/{number}/redeliver", data={}).status_code == 403
    hidden = visitor.http.post(f"/alice/notes/settings/hooks/{number}/redeliver", data={}).status_code
    assert hidden == 403, "without the form's token nothing is sent"


def test_switched_off_nothing_is_told_not_even_later(hub: RunningHub, clone: Clone) -> None:
    hub.control("webhooks", enabled=False)
    clone.offer("fix")
    caller = hub.caller("alice")
    caller.post(PULLS, json=WISH)
    caller.put(f"{PULLS}/1/merge")
    hub.control("webhooks", enabled=True)
    time.sleep(0.2)
    assert hub.receiver.received == []
    assert caller.get(f"{PULLS}/1").json()["merged"], "only asking tells"


def test_a_hook_of_ones_own_is_pinged_and_told(hub: RunningHub, clone: Clone) -> None:
    caller, url = hub.caller("alice"), f"http://127.0.0.1:{hub.port - 1}/own"
    wish = {"config": {"url": url, "secret": "shh", "content_type": "form"}, "events": ["pull_request"]}
    made = caller.post("/repos/alice/sample-shop/hooks", json=wish)
    assert made.status_code == 201 and made.json()["config"]["secret"] == "********"
    (ping,) = hub.receiver.wait(1)
    assert (ping.path, ping.headers["x-github-event"]) == ("/own", "ping")
    assert ping.headers["x-hub-signature-256"] == sign("shh", ping.body)
    assert json.loads(parse_qs(ping.body.decode())["payload"][0])["hook_id"] == made.json()["id"]
    clone.offer("fix")
    caller.post(PULLS, json=WISH)
    assert sorted(one.path for one in hub.receiver.wait(3)[1:]) == ["/api/webhooks/github", "/own"]
    (listed,) = caller.get("/repos/alice/sample-shop/hooks").json()
    assert listed["id"] == made.json()["id"]
    assert caller.delete(f"/repos/alice/sample-shop/hooks/{listed['id']}").status_code == 204
    assert caller.get(f"/repos/alice/sample-shop/hooks/{listed['id']}").status_code == 404
    assert hub.caller("bob").get("/repos/acme/shop/hooks").status_code == 404, "only admins manage hooks"


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"config": {"url": ""}},
        {"config": {"url": "ftp://127.0.0.1/"}},
        {"config": {"url": "https://example.org/hook"}, "events": ["pull_request"]},
        {"config": {"url": "http://127.0.0.1:1/"}, "events": []},
        {"config": {"url": "http://127.0.0.1:1/"}, "events": ["star"]},
        {"config": {"url": "http://127.0.0.1:1/"}, "events": [3]},
        {"config": {"url": "http://127.0.0.1:1/"}, "events": ["ping"], "name": "irc"},
        {"config": "x", "events": ["ping"]},
    ],
)
def test_hooks_that_cannot_be_are_refused(shared_hub: RunningHub, wish: dict[str, Any]) -> None:
    answer = shared_hub.caller("alice").post("/repos/alice/sample-shop/hooks", json=wish)
    assert answer.status_code == 422 and answer.json()["errors"][0]["resource"] == "Hook"
    assert shared_hub.caller("alice").get("/repos/alice/sample-shop/hooks").json() == []
