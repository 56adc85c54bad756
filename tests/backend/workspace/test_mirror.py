"""The mirror: fetched once, shared by processes, remade when it broke, and honest about whose fault it was."""

import fcntl
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.errors import GitError, GitHubError, RunFailed
from backend.words import Failure
from backend.workspace.checkout import Checkout
from backend.workspace.mirror import Mirror, remote_failure
from tests.backend.workspace.conftest import PROTOCOLS, TOKEN, Hub
from tests.git_server import add_commit, git, make_repository


def refresh(mirror: Mirror, hub: Hub) -> None:
    mirror.refresh(hub.url, TOKEN, PROTOCOLS)


def test_a_rate_limit_of_githubs_is_told_apart_as_something_to_wait_for() -> None:
    words = "fatal: unable to access 'https://github.com/a/b/': The requested URL returned error: 429"
    found = remote_failure(GitError(words))
    assert isinstance(found, GitHubError) and found.retry_after == 60


def test_new_moved_and_deleted_branches_are_followed(hub: Hub, mirror: Mirror) -> None:
    assert mirror.branch_sha("main") == hub.base
    moved = add_commit(hub.shop, {"new": "1"})
    side = add_commit(hub.shop, {"side": "1"}, branch="feature/one")
    refresh(mirror, hub)
    assert (mirror.branch_sha("main"), mirror.branch_sha("feature/one")) == (moved, side)
    git(hub.shop, "branch", "-D", "feature/one")
    add_commit(hub.shop, {"side": "1"}, branch="feature")  # the folder's name is a branch's now
    refresh(mirror, hub)
    assert mirror.branch_sha("feature/one") is None
    assert mirror.branch_sha("feature") is not None


def test_a_rewritten_branch_is_followed_and_its_old_commit_stays(hub: Hub, mirror: Mirror, tmp_path: Path) -> None:
    other = add_commit(hub.shop, {"other": "x"}, branch="other")
    git(hub.shop, "update-ref", "refs/heads/main", other)
    refresh(mirror, hub)
    assert mirror.branch_sha("main") == other
    assert Checkout.create(tmp_path / "old", mirror, hub.base, None).head == hub.base


def test_the_head_of_a_pull_request_is_fetched_though_no_branch_holds_it_and_stays(hub: Hub, mirror: Mirror) -> None:
    from_a_fork = add_commit(hub.shop, {"fork": "1"}, branch="fork")
    git(hub.shop, "update-ref", "refs/pull/3/head", from_a_fork)
    git(hub.shop, "branch", "-D", "fork")
    mirror.refresh(hub.url, TOKEN, PROTOCOLS, pull=3)
    assert (mirror.pull_sha(3), mirror.branch_sha("fork")) == (from_a_fork, None)
    assert mirror.merge_base(from_a_fork, hub.base) is None, "it has a history of its own"
    refresh(mirror, hub)
    assert mirror.holds(from_a_fork)
    with pytest.raises(RunFailed, match="pull request #4") as failed:
        mirror.refresh(hub.url, TOKEN, PROTOCOLS, pull=4)
    assert failed.value.failure is Failure.REPOSITORY_GONE


def test_an_empty_repository_has_no_branch(hub: Hub, tmp_path: Path) -> None:
    git(hub.shop.parent, "init", "--quiet", "--bare", "empty.git")
    mirror = Mirror(tmp_path / "mirrors", 8)
    mirror.refresh(hub.server.url("empty"), TOKEN, PROTOCOLS)
    assert mirror.branch_sha("main") is None


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (401, Failure.ACCESS_LOST),
        (403, Failure.ACCESS_LOST),
        (404, Failure.REPOSITORY_GONE),
        (503, Failure.CLONE_FAILED),
    ],
)
def test_refusals_of_the_server_are_told_apart(hub: Hub, mirror: Mirror, status: int, failure: Failure) -> None:
    hub.server.refusals["shop"] = status
    with pytest.raises(RunFailed) as failed:
        refresh(mirror, hub)
    assert failed.value.failure is failure
    assert mirror.branch_sha("main") == hub.base


