"""What prepares a repository for its runs: a script, an environment, secrets that only the script gets to see.

Whoever can reach the repository reads script, environment and the secrets' names; whoever may push to it changes them.
No value of a secret is ever given back.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from backend import clock, crypto
from backend.errors import Forbidden, InvalidInput, Misconfigured, RunFailed
from backend.models import Repository, RepositorySettings, User
from backend.services import access, audit, repository_settings
from backend.settings import get_settings
from backend.words import Act, Failure, ObjectKind

MOST_SCRIPT = 20_000  # characters
MOST_NAMES = 100  # variables, and as many secrets
MOST_VALUE = 4_000  # characters of a variable
MOST_ENVIRONMENT = 40_000  # characters of all of them
LEAST_SECRET, MOST_SECRET = 8, 4_000  # characters; a shorter one could not be kept out of a log
MOST_NAME = 100
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_OURS = "ASYNCCODER_"
_LOST = "A secret of this repository can no longer be opened. Set it again in the repository's settings."


@dataclass(frozen=True)
class SecretRow:
    """A secret by its name."""

    name: str
    set_at: datetime


@dataclass(frozen=True)
class SetupRow:
    """The set-up as a page shows it; `environment` is lines of NAME=value, by name."""

    script: str
    environment: str
    secrets: list[SecretRow]
    can_change: bool


@dataclass(frozen=True)
class Setup:
    """The set-up as a run uses it."""

    script: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)


def read(session: Session, user: User, repository_id: UUID) -> SetupRow:
    """The repository's set-up. Raises NotFound for what this person cannot reach."""
    _, level = access.reachable(session, user, repository_id)
    found = session.get(RepositorySettings, repository_id)
    if found is None:
        return SetupRow("", "", [], level != "read")
    secrets = [SecretRow(name, datetime.fromisoformat(kept["at"])) for name, kept in sorted(found.secrets.items())]
    return SetupRow(found.setup_script or "", _lines(found.environment), secrets, level != "read")


def save(
    session: Session,
    user: User,
    repository_id: UUID,
    *,
    script: str,
    environment: str,
    address: str = audit.UNKNOWN,
) -> None:
    """Keeps script and environment; runs that are claimed from now on use them.

    Raises NotFound, Forbidden for whoever may not push, InvalidInput for what cannot be run.
    """
    repository, row = _to_change(session, user, repository_id)
    script, variables = _script(script), _environment(environment)
    for name in variables:
        if name in row.secrets:
            raise InvalidInput(f"{name} is a secret already: remove that one first.", field="environment")
    values = {"setup_script": script or None, "environment": variables}
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    row.setup_script, row.environment = script or None, variables
    session.add(row)
    if changed:
        where = audit.Object(ObjectKind.REPOSITORY, str(repository_id), repository.full_name)
        audit.record(session, Act.SETUP_CHANGED, audit.by(user, address), where, changed=changed)


def keep_secret(
    session: Session, user: User, repository_id: UUID, name: str, value: str, *, address: str = audit.UNKNOWN
) -> None:
    """Seals a secret, in place of an older one of its name. Raises NotFound, Forbidden, InvalidInput."""
    repository, row = _to_change(session, user, repository_id)
    name = _name(name.strip(), "name")
    if not LEAST_SECRET <= len(value) <= MOST_SECRET or not value.isprintable() or value != value.strip():
        raise InvalidInput(
            f"A secret is one line of {LEAST_SECRET} to {MOST_SECRET} characters, without blanks around it.",
            field="value",
        )
    if name in row.environment:
        raise InvalidInput(f"{name} is in the environment already, where everyone reads it.", field="name")
    if name not in row.secrets and len(row.secrets) >= MOST_NAMES:
        raise InvalidInput(f"A repository has at most {MOST_NAMES} secrets.", field="name")
    kept = {"sealed": crypto.seal(get_settings(), repository_id, value), "at": clock.now().isoformat()}
    row.secrets = {**row.secrets, name: kept}
    session.add(row)
    audit.record(session, Act.SECRET_CHANGED, audit.by(user, address), _object(repository, name))


def remove_secret(
    session: Session, user: User, repository_id: UUID, name: str, *, address: str = audit.UNKNOWN
) -> None:
    """Forgets a secret; twice is once. Raises NotFound, Forbidden."""
    repository, row = _to_change(session, user, repository_id)
    if name in row.secrets:
        audit.record(session, Act.SECRET_REMOVED, audit.by(user, address), _object(repository, name))
    row.secrets = {known: kept for known, kept in row.secrets.items() if known != name}
    session.add(row)


def opened(session: Session, repository_id: UUID) -> Setup:
    """The set-up with its secrets opened, for a worker. Raises RunFailed(setup_failed) where one cannot be opened."""
    found = session.get(RepositorySettings, repository_id)
    if found is None:
        return Setup()
    try:
        secrets = {
            name: crypto.unseal(get_settings(), repository_id, kept["sealed"]) for name, kept in found.secrets.items()
        }
    except Misconfigured as error:
        raise RunFailed(Failure.SETUP_FAILED, _LOST) from error
    return Setup(found.setup_script or "", dict(found.environment), secrets)


def _to_change(session: Session, user: User, repository_id: UUID) -> tuple[Repository, RepositorySettings]:
    """The repository, and its row, locked. Raises NotFound, Forbidden."""
    repository, level = access.reachable(session, user, repository_id)
    if level == "read":
        raise Forbidden("Only people who can push to this repository can change its set-up.")
    return repository, repository_settings.locked(session, repository_id)


def _object(repository: Repository, secret: str) -> audit.Object:
    return audit.Object(ObjectKind.SECRET, str(repository.id), f"{repository.full_name} {secret}")


def _script(script: str) -> str:
    script = script.replace("\r\n", "\n").strip()
    if len(script) > MOST_SCRIPT:
        raise InvalidInput(f"A set-up script has at most {MOST_SCRIPT:,} characters.", field="script")
    if not all(line.replace("\t", " ").isprintable() for line in script.split("\n")):
        raise InvalidInput("A set-up script holds no control characters.", field="script")
    return script


def _environment(text: str) -> dict[str, str]:
    if len(text) > MOST_ENVIRONMENT:
        raise InvalidInput(f"The environment has at most {MOST_ENVIRONMENT:,} characters.", field="environment")
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.split("\n"))):
        name, equals, value = line.partition("=")
        if not equals:
            raise InvalidInput(
                f"Each line reads NAME=value, and this one does not: {line[:60]!r}.", field="environment"
            )
        if _name(name, "environment") in found:
            raise InvalidInput(f"{name} is there twice.", field="environment")
        if len(value) > MOST_VALUE or not value.isprintable():
            raise InvalidInput(
                f"{name} has more than {MOST_VALUE:,} characters, or one that cannot be printed.", field="environment"
            )
        found[name] = value
    if len(found) > MOST_NAMES:
        raise InvalidInput(f"The environment has at most {MOST_NAMES} variables.", field="environment")
    return found


def _name(name: str, where: str) -> str:
    if not _NAME.fullmatch(name) or len(name) > MOST_NAME or name.upper().startswith(_OURS):
        raise InvalidInput(
            f"{name[:60]!r} is no name for a variable: letters, digits and underscores, and none that begins with"
            f" a digit or with {_OURS}.",
            field=where,
        )
    return name


def _lines(environment: dict[str, str]) -> str:
    return "\n".join(f"{name}={value}" for name, value in sorted(environment.items()))
