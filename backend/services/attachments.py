"""Images that go with a prompt or a follow-up: rows in the database, so that no crash parts them from what was sent.

Each is a row of its person's until a submit claims it in its own transaction; the log then names it, and never holds
its bytes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy
from sqlalchemy import text
from sqlmodel import Session, col, delete, func, select

from backend import clock, images, jsonb
from backend.db import for_update, lock, patiently
from backend.errors import Conflict, InvalidInput, NotFound, TooLarge
from backend.models import AiModel, Attachment, User
from backend.providers.base import Image
from backend.services import access, catalog

CHORE = "remove_unsent_attachments"
MOST = 5  # of a task
MAX_BYTES = 5_000_000
MAX_TOGETHER = 15_000_000  # of a task: Anthropic's API takes requests of 32 MB, of which base64 makes a third
MOST_UNSENT = 20  # of one person: the oldest give way
UNSENT_HOURS = 24
MAX_NAME = 100
_GONE = "An image is no longer there. Remove it and add it again."
_NONE = "There is no such image, or you cannot see it."


@dataclass(frozen=True)
class AttachmentRow:
    """An image as the page holds it: bytes are counted, sides in pixels."""

    id: UUID
    name: str
    size: int
    width: int
    height: int


@dataclass(frozen=True)
class Shown:
    """An image as a browser gets it."""

    media_type: str
    content: bytes


def store(session: Session, user: User, name: str, content: bytes) -> AttachmentRow:
    """Keeps an image that is not sent yet, without its metadata.

    Raises InvalidInput for what is no picture or too many pixels, TooLarge past 5 MB.
    """
    if len(content) > MAX_BYTES:
        raise TooLarge(f"An image is at most {MAX_BYTES // 1_000_000} MB.")
    picture = images.read(content)
    name = jsonb.without_direction(jsonb.clean_text(name)).strip()[:MAX_NAME] or "image"
    row = Attachment(
        user_id=user.id,
        name=name,
        media_type=picture.media_type,
        size=len(picture.content),
        width=picture.width,
        height=picture.height,
        content=picture.content,
    )
    session.add(row)
    session.flush()
    _make_room(session, user)
    return AttachmentRow(row.id, row.name, row.size, row.width, row.height)


def picture(session: Session, user: User, attachment_id: UUID) -> Shown:
    """The image, for its owner and for whoever may read the task that it was sent with. Raises NotFound."""
    row = session.get(Attachment, attachment_id)
    if row is None:
        raise NotFound(_NONE)
    if row.task_id is not None:
        access.readable(session, user, row.task_id)
    elif row.user_id != user.id:
        raise NotFound(_NONE)
    return Shown(row.media_type, row.content)


def remove(session: Session, user: User, attachment_id: UUID) -> None:
    """Removes an image that is not sent yet. Raises NotFound, also the second time, and Conflict once it was sent."""
    mine = sqlalchemy.select(col(Attachment.task_id)).where(
        col(Attachment.id) == attachment_id, col(Attachment.user_id) == user.id
    )
    row = session.execute(for_update(mine)).first()
    if row is None:
        raise NotFound(_NONE)
    if row.task_id is not None:
        raise Conflict("This image was sent already.")
    session.execute(delete(Attachment).where(col(Attachment.id) == attachment_id))


def unsent(session: Session, user: User, ids: Sequence[UUID]) -> list[AttachmentRow]:
    """Those of these images that the person can still send, in this order."""
    found = session.execute(
        sqlalchemy.select(
            *(col(getattr(Attachment, name)) for name in ("id", "name", "size", "width", "height"))
        ).where(col(Attachment.id).in_(ids), col(Attachment.user_id) == user.id, col(Attachment.task_id).is_(None))
    )
    by_id = {row.id: AttachmentRow(*row) for row in found}
    return [by_id[each] for each in dict.fromkeys(ids) if each in by_id]


def require_fit(model: AiModel, ids: Sequence[UUID]) -> None:
    """Raises InvalidInput where there are too many images for a task, or any at all for a model that takes none."""
    if ids and not catalog.takes_images(model.provider, model.name, model.capabilities):
        raise InvalidInput(
            f"{model.display_name} does not take images. Choose another model, or remove them.", field="attachments"
        )
    if len(set(ids)) > MOST:
        raise InvalidInput(f"A task takes at most {MOST} images.", field="attachments")


def claim(
    session: Session, user_id: UUID, ids: Sequence[UUID], *, task_id: UUID, message_id: UUID | None = None
) -> None:
    """Makes the person's unsent images part of a task, in this order; the caller holds the task's lock, or makes it.

    Raises InvalidInput where one is not there (any more), or there would be too many of a task.
    """
    if not ids:
        return
    # Whoever deletes the account locks the person first as well.
    lock(session, User, user_id)
    ids = list(dict.fromkeys(ids))
    for position, each in enumerate(ids):
        taken = session.execute(
            text(
                "UPDATE attachments SET task_id = :task, message_id = :message, position = :position"
                " WHERE id = :id AND user_id = :user AND task_id IS NULL"
            ),
            {"id": each, "user": user_id, "task": task_id, "message": message_id, "position": position},
        )
        if taken.rowcount != 1:  # type: ignore[attr-defined]  # a CursorResult, as every UPDATE's
            raise InvalidInput(_GONE, field="attachments")
    number, together = session.execute(
        sqlalchemy.select(func.count(), func.coalesce(func.sum(Attachment.size), 0)).where(
            col(Attachment.task_id) == task_id
        )
    ).one()
    if number > MOST:
        raise InvalidInput(f"A task takes at most {MOST} images, its follow-ups' included.", field="attachments")
    if together > MAX_TOGETHER:
        raise InvalidInput(f"A task's images are at most {MAX_TOGETHER // 1_000_000} MB together.", field="attachments")


def hand_over(
    session: Session, task_id: UUID, run_id: UUID, messages: Sequence[UUID | None] = (None,)
) -> list[dict[str, Any]]:
    """Gives a run the images of these messages, None for those of the task itself; returned as the log names them."""
    waiting = of_messages(session, task_id, messages)
    named = [image for message in messages for image in waiting.get(message, ())]
    session.execute(
        sqlalchemy.update(Attachment)
        .where(col(Attachment.id).in_([UUID(image["id"]) for image in named]))
        .values(run_id=run_id)
        .execution_options(synchronize_session=False)
    )
    return named


def of_messages(
    session: Session, task_id: UUID, messages: Sequence[UUID | None]
) -> dict[UUID | None, list[dict[str, Any]]]:
    """The images of messages that no run has read, as the log names them; None stands for the task itself."""
    found: dict[UUID | None, list[dict[str, Any]]] = {}
    wanted = ("id", "message_id", "width", "height")
    rows = session.execute(
        sqlalchemy.select(*(col(getattr(Attachment, name)) for name in wanted))
        .where(col(Attachment.task_id) == task_id, col(Attachment.run_id).is_(None))
        .order_by(col(Attachment.position))
    )
    for id, message_id, width, height in rows:
        if message_id in messages:
            found.setdefault(message_id, []).append({"id": str(id), "width": width, "height": height})
    return found


def sent(session: Session, task_id: UUID) -> list[AttachmentRow]:
    """The images that came with the task's own prompt, in their order. The caller has checked that it may be read."""
    columns = (col(getattr(Attachment, name)) for name in ("id", "name", "size", "width", "height"))
    of_it = (col(Attachment.task_id) == task_id, col(Attachment.message_id).is_(None))
    statement = sqlalchemy.select(*columns).where(*of_it).order_by(col(Attachment.position))
    return [AttachmentRow(*row) for row in session.execute(statement)]


