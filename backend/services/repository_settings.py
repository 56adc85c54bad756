"""How runs on a repository are checked and handed over. Whoever can reach it reads this, its admins change it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from backend import clock
from backend.db import for_update
from backend.errors import Forbidden, InvalidInput
from backend.models import AiModel, RepositorySettings, User
from backend.services import access, audit, catalog
from backend.words import Act, ObjectKind

MOST_COMMAND = 1000
MOST_LABEL = 50  # characters, GitHub's limit
LABEL = "asynccoder"


class DraftPolicy(StrEnum):
    """How pull requests are opened."""

    UNVERIFIED = "unverified"
    READY = "ready"
    DRAFT = "draft"


@dataclass(frozen=True)
class SettingsRow:
    """The settings; without a command the tests are found by the repository's files. `changed_at` is None for never.

    Whoever may write starts a task by putting `trigger_label` on an issue, or by a comment that names the app.
    `opinion_model_id` is the model that looks at the changes before the pull request; none does where it is None.
    """

    test_command: str
    draft_policy: DraftPolicy
    trigger_label: str
    takes_mentions: bool
    changed_at: datetime | None
    can_change: bool
    opinion_model_id: UUID | None = None
    opinion_model: str = ""


def read(session: Session, user: User, repository_id: UUID) -> SettingsRow:
    """The repository's settings. Raises NotFound for what this person cannot reach."""
    _, level = access.reachable(session, user, repository_id)
    found = session.get(RepositorySettings, repository_id)
    return SettingsRow(
        (found.test_command if found else None) or "",
        DraftPolicy(found.draft_policy) if found else DraftPolicy.UNVERIFIED,
        found.trigger_label if found else LABEL,
        found.takes_mentions if found else True,
        found.updated_at if found else None,
        level == "admin",
        found.opinion_model_id if found else None,
        _name(session, found.opinion_model_id if found else None),
    )


def save(
    session: Session,
    user: User,
    repository_id: UUID,
    *,
    test_command: str,
    draft_policy: DraftPolicy,
    trigger_label: str = LABEL,
    takes_mentions: bool = True,
    opinion_model_id: UUID | None = None,
    address: str = audit.UNKNOWN,
) -> None:
    """Keeps the settings; runs that are claimed from now on use them. No label starts a task where it is empty.

    Raises NotFound, Forbidden for whoever is no admin of the repository, InvalidInput for a command that cannot be run
    a label that GitHub cannot have, or a model that this person cannot use.
    """
    repository, level = access.reachable(session, user, repository_id)
    if level != "admin":
        raise Forbidden("Only people with admin access to this repository can change its settings.")
    command = _checked(test_command)
    values = {
        "test_command": command or None,
        "draft_policy": draft_policy.value,
        "trigger_label": _label(trigger_label),
        "takes_mentions": takes_mentions,
        "opinion_model_id": opinion_model_id,
    }
    row = locked(session, repository_id)
    if opinion_model_id not in (None, row.opinion_model_id):
        catalog.usable(session, opinion_model_id, user)
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    for name, value in {**values, "updated_at": clock.now()}.items():
        setattr(row, name, value)
    session.add(row)
    if changed:
        where = audit.Object(ObjectKind.REPOSITORY, str(repository_id), repository.full_name)
        act = Act.REPOSITORY_SETTINGS_CHANGED
        audit.record(session, act, audit.by(user, address), where, changed=changed)


def locked(session: Session, repository_id: UUID) -> RepositorySettings:
    """The repository's row, locked; with what is usual where there was none."""
    session.execute(insert(RepositorySettings).values(repository_id=repository_id).on_conflict_do_nothing())
    return session.exec(
        for_update(select(RepositorySettings).where(col(RepositorySettings.repository_id) == repository_id))
    ).one()


def _name(session: Session, model_id: UUID | None) -> str:
    return session.get_one(AiModel, model_id).display_name if model_id else ""


def _checked(command: str) -> str:
    command = command.strip()
    if len(command) > MOST_COMMAND:
        raise InvalidInput(f"A test command has at most {MOST_COMMAND} characters.", field="test_command")
    if not command.isprintable():
        raise InvalidInput("A test command is one line, without control characters.", field="test_command")
    return command


def _label(name: str) -> str:
    name = name.strip()
    if len(name) > MOST_LABEL or not name.isprintable():
        raise InvalidInput(f"A label has at most {MOST_LABEL} printable characters.", field="trigger_label")
    return name
