"""The models, and the credits."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from backend import db
from backend.api import bearer, pages
from backend.api.bearer import Caller
from backend.api.pages import Page, Turn
from backend.api.schemas.lists import (
    AskedShown,
    AskGiven,
    CreditsShown,
    EstimateShown,
    LedgerEntryShown,
    ModelShown,
    ModelsShown,
    UsedShown,
)
from backend.errors import NotFound
from backend.services import access, catalog, credit_requests, credits, estimates, ledger, provider_keys
from backend.services.ledger import Kind, Period
from backend.services.tasks import MAX_PROMPT
from backend.settings import get_settings
from backend.words import TaskType, Tier

models = bearer.router("/models", "Models")
money = bearer.router("/credits", "Credits")
USED_DAYS = 30


@models.get("")
def list_models(caller: Caller) -> ModelsShown:
    """Every model, those that this person can use first."""
    with db.transaction() as session:
        found = catalog.choices(session, caller.user)
    return ModelsShown(items=[ModelShown.model_validate(one) for one in found])


@money.get("")
def read_credits(caller: Caller) -> CreditsShown:
    """The person's balance, and what they used each day."""
    with db.transaction() as session:
        balance = credits.balance(session, caller.user)
        used = ledger.used_per_day(session, caller.user, USED_DAYS)
        today = credits.today(session, caller.user)
    return CreditsShown(
        credits=balance.credits,
        held=balance.held,
        available=balance.available,
        used_today=today.used,
        daily_limit=today.limit,
        monthly=get_settings().monthly_credits(Tier(caller.user.subscription_tier)),
        used_per_day=[UsedShown.model_validate(day) for day in used],
    )


@money.get("/ledger", response_model=Page[LedgerEntryShown])
def list_ledger(
    caller: Caller,
    turn: Turn,
    kind: Kind = Kind.ALL,
    task_id: UUID | None = None,
    days: Period = Period.ALL,
) -> Response:
    """The person's ledger, newest first."""
    wanted = ledger.Wanted(kind, task_id, days)
    with db.transaction() as session:
        found = ledger.following(session, caller.user, wanted, turn.after(pages.Moment), size=turn.limit)
    return turn.page(found, pages.Moment, LedgerEntryShown.model_validate)


@money.get("/request")
def read_credit_request(caller: Caller) -> AskedShown:
    """What the person asked the admins for last."""
    with db.transaction() as session:
        found = credit_requests.newest(session, caller.user)
    if found is None:
        raise NotFound("You have not asked for credits.")
    return AskedShown.model_validate(found)


@money.put("/request")
def ask_for_credits(caller: Caller, given: AskGiven) -> AskedShown:
    """Asks the admins for credits; whoever has asked already asks with other words."""
    with db.transaction() as session:
        credit_requests.ask(session, caller.user, given.words)
        return AskedShown.model_validate(credit_requests.newest(session, caller.user))


@money.delete("/request", status_code=204)
def withdraw_credit_request(caller: Caller) -> None:
    """Takes the open request back, if there is one."""
    with db.transaction() as session:
        credit_requests.withdraw(session, caller.user)


@money.get("/estimate")
def read_estimate(
    caller: Caller,
    model_id: UUID,
    type: TaskType,
    prompt_length: Annotated[int, Query(ge=0, le=MAX_PROMPT, description="Characters.")] = 0,
    images: Annotated[int, Query(ge=0, le=5)] = 0,
    repository_id: Annotated[UUID | None, Query(description="Where it would run: what runs cost there counts.")] = None,
) -> EstimateShown:
    """What a run with such a prompt is likely to cost, and what it would hold."""
    with db.transaction() as session:
        if repository_id is not None:
            access.repository(session, caller.user, repository_id)
        own = provider_keys.held_by(session, caller.user.id)
        of = model_id, type, repository_id
        found = estimates.estimate(session, *of, length=prompt_length, images=images, own=own)
        return EstimateShown.model_validate(found)
