"""What an owner does with a task beside its work: name it, put it away, share it, delete it."""

from uuid import UUID

from sqlmodel import Session

from backend import clock
from backend.db import after_commit
from backend.errors import Conflict, InvalidInput
from backend.events import ring, task_topic
from backend.models import Task, User
from backend.services import access, attachments, notices, runs
from backend.words import Visibility

MAX_TITLE = 120


def rename(session: Session, user: User, task_id: UUID, title: str) -> None:
    """Gives the task another title. Raises NotFound, Forbidden, InvalidInput (not one line of 1 to 120 characters)."""
    title = check_title(title)
    task = access.owned(session, user, task_id, lock=True)
    task.title = title
    _changed(session, task)


def check_title(title: str) -> str:
    """The title without outer blanks. Raises InvalidInput."""
    title = title.strip()
    if not title:
        raise InvalidInput("A task needs a title.", field="title")
    if len(title) > MAX_TITLE:
        raise InvalidInput(f"A title is at most {MAX_TITLE} characters long; this one has {len(title)}.", field="title")
    if not title.isprintable():
        raise InvalidInput("A title is one line of text.", field="title")
    return title


def archive(session: Session, user: User, task_id: UUID) -> None:
    """Takes an ended task out of the lists; twice is once. Raises NotFound, Forbidden, Conflict while it works."""
    task = access.owned(session, user, task_id, lock=True)
    _require_ended(session, task, "archive it")
    task.archived_at = task.archived_at or clock.now()
    _changed(session, task)


def unarchive(session: Session, user: User, task_id: UUID) -> None:
    """Brings an archived task back into the lists; twice is once. Raises NotFound, Forbidden."""
    task = access.owned(session, user, task_id, lock=True)
    task.archived_at = None
    _changed(session, task)


def delete(session: Session, user: User, task_id: UUID) -> None:
    """Takes the task away for good, for everyone: its log, its changes, its messages are no longer shown,
    and its images are removed.

    Its pull request stays on GitHub, and its entries in the ledger stay.
    Raises NotFound (also the second time), Forbidden, Conflict while it works.
    """
    task = access.owned(session, user, task_id, lock=True)
    _require_ended(session, task, "delete it")
    task.deleted_at = clock.now()
    attachments.discard(session, task_id=task.id)
    _changed(session, task)


def set_visibility(session: Session, user: User, task_id: UUID, visibility: Visibility) -> None:
    """Lets whoever has access to the repository read the task, or nobody but its owner. Raises NotFound, Forbidden."""
    task = access.owned(session, user, task_id, lock=True)
    notices.ring_readers(session, task)  # those who can read it until now
    task.visibility = visibility
    _changed(session, task)


def _require_ended(session: Session, task: Task, what: str) -> None:
    if runs.alive(session, task.id) is not None:
        raise Conflict(f"This task is still at work. Stop it first, then {what}.")


def _changed(session: Session, task: Task) -> None:
    """Writes the task and rings for its page and for everyone whose lists show it. It is not moved up in them."""
    session.add(task)
    session.flush()
    topic, seq = task_topic(task.id), task.event_seq
    after_commit(session, lambda: ring(topic, str(task.id), seq, "changed"))
    notices.ring_list(session, task.user_id, task.id)
    notices.ring_readers(session, task)
