"""Starting and steering tasks. Whatever cannot be afforded or done is refused before it is queued."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID, uuid4, uuid5

from sqlalchemy import text as sql
from sqlmodel import Session

from backend import clock, jsonb, rate_limit
from backend.db import after_commit, lock, transaction
from backend.errors import Conflict, InvalidInput, NotFound, TooLarge
from backend.events import ring, task_topic
from backend.models import AiModel, Task, TaskMessage, TaskRun, User
from backend.services import (
    access,
    attachments,
    audit,
    catalog,
    credits,
    drafts,
    estimates,
    notices,
    provider_keys,
    repositories,
    runs,
)
from backend.services.waiting_messages import untaken
from backend.words import APPROVAL, Act, Effort, EventKind, ObjectKind, Phase, Priority, Status, TaskType, Visibility
from backend.workspace.git import check_branch

MAX_PROMPT = 32_000
MAX_PROMPT_BYTES = 64_500  # in the log a prompt shares 64 KiB with the rest of its entry
MAX_WAITING_MESSAGES = 20
TITLE = 80
_ENDED = "This task has already ended."
_OTHER_CONTENT = "This was already sent with another content."


@dataclass(frozen=True)
class Draft:
    """What the composer and the API hand over. Without a target branch the base is meant.

    With `plan_first` nothing is written before the person has approved a plan; only what may edit is planned.

    `attachments` are unsent images of the person's, in their order. A review may look at a pull request of the
    repository, by its number: the branch is then that one's target.
    """

    repository_id: UUID
    branch: str
    target_branch: str | None
    model_id: UUID
    task_type: TaskType
    priority: Priority
    prompt: str
    effort: Effort | None = None
    visibility: Visibility = Visibility.PRIVATE
    attachments: tuple[UUID, ...] = ()
    pull_number: int | None = None
    plan_first: bool = False


def check_prompt(prompt: str) -> str:
    """The prompt without outer blanks. Raises InvalidInput when empty or with NUL, TooLarge past 32,000 characters.

    Its bytes are counted as the log keeps them: a quotation mark is two, a control character six.
    """
    if len(prompt) > MAX_PROMPT:
        raise TooLarge(f"A prompt is at most {MAX_PROMPT:,} characters long; this one has {len(prompt):,}.")
    if "\x00" in prompt:
        raise InvalidInput("The prompt holds a NUL character.", field="prompt")
    prompt = jsonb.clean_text(prompt).strip()
    if jsonb.size(prompt) > MAX_PROMPT_BYTES:
        raise TooLarge(
            f"A prompt takes at most {MAX_PROMPT_BYTES:,} bytes in the log, and this one {jsonb.size(prompt):,}:"
            " symbols, quotation marks and control characters take more than one each."
        )
    if not prompt:
        raise InvalidInput("Describe what should be done.", field="prompt")
    return prompt


def send(user_id: UUID, draft: Draft, *, key: str = "", opened: drafts.Version | None = None) -> UUID:
    """Checks the branches against GitHub, then submits in a transaction of its own. Returns the task's id.

    For the doors: it takes no session, because it asks GitHub first. The saved draft that was `opened` is used up.
    """
    draft = found_on_github(user_id, draft)
    with transaction() as session:
        user = lock(session, User, user_id)  # before the draft, as where an account is deleted
        if user.disabled_at is not None:
            raise NotFound("The person no longer exists.")
        if opened is not None:
            drafts.use_up(session, user, opened)
        return submit(session, user, draft, key=key).id


def found_on_github(user_id: UUID, draft: Draft) -> Draft:
    """The draft with its prompt checked, once GitHub has its branches or its pull request. It takes no session.

    Every door comes by here, so here new tasks are counted. Raises TooMany, Unavailable where nobody counts,
    InvalidInput, TooLarge, NotFound, GitHubUnauthorized or GitHubError.
    """
    rate_limit.take(rate_limit.CREATIONS, user_id)
    draft = replace(draft, prompt=check_prompt(draft.prompt))
    if draft.pull_number is not None:
        pull = repositories.require_pull(user_id, draft.repository_id, draft.pull_number)
        return replace(draft, branch=pull.target_branch, target_branch=None)
    for branch in {draft.branch, draft.target_branch or draft.branch}:
        repositories.require_branch(user_id, draft.repository_id, branch)
    return draft


def submit(session: Session, user: User, draft: Draft, *, key: str = "") -> Task:
    """Holds the estimate, writes the task with its first run, rings after commit. The same key is one task.

    Raises InvalidInput, TooLarge, NotFound (a repository one cannot see), Forbidden (one cannot push to),
    NotEnoughCredits, Conflict (the same key with another content), and InvalidInput for images that the model does not
    take or that are not there.
    """
    task_id = _named(user, key)
    # Whoever comes with the same key meanwhile waits here, and then finds the task.
    session.execute(sql("SELECT pg_advisory_xact_lock(hashtextextended(:id, 0))"), {"id": str(task_id)})
    known = session.get(Task, task_id)
    if known is not None:
        is_same = _fixed(known) == _asked(draft)
        if not is_same or attachments.sent_with(session, known.id) != set(draft.attachments):
            raise Conflict(_OTHER_CONTENT)
        return known
    if draft.pull_number is not None and draft.task_type is not TaskType.PR_REVIEW:
        raise InvalidInput("Only a review looks at a pull request.", field="pull_number")
    if draft.plan_first and not draft.task_type.may_edit:
        raise InvalidInput("Only a task that may change files is planned first.", field="plan_first")
    prompt = check_prompt(draft.prompt)
    branch = check_branch(draft.branch)
    target = check_branch(draft.target_branch) if draft.target_branch else branch
    repository = access.require_to_work(session, user, draft.repository_id, draft.task_type)
    model = catalog.usable(session, draft.model_id, user)
    attachments.require_fit(model, draft.attachments)
    estimate = estimates.estimate(
        session,
        model.id,
        draft.task_type,
        repository.id,
        length=len(prompt),
        images=len(set(draft.attachments)),
        own=provider_keys.held_by(session, user.id),
    )
    task = Task(
        id=task_id,
        user_id=user.id,
        repository_id=repository.id,
        ai_model_id=model.id,
        title=title_of(prompt),
        prompt=prompt,
        branch=branch,
        target_branch=target,
        type=draft.task_type,
        priority=draft.priority,
        effort=draft.effort if draft.effort in catalog.efforts(model) else None,
        visibility=draft.visibility,
        pull_number=draft.pull_number,
        plan_first=draft.plan_first,
        estimated_credits=estimate.hold,
    )
    session.add(task)
    session.flush()
    session.refresh(task)
    attachments.claim(session, user.id, draft.attachments, task_id=task.id)
    runs.start(session, task, user, prompt, hold=estimate.hold)
    return task


def _fixed(task: Task) -> tuple[object, ...]:
    """What of a task never changes; its model, effort and visibility may have by the time a key comes again."""
    where = task.pull_number or (task.branch, task.target_branch)  # a pull request's target may be edited
    return task.repository_id, where, task.type, task.priority, task.prompt, task.plan_first


def _asked(draft: Draft) -> tuple[object, ...]:
    where = draft.pull_number or (draft.branch, draft.target_branch or draft.branch)
    return draft.repository_id, where, draft.task_type, draft.priority, check_prompt(draft.prompt), draft.plan_first


def title_of(prompt: str) -> str:
    """The prompt's first line, cut at a word."""
    first = " ".join(prompt.strip().splitlines()[0].split())
    if len(first) <= TITLE:
        return first
    return first[:TITLE].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"


