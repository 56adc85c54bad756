"""What becomes of a repository on GitHub comes by webhook and by the next sync alike, and whoever works on it is told.

Its row stays by GitHub's id, and with it tasks, pull requests and set-up: what comes back is what it was.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import select

from backend import db
from backend.errors import Forbidden, GitHubNotFound, NotFound
from backend.models import PullRequest, Repository, Task, TaskEvent, User
from backend.services import (
    deliveries,
    pull_request_actions,
    pull_request_pages,
    pull_requests,
    repositories,
    repository_syncs,
    search,
    tasks,
)
from backend.services.pull_request_actions import Deed
from backend.words import EventKind, Failure, Outcome, Status
from tests.backend.services.road import at_work, run_of, submit, task_of, work
from tests.backend.services.triggering import Talk, talk, with_pull
from tests.hub import LocalHub
from tests.syncing import sync

__all__ = ["talk"]
SHOP = "acme/shop"
GONE = "GitHub no longer shows it to you."


def by_webhook(talk: Talk) -> None:
    """What GitHub tells, and the syncs that follow from it."""
    talk.hear()
    repository_syncs.work_all()


def by_sync(talk: Talk) -> None:
    """Nothing is told; Alice's repositories are synced."""
    talk.told()
    sync(talk.people["alice"])


Way = Callable[[Talk], None]
ways = pytest.mark.parametrize("way", [by_webhook, by_sync])


@dataclass
class Shop:
    """Alice's task on the team's repository, which has ended with an open pull request."""

    talk: Talk
    alice: UUID
    task_id: UUID
    repository_id: UUID

    def happens(self, what: str, /, where: str = SHOP, **more: Any) -> None:
        """On GitHub."""
        self.talk.hub.control("repository", repository=where, what=what, **more)

    def listed(self) -> repositories.RepositoryRow | None:
        """As the picker has it."""
        with db.transaction() as session:
            found = repositories.listing(session, session.get_one(User, self.alice))
        return next((row for row in found if row.id == self.repository_id), None)

    def gone(self) -> list[tuple[str, str]]:
        """What the picker and the list say of what is out of reach."""
        with db.transaction() as session:
            return [
                (one.full_name, one.reason) for one in repositories.gone(session, session.get_one(User, self.alice))
            ]

    def said(self) -> str:
        """What the task's page says in place of the reply box."""
        with db.transaction() as session:
            return tasks.page(session, session.get_one(User, self.alice), self.task_id).no_more

    def refusal(self) -> str:
        """What a follow-up is refused with; empty where it is taken."""
        try:
            with db.transaction() as session:
                tasks.follow_up(session, session.get_one(User, self.alice), self.task_id, "And the taxes?")
                session.rollback()
        except (NotFound, Forbidden) as refusal:
            return str(refusal)
        return ""

    def pull(self) -> pull_request_pages.PullRow:
        """The line of the list."""
        with db.transaction() as session:
            [row] = pull_request_pages.entries(session, session.get_one(User, self.alice)).rows
            return row

    def is_polled(self) -> bool:
        """Whether GitHub is asked about the pull request."""
        with db.transaction() as session:
            session.execute(text("UPDATE pull_requests SET polled_at = NULL"))
            return bool(pull_requests.due(session))


@pytest.fixture
def shop(talk: Talk) -> Shop:
    alice = talk.people["alice"]
    task_id = with_pull(alice, where=SHOP)
    with db.transaction() as session:
        session.execute(text("UPDATE tasks SET status = 'completed', outcome = 'pr_opened'"))
        return Shop(talk, alice, task_id, session.get_one(Task, task_id).repository_id)


@ways
@pytest.mark.parametrize(
    ("what", "more", "name"),
    [
        ("renamed", {"name": "till"}, "acme/till"),
        ("transferred", {"owner": "alice"}, "alice/shop"),
        ("edited", {"description": "Sells."}, SHOP),
        ("privatized", {}, SHOP),
        ("publicized", {}, SHOP),
    ],
)
def test_what_changes_and_stays_within_reach_is_the_same_row_under_its_new_name(
    shop: Shop, way: Way, what: str, more: dict[str, str], name: str
) -> None:
    shop.happens(what, **more)
    way(shop.talk)
    row = shop.listed()
    assert row is not None and row.full_name == name == shop.pull().repository
    assert (row.description == "Sells.") is (what == "edited")
    assert row.is_private is (what != "publicized")
    assert (shop.gone(), shop.said(), shop.refusal()) == ([], "", "")
    assert shop.pull().may_push and shop.is_polled()


@ways
def test_an_archived_one_takes_questions_alone_until_it_is_unarchived(shop: Shop, way: Way) -> None:
    shop.happens("archived")
    way(shop.talk)
    row = shop.listed()
    assert row is not None and row.is_archived and "archived" in row.refusal
    assert "archived" in shop.said() and "archived" in shop.refusal()
    assert not shop.pull().may_push and shop.is_polled()
    shop.happens("unarchived")
    way(shop.talk)
    row = shop.listed()
    assert row is not None and (row.refusal, shop.said(), shop.refusal()) == ("", "", "")


