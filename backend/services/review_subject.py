"""The pull request that a review's run looks at, as it stood when the run began: an entry of the log, read by every
attempt, since on GitHub its words and its head may change any moment.
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from backend import jsonb
from backend.engine.transcript import REVIEW, LogEntry
from backend.errors import GitError, GitHubUnauthorized, InvalidInput, RunFailed
from backend.github.types import RemotePull
from backend.hidden_text import plain, visible
from backend.services import repositories
from backend.services.brief import Brief
from backend.services.issues import title_of
from backend.words import EventKind, Failure, PullRequestStatus
from backend.workspace.mirror import Mirror
from backend.workspace.pull import PullChanges

MOVED = "review_moved"
_MOST_BODY = 8_000  # characters of the description
_MOST_DIFF = 24_000  # bytes; the rest is the tool's
_MOST_STAT = 8_000  # characters


@dataclass(frozen=True)
class ReviewSubject:
    """`base_sha` is where the head left its target, empty where they have nothing in common. `run` counts from 1."""

    run: int
    number: int
    title: str
    body: str
    author: str
    status: str
    source: str
    target: str
    url: str
    base_sha: str
    head_sha: str

    def entry(self, opening: str) -> LogEntry:
        """How the log keeps it, with the words that the conversation opens with."""
        gone = "" if self.status in (PullRequestStatus.OPEN, PullRequestStatus.DRAFT) else f" It is {self.status}."
        text = f"Review of #{self.number}: {self.title}. {self.source} into {self.target} at {self.head_sha[:7]}.{gone}"
        payload = jsonb.fit({"code": REVIEW, "text": text, **asdict(self)})
        return LogEntry(EventKind.NOTE, payload, zlib.compress(opening.encode("utf-8", "replace")))


def told(log: Sequence[LogEntry], run: int) -> ReviewSubject | None:
    """What an earlier attempt of this run was told."""
    return next((one for one in map(_read, _entries(log)) if one.run == run), None)


def before(log: Sequence[LogEntry]) -> ReviewSubject | None:
    """What the run before was told."""
    entries = _entries(log)
    return _read(entries[-1]) if entries else None


def opening(log: Sequence[LogEntry]) -> str:
    """What the task's first run was told: the conversation opens with it, whatever became of it since."""
    raw = next((entry.raw for entry in _entries(log) if entry.raw), None)
    return zlib.decompress(raw).decode() if raw else ""


def ask(facts: Brief, number: int, mirror: Mirror) -> ReviewSubject:
    """How the pull request stands on GitHub, with the head that the mirror fetched.

    Raises RunFailed(repository_gone, access_lost), GitHubError.
    """
    try:
        pull = repositories.require_pull(facts.user_id, facts.repository_id, number)
    except InvalidInput as error:
        raise RunFailed(Failure.REPOSITORY_GONE, str(error)) from error
    except GitHubUnauthorized as error:
        raise RunFailed(Failure.ACCESS_LOST, str(error)) from error
    head = mirror.pull_sha(number)
    return ReviewSubject(
        run=facts.number,
        number=number,
        title=title_of(pull.title),
        body=_cut(visible(pull.body or "").strip(), _MOST_BODY),
        author=pull.author,
        status=pull.status.value,
        source=plain(pull.source or pull.source_branch),
        target=plain(pull.target_branch),
        url=pull.url,
        base_sha=_base(pull, head, mirror) or "",
        head_sha=head,
    )


def moved(now: ReviewSubject) -> LogEntry:
    """What the model is told when a later run finds another head."""
    text = (
        f"The pull request has moved on: the files are those of {now.head_sha[:12]} now, and read_diff shows up to it."
    )
    return LogEntry(EventKind.NOTE, {"code": MOVED, "text": text})


def quoted(subject: ReviewSubject, changes: PullChanges | None, told: str = "") -> str:
    """The pull request for the model: its author's words and changes, each in a fence that they cannot leave.

    `told` is what earlier reviews found.
    """
    about = (
        f"Pull request #{subject.number} ({subject.status}) by {subject.author or 'somebody'}: {subject.source} "
        f"({subject.head_sha[:12]}) into {subject.target}."
    )
    parts = [about, f"Its title:\n{_fenced(subject.title)}"]
    parts += [f"Its description:\n{_fenced(subject.body)}"] if subject.body else ["It has no description."]
    if told:
        parts.append(f"Earlier reviews have told its author this; report only what is new:\n{_fenced(told)}")
    if changes is None:
        return "\n\n".join([*parts, "It has no commit in common with its target: judge the files as they are."])
    diff, size = changes.beginning(_MOST_DIFF)
    parts.append(f"What it changes since it left {subject.target} at {subject.base_sha[:12]}:")
    parts.append(_fenced(_cut(changes.stat(), _MOST_STAT) or "(nothing)"))
    if diff:
        parts.append(f"The diff:\n{_fenced(diff.rstrip())}")
    if size > _MOST_DIFF:
        parts.append(f"(cut here, after {_MOST_DIFF:,} of {size:,} bytes; read_diff shows the rest, file by file)")
    return "\n\n".join(parts)


def _entries(log: Sequence[LogEntry]) -> list[LogEntry]:
    return [one for one in log if one.kind is EventKind.NOTE and one.payload.get("code") == REVIEW]


def _read(entry: LogEntry) -> ReviewSubject:
    return ReviewSubject(**{field.name: entry.payload[field.name] for field in fields(ReviewSubject)})


def _base(pull: RemotePull, head: str, mirror: Mirror) -> str | None:
    """Of one that was merged the target holds the head by now, so that GitHub's older tip comes first."""
    try:
        tip = mirror.branch_sha(pull.target_branch)
        known = pull.base_sha if mirror.holds(pull.base_sha) else None
    except (InvalidInput, GitError):
        return None
    is_open = pull.status in (PullRequestStatus.OPEN, PullRequestStatus.DRAFT)
    start = (tip or known) if is_open else (known or tip)
    return mirror.merge_base(start, head) if start else None


def _fenced(words: str) -> str:
    fence = "`" * (max((len(run) for run in re.findall(r"`{3,}", words)), default=2) + 1)
    return f"{fence}\n{words}\n{fence}"


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[:most].rstrip()}\n(cut here)"
