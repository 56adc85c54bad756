"""A deployment that is limited to organisations: members come in, and whoever leaves is out at the next sync."""

import pytest
from sqlalchemy import text

from backend import db
from backend.errors import Forbidden, GitHubUnauthorized, SignedOut
from backend.github import webhooks
from backend.github.client import GitHub
from backend.github.types import Profile, Token
from backend.models import User
from backend.services import auth, github_tokens, membership, webhook_effects
from backend.settings import get_settings
from tests.conftest import People
from tests.hub import LocalHub
from tests.syncing import sync


def limit(environment: pytest.MonkeyPatch, orgs: str, users: str = "") -> None:
    environment.setenv("ASYNCCODER_ALLOWED_ORGS", orgs)
    environment.setenv("ASYNCCODER_ALLOWED_USERS", users)
    get_settings.cache_clear()


@pytest.mark.parametrize(
    ("orgs", "users", "login", "is_in", "is_let_in"),
    [
        ("", "", "dora", (), True),
        ("Acme", "", "dora", ("acme",), True),
        ("acme", "", "dora", ("other",), False),
        ("acme", "", "dora", (), False),
        ("acme", "Dora", "dora", (), True),
        ("", "carol", "dora", ("acme",), False),
    ],
)
def test_members_and_those_who_are_named_are_let_in(
    database: str, environment: pytest.MonkeyPatch, orgs: str, users: str, login: str, is_in: tuple[str, ...],
    is_let_in: bool,
) -> None:  # fmt: skip
    limit(environment, orgs, users)
    profile, token = Profile(77, login, None, None, None), Token("gho_x", None, None, ())
    with db.transaction() as session:
        if is_let_in:
            auth.sign_in(session, profile, token, "test", frozenset(is_in))
            return
        with pytest.raises(Forbidden):
            auth.sign_in(session, profile, token, "test", frozenset(is_in))


def test_github_tells_the_organisations_that_a_person_is_in(hub: LocalHub) -> None:
    for login, expected in (("alice", {"acme"}), ("bob", {"acme"}), ("carol", set())):
        with GitHub(hub.api_url, hub.token(login).access_token) as github:
            assert github.organisations() == expected, login


def checked() -> None:
    """What the timer has a chore do, once half an hour is over."""
    with db.transaction() as session:
        session.execute(text("UPDATE users SET organisations_checked_at = NULL"))
    membership.check_all()


def is_in(people: People, login: str) -> bool:
    with db.transaction() as session:
        try:
            auth.user_of_session(session, people.cookies[login])
        except SignedOut:
            return False
    return True


def test_whoever_has_left_is_out_without_a_sync_and_nobody_else(
    connected: People, hub: LocalHub, environment: pytest.MonkeyPatch
) -> None:
    limit(environment, "acme", "carol")
    checked()
    assert [is_in(connected, login) for login in ("alice", "bob", "carol")] == [True] * 3
    with db.transaction() as session:
        assert membership.due(session) == [], "for half an hour"
    hub.control("leave", organisation="acme", login="bob")
    hub.control("leave", organisation="acme", login="alice")
    checked()
    assert [is_in(connected, login) for login in ("alice", "bob", "carol")] == [True, False, True], "alice is its admin"
    with db.transaction() as session:
        assert membership.due(session) == [], "who is out has no way in to be looked after"


def test_whoever_is_named_no_more_is_out_and_github_is_not_asked(
    people: People, environment: pytest.MonkeyPatch
) -> None:
    limit(environment, "", "bob")
    membership.check_all()
    assert [is_in(people, login) for login in ("alice", "bob", "carol")] == [True, True, False], "alice is its admin"
    with pytest.raises(Forbidden, match="may no longer"):
        membership.check(people.carol.id)
    with db.transaction() as session:
        assert membership.due(session) == []
        kept = session.execute(text("SELECT github_access_token FROM users WHERE username = 'carol'"))
        assert kept.scalar_one() is None


def test_githubs_word_that_somebody_left_has_it_asked_at_once(
    connected: People, hub: LocalHub, environment: pytest.MonkeyPatch
) -> None:
    limit(environment, "acme")
    checked()
    hub.control("leave", organisation="acme", login="bob")
    gone = {"membership": {"user": {"id": connected.bob.github_id}}}
    for action, organisation in (("member_added", "acme"), ("member_removed", "other"), ("member_removed", "Acme")):
        payload = {"action": action, "organization": {"login": organisation}, **gone}
        change = webhooks.parse("organization", payload)
        with db.transaction() as session:
            assert membership.due(session) == []
            if change is not None:
                webhook_effects.apply(session, change)
    membership.check_all()
    assert not is_in(connected, "bob")


def test_an_outage_of_github_shuts_nobody_out_and_a_dead_token_does(
    connected: People, hub: LocalHub, environment: pytest.MonkeyPatch
) -> None:
    limit(environment, "acme")
    with environment.context() as away:
        away.setenv("ASYNCCODER_PORT", "9")
        get_settings.cache_clear()
        checked()
    get_settings.cache_clear()
    assert is_in(connected, "bob")
    hub.control("revoke", login="bob")
    checked()
    assert not is_in(connected, "bob")


def test_whoever_has_left_is_out_at_the_next_sync_and_members_stay(
    connected: People, environment: pytest.MonkeyPatch
) -> None:
    limit(environment, "acme")
    assert sync(connected.alice.id).state == "done"
    told = sync(connected.carol.id)
    assert told.state == "failed" and "member" in told.trouble
    with db.transaction() as session:
        assert auth.user_of_session(session, connected.cookies["alice"])
        with pytest.raises(SignedOut):
            auth.user_of_session(session, connected.cookies["carol"])
        kept = session.execute(text("SELECT github_access_token FROM users WHERE username = 'carol'"))
        assert kept.scalar_one() is None


def test_one_who_cannot_be_asked_about_and_one_who_is_disabled_keep_nobody_waiting(
    connected: People, hub: LocalHub, environment: pytest.MonkeyPatch
) -> None:
    limit(environment, "acme")
    hub.control("leave", organisation="acme", login="bob")
    with db.transaction() as session:
        session.execute(text("UPDATE users SET github_access_token = 'sealed by nobody' WHERE username = 'alice'"))
        session.execute(text("UPDATE users SET disabled_at = now() WHERE username = 'carol'"))
        kept = session.get_one(User, connected.carol.id).github_access_token
    checked()
    assert [is_in(connected, login) for login in ("alice", "bob")] == [True, False]
    with db.transaction() as session:
        assert membership.due(session) == []
        assert session.get_one(User, connected.carol.id).github_access_token == kept, "let in again, nothing is missing"
    with pytest.raises(GitHubUnauthorized, match="disabled"):
        github_tokens.opened(connected.carol.id)
