"""The product's words as they are stored: one spelling from table to page.

This leaf is imported by every room, so that the engine, which knows no database, and the tables spell things alike.
"""

from enum import StrEnum


class TaskType(StrEnum):
    """What kind of work was asked for; the set of tools follows from it."""

    DEBUG = "debug"
    ASK = "ask"
    DOCUMENTATION = "documentation"
    ARCHITECT = "architect"
    PR_REVIEW = "pr_review"
    ASYNC = "async"

    @property
    def may_edit(self) -> bool:
        """Whether a task of this type may change files and so needs a push."""
        return self in (TaskType.DEBUG, TaskType.DOCUMENTATION, TaskType.ASYNC)


class Priority(StrEnum):
    """How urgent a task is; the queue's weights are 1, 5 and 10."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def weight(self) -> int:
        """The weight the queue orders by."""
        return {"low": 1, "medium": 5, "high": 10}[self.value]


class Effort(StrEnum):
    """How hard a model that can be told so should think."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Decision(StrEnum):
    """What a person says of a plan."""

    APPROVE = "approve"
    CHANGE = "change"
    DISCARD = "discard"


class Tier(StrEnum):
    """What a person is subscribed to."""

    FREE = "free"
    PRO = "pro"
    ENTERPRISE = "enterprise"

    @property
    def concurrency(self) -> int:
        """How many runs may be at work for such a person at once; what they may spend is the operator's to say."""
        return {Tier.FREE: 2, Tier.PRO: 4, Tier.ENTERPRISE: 8}[self]


class Visibility(StrEnum):
    """Who may read a task: its owner alone, or whoever has access to its repository."""

    PRIVATE = "private"
    REPOSITORY = "repository"


class Status(StrEnum):
    """The five states of a run, and of the task whose newest run it is."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_end(self) -> bool:
        """Whether nothing more happens to a run in this state."""
        return self in (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


class Phase(StrEnum):
    """Where inside its status a run stands."""

    QUEUED = "queued"
    PREPARING = "preparing"
    RUNNING = "running"
    VERIFYING = "verifying"
    FINISHING = "finishing"
    PARKED = "parked"
    ENDED = "ended"


PLANNING = "planning"  # what a run does that may not write yet
APPROVAL = "approval"  # the reason of a run that is parked because its plan waits for its person


class Outcome(StrEnum):
    """How a completed run ended; `merged` is only ever a task's."""

    PR_OPENED = "pr_opened"
    PR_UPDATED = "pr_updated"
    ANSWERED = "answered"
    REVIEWED = "reviewed"
    NO_CHANGES = "no_changes"
    MERGED = "merged"


class Verdict(StrEnum):
    """What the worker's own run of the tests on the final commit said."""

    VERIFIED = "verified"
    FAILED = "failed"
    NOT_RUN = "not_run"
    CANNOT_RUN = "cannot_run"


class PullRequestStatus(StrEnum):
    """GitHub's states of a pull request, as one word."""

    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"
    MERGED = "merged"


