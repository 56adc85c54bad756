"""A review at GitHub: on the right lines, once, only what is new; and what GitHub refuses is said and kept."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import select

from backend import db
from backend.errors import GitHubError, GitHubNotFound
from backend.github.client import GitHub
from backend.models import TaskEvent, User
from backend.services import credits, results, review_post, tasks
from backend.words import Outcome, Phase, Status, TaskType
from tests.backend.services.reviewing import READ, SHOP, Reviewed
from tests.backend.services.road import hand_to_the_next, run_of, submit, task_of, work
from tests.hub import LocalHub, push_change
from tests.model_server import Call, Turn

LINES = "Be kind.\nBe brief.\nBe gone, @bob.\n"


def finding(path: str, line: int, text: str, severity: str = "minor") -> dict[str, Any]:
    return {"path": path, "line": line, "severity": severity, "text": text}


KIND = finding("NEW.md", 1, "Kindness is not defined anywhere in this file.")
FAR = finding("README.md", 1, "The README does not mention the new file, @alice. Fixes #7.", "major")


@pytest.fixture(autouse=True)
def three_lines(hub: LocalHub, reviewed: Reviewed) -> None:
    push_change(hub.as_person("bob").clone_url(SHOP), "NEW.md", lambda _: LINES, "kinder")


def will_find(reviewed: Reviewed, *findings: dict[str, Any], summary: str = "Two faults.") -> None:
    number = len(reviewed.server.script)
    done = Call("finish", {"title": "Reviewed", "summary": summary, "findings": findings}, id=f"toolu_done_{number}")
    # What was answered stays: the server takes them by their place.
    reviewed.server.script[len(reviewed.server.received) :] = [
        Turn(calls=[replace(READ, id=f"toolu_read_{number}")]), Turn(calls=[done])
    ]  # fmt: skip


def at_github(hub: LocalHub, reviewed: Reviewed) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The reviews, and the comments on lines."""
    alice, pull = hub.as_person("alice"), f"/repos/{SHOP}/pulls/{reviewed.number}"
    return alice.get(f"{pull}/reviews").json(), alice.get(f"{pull}/comments").json()


def shown(reviewed: Reviewed, task_id: UUID) -> results.Words:
    with db.transaction() as session:
        return results.words(session, session.get_one(User, reviewed.alice), task_id)


def sent_while_limited(reviewed: Reviewed, environment: pytest.MonkeyPatch) -> UUID:
    """A review that is made and waits: GitHub limits the rate."""

    def limited(self: GitHub, *_: Any, **__: Any) -> Any:
        raise GitHubError("GitHub limits the rate.", retry_after=60.0)

    will_find(reviewed, KIND)
    task_id = reviewed.send()
    with environment.context() as patched:
        patched.setattr(GitHub, "reviews", limited)
        assert work() == 0
    return task_id


def test_findings_stand_on_the_lines_of_the_head_that_was_read_and_others_in_the_body(
    hub: LocalHub, reviewed: Reviewed
) -> None:
    beyond = finding("NEW.md", 9, "There is no such line.")
    will_find(reviewed, KIND, finding("NEW.md", 3, "Who is Bob?"), FAR, beyond, summary="Hm. <!-- x -->")
    task_id = reviewed.send()
    assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.outcome) == (Status.COMPLETED, Outcome.REVIEWED)
    [review], comments = at_github(hub, reviewed)
    assert (review["state"], review["commit_id"], review["user"]["login"]) == ("COMMENTED", run.base_sha, "alice")
    assert [(one["path"], one["line"], one["side"]) for one in comments] == [
        ("NEW.md", 1, "RIGHT"), ("NEW.md", 3, "RIGHT"),
    ]  # fmt: skip
    assert comments[0]["body"].startswith("**minor**: Kindness is not defined")
    body = review["body"]
    assert "`README.md:1` **major**" in body and "`NEW.md:9` **minor**" in body and "Kindness" not in body
    assert "@alice" not in body and "Fixes #7" not in body and "<!-- x" not in body, "it notifies and hides nothing"
    assert body.endswith(f"<!-- asynccoder:review:{run.id} -->") and f"/tasks/{task_id}" in body
    seen = shown(reviewed, task_id)
    assert seen.posted_url == review["html_url"] and seen.posted == "Posted on #1 with 2 comments on lines."
    assert not any(one.told for one in seen.findings) and len(seen.findings) == 4