@ways
@pytest.mark.parametrize("what", ["deleted", "member_removed"])
def test_one_that_is_out_of_reach_says_so_everywhere_and_nothing_of_it_is_lost(shop: Shop, way: Way, what: str) -> None:
    shop.happens(what, login="alice")
    way(shop.talk)
    reason = "It was deleted on GitHub." if (what, way) == ("deleted", by_webhook) else GONE
    assert shop.listed() is None and shop.gone() == [(SHOP, reason)]
    assert shop.said() == shop.refusal() == f"You had {SHOP} here. {reason}"
    line = shop.pull()
    assert (line.status, line.is_reachable, line.may_push) == ("open", False, False)
    assert not shop.is_polled(), "GitHub has nothing to say of it"
    with pytest.raises(Forbidden):
        pull_request_actions.do(shop.alice, shop.task_id, Deed.CLOSE)
    with db.transaction() as session:
        assert tasks.diff(session, session.get_one(User, shop.alice), shop.task_id) == []


@ways
def test_one_that_comes_back_under_its_github_id_is_the_same_row(shop: Shop, way: Way) -> None:
    shop.happens("member_removed", login="alice")
    way(shop.talk)
    shop.happens("renamed", name="till")
    shop.happens("member_added", where="acme/till", login="alice", level="write")
    way(shop.talk)
    row = shop.listed()
    assert row is not None and (row.full_name, shop.gone()) == ("acme/till", [])
    assert (shop.said(), shop.refusal()) == ("", "") and shop.is_polled()


def test_what_it_is_called_since_it_was_lost_is_told_to_nobody_who_lost_it(shop: Shop) -> None:
    shop.happens("member_removed", login="alice")
    shop.happens("renamed", name="takeover-of-initech")
    by_webhook(shop.talk)
    with db.transaction() as session:
        user = session.get_one(User, shop.alice)
        assert session.get_one(Repository, shop.repository_id).name == "takeover-of-initech"
        assert tasks.page(session, user, shop.task_id).row.repository == SHOP
        assert tasks.entry(session, user, shop.task_id).repository == SHOP
        assert {one.detail for one in search.everything(session, user, "")} == {SHOP}
        names = [name for _, name in tasks.offered(session, user).repositories]
        assert SHOP in names and not [name for name in names if "takeover" in name]
        assert [name for _, name in pull_request_pages.offered(session, user)] == [SHOP]
        assert pull_request_pages.offered_name(session, user, shop.repository_id) == SHOP
        found = {
            words: pull_request_pages.entries(session, user, pull_request_pages.Wanted(query=words)).total
            for words in (SHOP, "takeover")
        }
        assert found == {SHOP: 1, "takeover": 0}
    assert shop.pull().repository == SHOP


@ways
def test_whoever_may_only_read_from_now_on_may_ask_and_no_more(shop: Shop, way: Way) -> None:
    shop.happens("member_added", login="alice", level="read")
    way(shop.talk)
    row = shop.listed()
    assert row is not None and row.access_level == "read"
    assert "not push" in shop.said() and "not push" in shop.refusal()


def test_what_a_new_owner_takes_from_people_is_asked_of_github_at_once(shop: Shop) -> None:
    shop.happens("member_removed", login="alice")  # by the new owner, whom no hook of ours belongs to
    shop.talk.told()
    shop.happens("transferred", owner="bob")
    by_webhook(shop.talk)
    assert shop.listed() is None and shop.gone() == [("bob/shop", GONE)]


def test_what_is_made_private_is_asked_of_github_at_once(shop: Shop) -> None:
    shop.happens("publicized")
    by_webhook(shop.talk)
    shop.happens("member_removed", login="alice")
    shop.talk.told()
    shop.happens("privatized")
    by_webhook(shop.talk)
    assert shop.gone() == [(SHOP, GONE)]


def apply(event: str, **payload: Any) -> None:
    with db.transaction() as session:
        deliveries.store(session, f"{event}-{payload.get('action')}", event, payload)
    deliveries.apply_all()
    with db.transaction() as session:
        assert session.execute(text("SELECT error FROM webhook_deliveries WHERE error IS NOT NULL")).all() == []


