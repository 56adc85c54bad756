"""The composer's drafts: what was written is saved with all that was chosen, and opened again on any machine."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import reflex as rx
from sqlmodel import Session as DatabaseSession

from asynccoder_ui import given, orders
from asynccoder_ui.composer import Composer
from asynccoder_ui.composer_choice import Choice, content_of, with_draft
from asynccoder_ui.composer_view import Price, fill_box, priced
from asynccoder_ui.gate import signed_in
from backend.errors import NotFound
from backend.models import Repository, User
from backend.services import access, attachments, catalog, drafts
from backend.services.attachments import AttachmentRow

_LOST = "Images of this draft are gone: what is not sent is kept for a day."


@dataclass(frozen=True)
class DraftItem:
    """A line of the list of drafts."""

    id: str
    title: str
    where: str
    at: str


@dataclass(frozen=True)
class _Found:
    version: drafts.Version
    prompt: str
    choice: Choice
    price: Price
    images: list[AttachmentRow]
    lost: int


class Drafts(Composer):
    """The person's saved drafts, beneath the composer that they are opened in."""

    saved: list[DraftItem] = []

    @rx.event
    @signed_in
    async def show(self) -> None:
        """Lists the drafts."""
        rows = await self._ask(drafts.listing)
        self.saved = [DraftItem(str(row.id), row.title, row.repository, row.updated_at.isoformat()) for row in rows]

    @rx.event
    @signed_in
    async def save(self, prompt: str, nonce: str, images: str = "") -> Any:
        """Keeps what is written and chosen for later, in place of the draft it was opened from; the box is emptied."""
        content, opened = content_of(self.choice, prompt, given.identities(images)), self._opened
        await self._ask(lambda session, user: drafts.save(session, user, content, opened))
        self._let_go(nonce, opened)
        await self._price()
        return [rx.toast.success("The draft is saved."), Drafts.show]

    @rx.event
    @signed_in
    async def open(self, draft_id: str, written: str, images: str = "") -> Any:
        """Puts a draft back into the composer; what was written there becomes a draft itself."""
        wanted, choice, opened, models = given.identity(draft_id), self.choice, self._opened, self._models
        kept = content_of(choice, written, given.identities(images))

        def swap(session: DatabaseSession, user: User) -> _Found:
            if written.strip():
                drafts.save(session, user, kept, opened)
            return _found(session, user, wanted, choice, models)

        try:
            found = await self._ask(swap)
        except NotFound as error:
            return [orders.refuse(error), Drafts.show]
        self._choose(found.choice)
        self._opened, self.opened = found.version, str(found.version.id)
        self._length, self._images, self.price = len(found.prompt), len(found.images), found.price
        self._list_repositories()
        told = [rx.toast.info(_LOST)] if found.lost else []
        return [fill_box(found.prompt, found.images), *told, Drafts.show, Composer.ask_branches]

    @rx.event
    @signed_in
    async def discard(self, draft_id: str) -> Any:
        """Throws a draft away; if it is in the box, what stands there is no draft any more."""
        wanted = given.identity(draft_id)
        await self._ask(lambda session, user: drafts.discard(session, user, wanted))
        if self.opened == str(wanted):
            self._opened, self.opened = None, ""
        return Drafts.show


def _found(
    session: DatabaseSession, user: User, draft_id: UUID, choice: Choice, models: list[catalog.ModelChoice]
) -> _Found:
    version, content = drafts.read(session, user, draft_id)
    opened = with_draft(choice, content, _repository(session, user, content), models)
    prompt, named = str(content["prompt"]), given.identities(" ".join(content.get("images", ())))
    images = attachments.unsent(session, user, named)
    price = priced(session, user, opened, models, len(prompt), len(images))
    return _Found(version, prompt, opened, price, images, len(named) - len(images))


def _repository(session: DatabaseSession, user: User, content: dict[str, Any]) -> Repository | None:
    try:
        return access.repository(session, user, UUID(content["repository_id"]))
    except (NotFound, ValueError):  # out of reach by now, or none was chosen
        return None
