"""A sync is one row a person: done once, page by page, by whoever has it; nothing of what was known is lost by it."""

import signal
import subprocess
import sys
import threading
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import col

from backend import db
from backend.errors import GitHubUnauthorized
from backend.models import User
from backend.queue import CHORES, waiting
from backend.services import auth, repositories, repository_pages, repository_syncs
from backend.services.repository_pages import Archive, Wanted
from backend.services.repository_syncs import Standing
from backend.settings import PROJECT_DIR, get_settings
from jobs import schedule
from tests.conftest import People, forget_settings
from tests.hub import LocalHub
from tests.syncing import standing, sync


def ask(user_id: UUID) -> bool:
    with db.transaction() as session:
        return repository_syncs.ask(session, user_id)


def change(statement: str, **values: object) -> None:
    with db.transaction() as session:
        session.execute(text(statement), values)


def names(user: User, archive: Archive = Archive.ALL) -> set[str]:
    with db.transaction() as session:
        listed = repository_pages.entries(session, user, Wanted(archive=archive), size=5_000)
        return {one.row.full_name for one in listed.rows}


def gone(user: User) -> list[tuple[str, str]]:
    with db.transaction() as session:
        return [(one.full_name, one.reason) for one in repositories.gone(session, user)]


def one_page() -> None:
    """What a worker does before it gives way to other chores."""
    repository_syncs.work_all(may_go_on=lambda: False)


def test_a_thousand_are_read_page_by_page_and_how_far_it_is_can_be_seen_midway(
    connected: People, hub: LocalHub
) -> None:
    alice = connected.alice
    known = names(alice)
    hub.control("repositories", login="alice", count=1_000)
    assert ask(alice.id) and not ask(alice.id), "asked twice is once"
    assert standing(alice.id).state == "waiting"
    for page in (1, 2, 3):
        one_page()
        assert standing(alice.id) == Standing("waiting", page, 11, 100 * page)
        assert names(alice) == known, "the list changes as a whole"
    repository_syncs.work_all()
    done = standing(alice.id)
    assert (done.state, done.pages, done.pages_known, done.found) == ("done", 11, 11, len(names(alice)))
    assert done.found > 1_000


def test_a_list_that_is_as_it_was_costs_nothing_of_the_rate_limit(connected: People, hub: LocalHub) -> None:
    alice = connected.alice
    hub.control("repositories", login="alice", count=250)
    sync(alice.id)
    before, found = hub.remaining("alice"), names(alice)
    assert sync(alice.id).state == "done"
    assert hub.remaining("alice") == before - 1, "the one is this question"
    assert names(alice) == found
    hub.control("repository", repository="alice/repository-500007", what="renamed", name="other")
    assert sync(alice.id).state == "done"
    assert hub.remaining("alice") == before - 4, "one page, what seems empty on it, and this question"
    assert names(alice) == found - {"alice/repository-500007"} | {"alice/other"}


_DYING = """
import os, signal, sys
from uuid import UUID
from backend.services import repository_syncs
pages = 0
def count():
    global pages
    pages += 1
    if pages == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    return True
repository_syncs.work_all(may_go_on=count)
"""


