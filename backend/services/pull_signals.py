"""What others say of a pull request: checks of its head and reviews, each kept by its own identity, newest wins.

They are told one by one and in any order, so each is kept, and the row's one word is made of all of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from backend import jsonb
from backend.github.types import RemoteCheck, RemoteReview
from backend.models import PullRequest
from backend.words import ChecksState, ReviewState

MOST = 300  # checks, and reviews, that are kept of one pull request
_NAME = 300  # bytes of a check's name
# docs.github.com/en/rest/checks/runs: "conclusion"; what merely did not apply is no failure.
_PASSED = ("success", "neutral", "skipped")
_DECISIONS = ("approved", "changes_requested", "dismissed")
Stand = Literal["passed", "failed", "pending"]


@dataclass(frozen=True)
class Check:
    """One check of the head; `url` is its page."""

    name: str
    stand: Stand
    url: str
    github_id: int


@dataclass(frozen=True)
class Checks:
    """All checks of the head; `state` is None without any, `failing` are the names of those that failed."""

    state: ChecksState | None
    passed: int
    failed: int
    pending: int
    failing: tuple[str, ...]


def checks(pull: PullRequest) -> list[Check]:
    """The head's checks by name."""
    found = [Check(one["name"], one["stand"], one["url"], one["id"]) for one in pull.checks.values()]
    return sorted(found, key=lambda one: one.name)


def summary(pull: PullRequest) -> Checks:
    """How the head's checks stand."""
    listed = checks(pull)
    failing = tuple(one.name for one in listed if one.stand == "failed")
    passed, pending = (sum(one.stand == stand for one in listed) for stand in ("passed", "pending"))
    state = ChecksState.FAILURE if failing else ChecksState.PENDING if pending else ChecksState.SUCCESS
    return Checks(state if listed else None, passed, len(failing), pending, failing)


def note_checks(pull: PullRequest, found: Iterable[RemoteCheck], *, is_all: bool = False) -> bool:
    """Keeps checks of the row's own head and no other commit's; `is_all` forgets the rest. Whether any changed."""
    kept = {} if is_all else dict(pull.checks)
    for one in found:
        if one.head_sha != pull.head_sha:
            continue
        key, told = f"{one.app}/{one.name}", _check(one)
        before = kept.get(key) or pull.checks.get(key)
        if before is not None and before["rank"] > told["rank"]:
            kept[key] = before
        elif before is not None or len(kept) < MOST:
            kept[key] = told
    if kept == pull.checks:
        return False
    pull.checks = kept
    pull.checks_state = summary(pull).state
    return True


def note_reviews(pull: PullRequest, found: Iterable[RemoteReview]) -> bool:
    """Keeps reviews; what was dismissed stays so. Whether any changed."""
    kept = dict(pull.reviews)
    for one in found:
        key = str(one.github_id)
        before = kept.get(key, {})
        if one.submitted_at is None or before.get("state") == "dismissed" or (not before and len(kept) >= MOST):
            continue
        kept[key] = {"author": one.author, "state": one.state, "at": one.submitted_at.isoformat()}
    if kept == pull.reviews:
        return False
    pull.reviews = kept
    pull.review_state = _review_state(kept)
    return True


def forget_head(pull: PullRequest) -> None:
    """The head is another commit now: nothing is known of its checks, nor whether it merges."""
    pull.checks, pull.checks_state, pull.checks_etag, pull.is_mergeable = {}, None, None, None


def _check(one: RemoteCheck) -> dict[str, Any]:
    stand: Stand = "pending" if one.conclusion is None else "passed" if one.conclusion in _PASSED else "failed"
    return {
        "name": jsonb.cut(one.name, _NAME),
        "stand": stand,
        "url": one.url,
        "id": one.github_id,
        # A run that is started again has a new id, or the same one with a later start.
        "rank": [one.github_id, _seconds(one.started_at), int(stand != "pending"), _seconds(one.completed_at)],
    }


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0


def _review_state(kept: dict[str, Any]) -> ReviewState | None:
    """As GitHub counts: a comment takes no decision back."""
    decided: dict[str, str] = {}
    for one in sorted(kept.values(), key=lambda one: str(one["at"])):
        if one["state"] in _DECISIONS:
            decided[one["author"]] = one["state"]
    for state in (ReviewState.CHANGES_REQUESTED, ReviewState.APPROVED):
        if state in decided.values():
            return state
    return ReviewState.COMMENTED if any(one["state"] == "commented" for one in kept.values()) else None
