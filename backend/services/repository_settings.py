"""How runs on a repository are checked and handed over. Whoever can reach it reads this, its admins change it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session

from backend import clock
from backend.errors import Forbidden, InvalidInput
from backend.models import RepositorySettings, User
from backend.services import access

MOST_COMMAND = 1000


class DraftPolicy(StrEnum):
    """How pull requests are opened."""

    UNVERIFIED = "unverified"
    READY = "ready"
    DRAFT = "draft"


@dataclass(frozen=True)
class SettingsRow:
    """The settings; without a command the tests are found by the repository's files. `changed_at` is None for never."""

    test_command: str
    draft_policy: DraftPolicy
    changed_at: datetime | None
    can_change: bool


def read(session: Session, user: User, repository_id: UUID) -> SettingsRow:
    """The repository's settings. Raises NotFound for what this person cannot reach."""
    _, level = access.reachable(session, user, repository_id)
    found = session.get(RepositorySettings, repository_id)
    return SettingsRow(
        (found.test_command if found else None) or "",
        DraftPolicy(found.draft_policy) if found else DraftPolicy.UNVERIFIED,
        found.updated_at if found else None,
        level == "admin",
    )


def save(session: Session, user: User, repository_id: UUID, *, test_command: str, draft_policy: DraftPolicy) -> None:
    """Keeps the settings; runs that are claimed from now on use them.

    Raises NotFound, Forbidden for whoever is no admin of the repository, InvalidInput for a command that cannot be run.
    """
    _, level = access.reachable(session, user, repository_id)
    if level != "admin":
        raise Forbidden("Only people with admin access to this repository can change its settings.")
    command = _checked(test_command)
    values = {"test_command": command or None, "draft_policy": draft_policy.value, "updated_at": clock.now()}
    session.execute(
        insert(RepositorySettings)
        .values(repository_id=repository_id, **values)
        .on_conflict_do_update(index_elements=["repository_id"], set_=values)
    )


def _checked(command: str) -> str:
    command = command.strip()
    if len(command) > MOST_COMMAND:
        raise InvalidInput(f"A test command has at most {MOST_COMMAND} characters.", field="test_command")
    if not command.isprintable():
        raise InvalidInput("A test command is one line, without control characters.", field="test_command")
    return command
