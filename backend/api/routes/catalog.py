"""The catalog of models and the deployment's own keys, with a token of the scope admin."""

from uuid import UUID

from fastapi import Response
from sqlmodel import Session

from backend import db
from backend.api import bearer
from backend.api.bearer import Caller
from backend.api.once import Once
from backend.api.schemas.catalog import (
    CatalogModelShown,
    CatalogShown,
    FoundShown,
    ModelChanged,
    ModelGiven,
    MoveGiven,
    PriceChangeShown,
    ProviderShown,
    ProvidersShown,
    RefreshShown,
)
from backend.services import catalog_admin, deployment_keys

router = bearer.router("/admin", "Admin", route_class=bearer.AdminRoute)


@router.get("/models")
def list_catalog(caller: Caller) -> CatalogShown:
    """All models in their order, switched on or not."""
    with db.transaction() as session:
        return CatalogShown(items=[CatalogModelShown.of(one) for one in catalog_admin.listing(session, caller.user)])


@router.post("/models", status_code=201, response_model=CatalogModelShown)
def add_model(caller: Caller, given: ModelGiven, once: Once) -> Response:
    """Adds a model by its name, switched off, with its list price where there is one."""

    def add(session: Session) -> tuple[CatalogModelShown, None]:
        found = catalog_admin.add(session, caller.user, given.provider, given.name, address=caller.address)
        return CatalogModelShown.of(found), None

    return once.make(add)


@router.put("/models/prices")
def refresh_prices(caller: Caller) -> RefreshShown:
    """Reads the installed price list anew. What an admin gave stays."""
    with db.transaction() as session:
        changes = catalog_admin.refresh(session, caller.user, address=caller.address)
    return RefreshShown(items=[PriceChangeShown.model_validate(one) for one in changes])


@router.put("/models/found")
def look_for_models(caller: Caller) -> FoundShown:
    """Asks the compatible server which models it has, and adds the new ones: off, until they have a price."""
    return FoundShown(added=deployment_keys.look_for_models(caller.user.id, address=caller.address))


@router.put("/models/{model_id}")
def change_model(caller: Caller, model_id: UUID, given: ModelChanged) -> CatalogModelShown:
    """Switches it on or off, names it, gives a price or a margin, limits it to tiers."""
    with db.transaction() as session:
        wanted = given.change
        return CatalogModelShown.of(
            catalog_admin.change(session, caller.user, model_id, wanted, address=caller.address)
        )


@router.put("/models/{model_id}/place")
def move_model(caller: Caller, model_id: UUID, given: MoveGiven) -> CatalogShown:
    """Moves it among the others."""
    with db.transaction() as session:
        catalog_admin.move(session, caller.user, model_id, given.by, address=caller.address)
        return CatalogShown(items=[CatalogModelShown.of(one) for one in catalog_admin.listing(session, caller.user)])


@router.get("/providers")
def list_providers(caller: Caller) -> ProvidersShown:
    """Each provider, whether there is a key, and what came of its newest test."""
    with db.transaction() as session:
        found = deployment_keys.states(session, caller.user)
    return ProvidersShown(items=[ProviderShown.model_validate(one) for one in found])


@router.put("/providers/{provider}/test")
def test_provider(caller: Caller, provider: str) -> ProviderShown:
    """Asks the provider for one word with the deployment's key, which costs a few tokens."""
    return ProviderShown.model_validate(deployment_keys.test(caller.user.id, provider, address=caller.address))
