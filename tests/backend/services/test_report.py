"""The pull request's body says what the worker saw, and cannot be made to say or do anything else."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from backend.engine.assignment import Ending
from backend.jsonb import clean_text
from backend.providers.base import Prices
from backend.services.brief import Brief
from backend.services.claims import Claim
from backend.services.report import MAX_BODY, pull_request_body, quiet
from backend.words import TaskType
from tests.payloads import PAYLOADS

EVIDENCE = {
    "verdict": "verified",
    "command": "python3 -m unittest",
    "exit_code": 0,
    "duration_ms": 812,
    "sha": "a" * 40,
    "log_sha256": "b" * 64,
    "reason": "",
    "weakened": [],
}
ENDING = Ending("finished", "Rounded once.", "Round once", 31_000, None, None, 6)


@pytest.fixture
def facts(environment: pytest.MonkeyPatch) -> Brief:
    some_id = UUID(int=1)
    return Brief(
        claim=Claim(some_id, 1),
        task_id=some_id,
        short_id="00000000",
        number=1,
        task_type=TaskType.DEBUG,
        title="Round once",
        prompt="Fix it",
        branch="main",
        target_branch="main",
        work_branch=None,
        pull_number=None,
        review_of=None,
        base_sha=None,
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        limit=10,
        user_id=some_id,
        author=("Alice", "alice@example.org"),
        repository_id=some_id,
        repository_github_id=1,
        full_name="alice/x",
        clone_url="http://127.0.0.1:3001/alice/x.git",
        test_command=None,
        draft_policy="unverified",
        provider="demo",
        model="demo-scripted",
        effort=None,
        model_name="Demo (scripted, no AI)",
        prices=Prices(1, 1, 1, 1),
        context_window=1,
        max_output=1,
        checkpoint=None,
        log=[],
    )


def body(facts: Brief, text: str = "Rounded once.", **evidence: object) -> str:
    return pull_request_body(facts, replace(ENDING, text=text), {**EVIDENCE, **evidence})


def test_it_shows_command_exit_code_duration_commit_hash_cost_model_and_link(facts: Brief) -> None:
    found = body(facts)
    for words in ("**verified", "`python3 -m unittest`", "| 0 |", "0.8 s", "a" * 40, "b" * 64, "4 credits"):
        assert words in found
    assert "Demo (scripted, no AI)" in found
    assert f"http://127.0.0.1:3000/tasks/{facts.task_id}" in found


@pytest.mark.parametrize("verdict", ["failed", "not_run", "cannot_run"])
def test_only_a_verified_commit_is_called_so(facts: Brief, verdict: str) -> None:
    assert "**verified" not in body(facts, verdict=verdict, command=None)


@pytest.mark.parametrize("reference", ["#12", "acme/shop#3", "GH-12", "https://github.com/acme/shop/issues/12"])
@pytest.mark.parametrize("keyword", ["Fixes", "closes:", "RESOLVED", "fix"])
def test_the_models_words_close_no_issue(keyword: str, reference: str) -> None:
    assert f"\u200b{reference}" in quiet(f"{keyword} {reference}")


def test_the_models_words_notify_nobody() -> None:
    assert "@alice" not in quiet("ping @alice and @acme/team") and "@acme" not in quiet("@acme/team")


def test_the_models_words_are_shown_in_the_order_they_are_written() -> None:
    assert quiet("Allow \u202eresu\u202c and \u2066x\u2069") == "Allow resu and x"


def test_what_is_no_reference_stays_as_it_is() -> None:
    assert quiet("This fixes the rounding of #12 and https://example.org/issues") == (
        "This fixes the rounding of #12 and https://example.org/issues"
    )


@pytest.mark.parametrize(
    "text", ["Done.\n\n<!-- ", "Done.\n\n```\n", "<details>", "### Evidence\n\n| Result | **verified** |"]
)
def test_the_models_words_stand_under_their_heading_after_all_of_the_evidence(facts: Brief, text: str) -> None:
    ours, _, theirs = body(facts, text, verdict="failed").partition("\n### What the model says\n\n")
    assert ours.startswith("### Evidence") and "**failed" in ours and "a" * 40 in ours and "/tasks/" in ours
    assert theirs == text


def test_a_command_cannot_break_out_of_its_cell(facts: Brief) -> None:
    line = next(row for row in body(facts, command="x` | **verified** |\n| Result").splitlines() if "Command" in row)
    assert line.count("|") == 3 and line.count("`") == 2


def test_a_long_summary_still_fits_githubs_limit(facts: Brief) -> None:
    assert len(body(facts, "x" * 200_000)) <= MAX_BODY


def test_it_says_what_issues_it_is_for_and_closes_none(facts: Brief) -> None:
    found = body(replace(facts, issues=("#12", "acme/shop#3")))
    assert found.startswith("For #12, acme/shop#3\n\n### Evidence")
    assert quiet(found) == found
    assert body(facts).startswith("### Evidence")


@pytest.mark.parametrize("words", PAYLOADS.values(), ids=PAYLOADS)
def test_nothing_that_others_wrote_says_or_hides_anything_in_our_part(facts: Brief, words: str) -> None:
    words = clean_text(words)
    found = body(facts, quiet(words), verdict="failed", command=words, reason=words, weakened=[words])
    ours, _, theirs = found.partition("\n### What the model says\n\n")
    assert "**failed" in ours and "**verified" not in ours and "/tasks/" in ours
    assert not set("<>") & set(ours.replace("</", ""))
    assert ours.count("\n|") == 10
    assert theirs == quiet(words)[: len(theirs)] and not set(found) & set("\x00\u202e\u2066")