def follow_up(
    session: Session,
    user: User,
    task_id: UUID,
    text: str,
    *,
    key: str = "",
    images: Sequence[UUID] = (),
    merges_target: bool = False,
) -> TaskMessage:
    """Adds a message to a task: the run that is alive reads it, otherwise a new run begins with it, with its own hold.

    What was not read before a stop comes first. The same key is one message. A new run begins with its target merged
    where that is asked for. Raises NotFound, Forbidden, InvalidInput, Conflict (too many waiting messages; the same key
    with another content; a merge while a run is alive), NotEnoughCredits, TooMany, Unavailable where nobody counts.
    """
    text = check_prompt(text)
    rate_limit.take(rate_limit.CREATIONS, user.id)  # before any lock
    task = access.owned(session, user, task_id, lock=True)
    message_id = _named(user, key)
    known = session.get(TaskMessage, message_id)
    if known is not None:
        sent = attachments.sent_with(session, task.id, known.id)
        if (known.task_id, known.text, sent) != (task.id, text, set(images)):
            raise Conflict(_OTHER_CONTENT)
        return known
    run = runs.alive(session, task.id)
    if run is not None and merges_target:
        raise Conflict("A run is at work. Merge when it has ended.")
    if run is not None and len(untaken(session, task.id)) >= MAX_WAITING_MESSAGES:
        raise Conflict("Enough messages wait already. Withdraw one first.")
    message = TaskMessage(id=message_id, task_id=task.id, user_id=user.id, run_id=run.id if run else None, text=text)
    session.add(message)
    session.flush()
    if images:
        attachments.require_fit(session.get_one(AiModel, task.ai_model_id), images)
        attachments.claim(session, user.id, images, task_id=task.id, message_id=message.id)
    if run is None:
        runs.follow_up(session, user, task, merges_target=merges_target)
    else:
        _changed(session, task)
    return message