def test_a_second_review_speaks_only_of_what_is_new_wherever_the_lines_have_moved(
    hub: LocalHub, reviewed: Reviewed
) -> None:
    will_find(reviewed, KIND, FAR)
    assert reviewed.send() and work() == 0
    push_change(hub.as_person("bob").clone_url(SHOP), "NEW.md", lambda was: "First.\n" + was, "kinder")
    moved = KIND | {"line": 2, "text": "Kindness is still not defined anywhere here."}
    will_find(reviewed, moved, FAR, finding("NEW.md", 1, "Second comes first."), finding("NEW.md", 2, "A typo: knid?"))
    task_id = reviewed.send()
    assert work() == 0
    reviews, comments = at_github(hub, reviewed)
    assert len(reviews) == 2
    assert [one["body"] for one in comments[1:]] == ["**minor**: Second comes first.", "**minor**: A typo: knid?"]
    assert "2 of before still stand." in reviews[1]["body"] and "README.md" not in reviews[1]["body"]
    assert sorted(one.told for one in shown(reviewed, task_id).findings) == [False, False, True, True]
    said = reviewed.said(len(reviewed.server.received) - 1)
    assert "report only what is new" in said and "- NEW.md:1 Kindness is not defined" in said

    will_find(reviewed, moved)
    third = reviewed.send()
    assert work() == 0
    assert len(at_github(hub, reviewed)[0]) == 2
    assert shown(reviewed, third).posted == "Nothing is new since the last review, so nothing was posted."


def test_no_findings_are_told_once(hub: LocalHub, reviewed: Reviewed) -> None:
    for _ in range(2):
        will_find(reviewed, summary="All is well.")
        assert reviewed.send() and work() == 0
    [review], comments = at_github(hub, reviewed)
    assert "All is well." in review["body"] and comments == []


def test_a_worker_that_dies_behind_the_review_leaves_one_that_the_next_finds(hub: LocalHub, reviewed: Reviewed) -> None:
    will_find(reviewed, KIND)
    task_id = reviewed.send()
    assert work("after_the_pull_request") == -9
    hand_to_the_next(task_id)
    assert work() == 0
    [review], comments = at_github(hub, reviewed)
    assert len(comments) == 1 and shown(reviewed, task_id).posted_url == review["html_url"]
    with db.transaction() as session:
        told = session.exec(select(TaskEvent.payload).where(TaskEvent.task_id == task_id).order_by(text("seq"))).all()
    assert sum(payload.get("code") == review_post.POSTED for payload in told) == 1


