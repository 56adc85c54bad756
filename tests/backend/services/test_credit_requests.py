"""Asking the admins for credits: one request at a time, answered once, by admins alone."""

from collections.abc import Callable
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import select

from backend import db
from backend.errors import Conflict, Forbidden, InvalidInput, NotFound
from backend.models import AuditEntry, CreditTransaction, User
from backend.services import credit_requests, credits
from backend.services import people as everyone
from backend.words import Act
from tests.conftest import People


def ask(who: User, words: str = "For the release") -> None:
    with db.transaction() as session:
        credit_requests.ask(session, who, words)


def waiting(admin: User) -> list[credit_requests.Waiting]:
    with db.transaction() as session:
        return credit_requests.waiting(session, admin)


def answer(deed: Callable[..., Any], *given: Any) -> None:
    with db.transaction() as session:
        deed(session, *given)


def newest(who: User) -> credit_requests.Asked:
    with db.transaction() as session:
        found = credit_requests.newest(session, who)
    assert found is not None
    return found


def balance(who: User) -> int:
    with db.transaction() as session:
        assert credits.unbalanced(session) == []
        return credits.balance(session, who).credits


def test_whoever_asks_again_asks_with_other_words_however_many_tabs(people: People) -> None:
    threads = [Thread(target=ask, args=(people.bob, f"Try {number}")) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ask(people.bob, "  At\nlast ")
    (one,) = waiting(people.alice)
    assert (one.username, one.words, one.credits) == ("bob", "At last", 100)


def test_a_gift_answers_it_once_and_stands_in_ledger_and_audit_log(people: People) -> None:
    ask(people.bob)
    (one,) = waiting(people.alice)
    for _ in range(2):
        answer(credit_requests.grant, people.alice, one.id, 50, "")
    assert balance(people.bob) == 150 and waiting(people.alice) == []
    assert (newest(people.bob).status, newest(people.bob).granted) == ("granted", 50)
    for deed, given in ((credit_requests.grant, (60, "More")), (credit_requests.decline, ("No",))):
        with pytest.raises(Conflict):
            answer(deed, people.alice, one.id, *given)
    with db.transaction() as session:
        row = session.exec(select(CreditTransaction).where(CreditTransaction.amount == 50)).one()
        assert row.description == "As asked for (from alice)"
        assert [entry.act for entry in session.exec(select(AuditEntry))][-1] == Act.CREDITS_GRANTED
    ask(people.bob, "Again")
    assert balance(people.bob) == 150 and len(waiting(people.alice)) == 1


def test_a_no_has_a_reason_and_the_person_may_ask_again(people: People) -> None:
    ask(people.bob)
    (one,) = waiting(people.alice)
    with pytest.raises(InvalidInput):
        answer(credit_requests.decline, people.alice, one.id, "  ")
    for _ in range(2):
        answer(credit_requests.decline, people.alice, one.id, "Next month")
    assert (newest(people.bob).status, newest(people.bob).answer) == ("declined", "Next month")
    with pytest.raises(Conflict):
        answer(credit_requests.grant, people.alice, one.id, 5, "")
    with db.transaction() as session:
        acts = [entry.act for entry in session.exec(select(AuditEntry))]
    assert acts.count(Act.CREDITS_DECLINED) == 1 and balance(people.bob) == 100


def test_what_is_withdrawn_waits_for_nobody(people: People) -> None:
    ask(people.bob)
    (one,) = waiting(people.alice)
    for _ in range(2):
        answer(credit_requests.withdraw, people.bob)
    assert waiting(people.alice) == [] and newest(people.bob).status == "withdrawn"
    with pytest.raises(Conflict):
        answer(credit_requests.grant, people.alice, one.id, 5, "")


def test_nobody_but_an_admin_sees_or_answers_them(people: People) -> None:
    ask(people.bob)
    (one,) = waiting(people.alice)
    deeds: tuple[tuple[Callable[..., Any], tuple[Any, ...]], ...] = (
        (credit_requests.waiting, ()),
        (credit_requests.grant, (one.id, 5, "Mine")),
        (credit_requests.decline, (one.id, "No")),
    )
    for who in (people.bob, people.carol):
        for deed, given in deeds:
            with pytest.raises(Forbidden):
                answer(deed, who, *given)
    with pytest.raises(NotFound):
        answer(credit_requests.grant, people.alice, uuid4(), 5, "")
    with db.transaction() as session:
        everyone.disable(session, people.alice, people.bob.id)
    assert waiting(people.alice) == []


@pytest.mark.parametrize(("amount", "reason"), [(0, ""), (-5, ""), (10**12, ""), (5, "x" * 201)])
def test_a_gift_that_cannot_be_leaves_the_request_open(people: People, amount: int, reason: str) -> None:
    ask(people.bob)
    (one,) = waiting(people.alice)
    with pytest.raises(InvalidInput):
        answer(credit_requests.grant, people.alice, one.id, amount, reason)
    assert len(waiting(people.alice)) == 1
    with pytest.raises(InvalidInput):
        ask(people.bob, "x" * 201)
