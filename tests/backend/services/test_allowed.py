"""A deployment that is limited to organisations: members come in, and whoever leaves is out at the next sync."""

import pytest
from sqlalchemy import text

from backend import db
from backend.errors import Forbidden, SignedOut
from backend.github.client import GitHub
from backend.github.types import Profile, Token
from backend.services import auth, repositories
from backend.settings import get_settings
from tests.conftest import People
from tests.hub import LocalHub


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


def test_whoever_has_left_is_out_at_the_next_sync_and_members_stay(
    connected: People, environment: pytest.MonkeyPatch
) -> None:
    limit(environment, "acme")
    repositories.sync(connected.alice.id)
    with pytest.raises(Forbidden):
        repositories.sync(connected.carol.id)
    with db.transaction() as session:
        assert auth.user_of_session(session, connected.cookies["alice"])
        with pytest.raises(SignedOut):
            auth.user_of_session(session, connected.cookies["carol"])
        kept = session.execute(text("SELECT github_access_token FROM users WHERE username = 'carol'"))
        assert kept.scalar_one() is None
