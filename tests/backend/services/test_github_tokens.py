"""GitHub's tokens that expire: renewed once whoever asks, used while they are good, and at last "reconnect GitHub"."""

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest

from backend import clock, crypto, db
from backend.errors import GitHubError, GitHubUnauthorized
from backend.github import oauth
from backend.github.client import GitHub
from backend.models import User
from backend.services import auth, github_tokens, repositories
from backend.settings import PROJECT_DIR, get_settings
from tests.conftest import People
from tests.hub import LocalHub


@pytest.fixture
def alice(people: People, hub: LocalHub) -> UUID:
    """Alice, whose token of the last eight hours ends in a minute."""
    hub.http.post("/_control/expiry", json={"seconds": 28_800}).raise_for_status()
    with db.transaction() as session:
        user = session.get_one(User, people.alice.id)
        auth.store_token(user, hub.token("alice"))
    expire(people.alice.id, 60)
    return people.alice.id


def expire(user_id: UUID, seconds: float) -> None:
    with db.transaction() as session:
        session.get_one(User, user_id).github_token_expires_at = clock.now() + timedelta(seconds=seconds)


def row(user_id: UUID) -> User:
    with db.transaction() as session:
        return session.get_one(User, user_id)


def renewing(user_id: UUID) -> str:
    return crypto.unseal(get_settings(), user_id, row(user_id).github_refresh_token or "")


def lose_the_answer(hub: LocalHub, user_id: UUID) -> None:
    """Somebody renews it, and what GitHub answered is never kept."""
    settings = get_settings()
    oauth.refresh(
        github_url=hub.url,
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        refresh_token=renewing(user_id),
    )


def test_a_token_that_ends_soon_is_renewed_once_by_all_who_ask_at_once(alice: UUID, hub: LocalHub) -> None:
    before = row(alice)
    with ThreadPoolExecutor(6) as pool:
        tokens = set(pool.map(lambda _: github_tokens.opened(alice), range(12)))
    after = row(alice)
    assert len(tokens) == 1 and after.github_refresh_token != before.github_refresh_token
    assert after.github_token_expires_at and after.github_token_expires_at - clock.now() > timedelta(hours=7)
    assert hub.http.get("/api/v3/user", headers={"Authorization": f"Bearer {tokens.pop()}"}).status_code == 200


_ASKING = """
import hashlib, os, signal, sys, time
from uuid import UUID
from backend.github import oauth
from backend.services import github_tokens
true_refresh = oauth.refresh
def refresh(**asked):
    fresh = true_refresh(**asked)
    print("renewed", flush=True)
    time.sleep(0.3)  # the others come meanwhile
    if sys.argv[2] == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    return fresh
oauth.refresh = refresh
github_tokens.oauth = oauth
print("ready", flush=True)
sys.stdin.readline()
try:
    print(hashlib.sha256(github_tokens.opened(UUID(sys.argv[1])).encode()).hexdigest(), flush=True)
except Exception as error:
    print(type(error).__name__, flush=True)
"""


def told_by_processes(user_id: UUID, *how: str) -> list[list[str]]:
    """What processes of their own say that all ask for the token at once."""
    asking = [
        subprocess.Popen(
            [sys.executable, "-c", _ASKING, str(user_id), one],
            cwd=PROJECT_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        for one in how
    ]  # fmt: skip
    for one in asking:
        assert one.stdout and one.stdout.readline() == "ready\n"
    for one in asking:
        assert one.stdin
        one.stdin.write("go\n")
        one.stdin.flush()
    return [one.communicate(timeout=60)[0].split() for one in asking]


def test_processes_that_need_it_at_once_use_what_renews_it_once(alice: UUID, hub: LocalHub) -> None:
    told = told_by_processes(alice, "lives", "lives", "lives")
    assert sum("renewed" in words for words in told) == 1
    assert len({words[-1] for words in told}) == 1 and row(alice).is_github_connected
    assert told[0][-1] == hashlib.sha256(github_tokens.opened(alice).encode()).hexdigest()


def test_a_process_that_dies_with_the_answer_leaves_no_lock_and_a_person_who_reconnects(alice: UUID) -> None:
    expire(alice, -1)
    assert told_by_processes(alice, "dies") == [["renewed"]]
    told = told_by_processes(alice, "lives", "lives")
    assert told == [["GitHubUnauthorized"]] * 2, "what renews it was used up, and nobody knocks with it twice"
    assert not row(alice).is_github_connected


def test_a_token_that_is_good_for_long_asks_nobody(alice: UUID) -> None:
    expire(alice, 7_200)
    before = row(alice).github_refresh_token
    github_tokens.opened(alice)
    assert row(alice).github_refresh_token == before


def test_after_an_answer_that_was_lost_they_reconnect_and_nobody_knocks_again(alice: UUID, hub: LocalHub) -> None:
    lose_the_answer(hub, alice)
    for _ in range(2):
        with pytest.raises(GitHubUnauthorized):
            github_tokens.opened(alice)
    assert not row(alice).is_github_connected


def test_while_github_is_away_a_token_is_used_to_its_end_and_then_nothing_is_lost(
    alice: UUID, environment: pytest.MonkeyPatch
) -> None:
    port = get_settings().port
    token = crypto.unseal(get_settings(), alice, row(alice).github_access_token or "")
    environment.setenv("ASYNCCODER_PORT", "1")
    get_settings.cache_clear()
    assert github_tokens.opened(alice) == token
    expire(alice, -1)
    with pytest.raises(GitHubError) as raised:
        github_tokens.opened(alice)
    assert not isinstance(raised.value, GitHubUnauthorized) and row(alice).is_github_connected
    environment.setenv("ASYNCCODER_PORT", str(port))
    get_settings.cache_clear()
    assert github_tokens.opened(alice) != token


def test_an_expired_token_that_nothing_renews_is_given_up(alice: UUID) -> None:
    with db.transaction() as session:
        session.get_one(User, alice).github_refresh_token = None
    github_tokens.opened(alice)
    expire(alice, -1)
    with pytest.raises(GitHubUnauthorized):
        github_tokens.opened(alice)


def test_a_401_for_a_token_that_was_replaced_meanwhile_disconnects_nobody(alice: UUID, hub: LocalHub) -> None:
    old = github_tokens.opened(alice)
    with db.transaction() as session:
        auth.store_token(session.get_one(User, alice), hub.token("alice"))
    github_tokens.forget(alice, old)
    assert row(alice).is_github_connected


def test_a_dead_token_is_tried_once(alice: UUID, hub: LocalHub) -> None:
    github_tokens.opened(alice)
    hub.http.post("/_control/revoke", json={"login": "alice"}).raise_for_status()
    asked: list[GitHub] = []

    def ask(github: GitHub) -> object:
        asked.append(github)
        return github.me()

    for _ in range(3):
        with pytest.raises(GitHubUnauthorized):
            repositories.with_github(alice, ask)
    assert len(asked) == 1
