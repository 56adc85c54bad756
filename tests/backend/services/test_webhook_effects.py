"""What GitHub tells of checks, reviews, repositories and people: kept once, in whatever order it comes."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from backend import db
from backend.models import PullRequest, Repository, User, UserRepositoryAccess
from backend.services import deliveries, pull_signals, repositories
from tests.backend.services.test_polling import open_pull
from tests.conftest import People
from tests.syncing import standing

HEAD, NEXT = "a" * 40, "b" * 40
PULL_ID = 6_000_000_001


@pytest.fixture
def pull(people: People) -> UUID:
    """Alice's open pull request, just asked about; its head is known."""
    pull_id = open_pull(people, people.alice, 1, polled=0)
    with db.transaction() as session:
        session.get_one(PullRequest, pull_id).head_sha = HEAD
    return pull_id


def tell(event: str, **payload: Any) -> None:
    """One delivery, from the door to its effect."""
    name = str(uuid4())
    with db.transaction() as session:
        deliveries.store(session, name, event, {"repository": {"id": 11}} | payload)
    with db.transaction() as session:
        deliveries.apply(session, name)
    with db.transaction() as session:
        error = session.execute(text("SELECT error FROM webhook_deliveries WHERE delivery_id = :id"), {"id": name})
        assert error.scalar_one() is None


def check(check_id: int, name: str, conclusion: str | None, sha: str = HEAD, minute: int = 0) -> None:
    status = "completed" if conclusion else "in_progress"
    run = {"id": check_id, "name": name, "head_sha": sha, "status": status, "conclusion": conclusion}
    run |= {"started_at": f"2026-01-01T12:{minute:02}:00Z", "pull_requests": [{"id": PULL_ID, "number": 1}]}
    tell("check_run", action="created", check_run=run | {"app": {"slug": "actions"}, "html_url": "https://x/1"})


def shown(updated: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "id": PULL_ID,
        "number": 1,
        "title": "Round once",
        "state": "open",
        "html_url": "",
        "head": {"ref": "branch-1", "sha": HEAD},
        "base": {"ref": "main", "sha": "c" * 40},
        "updated_at": f"2026-01-01T12:{updated:02}:00Z",
    } | changes


def review(review_id: int, author: str, state: str, minute: int = 0, action: str = "submitted") -> None:
    said = {"id": review_id, "user": {"login": author}, "state": state, "html_url": "https://x/2"}
    said["submitted_at"] = f"2026-01-01T12:{minute:02}:00Z"
    tell("pull_request_review", action=action, review=said, pull_request=shown(minute))


def row(pull_id: UUID) -> PullRequest:
    with db.transaction() as session:
        return session.exec(select(PullRequest).where(PullRequest.id == pull_id)).one()


def test_checks_are_counted_by_name_and_the_failing_are_named(pull: UUID) -> None:
    check(1, "lint", "success")
    assert row(pull).checks_state == "success"
    check(2, "tests", None)
    assert row(pull).checks_state == "pending"
    check(3, "docs", "timed_out")
    assert pull_signals.summary(row(pull)) == pull_signals.Checks(row(pull).checks_state, 1, 1, 1, ("docs",))  # type: ignore[arg-type]
    assert row(pull).checks_state == "failure"


def test_what_was_told_of_a_check_before_changes_nothing_afterwards(pull: UUID) -> None:
    check(5, "tests", "failure")
    check(5, "tests", None)
    check(4, "tests", "success", minute=9)
    assert row(pull).checks_state == "failure"
    check(5, "tests", None, minute=1)  # the same one, begun again
    assert row(pull).checks_state == "pending"
    check(6, "tests", "success", minute=2)
    assert row(pull).checks_state == "success"


def test_a_check_of_another_head_counts_for_nothing_and_has_github_asked(pull: UUID) -> None:
    check(1, "tests", "success")
    check(2, "tests", "failure", sha=NEXT)
    assert row(pull).checks_state == "success" and row(pull).polled_at is None


def test_a_forced_push_forgets_the_checks_and_the_conflict(pull: UUID) -> None:
    check(1, "tests", "failure")
    tell("pull_request", action="synchronize", pull_request=shown(1, mergeable=False))
    assert row(pull).is_mergeable is False
    tell("pull_request", action="synchronize", pull_request=shown(2, head={"ref": "branch-1", "sha": NEXT}))
    now = row(pull)
    assert (now.head_sha, now.checks_state, now.checks, now.is_mergeable) == (NEXT, None, {}, None)
    check(1, "tests", "failure")  # of the old head, told late
    assert row(pull).checks_state is None


def test_an_unsaid_conflict_leaves_the_known_one_standing(pull: UUID) -> None:
    tell("pull_request", action="edited", pull_request=shown(1, mergeable=False))
    tell("pull_request", action="labeled", pull_request=shown(2, mergeable=None))
    assert row(pull).is_mergeable is False
    tell("pull_request", action="edited", pull_request=shown(1, mergeable=True))
    assert row(pull).is_mergeable is False, "older than what is known"


def test_each_reviewers_last_decision_counts_and_a_comment_takes_none_back(pull: UUID) -> None:
    review(1, "bob", "commented", 1)
    assert row(pull).review_state == "commented"
    review(2, "bob", "changes_requested", 2)
    review(3, "carol", "approved", 3)
    review(4, "bob", "commented", 4)
    assert row(pull).review_state == "changes_requested"
    review(2, "bob", "dismissed", 2, action="dismissed")
    review(2, "bob", "changes_requested", 2)  # told again, late
    assert row(pull).review_state == "approved"
    review(5, "bob", "changes_requested", 5)
    review(6, "bob", "approved", 6)
    assert row(pull).review_state == "approved"


