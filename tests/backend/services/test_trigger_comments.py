"""One comment on the issue tells how it goes: never two, edited now and then, found again, and no run's trouble."""

import pytest
from sqlalchemy import text

from backend import db
from backend.errors import GitHubError
from backend.github.client import GitHub
from backend.services import runs, trigger_comments
from backend.services.runs import End
from backend.words import Failure, Outcome, Phase, Status
from tests.backend.services import road
from tests.backend.services.triggering import SHOP, Talk, rows, talk, tasks
from tests.backend.services.worker import claim, end

__all__ = ["talk"]


def body(talk: Talk) -> str:
    [comment] = talk.comments(12)
    return str(comment["body"])


def test_it_is_edited_as_the_run_goes_on(talk: Talk) -> None:
    talk.label("alice", 12)
    [task] = talk.go()
    assert "**Queued**" in body(talk) and f"/tasks/{task.id}" in body(talk)
    mine = claim()
    talk.answer()
    assert "**At work**" in body(talk)
    with db.transaction() as session:
        runs.enter(session, mine.run_id, mine.fence, Phase.VERIFYING)
    trigger_comments.answer_all()
    assert "the tests run" not in body(talk), "ten seconds have not passed"
    talk.answer()
    assert "the tests run on the result" in body(talk)
    end(mine, End(Status.COMPLETED, "Nothing to do. @bob <!-- x --> @asynccoder", outcome=Outcome.NO_CHANGES))
    talk.answer()
    assert "**Nothing was changed.**" in body(talk) and "1 credit" not in body(talk) and "0 credits" in body(talk)
    assert "@bob" not in body(talk) and "@asynccoder" not in body(talk) and "<!-- x" not in body(talk)
    assert rows()[0].closed_at is not None


def test_others_go_before_after_each(talk: Talk) -> None:
    for number in (12, 13):
        talk.label("alice", number)
    talk.hear()
    assert trigger_comments.answer_all(may_go_on=lambda: False) == 1 and len(tasks()) == 1
    assert trigger_comments.answer_all() == 0 and len(tasks()) == 2


def test_a_failure_says_why(talk: Talk) -> None:
    talk.label("alice", 12)
    talk.go()
    end(claim(), End(Status.FAILED, Failure.STUCK.sentence, failure=Failure.STUCK))
    talk.answer()
    assert f"**Failed**: {Failure.STUCK.sentence}" in body(talk)


def test_the_whole_road_ends_with_its_pull_request(talk: Talk) -> None:
    talk.say("alice", 12, "@asynccoder debug: totals are off by a cent. Find out why and fix it.")
    talk.go()
    assert road.work() == 0
    talk.answer()
    assert f"**Done**: [#1]({talk.hub.url}/{SHOP}/pull/1) is opened." in body(talk)
    assert "Tests verified: " in body(talk) and "credit" in body(talk)
    [(number, _, _)] = talk.hub.pulls("alice", SHOP)
    opened = talk.hub.as_person("alice").get(f"/repos/{SHOP}/pulls/{number}").json()
    assert "For #12" in opened["body"]


def test_one_that_was_made_without_our_hearing_is_found_by_marker_and_author(talk: Talk) -> None:
    talk.label("alice", 8, where="acme/shop")
    talk.hear()
    [row] = rows()
    talk.say("bob", 8, f"{trigger_comments.marker(row.id)}\nnot ours", "acme/shop")
    mine = talk.say("alice", 8, f"{trigger_comments.marker(row.id)}\nours, and its answer was lost", "acme/shop")
    talk.answer()
    found = talk.comments(8, "acme/shop")
    assert [("not ours" in one["body"], one["id"] == mine) for one in found] == [(True, False), (False, True)]
    assert "**Queued**" in found[1]["body"] and rows()[0].comment_id == mine


def test_a_deleted_one_stays_deleted_and_the_run_goes_on(talk: Talk) -> None:
    talk.label("alice", 12)
    talk.go()
    [made] = talk.comments(12)
    talk.hub.as_person("alice").ask("DELETE", f"/repos/{SHOP}/issues/comments/{made['id']}")
    mine = claim()
    talk.answer()
    talk.answer()
    assert talk.comments(12) == [] and rows()[0].closed_at is not None
    end(mine)
    assert tasks()[0].status == Status.COMPLETED


def test_what_github_refuses_for_a_while_is_told_later_and_at_last_given_up(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*given: object, **named: object) -> None:
        raise GitHubError("GitHub is away.", retry_after=7)

    talk.label("alice", 12)
    with monkeypatch.context() as patch:
        patch.setattr(GitHub, "comment", away)
        assert len(talk.go()) == 1 and talk.comments(12) == []
        assert rows()[0].attempts == 1 and rows()[0].closed_at is None
    talk.answer()
    assert "**Queued**" in body(talk) and rows()[0].attempts == 0
    end(claim())
    with db.transaction() as session:
        session.execute(text("UPDATE triggers SET created_at = now() - interval '2 days'"))
    monkeypatch.setattr(GitHub, "edit_comment", away)
    talk.answer()
    assert rows()[0].closed_at is not None
