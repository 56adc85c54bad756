"""What admins see of people and do with them, and that nobody else does."""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlmodel import Session, col, select

from backend import db
from backend.errors import Conflict, Forbidden, InvalidInput, NotFound, SignedOut
from backend.models import CreditTransaction, User
from backend.services import api_tokens, auth, credits, lease, tasks
from backend.services import people as service
from backend.services.api_tokens import Scope
from backend.services.people import Kind, Wanted
from backend.words import Status, Tier
from jobs.schedule import sweep
from tests.backend.services.worker import claim, run_of, submit
from tests.conftest import People

Deed = Callable[[Session, User, UUID], object]
DEEDS: list[Deed] = [
    partial(service.set_tier, tier=Tier.PRO),
    partial(service.give, amount=5, reason="why not", key="k"),
    service.disable,
    service.enable,
    service.sign_out,
]


@pytest.fixture
def admin(people: People) -> User:
    """Bob, whom the operator named in place of Alice."""
    with db.transaction() as session:
        people.alice.role = session.get_one(User, people.alice.id).role = "member"
        bob = session.get_one(User, people.bob.id)
        bob.role = "admin"
        return bob


def listed(admin: User, **wanted: Any) -> list[str]:
    with db.transaction() as session:
        return [row.username for row in service.listing(session, admin, Wanted(**wanted)).rows]


def do(deed: Deed, admin: User, person: User) -> None:
    with db.transaction() as session:
        deed(session, admin, person.id)


def now(user: User) -> User:
    with db.transaction() as session:
        return session.get_one(User, user.id)


def gifts(user: User) -> list[tuple[int, str | None]]:
    with db.transaction() as session:
        assert credits.unbalanced(session) == []
        rows = session.exec(
            select(CreditTransaction).where(
                CreditTransaction.user_id == user.id, col(CreditTransaction.type) == "credit"
            )
        )
        return [(row.amount, row.description) for row in rows]


def test_everyone_is_listed_with_what_they_have_and_do(people: People, admin: User) -> None:
    submit(people)
    claim()
    with db.transaction() as session:
        page = service.listing(session, admin, Wanted())
    rows = {row.username: row for row in page.rows}
    assert page.total == 3 and set(rows) == {"alice", "bob", "carol"}
    alice = rows["alice"]
    assert (alice.credits, alice.tasks, alice.at_work, alice.tier) == (100, 1, 1, Tier.FREE)
    assert alice.held > 0 and alice.seen_at is not None and alice.disabled_at is None
    assert [row.username for row in page.rows if row.is_self] == ["bob"]


def test_people_are_found_by_name_tier_and_kind(people: People, admin: User) -> None:
    do(service.disable, admin, people.alice)
    do(partial(service.set_tier, tier=Tier.PRO), admin, people.carol)
    assert listed(admin, query="ALICE@exam") == ["alice"] and listed(admin, query="100%") == []
    assert listed(admin, tier=Tier.PRO) == ["carol"]
    assert (listed(admin, kind=Kind.ADMIN), listed(admin, kind=Kind.DISABLED)) == (["bob"], ["alice"])


@pytest.mark.parametrize("deed", DEEDS)
def test_only_admins_do_anything_and_only_to_somebody(people: People, admin: User, deed: Deed) -> None:
    for stranger in (people.alice, people.carol):
        for whom in (people.alice, people.bob):
            with pytest.raises(Forbidden, match="for admins"):
                do(deed, stranger, whom)
        with pytest.raises(Forbidden):
            listed(stranger)
    with pytest.raises(NotFound), db.transaction() as session:
        deed(session, admin, uuid4())
    with db.transaction() as session:
        session.get_one(User, people.carol.id).deleted_at = now(people.carol).created_at
    with pytest.raises(NotFound, match="deleted"):
        do(deed, admin, people.carol)