def test_a_line_that_github_does_not_take_puts_the_whole_into_the_body(
    hub: LocalHub, reviewed: Reviewed, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(review_post._Lines, "reads", lambda self, one: "as if it were of the diff")
    will_find(reviewed, KIND, FAR)
    task_id = reviewed.send()
    assert work() == 0
    [review], comments = at_github(hub, reviewed)
    assert comments == [] and "Kindness" in review["body"] and "`README.md:1`" in review["body"]
    assert "in one piece: it took no comments on lines" in shown(reviewed, task_id).posted


def test_a_pull_request_that_is_closed_meanwhile_gets_words_and_no_conversations(
    hub: LocalHub, reviewed: Reviewed
) -> None:
    will_find(reviewed, KIND)
    task_id = reviewed.send()
    assert work("after_a_model_answer") == -9
    hub.as_person("bob").ask("PATCH", f"/repos/{SHOP}/pulls/{reviewed.number}", {"state": "closed"})
    hand_to_the_next(task_id)
    assert work() == 0
    [review], comments = at_github(hub, reviewed)
    assert comments == [] and "Kindness" in review["body"]
    assert "no longer open" in shown(reviewed, task_id).posted


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (GitHubNotFound("GitHub does not show it to you."), "could not be posted: GitHub does not show it to you."),
        (GitHubError("GitHub has a fault just now (HTTP 502)."), "did not take the review: GitHub has a fault"),
    ],
)
def test_what_cannot_be_posted_is_kept_here_and_said(
    hub: LocalHub, reviewed: Reviewed, environment: pytest.MonkeyPatch, error: GitHubError, said: str
) -> None:
    def refuse(self: GitHub, *_: Any, **__: Any) -> Any:
        raise error

    environment.setattr(GitHub, "post_review", refuse)
    environment.setattr(review_post, "_PAUSES", (0.0, None))
    will_find(reviewed, KIND)
    task_id = reviewed.send()
    assert work() == 0
    run, seen = run_of(task_id), shown(reviewed, task_id)
    assert (run.status, run.outcome) == (Status.COMPLETED, Outcome.REVIEWED)
    assert said in seen.posted and seen.posted_url == "" and [one.path for one in seen.findings] == ["NEW.md"]


def test_a_rate_limit_lets_the_review_wait_and_nothing_is_asked_of_the_model_again(
    hub: LocalHub, reviewed: Reviewed, environment: pytest.MonkeyPatch
) -> None:
    task_id = sent_while_limited(reviewed, environment)
    assert run_of(task_id).phase == Phase.PARKED
    asked = len(reviewed.server.received)
    with db.transaction() as session:
        session.execute(text("UPDATE task_runs SET until = now() WHERE task_id = :id"), {"id": task_id})
    assert work() == 0
    assert len(reviewed.server.received) == asked and len(at_github(hub, reviewed)[1]) == 1


def test_a_review_that_waits_for_github_can_be_stopped(
    hub: LocalHub, reviewed: Reviewed, environment: pytest.MonkeyPatch
) -> None:
    task_id = sent_while_limited(reviewed, environment)
    with db.transaction() as session:
        tasks.cancel(session, session.get_one(User, reviewed.alice), task_id)
    assert run_of(task_id).status == Status.CANCELLED
    assert at_github(hub, reviewed) == ([], [])
    with db.transaction() as session:
        assert credits.unbalanced(session) == []


def test_a_marker_that_somebody_else_has_copied_is_no_review_of_ours(hub: LocalHub, reviewed: Reviewed) -> None:
    will_find(reviewed, KIND)
    task_id = reviewed.send()
    marker = f"<!-- asynccoder:review:{run_of(task_id).id} -->"
    pull = f"/repos/{SHOP}/pulls/{reviewed.number}"
    answer = hub.as_person("bob").ask("POST", f"{pull}/reviews", {"event": "COMMENT", "body": f"Mine. {marker}"})
    assert answer.status_code == 200
    assert work() == 0
    assert [one["user"]["login"] for one in at_github(hub, reviewed)[0]] == ["bob", "alice"]


def test_the_demo_reviews_the_pull_request_that_waits_in_the_sample(hub: LocalHub, reviewed: Reviewed) -> None:
    task_id = submit(reviewed.alice, task_type=TaskType.PR_REVIEW, pull=13, prompt="Is it sound?")
    assert work() == 0
    assert run_of(task_id).outcome == Outcome.REVIEWED and task_of(task_id).pull_number == 13
    comments = hub.as_person("alice").get("/repos/alice/sample-shop/pulls/13/comments").json()
    assert [(one["path"], one["line"]) for one in comments] == [("shop/coupons.py", 6), ("shop/coupons.py", 8)]
    assert "float" in comments[0]["body"] and "TODO" in comments[1]["body"]
    [review] = hub.as_person("alice").get("/repos/alice/sample-shop/pulls/13/reviews").json()
    assert "No test is changed along with the code." in review["body"]
