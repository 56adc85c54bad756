"""The dashboard's addresses, in one place. `/api /auth /files /health` belong to the API, `/_event /ping` to Reflex."""

from urllib.parse import urlencode
from uuid import UUID

LANDING = "/"
HOME = "/home"
TASKS = "/tasks"
TASK = "/tasks/[task_id]"
PULL_REQUESTS = "/pull-requests"
REPOSITORIES = "/repositories"
REPOSITORY = "/repositories/[repository_id]"
CREDITS = "/credits"
ANALYTICS = "/analytics"
SETTINGS = "/settings"
DEVICE = "/device"
ADMIN_PEOPLE = "/admin/people"
ADMIN_QUEUE = "/admin/queue"
ADMIN_MODELS = "/admin/models"
ADMIN_SETUP = "/admin/setup"
ADMIN_CACHES = "/admin/caches"
ADMIN_TASKS = "/admin/tasks"
ADMIN_DELIVERIES = "/admin/deliveries"
ADMIN_AUDIT = "/admin/audit"
ADMIN_ANNOUNCEMENTS = "/admin/announcements"

# Pages that are built as folders with an index.
FOLDERS = (
    *(HOME, TASKS, REPOSITORIES, PULL_REQUESTS, CREDITS, ANALYTICS, SETTINGS, DEVICE),
    *(ADMIN_PEOPLE, ADMIN_QUEUE, ADMIN_MODELS, ADMIN_SETUP, ADMIN_CACHES),
    *(ADMIN_TASKS, ADMIN_DELIVERIES, ADMIN_AUDIT, ADMIN_ANNOUNCEMENTS),
)

# Pages whose address holds an id are built once, for an id that none has.
FRAMES = {TASK: "/tasks/_", REPOSITORY: "/repositories/_"}

SIGN_IN = "/auth/sign-in"
SIGN_OUT = "/auth/sign-out"


def task_page(task_id: str) -> str:
    """Where a task is shown."""
    return f"/tasks/{task_id}"


def task_in(path: str) -> UUID | None:
    """The task whose page has this path."""
    before, _, last = path.rstrip("/").rpartition("/")
    try:
        return UUID(last) if before == TASKS else None
    except ValueError:
        return None


def folder_of(path: str) -> str:
    """The folder in which the page of this path was built, with its slash; empty where there is none."""
    if path in FOLDERS:
        return f"{path}/"
    above, _, last = path.rstrip("/").rpartition("/")
    frame = f"{above}/_"
    return f"{frame}/" if last and frame in FRAMES.values() else ""


def repository_page(repository_id: str) -> str:
    """Where a repository is shown."""
    return f"/repositories/{repository_id}"


def tasks_of(repository_id: str) -> str:
    """The tasks on a repository, other people's as well."""
    return f"{TASKS}?{urlencode({'repository': repository_id, 'all': '1'})}"


def patch_file(task_id: str) -> str:
    """Where a task's changes are downloaded as one patch."""
    return f"/files/tasks/{task_id}/patch"


def export_file(task_id: str, kind: str) -> str:
    """Where a task is downloaded whole: `html` to read, `jsonl` to run again."""
    return f"/files/tasks/{task_id}/export.{kind}"


def credits_file(kind: str, task_id: str, days: str) -> str:
    """Where the ledger is downloaded, with these filters; without a task, that of all."""
    wanted = {"type": kind, "days": days, **({"task": task_id} if task_id else {})}
    return f"/files/credits.csv?{urlencode(wanted)}"


def analytics_file(scope: str, days: str) -> str:
    """Where the figures of the analytics page are downloaded."""
    return f"/files/analytics.csv?{urlencode({'scope': scope, 'days': days})}"


def audit_file(kind: str, wanted: dict[str, str]) -> str:
    """Where the audit log is downloaded as "csv" or "jsonl", with the filters of its page."""
    given = {name: value for name, value in wanted.items() if value}
    return f"/files/audit.{kind}" + (f"?{urlencode(given)}" if given else "")


def sign_in(back_to: str) -> str:
    """Where GitHub is connected, anew as well; it leads back to `back_to`."""
    return f"{SIGN_IN}?{urlencode({'next': back_to})}"