@pytest.mark.parametrize("ref", ["refs/heads/main", "refs/heads/branch-1"])
def test_a_push_to_either_end_has_github_asked(pull: UUID, ref: str) -> None:
    tell("push", ref="refs/heads/other")
    tell("push", ref="refs/tags/main")
    assert row(pull).polled_at is not None
    tell("push", ref=ref, deleted=True)
    assert row(pull).polled_at is None


def test_a_suite_of_the_head_has_github_asked(pull: UUID) -> None:
    tell("check_suite", action="completed", check_suite={"head_sha": NEXT})
    assert row(pull).polled_at is not None
    tell("check_suite", action="completed", check_suite={"head_sha": HEAD})
    assert row(pull).polled_at is None


def told_repository(updated: str, **changes: Any) -> dict[str, Any]:
    values = {"id": 11, "name": "till", "full_name": "acme/till", "private": True, "default_branch": "trunk"}
    values |= {"html_url": "https://x/acme/till", "clone_url": "https://x/acme/till.git", "archived": True}
    return values | {"updated_at": updated} | changes


def test_a_repository_follows_its_name_owner_and_archive_and_older_news_does_not_undo_it(people: People) -> None:
    with db.transaction() as session:
        session.execute(text("UPDATE users SET repositories_synced_at = now()"))
    tell("repository", action="transferred", repository=told_repository("2026-01-02T00:00:00Z"))
    tell("repository", action="edited", repository=told_repository("2026-01-01T00:00:00Z", full_name="old/old"))
    with db.transaction() as session:
        found = session.get_one(Repository, people.sample)
        assert (found.full_name, found.default_branch, found.is_archived) == ("acme/till", "trunk", True)
        assert session.get_one(User, people.alice.id).repositories_synced_at is None
        assert session.get_one(User, people.bob.id).repositories_synced_at is not None
    tell("repository", action="deleted", repository=told_repository("2026-01-03T00:00:00Z"))
    with db.transaction() as session:
        assert not session.get_one(Repository, people.sample).is_active
        [gone] = repositories.gone(session, people.alice)
        assert (gone.full_name, gone.reason) == ("acme/till", "It was deleted on GitHub.")
        session.execute(text("UPDATE users SET repositories_synced_at = now()"))
    assert "acme/till" not in reached(people.alice)
    tell("repository", action="edited", repository=told_repository("2026-01-04T00:00:00Z"))  # restored
    with db.transaction() as session:
        assert session.get_one(Repository, people.sample).is_active
        assert session.get_one(User, people.alice.id).repositories_synced_at is None, "the next look brings it back"


def test_the_archive_and_privacy_of_a_repository_follow_githubs_words(people: People) -> None:
    for day, (action, changes) in enumerate(
        [
            ("archived", {"archived": True}),
            ("unarchived", {"archived": False}),
            ("publicized", {"private": False}),
            ("privatized", {"private": True}),
        ],
        start=1,
    ):
        tell("repository", action=action, repository=told_repository(f"2026-02-0{day}T00:00:00Z", **changes))
        with db.transaction() as session:
            found = session.get_one(Repository, people.sample)
            told = {"archived": found.is_archived, "private": found.is_private}
            assert changes.items() <= told.items(), action


def reached(user: User) -> set[str]:
    with db.transaction() as session:
        access = select(Repository.full_name).join(UserRepositoryAccess)
        return set(session.exec(access.where(UserRepositoryAccess.user_id == user.id)))


def test_who_is_removed_from_a_repository_loses_it_alone(people: People) -> None:
    tell("member", action="removed", repository={"id": 12}, member={"id": people.bob.github_id})
    assert reached(people.bob) == set() and "acme/shop" in reached(people.alice)


def test_what_the_app_is_taken_from_is_lost_to_all(people: People) -> None:
    gone = {"repositories_removed": [{"id": 12}], "repositories_added": [{"id": 99}], "sender": {"id": 1}}
    tell("installation_repositories", action="removed", **gone)
    assert reached(people.bob) == set() and reached(people.alice) == {"alice/sample-shop"}
    tell("installation", action="deleted", repositories=[{"id": 11}], sender={"id": 404})
    assert reached(people.alice) == set()
    with db.transaction() as session:
        session.execute(text("UPDATE users SET repositories_synced_at = now()"))
    tell("installation", action="unsuspend", repositories=[{"id": 12}], sender={"id": 404})
    with db.transaction() as session:
        stale = set(session.exec(select(User.username).where(col(User.repositories_synced_at).is_(None))))
        assert stale == {"alice", "bob"}, "whoever reached it once asks at the next look"


def test_whoever_github_lets_in_has_their_repositories_synced(people: People) -> None:
    tell("member", action="added", repository={"id": 11}, member={"id": people.bob.github_id})
    assert standing(people.bob.id).state == "waiting"
    assert standing(people.alice.id).state == "idle"


def test_strangers_repositories_and_pull_requests_leave_no_trace(people: People) -> None:
    for repository in (11, 77):
        other = {"repository": {"id": repository}}
        tell("pull_request", action="opened", pull_request=shown(id=5), **other)
        tell("push", ref="refs/heads/main", **other)
        tell("check_suite", action="completed", check_suite={"head_sha": HEAD}, **other)
    tell("repository", action="created", repository=told_repository("2026-01-02T00:00:00Z", id=77))
    with db.transaction() as session:
        assert session.execute(text("SELECT count(*) FROM pull_requests")).scalar_one() == 0
        assert session.execute(text("SELECT count(*) FROM repositories WHERE github_id = 77")).scalar_one() == 0
