"""What admins do with a token of the scope admin."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, Field, TypeAdapter
from sqlmodel import Session

from backend import db
from backend.api import bearer
from backend.api.bearer import Caller
from backend.api.once import Once
from backend.api.pages import Page, Turn
from backend.api.schemas.admin import (
    AuditEntryShown,
    DeclineGiven,
    GrantGiven,
    PeopleShown,
    PersonShown,
    RequestShown,
    RequestsShown,
    VerificationShown,
)
from backend.services import admin, audit, audit_reading, credit_requests
from backend.services.audit_reading import Wanted
from backend.words import Act

router = bearer.router("/admin", "Admin", route_class=bearer.AdminRoute)
_SEQ: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=1, lt=2**63)])


async def _wanted(
    actor: Annotated[str, Query(max_length=200, description="The login under which it was done.")] = "",
    act: Act | None = None,
    object: Annotated[str, Query(max_length=300, description="The id or the name of what it was done to.")] = "",
    since: Annotated[AwareDatetime | None, Query(description="From this moment on.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Before this moment.")] = None,
) -> Wanted:
    return Wanted(actor, act, object, since, until)


Filters = Annotated[Wanted, Depends(_wanted)]


class _Lines(StreamingResponse):
    media_type = "application/x-ndjson"


class _Csv(StreamingResponse):
    media_type = "text/csv"


@router.get("/people")
def list_people(caller: Caller) -> PeopleShown:
    """Everyone who has signed in and not deleted their account, by name."""
    with db.transaction() as session:
        return PeopleShown(items=[PersonShown.model_validate(row) for row in admin.people(session)])


@router.post("/people/{username}/credits", status_code=201, response_model=PersonShown)
def grant_credits(caller: Caller, username: str, given: GrantGiven, once: Once) -> Response:
    """Gives a person credits; who gave them and why stands in the person's ledger."""

    def grant(session: Session) -> tuple[PersonShown, None]:
        reason, actor = f"{given.reason} (from {caller.user.username})", audit.by(caller.user, caller.address)
        admin.grant(session, username, given.credits, reason, actor)
        return PersonShown.model_validate(next(row for row in admin.people(session) if row.username == username)), None

    return once.make(grant)


@router.get("/credit-requests")
def list_credit_requests(caller: Caller) -> RequestsShown:
    """Who asks for credits, and has no answer yet."""
    with db.transaction() as session:
        found = credit_requests.waiting(session, caller.user)
        return RequestsShown(items=[RequestShown.model_validate(row) for row in found])


@router.put("/credit-requests/{request_id}/grant", status_code=204)
def grant_credit_request(caller: Caller, request_id: UUID, given: GrantGiven) -> None:
    """Gives these credits, and so answers the request; the same again changes nothing."""
    with db.transaction() as session:
        usual = (session, caller.user, request_id, given.credits, given.reason)
        credit_requests.grant(*usual, address=caller.address)


@router.put("/credit-requests/{request_id}/decline", status_code=204)
def decline_credit_request(caller: Caller, request_id: UUID, given: DeclineGiven) -> None:
    """Says no, with the reason, which the person reads."""
    with db.transaction() as session:
        credit_requests.decline(session, caller.user, request_id, given.reason, address=caller.address)


@router.get("/audit", response_model=Page[AuditEntryShown])
def list_audit(caller: Caller, turn: Turn, wanted: Filters) -> Response:
    """Who did what, on what, from where, newest first."""
    with db.transaction() as session:
        found = audit_reading.listing(session, caller.user, wanted, turn.after(_SEQ), size=turn.limit)
    return turn.page(found, _SEQ, AuditEntryShown.model_validate)


@router.get("/audit/verification")
def verify_audit(caller: Caller) -> VerificationShown:
    """Reads the whole chain, some seconds for a million rows, and names the first row that is changed or missing."""
    with db.transaction() as session:
        return VerificationShown.model_validate(audit_reading.verify(session, caller.user))


@router.get("/audit/export.jsonl", response_class=_Lines)
def export_audit(caller: Caller, wanted: Filters) -> _Lines:
    """The rows that fit, oldest first, each a line of JSON with everything that its hash covers."""
    return _Lines(audit_reading.as_json(wanted))


@router.get("/audit/export.csv", response_class=_Csv)
def export_audit_csv(caller: Caller, wanted: Filters) -> _Csv:
    """The same as CSV, without anything that a spreadsheet takes for a formula."""
    return _Csv(audit_reading.as_csv(wanted))