def has_any(session: Session, task_id: UUID) -> bool:
    """Whether images came with the task, or with any message of it."""
    return session.exec(select(Attachment.id).where(Attachment.task_id == task_id).limit(1)).first() is not None


def sent_with(session: Session, task_id: UUID, message_id: UUID | None = None) -> set[UUID]:
    """The images that came with a task, or with a message of it."""
    of_it = col(Attachment.message_id) == message_id if message_id else col(Attachment.message_id).is_(None)
    return set(session.exec(select(Attachment.id).where(Attachment.task_id == task_id, of_it)))


def discard(session: Session, *, task_id: UUID | None = None, message_id: UUID | None = None) -> None:
    """Removes the images of a task that was deleted, or of a message that was withdrawn."""
    column = Attachment.task_id if task_id else Attachment.message_id
    session.execute(delete(Attachment).where(col(column) == (task_id or message_id)))


def remove_unsent(session: Session) -> int:
    """Removes what nobody has sent for a day; returns how many."""
    removed = session.execute(
        delete(Attachment).where(col(Attachment.task_id).is_(None), col(Attachment.created_at) < _limit())
    )
    return int(removed.rowcount)  # type: ignore[attr-defined]  # a CursorResult, as every DELETE's


def has_old_unsent(session: Session) -> bool:
    """Whether `remove_unsent` would find any."""
    old = select(Attachment.id).where(col(Attachment.task_id).is_(None), col(Attachment.created_at) < _limit())
    return session.exec(old.limit(1)).first() is not None


def reader(task_id: UUID) -> Callable[[str], Image | None]:
    """Reads a task's images for a run, each once, from the database into its memory alone."""
    known: dict[str, Image | None] = {}

    def read(image_id: str) -> Image | None:
        if image_id not in known:
            known[image_id] = patiently(lambda session: _image(session, task_id, image_id))
        return known[image_id]

    return read


def _image(session: Session, task_id: UUID, image_id: str) -> Image | None:
    row = session.exec(select(Attachment).where(Attachment.id == UUID(image_id), Attachment.task_id == task_id)).first()
    return Image(row.media_type, row.content) if row else None


def _make_room(session: Session, user: User) -> None:
    newest = (
        select(Attachment.id)
        .where(Attachment.user_id == user.id, col(Attachment.task_id).is_(None))
        .order_by(col(Attachment.created_at).desc(), col(Attachment.id))
        .limit(MOST_UNSENT)
    )
    session.execute(
        delete(Attachment).where(
            col(Attachment.user_id) == user.id, col(Attachment.task_id).is_(None), col(Attachment.id).not_in(newest)
        )
    )


def _limit() -> Any:
    return clock.now() - timedelta(hours=UNSENT_HOURS)
