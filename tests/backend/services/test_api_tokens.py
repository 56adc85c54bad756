"""A token is shown once, does what its scope says, and ends when it should."""

import threading
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlmodel import select

from backend import db
from backend.errors import Conflict, Forbidden, InvalidInput, NotFound, SignedOut
from backend.log import redact
from backend.models import ApiToken
from backend.services import api_tokens
from backend.services.api_tokens import Scope, TokenRow
from tests.conftest import People


def make(people: People, name: str = "laptop", days: int | None = 30) -> tuple[TokenRow, str]:
    with db.transaction() as session:
        return api_tokens.create(session, people.alice, name, Scope.READ, days)


def listed(people: People) -> list[str]:
    with db.transaction() as session:
        return [row.name for row in api_tokens.listing(session, people.alice)]


def owner(token: str) -> tuple[str, Scope]:
    with db.transaction() as session:
        found = api_tokens.bearer(session, token)
        return found.user.username, found.scope


def test_a_token_is_recognised_and_kept_only_as_a_hash(people: People) -> None:
    row, token = make(people)
    assert owner(token) == ("alice", Scope.READ)
    assert token.startswith(row.prefix) and row.prefix.startswith("acd_") and len(row.prefix) == 10
    with db.transaction() as session:
        stored = session.exec(select(ApiToken)).one()
    assert token not in str(stored.model_dump())
    assert token not in redact(f"a log line with {token} in it")


def test_when_a_token_was_used_is_kept_and_not_written_at_every_call(people: People) -> None:
    row, token = make(people)
    assert row.last_used_at is None
    seen = []
    for _ in range(2):
        owner(token)
        with db.transaction() as session:
            seen.append(api_tokens.listing(session, people.alice)[0].last_used_at)
    assert seen[0] is not None and seen[0] == seen[1]


def test_a_revoked_token_is_refused_at_once_and_revoking_twice_is_once(people: People) -> None:
    row, token = make(people)
    for _ in range(2):
        with db.transaction() as session:
            api_tokens.revoke(session, people.alice, row.id)
    with pytest.raises(SignedOut):
        owner(token)
    assert listed(people) == []


def test_a_token_that_is_over_is_refused_and_one_without_an_end_is_not(people: People) -> None:
    over, endless = make(people)[1], make(people, "ci", days=None)[1]
    with db.transaction() as session:
        session.execute(text("UPDATE api_tokens SET expires_at = now() - interval '1 s' WHERE expires_at IS NOT NULL"))
    with pytest.raises(SignedOut, match="expired"):
        owner(over)
    assert owner(endless)[0] == "alice"
    assert listed(people) == ["ci"]


@pytest.mark.parametrize("column", ["disabled_at", "deleted_at"])
def test_the_tokens_of_somebody_who_is_disabled_or_gone_are_refused(people: People, column: str) -> None:
    token = make(people)[1]
    with db.transaction() as session:
        session.execute(text(f"UPDATE users SET {column} = now()"))
    with pytest.raises(SignedOut):
        owner(token)


def test_a_token_makes_none_that_may_more_or_lasts_longer(people: People) -> None:
    token = make(people)[1]
    with db.transaction() as session:
        maker = api_tokens.bearer(session, token)
        child, _ = api_tokens.create(session, people.alice, "child", Scope.READ, None, maker=maker)
    assert child.expires_at == maker.expires_at
    for scope in (Scope.WRITE, Scope.ADMIN):
        with pytest.raises(Forbidden), db.transaction() as session:
            api_tokens.create(session, people.alice, "more", scope, 30, maker=maker)


@pytest.mark.parametrize("token", ["", "acd_", "acd_nonsense", "gho_alice", "\x00"])
def test_what_is_no_token_is_refused(people: People, token: str) -> None:
    with pytest.raises(SignedOut):
        owner(token)


@pytest.mark.parametrize(("name", "days"), [("", 30), ("   ", 30), ("x" * 61, 30), ("a\x00b", 30), ("ok", 7)])
def test_a_name_is_needed_and_an_end_that_is_offered(people: People, name: str, days: int) -> None:
    with pytest.raises(InvalidInput):
        make(people, name, days)
    assert listed(people) == []


def test_carol_cannot_revoke_alices_token(people: People) -> None:
    row, token = make(people)
    for wanted in (row.id, uuid4()):
        with pytest.raises(NotFound), db.transaction() as session:
            api_tokens.revoke(session, people.carol, wanted)
    assert owner(token)[0] == "alice"


def test_there_are_never_more_than_twenty_live_tokens_even_of_requests_at_once(people: People) -> None:
    for number in range(api_tokens.MOST - 1):
        make(people, f"token {number}")
    refused: list[Conflict] = []

    def one_more() -> None:
        try:
            make(people, "one more")
        except Conflict as error:
            refused.append(error)

    threads = [threading.Thread(target=one_more) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(listed(people)), len(refused)) == (api_tokens.MOST, 3)
    with db.transaction() as session:
        api_tokens.revoke(session, people.alice, api_tokens.listing(session, people.alice)[0].id)
    make(people, "in its place")
