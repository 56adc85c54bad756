"""Everything that can be refused or go wrong, by name.

AsyncCoderError                 has an HTTP status, a code and one sentence for a person
├── SignedOut            401    nobody is signed in, or the session has ended
└── Refusal                     every other: its sentence is told where the question was asked
    ├── InvalidInput         422    what was sent cannot be used
    ├── TooLarge             413    it is longer than we take
    ├── UnsupportedMedia     415    the body is of another kind than the one we read
    ├── Forbidden            403    one may see it, but not do this
    │   └── InsufficientScope 403   the token's scope does not reach so far
    ├── NotFound             404    it is not there, or not for this person
    ├── WrongMethod          405    it is there, but takes other methods
    ├── Conflict             409    it is in another state than the request assumes
    │   ├── StillRunning     409    the same request is being worked on just now
    │   └── StaleFence       409    another worker has taken this run over
    ├── NotEnoughCredits     402    the hold cannot be afforded
    ├── DailyLimit           429    the tier's credits of today are used or held
    ├── Unavailable          503    a part of ours is down just now
    ├── StatementRefused     500    the database is up, but ends the connection at this statement
    ├── Misconfigured        500    a setting or the machine must be mended; carries the fix
    │   └── SandboxUnavailable      no jail passes its self-test
    ├── TooMany              429    so many in this time are the limit; carries the wait
    ├── GitHubError          502    GitHub refused or failed
    │   ├── GitHubUnauthorized 403  GitHub's own token is no longer good: reconnect
    │   ├── GitHubNotFound   404
    │   └── GitHubUnprocessable 422 carries GitHub's own messages
    ├── GitError             502    a git command failed; carries its last words
    └── RunFailed            500    a run ends as failed; carries the Failure word
"""

from backend.words import Failure


class AsyncCoderError(Exception):
    """The root: `code` names it for programs, `str()` is a sentence for people."""

    status = 500
    code = "error"


class SignedOut(AsyncCoderError):
    """Nobody is signed in, or the session has ended: a page leads away instead of telling it."""

    status = 401
    code = "signed_out"


class Refusal(AsyncCoderError):
    """What a page tells in a sentence where it was asked."""


class InvalidInput(Refusal):
    """What was sent cannot be used; `field` says which part."""

    status = 422
    code = "invalid_input"

    def __init__(self, sentence: str, *, field: str | None = None) -> None:
        super().__init__(sentence)
        self.field = field


class TooLarge(Refusal):
    """It is longer than we take."""

    status = 413
    code = "too_large"


class Forbidden(Refusal):
    """One may see it, but not do this."""

    status = 403
    code = "forbidden"


class UnsupportedMedia(Refusal):
    """The body is of another kind than the one we read."""

    status = 415
    code = "unsupported_media_type"


class InsufficientScope(Forbidden):
    """The token's scope does not reach so far; `needed` is the one that would."""

    code = "insufficient_scope"

    def __init__(self, needed: str) -> None:
        super().__init__(f"This needs a token with the scope {needed}.")
        self.needed = needed


class NotFound(Refusal):
    """It is not there, or not for this person: the two are told alike."""

    status = 404
    code = "not_found"


class WrongMethod(Refusal):
    """It is there, but takes other methods."""

    status = 405
    code = "method_not_allowed"


class Conflict(Refusal):
    """It is in another state than the request assumes."""

    status = 409
    code = "conflict"


class StillRunning(Conflict):
    """The same request is being worked on just now; `retry_after`, in seconds, says when to ask again."""

    code = "still_running"
    retry_after = 1

    def __init__(self) -> None:
        super().__init__("This request is still being worked on. Send it again in a moment.")


class StaleFence(Conflict):
    """Another worker has taken this run over; whoever gets this must stop at once."""

    code = "stale_fence"

    def __init__(self, sentence: str = "This run has been taken over or ended.") -> None:
        super().__init__(sentence)


class NotEnoughCredits(Refusal):
    """The hold cannot be afforded. Both figures are whole credits."""

    status = 402
    code = "not_enough_credits"

    def __init__(self, needed: int, available: int) -> None:
        super().__init__(
            f"This needs a hold of {needed} credits, and {available} are available. Ask for more on the Credits page."
        )
        self.needed = needed
        self.available = available


class DailyLimit(Refusal):
    """The hold does not fit what the person's tier may use in a day (UTC). Whole credits; `retry_after` in seconds."""

    status = 429
    code = "daily_limit"

    def __init__(self, needed: int, left: int, limit: int, *, retry_after: int) -> None:
        super().__init__(
            f"This needs a hold of {needed} credits, and {left} of the {limit} that you may use in a day are left. "
            "The day ends at midnight UTC; your admin can put you into another tier."
        )
        self.needed, self.left, self.limit, self.retry_after = needed, left, limit, retry_after


class Unavailable(Refusal):
    """A part of ours is down just now; trying again helps."""

    status = 503
    code = "unavailable"


class StatementRefused(Refusal):
    """The database is up, but ends the connection each time it gets this statement; trying again does not help."""

    code = "statement_refused"


class Misconfigured(Refusal):
    """A setting or the machine must be mended; `fix` is the one line that does it."""

    code = "misconfigured"

    def __init__(self, sentence: str, *, fix: str) -> None:
        super().__init__(sentence)
        self.fix = fix


class SandboxUnavailable(Misconfigured):
    """No jail passes its self-test on this machine."""

    code = "sandbox_unavailable"


class TooMany(Refusal):
    """More than are taken in this time. `retry_after` in whole seconds; `headers` tell where the caller stands."""

    status = 429
    code = "too_many_requests"

    def __init__(self, sentence: str, *, retry_after: int, headers: dict[str, str]) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after
        self.headers = headers


class GitHubError(Refusal):
    """GitHub refused or failed; `retry_after` in seconds where it said so."""

    status = 502
    code = "github_error"

    def __init__(self, sentence: str, *, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class GitHubUnauthorized(GitHubError):
    """GitHub's token is no longer good: the person must reconnect GitHub. Not 401: they are signed in with us."""

    status = 403
    code = "github_unauthorized"


class GitHubNotFound(GitHubError):
    """GitHub does not know it, or does not show it to this token."""

    status = 404
    code = "github_not_found"


class GitHubUnprocessable(GitHubError):
    """GitHub understood and refused; `messages` are its own words."""

    status = 422
    code = "github_unprocessable"

    def __init__(self, sentence: str, *, messages: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.messages = messages


class GitError(Refusal):
    """A git command failed; the sentence carries its last words, never a secret."""

    status = 502
    code = "git_error"


class RunFailed(Refusal):
    """A run ends as failed, for the reason that `failure` names."""

    code = "run_failed"

    def __init__(self, failure: Failure, sentence: str | None = None) -> None:
        super().__init__(sentence or failure.sentence)
        self.failure = failure