@pytest.mark.parametrize(("end", "begin"), [("deleted", "created"), ("suspend", "unsuspend")])
def test_an_installation_that_ends_takes_its_owners_repositories_though_none_is_named(
    shop: Shop, end: str, begin: str
) -> None:
    of_acme = {"installation": {"id": 1, "account": {"login": "Acme"}}, "sender": {"id": 404}}
    apply("installation", action=end, **of_acme)
    assert (SHOP, GONE) in shop.gone() and all(name.startswith("acme/") for name, _ in shop.gone())
    with db.transaction() as session:
        assert repositories.listing(session, session.get_one(User, shop.alice)), "her own stay"
    apply("installation", action=begin, **of_acme)
    with db.transaction() as session:
        assert repository_syncs.ask_if_stale(session, shop.alice), "the next look asks"
    repository_syncs.work_all()
    assert shop.listed() is not None and shop.gone() == []


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("organization", {"action": "member_removed", "organization": {"login": "acme"}, "membership": {"user": 1}}),
        ("membership", {"action": "removed", "scope": "team", "member": 1}),
        ("team", {"action": "removed_from_repository", "repository": 2}),
    ],
)
def test_whoever_leaves_an_organisation_or_a_team_is_asked_about_at_once(
    shop: Shop, event: str, payload: dict[str, Any]
) -> None:
    shop.happens("member_removed", login="alice")  # what follows from it on GitHub
    shop.talk.told()
    with db.transaction() as session:
        person = {"id": session.get_one(User, shop.alice).github_id}
        place = {"id": session.get_one(Repository, shop.repository_id).github_id}
    meant = {1: person, 2: place}
    whole = {"membership": {"user": person}} if event == "organization" else {}
    apply(
        event,
        **{name: meant.get(value, value) if isinstance(value, int) else value for name, value in payload.items()}
        | whole,
    )
    with db.transaction() as session:
        repository_syncs.ask_if_stale(session, shop.alice)
    repository_syncs.work_all()
    assert (SHOP, GONE) in shop.gone()


@ways
def test_a_run_goes_on_in_a_repository_that_is_renamed_and_moved_meanwhile(hub: LocalHub, talk: Talk, way: Way) -> None:
    def then() -> None:
        hub.control("repository", repository="alice/sample-shop", what="renamed", name="till")
        hub.control("repository", repository="alice/till", what="transferred", owner="acme")
        hub.control("repository", repository="acme/till", what="member_added", login="alice", level="admin")
        if way is by_webhook:
            talk.hear()

    task_id = at_work(talk.people["alice"], then)
    run = run_of(task_id)
    assert (run.status, run.outcome, run.attempt) == (Status.COMPLETED, Outcome.PR_OPENED, 1), run.reason
    assert [number for number, *_ in hub.pulls("alice", "acme/till")] == [1]
    with db.transaction() as session:
        assert session.get_one(Repository, task_of(task_id).repository_id).full_name == "acme/till"
        assert session.exec(select(PullRequest.url)).one().endswith("/acme/till/pull/1")


@pytest.mark.parametrize(
    ("what", "words"),
    [("archived", "archived"), ("deleted", "does not show it to you"), ("taken", "Another repository")],
)
def test_a_run_whose_repository_is_taken_from_it_pushes_nothing_and_keeps_its_patch(
    hub: LocalHub, talk: Talk, what: str, words: str
) -> None:
    alice = talk.people["alice"]

    def then() -> None:
        if what != "taken":
            hub.control("repository", repository="alice/sample-shop", what=what)
            return
        hub.control("repository", repository="alice/sample-shop", what="renamed", name="till")
        hub.control("repository", repository="alice/notes", what="renamed", name="sample-shop")

    task_id = at_work(alice, then)
    run = run_of(task_id)
    assert (run.status, run.failure) == (Status.FAILED, Failure.ACCESS_LOST)
    with db.transaction() as session:
        ended = select(TaskEvent.payload).where(TaskEvent.task_id == task_id, TaskEvent.kind == EventKind.ENDED)
        assert words in session.exec(ended).one()["text"]
        assert b"shop/totals.py" in b"".join(tasks.patch(session, session.get_one(User, alice), task_id))
        session.execute(text("UPDATE repositories SET full_name = 'alice/till' WHERE full_name = 'alice/sample-shop'"))
    if what == "taken":
        assert hub.pulls("alice", "alice/till") == [] and hub.pulls("alice", "alice/sample-shop") == []


def test_a_task_that_waits_for_a_worker_follows_a_name_that_nobody_told_of(hub: LocalHub, alice: UUID) -> None:
    task_id = submit(alice)
    hub.control("repository", repository="alice/sample-shop", what="renamed", name="till")
    assert work() == 0
    run = run_of(task_id)
    assert (run.status, run.outcome) == (Status.COMPLETED, Outcome.PR_OPENED), run.reason
    hub.control("repository", repository="alice/till", what="renamed", name="counter")
    with db.transaction() as session:
        session.execute(text("UPDATE pull_requests SET polled_at = NULL, etag = NULL"))
    assert pull_requests.poll().trouble is None, "the old name leads on"
    with pytest.raises(GitHubNotFound):
        repositories.with_github(alice, lambda github: github.repository("alice/nothing"))
