"""What is written into the audit log: who did what, on what, from where. Reading it is services/audit_reading.py's.

An act and its row are of one transaction: neither is there without the other.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from backend import clock, jsonb
from backend.db import before_commit
from backend.models import User
from backend.services import audit_chain
from backend.services.audit_chain import Content
from backend.words import Act, ObjectKind

UNKNOWN = "unknown"  # the address of whoever's is not known, as backend.rate_limit.address says it
LONGEST = 300  # characters of a text in the details
Detail = str | int | bool | None | list[str]  # nothing that JSON could write in two ways


@dataclass(frozen=True)
class Actor:
    """Who did it, by their login as it is now, and from which address."""

    user_id: UUID | None
    login: str
    address: str


@dataclass(frozen=True)
class Object:
    """What it was done to, by an id that stays and a name that people know."""

    kind: ObjectKind
    id: str
    name: str


OPERATOR = Actor(None, "operator", "command line")
SERVER = Actor(None, "server", "server")  # by itself, as where GitHub says that somebody has left


def by(user: User, address: str) -> Actor:
    """The person as the one who acts."""
    return Actor(user.id, user.username, address)


def person(user: User) -> Object:
    """The person as the one whom it was done to."""
    return Object(ObjectKind.PERSON, str(user.id), user.username)


def record(session: Session, act: Act, actor: Actor, object: Object, **details: Detail) -> None:
    """Adds a row as the last thing of the transaction, so that the chain is locked after all else, and briefly.

    `details` never hold a secret, nor words that might be one: of a script or a command it is said that it changed.
    """
    content = Content(
        clock.now(),
        actor.user_id,
        jsonb.clean_text(actor.login),
        act.value,
        object.kind.value,
        jsonb.clean_text(object.id),
        jsonb.clean_text(object.name),
        jsonb.clean_text(actor.address),
        jsonb.clean(details, LONGEST),
    )
    before_commit(session, lambda: audit_chain.append(session, content))
