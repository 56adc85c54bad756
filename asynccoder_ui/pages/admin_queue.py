"""The queue, for admins: what is at work, what waits and why, which workers there are; pause, stop."""

from dataclasses import dataclass
from typing import Any, ClassVar

import reflex as rx

from asynccoder_ui import given, routes, theme
from asynccoder_ui.admin_tabs import admin_tabs
from asynccoder_ui.components import listing
from asynccoder_ui.components.react import ago, elapsed, moment, page_title
from asynccoder_ui.following import Following, Reads
from asynccoder_ui.gate import signed_in
from asynccoder_ui.people import Question
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from asynccoder_ui.views import WAITS, iso
from backend import events
from backend.queue import RUNS, WorkerSeen
from backend.services import tasks
from backend.services import work as service
from backend.services.work import RunEntry, Work


@dataclass(frozen=True)
class RunItem:
    """A run's line. Times are ISO 8601; `href` is empty where the task is not this admin's to read."""

    task: str
    title: str
    href: str
    facts: str
    why: str
    until: str
    since: str
    worker: str
    beat_at: str


@dataclass(frozen=True)
class WorkerItem:
    """A worker process's line."""

    name: str
    words: str
    is_busy: bool
    heard_at: str


class AdminQueue(Following, Session):
    """The queue as it stands; it is read again whenever any run changes its state."""

    at_work: list[RunItem] = []
    waiting: list[RunItem] = []
    more_waiting: int = 0
    workers: list[WorkerItem] = []
    knows_workers: bool = True
    paused_at: str = ""
    paused_by: str = ""
    _reads: ClassVar = Reads(
        lambda page: Question(service.read),
        lambda page, found: _show(page, found),
        topics=lambda _: (events.WORK_TOPIC,),
    )

    @rx.event
    @signed_in
    async def pause(self) -> None:
        """Lets no run begin any more."""
        address = self._address()
        await self._ask(lambda session, user: service.pause(session, user, address=address))
        await self._read()

    @rx.event
    @signed_in
    async def resume(self) -> None:
        """Lets runs begin again."""
        address = self._address()
        await self._ask(lambda session, user: service.resume(session, user, address=address))
        await self._read()

    @rx.event
    @signed_in
    async def stop(self, task_id: str) -> Any:
        """Stops somebody's run."""
        task, address = given.identity(task_id), self._address()
        await self._ask(lambda session, user: tasks.stop_for_admin(session, user, task, address=address))
        await self._read()
        return rx.toast.success("It is stopped, or will be within a second.")


def _show(page: AdminQueue, found: Work) -> None:
    page.at_work = [_run(row) for row in found.at_work]
    page.waiting = [_run(row) for row in found.waiting]
    page.more_waiting = found.waiting_count - len(found.waiting)
    page.paused_at, page.paused_by = iso(found.paused_at), found.paused_by
    page.knows_workers = found.workers is not None
    page.workers = [_worker(row) for row in found.workers or ()]


def _run(row: RunEntry) -> RunItem:
    facts = [f"@{row.owner}", row.repository, row.model, f"{row.priority} priority", f"run {row.number}"]
    if row.attempt > 1:
        facts.append(f"attempt {row.attempt}")
    return RunItem(
        task=str(row.task_id),
        title=row.title,
        href=routes.task_page(str(row.task_id)) if row.may_read else "",
        facts=" · ".join(facts),
        why=WAITS.get(row.why, row.why) or row.phase,
        until=iso(row.until),
        since=iso(row.started_at or row.asked_at),
        worker=row.worker if row.started_at and not row.why else "",
        beat_at=iso(row.beat_at),
    )


def _worker(row: WorkerSeen) -> WorkerItem:
    kind = "runs" if row.queue == RUNS else "chores"
    return WorkerItem(row.name, f"{kind} · {row.host}, process {row.pid}", row.is_busy, iso(row.heard_at))