class ChecksState(StrEnum):
    """A pull request's checks in one word: one that failed outweighs those that go on."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"


class ReviewState(StrEnum):
    """A pull request's reviews in one word: each reviewer's last decision counts, and a refusal outweighs approvals."""

    APPROVED = "approved"
    CHANGES_REQUESTED = "changes_requested"
    COMMENTED = "commented"


class Failure(StrEnum):
    """Why a run failed. Each has one sentence, and platform faults are refunded."""

    CLONE_FAILED = "clone_failed"
    REPOSITORY_GONE = "repository_gone"
    ACCESS_LOST = "access_lost"
    SETUP_FAILED = "setup_failed"
    SANDBOX_UNAVAILABLE = "sandbox_unavailable"
    SANDBOX_LOST = "sandbox_lost"
    DISK_FULL = "disk_full"
    MODEL_AUTH = "model_auth"
    MODEL_RATE_LIMITED = "model_rate_limited"
    MODEL_OVERLOADED = "model_overloaded"
    CONTEXT_EXCEEDED = "context_exceeded"
    BUDGET_EXHAUSTED = "budget_exhausted"
    STUCK = "stuck"
    TIMEOUT = "timeout"
    SECRET_FOUND = "secret_found"
    NOT_ALLOWED = "not_allowed"
    PUSH_REJECTED = "push_rejected"
    CONFLICT = "conflict"
    PR_CREATE_FAILED = "pr_create_failed"
    INTERNAL_ERROR = "internal_error"

    @property
    def is_platform_fault(self) -> bool:
        """Whether we, not the person or the model, are to blame: the charge is refunded."""
        return self in (
            Failure.SANDBOX_LOST,
            Failure.DISK_FULL,
            Failure.INTERNAL_ERROR,
            Failure.PR_CREATE_FAILED,
            Failure.CLONE_FAILED,
            Failure.NOT_ALLOWED,
        )

    @property
    def retries_by_itself(self) -> bool:
        """Whether another attempt of the same run may help without a person."""
        return self in (
            Failure.CLONE_FAILED,
            Failure.SANDBOX_LOST,
            Failure.INTERNAL_ERROR,
            Failure.PR_CREATE_FAILED,
            Failure.MODEL_OVERLOADED,
            Failure.MODEL_RATE_LIMITED,
        )

    @property
    def sentence(self) -> str:
        """One sentence for the person whose run this was."""
        return _FAILURE_SENTENCES[self]


_FAILURE_SENTENCES = {
    Failure.CLONE_FAILED: "The repository could not be fetched.",
    Failure.REPOSITORY_GONE: "The repository or its branch no longer exists.",
    Failure.ACCESS_LOST: "Your GitHub account can no longer reach this repository. Reconnect GitHub or ask for access.",
    Failure.SETUP_FAILED: "The repository's set-up script failed.",
    Failure.SANDBOX_UNAVAILABLE: "No working jail is available on this machine, so no command was run. Ask your admin.",
    Failure.SANDBOX_LOST: "The jail ended unexpectedly.",
    Failure.DISK_FULL: "The worker ran out of disk space.",
    Failure.MODEL_AUTH: "The model's provider refused the key. Look at your own in Settings, or ask your admin.",
    Failure.MODEL_RATE_LIMITED: "The model's provider limited the rate for too long.",
    Failure.MODEL_OVERLOADED: "The model's provider was unavailable for too long.",
    Failure.CONTEXT_EXCEEDED: "The conversation no longer fits the model's context window.",
    Failure.BUDGET_EXHAUSTED: "The budget of the run is used up.",
    Failure.STUCK: "The model kept repeating itself and was stopped.",
    Failure.TIMEOUT: "The run took longer than it may.",
    Failure.SECRET_FOUND: "The changes contain what looks like a secret, so they were not pushed.",
    Failure.NOT_ALLOWED: "Files changed that a task of this type may not change, so nothing was handed over.",
    Failure.PUSH_REJECTED: "GitHub did not accept the push. The changes are kept as a patch.",
    Failure.CONFLICT: "The changes conflict with the branch. The changes are kept as a patch.",
    Failure.PR_CREATE_FAILED: "The branch was pushed, but the pull request could not be opened.",
    Failure.INTERNAL_ERROR: "Something went wrong on our side.",
}


class Act(StrEnum):
    """What an entry of the audit log says was done."""

    SIGN_IN = "sign_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGN_OUT = "sign_out"
    SESSION_ENDED = "session_ended"
    TOKEN_MADE = "token_made"
    TOKEN_REVOKED = "token_revoked"
    TOKEN_USED = "token_used"
    DEVICE_ALLOWED = "device_allowed"
    DEVICE_REFUSED = "device_refused"
    GITHUB_CONNECTED = "github_connected"
    GITHUB_DISCONNECTED = "github_disconnected"
    ACCOUNT_DELETED = "account_deleted"
    SHUT_OUT = "shut_out"
    CREDITS_GRANTED = "credits_granted"
    CREDITS_DECLINED = "credits_declined"
    ROLE_CHANGED = "role_changed"
    TIER_CHANGED = "tier_changed"
    PERSON_DISABLED = "person_disabled"
    PERSON_ENABLED = "person_enabled"
    PROVIDER_KEY_ADDED = "provider_key_added"
    PROVIDER_KEY_REMOVED = "provider_key_removed"
    REPOSITORY_SETTINGS_CHANGED = "repository_settings_changed"
    SETUP_CHANGED = "setup_changed"
    SECRET_CHANGED = "secret_changed"
    SECRET_REMOVED = "secret_removed"
    KEYS_ROTATED = "keys_rotated"
    QUEUE_PAUSED = "queue_paused"
    QUEUE_RESUMED = "queue_resumed"
    RUN_STOPPED = "run_stopped"  # somebody else's
    MODEL_ADDED = "model_added"
    MODEL_CHANGED = "model_changed"
    MODEL_PRICED = "model_priced"
    PROVIDER_TESTED = "provider_tested"
    BACKUP_MADE = "backup_made"
    CACHE_EMPTIED = "cache_emptied"
    RUN_RETRIED = "run_retried"  # somebody else's
    DELIVERY_REPLAYED = "delivery_replayed"
    ANNOUNCED = "announced"
    ANNOUNCEMENT_CHANGED = "announcement_changed"
    ANNOUNCEMENT_ENDED = "announcement_ended"
    ANNOUNCEMENT_DELETED = "announcement_deleted"


class ObjectKind(StrEnum):
    """What an act was done to."""

    PERSON = "person"
    SESSION = "session"
    TOKEN = "token"
    DEVICE = "device"
    PROVIDER_KEY = "provider_key"
    REPOSITORY = "repository"
    SECRET = "secret"
    DEPLOYMENT = "deployment"
    TASK = "task"
    MODEL = "model"
    PROVIDER = "provider"
    DELIVERY = "delivery"
    ANNOUNCEMENT = "announcement"


class EventKind(StrEnum):
    """What an entry of a task's log says. Payloads are described beside each kind."""

    PROMPT = "prompt"  # {text, run}: what the person asked, opening a run
    PHASE = "phase"  # {status, phase, reason, until}: a run moved on
    WORKSPACE = "workspace"  # {base_sha, branch, duration_ms, sandbox, restored}: the checkout is ready
    USER_MESSAGE = "user_message"  # {text, message_id}: a follow-up taken in while running
    MODEL_TURN = "model_turn"  # {parts, usage, cost_micro, stop_reason, duration_ms, model}; raw: provider's bytes
    TOOL_STARTED = "tool_started"  # {call_id, name, args}
    # {call_id, name, text, is_error, exit_code, duration_ms, summary, path, added, removed, malformed};
    # raw: full output
    TOOL_RESULT = "tool_result"
    WAIT = "wait"  # {reason, until, attempt}: a provider asked for patience
    NOTE = "note"  # {text, code}: the platform's own words (a limit, a nudge, an interruption)
    PLAN = "plan"  # {number, title, text}: what the model means to do before it may write, counted over the task
    # {number, decision, text, plan, is_edited, by}: what the person said of it; `plan` is what they approved
    PLAN_DECIDED = "plan_decided"
    COMPACTED = "compacted"  # {mode, until, dropped, kept, text}: what the model gets was shortened; the log was not
    CHECKPOINT = "checkpoint"  # {tree, bytes}; the binary diff is an artifact
    COMMIT = "commit"  # {sha, files, added, removed, title}
    EVIDENCE = "evidence"  # {verdict, command, exit_code, duration_ms, sha, log_sha256, reason, weakened}
    PUSH = "push"  # {branch, sha}
    PULL_REQUEST = "pull_request"  # {number, url, status, title, at}
    SETTLED = "settled"  # {charged, held, released, refunded, cost_micro, own_key}
    ENDED = "ended"  # {status, outcome, failure, text, pull_request}
