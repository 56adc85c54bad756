"""Caches and disk, for admins: what lies on each machine and in the database, and emptying what is made again."""

from typing import Any, ClassVar

import reflex as rx

from asynccoder_ui import given, routes, theme
from asynccoder_ui.admin_tabs import admin_tabs
from asynccoder_ui.caches_view import (
    ClearingItem,
    MachineItem,
    ShareItem,
    StoreItem,
    machine_of,
    size_of,
    table_of,
)
from asynccoder_ui.components import listing
from asynccoder_ui.components.react import ago, page_title
from asynccoder_ui.following import Following, Reads
from asynccoder_ui.gate import signed_in
from asynccoder_ui.people import Question
from asynccoder_ui.session import Session
from asynccoder_ui.shell import shell
from backend import events
from backend.services import cache_clearing
from backend.services import caches as service
from backend.services.caches import Caches


def _show(page: "AdminCaches", found: Caches) -> None:
    page.machines = [machine_of(one, found.least_free) for one in found.machines]
    page.tables = [table_of(one) for one in found.tables]
    page.least_free = size_of(found.least_free) if found.least_free else ""


class AdminCaches(Following, Session):
    """What the machines told last; it is read again whenever one tells something."""

    machines: list[MachineItem] = []
    tables: list[StoreItem] = []
    least_free: str = ""
    _reads: ClassVar = Reads(
        lambda page: Question(service.read),
        lambda page, found: _show(page, found),
        topics=lambda _: (events.SETUP_TOPIC,),
    )

    @rx.event
    @signed_in
    async def empty(self, machine_id: str, kind: str, item: str) -> Any:
        """Asks a machine to remove one repository's share of a cache."""
        machine, address = given.identity(machine_id), self._address()
        await self._ask(lambda session, user: cache_clearing.empty(session, user, machine, kind, item, address=address))
        return await self._begun()

    @rx.event
    @signed_in
    async def empty_unused(self, machine_id: str) -> Any:
        """Asks a machine to remove what was not used for thirty days."""
        machine, address = given.identity(machine_id), self._address()
        await self._ask(lambda session, user: cache_clearing.empty_unused(session, user, machine, address=address))
        return await self._begun()

    @rx.event
    @signed_in
    async def measure(self, machine_id: str) -> None:
        """Asks a machine to measure again."""
        machine = given.identity(machine_id)
        await self._ask(lambda session, user: cache_clearing.measure(session, user, machine))
        await self._read()

    async def _begun(self) -> Any:
        await self._read()
        return rx.toast.success("Its workers begin within a minute; what a run uses stays.")


def admin_caches() -> rx.Component:
    """The page."""
    page = AdminCaches
    return shell(
        page_title(words="Caches"),
        theme.part(
            "page",
            theme.words("title", "Caches and disk", tag="h1"),
            admin_tabs(routes.ADMIN_CACHES),
            listing.trouble(page),
            rx.cond(
                page.is_listed,
                theme.stack(
                    rx.cond(
                        page.machines.length() > 0,
                        rx.foreach(page.machines, _machine),
                        theme.empty(
                            "hard-drive",
                            "No machine has told of its caches yet.",
                            theme.words("small", "Each machine’s workers do, within a minute of their start.", tag="p"),
                        ),
                    ),
                    _database(),
                    rx.cond(
                        page.least_free != "",
                        theme.words(
                            "aside",
                            "Where a disk has less than ",
                            page.least_free,
                            " free (ASYNCCODER_LEAST_FREE_GB), what was used least recently is let go by itself.",
                            tag="p",
                        ),
                    ),
                    gap="loose",
                ),
                rx.cond(page.error == "", theme.skeleton(6)),
            ),
        ),
        at=routes.ADMIN_CACHES,
    )


def _machine(item: rx.Var[MachineItem]) -> rx.Component:
    return theme.stack(
        theme.words("heading", item.name, tag="h2"),
        theme.row(
            theme.words("small", item.words),
            rx.cond(item.is_low, theme.pill(theme.icon("circle-alert", 14), "low", tone="warn")),
            rx.cond(item.is_heard, rx.fragment(), _silent(item)),
            theme.grow(),
            _measure(item),
            _empty_unused(item),
            wrap=True,
        ),
        theme.meter(item.used_percent, "Disk in use"),
        rx.cond(
            item.stores.length() > 0,
            _stores(item.stores, "What lies in this data dir"),
            theme.words("soft", "It is being measured for the first time.", tag="p"),
        ),
        rx.cond(
            item.shares.length() > 0,
            theme.more(
                "Repository by repository",
                theme.part("list", rx.foreach(item.shares, _share), tag="ul", aria_label="Caches by repository"),
            ),
        ),
        rx.cond(item.clearings.length() > 0, _clearings(item)),
        key=item.id,
    )


