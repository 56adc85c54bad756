"""What admins do with a token of the scope admin."""

from fastapi import Response
from sqlmodel import Session

from backend import db
from backend.api import bearer
from backend.api.bearer import Caller
from backend.api.once import Once
from backend.api.schemas.admin import GrantGiven, PeopleShown, PersonShown
from backend.services import admin

router = bearer.router("/admin", "Admin", route_class=bearer.AdminRoute)


@router.get("/people")
def list_people(caller: Caller) -> PeopleShown:
    """Everyone who has signed in and not deleted their account, by name."""
    with db.transaction() as session:
        return PeopleShown(items=[PersonShown.model_validate(row) for row in admin.people(session)])


@router.post("/people/{username}/credits", status_code=201, response_model=PersonShown)
def grant_credits(caller: Caller, username: str, given: GrantGiven, once: Once) -> Response:
    """Gives a person credits; who gave them and why stands in the person's ledger."""

    def grant(session: Session) -> tuple[PersonShown, None]:
        admin.grant(session, username, given.credits, f"{given.reason} (from {caller.user.username})")
        return PersonShown.model_validate(next(row for row in admin.people(session) if row.username == username)), None

    return once.make(grant)
