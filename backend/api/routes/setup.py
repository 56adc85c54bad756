"""The deployment's own parts and its caches, with an admin's token of the scope admin."""

from uuid import UUID

from backend import db
from backend.api import bearer
from backend.api.bearer import Caller
from backend.api.schemas.setup import CachesShown, SetupShown, WishShown
from backend.models import CacheKind
from backend.services import cache_clearing, caches, setup

router = bearer.router("/admin", "Admin", route_class=bearer.AdminRoute)


@router.get("/setup")
def read_setup(caller: Caller) -> SetupShown:
    """Every part of the deployment, how it stands, since when and how to mend it, as the web process saw it last."""
    with db.transaction() as session:
        return SetupShown.model_validate(setup.read(session, caller.user))


@router.get("/caches")
def read_caches(caller: Caller) -> CachesShown:
    """What lies on each machine with workers and in the database, as it was measured last."""
    with db.transaction() as session:
        return CachesShown.model_validate(caches.read(session, caller.user))


@router.delete("/caches/{machine_id}/unused", status_code=202)
def empty_unused_caches(caller: Caller, machine_id: UUID) -> WishShown:
    """Asks a machine to remove every mirror and set-up that no run has used for thirty days."""
    with db.transaction() as session:
        wish = cache_clearing.empty_unused(session, caller.user, machine_id, address=caller.address)
        return WishShown(id=wish)


@router.delete("/caches/{machine_id}/{kind}/{item}", status_code=202)
def empty_cache(caller: Caller, machine_id: UUID, kind: CacheKind, item: str) -> WishShown:
    """Asks a machine to remove one repository's mirror, or what its set-up added, unless a run uses it."""
    with db.transaction() as session:
        wish = cache_clearing.empty(session, caller.user, machine_id, kind.value, item, address=caller.address)
        return WishShown(id=wish)


@router.put("/caches/{machine_id}/measurement", status_code=204)
def measure_caches(caller: Caller, machine_id: UUID) -> None:
    """Asks a machine to measure what lies there, within a minute."""
    with db.transaction() as session:
        cache_clearing.measure(session, caller.user, machine_id)