@pytest.mark.parametrize("page", [1, 2])
def test_a_worker_that_is_killed_in_the_middle_is_taken_over_where_it_was(
    connected: People, hub: LocalHub, page: int
) -> None:
    alice = connected.alice
    hub.control("repositories", login="alice", count=250)
    known = names(alice)
    ask(alice.id)
    died = subprocess.run([sys.executable, "-c", _DYING, str(page)], cwd=PROJECT_DIR, check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL
    assert (standing(alice.id).state, standing(alice.id).pages, names(alice)) == ("running", page, known)
    repository_syncs.work_all()
    assert standing(alice.id).state == "running", "its lease lasts a minute"
    left = hub.remaining("alice")
    change("UPDATE repository_syncs SET leased_until = now() - interval '1 s'")
    repository_syncs.work_all()
    assert standing(alice.id).state == "done" and len(names(alice)) > 250
    assert left - hub.remaining("alice") == 3 - page + 1, "the pages that are left, and this question"


def test_one_that_dies_each_time_is_given_up(connected: People, hub: LocalHub) -> None:
    ask(connected.alice.id)
    for _ in range(repository_syncs.ATTEMPTS):
        assert repository_syncs._claim() is not None
        change("UPDATE repository_syncs SET leased_until = now() - interval '1 s'")
    repository_syncs.work_all()
    assert standing(connected.alice.id).state == "failed" and "several times" in standing(connected.alice.id).trouble


def test_two_workers_at_once_do_it_once(connected: People, hub: LocalHub) -> None:
    hub.control("repositories", login="alice", count=150)
    ask(connected.alice.id)
    before = hub.remaining("alice")
    threads = [threading.Thread(target=repository_syncs.work_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert standing(connected.alice.id).state == "done"
    assert before - hub.remaining("alice") == 4, "two pages, a look at one that seems empty, and this question"


def test_whoever_was_taken_for_dead_writes_nothing_any_more(connected: People, hub: LocalHub) -> None:
    hub.control("repositories", login="alice", count=250)
    ask(connected.alice.id)
    taken: list[Any] = []

    def take_over() -> bool:
        if not taken:
            change("UPDATE repository_syncs SET leased_until = now() - interval '1 s'")
            taken.append(repository_syncs._claim())
        return True

    known = names(connected.alice)
    repository_syncs.work_all(may_go_on=take_over)
    assert names(connected.alice) == known and standing(connected.alice.id).state == "running"
    repository_syncs._carry_out(taken[0], lambda: True)
    assert standing(connected.alice.id).state == "done" and len(names(connected.alice)) > 250


def test_a_rate_limit_is_waited_out_and_says_until_when(connected: People, hub: LocalHub) -> None:
    alice = connected.alice
    hub.control("repositories", login="alice", count=250)
    hub.control("rate", login="alice", remaining=2, seconds=200)
    known = names(alice)
    told = sync(alice.id)
    assert (told.state, told.pages) == ("waiting", 1) and "limits" in told.trouble
    assert told.until is not None and names(alice) == known
    ask(alice.id)
    repository_syncs.work_all()
    assert standing(alice.id) == told, "nobody hurries it"
    hub.control("rate", login="alice", remaining=5_000, seconds=60)
    with db.transaction() as session:
        session.execute(text("UPDATE repository_syncs SET next_at = now()"))
    with db.transaction() as session:
        assert repository_syncs.due(session)
    repository_syncs.work_all()
    assert standing(alice.id).state == "done" and len(names(alice)) > 250


def test_a_dead_token_ends_it_with_one_request_and_a_new_one_begins_again(connected: People, hub: LocalHub) -> None:
    alice = connected.alice
    known = names(alice)
    hub.control("revoke", login="alice")
    told = sync(alice.id)
    assert (told.state, told.needs_reconnect, names(alice)) == ("failed", True, known)
    for _ in range(3):
        assert sync(alice.id).needs_reconnect, "GitHub is not asked any more"
    with db.transaction() as session:
        user = session.get_one(User, alice.id)
        user.repositories_synced_at = None
        session.flush()
        with pytest.raises(GitHubUnauthorized):
            repository_syncs.ask_if_stale(session, alice.id)
        auth.store_token(user, hub.token("alice"))
        session.add(user)
        assert repository_syncs.ask_if_stale(session, alice.id)
    repository_syncs.work_all()
    assert standing(alice.id).state == "done"


def test_a_github_that_is_away_is_tried_again_and_then_told(
    connected: People, hub: LocalHub, environment: pytest.MonkeyPatch
) -> None:
    known = names(connected.alice)
    ask(connected.alice.id)
    environment.setenv("ASYNCCODER_PORT", "9")  # nobody is there
    get_settings.cache_clear()
    for attempt in range(repository_syncs.ATTEMPTS):
        assert standing(connected.alice.id).state == "waiting", attempt
        change("UPDATE repository_syncs SET next_at = now()")
        repository_syncs.work_all()
    told = standing(connected.alice.id)
    assert told.state == "failed" and "reached" in told.trouble and not told.needs_reconnect
    assert names(connected.alice) == known


def test_renamed_transferred_archived_deleted_and_returned_are_followed(connected: People, hub: LocalHub) -> None:
    alice = connected.alice
    sync(alice.id)
    with db.transaction() as session:
        [before] = repositories.listing(session, alice, "alice/sample-shop")
    hub.control("repository", repository="alice/sample-shop", what="renamed", name="till")
    hub.control("repository", repository="alice/till", what="transferred", owner="acme")
    hub.control("repository", repository="acme/till", what="member_added", login="alice", level="read")
    hub.control("repository", repository="acme/till", what="archived")
    sync(alice.id)
    with db.transaction() as session:
        [after] = repositories.listing(session, alice, "acme/till")
    assert (after.id, after.is_archived, after.access_level) == (before.id, True, "read"), "tasks stay with it"
    hub.control("repository", repository="acme/till", what="member_removed", login="alice")
    sync(alice.id)
    assert gone(alice)[0] == ("acme/till", "GitHub no longer shows it to you.")
    hub.control("repository", repository="acme/till", what="renamed", name="secret")
    sync(connected.bob.id)
    assert gone(alice)[0][0] == "acme/till", "what it is called since is none of hers"
    hub.control("repository", repository="acme/secret", what="member_added", login="alice")
    sync(alice.id)
    assert "acme/till" not in [name for name, _ in gone(alice)] and "acme/secret" in names(alice)


def test_one_that_slips_to_a_page_that_was_read_is_not_lost(connected: People, hub: LocalHub) -> None:
    alice = connected.alice
    hub.control("repositories", login="alice", count=150)
    sync(alice.id)
    known = names(alice)
    first = min(name for name in known if "repository-" in name)
    ask(alice.id)
    one_page()
    hub.control("repository", repository=first, what="deleted")  # what stood first on the second page is on the first
    repository_syncs.work_all()
    assert names(alice) == known - {first}
    assert first in [name for name, _ in gone(alice)]


def test_what_was_lost_while_it_was_read_stays_lost_until_the_next(connected: People, hub: LocalHub) -> None:
    alice = connected.alice
    hub.control("repositories", login="alice", count=150)
    sync(alice.id)
    ask(alice.id)
    one_page()
    with db.transaction() as session:
        repositories.lose(
            session, "repository_id IN (SELECT id FROM repositories WHERE full_name = 'alice/repository-500003')"
        )
    repository_syncs.work_all()
    assert "alice/repository-500003" not in names(alice)
    with db.transaction() as session:
        assert session.get_one(User, alice.id).repositories_synced_at is None, "the next look asks"
    sync(alice.id)
    assert "alice/repository-500003" in names(alice)


def test_a_disabled_persons_waits_until_they_are_let_in_again(connected: People, hub: LocalHub) -> None:
    ask(connected.alice.id)
    change("UPDATE users SET disabled_at = now() WHERE username = 'alice'")
    repository_syncs.work_all()
    assert standing(connected.alice.id).state == "waiting"
    change("UPDATE users SET disabled_at = NULL")
    repository_syncs.work_all()
    assert standing(connected.alice.id).state == "done"


def test_a_lost_ring_is_made_good_by_the_sweep(connected: People, environment: pytest.MonkeyPatch) -> None:
    with environment.context() as away:
        away.setenv("REDIS_URL", "redis://127.0.0.1:9/0")
        forget_settings()
        assert ask(connected.alice.id)
    forget_settings()
    schedule.sweep()
    assert waiting(CHORES)


def test_what_a_webhook_tells_while_pages_are_read_has_them_read_again(connected: People, hub: LocalHub) -> None:
    alice = connected.alice
    hub.control("repositories", login="alice", count=250)
    ask(alice.id)
    one_page()
    taken = repository_syncs._claim()
    assert taken is not None and (taken.pages, standing(alice.id).state) == (1, "running")
    with db.transaction() as session:
        repository_syncs.ask_anew(session, col(User.id).in_([alice.id, connected.bob.id]))
    assert (standing(alice.id).state, standing(alice.id).pages) == ("waiting", 0)
    repository_syncs._carry_out(taken, lambda: True)
    assert standing(alice.id).state == "waiting", "whoever read before it was told is overtaken"
    repository_syncs.work_all()
    assert standing(alice.id).state == "done" and len(names(alice)) > 250
    assert standing(connected.bob.id).state != "waiting", "who has none open is asked for none"


def test_a_wait_that_github_asked_for_is_not_cut_short_by_a_webhook(connected: People, hub: LocalHub) -> None:
    alice = connected.alice
    hub.control("repositories", login="alice", count=250)
    hub.control("rate", login="alice", remaining=2, seconds=200)
    told = sync(alice.id)
    assert (told.state, told.pages) == ("waiting", 1)
    with db.transaction() as session:
        repository_syncs.ask_anew(session, col(User.id) == alice.id)
    assert (standing(alice.id).pages, standing(alice.id).until) == (0, told.until)
