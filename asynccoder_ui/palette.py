"""The palette: what was found for the letters so far."""

from dataclasses import dataclass

import reflex as rx

from asynccoder_ui import routes
from asynccoder_ui.gate import signed_in
from asynccoder_ui.session import Session
from backend.services import search as service


@dataclass(frozen=True)
class FoundItem:
    """One line of the palette."""

    kind: str
    value: str
    label: str
    detail: str
    href: str


class Palette(Session):
    """What ⌘K shows."""

    found: list[FoundItem] = []

    @rx.event
    @signed_in
    async def search(self, query: str) -> None:
        """Finds tasks, pull requests and repositories by a few letters; without any, the newest tasks."""
        rows = await self._ask(lambda session, user: service.everything(session, user, query[:200]))
        self.found = [_item(row) for row in rows]


def _item(row: service.Found) -> FoundItem:
    href = routes.repository_page(str(row.id)) if row.kind == "repository" else routes.task_page(str(row.id))
    return FoundItem(row.kind, f"{row.kind} {row.id}", row.title, row.detail, href)
