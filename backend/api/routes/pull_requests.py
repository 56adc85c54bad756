"""Pull requests of tasks: listed, and what can be done to one."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from backend import db
from backend.api import bearer, pages
from backend.api.bearer import Caller
from backend.api.pages import Page, Turn, Whose
from backend.api.routes.tasks import shown
from backend.api.schemas.lists import DeedGiven, PullRequestShown
from backend.api.schemas.tasks import TaskShown
from backend.services import pull_request_actions, pull_request_pages, tasks
from backend.services.pull_request_actions import Deed
from backend.services.pull_request_pages import State, Wanted

router = bearer.router("/pull-requests", "Pull requests")
of_task = bearer.router("/tasks/{task_id}/pull-request", "Pull requests")


@router.get("", response_model=Page[PullRequestShown])
def list_pull_requests(
    caller: Caller,
    turn: Turn,
    whose: Whose = "mine",
    status: State = State.ALL,
    repository_id: UUID | None = None,
    q: Annotated[str, Query(max_length=200, description="Words of a title, a branch or a name, or a number.")] = "",
) -> Response:
    """The pull requests of the person's tasks, the newest task's first."""
    wanted = Wanted(status, repository_id, q, everyone=whose == "all")
    with db.transaction() as session:
        found = pull_request_pages.following(session, caller.user, wanted, turn.after(pages.Moment), size=turn.limit)
    return turn.page(found, pages.Moment, PullRequestShown.model_validate)


@of_task.put("/{deed}")
def change_pull_request(caller: Caller, task_id: UUID, deed: Deed, given: DeedGiven | None = None) -> TaskShown:
    """Merges, closes or opens again the task's pull request, or calls it ready, on GitHub in the person's name.

    For whoever may push. A merge names the head that was looked at, as `sha`; what is so already is done.
    """
    pull_request_actions.do(caller.user.id, task_id, deed, given.sha if given else "")
    with db.transaction() as session:
        return shown(tasks.entry(session, caller.user, task_id), caller.user)