def test_a_page_in_the_place_of_gits_answer_costs_no_branch(hub: Hub, mirror: Mirror) -> None:
    for make_suspect in (False, True):
        if make_suspect:
            mirror.suspect()
        hub.server.refusals["shop"] = 200
        with pytest.raises(RunFailed) as failed:
            refresh(mirror, hub)
        assert failed.value.failure is Failure.CLONE_FAILED
        assert mirror.branch_sha("main") == hub.base
        hub.server.refusals.clear()
    refresh(mirror, hub)
    assert mirror.branch_sha("main") == hub.base


def test_a_commit_that_no_branch_holds_any_more_is_fetched_by_its_name(hub: Hub, tmp_path: Path) -> None:
    other = add_commit(hub.shop, {"other": "x"}, branch="other")
    git(hub.shop, "update-ref", "refs/heads/main", other)
    mirror = Mirror(tmp_path / "new", 7)
    mirror.refresh(hub.url, TOKEN, PROTOCOLS, commit=hub.base)
    assert Checkout.create(tmp_path / "run", mirror, hub.base, None).head == hub.base
    with pytest.raises(RunFailed, match="rewritten") as failed:
        mirror.refresh(hub.url, TOKEN, PROTOCOLS, commit="1" * 40)
    assert failed.value.failure is Failure.REPOSITORY_GONE


def test_a_server_that_is_down_is_a_failed_clone(tmp_path: Path) -> None:
    with pytest.raises(RunFailed) as failed:
        Mirror(tmp_path / "mirrors", 7).refresh("http://127.0.0.1:1/x.git", TOKEN, PROTOCOLS)
    assert failed.value.failure is Failure.CLONE_FAILED


def test_what_a_killed_fetch_left_is_cleared_away(hub: Hub, mirror: Mirror) -> None:
    moved = add_commit(hub.shop, {"new": "1"})
    (mirror.path / "refs/heads/main.lock").touch()
    (mirror.path / "packed-refs.lock").touch()
    (mirror.path / "objects/pack/tmp_pack_abc").write_bytes(b"half")
    refresh(mirror, hub)
    assert mirror.branch_sha("main") == moved
    assert not list(mirror.path.glob("objects/pack/tmp_*"))


@pytest.mark.parametrize("broken", ["HEAD", "config", "refs/heads/main", "objects"])
def test_a_broken_mirror_is_made_anew(hub: Hub, mirror: Mirror, tmp_path: Path, broken: str) -> None:
    path = mirror.path / broken
    if path.is_dir():
        path.rename(tmp_path / "elsewhere")
    else:
        path.write_text("\0\0garbage")
    moved = add_commit(hub.shop, {"new": "1"})
    refresh(mirror, hub)
    assert mirror.branch_sha("main") == moved
    assert Checkout.create(tmp_path / "run", mirror, moved, None).head == moved


