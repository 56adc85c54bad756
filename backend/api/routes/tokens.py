"""The person's bearer tokens."""

from uuid import UUID

from fastapi import Response
from sqlmodel import Session

from backend import db
from backend.api import bearer
from backend.api.bearer import Caller
from backend.api.once import Once
from backend.api.schemas.lists import TokenGiven, TokenMade, TokenShown, TokensShown
from backend.services import api_tokens

router = bearer.router("/tokens", "Tokens")


@router.get("")
def list_tokens(caller: Caller) -> TokensShown:
    """The live ones, newest first; never their text."""
    with db.transaction() as session:
        return TokensShown(items=[TokenShown.model_validate(row) for row in api_tokens.listing(session, caller.user)])


@router.post("", status_code=201, response_model=TokenMade)
def create_token(caller: Caller, given: TokenGiven, once: Once) -> Response:
    """Makes a token that may do no more than this one, and lasts no longer."""

    def make(session: Session) -> tuple[TokenMade, None]:
        wanted = (given.name, given.scope, given.days)
        row, text = api_tokens.create(session, caller.user, *wanted, maker=caller, address=caller.address)
        return TokenMade.model_validate({**vars(row), "token": text}), None

    return once.make(make)


@router.delete("/{token_id}", status_code=204)
def revoke_token(caller: Caller, token_id: UUID) -> None:
    """Ends a token at once; twice is once."""
    with db.transaction() as session:
        api_tokens.revoke(session, caller.user, token_id, address=caller.address)