def withdraw(session: Session, user: User, message_id: UUID, *, of: UUID | None = None) -> None:
    """Takes a waiting message back, one `of` that task; twice is once.

    Raises NotFound, Forbidden, or Conflict once the run has read it.
    """
    message = session.get(TaskMessage, message_id)
    if message is None or of not in (None, message.task_id):
        raise NotFound("There is no such message.")
    task = access.owned(session, user, message.task_id, lock=True)
    session.refresh(message)
    if message.taken_at is not None:
        raise Conflict("The run has read this message already.")
    message.withdrawn_at = message.withdrawn_at or clock.now()
    session.add(message)
    attachments.discard(session, message_id=message.id)
    _changed(session, task)


def cancel(session: Session, user: User, task_id: UUID) -> None:
    """Stops the task's run: at once while it waits, within a second or so while it works. Twice is once.

    Raises NotFound, Forbidden, or Conflict when it has ended or its work is being handed over.
    """
    _stop(session, user, *_alive(session, user, task_id))


def stop_for_admin(session: Session, user: User, task_id: UUID, *, address: str = audit.UNKNOWN) -> None:
    """As `cancel`, of anybody's task. Raises Forbidden, NotFound, Conflict."""
    access.require_admin(user)
    task = lock(session, Task, task_id)
    run = None if task.deleted_at else runs.alive(session, task.id)
    if run is None:
        raise Conflict(_ENDED)
    _stop(session, user, task, run)
    what = audit.Object(ObjectKind.TASK, str(task.id), f"run {run.number}")
    audit.record(session, Act.RUN_STOPPED, audit.by(user, address), what)


def _stop(session: Session, user: User, task: Task, run: TaskRun) -> None:
    is_unposted = task.type == TaskType.PR_REVIEW and run.phase == Phase.PARKED  # it waits until GitHub takes it
    if runs.is_handed_over(session, run.id) and not is_unposted:
        raise Conflict("It is too late to stop this: the work is being handed over to GitHub.")
    run.cancelled_by = user.id
    run.cancel_requested_at = run.cancel_requested_at or clock.now()
    session.add(run)
    session.flush()
    if run.status == Status.PENDING:
        runs.end(session, run.id, run.fence, runs.End(Status.CANCELLED, f"Stopped by {user.name}."))
    else:
        _changed(session, task)


def finish_now(session: Session, user: User, task_id: UUID) -> None:
    """Lets the run wrap up with what it has: one last turn, then the hand-over. Raises Conflict when it has ended."""
    task, run = _alive(session, user, task_id)
    run.finish_requested_at = run.finish_requested_at or clock.now()
    session.add(run)
    runs.wake(session, run, task)


def add_credits(session: Session, user: User, task_id: UUID, *, key: str) -> None:
    """Holds as much again for a run that works or waits for it, and wakes it; the same key is one hold.

    On the person's own key nothing is held: the run may cost as much again.

    Raises Conflict when the run has ended or not begun yet, NotEnoughCredits.
    """
    task, run = _alive(session, user, task_id)
    if run.started_at is None:
        raise Conflict("This run has not begun yet: it has all the credits that were held for it.")
    amount = task.estimated_credits or 5
    if run.own_key:
        words = f"Up to {credits.in_dollars(amount)} more may be spent on the own key."
        if runs.record(session, run, EventKind.NOTE, {"text": words, "code": "budget"}, f"more:{key}"):
            credits.allow(session, user.id, run, amount)
    else:
        credits.hold(session, user.id, run, amount, key=f"run:{run.id}:more:{key}")
    session.add(run)
    notices.tell(session, user.id, notices.CREDITS, {"task_id": str(task.id)})
    if run.reason != APPROVAL:  # which more credits do not answer
        runs.wake(session, run, task)


def _named(user: User, key: str) -> UUID:
    """The id that a person's key stands for: a lost answer and a second click find what the first one made."""
    return uuid5(user.id, key) if key else uuid4()


def _alive(session: Session, user: User, task_id: UUID) -> tuple[Task, TaskRun]:
    """The task and its run that is alive, both locked. Raises NotFound, Forbidden, or Conflict when it has ended."""
    task = access.owned(session, user, task_id, lock=True)
    run = runs.alive(session, task.id)
    if run is None:
        raise Conflict(_ENDED)
    return task, run


def _changed(session: Session, task: Task) -> None:
    seq = task.event_seq
    after_commit(session, lambda: ring(task_topic(task.id), str(task.id), seq, "changed"))
