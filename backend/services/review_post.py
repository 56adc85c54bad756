"""A review's way to GitHub: one review, its findings as comments on the lines that were read, and once.

What GitHub does not take as a comment stands in the review's body; what it does not take at all stays on the task's
page, which says so. Another attempt of the run finds what was posted by the marker in it. Of what an earlier review of
the same pull request told nothing is told again.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend import jsonb
from backend.db import patiently
from backend.engine.assignment import Ending
from backend.errors import GitHubError, GitHubNotFound, GitHubUnauthorized, GitHubUnprocessable, InvalidInput
from backend.github.client import GitHub
from backend.github.types import LineComment, RemotePull, RemoteReview
from backend.services import earlier_reviews, repositories, review_subject, whereabouts
from backend.services.credits import to_credits
from backend.services.earlier_reviews import Finding
from backend.services.report import cost, harmless, quiet
from backend.services.results import SEVERITIES
from backend.services.review_subject import ReviewSubject
from backend.services.reviews import lines_of
from backend.services.workplace import Workplace
from backend.settings import get_settings
from backend.words import EventKind, PullRequestStatus
from backend.workspace.pull import PullChanges

POSTED = "review_posted"
MOST_COMMENTS = 50  # of a review; what is beyond stands in its body
_MOST_WORDS = 8_000  # characters of one finding
_MOST_BODY = 60_000  # characters; GitHub refuses over 65,536
_PAUSES = (1.0, 4.0, None)  # seconds before GitHub is asked again after a fault of its own
_MOST_READ = 200  # characters of a line, by which it is known again
_OPEN = (PullRequestStatus.OPEN, PullRequestStatus.DRAFT)


@dataclass(frozen=True)
class _Review:
    """What is to be posted: `fresh` findings, by whether they are on a line of the diff."""

    subject: ReviewSubject
    marker: str
    head: str
    foot: str
    on_lines: Sequence[Finding]
    others: Sequence[Finding]

    def body(self, others: Sequence[Finding]) -> str:
        """The review's own words, with the findings that are no comments."""
        listed = [f"- {_where(one)} **{one['severity']}**: {_words(one['text'])}" for one in others]
        parts = [self.head, *(["Beside the changed lines:", "\n".join(listed)] if listed else [])]
        room = _MOST_BODY - len(self.foot) - len(self.marker) - 10
        return "\n\n".join(["\n\n".join(parts)[:room], self.foot, self.marker])

    def comments(self) -> list[LineComment]:
        """The findings on lines."""
        return [
            LineComment(one["path"], one["line"], f"**{one['severity']}**: {_words(one['text'])}")
            for one in self.on_lines
        ]


def post(place: Workplace, ending: Ending, findings: Sequence[Finding]) -> tuple[list[Finding], dict[str, Any]]:
    """Posts what is new. The findings with what their lines read and whether they are `told` again, and what became.

    The second is {url, text}: where the review stands, empty where none does, and a sentence for the task's page.
    Raises StaleFence, GitHubError with `retry_after` where the rate is limited.
    """
    subject = review_subject.told(place.facts.log, place.facts.number)
    assert subject is not None
    lines, facts = _Lines(place.changes), place.facts
    earlier = patiently(
        lambda session: earlier_reviews.read(session, facts.repository_id, subject.number, facts.claim.run_id)
    )
    findings = [_fitting(one) | {"reads": lines.reads(one)} for one in findings]
    findings = [one | {"told": earlier.holds(one)} for one in findings]
    fresh = [one for one in findings if not one["told"]]
    if earlier.reviews and not fresh:
        return findings, _noted(place, "", "Nothing is new since the last review, so nothing was posted.")
    review = _review(place, ending, subject, fresh, len(findings) - len(fresh))
    try:
        made, how = repositories.with_github(facts.user_id, lambda github: _once(github, place, review))
    except (GitHubNotFound, GitHubUnauthorized) as error:
        return findings, _noted(place, "", f"The review could not be posted: {error} It is kept here.")
    except GitHubError as error:
        if error.retry_after is not None:
            raise
        return findings, _noted(place, "", f"GitHub did not take the review: {error} It is kept here.")
    return findings, _noted(place, made.url, f"Posted on #{subject.number}{how}.")