def test_a_mirror_with_missing_objects_heals_with_the_next_attempt(hub: Hub, mirror: Mirror, tmp_path: Path) -> None:
    for pack in mirror.path.glob("objects/pack/*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:60])
    with pytest.raises(RunFailed) as failed:
        Checkout.create(tmp_path / "run", mirror, hub.base, None)
    assert failed.value.failure is Failure.CLONE_FAILED
    refresh(mirror, hub)
    assert Checkout.create(tmp_path / "run", mirror, hub.base, None).head == hub.base


def test_many_small_fetches_are_put_together(hub: Hub, mirror: Mirror) -> None:
    for number in range(45):
        pack = mirror.path / "objects/pack" / f"pack-{number:040d}.pack"
        pack.touch()  # as many as make it tidy up; git passes over what has no index
    moved = add_commit(hub.shop, {"new": "1"})
    refresh(mirror, hub)
    assert mirror.branch_sha("main") == moved


def _refresh_repeatedly(root: Path, url: str, count: int) -> None:
    for _ in range(count):
        Mirror(root, 7).refresh(url, TOKEN, PROTOCOLS)


def test_processes_take_turns_on_one_mirror(hub: Hub, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    work = [context.Process(target=_refresh_repeatedly, args=(tmp_path / "mirrors", hub.url, 3)) for _ in range(3)]
    for process in work:
        process.start()
    for number in range(3):
        add_commit(hub.shop, {f"new{number}": "1"})
        time.sleep(0.05)
    for process in work:
        process.join()
    assert [process.exitcode for process in work] == [0, 0, 0]
    mirror = Mirror(tmp_path / "mirrors", 7)
    refresh(mirror, hub)
    assert mirror.branch_sha("main") == git(hub.shop, "rev-parse", "main")


def test_a_cancelled_fetch_ends_soon_and_the_next_one_works(hub: Hub, tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "mirrors", 7)
    hub.server.on_request = lambda: time.sleep(1)
    with pytest.raises(RunFailed) as failed:
        mirror.refresh(hub.url, TOKEN, PROTOCOLS, lambda: True)
    assert failed.value.failure is Failure.CLONE_FAILED
    hub.server.on_request = lambda: None
    refresh(mirror, hub)
    assert mirror.branch_sha("main") == hub.base


def test_a_fetch_whose_worker_was_killed_is_taken_over(hub: Hub, tmp_path: Path) -> None:
    files = {f"f{number}": os.urandom(4000).hex() for number in range(400)}
    make_repository(hub.shop.parent / "large.git", files)
    arrived, is_killed = threading.Event(), threading.Event()

    def hold_up() -> None:
        arrived.set()
        is_killed.wait()

    hub.server.on_request = hold_up
    url = hub.server.url("large")
    worker = multiprocessing.get_context("fork").Process(target=_refresh_repeatedly, args=(tmp_path / "m", url, 1))
    worker.start()
    assert arrived.wait(30)
    worker.kill()
    worker.join()
    is_killed.set()
    mirror = Mirror(tmp_path / "m", 7)
    mirror.refresh(url, TOKEN, PROTOCOLS)
    sha = mirror.branch_sha("main")
    assert sha is not None
    assert Checkout.create(tmp_path / "run", mirror, sha, None).head == sha


def test_waiting_for_another_fetch_can_be_cancelled(hub: Hub, tmp_path: Path) -> None:
    mirror = Mirror(tmp_path / "mirrors", 7)
    (tmp_path / "mirrors").mkdir()
    with (tmp_path / "mirrors/7.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(RunFailed):
            mirror.refresh(hub.url, TOKEN, PROTOCOLS, lambda: True)


def test_of_many_that_ask_at_once_one_fetches_and_the_others_take_what_it_brought(hub: Hub, mirror: Mirror) -> None:
    new = add_commit(hub.shop, {"new": "1"})
    hub.server.requests.clear()
    lock = mirror.path.with_suffix(".lock")
    asking = [threading.Thread(target=refresh, args=(mirror, hub)) for _ in range(8)]
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for one in asking:
            one.start()
        wait_for(lambda: _open_in_this_process(lock) == 1 + len(asking))
    for one in asking:
        one.join()
    assert mirror.branch_sha("main") == new
    assert sum("info/refs" in one for one in hub.server.requests) == 1


def test_what_was_fetched_before_it_was_asked_for_is_not_enough(hub: Hub, mirror: Mirror) -> None:
    for number in range(2):
        new = add_commit(hub.shop, {"new": str(number)})
        refresh(mirror, hub)
        assert mirror.branch_sha("main") == new


@pytest.mark.parametrize("noted", ["999999999999", "nonsense", ""])
def test_a_clock_of_another_boot_or_a_torn_note_does_not_keep_from_fetching(
    noted: str, hub: Hub, mirror: Mirror
) -> None:
    new = add_commit(hub.shop, {"new": "1"})
    mirror.path.with_suffix(".lock").write_text(noted)
    refresh(mirror, hub)
    assert mirror.branch_sha("main") == new


def test_a_fetch_that_failed_serves_nobody(hub: Hub, mirror: Mirror) -> None:
    hub.server.refusals["shop"] = 503
    for _ in range(2):
        with pytest.raises(RunFailed):
            refresh(mirror, hub)


def _open_in_this_process(file: Path) -> int:
    found = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found += descriptor.readlink() == file
        except OSError:  # closed meanwhile
            continue
    return found


def wait_for(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)