def admin_queue() -> rx.Component:
    """The page."""
    page = AdminQueue
    return shell(
        page_title(words="Queue"),
        theme.part(
            "page",
            theme.row(
                theme.words("title", "Queue", tag="h1"),
                theme.grow(),
                rx.cond(page.is_listed, rx.cond(page.paused_at != "", _resume(), _pause())),
                wrap=True,
            ),
            admin_tabs(routes.ADMIN_QUEUE),
            listing.trouble(page),
            rx.cond(
                page.is_listed,
                theme.stack(
                    rx.cond(page.paused_at != "", _is_paused()),
                    _section("At work", page.at_work, "Nothing is at work."),
                    _section("Waiting", page.waiting, "Nothing waits."),
                    rx.cond(page.more_waiting > 0, theme.words("tiny", page.more_waiting, " more wait.", tag="p")),
                    theme.words("heading", "Workers", tag="h2"),
                    _workers(),
                    gap="loose",
                ),
                rx.cond(page.error == "", theme.skeleton(6)),
            ),
        ),
        at=routes.ADMIN_QUEUE,
    )


def _pause() -> rx.Component:
    return theme.confirm_button(
        theme.icon("pause", 14),
        "Pause",
        title="Pause the queue?",
        note="No run is begun any more until you resume. Those at work go on to their end; new tasks wait in line.",
        action="Pause",
        size="sm",
        on_confirm=AdminQueue.pause,
    )


def _resume() -> rx.Component:
    return theme.button(theme.icon("play", 14), "Resume", size="sm", variant="primary", on_click=AdminQueue.resume)


def _is_paused() -> rx.Component:
    drained = rx.cond(
        AdminQueue.at_work.length() == 0,
        "Nothing is at work: workers can be stopped.",
        "Those at work go on to their end.",
    )
    return theme.notice(
        "Paused by ", AdminQueue.paused_by, " ", ago(at=AdminQueue.paused_at, in_words=True), ". ", drained,
        tone="warn", icon_name="pause",
    )  # fmt: skip


def _section(name: str, items: rx.Var[list[RunItem]], nothing: str) -> rx.Component:
    return theme.stack(
        theme.words("heading", name, " ", theme.words("tiny", items.length(), num=True), tag="h2"),
        rx.cond(
            items.length() > 0,
            theme.part("list", rx.foreach(items, _item), tag="ul", aria_label=name),
            theme.words("soft", nothing, tag="p"),
        ),
    )


def _item(item: rx.Var[RunItem]) -> rx.Component:
    return theme.part(
        "entry",
        theme.grow(
            rx.cond(
                item.href != "",
                theme.page_link(item.title, href=item.href, look="strong to"),
                theme.words("strong", item.title, tag="p", trunc=True),
            ),
            theme.words("tiny", item.facts, tag="p"),
        ),
        theme.part(
            "entry-end",
            theme.words("tiny", item.why, rx.cond(item.until != "", rx.fragment(" until ", moment(at=item.until)))),
            rx.cond(
                item.worker != "",
                theme.words("tiny", item.worker, ", heard ", ago(at=item.beat_at, in_words=True)),
            ),
            theme.words("tiny", "for ", elapsed(since=item.since, until="")),
            theme.confirm_button(
                "Stop",
                title="Stop this run?",
                note=item.title + ": it is charged for what it used, and its person is told that an admin stopped it.",
                action="Stop the run",
                size="sm",
                on_confirm=AdminQueue.stop(item.task),
            ),
        ),
        tag="li",
        key=item.task,
    )


def _workers() -> rx.Component:
    return rx.cond(
        AdminQueue.knows_workers,
        rx.cond(
            AdminQueue.workers.length() > 0,
            theme.part("list", rx.foreach(AdminQueue.workers, _worker_item), tag="ul", aria_label="Workers"),
            theme.notice("No worker is there. Start one: asynccoder worker", tone="bad", icon_name="circle-alert"),
        ),
        theme.notice("Redis cannot be asked which workers there are.", tone="bad", icon_name="circle-alert"),
    )


def _worker_item(item: rx.Var[WorkerItem]) -> rx.Component:
    return theme.part(
        "entry",
        theme.grow(theme.words("strong", item.words, tag="p", trunc=True)),
        theme.part(
            "entry-end",
            rx.cond(item.is_busy, theme.pill("at work", tone="run"), theme.pill("waits", tone="line")),
            theme.words("tiny", "heard ", ago(at=item.heard_at, in_words=True)),
        ),
        tag="li",
        key=item.name,
    )