class _Lines:
    """The lines on which GitHub takes a comment: those of the diff's right side, by file, read once."""

    def __init__(self, changes: PullChanges | None) -> None:
        self._changes = changes
        self._known: dict[str, dict[int, str]] = {}

    def reads(self, finding: Finding) -> str | None:
        """What the finding's line reads, None where it is none of the diff."""
        path = finding["path"]
        if path not in self._known:
            self._known[path] = self._of(path)
        line = self._known[path].get(finding["line"])
        return None if line is None else line[:_MOST_READ]

    def _of(self, path: str) -> dict[int, str]:
        if self._changes is None:
            return {}
        try:
            found = lines_of(self._changes.of(path))
        except InvalidInput:
            return {}
        return {number: text.strip() for (side, number), text in found if side == "new"}


def _review(place: Workplace, ending: Ending, subject: ReviewSubject, fresh: Sequence[Finding], again: int) -> _Review:
    facts = place.facts
    on_lines = [one for one in fresh if one["reads"] is not None][:MOST_COMMENTS]
    others = [one for one in fresh if one not in on_lines]
    stands = f" {again} of before still {'stands' if again == 1 else 'stand'}." if again else ""
    title = _words(ending.title)
    link = f"{get_settings().origin}/tasks/{facts.task_id}"
    price = cost(to_credits(ending.cost_micro, facts.margin), own_key=facts.own_key)
    foot = f"By {facts.model_name}, {price}, of {subject.head_sha[:12]}.{stands}"
    return _Review(
        subject=subject,
        marker=f"<!-- asynccoder:review:{facts.claim.run_id} -->",
        head=f"**{title}**\n\n{_words(ending.text, _MOST_BODY)}",
        foot=f"{foot} [The task's log]({link})",
        on_lines=on_lines,
        others=others,
    )


def _once(github: GitHub, place: Workplace, review: _Review) -> tuple[RemoteReview, str]:
    """The review as GitHub has it, which an earlier attempt, or a call whose answer was lost, may have made."""
    number = review.subject.number
    for pause in _PAUSES:
        try:
            name = whereabouts.asked(github, place.facts).full_name  # a POST follows no rename
            login = github.me().login  # a marker that somebody else has copied is no review of ours
            known = (one for one in github.reviews(name, number) if review.marker in one.body)
            found = next((one for one in known if one.author.lower() == login.lower()), None)
            return (found, "") if found else _made(github, name, review)
        except GitHubError as error:
            if type(error) is not GitHubError or error.retry_after is not None or pause is None:
                raise
            time.sleep(pause)
    raise AssertionError("the last pause is None")


def _made(github: GitHub, name: str, review: _Review) -> tuple[RemoteReview, str]:
    """One that is no longer open gets no comments on lines: each would be a conversation that nobody closes."""
    number = review.subject.number
    now = github.pull(name, number)
    is_open = not isinstance(now, RemotePull) or now.status in _OPEN
    whole = review.body([*review.on_lines, *review.others])
    if not is_open:
        made = github.post_review(name, number, body=whole)
        return made, ", which is no longer open, without comments on lines"
    comments, sha = review.comments(), review.subject.head_sha
    try:
        made = github.post_review(name, number, body=review.body(review.others), sha=sha, comments=comments)
    except GitHubUnprocessable as error:
        return github.post_review(name, number, body=whole), f" in one piece: it took no comments on lines ({error})"
    return made, f" with {_counted(len(comments))} on lines" if comments else ""


def _counted(comments: int) -> str:
    return "1 comment" if comments == 1 else f"{comments} comments"


def _fitting(finding: Finding) -> Finding:
    severity = finding["severity"]
    return finding | {"severity": severity if severity in SEVERITIES else "info"}


def _noted(place: Workplace, url: str, text: str) -> dict[str, Any]:
    """Told in the log too, once a run."""
    place.recorder.once(EventKind.NOTE, {"text": jsonb.cut(text, 1_000), "code": POSTED, "url": url}, "review-posted")
    return {"url": url, "text": text}


def _where(finding: Finding) -> str:
    path = re.sub(r"[`\x00-\x1f]", " ", quiet(finding["path"]))
    return f"`{path}:{finding['line']}`" if finding["line"] > 0 else f"`{path}`"


def _words(text: str, most: int = _MOST_WORDS) -> str:
    return harmless(text, most)