def test_a_disabled_person_is_out_at_once_and_comes_back_as_they_were(people: People, admin: User) -> None:
    with db.transaction() as session:
        _, token = api_tokens.create(session, people.alice, "script", Scope.WRITE, None)
    for _ in range(2):
        do(service.disable, admin, people.alice)
    with pytest.raises(SignedOut), db.transaction() as session:
        auth.user_of_session(session, people.cookies["alice"])
    with pytest.raises(SignedOut), db.transaction() as session:
        api_tokens.bearer(session, token)
    with pytest.raises(NotFound):
        submit(people)
    do(service.enable, admin, people.alice)
    with pytest.raises(SignedOut), db.transaction() as session:
        auth.user_of_session(session, people.cookies["alice"])  # they sign in anew
    with db.transaction() as session:
        assert api_tokens.bearer(session, token)
    assert submit(people)


def test_a_disabled_persons_runs_stop_and_their_holds_are_free_again(people: People, admin: User) -> None:
    at_work, waits, parked = submit(people), submit(people), submit(people)
    mine = claim()
    with db.transaction() as session:
        run_of(parked, session).phase = "parked"
    do(service.disable, admin, people.alice)
    with db.transaction() as session:
        assert lease.listen(session, mine)[0].cancelled
    sweep()
    sweep()
    with db.transaction() as session:
        assert [run_of(task, session).status for task in (at_work, waits, parked)] == [
            Status.RUNNING, Status.CANCELLED, Status.CANCELLED
        ]  # fmt: skip
        assert now(people.alice).credits_held == run_of(at_work, session).held
        assert credits.unbalanced(session) == []
    other = submit(people, who=people.bob)
    sweep()
    with db.transaction() as session:
        assert run_of(other, session).status == Status.PENDING, "others wait as before"


def test_nobody_locks_themselves_out(people: People, admin: User) -> None:
    with pytest.raises(Forbidden, match="your own"):
        do(service.disable, admin, admin)
    assert now(admin).disabled_at is None


def test_all_browsers_of_a_person_are_signed_out_and_nobody_elses(people: People, admin: User) -> None:
    do(service.sign_out, admin, people.alice)
    for login, is_out in (("alice", True), ("bob", False), ("carol", False)):
        with db.transaction() as session:
            if is_out:
                with pytest.raises(SignedOut):
                    auth.user_of_session(session, people.cookies[login])
            else:
                assert auth.user_of_session(session, people.cookies[login]).username == login


def test_a_tier_is_how_many_runs_are_at_work_at_once(people: People, admin: User) -> None:
    ids = [submit(people) for _ in range(4)]
    claim(), claim()
    with db.transaction() as session:
        assert tasks.page(session, people.alice, ids[3]).row.reason == "you run 2 of 2"
    do(partial(service.set_tier, tier=Tier.PRO), admin, people.alice)
    claim(), claim()
    with db.transaction() as session:
        assert {run_of(task, session).status for task in ids} == {Status.RUNNING}


def test_a_gift_is_given_once_with_its_reason_and_giver(people: People, admin: User) -> None:
    give = partial(service.give, amount=50, key="click")
    for _ in range(2):
        do(partial(give, reason="  For the good report "), admin, people.alice)
    assert gifts(people.alice) == [(50, "For the good report (from bob)")]
    with pytest.raises(Conflict):
        do(partial(give, reason="more", amount=60), admin, people.alice)
    with pytest.raises(Conflict):
        do(partial(give, reason="for her too"), admin, people.carol)
    assert now(people.alice).credits == 150 and gifts(people.carol) == []


@pytest.mark.parametrize(("amount", "reason"), [(0, "x"), (-5, "x"), (10**12, "x"), (1, " "), (1, "x" * 201)])
def test_a_gift_that_cannot_be_is_refused_and_nothing_is_written(
    people: People, admin: User, amount: int, reason: str
) -> None:
    with pytest.raises(InvalidInput):
        do(partial(service.give, amount=amount, reason=reason, key="k"), admin, people.alice)
    assert gifts(people.alice) == []