def _silent(item: rx.Var[MachineItem]) -> rx.Component:
    return theme.pill(
        theme.icon("circle-alert", 14), "not heard since ", ago(at=item.seen_at, in_words=True), tone="warn"
    )


def _measure(item: rx.Var[MachineItem]) -> rx.Component:
    return rx.fragment(
        theme.words(
            "tiny",
            rx.cond(
                item.is_measuring,
                "measuring…",
                rx.fragment("measured ", ago(at=item.measured_at, in_words=True)),
            ),
            aria_live="polite",
        ),
        theme.button(
            theme.icon("refresh-cw", 14),
            "Measure again",
            size="sm",
            disabled=item.is_measuring,
            on_click=AdminCaches.measure(item.id),
        ),
    )


def _empty_unused(item: rx.Var[MachineItem]) -> rx.Component:
    return theme.confirm_button(
        theme.icon("eraser", 14),
        f"Empty what is unused for {cache_clearing.UNUSED_DAYS} days",
        title="Empty what is unused?",
        note=f"Mirrors and set-ups that no run has used for {cache_clearing.UNUSED_DAYS} days are removed from "
        + item.name
        + ". The next run on such a repository fetches it anew, which takes longer. What a run uses stays.",
        action="Empty",
        size="sm",
        on_confirm=AdminCaches.empty_unused(item.id),
    )


def _stores(items: rx.Var[list[StoreItem]], label: str) -> rx.Component:
    return theme.part("list", rx.foreach(items, _store), tag="ul", aria_label=label)


def _store(item: rx.Var[StoreItem]) -> rx.Component:
    return theme.part(
        "entry",
        theme.grow(
            theme.words("strong", item.name, tag="p"),
            rx.cond(item.path != "", theme.words("tiny", item.path, tag="p", trunc=True)),
        ),
        theme.part(
            "entry-end",
            rx.cond(item.at != "", theme.words("tiny", "oldest use ", ago(at=item.at, in_words=True))),
            rx.cond(item.count != "", theme.words("tiny", item.count, num=True)),
            theme.words("small", item.size, num=True),
        ),
        tag="li",
        key=item.key,
    )


def _share(item: rx.Var[ShareItem]) -> rx.Component:
    return theme.part(
        "entry",
        theme.grow(
            theme.words("strong", item.name, tag="p", trunc=True),
            theme.words("tiny", item.facts, tag="p"),
        ),
        theme.part(
            "entry-end",
            rx.cond(item.at != "", theme.words("tiny", "used ", ago(at=item.at, in_words=True))),
            rx.cond(
                item.can_empty,
                theme.confirm_button(
                    "Empty",
                    title="Empty this cache of one repository?",
                    note=item.ask,
                    action="Empty",
                    size="sm",
                    label="Empty " + item.name + ", " + item.facts,
                    on_confirm=AdminCaches.empty(item.machine, item.kind, item.id),
                ),
            ),
        ),
        tag="li",
        key=item.key,
    )


def _clearings(item: rx.Var[MachineItem]) -> rx.Component:
    return theme.stack(
        theme.words("heading", "Emptied lately", tag="h3"),
        theme.part("list", rx.foreach(item.clearings, _clearing), tag="ul", aria_label="Emptied lately"),
    )


def _clearing(item: rx.Var[ClearingItem]) -> rx.Component:
    return theme.part(
        "entry",
        theme.grow(
            theme.words("small", item.what, tag="p"),
            theme.words("tiny", item.facts, tag="p", aria_live="polite"),
            rx.cond(item.is_open, theme.meter(item.percent, "How far it is")),
        ),
        theme.part("entry-end", theme.words("tiny", ago(at=item.at, in_words=True))),
        tag="li",
        key=item.key,
    )


def _database() -> rx.Component:
    return theme.stack(
        theme.words("heading", "In the database", tag="h2"),
        _stores(AdminCaches.tables, "What lies in the database"),
    )
