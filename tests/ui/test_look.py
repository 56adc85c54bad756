import re
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from asynccoder_ui import facts, theme, views
from asynccoder_ui.components.looks import LOOKS
from backend.services.tasks import EvidenceRow, PullRequestRow, TaskRow

PROJECT = Path(__file__).resolve().parents[2]
STYLES = {name: (PROJECT / "assets" / name).read_text() for name in theme.STYLESHEETS}
RULES = "".join(STYLES.values())
MOMENT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def row(**changes: object) -> TaskRow:
    values: dict[str, object] = {
        "id": uuid4(), "title": "Mend the totals", "repository": "alice/sample-shop",
        "task_type": "debug", "status": "completed", "phase": "ended", "outcome": "pr_opened", "failure": None,
        "reason": None, "until": None, "pr_number": 7, "pr_status": "open", "credits_used": 3, "created_at": MOMENT,
        "started_at": MOMENT, "completed_at": MOMENT, "updated_at": MOMENT, "model_name": "M", "is_demo": False,
    }  # fmt: skip
    return TaskRow(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [*theme.PARTS, *theme.WORDS])
def test_every_name_of_the_theme_has_a_rule(name: str):
    for word in name.split():
        assert re.search(rf"\.{re.escape(word)}\b", RULES), word


def test_no_page_holds_a_class_or_a_colour():
    for file in [*(PROJECT / "asynccoder_ui" / "pages").glob("*.py"), PROJECT / "asynccoder_ui" / "shell.py"]:
        text = file.read_text()
        assert "class_name" not in text, file.name
        assert not re.search(r"oklch|rgb\(|['\"]#[0-9a-fA-F]{3,8}['\"]", text), file.name


def test_colours_and_type_sizes_stand_in_the_tokens_alone():
    for name, text in STYLES.items():
        if name != "tokens.css":
            assert not re.search(r"oklch|rgba?\(|hsl|#[0-9a-f]{3,8}\b", text), name
            sizes = set(re.findall(r"(\d+(?:\.\d+)?)px/", text))
            assert sizes <= {"12", "13", "14", "16", "20", "28", "40"}, name


def test_paddings_gaps_and_margins_come_from_the_scale():
    for name, text in STYLES.items():
        if name == "tokens.css":
            continue
        for value in re.findall(r"(?:padding|gap|margin)(?:-\w+)?: ([^;}]+)", text):
            for size in re.findall(r"(?<![\w.-])(\d+)px", value):
                assert int(size) in {0, 1, 3, 4, 8, 12, 16, 24, 32, 48, 72}, (name, value)


def test_every_rule_of_the_stylesheets_is_whole():
    for name, text in STYLES.items():
        plain = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
        assert plain.count("{") == plain.count("}"), name
        for selectors in re.findall(r"([^{}]+)\{", plain):
            listed = [one.strip() for one in re.sub(r"\([^)]*\)", "()", selectors).split(",")]
            assert all(listed), (name, selectors)
            hidden_by_accident = any(two != one and two.startswith(f"{one} >") for one in listed for two in listed)
            assert not hidden_by_accident, (name, selectors)


@pytest.mark.parametrize(
    ("changes", "look", "word"),
    [
        ({"status": "pending", "phase": "queued", "outcome": None}, "queued", "queued"),
        ({"status": "pending", "phase": "parked", "outcome": None}, "waiting", "needs you"),
        ({"status": "pending", "phase": "parked", "reason": "approval"}, "waiting", "waiting for approval"),
        ({"status": "running", "phase": "running", "reason": "planning"}, "running", "planning"),
        ({"status": "running", "phase": "preparing", "outcome": None}, "running", "preparing"),
        ({"status": "running", "phase": "verifying", "outcome": None}, "running", "verifying"),
        ({}, "open", "done"),
        ({"verdict": "failed", "pr_status": "draft"}, "unproven", "tests fail"),
        ({"outcome": "merged", "pr_status": "merged"}, "merged", "merged"),
        ({"pr_status": "closed"}, "closed", "closed"),
        ({"outcome": "no_changes", "pr_number": None, "pr_status": None}, "unchanged", "no changes"),
        ({"outcome": "answered", "pr_number": None, "pr_status": None}, "answered", "answered"),
        ({"status": "failed", "failure": "push_rejected", "outcome": None}, "failed", "failed"),
        ({"status": "cancelled", "outcome": None}, "stopped", "stopped"),
    ],
)
def test_each_state_has_one_look_and_one_word(changes: dict[str, object], look: str, word: str):
    assert views.look_of(row(**changes)) == (look, word)
    assert look in LOOKS


@pytest.mark.parametrize("pr_status", ["open", "draft"])
def test_what_the_worker_saw_fail_is_nowhere_green(pr_status: str):
    look, word = views.look_of(row(verdict="failed", pr_status=pr_status))
    assert (LOOKS[look][1], word) == ("warn", "tests fail")


def test_a_wait_says_its_reason_and_a_failure_its_sentence():
    assert views.reason_of(row(reason="waiting for a worker")) == "Waiting for a worker"
    assert views.reason_of(row(failure="push_rejected")).startswith("GitHub did not accept the push")


def test_what_a_script_did_is_said_to_be_one_in_the_sidebar():
    assert "scripted" in views.task_item(row(is_demo=True)).line


def test_tests_that_fail_are_said_beside_an_open_pull_request():
    assert "tests fail" in views.task_item(row(verdict="failed")).line


@pytest.mark.parametrize("verdict", ["failed", "not_run", "cannot_run"])
def test_only_a_verified_verdict_says_that_the_tests_pass(verdict: str):
    seen = facts.evidence(EvidenceRow(verdict, "make test", 1, 900, "8c1d9e2f", "ab", "", []), "completed")
    assert "tests pass" not in seen.sentence


def test_without_evidence_it_is_said_whether_any_will_come():
    assert facts.evidence(None, "running").otherwise == "not run yet"
    assert facts.evidence(None, "completed").otherwise == "no evidence"


def test_a_pull_requests_address_must_be_of_the_web():
    assert facts.pull(PullRequestRow(1, "t", "open", "javascript:alert(1)")).href == ""
    assert facts.pull(PullRequestRow(1, "t", "open", "https://github.com/a/b/pull/1")).href
