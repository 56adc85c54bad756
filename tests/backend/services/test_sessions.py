"""A person sees where they are signed in, and can end what they do not know."""

from uuid import uuid4

import pytest
from sqlalchemy import text

from backend import db
from backend.errors import NotFound, SignedOut
from backend.github.types import Profile, Token
from backend.models import User
from backend.services import auth, sessions
from tests.conftest import People

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)


def sign_in(agent: str = PHONE) -> str:
    with db.transaction() as session:
        profile = Profile(1, "alice", "Alice", "alice@example.org", None)
        return auth.sign_in(session, profile, Token("gho_alice", None, None, ()), agent)[1]


def listed(people: People, login: str = "alice") -> list[sessions.SessionRow]:
    with db.transaction() as session:
        user = session.get_one(User, getattr(people, login).id)
        return sessions.listing(session, user, people.cookies[login])


def is_in(cookie: str) -> bool:
    try:
        with db.transaction() as session:
            auth.user_of_session(session, cookie)
    except SignedOut:
        return False
    return True


def test_this_browser_comes_first_and_each_is_said_in_words(people: People) -> None:
    sign_in()
    assert [(row.browser, row.is_this) for row in listed(people)] == [
        ("An unknown browser", True),
        ("Safari on iPhone", False),
    ]
    assert len(listed(people, "bob")) == 1


def test_a_session_that_is_ended_is_signed_out_at_its_next_event_and_is_no_longer_listed(people: People) -> None:
    phone = sign_in()
    other = listed(people)[1].id
    for _ in range(2):
        with db.transaction() as session:
            sessions.end(session, people.alice, other)
    assert (is_in(phone), is_in(people.cookies["alice"])) == (False, True)
    assert [row.is_this for row in listed(people)] == [True]


def test_all_others_end_and_this_one_stays(people: People) -> None:
    phones = [sign_in(), sign_in()]
    with db.transaction() as session:
        assert sessions.end_others(session, people.alice, people.cookies["alice"]) == 2
    with db.transaction() as session:
        assert sessions.end_others(session, people.alice, people.cookies["alice"]) == 0
    assert [is_in(phone) for phone in phones] == [False, False]
    assert is_in(people.cookies["alice"]) and is_in(people.cookies["bob"])


def test_carol_cannot_end_alices_session(people: People) -> None:
    session_id = listed(people)[0].id
    for wanted in (session_id, uuid4()):
        with pytest.raises(NotFound), db.transaction() as session:
            sessions.end(session, people.carol, wanted)
    assert is_in(people.cookies["alice"])


def test_a_session_that_has_run_out_is_not_listed(people: People) -> None:
    sign_in()
    with db.transaction() as session:
        session.execute(
            text("UPDATE sessions SET expires_at = now() - interval '1 s' WHERE user_agent LIKE '%iPhone%'")
        )
    assert len(listed(people)) == 1


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
            "Safari/537.36 Edg/126.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 "
            "Safari/605.1.15",
            "Safari on macOS",
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
            "Mobile Safari/537.36",
            "Chrome on Android",
        ),
        ("curl/8.5.0", "curl"),
        ("<script>alert(1)</script>", "An unknown browser"),
        ("", "An unknown browser"),
    ],
)
def test_a_browser_is_said_in_words(agent: str, words: str) -> None:
    assert sessions.browser_in_words(agent) == words
