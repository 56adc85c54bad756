"""The road of a run on real git, a real jail and the local hub: a person, a task, and a worker that may die."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.context import ForkProcess
from uuid import UUID

from sqlalchemy import text
from sqlmodel import select

from backend import db, providers
from backend.github.client import GitHub
from backend.models import AiModel, Task, TaskEvent, TaskRun, User
from backend.services import attempts, auth, catalog, repositories, tasks, workplace
from backend.settings import get_settings
from backend.words import Phase, Priority, TaskType
from tests import dying_worker
from tests.hub import LocalHub
from tests.syncing import sync

PROMPT = "Totals are off by a cent. Find out why and fix it."


def signed_in(hub: LocalHub, login: str) -> UUID:
    """A person who came through the hub's true sign-in, with their repositories."""
    token = hub.token(login)
    with GitHub(get_settings().github_api_url, token.access_token) as github:
        profile = github.me()
    with db.transaction() as session:
        catalog.fill(session)
        user, _ = auth.sign_in(session, profile, token, "test")
    sync(user.id)
    return user.id


def submit(
    user_id: UUID,
    full_name: str = "alice/sample-shop",
    prompt: str = PROMPT,
    branch: str = "main",
    task_type: TaskType = TaskType.DEBUG,
    pull: int | None = None,
    model: str = "demo-scripted",
    plan_first: bool = False,
) -> UUID:
    """Sends a task, to the demo's model unless another is named."""
    with db.transaction() as session:
        user = session.get_one(User, user_id)
        found = next(row for row in repositories.listing(session, user) if row.full_name == full_name)
        chosen = session.exec(select(AiModel.id).where(AiModel.name == model)).one()
    usual = (found.id, branch, None, chosen, task_type, Priority.MEDIUM, prompt)
    draft = tasks.Draft(*usual, pull_number=pull, plan_first=plan_first)
    return tasks.send(user_id, draft)


def started(point: str = "") -> ForkProcess:
    """A worker that takes one run in a fork, as RQ's does, and kills itself at that point."""
    workplace.jail()  # its self-test once, before the forks
    providers.preload(("anthropic", "compatible"))  # as a worker does
    db.dispose()
    worker = multiprocessing.get_context("fork").Process(target=dying_worker.main, args=(point,))
    worker.start()
    return worker


def work(point: str = "") -> int | None:
    """Lets a worker take one run; returns its exit code, negative for a signal."""
    worker = started(point)
    worker.join()
    return worker.exitcode


def at_work(user_id: UUID, then: Callable[[], None]) -> UUID:
    """A task that was worked on to its end, and what happened once its model was at work."""
    task_id = submit(user_id)
    worker = started()
    try:
        for _ in range(600):
            if run_of(task_id).phase == Phase.RUNNING:
                break
            worker.join(0.05)
        then()
        worker.join(120)
    finally:
        worker.kill()
    return task_id


def hand_to_the_next(task_id: UUID) -> None:
    """The lease of the worker that died runs out, and the run waits for another."""
    with db.transaction() as session:
        session.execute(text("UPDATE task_runs SET lease_expires_at = now() - interval '1 s'"))
    with db.transaction() as session:
        assert attempts.take_over(session, run_of(task_id).id)


def run_of(task_id: UUID) -> TaskRun:
    """The newest run."""
    with db.transaction() as session:
        found = session.exec(select(TaskRun).where(TaskRun.task_id == task_id).order_by(text("number DESC"))).first()
        assert found is not None
        return found


def kinds(task_id: UUID) -> list[str]:
    """The log's kinds, in order."""
    with db.transaction() as session:
        return list(session.exec(select(TaskEvent.kind).where(TaskEvent.task_id == task_id).order_by(text("seq"))))


def task_of(task_id: UUID) -> Task:
    """The task's row."""
    with db.transaction() as session:
        return session.get_one(Task, task_id)
