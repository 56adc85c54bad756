"""Repositories: listed, fetched from GitHub anew, their branches, their settings."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from pydantic import TypeAdapter

from backend import db
from backend.api import bearer, pages
from backend.api.bearer import Caller
from backend.api.pages import Page, Turn
from backend.api.schemas.repositories import (
    BranchShown,
    RepositoryShown,
    SecretGiven,
    SettingsGiven,
    SettingsShown,
    SetupGiven,
    SetupShown,
    SyncShown,
)
from backend.services import (
    access,
    repositories,
    repository_pages,
    repository_settings,
    repository_setup,
    repository_syncs,
)
from backend.services.paging import cut
from backend.services.repositories import BranchRow
from backend.services.repository_pages import Access, Archive, Privacy, Reachable, Wanted

router = bearer.router("/repositories", "Repositories")
_BranchKey = tuple[bool, str, str]
_BRANCH: TypeAdapter[_BranchKey] = TypeAdapter(_BranchKey)


@router.get("", response_model=Page[RepositoryShown])
def list_repositories(
    caller: Caller,
    turn: Turn,
    q: Annotated[str, Query(max_length=200, description="A part of the name or the description.")] = "",
    access_level: Access = Access.ALL,
    privacy: Privacy = Privacy.ALL,
    archive: Archive = Archive.ACTIVE,
) -> Response:
    """The person's repositories that fit, by name."""
    wanted = Wanted(q, access_level, privacy, archive)
    with db.transaction() as session:
        found = repository_pages.following(session, caller.user, wanted, turn.after(pages.Name), size=turn.limit)
    return turn.page(found, pages.Name, _shown)


@router.post("/sync", status_code=202)
def sync_repositories(caller: Caller, response: Response) -> SyncShown:
    """Asks for the person's repositories to be fetched from GitHub; while that waits or goes on it is that one.

    A worker does it; `Location` leads to how far it is.
    """
    with db.transaction() as session:
        repository_syncs.ask(session, caller.user.id)
    response.headers["Location"] = "/api/repositories/sync"
    return read_sync(caller)


@router.get("/sync")
def read_sync(caller: Caller) -> SyncShown:
    """How far the sync is, or how the last one ended."""
    with db.transaction() as session:
        known = repository_syncs.standing(session, caller.user.id)
    return SyncShown.model_validate({**vars(known), "detail": known.trouble})


@router.get("/{repository_id}/branches", response_model=Page[BranchShown])
def list_branches(
    caller: Caller,
    turn: Turn,
    repository_id: UUID,
    q: Annotated[str, Query(max_length=200, description="A part of the name.")] = "",
) -> Response:
    """The repository's branches, the default one first, then by name; at most five minutes old."""
    after = turn.after(_BRANCH)
    rows = repositories.branches_named(repositories.branches(caller.user.id, repository_id), q)
    rows = sorted((row for row in rows if after is None or _key(row) > after), key=_key)
    return turn.page(cut(rows, turn.limit, _key), _BRANCH, BranchShown.model_validate)


@router.get("/{repository_id}/settings")
def read_repository_settings(caller: Caller, repository_id: UUID) -> SettingsShown:
    """How runs on the repository are checked and handed over."""
    with db.transaction() as session:
        return SettingsShown.model_validate(repository_settings.read(session, caller.user, repository_id))


@router.put("/{repository_id}/settings")
def update_repository_settings(caller: Caller, repository_id: UUID, given: SettingsGiven) -> SettingsShown:
    """Changes that, for admins of the repository; runs that begin from now on use it."""
    with db.transaction() as session:
        repository_settings.save(session, caller.user, repository_id, **given.model_dump(), address=caller.address)
        return SettingsShown.model_validate(repository_settings.read(session, caller.user, repository_id))


@router.get("/{repository_id}/setup")
def read_repository_setup(caller: Caller, repository_id: UUID) -> SetupShown:
    """What prepares the repository for its runs; secrets by their names."""
    with db.transaction() as session:
        return SetupShown.model_validate(repository_setup.read(session, caller.user, repository_id))


@router.put("/{repository_id}/setup")
def update_repository_setup(caller: Caller, repository_id: UUID, given: SetupGiven) -> SetupShown:
    """Changes script and environment, for whoever may push; runs that begin from now on use them."""
    with db.transaction() as session:
        repository_setup.save(session, caller.user, repository_id, **given.model_dump(), address=caller.address)
        session.flush()
        return SetupShown.model_validate(repository_setup.read(session, caller.user, repository_id))


@router.put("/{repository_id}/setup/secrets/{name}", status_code=204)
def keep_repository_secret(caller: Caller, repository_id: UUID, name: str, given: SecretGiven) -> None:
    """Keeps a secret, in place of an older one of its name."""
    with db.transaction() as session:
        repository_setup.keep_secret(session, caller.user, repository_id, name, given.value, address=caller.address)


@router.delete("/{repository_id}/setup/secrets/{name}", status_code=204)
def remove_repository_secret(caller: Caller, repository_id: UUID, name: str) -> None:
    """Forgets a secret; twice is once."""
    with db.transaction() as session:
        repository_setup.remove_secret(session, caller.user, repository_id, name, address=caller.address)


def _shown(found: Reachable) -> RepositoryShown:
    refusal = access.refusal(found.repository, found.access_level, needs_push=True)
    values = {**found.repository.model_dump(), "access_level": found.access_level, "refusal": refusal}
    return RepositoryShown.model_validate(values)


def _key(row: BranchRow) -> _BranchKey:
    return not row.is_default, row.name.lower(), row.name
