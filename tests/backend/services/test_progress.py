"""Long work: once at a time, how far it is, how it ended, and no harm where Redis is away."""

import threading

import pytest

from backend.errors import Conflict, GitHubError, GitHubUnauthorized
from backend.services import progress
from backend.services.progress import Progress, Report
from backend.settings import get_settings
from tests.conftest import People


def test_the_same_work_does_not_go_on_twice(people: People) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work(report: Report) -> int:
        report(1, 9)
        begun.set()
        assert go_on.wait(30)
        return 9

    first = threading.Thread(target=lambda: progress.once(people.alice.id, "count", work))
    first.start()
    assert begun.wait(30)
    assert progress.of(people.alice.id, "count") == Progress("running", 1, 9)
    with pytest.raises(Conflict):
        progress.once(people.alice.id, "count", work)
    assert progress.once(people.bob.id, "count", lambda report: 1) == 1, "another person's is another's"
    assert progress.of(people.carol.id, "count") is None
    go_on.set()
    first.join()
    assert progress.of(people.alice.id, "count") == Progress("done")
    assert progress.once(people.alice.id, "count", lambda report: 2) == 2


def test_work_that_rests_is_not_done_again_at_once(people: People) -> None:
    progress.once(people.alice.id, "count", lambda report: 1, rest=5)
    with pytest.raises(Conflict):
        progress.once(people.alice.id, "count", lambda report: 1)


@pytest.mark.parametrize(
    ("error", "needs_reconnect"),
    [(GitHubError("GitHub is away."), False), (GitHubUnauthorized("GitHub is not connected."), True)],
)
def test_why_it_failed_is_kept_for_whoever_comes_back(people: People, error: Exception, needs_reconnect: bool) -> None:
    def work(report: Report) -> None:
        raise error

    with pytest.raises(type(error)):
        progress.once(people.alice.id, "count", work)
    assert progress.of(people.alice.id, "count") == Progress("failed", 0, 0, str(error), needs_reconnect)
    progress.once(people.alice.id, "count", lambda report: None)


def test_what_nobody_expected_is_told_without_its_insides(people: People) -> None:
    def work(report: Report) -> None:
        raise ZeroDivisionError("a secret")

    with pytest.raises(ZeroDivisionError):
        progress.once(people.alice.id, "count", work)
    kept = progress.of(people.alice.id, "count")
    assert kept is not None and kept.state == "failed" and "secret" not in kept.sentence


def test_without_redis_the_work_is_done_all_the_same(people: People, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    get_settings.cache_clear()
    assert progress.once(people.alice.id, "count", lambda report: 7) == 7
