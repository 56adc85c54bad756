"""Leaving: what goes, what stays, what comes back with the next sign-in."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from backend import crypto, db
from backend.errors import AsyncCoderError, Forbidden, GitHubUnauthorized, InvalidInput, NotFound, SignedOut, StaleFence
from backend.github.types import Profile, Token
from backend.models import Attachment, CreditTransaction, Draft, ProviderKey, TaskRun, User
from backend.services import (
    account,
    admin,
    api_tokens,
    auth,
    catalog,
    claims,
    credits,
    drafts,
    github_tokens,
    lease,
    preferences,
    repositories,
    tasks,
)  # fmt: skip
from backend.services.api_tokens import Scope
from backend.settings import get_settings
from backend.words import Priority, Status, TaskType
from tests.backend.services.worker import somebody_waits
from tests.conftest import People


def sign_in() -> tuple[User, str]:
    with db.transaction() as session:
        profile = Profile(1, "alice", "Alice", "alice@example.org", None)
        return auth.sign_in(session, profile, Token("gho_new", None, None, ()), "test")


def submit(people: People, *, where: UUID | None = None) -> UUID:
    draft = tasks.Draft(where or people.shop, "main", None, people.model, TaskType.ASK, Priority.MEDIUM, "Secret plan")
    with db.transaction() as session:
        return tasks.submit(session, session.get_one(User, people.alice.id), draft).id


def share(task_id: UUID) -> None:
    with db.transaction() as session:
        session.execute(text("UPDATE tasks SET visibility = 'repository' WHERE id = :id"), {"id": task_id})


def leave(people: People, typed: str = "alice") -> None:
    with db.transaction() as session:
        account.delete_account(session, session.get_one(User, people.alice.id), typed)


def alice(people: People) -> User:
    with db.transaction() as session:
        return session.get_one(User, people.alice.id)


def run_of(session: Session, task_id: UUID) -> TaskRun:
    return session.exec(select(TaskRun).where(TaskRun.task_id == task_id)).one()


def test_without_github_nothing_of_the_person_reaches_it_until_they_sign_in_again(people: People) -> None:
    for _ in range(2):
        with db.transaction() as session:
            account.disconnect_github(session, people.alice)
    row = alice(people)
    assert (row.github_access_token, row.github_refresh_token, row.is_github_connected) == (None, None, False)
    with pytest.raises(GitHubUnauthorized):
        github_tokens.opened(people.alice.id)
    with db.transaction() as session:
        assert auth.user_of_session(session, people.cookies["alice"]).id == people.alice.id, "still signed in"
    assert github_tokens.opened(people.bob.id) == "gho_bob"
    sign_in()
    assert github_tokens.opened(people.alice.id) == "gho_new"


@pytest.mark.parametrize("typed", ["", "Alice", "alic", "bob", "alice@example.org"])
def test_with_another_login_typed_nothing_is_deleted(people: People, typed: str) -> None:
    with pytest.raises(InvalidInput):
        leave(people, typed)
    assert alice(people).deleted_at is None and alice(people).username == "alice"


def test_whatever_names_the_person_is_gone(people: People) -> None:
    task_id = submit(people)
    with db.transaction() as session:
        api_tokens.create(session, people.alice, "laptop", Scope.WRITE, None)
        preferences.change(session, people.alice, priority=Priority.HIGH)
        session.add(Draft(user_id=people.alice.id, content={"prompt": "half a thought"}))
        session.add(
            Attachment(
                user_id=people.alice.id,
                task_id=task_id,
                name="a.png",
                media_type="image/png",
                size=1,
                width=1,
                height=1,
                content=b"x",
            )
        )
        sealed = crypto.seal(get_settings(), people.alice.id, "sk-x")
        session.add(ProviderKey(user_id=people.alice.id, provider="openai", sealed_key=sealed, hint="sk-x"))
    leave(people)
    row = alice(people)
    assert row.deleted_at is not None and row.preferences == {} and row.avatar_url is None
    for told in ("alice", "Alice", "example.org"):
        assert told not in str(row.model_dump())
    with db.transaction() as session:
        for table in ("sessions", "api_tokens", "provider_keys", "drafts", "attachments", "user_repository_access"):
            kept = session.execute(
                text(f"SELECT count(*) FROM {table} WHERE user_id = :id"), {"id": people.alice.id}
            ).scalar_one()
            assert kept == 0, table
        assert [person.username for person in admin.people(session)] == ["bob", "carol"]


def test_every_browser_and_token_is_signed_out(people: People) -> None:
    with db.transaction() as session:
        token = api_tokens.create(session, people.alice, "laptop", Scope.WRITE, None)[1]
    phone = sign_in()[1]
    leave(people)
    for cookie in (people.cookies["alice"], phone):
        with pytest.raises(SignedOut), db.transaction() as session:
            auth.user_of_session(session, cookie)
    with pytest.raises(SignedOut), db.transaction() as session:
        api_tokens.bearer(session, token)
    with pytest.raises(SignedOut), db.transaction() as session:
        api_tokens.create(session, people.alice, "too late", Scope.WRITE, None)
    with db.transaction() as session:
        assert auth.user_of_session(session, people.cookies["bob"]).id == people.bob.id


def test_private_tasks_can_be_read_by_nobody_and_shared_ones_stay_to_the_team(people: People) -> None:
    private, shared = submit(people), submit(people)
    share(shared)
    leave(people)
    with db.transaction() as session:
        page = tasks.page(session, people.bob, shared)
        assert (page.row.owner, page.row.status) == ("Deleted account", Status.CANCELLED)
    for person in (people.alice, people.bob, people.carol):
        with pytest.raises(NotFound), db.transaction() as session:
            tasks.page(session, session.get_one(User, person.id), private)


def test_what_still_works_is_stopped_and_its_worker_is_refused_and_the_ledger_adds_up(people: People) -> None:
    working, waiting = submit(people), submit(people)
    with db.transaction() as session:
        claimed = claims.claim(session, "worker")
        assert claimed is not None
        session.execute(
            text("UPDATE task_runs SET cost_micro = 25000 WHERE id = :id"), {"id": claimed.run_id}
        )  # three credits, rounded up
    leave(people)
    with db.transaction() as session:
        assert {run_of(session, one).status for one in (working, waiting)} == {Status.CANCELLED}
        assert {run_of(session, one).cancelled_by for one in (working, waiting)} == {people.alice.id}
        with pytest.raises(StaleFence):
            lease.listen(session, claimed)
        assert claims.claim(session, "worker") is None
        assert credits.unbalanced(session) == []
    assert (alice(people).credits, alice(people).credits_held) == (97, 0)


def test_the_same_github_account_comes_back_without_a_second_bonus_and_without_its_private_tasks(
    people: People,
) -> None:
    task_id = submit(people)
    leave(people)
    user, cookie = sign_in()
    assert (user.id, user.username, user.deleted_at) == (people.alice.id, "alice", None)
    assert preferences.of(user) == preferences.Preferences()
    with db.transaction() as session:
        assert auth.user_of_session(session, cookie).credits == 100
        bonuses = session.exec(select(CreditTransaction).where(CreditTransaction.type == "bonus")).all()
        assert [row.user_id for row in bonuses].count(people.alice.id) == 1
        assert tasks.sidebar(session, user).groups == []
        assert credits.unbalanced(session) == []
    with pytest.raises(NotFound), db.transaction() as session:
        tasks.page(session, user, task_id)


def test_somebody_who_is_disabled_does_not_come_back_by_leaving(people: People) -> None:
    with db.transaction() as session:
        session.execute(text("UPDATE users SET disabled_at = now() WHERE username = 'alice'"))
    leave(people)
    with pytest.raises(Forbidden):
        sign_in()


def test_a_task_that_is_sent_at_the_same_moment_holds_nothing_of_a_deleted_account(people: People) -> None:
    refused: list[AsyncCoderError] = []

    def send() -> None:
        try:
            submit(people)
        except AsyncCoderError as error:
            refused.append(error)

    with db.transaction() as session:
        account.delete_account(session, session.get_one(User, people.alice.id), "alice")
        sending = threading.Thread(target=send)
        sending.start()
        sending.join(timeout=0.5)  # it has read the person and waits for their row
        assert sending.is_alive()
    sending.join()
    assert len(refused) == 1 and isinstance(refused[0], NotFound)
    with db.transaction() as session:
        assert session.exec(select(TaskRun)).all() == []
        assert credits.unbalanced(session) == []


def test_a_draft_that_is_sent_while_its_account_is_deleted_waits_for_the_person_and_not_both_for_each_other(
    alice: UUID,
) -> None:
    prompt = "Secret plan"
    with db.transaction() as session:
        user = session.get_one(User, alice)
        version = drafts.read(session, user, drafts.save(session, user, {"prompt": prompt}))[0]
        found = next(row.id for row in repositories.listing(session, user) if row.full_name == "alice/sample-shop")
        model = next(choice.id for choice in catalog.choices(session) if choice.is_demo)
    draft = tasks.Draft(found, "main", None, model, TaskType.ASK, Priority.MEDIUM, prompt)
    with ThreadPoolExecutor(1) as pool:
        with db.transaction() as session:
            user = db.lock(session, User, alice)
            sending = pool.submit(tasks.send, alice, draft, opened=version)
            while not somebody_waits():
                assert not sending.done(), sending.exception()
            account.delete_account(session, user, "alice")
        assert isinstance(sending.exception(), NotFound)
    with db.transaction() as session:
        assert session.exec(select(TaskRun)).all() == []
